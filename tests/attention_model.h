/* SPDX-License-Identifier: Apache-2.0 */
/*
 * N 11 a second time, for the tests: integer sums in 64 bits and in shuffled order, binary32
 * operations by way of binary64 (whose 53 bits make the second rounding harmless), the merge order
 * level by level over an array, and pages read by the formulas of N 7.1.
 */
#ifndef QOQ_TESTS_ATTENTION_MODEL_H
#define QOQ_TESTS_ATTENTION_MODEL_H

#include "kv_cache.h"
#include "numerics/elementary.h"
#include "numerics/reduce.h"

#define MODEL_DIM 256

/* Largest magnitudes that the integer sums reached. */
struct model_extremes {
    int64_t logit, value, sum;
};

struct model_query {
    int64_t q[MODEL_DIM], sum;
    float scale;
};

static inline float model_largest(float a, float b)
{
    return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
}

/* rc of N 2.2. */
static inline int64_t model_round(float x, int64_t lo, int64_t hi)
{
    double y = isnan(x) ? 0.0 : nearbyint((double)x);

    return y < (double)lo ? lo : y > (double)hi ? hi : (int64_t)y;
}

static inline float model_divide(float a, float b)
{
    return (float)((double)a / (double)b);
}

static inline float model_multiply(float a, float b)
{
    return (float)((double)a * (double)b);
}

static inline struct model_query model_query(const float *x, size_t head_dim)
{
    struct model_query query = {.sum = 0};
    float a = 0x1p-100f;

    for (size_t d = 0; d < head_dim; d++)
        a = model_largest(a, fabsf(x[d]));
    query.scale = model_divide(a, 32767.0f);
    for (size_t d = 0; d < head_dim; d++) {
        query.q[d] = model_round(model_multiply(x[d], model_divide(32767.0f, a)), -32767, 32767);
        query.sum += query.q[d];
    }
    return query;
}

static inline unsigned model_code(const uint8_t *page, const struct qoq_kv_layout *l, size_t h,
                                  size_t t, size_t d)
{
    size_t vector = h * l->page_tokens + t;

    if (l->bits == 8)
        return page[vector * l->head_dim + d];
    return page[vector * (l->head_dim / 2) + (d >> 1)] >> 4 * (d & 1) & 15u;
}

static inline int model_center(const struct qoq_kv_layout *l)
{
    return l->bits == 8 ? 128 : 8;
}

/* which = 0: the scale, 1: the zero. */
static inline float model_factor(const uint8_t *page, const struct qoq_kv_layout *l, size_t h,
                                 size_t t, size_t which)
{
    size_t slots = l->page_tokens * l->heads;
    size_t at =
        slots * l->head_dim * l->bits / 8 + 2 * which * slots + 2 * (h * l->page_tokens + t);

    return qoq_half_to_float((qoq_half)(page[at] + 256 * page[at + 1]));
}

static inline void model_watch(int64_t *extreme, int64_t value)
{
    int64_t a = value < 0 ? -value : value;

    *extreme = a > *extreme ? a : *extreme;
}

static inline float model_logit(const struct model_query *query, const struct kv_cache *c, size_t h,
                                size_t t, const size_t *order, struct model_extremes *seen)
{
    const struct qoq_kv_layout *l = &c->layout;
    const uint8_t *page = c->k[t / l->page_tokens];
    float root = model_divide(1.0f, sqrtf((float)l->head_dim)), offset;
    int64_t sum = 0;

    t %= l->page_tokens;
    for (size_t i = 0; i < l->head_dim; i++) {
        sum += query->q[order[i]] * model_code(page, l, h, t, order[i]);
        model_watch(&seen->logit, sum);
    }
    offset = model_multiply(model_factor(page, l, h, t, 1), (float)query->sum);
    return model_multiply(model_multiply(query->scale, model_multiply(root, 0x1.715476p+0f)),
                          fmaf(model_factor(page, l, h, t, 0), (float)sum, offset));
}

/* The part of O that comes from the zeros, and the integer weights of the codes with their unit. */
struct model_weights {
    int64_t w[QOQ_SPLIT_TOKENS];
    float unit, common;
};

static inline struct model_weights model_weights(const float *p, const struct kv_cache *c, size_t h,
                                                 size_t first, size_t count, const size_t *order,
                                                 struct model_extremes *seen)
{
    float w[QOQ_SPLIT_TOKENS], y[QOQ_SPLIT_TOKENS], a = 0x1p-100f, b = 0x1p-100f;
    size_t pt = c->layout.page_tokens;
    struct model_weights out;
    int64_t sum = 0;

    for (size_t t = 0; t < count; t++) {
        const uint8_t *page = c->v[(first + t) / pt];

        float scale = model_factor(page, &c->layout, h, (first + t) % pt, 0);

        w[t] = model_multiply(p[t], scale);
        y[t] =
            model_multiply(p[t], (float)((double)scale * model_center(&c->layout) +
                                         model_factor(page, &c->layout, h, (first + t) % pt, 1)));
        a = model_largest(a, w[t]);
        b = model_largest(b, fabsf(y[t]));
    }
    for (size_t i = 0; i < count; i++) {
        size_t t = order[i];

        out.w[t] = model_round(model_multiply(w[t], model_divide(32767.0f, a)), 0, 32767);
        sum += model_round(model_multiply(y[t], model_divide(0x1p22f, b)), -(1 << 22), 1 << 22);
        model_watch(&seen->sum, sum);
    }
    out.unit = model_divide(a, 32767.0f);
    out.common = model_multiply((float)sum, model_multiply(b, 0x1p-22f));
    return out;
}

/* One split of query head vector x, reading key/value head h. */
static inline struct qoq_attention_partial model_split(const float *x, const struct kv_cache *c,
                                                       size_t h, size_t first, size_t count,
                                                       struct test_random *r,
                                                       struct model_extremes *seen)
{
    struct model_query query = model_query(x, c->layout.head_dim);
    float l[QOQ_SPLIT_TOKENS], p[QOQ_SPLIT_TOKENS];
    size_t dims[MODEL_DIM], tokens[QOQ_SPLIT_TOKENS], pt = c->layout.page_tokens;
    struct qoq_attention_partial out = {.max = -INFINITY};
    struct model_weights weights;
    int64_t sum = 0;

    shuffle(dims, c->layout.head_dim, r);
    shuffle(tokens, count, r);
    for (size_t t = 0; t < count; t++) {
        l[t] = model_logit(&query, c, h, first + t, dims, seen);
        out.max = model_largest(out.max, l[t]);
    }
    out.max = ceilf(out.max) + 0.0f;
    for (size_t i = 0; i < count; i++) {
        size_t t = tokens[i];

        p[t] = qoq_exp2((float)((double)l[t] - (double)out.max));
        sum += model_round(model_multiply(p[t], 0x1p22f), 0, 1 << 22);
        model_watch(&seen->sum, sum);
    }
    out.sum = model_multiply((float)sum, 0x1p-22f);
    weights = model_weights(p, c, h, first, count, tokens, seen);
    for (size_t d = 0; d < c->layout.head_dim; d++) {
        int64_t acc = 0;

        for (size_t i = 0; i < count; i++) {
            size_t t = tokens[i];

            acc += weights.w[t] * ((int64_t)model_code(c->v[(first + t) / pt], &c->layout, h,
                                                       (first + t) % pt, d) -
                                   model_center(&c->layout));
            model_watch(&seen->value, acc);
        }
        out.out[d] = fmaf((float)acc, weights.unit, weights.common);
    }
    return out;
}

/* 2^(a - b) for integers a <= b, exactly or 0. */
static inline float model_power(float a, float b)
{
    double n = (double)a - (double)b;

    return n < -149.0 ? 0.0f : (float)ldexp(1.0, (int)n);
}

/* N 11.4 for finite maxima. */
static inline void model_merge(struct qoq_attention_partial *a,
                               const struct qoq_attention_partial *b, size_t head_dim)
{
    float max = model_largest(a->max, b->max);
    float fa = model_power(a->max, max), fb = model_power(b->max, max);

    a->max = max;
    a->sum = (float)((double)model_multiply(a->sum, fa) + (double)model_multiply(b->sum, fb));
    for (size_t d = 0; d < head_dim; d++)
        a->out[d] =
            (float)((double)model_multiply(a->out[d], fa) + (double)model_multiply(b->out[d], fb));
}

/* N 11.5 over partial [splits], level by level; the result is partial[0]. */
static inline void model_merge_all(struct qoq_attention_partial *partial, size_t splits,
                                   size_t head_dim)
{
    size_t count = (splits + 15) / 16;

    for (size_t i = 0; i < count; i++) {
        struct qoq_attention_partial leaf = partial[16 * i];

        for (size_t j = 16 * i + 1; j < 16 * i + 16 && j < splits; j++)
            model_merge(&leaf, &partial[j], head_dim);
        partial[i] = leaf;
    }
    while (count > 1) {
        for (size_t i = 0; 2 * i < count; i++) {
            struct qoq_attention_partial left = partial[2 * i];

            if (2 * i + 1 < count)
                model_merge(&left, &partial[2 * i + 1], head_dim);
            partial[i] = left;
        }
        count = (count + 1) / 2;
    }
}

/* out [q_heads][head_dim] as N 11 has it. */
static inline void model_attention(qoq_half *out, const float *x, const struct kv_cache *c,
                                   size_t context, size_t q_heads, struct test_random *r,
                                   struct model_extremes *seen)
{
    size_t dim = c->layout.head_dim, splits = (context + 127) / 128;
    struct qoq_attention_partial *partial = malloc(splits * sizeof *partial);

    for (size_t h = 0; h < q_heads; h++) {
        for (size_t j = 0; j < splits; j++) {
            size_t count = context - 128 * j < 128 ? context - 128 * j : 128;

            partial[j] =
                model_split(x + h * dim, c, h * c->layout.heads / q_heads, 128 * j, count, r, seen);
        }
        model_merge_all(partial, splits, dim);
        for (size_t d = 0; d < dim; d++)
            out[h * dim + d] = qoq_half_from_float(model_divide(partial->out[d], partial->sum));
    }
    free(partial);
}

#endif
