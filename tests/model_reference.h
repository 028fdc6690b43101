/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Llama forward pass in binary64 that shares no code with ref/: plain loops, libm, positions of
 * one sequence at once. With `fake` set it rounds where the quantized graph rounds: activations,
 * outputs of products, cache.
 */
#ifndef QOQ_TESTS_MODEL_REFERENCE_H
#define QOQ_TESTS_MODEL_REFERENCE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "qoq_model.h"

struct reference {
    const struct qoq_config *config;
    const struct qoq_model *model; /* baseline: embedding, norms, biases */
    float **weight;                /* [layers * QOQ_LINEARS], [n][k] */
    unsigned fake;                 /* bits of the cache, or 0: no rounding at all */
    size_t tokens;
};

/* x to the nearest binary16 of the normal range. */
static inline double to_half(double x)
{
    int e;

    if (x == 0) {
        return x;
    }
    frexp(x, &e);
    double unit = ldexp(1, (e < -13 ? -13 : e) - 11);
    return nearbyint(x / unit) * unit;
}

static inline void fake_activation(double *x, size_t count)
{
    double most = 0x1p-100;

    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fabs(x[i]));
    }
    for (size_t i = 0; i < count; i++) {
        x[i] = nearbyint(x[i] * 127 / most) * (most / 127);
    }
}

static inline void fake_cache(double *v, size_t count, unsigned bits)
{
    double lo = v[0], hi = v[0], top = bits == 8 ? 255 : 15;

    for (size_t i = 0; i < count; i++) {
        lo = fmin(lo, v[i]);
        hi = fmax(hi, v[i]);
    }
    double zero = to_half(lo), scale = to_half(fmax(hi - zero, 0) / top);
    for (size_t i = 0; i < count; i++) {
        double code = scale > 0 ? nearbyint((v[i] - zero) / scale) : 0;
        v[i] = zero + scale * fmin(fmax(code, 0), top);
    }
}

static inline void linear(double *y, const double *x, const struct reference *r, size_t layer,
                          enum qoq_linear_id id)
{
    const struct qoq_linear *l = &r->model->layer[layer].linear[id];
    const float *w = r->weight[layer * QOQ_LINEARS + id];

    for (size_t n = 0; n < l->n; n++) {
        double sum = l->bias != NULL ? (double)l->bias[n] : 0;
        for (size_t k = 0; k < l->k; k++) {
            sum += x[k] * (double)w[n * l->k + k];
        }
        y[n] = r->fake ? to_half(sum) : sum;
    }
}

static inline void normalize(double *y, const double *x, const float *gain, size_t count,
                             double eps)
{
    double squares = 0;

    for (size_t i = 0; i < count; i++) {
        squares += x[i] * x[i];
    }
    for (size_t i = 0; i < count; i++) {
        y[i] = x[i] / sqrt(squares / (double)count + eps) * (double)gain[i];
    }
}

static inline double frequency(const struct qoq_config *c, size_t j)
{
    const struct qoq_rope *rope = &c->rope;
    double f = pow(rope->theta, -2.0 * (double)j / (double)c->head_dim), wave = 2 * acos(-1) / f;

    if (rope->kind == QOQ_ROPE_LINEAR) {
        return f / rope->factor;
    }
    if (rope->kind == QOQ_ROPE_PLAIN || wave < rope->original_positions / rope->high_freq) {
        return f;
    }
    if (wave > rope->original_positions / rope->low_freq) {
        return f / rope->factor;
    }
    double smooth =
        (rope->original_positions / wave - rope->low_freq) / (rope->high_freq - rope->low_freq);
    return (1 - smooth) * f / rope->factor + smooth * f;
}

static inline void rotate(double *x, const struct qoq_config *c, size_t heads, size_t position)
{
    size_t half = c->head_dim / 2;

    for (size_t h = 0; h < heads; h++) {
        for (size_t j = 0; j < half; j++) {
            double angle = (double)position * frequency(c, j);
            double *a = x + h * c->head_dim + j, *b = a + half, first = *a;
            *a = first * cos(angle) - *b * sin(angle);
            *b = *b * cos(angle) + first * sin(angle);
        }
    }
}

/* Attention of position t over k, v [..t][kv_heads][head_dim]. */
static inline void attend(double *out, const double *q, const double *k, const double *v,
                          const struct qoq_config *c, size_t t)
{
    size_t width = c->kv_heads * c->head_dim;
    double *p = malloc((t + 1) * sizeof *p);

    for (size_t h = 0; h < c->heads; h++) {
        size_t kv = h / (c->heads / c->kv_heads) * c->head_dim;
        double most = -HUGE_VAL, sum = 0;
        for (size_t s = 0; s <= t; s++) {
            p[s] = 0;
            for (size_t d = 0; d < c->head_dim; d++) {
                p[s] += q[h * c->head_dim + d] * k[s * width + kv + d] / sqrt((double)c->head_dim);
            }
            most = fmax(most, p[s]);
        }
        memset(out + h * c->head_dim, 0, c->head_dim * sizeof *out);
        for (size_t s = 0; s <= t; s++) {
            p[s] = exp(p[s] - most);
            sum += p[s];
        }
        for (size_t s = 0; s <= t; s++) {
            for (size_t d = 0; d < c->head_dim; d++) {
                out[h * c->head_dim + d] += p[s] / sum * v[s * width + kv + d];
            }
        }
    }
    free(p);
}

static inline void quantize_input(double *x, size_t count, const struct reference *r)
{
    if (r->fake) {
        fake_activation(x, count);
    }
}

static inline void normalize_heads(double *x, const float *gain, const struct qoq_config *c,
                                   size_t heads)
{
    for (size_t h = 0; c->qk_norm && h < heads; h++) {
        normalize(x + h * c->head_dim, x + h * c->head_dim, gain, c->head_dim, (double)c->rms_eps);
    }
}

/* Projections of one token, rotated and through the cache's rounding. */
static inline void project(double *q, double *k, double *v, double *x, const struct reference *r,
                           size_t layer, size_t t)
{
    const struct qoq_config *c = r->config;

    quantize_input(x, c->hidden, r);
    linear(q, x, r, layer, QOQ_Q);
    linear(k, x, r, layer, QOQ_K);
    linear(v, x, r, layer, QOQ_V);
    normalize_heads(q, r->model->layer[layer].q_norm, c, c->heads);
    normalize_heads(k, r->model->layer[layer].k_norm, c, c->kv_heads);
    rotate(q, c, c->heads, t);
    rotate(k, c, c->kv_heads, t);
    for (size_t h = 0; r->fake && h < c->kv_heads; h++) {
        fake_cache(k + h * c->head_dim, c->head_dim, r->fake);
        fake_cache(v + h * c->head_dim, c->head_dim, r->fake);
    }
}

/* x += the feed-forward part of a layer for one token. */
static inline void feed_forward(double *x, const struct reference *r, size_t layer, double *work)
{
    const struct qoq_config *c = r->config;
    double *in = work, *gate = in + c->hidden, *up = gate + c->intermediate,
           *out = up + c->intermediate;

    normalize(in, x, r->model->layer[layer].post_norm, c->hidden, (double)c->rms_eps);
    quantize_input(in, c->hidden, r);
    linear(gate, in, r, layer, QOQ_GATE);
    linear(up, in, r, layer, QOQ_UP);
    for (size_t i = 0; i < c->intermediate; i++) {
        gate[i] = gate[i] / (1 + exp(-gate[i])) * up[i];
    }
    quantize_input(gate, c->intermediate, r);
    linear(out, gate, r, layer, QOQ_DOWN);
    for (size_t i = 0; i < c->hidden; i++) {
        x[i] += out[i];
    }
}

/* x [tokens][hidden] through one layer. */
static inline void reference_layer(double *x, const struct reference *r, size_t layer)
{
    const struct qoq_config *c = r->config;
    size_t wide = c->heads * c->head_dim, narrow = c->kv_heads * c->head_dim;
    double *q = malloc(wide * sizeof *q), *k = malloc(r->tokens * narrow * sizeof *k),
           *v = malloc(r->tokens * narrow * sizeof *v);
    double *mixed = malloc(wide * sizeof *mixed),
           *work = malloc((2 * c->hidden + 2 * c->intermediate) * sizeof *work);

    for (size_t t = 0; t < r->tokens; t++) {
        double *row = x + t * c->hidden;
        normalize(work, row, r->model->layer[layer].input_norm, c->hidden, (double)c->rms_eps);
        project(q, k + t * narrow, v + t * narrow, work, r, layer, t);
        attend(mixed, q, k, v, c, t);
        for (size_t i = 0; r->fake && i < wide; i++) {
            mixed[i] = to_half(mixed[i]);
        }
        quantize_input(mixed, wide, r);
        linear(work, mixed, r, layer, QOQ_O);
        for (size_t i = 0; i < c->hidden; i++) {
            row[i] += work[i];
        }
        feed_forward(row, r, layer, work);
    }
    free(q);
    free(k);
    free(v);
    free(mixed);
    free(work);
}

static inline double stored(float x, const struct reference *r)
{
    return r->fake ? to_half((double)x) : (double)x;
}

/* Logits [tokens][vocab] of a sequence; malloced. */
static inline double *reference_logits(const struct reference *r, const int32_t *token)
{
    const struct qoq_config *c = r->config;
    double *x = malloc(r->tokens * c->hidden * sizeof *x),
           *logits = calloc(r->tokens * c->vocab, sizeof *logits);
    double *norm = malloc(c->hidden * sizeof *norm);

    for (size_t i = 0; i < r->tokens * c->hidden; i++) {
        x[i] = stored(r->model->embed_f32[(size_t)token[i / c->hidden] * c->hidden + i % c->hidden],
                      r);
    }
    for (size_t layer = 0; layer < c->layers; layer++) {
        reference_layer(x, r, layer);
    }
    for (size_t t = 0; t < r->tokens; t++) {
        normalize(norm, x + t * c->hidden, r->model->norm, c->hidden, (double)c->rms_eps);
        for (size_t i = 0; i < c->vocab * c->hidden; i++) {
            logits[t * c->vocab + i / c->hidden] +=
                norm[i % c->hidden] * stored(r->model->head_f32[i], r);
        }
    }
    free(x);
    free(norm);
    return logits;
}

#endif
