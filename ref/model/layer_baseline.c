/* SPDX-License-Identifier: Apache-2.0 */
/* A decoder layer of the baseline: the same graph in binary32 throughout (N 12.2). */
#include "model/simulate.h"
#include "model/step.h"

#include "ops/attention_f32.h"

#include <string.h>

/* Imitates the quantization of an input of linear layers, x [rows][k], if the model asks for it. */
static void round_input(const struct qoq_step *step, float *x, size_t k)
{
    qoq_simulate_activations(x, step->rows, k, &step->model->simulation);
}

static enum qoq_status project(float *y, const struct qoq_step *step, const float *x,
                               const struct qoq_linear *linear)
{
    return qoq_gemm_f32(y, x, linear->f32, linear->bias, step->rows, linear->n, linear->k);
}

static void add_residual(const struct qoq_step *step)
{
    size_t count = step->rows * step->model->config.hidden;

    for (size_t i = 0; i < count; i++) {
        step->residual[i] += step->out[i];
    }
}

static float *cache_rows(const struct qoq_step *step, size_t m, size_t layer,
                         enum qoq_cache_side side)
{
    return step->cache[m]->rows[qoq_table_number(layer, side)];
}

static enum qoq_status project_qkv(const struct qoq_step *step, const struct qoq_layer *layer)
{
    const struct qoq_config *config = &step->model->config;

    QOQ_TRY(qoq_rmsnorm(step->norm, step->residual, layer->input_norm, step->rows, config->hidden,
                        config->rms_eps));
    round_input(step, step->norm, config->hidden);
    QOQ_TRY(project(step->query, step, step->norm, &layer->linear[QOQ_Q]));
    QOQ_TRY(project(step->key, step, step->norm, &layer->linear[QOQ_K]));
    return project(step->value, step, step->norm, &layer->linear[QOQ_V]);
}

/* Rotates row m and copies its K and V into the cache. */
static enum qoq_status place_row(const struct qoq_step *step, size_t layer, size_t m)
{
    const struct qoq_config *config = &step->model->config;
    size_t pairs = config->head_dim / 2, narrow = qoq_kv_channels(config),
           at = step->position[m] * narrow;
    const float *sine = step->sine + m * pairs, *cosine = step->cosine + m * pairs;
    float *query = step->query + m * qoq_query_channels(config),
          *key = cache_rows(step, m, layer, QOQ_CACHE_K) + at,
          *value = cache_rows(step, m, layer, QOQ_CACHE_V) + at;

    QOQ_TRY(qoq_rope_apply(query, query, sine, cosine, config->heads, config->head_dim));
    QOQ_TRY(qoq_rope_apply(key, step->key + m * narrow, sine, cosine, config->kv_heads,
                           config->head_dim));
    memcpy(value, step->value + m * narrow, narrow * sizeof *value);
    QOQ_TRY(qoq_simulate_cache(key, config->kv_heads, config->head_dim, &step->model->simulation));
    return qoq_simulate_cache(value, config->kv_heads, config->head_dim, &step->model->simulation);
}

static enum qoq_status place_rows(const struct qoq_step *step, size_t layer)
{
    int worst = QOQ_OK;

#pragma omp parallel for schedule(static)                                                          \
    reduction(min                                                                                  \
              : worst) if (qoq_step_spreads(step, qoq_place_work(step)))
    for (size_t m = 0; m < step->rows; m++) {
        int status = place_row(step, layer, m);
        worst = status < worst ? status : worst;
    }
    return (enum qoq_status)worst;
}

/* Rows m .. m + count - 1, of one segment. */
static enum qoq_status attend_rows(const struct qoq_step *step, size_t layer, size_t m,
                                   size_t count, float *work)
{
    const struct qoq_config *config = &step->model->config;
    size_t wide = qoq_query_channels(config);

    return qoq_attention_f32_of_rows(&(struct qoq_f32_rows){
        .out = step->mixed + m * wide,
        .work = work,
        .x = step->query + m * wide,
        .k = cache_rows(step, m, layer, QOQ_CACHE_K),
        .v = cache_rows(step, m, layer, QOQ_CACHE_V),
        .rows = count,
        .context = step->position[m] + count,
        .q_heads = config->heads,
        .kv_heads = config->kv_heads,
        .head_dim = config->head_dim,
    });
}

/* Rows that attend together from row m on: as many as share its segment and there is scratch for.
 */
static size_t rows_together(const struct qoq_step *step, size_t m)
{
    size_t count = 1;

    while (m + count < step->rows && step->cache[m + count] == step->cache[m] &&
           count < QOQ_ATTENTION_ROWS) {
        count++;
    }
    return count;
}

/* Single rows [first, first + count) of different segments, each with scratch of its own. */
static enum qoq_status attend_singly(const struct qoq_step *step, size_t layer, size_t first,
                                     size_t count)
{
    size_t work = step->model->config.heads * step->longest;
    int worst = QOQ_OK;

#pragma omp parallel for schedule(dynamic)                                                         \
    reduction(min                                                                                  \
              : worst) if (qoq_step_spreads(step, qoq_attend_work(step)))
    for (size_t i = 0; i < count; i++) {
        int status = attend_rows(step, layer, first + i, 1, step->logits_of_context + i * work);
        worst = status < worst ? status : worst;
    }
    return (enum qoq_status)worst;
}

/* Decode, where every segment is one row, spreads the rows; otherwise attention spreads its own. */
static enum qoq_status attend(const struct qoq_step *step, size_t layer)
{
    size_t count;

    for (size_t m = 0; m < step->rows; m += count) {
        if (step->rows == step->segments) {
            count = step->rows - m < QOQ_ATTENTION_ROWS ? step->rows - m : QOQ_ATTENTION_ROWS;
            QOQ_TRY(attend_singly(step, layer, m, count));
        } else {
            count = rows_together(step, m);
            QOQ_TRY(attend_rows(step, layer, m, count, step->logits_of_context));
        }
    }
    return QOQ_OK;
}

static enum qoq_status mlp_part(const struct qoq_step *step, const struct qoq_layer *layer)
{
    const struct qoq_config *config = &step->model->config;

    QOQ_TRY(qoq_rmsnorm(step->norm, step->residual, layer->post_norm, step->rows, config->hidden,
                        config->rms_eps));
    round_input(step, step->norm, config->hidden);
    QOQ_TRY(project(step->gate, step, step->norm, &layer->linear[QOQ_GATE]));
    QOQ_TRY(project(step->up, step, step->norm, &layer->linear[QOQ_UP]));
    QOQ_TRY(qoq_silu_mul(step->gated, step->gate, step->up, step->rows * config->intermediate));
    round_input(step, step->gated, config->intermediate);
    QOQ_TRY(project(step->out, step, step->gated, &layer->linear[QOQ_DOWN]));
    add_residual(step);
    return QOQ_OK;
}

enum qoq_status qoq_layer_baseline(const struct qoq_step *step, size_t layer)
{
    const struct qoq_layer *weights = &step->model->layer[layer];

    QOQ_TRY(project_qkv(step, weights));
    QOQ_TRY(place_rows(step, layer));
    QOQ_TRY(attend(step, layer));
    round_input(step, step->mixed, qoq_query_channels(&step->model->config));
    QOQ_TRY(project(step->out, step, step->mixed, &weights->linear[QOQ_O]));
    add_residual(step);
    return mlp_part(step, weights);
}
