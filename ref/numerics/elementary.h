/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exp, exp2, 1/sqrt, and for the rotary tables log2, exp2 and sin/cos in binary64: from IEEE
 * operations and integer work on patterns alone, so that every machine gives the same bits.
 *
 * One text for C99, C++17 and CUDA. No product in it feeds an addition except inside an explicit
 * fma, so contraction could not change a bit; builds nevertheless turn it off (-ffp-contract=off,
 * --fmad=false). Rounding to nearest and kept subnormals are assumed.
 *
 * Polynomials: weighted least squares on Chebyshev nodes, reweighted towards minimax, in 300-bit
 * arithmetic; coefficients rounded one by one from the lowest order, the rest refitted each time.
 * "Fit" is the largest error of the rounded polynomial, relative to the function it serves.
 *
 * Largest errors. ulp: the spacing of binary32 at the exact result.
 *
 *   qoq_exp      0.655 ulp; 0.765 ulp where the result is subnormal     every input
 *   qoq_exp2     0.617 ulp; 0.771 ulp where the result is subnormal     every input
 *   qoq_rsqrt    1.489 ulp                                              [1, 4) in steps of 37 ulp
 *   qoq_sincos   0.5001 ulp                                             dense grids, rotary angles
 *   qoq_log2     1.9 * 2^-53 of the result                              dense grids
 *   qoq_exp2d    1.1 * 2^-53 of the result                              dense grids
 *
 * Measured against MPFR: the first two by `make check-exhaustive`, all by tests/test_elementary,
 * which prints what it finds and fails above these values. exp and exp2 never decrease. Every NaN
 * result has the one pattern of numerics/bits.h.
 */
#ifndef QOQ_NUMERICS_ELEMENTARY_H
#define QOQ_NUMERICS_ELEMENTARY_H

#include "numerics/bits.h"

#include <math.h>

#if defined(__CUDA_ARCH__)
#define QOQ_FMAF(a, b, c) __fmaf_rn((a), (b), (c))
#define QOQ_FMA(a, b, c) __fma_rn((a), (b), (c))
#define QOQ_SQRTF(a) __fsqrt_rn(a)
#define QOQ_DIVF(a, b) __fdiv_rn((a), (b))
#else
#define QOQ_FMAF(a, b, c) fmaf((a), (b), (c))
#define QOQ_FMA(a, b, c) fma((a), (b), (c))
#define QOQ_SQRTF(a) sqrtf(a)
#define QOQ_DIVF(a, b) ((a) / (b))
#endif

/* Added to |x| <= 2^22 (2^51), these leave x rounded to nearest even in the low bits. */
#define QOQ_SHIFT 0x1.8p23f
#define QOQ_SHIFT_D 0x1.8p52

/* x in [lo, hi]; NaN gives lo. */
QOQ_FN float qoq_clamp(float x, float lo, float hi)
{
#if defined(__CUDA_ARCH__)
    return fminf(fmaxf(x, lo), hi);
#else
    float a = x > lo ? x : lo;

    return a < hi ? a : hi;
#endif
}

/* The integer n in t = n + QOQ_SHIFT. */
QOQ_FN int32_t qoq_unshift(float t)
{
    return (int32_t)qoq_float_bits(t) - (int32_t)qoq_float_bits(QOQ_SHIFT);
}

/* 2^e, -126 <= e <= 127. */
QOQ_FN float qoq_pow2_normal(int32_t e)
{
    return qoq_float_of_bits((uint32_t)(e + 127) << 23);
}

/* 2^e, -1022 <= e <= 1023. */
QOQ_FN double qoq_pow2_normal_d(int32_t e)
{
    return qoq_double_of_bits((uint64_t)(e + 1023) << 52);
}

/* 2^e in the normal range; 0 below it, +inf above it. */
QOQ_FN float qoq_pow2(int32_t e)
{
    if (e < -126)
        return 0.0f;
    return e > 127 ? qoq_float_of_bits(QOQ_INF_BITS) : qoq_pow2_normal(e);
}

/* y * 2^n for y in [1/2, 2], |n| <= 252: the first product is exact, the second rounds once. */
QOQ_FN float qoq_scale(float y, int32_t n)
{
    int32_t first = n >> 1;

    return y * qoq_pow2_normal(first) * qoq_pow2_normal(n - first);
}

/*
 * e^x = 2^n e^r, n the integer nearest to x / ln 2. With ln 2 = c + d, d < 0, r = a - n c is exact:
 * for n != 0 it is a multiple of 2^-25 below 1/2. What remains of the exponent is n (-d), so
 * e^r = (1 + r) + (n (-d) + z^2 p(z)), z = r + n (-d). s and the first w are 1 + r without error,
 * and only the last sum rounds a number of full size.
 * Fit: 2^-33.6. exp(+-0) = 1, exp(-inf) = 0.
 */
QOQ_FN float qoq_exp(float x)
{
    const float log2_e = 0x1.715476p+0f, minus_c = -0x1.62e43p-1f, minus_d = 0x1.05c61p-29f;
    float a = qoq_clamp(x, -105.0f, 89.0f);
    float t = QOQ_FMAF(a, log2_e, QOQ_SHIFT);
    float n = t - QOQ_SHIFT;
    float r = QOQ_FMAF(n, minus_c, a);
    float z = QOQ_FMAF(n, minus_d, r);
    float s = 1.0f + r;
    float w = QOQ_FMAF(n, minus_d, (1.0f - s) + r);
    float p = 0x1.9dc30cp-13f;

    p = QOQ_FMAF(p, z, 0x1.6d483ep-10f);
    p = QOQ_FMAF(p, z, 0x1.111328p-7f);
    p = QOQ_FMAF(p, z, 0x1.5554ecp-5f);
    p = QOQ_FMAF(p, z, 0x1.555554p-3f);
    p = QOQ_FMAF(p, z, 0.5f);
    w = QOQ_FMAF(z * z, p, w);
    return x == x ? qoq_scale(s + w, qoq_unshift(t)) : qoq_nan();
}

/*
 * 2^r for |r| <= 1/2: (1 + r c) + r^2 p(r), c = ln 2 rounded, what c lacks is in p; s + w is 1 + r
 * c almost without error. Fit: 2^-28.8, counted against the spacing of the results.
 */
QOQ_FN float qoq_exp2_fraction(float r)
{
    const float c = 0x1.62e43p-1f;
    float s = QOQ_FMAF(r, c, 1.0f);
    float w = QOQ_FMAF(r, c, 1.0f - s);
    float p = 0x1.40b266p-13f;

    p = QOQ_FMAF(p, r, 0x1.5f095cp-10f);
    p = QOQ_FMAF(p, r, 0x1.3b2f1ap-7f);
    p = QOQ_FMAF(p, r, 0x1.c6af7ap-5f);
    p = QOQ_FMAF(p, r, 0x1.ebfbdap-3f);
    w = QOQ_FMAF(r * r, p, w);
    return s + w;
}

/* 2^x = 2^n 2^r, n the integer nearest to x, r exact. Exact for integer x, exp2(-inf) = 0. */
QOQ_FN float qoq_exp2(float x)
{
    float a = qoq_clamp(x, -151.0f, 129.0f);
    float t = a + QOQ_SHIFT;
    float y = qoq_exp2_fraction(a - (t - QOQ_SHIFT));

    return x == x ? qoq_scale(y, qoq_unshift(t)) : qoq_nan();
}

/*
 * qoq_exp2(x) for x <= 0, in fewer operations; +0 for NaN. With n + 100 in the low bits of t, which
 * is even, so that halves round as before, 2^(n + 100) 2^r lies in [2^-52, 2^101]: it is made by
 * adding to the exponent, and the product with 2^-100 rounds once, as there.
 */
QOQ_FN float qoq_exp2_below(float x)
{
    const float shift = QOQ_SHIFT + 100.0f;
#if defined(__CUDA_ARCH__)
    float a = fmaxf(x, -151.0f);
#else
    float a = x > -151.0f ? x : -151.0f;
#endif
    float t = a + shift;
    uint32_t y = qoq_float_bits(qoq_exp2_fraction(a - (t - shift)));

    return qoq_float_of_bits(y + (qoq_float_bits(t) << 23)) * 0x1p-100f;
}

/* 1 / sqrt(x), both operations rounded. +-0 gives +-inf, x < 0 gives NaN. */
QOQ_FN float qoq_rsqrt(float x)
{
    float y = QOQ_DIVF(1.0f, QOQ_SQRTF(x));

    return y == y ? y : qoq_nan();
}

/*
 * log2 x for positive normal x; anything else gives NaN. x = 2^k m, m in [sqrt(1/2), sqrt(2));
 * with f = m - 1 and s = f / (2 + f), ln m = 2 atanh s = f - s (f - R(s^2)): f is exact, the
 * rest small. Fit: 2^-59.5 for R.
 */
QOQ_FN double qoq_log2(double x)
{
    const double log2_e_hi = 0x1.71547652b82fep+0, log2_e_lo = 0x1.777d0ffda0d24p-56;
    int inside = x >= DBL_MIN && x <= DBL_MAX;
    int64_t u = (int64_t)qoq_double_bits(inside ? x : 1.0);
    int64_t k = (u - INT64_C(0x3fe6a09e667f3bcd)) >> 52;
    double f = qoq_double_of_bits((uint64_t)u - ((uint64_t)k << 52)) - 1.0;
    double s = f / (2.0 + f);
    double z = s * s;
    double p = 0x1.2f032bda69df2p-3, l;

    p = QOQ_FMA(p, z, 0x1.39a1f63cca2d9p-3);
    p = QOQ_FMA(p, z, 0x1.74663c7133a5bp-3);
    p = QOQ_FMA(p, z, 0x1.c71c52166eeeep-3);
    p = QOQ_FMA(p, z, 0x1.24924941df2d9p-2);
    p = QOQ_FMA(p, z, 0x1.999999997ff33p-2);
    p = QOQ_FMA(p, z, 0x1.5555555555592p-1);
    l = QOQ_FMA(-s, QOQ_FMA(-z, p, f), f);
    l = QOQ_FMA(l, log2_e_hi, QOQ_FMA(l, log2_e_lo, (double)k));
    return inside ? l : (double)qoq_nan();
}

/* 2^x in binary64, any x; the bound holds where the result is normal. Fit: 2^-57.7. */
QOQ_FN double qoq_exp2d(double x)
{
    double low = x > -1080.0 ? x : -1080.0;
    double a = low < 1030.0 ? low : 1030.0;
    double n = (a + QOQ_SHIFT_D) - QOQ_SHIFT_D;
    double r = a - n;
    double p = 0x1.e80b663a2e192p-32;
    int32_t first = (int32_t)n >> 1, second = (int32_t)n - first;

    p = QOQ_FMA(p, r, 0x1.e611a39c11c30p-28);
    p = QOQ_FMA(p, r, 0x1.b5260ffe7468cp-24);
    p = QOQ_FMA(p, r, 0x1.62bfcddc75b4cp-20);
    p = QOQ_FMA(p, r, 0x1.ffcbfbf7a2e32p-17);
    p = QOQ_FMA(p, r, 0x1.4309130c01e88p-13);
    p = QOQ_FMA(p, r, 0x1.5d87fe78b3f45p-10);
    p = QOQ_FMA(p, r, 0x1.3b2ab6fba11f2p-7);
    p = QOQ_FMA(p, r, 0x1.c6b08d704a0d3p-5);
    p = QOQ_FMA(p, r, 0x1.ebfbdff82c59cp-3);
    p = QOQ_FMA(p, r, 0x1.62e42fefa39efp-1);
    p = QOQ_FMA(p, r, 1.0) * qoq_pow2_normal_d(first);
    return x == x ? p * qoq_pow2_normal_d(second) : (double)qoq_nan();
}

/* sin r for |r| <= pi/4, binary64. Fit: 2^-58.0 of r. */
QOQ_FN double qoq_sin_quadrant(double r)
{
    double z = r * r;
    double p = 0x1.5d93ade9a581ep-33;

    p = QOQ_FMA(p, z, -0x1.ae5e68bf9dd8cp-26);
    p = QOQ_FMA(p, z, 0x1.71de357b44895p-19);
    p = QOQ_FMA(p, z, -0x1.a01a019c1644cp-13);
    p = QOQ_FMA(p, z, 0x1.111111110f8a7p-7);
    p = QOQ_FMA(p, z, -0x1.5555555555549p-3);
    return QOQ_FMA(r * z, p, r);
}

/* cos r for |r| <= pi/4, binary64. Fit: 2^-63.9. */
QOQ_FN double qoq_cos_quadrant(double r)
{
    double z = r * r;
    double p = -0x1.8fa69c8b8316cp-37;

    p = QOQ_FMA(p, z, 0x1.1ee9dbfc0f558p-29);
    p = QOQ_FMA(p, z, -0x1.27e4f7f1cf553p-22);
    p = QOQ_FMA(p, z, 0x1.a01a019c8f6f3p-16);
    p = QOQ_FMA(p, z, -0x1.6c16c16c15017p-10);
    p = QOQ_FMA(p, z, 0x1.555555555554bp-5);
    p = QOQ_FMA(p, z, -0.5);
    return QOQ_FMA(p, z, 1.0);
}

/*
 * sin and cos of an angle in radians, |angle| <= 2^24, each rounded to binary32 once, at the end;
 * any other angle gives NaN twice. angle = k pi/2 + r; pi/2 is taken in three parts of 53 bits.
 * The first step of the reduction is exact: both terms are multiples of 2^-53. No angle but 0 comes
 * closer to a multiple than 2^-60.5, and k times what three parts lack is below 2^-140.
 * The sine of -0 is +0.
 */
QOQ_FN void qoq_sincos(float *s, float *c, double angle)
{
    int inside = angle >= -0x1p24 && angle <= 0x1p24;
    double a = inside ? angle : 0.0;
    double n = QOQ_FMA(a, 0x1.45f306dc9c883p-1, QOQ_SHIFT_D) - QOQ_SHIFT_D;
    double r = QOQ_FMA(-n, 0x1.921fb54442d18p+0, a);
    int32_t k = (int32_t)n;
    float sine, cosine;

    r = QOQ_FMA(-n, 0x1.1a62633145c07p-54, r);
    r = QOQ_FMA(-n, -0x1.f1976b7ed8fbcp-110, r);
    sine = (float)(k & 1 ? qoq_cos_quadrant(r) : qoq_sin_quadrant(r));
    cosine = (float)(k & 1 ? qoq_sin_quadrant(r) : qoq_cos_quadrant(r));
    *s = !inside ? qoq_nan() : k & 2 ? -sine : sine;
    *c = !inside ? qoq_nan() : (k + 1) & 2 ? -cosine : cosine;
}

#endif
