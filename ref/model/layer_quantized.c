/* SPDX-License-Identifier: Apache-2.0 */
/* A decoder layer with quantized weights, activations and cache (N 12.1). */
#include "model/step.h"

#include "numerics/half.h"
#include "ops/attention.h"

/* The step's activation buffer for inputs of k channels. */
static struct qoq_act act_of(const struct qoq_step *step, size_t k)
{
    struct qoq_act act = step->act;

    act.m = step->rows;
    act.k = k;
    return act;
}

static enum qoq_status project(qoq_half *y, const struct qoq_act *x,
                               const struct qoq_linear *linear)
{
    return qoq_gemm(y, x, &linear->w, linear->bias);
}

static void widen(float *y, const qoq_half *x, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        y[i] = qoq_half_to_float(x[i]);
    }
}

static enum qoq_status project_qkv(const struct qoq_step *step, const struct qoq_layer *layer)
{
    const struct qoq_config *config = &step->model->config;
    struct qoq_act act = act_of(step, config->hidden);

    QOQ_TRY(qoq_rmsnorm_quantize(&act, step->residual, layer->input_norm, config->rms_eps));
    QOQ_TRY(project(step->query16, &act, &layer->linear[QOQ_Q]));
    QOQ_TRY(project(step->key16, &act, &layer->linear[QOQ_K]));
    return project(step->value16, &act, &layer->linear[QOQ_V]);
}

/* Rotates row m and writes its K and V into their slot. */
static enum qoq_status place_row(const struct qoq_step *step, size_t layer, size_t m)
{
    const struct qoq_config *config = &step->model->config;
    const struct qoq_session *session = step->session;
    size_t pairs = config->head_dim / 2, wide = qoq_query_channels(config),
           narrow = qoq_kv_channels(config);
    const float *sine = step->sine + m * pairs, *cosine = step->cosine + m * pairs;
    float *query = step->query + m * wide, *key = step->key + m * narrow,
          *value = step->value + m * narrow;
    size_t page = step->position[m] / session->page_tokens,
           slot = step->position[m] % session->page_tokens;

    widen(query, step->query16 + m * wide, wide);
    widen(key, step->key16 + m * narrow, narrow);
    widen(value, step->value16 + m * narrow, narrow);
    QOQ_TRY(qoq_rope_apply(query, query, sine, cosine, config->heads, config->head_dim));
    QOQ_TRY(qoq_rope_apply(key, key, sine, cosine, config->kv_heads, config->head_dim));
    QOQ_TRY(qoq_kv_write(qoq_cache_pages(step->cache[m], session, layer, QOQ_CACHE_K)[page], key,
                         &session->layout, slot));
    return qoq_kv_write(qoq_cache_pages(step->cache[m], session, layer, QOQ_CACHE_V)[page], value,
                        &session->layout, slot);
}

/* The rows of one segment, consecutive tokens of its sequence, from row m on. */
static enum qoq_status attend_segment(const struct qoq_step *step, size_t layer, size_t m,
                                      size_t count)
{
    const struct qoq_config *config = &step->model->config;
    size_t wide = qoq_query_channels(config);
    struct qoq_kv_sequence sequence = {
        (const uint8_t *const *)qoq_cache_pages(step->cache[m], step->session, layer, QOQ_CACHE_K),
        (const uint8_t *const *)qoq_cache_pages(step->cache[m], step->session, layer, QOQ_CACHE_V)};

    return qoq_attention_of_rows(&(struct qoq_attention_rows){
        .out = step->mixed16 + m * wide,
        .x = step->query + m * wide,
        .sequence = &sequence,
        .layout = &step->session->layout,
        .rows = count,
        .context = step->position[m] + count,
        .q_heads = config->heads,
    });
}

/* All rows write before any reads, so a row sees the tokens of its own step that precede it. */
static enum qoq_status attend(const struct qoq_step *step, size_t layer)
{
    int worst = QOQ_OK;

#pragma omp parallel for schedule(static)                                                          \
    reduction(min                                                                                  \
              : worst) if (qoq_step_spreads(step, qoq_place_work(step)))
    for (size_t m = 0; m < step->rows; m++) {
        int status = place_row(step, layer, m);
        worst = status < worst ? status : worst;
    }
    if (worst != QOQ_OK) {
        return (enum qoq_status)worst;
    }
#pragma omp parallel for schedule(dynamic) reduction(min                                           \
                                                     : worst) if (qoq_step_spreads_segments(step))
    for (size_t i = 0; i < step->segments; i++) {
        int status = attend_segment(step, layer, step->first[i], step->segment[i].count);
        worst = status < worst ? status : worst;
    }
    return (enum qoq_status)worst;
}

/* residual += o(attention(norm(residual))). */
static enum qoq_status attention_part(const struct qoq_step *step, size_t layer)
{
    const struct qoq_layer *weights = &step->model->layer[layer];
    const struct qoq_config *config = &step->model->config;
    struct qoq_act act = act_of(step, qoq_query_channels(config));

    QOQ_TRY(project_qkv(step, weights));
    QOQ_TRY(attend(step, layer));
    QOQ_TRY(qoq_act_quantize(&act, step->mixed16));
    QOQ_TRY(project(step->out16, &act, &weights->linear[QOQ_O]));
    return qoq_residual_add(step->residual, step->out16, step->rows * config->hidden);
}

/* residual += down(silu(gate(norm(residual))) * up(norm(residual))). */
static enum qoq_status mlp_part(const struct qoq_step *step, size_t layer)
{
    const struct qoq_layer *weights = &step->model->layer[layer];
    const struct qoq_config *config = &step->model->config;
    struct qoq_act narrow = act_of(step, config->hidden), wide = act_of(step, config->intermediate);

    QOQ_TRY(qoq_rmsnorm_quantize(&narrow, step->residual, weights->post_norm, config->rms_eps));
    QOQ_TRY(project(step->gate16, &narrow, &weights->linear[QOQ_GATE]));
    QOQ_TRY(project(step->up16, &narrow, &weights->linear[QOQ_UP]));
    QOQ_TRY(qoq_silu_mul_quantize(&wide, step->gate16, step->up16));
    QOQ_TRY(project(step->out16, &wide, &weights->linear[QOQ_DOWN]));
    return qoq_residual_add(step->residual, step->out16, step->rows * config->hidden);
}

enum qoq_status qoq_layer_quantized(const struct qoq_step *step, size_t layer)
{
    QOQ_TRY(attention_part(step, layer));
    return mlp_part(step, layer);
}
