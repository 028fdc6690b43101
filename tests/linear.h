/* SPDX-License-Identifier: Apache-2.0 */
/* Operands of matrix products for the unit tests, in guarded memory. */
#ifndef QOQ_TESTS_LINEAR_H
#define QOQ_TESTS_LINEAR_H

#include "guard.h"
#include "numerics/half.h"
#include "qoq.h"
#include "seed.h"

static inline struct qoq_act act_new(size_t m, size_t k)
{
    struct qoq_act act = {.m = m, .k = k};

    act.q = guard_new(m * k);
    act.scale = guard_new(m * sizeof *act.scale);
    act.sum = guard_new(m * sizeof *act.sum);
    return act;
}

static inline int act_intact(const struct qoq_act *act)
{
    return guard_intact(act->q) && guard_intact(act->scale) && guard_intact(act->sum);
}

static inline void act_free(struct qoq_act *act)
{
    guard_free(act->q);
    guard_free(act->scale);
    guard_free(act->sum);
}

static inline struct qoq_weight weight_new(enum qoq_scheme scheme, size_t n, size_t k, size_t group)
{
    struct qoq_weight w = {
        .scheme = scheme, .n = n, .k = k, .group = scheme == QOQ_W4_GROUP ? group : 0};

    w.code = guard_new(qoq_weight_code_bytes(&w));
    w.s = guard_new(n * sizeof *w.s);
    w.s2 = guard_new(n * qoq_weight_groups(&w));
    w.z = guard_new(n * qoq_weight_groups(&w));
    return w;
}

static inline int weight_intact(const struct qoq_weight *w)
{
    return guard_intact(w->code) && guard_intact(w->s) && guard_intact(w->s2) && guard_intact(w->z);
}

static inline void weight_free(struct qoq_weight *w)
{
    guard_free(w->code);
    guard_free(w->s);
    guard_free(w->s2);
    guard_free(w->z);
}

static inline unsigned plain_get(const uint8_t *plain, size_t k_total, size_t n, size_t k)
{
    return plain[n * ((k_total + 1) / 2) + k / 2] >> 4 * (k & 1) & 15u;
}

static inline void plain_set(uint8_t *plain, size_t k_total, size_t n, size_t k, unsigned q)
{
    uint8_t *byte = plain + n * ((k_total + 1) / 2) + k / 2;

    *byte = (uint8_t)((*byte & (k & 1 ? 0x0f : 0xf0)) | q << 4 * (k & 1));
}

static inline float *random_floats(struct test_random *r, size_t count, float scale)
{
    float *x = guard_new(count * sizeof *x);

    for (size_t i = 0; i < count; i++)
        x[i] = test_uniform(r, scale);
    return x;
}

static inline qoq_half *random_halves(struct test_random *r, size_t count, float scale)
{
    qoq_half *x = guard_new(count * sizeof *x);

    for (size_t i = 0; i < count; i++)
        x[i] = qoq_half_from_float(test_uniform(r, scale));
    return x;
}

/* A quantized random matrix. */
static inline struct qoq_weight random_weight(struct test_random *r, enum qoq_scheme scheme,
                                              size_t n, size_t k, size_t group)
{
    struct qoq_weight w = weight_new(scheme, n, k, group);
    float *x = random_floats(r, n * k, 0.125f);

    if (qoq_weight_quantize(&w, x) != QOQ_OK)
        abort();
    guard_free(x);
    return w;
}

/* Quantized random tokens. */
static inline struct qoq_act random_act(struct test_random *r, size_t m, size_t k)
{
    struct qoq_act act = act_new(m, k);
    qoq_half *x = random_halves(r, m * k, 4.0f);

    if (qoq_act_quantize(&act, x) != QOQ_OK)
        abort();
    guard_free(x);
    return act;
}

#endif
