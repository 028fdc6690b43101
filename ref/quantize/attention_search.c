/* SPDX-License-Identifier: Apache-2.0 */
/* Exponents of attention smoothing by the error that quantized keys leave: Q 4.2. */
#include "quantize/attention_factors.h"

#include "model/model.h"
#include "quantize/transform.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 20
#define CANDIDATES (1 + 2 * (STEPS - 1))

/* The layer with queries times lambda and keys divided by it. */
struct candidate {
    const struct qoq_layer *from;
    const struct qoq_config *config;
    struct qoq_layer layer;
    float *lambda;      /* [kv channels] */
    float *key, *query; /* maxima, [kv channels] */
    float *memory;      /* all of the above, then weights, biases and gains of q and k */
};

/* *array, if there is one, becomes the next `count` floats of memory. Returns what follows. */
static float *cut(float **array, float *memory, size_t count)
{
    if (*array == NULL) {
        return memory;
    }
    *array = memory;
    return memory + count;
}

static float *cut_linear(struct qoq_linear *linear, float *memory)
{
    memory = cut(&linear->f32, memory, linear->n * linear->k);
    return cut(&linear->bias, memory, linear->n);
}

static enum qoq_status create_candidate(struct candidate *c, const struct qoq_layer *layer,
                                        const struct qoq_config *config)
{
    size_t channels = qoq_kv_channels(config), head_dim = config->head_dim,
           rows = qoq_size_add(qoq_query_channels(config), channels);
    size_t count = qoq_size_add(qoq_size_mul(rows, qoq_size_add(config->hidden, 1)),
                                3 * channels + 2 * head_dim);

    *c = (struct candidate){.from = layer, .config = config, .layer = *layer};
    c->memory = malloc(qoq_size_mul(count, sizeof *c->memory));
    if (c->memory == NULL) {
        return QOQ_ERR_MEMORY;
    }
    c->lambda = c->memory;
    c->key = c->lambda + channels;
    c->query = c->key + channels;
    float *left = cut_linear(&c->layer.linear[QOQ_Q], c->query + channels);
    left = cut_linear(&c->layer.linear[QOQ_K], left);
    left = cut(&c->layer.q_norm, left, head_dim);
    (void)cut(&c->layer.k_norm, left, head_dim);
    return QOQ_OK;
}

static void copy(float *to, const float *from, size_t count)
{
    if (from != NULL) {
        memcpy(to, from, count * sizeof *to);
    }
}

/* The layer as it was, then smoothed. */
static void smooth(struct candidate *c)
{
    for (int id = QOQ_Q; id <= QOQ_K; id++) {
        const struct qoq_linear *from = &c->from->linear[id];
        copy(c->layer.linear[id].f32, from->f32, from->n * from->k);
        copy(c->layer.linear[id].bias, from->bias, from->n);
    }
    copy(c->layer.q_norm, c->from->q_norm, c->config->head_dim);
    copy(c->layer.k_norm, c->from->k_norm, c->config->head_dim);
    qoq_smooth_attention(&c->layer, NULL, c->config, c->lambda);
}

/* Candidate i of Q 4.2: factors of 1; then key^u; then key^u / query^(1 - u). */
static void make_lambda(struct candidate *c, size_t i)
{
    size_t channels = qoq_kv_channels(c->config), step = i < STEPS ? i : i - (STEPS - 1);
    double u = (double)step / STEPS, rest = (double)(STEPS - step) / STEPS;

    qoq_attention_powers(c->lambda, c->key, c->query, channels, u, i < STEPS ? 0.0 : rest);
}

static enum qoq_status search(float *lambda, struct candidate *c, struct qoq_probe *probe,
                              unsigned kv_bits, const struct qoq_progress *progress)
{
    double least = INFINITY, error;
    size_t best = 0;

    qoq_report(progress, 0, CANDIDATES);
    for (size_t i = 0; i < CANDIDATES; i++) {
        make_lambda(c, i);
        smooth(c);
        QOQ_TRY(qoq_probe_layer_error(&error, probe, &c->layer, kv_bits));
        if (error <= least) {
            least = error;
            best = i;
        }
        qoq_report(progress, i + 1, CANDIDATES);
    }
    make_lambda(c, best);
    memcpy(lambda, c->lambda, qoq_kv_channels(c->config) * sizeof *lambda);
    return QOQ_OK;
}

enum qoq_status qoq_attention_search(float *lambda, const struct qoq_calibration *calibration,
                                     const struct qoq_layer *layer, const struct qoq_config *config,
                                     unsigned kv_bits, const struct qoq_progress *progress)
{
    struct candidate candidate;
    struct qoq_probe *probe;

    if (lambda == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    QOQ_TRY(qoq_probe_create(&probe, layer, config, calibration));
    enum qoq_status status = create_candidate(&candidate, layer, config);
    if (status == QOQ_OK) {
        qoq_attention_maxima(candidate.key, candidate.query, calibration, config);
        status = search(lambda, &candidate, probe, kv_bits, progress);
        free(candidate.memory);
    }
    qoq_probe_free(probe);
    return status;
}
