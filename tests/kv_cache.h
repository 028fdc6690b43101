/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A paged cache of one sequence for the unit tests: pages in guarded memory, in a shuffled order.
 */
#ifndef QOQ_TESTS_KV_CACHE_H
#define QOQ_TESTS_KV_CACHE_H

#include "guard.h"
#include "numerics/half.h"
#include "qoq.h"
#include "seed.h"

#include <math.h>

struct kv_cache {
    struct qoq_kv_layout layout;
    size_t tokens, pages;
    uint8_t **k, **v; /* [pages] in the order of the sequence */
    struct qoq_kv_sequence sequence;
};

/* A roughly normal number: the sum of twelve uniform ones. */
static inline float test_normal(struct test_random *r, float deviation)
{
    float sum = 0.0f;

    for (int i = 0; i < 12; i++)
        sum += test_uniform(r, 0.5f);
    return sum * deviation;
}

static inline float *normal_floats(struct test_random *r, size_t count, float deviation)
{
    float *x = guard_new(count * sizeof *x);

    for (size_t i = 0; i < count; i++)
        x[i] = test_normal(r, deviation);
    return x;
}

static inline void shuffle(size_t *order, size_t count, struct test_random *r)
{
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)test_integer(r, 0, (int64_t)i - 1), swap = order[i - 1];

        order[i - 1] = order[j];
        order[j] = swap;
    }
}

/* Page tables over pages that were allocated in another order. */
static inline struct kv_cache kv_cache_new(struct qoq_kv_layout layout, size_t tokens,
                                           struct test_random *r)
{
    struct kv_cache c = {.layout = layout, .tokens = tokens};
    size_t bytes = qoq_kv_page_bytes(&layout), *order;

    c.pages = (tokens + layout.page_tokens - 1) / layout.page_tokens;
    order = malloc((c.pages + 1) * sizeof *order);
    c.k = malloc((c.pages + 1) * sizeof *c.k);
    c.v = malloc((c.pages + 1) * sizeof *c.v);
    shuffle(order, c.pages, r);
    for (size_t i = 0; i < c.pages; i++) {
        c.k[order[i]] = guard_new(bytes);
        c.v[order[i]] = guard_new(bytes);
    }
    free(order);
    c.sequence.k_page = (const uint8_t *const *)c.k;
    c.sequence.v_page = (const uint8_t *const *)c.v;
    return c;
}

static inline int kv_cache_intact(const struct kv_cache *c)
{
    int intact = 1;

    for (size_t i = 0; i < c->pages; i++)
        intact &= guard_intact(c->k[i]) && guard_intact(c->v[i]);
    return intact;
}

static inline void kv_cache_free(struct kv_cache *c)
{
    for (size_t i = 0; i < c->pages; i++) {
        guard_free(c->k[i]);
        guard_free(c->v[i]);
    }
    free(c->k);
    free(c->v);
}

/* Quantizes tokens first .. tokens - 1 of k, v [tokens][heads][head_dim] by N 7.2. */
static inline void kv_cache_write(struct kv_cache *c, const float *k, const float *v, size_t first)
{
    size_t p = c->layout.page_tokens, row = c->layout.heads * c->layout.head_dim;

    for (size_t t = first; t < c->tokens; t++) {
        if (qoq_kv_write(c->k[t / p], k + t * row, &c->layout, t % p) != QOQ_OK ||
            qoq_kv_write(c->v[t / p], v + t * row, &c->layout, t % p) != QOQ_OK)
            abort();
    }
}

/* The dequantized cache, N 7.3: k, v [tokens][heads][head_dim]. */
static inline void kv_cache_read(float *k, float *v, const struct kv_cache *c)
{
    size_t p = c->layout.page_tokens, row = c->layout.heads * c->layout.head_dim;

    for (size_t t = 0; t < c->tokens; t++) {
        if (qoq_kv_read(k + t * row, c->k[t / p], &c->layout, t % p) != QOQ_OK ||
            qoq_kv_read(v + t * row, c->v[t / p], &c->layout, t % p) != QOQ_OK)
            abort();
    }
}

/*
 * Softmax attention of the head vector x over k, v, whose token t begins at t * stride, in long
 * double: out [head_dim].
 */
static inline void exact_attention(long double *out, const float *x, const float *k, const float *v,
                                   size_t context, size_t stride, size_t head_dim)
{
    long double *l = malloc(context * sizeof *l), most = -INFINITY, sum = 0.0L;

    for (size_t t = 0; t < context; t++) {
        l[t] = 0.0L;
        for (size_t d = 0; d < head_dim; d++)
            l[t] += (long double)x[d] * (long double)k[t * stride + d];
        l[t] /= sqrtl((long double)head_dim);
        most = l[t] > most ? l[t] : most;
    }
    for (size_t d = 0; d < head_dim; d++)
        out[d] = 0.0L;
    for (size_t t = 0; t < context; t++) {
        long double p = expl(l[t] - most);

        sum += p;
        for (size_t d = 0; d < head_dim; d++)
            out[d] += p * (long double)v[t * stride + d];
    }
    for (size_t d = 0; d < head_dim; d++)
        out[d] /= sum;
    free(l);
}

#endif
