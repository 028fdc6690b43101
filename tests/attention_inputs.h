/* SPDX-License-Identifier: Apache-2.0 */
/* A query and a cache with its keys and values for the tests of attention. */
#ifndef QOQ_TESTS_ATTENTION_INPUTS_H
#define QOQ_TESTS_ATTENTION_INPUTS_H

#include <criterion/criterion.h>

#include "attention_model.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct inputs {
    struct kv_cache cache;
    float *x, *k, *v; /* x [q_heads][head_dim]; k, v [tokens][heads][head_dim] */
    size_t q_heads;
};

static inline struct inputs inputs_new(struct qoq_kv_layout layout, size_t tokens, size_t q_heads,
                                       struct test_random *r)
{
    size_t row = layout.heads * layout.head_dim;
    struct inputs in = {.cache = kv_cache_new(layout, tokens, r), .q_heads = q_heads};

    in.x = normal_floats(r, q_heads * layout.head_dim, 2.0f);
    in.k = normal_floats(r, tokens * row, 1.0f);
    in.v = normal_floats(r, tokens * row, 1.0f);
    kv_cache_write(&in.cache, in.k, in.v, 0);
    return in;
}

static inline void inputs_free(struct inputs *in)
{
    kv_cache_free(&in->cache);
    guard_free(in->x);
    guard_free(in->k);
    guard_free(in->v);
}

static inline void attend(qoq_half *out, const struct inputs *in, size_t context)
{
    cr_assert_eq(
        qoq_attention(out, in->x, &in->cache.sequence, context, in->q_heads, &in->cache.layout),
        QOQ_OK);
}

static inline void set_all(float *x, size_t count, float value)
{
    for (size_t i = 0; i < count; i++)
        x[i] = value;
}

#endif
