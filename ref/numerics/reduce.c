/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves and tree: the fixed order of every floating-point sum, and extrema on bit patterns. */
#include "numerics/reduce.h"

#include "numerics/bits.h"

#include <math.h>

/*
 * The tree over the leaves so far. Bit b of the count is set when part[b] holds the sum of a
 * complete block of 2^b leaves that still waits for its right neighbour.
 */
struct tree {
    size_t leaves;
    float part[sizeof(size_t) * CHAR_BIT];
};

static void tree_push(struct tree *t, float v)
{
    unsigned b = 0;

    for (size_t k = t->leaves; k & 1; k >>= 1)
        v = t->part[b++] + v;
    t->part[b] = v;
    t->leaves++;
}

/* Each waiting block gets as right neighbour the smaller ones behind it, or the padding: +0. */
static float tree_root(const struct tree *t)
{
    float v = 0.0f;
    unsigned b = 0;

    for (size_t k = t->leaves; k != 0; k >>= 1, b++) {
        if (k & 1)
            v = t->part[b] + v;
    }
    return v;
}

static size_t leaf_size(size_t left)
{
    return left < QOQ_LEAF ? left : QOQ_LEAF;
}

static float leaf_sum(const float *x, size_t n)
{
    float acc = 0.0f;

    for (size_t i = 0; i < n; i++)
        acc = acc + x[i];
    return acc;
}

static float leaf_products(const float *x, const float *y, size_t n)
{
    float acc = 0.0f;

    for (size_t i = 0; i < n; i++)
        acc = fmaf(x[i], y[i], acc);
    return acc;
}

float qoq_sum(const float *x, size_t n)
{
    struct tree t = {0};

    for (size_t i = 0; i < n; i += QOQ_LEAF)
        tree_push(&t, leaf_sum(x + i, leaf_size(n - i)));
    return tree_root(&t);
}

float qoq_sum_squares(const float *x, size_t n)
{
    return qoq_sum_products(x, x, n);
}

float qoq_sum_products(const float *x, const float *y, size_t n)
{
    struct tree t = {0};

    for (size_t i = 0; i < n; i += QOQ_LEAF)
        tree_push(&t, leaf_products(x + i, y + i, leaf_size(n - i)));
    return tree_root(&t);
}

/* Magnitudes order like their patterns, with every NaN above infinity. */
float qoq_max_abs(const float *x, size_t n)
{
    uint32_t top = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t a = qoq_float_bits(x[i]) & UINT32_C(0x7fffffff);

        top = a > top ? a : top;
    }
    return qoq_float_of_bits(top > QOQ_INF_BITS ? QOQ_NAN_BITS : top);
}

/* A pattern as an integer that orders like the number, and back: it is its own inverse. */
static int32_t order_key(int32_t u)
{
    return u ^ (u >> 31 & INT32_MAX);
}

static float of_order_key(int32_t key)
{
    return qoq_float_of_bits((uint32_t)order_key(key));
}

void qoq_min_max(float *lo, float *hi, const float *x, size_t n)
{
    int32_t least = INT32_MAX, most = INT32_MIN;

    for (size_t i = 0; i < n; i++) {
        int32_t key = order_key((int32_t)qoq_float_bits(x[i]));

        least = key < least ? key : least;
        most = key > most ? key : most;
    }
    *lo = of_order_key(least);
    *hi = of_order_key(most);
    /* A NaN is beyond one of the infinities, so it ended up in one of the two. */
    if (*lo != *lo || *hi != *hi)
        *lo = *hi = qoq_nan();
}
