/* SPDX-License-Identifier: Apache-2.0 */
/* qoq_round_clamp against an integer computation on the bit pattern. */
#include "numerics/bits.h"
#include "numerics/round.h"
#include "tests/ulp.h"

#include <criterion/criterion.h>
#include <math.h>

#define LIMIT (INT32_C(1) << 24)

static const int32_t bounds[][2] = {
    {-128, 127},     {-127, 127},    {-8, 7},          {0, 15},     {0, 255},
    {-7, 7},         {0, 0},         {-1, 0},          {3, 9},      {-9, -3},
    {-LIMIT, LIMIT}, {LIMIT, LIMIT}, {-LIMIT, -LIMIT}, {-119, 119},
};
#define BOUNDS (sizeof bounds / sizeof bounds[0])

/* |x| in units of 1/2, the rest below as a sticky bit, then to nearest even; |x| < 2^31. */
static int64_t nearest(float x)
{
    uint32_t u = qoq_float_bits(x);
    int e = (int)(u >> 23 & 0xff);
    int64_t m = (u & 0x7fffff) | 0x800000, halves, sticky = 0;
    int down = 149 - e;

    if (down >= 32)
        return 0;
    if (down > 0) {
        halves = m >> down;
        sticky = m != halves << down;
    } else {
        halves = m << -down;
    }
    int64_t whole = halves / 2;
    if (halves % 2 && (sticky || whole % 2))
        whole++;
    return u >> 31 ? -whole : whole;
}

static int32_t expected(float x, int32_t lo, int32_t hi)
{
    int64_t y = x != x ? 0 : x >= 0x1p30f ? LIMIT : x <= -0x1p30f ? -LIMIT : nearest(x);

    return (int32_t)(y < lo ? lo : y > hi ? hi : y);
}

static void check(float x)
{
    for (size_t i = 0; i < BOUNDS; i++) {
        int32_t got = qoq_round_clamp(x, bounds[i][0], bounds[i][1]);
        int32_t want = expected(x, bounds[i][0], bounds[i][1]);

        cr_assert(got == want, "round(%a) in [%d, %d]: %d, expected %d", (double)x, bounds[i][0],
                  bounds[i][1], got, want);
    }
}

static void check_around(float x)
{
    check(x);
    check(-x);
    check(nextafterf(x, INFINITY));
    check(nextafterf(x, -INFINITY));
    check(-nextafterf(x, INFINITY));
    check(-nextafterf(x, -INFINITY));
}

Test(round, known_values)
{
    cr_assert_eq(qoq_round_clamp(0.5f, -8, 7), 0);
    cr_assert_eq(qoq_round_clamp(1.5f, -8, 7), 2);
    cr_assert_eq(qoq_round_clamp(2.5f, -8, 7), 2);
    cr_assert_eq(qoq_round_clamp(-2.5f, -8, 7), -2);
    cr_assert_eq(qoq_round_clamp(-3.5f, -8, 7), -4);
    cr_assert_eq(qoq_round_clamp(7.5f, -8, 7), 7);
    cr_assert_eq(qoq_round_clamp(NAN, 3, 7), 3);
    cr_assert_eq(qoq_round_clamp(NAN, -8, 7), 0);
    cr_assert_eq(qoq_round_clamp(INFINITY, -128, 127), 127);
    cr_assert_eq(qoq_round_clamp(-INFINITY, -128, 127), -128);
    cr_assert_eq(qoq_round_clamp(16777215.0f, -LIMIT, LIMIT), 16777215);
}

Test(round, ties_and_their_neighbours)
{
    for (int i = 0; i < 70000; i++) {
        check_around((float)i);
        check_around((float)i + 0.5f);
    }
    for (int e = -149; e < 128; e++) {
        check_around(ldexpf(1.0f, e));
        check_around(ldexpf(0x1.fffffep0f, e));
        check_around(ldexpf(1.5f, e));
    }
}

Test(round, limits_and_special_values)
{
    const float special[] = {0.0f,           INFINITY, NAN,     -NAN,    FLT_MAX, FLT_MIN, 0x1p22f,
                             0x1p23f - 0.5f, 0x1p23f,  0x1p24f, 0x1p31f, 0x1p32f, 0x1p63f};

    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        check(special[i]);
        check(-special[i]);
    }
    for (size_t i = 0; i < BOUNDS; i++) {
        for (int side = 0; side < 2; side++) {
            check_around((float)bounds[i][side] + 0.5f);
            check_around((float)bounds[i][side] - 0.5f);
        }
    }
}

Test(round, every_exponent_and_sign_with_random_fractions)
{
    uint64_t seed = 11;

    for (uint32_t top = 0; top < 512; top++) {
        for (int i = 0; i < 2000; i++)
            check(qoq_float_of_bits(top << 23 | (uint32_t)(random_bits(&seed) >> 41)));
    }
}
