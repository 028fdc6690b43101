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

/* Appends 2^b leaves, whose tree has the root v; a multiple of 2^b came before. */
static void tree_push(struct tree *t, float v, unsigned b)
{
    size_t count = (size_t)1 << b;

    for (size_t k = t->leaves >> b; k & 1; k >>= 1)
        v = t->part[b++] + v;
    t->part[b] = v;
    t->leaves += count;
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

/* Whole groups of eight leaves from the start of x [n] that can be summed together; returns how
 * many elements these are. */
static size_t push_groups(struct tree *t, const float *x, const float *y, size_t n)
{
    size_t i = 0;

#if QOQ_FMA_TARGET
    size_t group = 8 * QOQ_LEAF;

    for (; qoq_machine_has_fma() && n - i >= group; i += group)
        tree_push(t,
                  y == NULL ? qoq_eight_leaves_avx2(x + i)
                            : qoq_eight_leaves_of_products_avx2(x + i, y + i),
                  3);
#else
    (void)t, (void)x, (void)y, (void)n;
#endif
    return i;
}

/* Elements from `first` on, the beginning of a leaf, join the tree. */
static float finish(struct tree *t, const float *x, const float *y, size_t n, size_t first)
{
    for (size_t i = first; i < n; i += QOQ_LEAF)
        tree_push(t,
                  y == NULL ? leaf_sum(x + i, leaf_size(n - i))
                            : leaf_products(x + i, y + i, leaf_size(n - i)),
                  0);
    return tree_root(t);
}

float qoq_sum_plain(const float *x, const float *y, size_t n)
{
    struct tree t = {0};

    return finish(&t, x, y, n, 0);
}

float qoq_sum(const float *x, size_t n)
{
    struct tree t = {0};
    size_t done = push_groups(&t, x, NULL, n);

    return finish(&t, x, NULL, n, done);
}

float qoq_sum_squares(const float *x, size_t n)
{
    return qoq_sum_products(x, x, n);
}

float qoq_sum_products(const float *x, const float *y, size_t n)
{
    struct tree t = {0};
    size_t done = push_groups(&t, x, y, n);

    return finish(&t, x, y, n, done);
}

/* The largest pattern without its sign. */
QOQ_INLINE uint32_t top_magnitude(const float *x, size_t n)
{
    uint32_t top = 0;

#pragma omp simd reduction(max : top)
    for (size_t i = 0; i < n; i++) {
        uint32_t a = qoq_float_bits(x[i]) & UINT32_C(0x7fffffff);

        top = a > top ? a : top;
    }
    return top;
}

/* A pattern as an integer that orders like the number, and back: it is its own inverse. */
static inline int32_t order_key(int32_t u)
{
    return u ^ (u >> 31 & INT32_MAX);
}

static float of_order_key(int32_t key)
{
    return qoq_float_of_bits((uint32_t)order_key(key));
}

QOQ_INLINE void extreme_keys(int32_t *lo, int32_t *hi, const float *x, size_t n)
{
    int32_t least = INT32_MAX, most = INT32_MIN;

#pragma omp simd reduction(min : least) reduction(max : most)
    for (size_t i = 0; i < n; i++) {
        int32_t key = order_key((int32_t)qoq_float_bits(x[i]));

        least = key < least ? key : least;
        most = key > most ? key : most;
    }
    *lo = least;
    *hi = most;
}

#if QOQ_FMA_TARGET
QOQ_WITH_FMA static uint32_t top_magnitude_fast(const float *x, size_t n)
{
    return top_magnitude(x, n);
}

QOQ_WITH_FMA static void extreme_keys_fast(int32_t *lo, int32_t *hi, const float *x, size_t n)
{
    extreme_keys(lo, hi, x, n);
}
#else
#define qoq_machine_has_fma() 0
#define top_magnitude_fast top_magnitude
#define extreme_keys_fast extreme_keys
#endif

/* Magnitudes order like their patterns, with every NaN above infinity. */
float qoq_max_abs(const float *x, size_t n)
{
    uint32_t top = qoq_machine_has_fma() ? top_magnitude_fast(x, n) : top_magnitude(x, n);

    return qoq_float_of_bits(top > QOQ_INF_BITS ? QOQ_NAN_BITS : top);
}

void qoq_min_max(float *lo, float *hi, const float *x, size_t n)
{
    int32_t least, most;

    if (qoq_machine_has_fma())
        extreme_keys_fast(&least, &most, x, n);
    else
        extreme_keys(&least, &most, x, n);
    *lo = of_order_key(least);
    *hi = of_order_key(most);
    /* A NaN is beyond one of the infinities, so it ended up in one of the two. */
    if (*lo != *lo || *hi != *hi)
        *lo = *hi = qoq_nan();
}
