/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeded random baseline models (N 13): bell-shaped weights scaled so that activations keep their
 * size from layer to layer, gains near 1, small biases. Array number j of a model uses the seed
 * gen(seed, j).
 */
#include "model/model.h"

#include "numerics/gen.h"

#include <math.h>

/* Standard deviation of the integers of qoq_bell. */
#define BELL_DEVIATION 37837.0f

struct source {
    uint64_t seed, arrays;
};

static void fill(float *x, size_t count, float mean, float deviation, struct source *source)
{
    uint64_t seed = qoq_gen(source->seed, source->arrays++);
    float scale = deviation / BELL_DEVIATION;

    for (size_t i = 0; i < count; i++) {
        float bell = (float)qoq_bell(qoq_gen(seed, i)) * scale;
        x[i] = mean + bell;
    }
}

static void fill_layer(struct qoq_layer *layer, const struct qoq_config *config,
                       struct source *source)
{
    fill(layer->input_norm, config->hidden, 1.0f, 0.1f, source);
    fill(layer->post_norm, config->hidden, 1.0f, 0.1f, source);
    if (config->qk_norm) {
        fill(layer->q_norm, config->head_dim, 1.0f, 0.1f, source);
        fill(layer->k_norm, config->head_dim, 1.0f, 0.1f, source);
    }
    for (int id = 0; id < QOQ_LINEARS; id++) {
        struct qoq_linear *linear = &layer->linear[id];
        fill(linear->f32, linear->n * linear->k, 0.0f, 1.0f / sqrtf((float)linear->k), source);
        if (linear->bias != NULL) {
            fill(linear->bias, linear->n, 0.0f, 0.1f, source);
        }
    }
}

enum qoq_status qoq_model_create_random(struct qoq_model **model, const struct qoq_config *config,
                                        uint64_t seed)
{
    struct source source = {seed, 0};

    QOQ_TRY(qoq_model_create(model, config, QOQ_FP32, 0));
    size_t hidden = config->hidden, count = config->vocab * hidden;
    fill((*model)->embed_f32, count, 0.0f, 1.0f, &source);
    if (!config->tie_embeddings) {
        fill((*model)->head_f32, count, 0.0f, 1.0f / sqrtf((float)hidden), &source);
    }
    fill((*model)->norm, hidden, 1.0f, 0.1f, &source);
    for (size_t i = 0; i < config->layers; i++) {
        fill_layer(&(*model)->layer[i], config, &source);
    }
    return QOQ_OK;
}
