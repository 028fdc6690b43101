/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binary16 and bfloat16, kept as uint16_t patterns: conversions and arithmetic, all correctly
 * rounded to nearest even, subnormals kept. Inputs may be any pattern. A NaN result of an
 * operation or of a narrowing is always 0x7e00.
 *
 * The two conversions in every inner loop are inline and without branches, for the vectorizer.
 */
#ifndef QOQ_NUMERICS_HALF_H
#define QOQ_NUMERICS_HALF_H

#include "numerics/bits.h"

#define QOQ_HALF_NAN UINT16_C(0x7e00)
#define QOQ_HALF_INF UINT16_C(0x7c00)

/* m / 2^s to nearest even, for 1 <= s <= 31 and m + 2^(s-1) < 2^32. */
static inline uint32_t qoq_shift_even(uint32_t m, uint32_t s)
{
    uint32_t odd = m >> s & 1;

    return (m + (UINT32_C(1) << (s - 1)) - 1 + odd) >> s;
}

/* Exact. A NaN stays a NaN, its payload is not specified. */
static inline float qoq_half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t a = h & 0x7fff;
    uint32_t rebias = a >= QOQ_HALF_INF ? UINT32_C(224) << 23 : UINT32_C(112) << 23;
    uint32_t normal = (a << 13) + rebias;
    /* An integer below 2^10 times a power of two: both steps are exact and the result normal. */
    uint32_t subnormal = qoq_float_bits((float)(int32_t)a * 0x1p-24f);

    return qoq_float_of_bits(sign | (a < 0x0400 ? subnormal : normal));
}

/*
 * One rounding to nearest even; 65520 and above give infinity. In the normal range the exponent
 * is rebiased and the whole pattern shifted, so a carry moves into the exponent, up to infinity.
 * Below 2^-14 the significand is shifted until its unit is 2^-24; a shift of 25 leaves nothing.
 */
static inline uint16_t qoq_half_from_float(float x)
{
    uint32_t u = qoq_float_bits(x);
    uint32_t sign = u >> 16 & 0x8000;
    uint32_t magnitude = u & UINT32_C(0x7fffffff);
    uint32_t a = magnitude < UINT32_C(0x47800000) ? magnitude : UINT32_C(0x47800000);
    uint32_t tiny = a < UINT32_C(0x38800000);
    uint32_t e = a >> 23 > 101 ? a >> 23 : 101;
    uint32_t m = tiny ? (a & 0x7fffff) | 0x800000 : a - (UINT32_C(112) << 23);
    uint32_t h = sign | qoq_shift_even(m, tiny ? 126 - e : 13);

    return (uint16_t)(magnitude > QOQ_INF_BITS ? QOQ_HALF_NAN : h);
}

/* One rounding, straight from binary64: going through binary32 would round twice. */
uint16_t qoq_half_from_double(double x);

/* Exact. */
static inline float qoq_bfloat_to_float(uint16_t b)
{
    return qoq_float_of_bits((uint32_t)b << 16);
}

static inline int qoq_half_is_finite(uint16_t h)
{
    return (h & QOQ_HALF_INF) != QOQ_HALF_INF;
}

/* a + b, a * b and a * b + c, each with one rounding. */
uint16_t qoq_half_add(uint16_t a, uint16_t b);
uint16_t qoq_half_mul(uint16_t a, uint16_t b);
uint16_t qoq_half_fma(uint16_t a, uint16_t b, uint16_t c);

#endif
