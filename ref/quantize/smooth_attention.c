/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SmoothAttention (Q 4.3): keys divided, queries multiplied. The factors are equal for the two
 * channels of a rotary pair, so they pass through the rotation.
 */
#include "model/model.h"
#include "quantize/factors.h"

/* The channel of a key that channel i of the queries meets. */
static size_t key_channel(size_t i, const struct qoq_config *config)
{
    size_t width = config->head_dim, shared = config->heads / config->kv_heads * width;

    return i / shared * width + i % width;
}

static void scale_query(struct qoq_linear *query, const struct qoq_config *config,
                        const float *lambda)
{
    for (size_t n = 0; n < query->n; n++) {
        float factor = lambda[key_channel(n, config)];
        for (size_t i = 0; i < query->k; i++) {
            query->f32[n * query->k + i] *= factor;
        }
        if (query->bias != NULL) {
            query->bias[n] *= factor;
        }
    }
}

/* Gains of the head norms, which stand between the rows and the rotation: all heads share the
 * factors. */
static void scale_gains(struct qoq_layer *layer, const struct qoq_config *config,
                        const float *lambda)
{
    for (size_t i = 0; i < config->head_dim; i++) {
        layer->q_norm[i] *= lambda[i];
        layer->k_norm[i] /= lambda[i];
    }
}

static void scale_statistics(struct qoq_calibration *calibration, const struct qoq_config *config,
                             const float *lambda)
{
    for (size_t i = 0; i < qoq_query_channels(config); i++) {
        calibration->query_most[i] *= lambda[key_channel(i, config)];
    }
    for (size_t i = 0; i < qoq_kv_channels(config); i++) {
        calibration->key_most[i] /= lambda[i];
    }
}

void qoq_smooth_attention(struct qoq_layer *layer, struct qoq_calibration *calibration,
                          const struct qoq_config *config, const float *lambda)
{
    if (layer->k_norm != NULL) {
        scale_gains(layer, config, lambda);
    } else {
        scale_query(&layer->linear[QOQ_Q], config, lambda);
        qoq_divide_rows(&layer->linear[QOQ_K], lambda);
    }
    if (calibration != NULL) {
        scale_statistics(calibration, config, lambda);
    }
}
