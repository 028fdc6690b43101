/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over eight whole leaves with AVX2 and FMA, a lane a leaf. N 2.3. */
#include "numerics/reduce.h"
#include "numerics/vector_avx2.h"

#if QOQ_FMA_TARGET

/* The tree over eight leaves. */
QOQ_VECTOR float root(__m256 leaf)
{
    __m256 pairs = _mm256_hadd_ps(leaf, leaf), fours = _mm256_hadd_ps(pairs, pairs);

    return _mm256_cvtss_f32(fours) + _mm_cvtss_f32(_mm256_extractf128_ps(fours, 1));
}

QOQ_WITH_FMA float qoq_eight_leaves_avx2(const float *x)
{
    __m256 acc = _mm256_setzero_ps();

    for (size_t i = 0; i < QOQ_LEAF; i += 4) {
        struct qoq_columns a = qoq_transpose_8x4(x + i, QOQ_LEAF);

        acc = _mm256_add_ps(acc, a.c0);
        acc = _mm256_add_ps(acc, a.c1);
        acc = _mm256_add_ps(acc, a.c2);
        acc = _mm256_add_ps(acc, a.c3);
    }
    return root(acc);
}

QOQ_WITH_FMA float qoq_eight_leaves_of_products_avx2(const float *x, const float *y)
{
    __m256 acc = _mm256_setzero_ps();

    for (size_t i = 0; i < QOQ_LEAF; i += 4) {
        struct qoq_columns a = qoq_transpose_8x4(x + i, QOQ_LEAF);
        struct qoq_columns b = qoq_transpose_8x4(y + i, QOQ_LEAF);

        acc = _mm256_fmadd_ps(a.c0, b.c0, acc);
        acc = _mm256_fmadd_ps(a.c1, b.c1, acc);
        acc = _mm256_fmadd_ps(a.c2, b.c2, acc);
        acc = _mm256_fmadd_ps(a.c3, b.c3, acc);
    }
    return root(acc);
}

#endif
