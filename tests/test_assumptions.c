/* SPDX-License-Identifier: Apache-2.0 */
/* What numerics/assumptions.h cannot see at compile time: contraction, subnormals, rounding. */
#include "numerics/bits.h"

#include <criterion/criterion.h>
#include <fenv.h>
#include <math.h>

/* Operands come through volatile, so that the compiler must compute and cannot fold. */
static float opaque(float x)
{
    volatile float v = x;
    return v;
}

static double opaque_d(double x)
{
    volatile double v = x;
    return v;
}

Test(assumptions, float_expressions_are_not_contracted)
{
    float a = opaque(1.0f + 0x1p-12f), c = opaque(-(1.0f + 0x1p-11f));
    float plain = a * a + c, minus = -(a * a) - c;
    float fused = fmaf(a, a, c);

    cr_assert(plain == 0.0f && minus == 0.0f, "contracted: a * a + c = %a", (double)plain);
    cr_assert(fused == 0x1p-24f, "fmaf rounds twice: %a", (double)fused);
}

Test(assumptions, double_expressions_are_not_contracted)
{
    double a = opaque_d(1.0 + 0x1p-27), c = opaque_d(-(1.0 + 0x1p-26));
    double plain = a * a + c, minus = -(a * a) - c;
    double fused = fma(a, a, c);

    cr_assert(plain == 0.0 && minus == 0.0, "contracted: a * a + c = %a", plain);
    cr_assert(fused == 0x1p-54, "fma rounds twice: %a", fused);
}

/* A loop the compiler may vectorize is not contracted either. */
Test(assumptions, loops_are_not_contracted)
{
    float x[64], y[64];

    for (int i = 0; i < 64; i++) {
        x[i] = opaque(1.0f + 0x1p-12f);
        y[i] = opaque(-(1.0f + 0x1p-11f));
    }
    for (int i = 0; i < 64; i++)
        y[i] = x[i] * x[i] + y[i];
    for (int i = 0; i < 64; i++)
        cr_assert(y[i] == 0.0f, "contracted at %d: %a", i, (double)y[i]);
}

Test(assumptions, float_is_not_kept_wider)
{
    float a = opaque(0x1p24f), b = a + 1.0f, c = b - a;
    double d = opaque_d(0x1p53), e = d + 1.0, f = e - d;

    cr_assert(c == 0.0f && f == 0.0, "excess precision: %a %a", (double)c, f);
}

Test(assumptions, subnormals_are_kept)
{
    float least = opaque(0x1p-126f), half = least * 0.5f, tiny = opaque(0x1p-149f);
    double least_d = opaque_d(0x1p-1022), half_d = least_d * 0.5;

    cr_assert(qoq_float_bits(half) == UINT32_C(0x00400000), "results flushed to zero");
    cr_assert(half + half == least && tiny + tiny == 0x1p-148f, "operands taken as zero");
    cr_assert(tiny * 0x1p127f == 0x1p-22f, "operands taken as zero");
    cr_assert(fmaf(half, 0.5f, 0.0f) == 0x1p-128f, "fmaf flushes");
    cr_assert(qoq_double_bits(half_d) == UINT64_C(0x0008000000000000) && half_d + half_d == least_d,
              "binary64 subnormals flushed");
}

Test(assumptions, rounding_is_to_nearest_even)
{
    float one = opaque(1.0f), next = opaque(1.0f + 0x1p-23f);

    cr_assert(fegetround() == FE_TONEAREST);
    cr_assert(one + 0x1p-24f == one && next + 0x1p-24f == one + 0x1p-22f, "ties not to even");
    cr_assert(-one - 0x1p-24f == -one && one + 0x1.8p-24f == next, "not to nearest");
}

Test(assumptions, zero_signs_and_division)
{
    float zero = opaque(0.0f), minus = -zero;

    cr_assert(qoq_float_bits(minus + zero) == 0 && qoq_float_bits(minus + minus) == 0x80000000);
    cr_assert(1.0f / minus == -INFINITY && sqrtf(opaque(2.0f)) == 0x1.6a09e6p+0f);
    cr_assert(opaque(1.0f) / opaque(3.0f) == 0x1.555556p-2f);
}
