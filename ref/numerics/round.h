/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding to an integer with saturation (N 2.2): the only such conversion of the project. */
#ifndef QOQ_NUMERICS_ROUND_H
#define QOQ_NUMERICS_ROUND_H

#include "numerics/assumptions.h"

/*
 * x to the nearest integer, ties to even, saturated to [lo, hi]; infinities saturate, NaN counts
 * as 0. -2^24 <= lo <= hi <= 2^24.
 *
 * Saturating first gives the same as saturating last, and keeps the conversion to int32_t defined:
 * rounding never decreases and leaves integers alone, so x <= lo rounds to at most lo and
 * saturates to lo either way; likewise hi; between them x rounds to a value between them.
 *
 * Adding 1.5 * 2^52 in binary64, where neighbours are one apart, rounds to nearest even, and the
 * subtraction is exact.
 */
static inline int32_t qoq_round_clamp(float x, int32_t lo, int32_t hi)
{
    const double shift = 0x1.8p52;
    float a = x == x ? x : 0.0f;
    double b = a < (float)lo ? (float)lo : a;
    double c = b > (double)hi ? (double)hi : b;

    return (int32_t)((c + shift) - shift);
}

#endif
