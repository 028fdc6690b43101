/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of a layer's inputs in binary64, from the plain forward pass of model_reference.h: for
 * tests of what changes layers and statistics together.
 */
#ifndef QOQ_TESTS_LAYER_STATISTICS_H
#define QOQ_TESTS_LAYER_STATISTICS_H

#include "quantize/calibration.h"
#include "tests/model_reference.h"

static inline struct qoq_calibration make_statistics(const struct qoq_config *c, size_t tokens)
{
    size_t wide = c->heads * c->head_dim,
           channels[] = {c->hidden, wide, c->hidden, c->intermediate};
    struct qoq_calibration out = {.tokens = tokens, .samples = 1, .sample_tokens = tokens};

    for (int id = 0; id < QOQ_INPUTS; id++) {
        out.gram[id] = calloc(channels[id] * channels[id], sizeof *out.gram[id]);
        out.most[id] = calloc(channels[id], sizeof *out.most[id]);
        out.mean[id] = calloc(channels[id], sizeof *out.mean[id]);
    }
    out.query_most = calloc(wide, sizeof *out.query_most);
    out.key_most = calloc(c->kv_heads * c->head_dim, sizeof *out.key_most);
    out.sample = calloc(tokens * c->hidden, sizeof *out.sample);
    return out;
}

static inline void free_statistics(struct qoq_calibration *statistics)
{
    for (int id = 0; id < QOQ_INPUTS; id++) {
        free(statistics->gram[id]);
        free(statistics->most[id]);
        free(statistics->mean[id]);
    }
    free(statistics->query_most);
    free(statistics->key_most);
    free(statistics->sample);
}

static inline void note_most(float *most, const double *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        most[i] = fmaxf(most[i], (float)fabs(x[i]));
    }
}

static inline void note(struct qoq_calibration *out, enum qoq_input_id id, const double *x,
                        size_t count)
{
    note_most(out->most[id], x, count);
    for (size_t i = 0; i < count; i++) {
        out->mean[id][i] += fabs(x[i]);
        for (size_t j = 0; j < count; j++) {
            out->gram[id][i * count + j] += x[i] * x[j];
        }
    }
}

/* x += the feed-forward part of a layer for one token. */
static inline void note_feed_forward(struct qoq_calibration *out, double *x,
                                     const struct reference *r, size_t layer, double *work)
{
    const struct qoq_config *c = r->config;
    double *in = work, *gate = in + c->hidden, *up = gate + c->intermediate;

    normalize(in, x, r->model->layer[layer].post_norm, c->hidden, (double)c->rms_eps);
    note(out, QOQ_INPUT_MLP, in, c->hidden);
    linear(gate, in, r, layer, QOQ_GATE);
    linear(up, in, r, layer, QOQ_UP);
    for (size_t i = 0; i < c->intermediate; i++) {
        gate[i] = gate[i] / (1 + exp(-gate[i])) * up[i];
    }
    note(out, QOQ_INPUT_DOWN, gate, c->intermediate);
    linear(in, gate, r, layer, QOQ_DOWN);
    for (size_t i = 0; i < c->hidden; i++) {
        x[i] += in[i];
    }
}

/* x [tokens][hidden] through one layer; out: its statistics, from make_statistics. */
static inline void note_layer(struct qoq_calibration *out, double *x, const struct reference *r,
                              size_t layer)
{
    const struct qoq_config *c = r->config;
    size_t wide = c->heads * c->head_dim, narrow = c->kv_heads * c->head_dim, rows = r->tokens;
    double *q = malloc(wide * sizeof *q), *mixed = malloc(wide * sizeof *mixed),
           *k = malloc(rows * narrow * sizeof *k), *v = malloc(rows * narrow * sizeof *v),
           *work = malloc((c->hidden + 2 * c->intermediate) * sizeof *work);

    for (size_t t = 0; t < rows; t++) {
        double *row = x + t * c->hidden;
        normalize(work, row, r->model->layer[layer].input_norm, c->hidden, (double)c->rms_eps);
        note(out, QOQ_INPUT_ATTENTION, work, c->hidden);
        for (size_t i = 0; i < c->hidden; i++) {
            out->sample[t * c->hidden + i] = (float)work[i];
        }
        project(q, k + t * narrow, v + t * narrow, work, r, layer, t);
        note_most(out->query_most, q, wide);
        note_most(out->key_most, k + t * narrow, narrow);
        attend(mixed, q, k, v, c, t);
        note(out, QOQ_INPUT_O, mixed, wide);
        linear(work, mixed, r, layer, QOQ_O);
        for (size_t i = 0; i < c->hidden; i++) {
            row[i] += work[i];
        }
        note_feed_forward(out, row, r, layer, work);
    }
    free(q);
    free(mixed);
    free(k);
    free(v);
    free(work);
}

#endif
