/* SPDX-License-Identifier: Apache-2.0 */
/* binary16: every pattern, every rounding boundary, and the arithmetic against MPFR. */
#include "numerics/half.h"
#include "tests/ulp.h"

#include <criterion/criterion.h>
#include <math.h>
#include <mpfr.h>

/* The value of a finite pattern from its three fields; infinity counts as 2^16. */
static double value(uint32_t h)
{
    int e = (int)(h >> 10 & 31), m = (int)(h & 1023);
    double a = e == 0 ? ldexp(m, -24) : ldexp(1024 + m, e - 25);

    return h & 0x8000 ? -a : a;
}

/* The nearest pattern by searching the ordered values; ties to the even pattern. */
static uint16_t nearest(double x)
{
    uint32_t sign = signbit(x) ? 0x8000 : 0, lo = 0, hi = QOQ_HALF_INF;
    double a = fabs(x), middle;

    if (isnan(x))
        return QOQ_HALF_NAN;
    if (a >= value(hi))
        return (uint16_t)(sign | hi);
    while (hi - lo > 1) {
        uint32_t mid = (lo + hi) / 2;
        if (value(mid) <= a)
            lo = mid;
        else
            hi = mid;
    }
    middle = (value(lo) + value(hi)) / 2;
    return (uint16_t)(sign | (a < middle || (a == middle && lo % 2 == 0) ? lo : hi));
}

static void check_float(float x)
{
    uint16_t got = qoq_half_from_float(x), want = nearest((double)x);

    cr_assert(got == want, "from_float(%a): %04x, expected %04x", (double)x, got, want);
    got = qoq_half_from_double((double)x);
    cr_assert(got == want, "from_double(%a): %04x, expected %04x", (double)x, got, want);
}

static void check_double(double x)
{
    uint16_t got = qoq_half_from_double(x), want = nearest(x);

    cr_assert(got == want, "from_double(%a): %04x, expected %04x", x, got, want);
}

Test(half, every_pattern_to_float_and_back)
{
    for (uint32_t h = 0; h < 0x10000; h++) {
        float x = qoq_half_to_float((uint16_t)h);
        int finite = (h & 0x7fff) < 0x7c00;

        cr_assert(qoq_half_is_finite((uint16_t)h) == finite, "%04x", h);
        if ((h & 0x7fff) > 0x7c00) {
            cr_assert(isnan(x), "%04x gives %a", h, (double)x);
            cr_assert(qoq_half_from_float(x) == QOQ_HALF_NAN, "%04x", h);
            continue;
        }
        cr_assert(finite ? (double)x == value(h) : isinf(x), "%04x gives %a", h, (double)x);
        cr_assert(!signbit(x) == !(h & 0x8000), "%04x", h);
        cr_assert(qoq_half_from_float(x) == h && qoq_half_from_double((double)x) == h, "%04x", h);
    }
}

Test(half, every_boundary_between_neighbours)
{
    for (uint32_t h = 0; h < QOQ_HALF_INF; h++) {
        float a = (float)value(h), b = (float)((value(h) + value(h + 1)) / 2);

        for (int sign = 0; sign < 2; sign++, a = -a, b = -b) {
            check_float(a);
            check_float(nextafterf(a, INFINITY));
            check_float(nextafterf(a, -INFINITY));
            check_float(b);
            check_float(nextafterf(b, INFINITY));
            check_float(nextafterf(b, -INFINITY));
        }
    }
}

Test(half, overflow_and_underflow)
{
    cr_assert_eq(qoq_half_from_float(65519.996f), 0x7bff);
    cr_assert_eq(qoq_half_from_float(65520.0f), 0x7c00);
    cr_assert_eq(qoq_half_from_float(-65520.0f), 0xfc00);
    cr_assert_eq(qoq_half_from_double(nextafter(65520.0, 0.0)), 0x7bff);
    cr_assert_eq(qoq_half_from_double(65520.0), 0x7c00);
    cr_assert_eq(qoq_half_from_float(FLT_MAX), 0x7c00);
    cr_assert_eq(qoq_half_from_double(-DBL_MAX), 0xfc00);
    cr_assert_eq(qoq_half_from_float(0x1p-25f), 0);
    cr_assert_eq(qoq_half_from_float(nextafterf(0x1p-25f, 1.0f)), 1);
    cr_assert_eq(qoq_half_from_double(nextafter(0x1p-25, 1.0)), 1);
    cr_assert_eq(qoq_half_from_float(-0x1p-149f), 0x8000);
    cr_assert_eq(qoq_half_from_double(-0x1p-1074), 0x8000);
    cr_assert_eq(qoq_half_from_float(-NAN), QOQ_HALF_NAN);
    cr_assert_eq(qoq_half_from_float(qoq_float_of_bits(0xff800001)), QOQ_HALF_NAN);
    cr_assert_eq(qoq_half_from_double(-(double)NAN), QOQ_HALF_NAN);
    cr_assert_eq(qoq_half_from_double(qoq_double_of_bits(UINT64_C(0x7ff0000000000001))),
                 QOQ_HALF_NAN);
}

Test(half, from_float_over_all_exponents)
{
    uint64_t seed = 31;

    for (uint32_t top = 0; top < 512; top++) {
        for (int i = 0; i < 1000; i++) {
            float x = qoq_float_of_bits(top << 23 | (uint32_t)(random_bits(&seed) >> 41));
            check_float(x);
        }
    }
}

/* Just off a tie, by less than binary32 can hold: going through binary32 would lose the side. */
Test(half, from_double_rounds_once)
{
    int trapped = 0;

    for (uint32_t h = 0; h < QOQ_HALF_INF; h++) {
        double tie = (value(h) + value(h + 1)) / 2;

        for (int sign = 0; sign < 2; sign++, tie = -tie) {
            const double near[] = {tie,
                                   nextafter(tie, INFINITY),
                                   nextafter(tie, -INFINITY),
                                   tie * (1.0 + 0x1p-40),
                                   tie * (1.0 - 0x1p-40),
                                   tie * (1.0 + 0x1p-26)};

            for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
                check_double(near[i]);
                trapped += qoq_half_from_float((float)near[i]) != nearest(near[i]);
            }
        }
    }
    cr_assert(trapped > 100000, "only %d values would show a double rounding", trapped);
}

Test(half, from_double_over_all_exponents)
{
    uint64_t seed = 32;

    for (int e = -1080; e < 1024; e++) {
        for (int i = 0; i < 100; i++)
            check_double((i % 2 ? 1 : -1) * random_scaled(&seed, e, e));
    }
    for (int i = 0; i < 500000; i++)
        check_double((i % 2 ? 1 : -1) * random_scaled(&seed, -28, 16));
}

Test(half, bfloat_is_the_upper_half_of_a_float)
{
    for (uint32_t b = 0; b < 0x10000; b++) {
        int e = (int)(b >> 7 & 255), m = (int)(b & 127);
        double a = e == 0 ? ldexp(m, -133) : ldexp(128 + m, e - 134);
        float x = qoq_bfloat_to_float((uint16_t)b);

        if (e == 255)
            cr_assert(m ? isnan(x) : isinf(x), "%04x", b);
        else
            cr_assert((double)x == (b & 0x8000 ? -a : a), "%04x", b);
        cr_assert(isnan(x) || !signbit(x) == !(b & 0x8000), "%04x", b);
    }
}

static double any_value(uint16_t h)
{
    if (qoq_half_is_finite(h))
        return value(h);
    return (h & 0x3ff) ? (double)NAN : h & 0x8000 ? -(double)INFINITY : (double)INFINITY;
}

/* The sum of two halves has at most 41 bits and their product 22: exact in binary64. */
static void check_add_mul(uint16_t a, uint16_t b)
{
    uint16_t sum = nearest(any_value(a) + any_value(b));
    uint16_t product = nearest(any_value(a) * any_value(b));

    cr_assert(qoq_half_add(a, b) == sum, "%04x + %04x: %04x, expected %04x", a, b,
              qoq_half_add(a, b), sum);
    cr_assert(qoq_half_mul(a, b) == product, "%04x * %04x: %04x, expected %04x", a, b,
              qoq_half_mul(a, b), product);
}

Test(half, add_and_mul)
{
    const uint16_t special[] = {0,      1,      2,      0x3ff,  0x400,  0x401,  0x3bff,
                                0x3c00, 0x3c01, 0x7bff, 0x7c00, 0x7e00, 0x7c01, 0x8000,
                                0x8001, 0xbc00, 0xfbff, 0xfc00, 0xffff};
    uint64_t seed = 33;

    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        for (uint32_t b = 0; b < 0x10000; b++) {
            check_add_mul(special[i], (uint16_t)b);
            check_add_mul((uint16_t)b, special[i]);
        }
    }
    for (int i = 0; i < 2000000; i++) {
        uint64_t u = random_bits(&seed);
        check_add_mul((uint16_t)u, (uint16_t)(u >> 16));
    }
}

/* MPFR with the precision and the exponents of binary16: one rounding, subnormals included. */
struct exact {
    mpfr_t a, b, c, r;
};

static void exact_open(struct exact *m)
{
    mpfr_inits2(11, m->a, m->b, m->c, m->r, (mpfr_ptr)0);
    mpfr_set_emin(-23);
    mpfr_set_emax(16);
}

static void check_fma(struct exact *m, uint16_t a, uint16_t b, uint16_t c)
{
    uint16_t got = qoq_half_fma(a, b, c), want;
    int inexact;

    mpfr_set_d(m->a, any_value(a), MPFR_RNDN);
    mpfr_set_d(m->b, any_value(b), MPFR_RNDN);
    mpfr_set_d(m->c, any_value(c), MPFR_RNDN);
    inexact = mpfr_fma(m->r, m->a, m->b, m->c, MPFR_RNDN);
    mpfr_subnormalize(m->r, inexact, MPFR_RNDN);
    want = nearest(mpfr_get_d(m->r, MPFR_RNDN));
    cr_assert(got == want, "fma(%04x, %04x, %04x): %04x, expected %04x", a, b, c, got, want);
}

static void exact_close(struct exact *m)
{
    mpfr_clears(m->a, m->b, m->c, m->r, (mpfr_ptr)0);
    mpfr_free_cache();
}

Test(half, fma_on_random_patterns)
{
    struct exact m;
    uint64_t seed = 34;

    exact_open(&m);
    for (int i = 0; i < 1500000; i++) {
        uint64_t u = random_bits(&seed);
        check_fma(&m, (uint16_t)u, (uint16_t)(u >> 16), (uint16_t)(u >> 32));
    }
    exact_close(&m);
}

/* c close to -a * b, and c close to the tie next to a * b: cancellation and near ties. */
Test(half, fma_on_cancellation_and_near_ties)
{
    struct exact m;
    uint64_t seed = 35;

    exact_open(&m);
    for (int i = 0; i < 300000; i++) {
        uint64_t u = random_bits(&seed);
        uint16_t a = (uint16_t)u, b = (uint16_t)(u >> 16 & 0x83ff) | 0x3c00;
        uint16_t p = nearest(any_value(a) * any_value(b));

        for (int step = -1; step <= 1; step++)
            check_fma(&m, a, b, (uint16_t)((p ^ 0x8000) + step));
        check_fma(&m, a, b, (uint16_t)(u >> 32 & 0x8fff));
    }
    exact_close(&m);
}

/*
 * Operands with few significant bits and every exponent: products on ties of the result, with
 * an addend far below or above that decides the side, the case binary64 cannot always hold.
 */
Test(half, fma_on_ties_decided_by_a_small_term)
{
    static const uint16_t fraction[] = {0, 1, 0x200, 0x201, 0x3ff, 0x021, 0x001};
    struct exact m;
    uint64_t seed = 36;

    exact_open(&m);
    for (uint32_t ea = 0; ea < 31; ea++) {
        for (uint32_t eb = 0; eb < 31; eb++) {
            for (uint32_t ec = 0; ec < 31; ec++) {
                for (int i = 0; i < 30; i++) {
                    uint64_t u = random_bits(&seed);
                    uint32_t a = ea << 10 | fraction[u % 7] | (u >> 48 & 0x8000);
                    uint32_t b = eb << 10 | fraction[u / 7 % 7];
                    uint32_t c = ec << 10 | fraction[u / 49 % 7] | (u >> 47 & 0x8000);

                    check_fma(&m, (uint16_t)a, (uint16_t)b, (uint16_t)c);
                }
            }
        }
    }
    exact_close(&m);
}
