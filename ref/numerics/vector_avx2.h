/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Eight lanes at a time with AVX2 and FMA: exp2, rounding to an integer, maxima, columns of eight
 * rows. Each lane gets the bits of the plain function named, by the same IEEE operations in the
 * same order; any two NaNs count as equal (N 1.4). Only for machines with qoq_machine_has_fma.
 */
#ifndef QOQ_NUMERICS_VECTOR_AVX2_H
#define QOQ_NUMERICS_VECTOR_AVX2_H

#include "numerics/elementary.h"
#include "numerics/target.h"

#if QOQ_FMA_TARGET
#include <immintrin.h>

#define QOQ_VECTOR QOQ_WITH_FMA QOQ_INLINE

#define QOQ_LANES 8

/* qoq_clamp: a maximum or minimum with a NaN is its second operand. */
QOQ_VECTOR __m256 qoq_clamp_8(__m256 x, float lo, float hi)
{
    return _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(lo)), _mm256_set1_ps(hi));
}

/* qoq_pow2_normal */
QOQ_VECTOR __m256 qoq_pow2_normal_8(__m256i e)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(e, _mm256_set1_epi32(127)), 23));
}

/* qoq_scale(y, qoq_unshift(t)), NaN where x is. */
QOQ_VECTOR __m256 qoq_scale_8(__m256 y, __m256 t, __m256 x)
{
    __m256i shift = _mm256_castps_si256(_mm256_set1_ps(QOQ_SHIFT));
    __m256i n = _mm256_sub_epi32(_mm256_castps_si256(t), shift);
    __m256i first = _mm256_srai_epi32(n, 1);
    __m256 scaled = _mm256_mul_ps(_mm256_mul_ps(y, qoq_pow2_normal_8(first)),
                                  qoq_pow2_normal_8(_mm256_sub_epi32(n, first)));

    return _mm256_blendv_ps(scaled, _mm256_set1_ps(qoq_nan()), _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}

/* qoq_exp2 */
QOQ_VECTOR __m256 qoq_exp2_8(__m256 x)
{
    const __m256 c = _mm256_set1_ps(0x1.62e43p-1f), one = _mm256_set1_ps(1.0f);
    const __m256 shift = _mm256_set1_ps(QOQ_SHIFT);
    __m256 a = qoq_clamp_8(x, -151.0f, 129.0f);
    __m256 t = _mm256_add_ps(a, shift);
    __m256 r = _mm256_sub_ps(a, _mm256_sub_ps(t, shift));
    __m256 s = _mm256_fmadd_ps(r, c, one);
    __m256 w = _mm256_fmadd_ps(r, c, _mm256_sub_ps(one, s));
    __m256 p = _mm256_set1_ps(0x1.40b266p-13f);

    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0x1.5f095cp-10f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0x1.3b2f1ap-7f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0x1.c6af7ap-5f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0x1.ebfbdap-3f));
    w = _mm256_fmadd_ps(_mm256_mul_ps(r, r), p, w);
    return qoq_scale_8(_mm256_add_ps(s, w), t, x);
}

/* qoq_round_clamp for lo <= 0 <= hi. The conversion rounds to nearest even, as all of N 1.1. */
QOQ_VECTOR __m256i qoq_round_clamp_8(__m256 x, float lo, float hi)
{
    __m256 number = _mm256_and_ps(x, _mm256_cmp_ps(x, x, _CMP_ORD_Q));

    return _mm256_cvtps_epi32(qoq_clamp_8(number, lo, hi));
}

QOQ_VECTOR __m256 qoq_abs_8(__m256 x)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
}

/*
 * The larger operand, for a running maximum: a NaN in either, once there, stays. The sign of a zero
 * is not specified.
 */
QOQ_VECTOR __m256 qoq_max_8(__m256 most, __m256 x)
{
    /* max gives x where one is NaN; or-ing with the mask of NaNs makes a NaN. */
    return _mm256_or_ps(_mm256_max_ps(most, x), _mm256_cmp_ps(most, x, _CMP_UNORD_Q));
}

/* The largest lane, NaN if one is. */
QOQ_VECTOR float qoq_max_of_8(__m256 x)
{
    x = qoq_max_8(x, _mm256_permute2f128_ps(x, x, 1));
    x = qoq_max_8(x, _mm256_shuffle_ps(x, x, 0x4e));
    x = qoq_max_8(x, _mm256_shuffle_ps(x, x, 0xb1));
    return _mm256_cvtss_f32(x);
}

/* The sum of the lanes. */
QOQ_VECTOR int32_t qoq_sum_of_8(__m256i x)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));

    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
    return _mm_cvtsi128_si32(s);
}

/* All bits set in the lanes below count. */
QOQ_VECTOR __m256 qoq_lanes_below(size_t count)
{
    __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    int32_t limit = count < QOQ_LANES ? (int32_t)count : QOQ_LANES;

    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(limit), lane));
}

/* Elements 0 .. 3 of two rows. */
QOQ_VECTOR __m256 qoq_two_rows(const float *low, const float *high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}

/* Columns 0 .. 3 of eight rows, as vectors. */
struct qoq_columns {
    __m256 c0, c1, c2, c3;
};

/* Of in [8 of stride][4]; moves patterns, so they may be anything. */
QOQ_VECTOR struct qoq_columns qoq_transpose_8x4(const float *in, size_t stride)
{
    __m256 a = qoq_two_rows(in, in + 4 * stride);
    __m256 b = qoq_two_rows(in + stride, in + 5 * stride);
    __m256 c = qoq_two_rows(in + 2 * stride, in + 6 * stride);
    __m256 d = qoq_two_rows(in + 3 * stride, in + 7 * stride);
    __m256 ab0 = _mm256_unpacklo_ps(a, b), ab2 = _mm256_unpackhi_ps(a, b);
    __m256 cd0 = _mm256_unpacklo_ps(c, d), cd2 = _mm256_unpackhi_ps(c, d);

    return (struct qoq_columns){
        _mm256_shuffle_ps(ab0, cd0, 0x44), _mm256_shuffle_ps(ab0, cd0, 0xee),
        _mm256_shuffle_ps(ab2, cd2, 0x44), _mm256_shuffle_ps(ab2, cd2, 0xee)};
}

#endif
#endif
