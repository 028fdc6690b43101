/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step of a session: check, make room, embed, run the layers, produce logits, and only then count
 * the tokens (N 12). Nothing a failed step wrote is ever read: it lies beyond the lengths of its
 * sequences.
 */
#include "model/step.h"

#include "numerics/half.h"

#include <stdlib.h>
#include <string.h>

static enum qoq_status check_tokens(const struct qoq_segment *segment, size_t vocab)
{
    if (segment->token == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    for (size_t i = 0; i < segment->count; i++) {
        if (segment->token[i] < 0 || (size_t)segment->token[i] >= vocab) {
            return QOQ_ERR_RANGE;
        }
    }
    return QOQ_OK;
}

static enum qoq_status check_segment(const struct qoq_session *session,
                                     const struct qoq_segment *segment)
{
    if (segment->sequence >= session->sequences || segment->count == 0 ||
        segment->count > session->max_tokens - session->cache[segment->sequence].length) {
        return QOQ_ERR_SHAPE;
    }
    return check_tokens(segment, session->model->config.vocab);
}

static enum qoq_status check_segments(const struct qoq_session *session,
                                      const struct qoq_segment *segment, size_t segments)
{
    if (session == NULL || segment == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    if (segments == 0 || segments > session->sequences) {
        return QOQ_ERR_SHAPE;
    }
    for (size_t i = 0; i < segments; i++) {
        QOQ_TRY(check_segment(session, &segment[i]));
        for (size_t j = 0; j < i; j++) {
            if (segment[j].sequence == segment[i].sequence) {
                return QOQ_ERR_SHAPE;
            }
        }
    }
    return QOQ_OK;
}

static enum qoq_status reserve_all(struct qoq_session *session, const struct qoq_segment *segment,
                                   size_t segments)
{
    for (size_t i = 0; i < segments; i++) {
        struct qoq_cache *cache = &session->cache[segment[i].sequence];
        QOQ_TRY(qoq_cache_reserve(cache, session, cache->length + segment[i].count));
    }
    return QOQ_OK;
}

static struct qoq_step describe(const struct qoq_session *session,
                                const struct qoq_segment *segment, size_t segments)
{
    struct qoq_step step = {
        .session = session, .model = session->model, .segment = segment, .segments = segments};

    for (size_t i = 0; i < segments; i++) {
        size_t context = session->cache[segment[i].sequence].length + segment[i].count;
        step.rows += segment[i].count;
        step.longest = context > step.longest ? context : step.longest;
    }
    return step;
}

static void embed(const struct qoq_step *step)
{
    const struct qoq_model *model = step->model;
    size_t hidden = model->config.hidden;

    for (size_t m = 0; m < step->rows; m++) {
        size_t from = (size_t)step->token[m] * hidden;
        float *row = step->residual + m * hidden;
        if (model->precision == QOQ_FP32) {
            memcpy(row, model->embed_f32 + from, hidden * sizeof *row);
            continue;
        }
        for (size_t i = 0; i < hidden; i++) {
            row[i] = qoq_half_to_float(model->embed[from + i]);
        }
    }
}

enum qoq_status qoq_step_norm_heads(float *query, float *key, const struct qoq_step *step,
                                    size_t layer)
{
    const struct qoq_config *config = &step->model->config;
    const struct qoq_layer *weights = &step->model->layer[layer];

    if (!config->qk_norm) {
        return QOQ_OK;
    }
    QOQ_TRY(qoq_rmsnorm(query, query, weights->q_norm, config->heads, config->head_dim,
                        config->rms_eps));
    return qoq_rmsnorm(key, key, weights->k_norm, config->kv_heads, config->head_dim,
                       config->rms_eps);
}

static enum qoq_status run_layers(const struct qoq_step *step)
{
    int baseline = step->model->precision == QOQ_FP32;

    for (size_t i = 0; i < step->model->config.layers; i++) {
        QOQ_TRY(baseline ? qoq_layer_baseline(step, i) : qoq_layer_quantized(step, i));
    }
    return QOQ_OK;
}

/* Copies the last row of each segment together. */
static void gather_last(const struct qoq_step *step)
{
    size_t hidden = step->model->config.hidden, end = 0;

    for (size_t i = 0; i < step->segments; i++) {
        end += step->segment[i].count;
        memcpy(step->last + i * hidden, step->residual + (end - 1) * hidden,
               hidden * sizeof *step->last);
    }
}

/* Final norm and head of the rows asked for (N 12.1). */
static enum qoq_status make_logits(const struct qoq_step *step, float *logits, int all)
{
    const struct qoq_model *model = step->model;
    const struct qoq_config *config = &model->config;
    float *x = all ? step->residual : step->last;
    size_t rows = all ? step->rows : step->segments;

    if (!all) {
        gather_last(step);
    }
    QOQ_TRY(qoq_rmsnorm(x, x, model->norm, rows, config->hidden, config->rms_eps));
    if (model->precision == QOQ_FP32) {
        return qoq_gemm_f32(logits, x, model->head_f32, NULL, rows, config->vocab, config->hidden);
    }
    return qoq_gemm_f16(logits, x, model->head, rows, config->vocab, config->hidden);
}

static enum qoq_status run(struct qoq_step *step, float *logits, int all)
{
    QOQ_TRY(qoq_step_begin(step));
    embed(step);
    QOQ_TRY(run_layers(step));
    return logits != NULL ? make_logits(step, logits, all) : QOQ_OK;
}

enum qoq_status qoq_session_step(struct qoq_session *session, float *logits,
                                 const struct qoq_segment *segment, size_t segments, int all)
{
    QOQ_TRY(check_segments(session, segment, segments));
    enum qoq_status status = reserve_all(session, segment, segments);
    if (status == QOQ_OK) {
        struct qoq_step step = describe(session, segment, segments);
        status = run(&step, logits, all);
        qoq_step_end(&step);
    }
    for (size_t i = 0; i < segments; i++) {
        struct qoq_cache *cache = &session->cache[segment[i].sequence];
        cache->length += status == QOQ_OK ? segment[i].count : 0;
        qoq_cache_trim(cache, session);
    }
    return status;
}
