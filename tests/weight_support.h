/* SPDX-License-Identifier: Apache-2.0 */
/* Quantized weights and their integer operands, checked for what holds of all of them. */
#ifndef QOQ_TESTS_WEIGHT_SUPPORT_H
#define QOQ_TESTS_WEIGHT_SUPPORT_H

#include <criterion/criterion.h>
#include <math.h>

#include "tests/linear.h"

static inline struct qoq_weight quantize(enum qoq_scheme scheme, const float *x, size_t n, size_t k,
                                         size_t group)
{
    struct qoq_weight w = weight_new(scheme, n, k, group);

    cr_assert_eq(qoq_weight_quantize(&w, x), QOQ_OK, "scheme %d, %zu x %zu, group %zu", scheme, n,
                 k, group);
    cr_assert(weight_intact(&w), "wrote outside: scheme %d, %zu x %zu, group %zu", scheme, n, k,
              group);
    cr_assert_eq(qoq_weight_check(&w), QOQ_OK, "scheme %d, %zu x %zu, group %zu", scheme, n, k,
                 group);
    return w;
}

static inline int8_t *operand(const struct qoq_weight *w)
{
    int8_t *b = guard_new(w->n * w->k);

    cr_assert_eq(qoq_weight_operand(b, w), QOQ_OK);
    cr_assert(guard_intact(b));
    return b;
}

static inline int rounded(float x, int lo, int hi)
{
    return (int)fmin(fmax(nearbyint((double)x), lo), hi);
}

#endif
