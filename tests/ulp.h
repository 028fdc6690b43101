/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers of the numeric tests: errors in units in the last place, random bits, digests. */
#ifndef QOQ_TESTS_ULP_H
#define QOQ_TESTS_ULP_H

#include "numerics/bits.h"
#include "numerics/gen.h"

#include <math.h>

/*
 * |y - exact| in units of the last place that binary32 has at |exact|, at least 2^-149. Infinity
 * counts as 2^128, where rounding to nearest would put it.
 */
static inline double ulp_error(float y, double exact)
{
    uint64_t e = qoq_double_bits(exact) >> 52 & 0x7ff;
    double scale = qoq_double_of_bits((UINT64_C(2046) + 23 - (e > 897 ? e : 897)) << 52);
    double a = y <= FLT_MAX ? y : 0x1p128;
    double b = exact <= 0x1p128 ? exact : 0x1p128;
    double d = a - b;

    return (d < 0 ? -d : d) * (e >= 1151 ? 0x1p-104 : scale);
}

/* A generator of 64 random bits (splitmix64); any seed will do. */
static inline uint64_t random_bits(uint64_t *state)
{
    return qoq_gen_next(state);
}

/* Uniform in [0, 1). */
static inline double random_unit(uint64_t *state)
{
    return (double)(random_bits(state) >> 11) * 0x1p-53;
}

/* (1 + u) 2^e, u uniform in [0, 1), e uniform in [lo, hi]. */
static inline double random_scaled(uint64_t *state, int lo, int hi)
{
    double m = 1.0 + random_unit(state);

    return ldexp(m, lo + (int)(random_bits(state) % (uint64_t)(hi - lo + 1)));
}

/* FNV-1a over 64-bit words; start with QOQ_DIGEST_START. */
#define QOQ_DIGEST_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t digest_add(uint64_t digest, uint64_t word)
{
    return (digest ^ word) * UINT64_C(0x100000001b3);
}

#endif
