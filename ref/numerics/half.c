/* SPDX-License-Identifier: Apache-2.0 */
/* binary16 from binary64, and binary16 arithmetic carried out in wider formats. */
#include "numerics/half.h"

/* The steps of qoq_half_from_float with 52 fraction bits; here a shift of 54 leaves nothing. */
uint16_t qoq_half_from_double(double x)
{
    uint64_t u = qoq_double_bits(x);
    uint32_t sign = (uint32_t)(u >> 48) & 0x8000;
    uint64_t a = u & UINT64_C(0x7fffffffffffffff);
    uint64_t fraction = a & UINT64_C(0x000fffffffffffff);
    uint64_t e = a >> 52;
    uint64_t m = a - (UINT64_C(1008) << 52);
    uint64_t s = 42;

    if (a > UINT64_C(0x7ff0000000000000))
        return QOQ_HALF_NAN;
    if (e >= 1023 + 16)
        return (uint16_t)(sign | QOQ_HALF_INF);
    if (e < 1023 - 14) {
        m = fraction | UINT64_C(0x0010000000000000);
        s = e > 997 ? 1051 - e : 54;
    }
    m += (UINT64_C(1) << (s - 1)) - 1 + (m >> s & 1);
    return (uint16_t)(sign | (uint32_t)(m >> s));
}

/*
 * The binary32 sum is a first rounding, harmless because 24 >= 2 * 11 + 2: a sum of two 11-bit
 * numbers rounded to that many bits never falls on a tie it was not on. Below 2^-14, where
 * binary16 has fewer bits, the sum is a multiple of 2^-24 and exact.
 */
uint16_t qoq_half_add(uint16_t a, uint16_t b)
{
    return qoq_half_from_float(qoq_half_to_float(a) + qoq_half_to_float(b));
}

/* The product has 22 bits and is at least 2^-48 or zero: exact in binary32. */
uint16_t qoq_half_mul(uint16_t a, uint16_t b)
{
    return qoq_half_from_float(qoq_half_to_float(a) * qoq_half_to_float(b));
}

/*
 * p = a * b is exact in binary64: a multiple of 2^e with |p| < 2^(e+22), e >= -48. c is a multiple
 * of 2^-24 with |c| < 2^16. Where p + c is inexact in binary64, its rounding is harmless:
 * - e >= -24: p + c is a multiple of 2^-24, hence |p + c| >= 2^29 and |p| > 2^28, and the
 *   result is infinite with or without the first rounding.
 * - e < -24: p + c is a multiple of 2^e, hence |p + c| >= 2^(53+e) and |c| > 2^(52+e) >= 2^4. Then
 *   c is normal and no neighbour of c is closer than 2^(41+e), while p and the first rounding
 *   together stay below 2^(23+e): both ways give c, far from any tie.
 */
uint16_t qoq_half_fma(uint16_t a, uint16_t b, uint16_t c)
{
    double p = (double)qoq_half_to_float(a) * (double)qoq_half_to_float(b);

    return qoq_half_from_double(p + (double)qoq_half_to_float(c));
}
