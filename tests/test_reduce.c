/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves and tree against padded arrays added level by level, and against exact sums in MPFR. */
#include "numerics/bits.h"
#include "numerics/reduce.h"
#include "tests/ulp.h"

#include <criterion/criterion.h>
#include <math.h>
#include <mpfr.h>

#define MOST 5000
#define MOST_PADDED 8192

enum kind { SUM, SQUARES, PRODUCTS, KINDS };
static const char *const kind_name[] = {"sum", "sum of squares", "sum of products"};

static float reduced(enum kind kind, const float *x, const float *y, size_t n)
{
    if (kind == SUM)
        return qoq_sum(x, n);
    return kind == SQUARES ? qoq_sum_squares(x, n) : qoq_sum_products(x, y, n);
}

/* The definition, literally: pad elements, sum all leaves, pad leaves, add neighbours, add +0. */
static float by_levels(enum kind kind, const float *x, const float *y, size_t n)
{
    static float a[MOST_PADDED], b[MOST_PADDED], leaf[MOST_PADDED];
    size_t leaves = (n + QOQ_LEAF - 1) / QOQ_LEAF, width = 1;

    for (size_t i = 0; i < leaves * QOQ_LEAF; i++) {
        a[i] = i < n ? x[i] : 0.0f;
        b[i] = i >= n ? 0.0f : kind == SQUARES ? x[i] : y[i];
    }
    while (width < leaves)
        width *= 2;
    for (size_t l = 0; l < width; l++) {
        leaf[l] = 0.0f;
        for (size_t i = l * QOQ_LEAF; l < leaves && i < (l + 1) * QOQ_LEAF; i++)
            leaf[l] = kind == SUM ? leaf[l] + a[i] : fmaf(a[i], b[i], leaf[l]);
    }
    for (; width > 1; width /= 2) {
        for (size_t l = 0; l < width / 2; l++)
            leaf[l] = leaf[2 * l] + leaf[2 * l + 1];
    }
    return leaf[0] + 0.0f;
}

/* Values over many magnitudes and both signs, so that order shows; style 1 is all tiny. */
static void fill(float *x, size_t n, int style, uint64_t *seed)
{
    for (size_t i = 0; i < n; i++) {
        double scale = style == 0 ? random_scaled(seed, -10, 10) : 0x1p-75;

        x[i] = (float)((random_unit(seed) - 0.5) * scale);
        if (random_bits(seed) % 16 == 0)
            x[i] = random_bits(seed) % 2 ? 0.0f : -0.0f;
    }
}

static void check(const float *x, const float *y, size_t n, int style)
{
    for (int kind = SUM; kind < KINDS; kind++) {
        float got = reduced((enum kind)kind, x, y, n), want = by_levels((enum kind)kind, x, y, n);

        cr_assert(qoq_float_bits(got) == qoq_float_bits(want),
                  "%s, n = %zu, style %d: %a, expected %a", kind_name[kind], n, style, (double)got,
                  (double)want);
    }
}

Test(reduce, equals_the_definition)
{
    static float x[MOST], y[MOST];
    uint64_t seed = 21;

    for (size_t n = 0; n <= 1100; n++) {
        for (int style = 0; style < 2; style++) {
            fill(x, n, style, &seed);
            fill(y, n, style, &seed);
            check(x, y, n, style);
        }
    }
    for (int i = 0; i < 2000; i++) {
        size_t n = random_bits(&seed) % (MOST + 1);
        fill(x, n, i % 2, &seed);
        fill(y, n, i % 2, &seed);
        check(x, y, n, i % 2);
    }
}

/* |computed - exact| <= d u (1 + d u) sum |terms|, u = 2^-24, d roundings on the longest path. */
static void check_bound(enum kind kind, const float *x, const float *y, size_t n)
{
    mpfr_t sum, size, term;
    double d = QOQ_LEAF + 2, got = (double)reduced(kind, x, y, n), error, bound;

    for (size_t leaves = (n + QOQ_LEAF - 1) / QOQ_LEAF; leaves > 1; leaves = (leaves + 1) / 2)
        d += 1.0;
    mpfr_inits2(400, sum, size, term, (mpfr_ptr)0);
    mpfr_set_zero(sum, 1);
    mpfr_set_zero(size, 1);
    for (size_t i = 0; i < n; i++) {
        mpfr_set_flt(term, x[i], MPFR_RNDN);
        if (kind != SUM)
            mpfr_mul_d(term, term, (double)(kind == SQUARES ? x[i] : y[i]), MPFR_RNDN);
        mpfr_add(sum, sum, term, MPFR_RNDN);
        mpfr_abs(term, term, MPFR_RNDN);
        mpfr_add(size, size, term, MPFR_RNDN);
    }
    mpfr_sub_d(sum, sum, got, MPFR_RNDN);
    error = fabs(mpfr_get_d(sum, MPFR_RNDN));
    bound = d * 0x1p-24 * (1.0 + d * 0x1p-23) * mpfr_get_d(size, MPFR_RNDU);
    mpfr_clears(sum, size, term, (mpfr_ptr)0);
    cr_assert(error <= bound, "%s, n = %zu: error %g, bound %g", kind_name[kind], n, error, bound);
}

Test(reduce, error_stays_within_the_bound)
{
    static float x[MOST], y[MOST];
    uint64_t seed = 22;

    for (int i = 0; i < 300; i++) {
        size_t n = random_bits(&seed) % (MOST + 1);
        fill(x, n, 0, &seed);
        fill(y, n, 0, &seed);
        for (int kind = SUM; kind < KINDS; kind++)
            check_bound((enum kind)kind, x, y, n);
    }
}

/* The tests above see the order only if moving leaves or elements shows. */
Test(reduce, order_shows_in_the_bits)
{
    static float x[1024], moved[1024];
    uint64_t seed = 23;
    int by_leaf = 0, by_element = 0;

    for (int i = 0; i < 100; i++) {
        fill(x, 1024, 0, &seed);
        for (size_t j = 0; j < 1024; j++)
            moved[j] = x[(j + QOQ_LEAF) % 1024];
        by_leaf += qoq_sum(x, 1024) != qoq_sum(moved, 1024);
        for (size_t j = 0; j < 1024; j++)
            moved[j] = x[j ^ (QOQ_LEAF - 1)];
        by_element += qoq_sum(x, 1024) != qoq_sum(moved, 1024);
    }
    cr_assert(by_leaf > 50 && by_element > 50, "order shows in %d and %d of 100", by_leaf,
              by_element);
}

/* With two large opposite leaves, only pairing neighbours keeps the small ones. */
Test(reduce, leaves_are_paired_with_their_neighbour)
{
    static float x[4 * QOQ_LEAF];

    cr_assert(QOQ_LEAF == 16);
    x[0] = 0x1p30f;
    x[QOQ_LEAF] = -0x1p30f;
    x[2 * QOQ_LEAF] = 1.0f;
    x[3 * QOQ_LEAF] = 2.0f;
    cr_assert(qoq_sum(x, 4 * QOQ_LEAF) == 3.0f);
    x[QOQ_LEAF] = 1.0f;
    x[2 * QOQ_LEAF] = -0x1p30f;
    cr_assert(qoq_sum(x, 4 * QOQ_LEAF) == 0.0f);
}

Test(reduce, zero_has_one_sign)
{
    const float minus[3] = {-0.0f, -0.0f, -0.0f};
    const float tiny[17] = {0x1p-100f, [16] = 0x1p-100f},
                opposite[17] = {-0x1p-100f, [16] = -0x1p-100f};

    for (size_t n = 0; n <= 3; n++) {
        cr_assert(qoq_float_bits(qoq_sum(minus, n)) == 0, "sum of %zu negative zeros", n);
        cr_assert(qoq_float_bits(qoq_sum_products(minus, minus, n)) == 0, "%zu products", n);
    }
    for (size_t n = 1; n <= 17; n++)
        cr_assert(qoq_float_bits(qoq_sum_products(tiny, opposite, n)) == 0, "%zu tiny products", n);
}

Test(reduce, infinities_and_nan_reach_the_result)
{
    static float x[40];

    x[37] = INFINITY;
    cr_assert(qoq_sum(x, 40) == INFINITY && qoq_sum_squares(x, 40) == INFINITY);
    x[3] = -INFINITY;
    cr_assert(isnan(qoq_sum(x, 40)) && isnan(qoq_sum_products(x, x + 1, 39)));
    x[3] = NAN;
    cr_assert(isnan(qoq_sum(x, 40)) && isnan(qoq_sum_squares(x, 40)));
}

Test(reduce, extrema_are_exact_and_order_free)
{
    static float x[MOST];
    uint64_t seed = 24;

    for (int i = 0; i < 2000; i++) {
        size_t n = 1 + random_bits(&seed) % 300;
        float lo, hi, least = INFINITY, most = -INFINITY, size = 0.0f;

        for (size_t j = 0; j < n; j++) {
            do
                x[j] = qoq_float_of_bits((uint32_t)random_bits(&seed));
            while (isnan(x[j]));
            least = fminf(least, x[j]);
            most = fmaxf(most, x[j]);
            size = fmaxf(size, fabsf(x[j]));
        }
        qoq_min_max(&lo, &hi, x, n);
        cr_assert(lo == least && hi == most, "n = %zu: %a %a, expected %a %a", n, (double)lo,
                  (double)hi, (double)least, (double)most);
        cr_assert(qoq_max_abs(x, n) == size, "n = %zu", n);
    }
}

Test(reduce, extrema_of_zeros)
{
    const float zeros[2] = {0.0f, -0.0f}, turned[2] = {-0.0f, 0.0f};
    float lo, hi;

    cr_assert(qoq_float_bits(qoq_max_abs(zeros, 0)) == 0 &&
              qoq_float_bits(qoq_max_abs(turned, 1)) == 0);
    qoq_min_max(&lo, &hi, zeros, 2);
    cr_assert(qoq_float_bits(lo) == 0x80000000 && qoq_float_bits(hi) == 0);
    qoq_min_max(&lo, &hi, turned, 2);
    cr_assert(qoq_float_bits(lo) == 0x80000000 && qoq_float_bits(hi) == 0);
}

Test(reduce, extrema_of_nan)
{
    const uint32_t patterns[] = {0x7fc00000, 0xffc00000, 0x7f800001,
                                 0xff800001, 0x7fffffff, 0xffffffff};

    for (size_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++) {
        for (size_t at = 0; at < 37; at++) {
            float x[37], lo, hi;

            for (size_t j = 0; j < 37; j++)
                x[j] = j % 3 == 0 ? INFINITY : j % 3 == 1 ? -INFINITY : 1.0f;
            memcpy(&x[at], &patterns[p], sizeof(float));
            qoq_min_max(&lo, &hi, x, 37);
            cr_assert(qoq_float_bits(lo) == QOQ_NAN_BITS && qoq_float_bits(hi) == QOQ_NAN_BITS,
                      "pattern %08x at %zu", (unsigned)patterns[p], at);
            cr_assert(qoq_float_bits(qoq_max_abs(x, 37)) == QOQ_NAN_BITS);
        }
    }
}
