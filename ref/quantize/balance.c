/* SPDX-License-Identifier: Apache-2.0 */
/* Factors that balance the largest activations and weights of input channels (Q 5.1). */
#include "model/model.h"
#include "numerics/elementary.h"
#include "ops/shape.h"
#include "quantize/factors.h"

#include <stdlib.h>
#include <string.h>

/* Input channels that a thread searches together. */
#define CHANNELS 256

/* exponent * log2(x); NaN for a zero or non-finite x, which an exponent of zero does not see. */
static double weighted_log(float x, double exponent)
{
    return exponent > 0 ? exponent * qoq_log2((double)x) : 0;
}

/* lambda [count] holds the activations. */
static void balance(float *lambda, const float *weight, size_t count, float alpha)
{
    double a = (double)alpha, b = 1 - a;

    for (size_t i = 0; i < count; i++) {
        lambda[i] = qoq_channel_factor(weighted_log(lambda[i], a) - weighted_log(weight[i], b));
    }
}

static void raise_most(float *most, const float *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float a = fabsf(w[i]);
        most[i] = a > most[i] ? a : most[i];
    }
}

/* Of channels [first, first + count) of every row. */
static void raise_columns(float *most, const struct qoq_linear *linear, size_t first, size_t count)
{
    for (size_t n = 0; n < linear->n; n++) {
        raise_most(most + first, linear->f32 + n * linear->k + first, count);
    }
}

static void raise_channels(float *most, const struct qoq_linear *linear)
{
    size_t k = linear->k;

#pragma omp parallel for schedule(static) if (linear->n * k >= QOQ_PARALLEL_MIN)
    for (size_t first = 0; first < k; first += CHANNELS) {
        raise_columns(most, linear, first, k - first < CHANNELS ? k - first : CHANNELS);
    }
}

/* most [channels] = max |w| of every channel over all readers. */
static void readers_most(float *most, const struct qoq_layer *layer, enum qoq_input_id id)
{
    struct qoq_readers readers = qoq_readers_of(id);

    memset(most, 0, qoq_readers_channels(layer, id) * sizeof *most);
    for (size_t r = 0; r < readers.count; r++) {
        raise_channels(most, &layer->linear[readers.first + r]);
    }
}

/* x [heads][head_dim]: the largest of the query heads that share a key/value head, in all of them.
 */
static void share_heads(float *x, const struct qoq_config *config)
{
    size_t width = config->head_dim, shared = config->heads / config->kv_heads * width;

    for (size_t kv = 0; kv < config->kv_heads; kv++, x += shared) {
        for (size_t i = width; i < shared; i++) {
            x[i % width] = x[i] > x[i % width] ? x[i] : x[i % width];
        }
        for (size_t i = width; i < shared; i++) {
            x[i] = x[i % width];
        }
    }
}

static void choose(float *lambda, float *weight, const struct qoq_layer *layer,
                   const struct qoq_calibration *calibration, const struct qoq_config *config,
                   enum qoq_input_id id, float alpha)
{
    size_t channels = qoq_readers_channels(layer, id);

    memcpy(lambda, calibration->most[id], channels * sizeof *lambda);
    readers_most(weight, layer, id);
    if (id == QOQ_INPUT_O) {
        share_heads(lambda, config);
        share_heads(weight, config);
    }
    balance(lambda, weight, channels, alpha);
}

enum qoq_status qoq_balance_input(struct qoq_layer *layer, struct qoq_calibration *calibration,
                                  const struct qoq_config *config, enum qoq_input_id id,
                                  float alpha)
{
    size_t channels = qoq_readers_channels(layer, id);

    if (!(alpha >= 0 && alpha <= 1)) {
        return QOQ_ERR_ARGUMENT;
    }
    float *lambda = malloc(2 * channels * sizeof *lambda);
    if (lambda == NULL) {
        return QOQ_ERR_MEMORY;
    }
    choose(lambda, lambda + channels, layer, calibration, config, id, alpha);
    enum qoq_status status = qoq_divide_input(layer, calibration, config, id, lambda);
    free(lambda);
    return status;
}
