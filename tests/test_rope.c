/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rotary embedding: frequencies and tables against MPFR and published check values, rotation, and
 * profile qserve. N 8, 26. The largest errors found go to stderr.
 */
#include "kv_cache.h"
#include "numerics/elementary.h"
#include "qoq_qserve.h"
#include "ulp.h"

#include <criterion/criterion.h>
#include <mpfr.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define PRECISION 160

static const struct qoq_rope llama31 = {QOQ_ROPE_LLAMA3, 5e5, 8.0, 1.0, 4.0, 8192.0};
static const struct qoq_rope llama32 = {QOQ_ROPE_LLAMA3, 5e5, 32.0, 1.0, 4.0, 8192.0};

static void frequencies(double *f, size_t dim, const struct qoq_rope *rope)
{
    cr_assert_eq(qoq_rope_frequencies(f, dim, rope), QOQ_OK);
}

/* theta^(-2j/D) with 160 bits. */
static void exact_frequency(mpfr_t f, double theta, size_t j, size_t dim)
{
    mpfr_t exponent;

    mpfr_init2(exponent, PRECISION);
    mpfr_set_si(exponent, -2 * (long)j, MPFR_RNDN);
    mpfr_div_ui(exponent, exponent, dim, MPFR_RNDN);
    mpfr_set_d(f, theta, MPFR_RNDN);
    mpfr_pow(f, f, exponent, MPFR_RNDN);
    mpfr_clear(exponent);
}

Test(rope, frequencies_against_mpfr)
{
    static const double thetas[] = {1.0000000000000002, 2.0, 1e4, 5e5, 1e6, 1e7, 123456.789};
    static const size_t dims[] = {2, 6, 8, 64, 80, 128, 256};
    double f[128], worst = 0.0;
    mpfr_t exact;

    mpfr_init2(exact, PRECISION);
    for (size_t i = 0; i < COUNT(thetas) * COUNT(dims); i++) {
        struct qoq_rope rope = {QOQ_ROPE_PLAIN, thetas[i / COUNT(dims)], 0.0, 0.0, 0.0, 0.0};
        size_t dim = dims[i % COUNT(dims)];

        frequencies(f, dim, &rope);
        cr_assert_eq(f[0], 1.0);
        for (size_t j = 0; j < dim / 2; j++) {
            exact_frequency(exact, rope.theta, j, dim);
            mpfr_d_div(exact, f[j], exact, MPFR_RNDN);
            mpfr_sub_ui(exact, exact, 1, MPFR_RNDN);
            worst = fmax(worst, fabs(mpfr_get_d(exact, MPFR_RNDN)));
        }
    }
    mpfr_clear(exact);
    fprintf(stderr, "frequencies: relative error 2^%.2f\n", log2(worst));
    cr_assert(worst < 0x1p-47, "%g", worst);
}

static void near_published(double f, double published)
{
    cr_assert(fabs(f / published - 1.0) < 1.7e-6, "%.9g, published %.9g", f, published);
}

Test(rope, llama3_published_values)
{
    double f[64];

    frequencies(f, 128, &llama31);
    near_published(f[28], 3.211446e-3);
    near_published(f[29], 2.166571e-3);
    near_published(f[34], 1.785078e-4);
    near_published(f[35], 9.556212e-5);
    near_published(f[63], 3.06893e-7);
    frequencies(f, 64, &llama32);
    near_published(f[15], 1.290548e-3);
    near_published(f[17], 9.708288e-5);
    near_published(f[18], 1.946164e-5);
}

/* Kept, blended and divided frequencies, and that blending stays between the two. */
static void check_llama3(const struct qoq_rope *rope, size_t dim, size_t kept, size_t blended)
{
    struct qoq_rope plain = *rope;
    double f[64], g[64];

    plain.kind = QOQ_ROPE_PLAIN;
    frequencies(f, dim, rope);
    frequencies(g, dim, &plain);
    for (size_t j = 0; j < dim / 2; j++) {
        if (j < kept)
            cr_assert_eq(f[j], g[j], "pair %zu is kept", j);
        else if (j < kept + blended)
            cr_assert(f[j] < g[j] && f[j] > g[j] / rope->factor, "pair %zu is blended", j);
        else
            cr_assert_eq(f[j], g[j] / rope->factor, "pair %zu is divided", j);
    }
}

Test(rope, llama3_counts)
{
    check_llama3(&llama31, 128, 29, 6);
    check_llama3(&llama32, 64, 15, 3);
}

/* N 8.1, the blend: each operation rounded, left to right. */
Test(rope, llama3_blend)
{
    struct qoq_rope plain = llama31;
    double f[64], g[64];

    plain.kind = QOQ_ROPE_PLAIN;
    frequencies(f, 128, &llama31);
    frequencies(g, 128, &plain);
    for (size_t j = 29; j < 35; j++) {
        volatile double wavelength = 6.283185307179586 / g[j], ratio = 8192.0 / wavelength;
        volatile double sigma = ratio - 1.0, rest, slow, fast;

        sigma = sigma / 3.0;
        rest = 1.0 - sigma;
        slow = g[j] / 8.0;
        slow = rest * slow;
        fast = sigma * g[j];
        cr_assert_eq(f[j], slow + fast, "pair %zu", j);
    }
}

Test(rope, linear)
{
    struct qoq_rope linear = {QOQ_ROPE_LINEAR, 1e4, 3.0, 0.0, 0.0, 0.0}, plain = linear;
    double f[32], g[32];

    plain.kind = QOQ_ROPE_PLAIN;
    frequencies(f, 64, &linear);
    frequencies(g, 64, &plain);
    for (size_t j = 0; j < 32; j++)
        cr_assert_eq(f[j], g[j] / 3.0);
}

/* Errors of a table: in ulp where the exact value is at least 2^-10, absolute below. */
struct table_error {
    double ulp, tiny, absolute;
};

static void note(struct table_error *e, float got, mpfr_t exact)
{
    double value = mpfr_get_d(exact, MPFR_RNDN), difference;

    mpfr_d_sub(exact, (double)got, exact, MPFR_RNDN);
    difference = fabs(mpfr_get_d(exact, MPFR_RNDN));
    e->absolute = fmax(e->absolute, difference);
    if (fabs(value) >= 0x1p-10)
        e->ulp = fmax(e->ulp, ulp_error(got, value));
    else
        e->tiny = fmax(e->tiny, difference);
}

/* Positions 0 .. 15 and then ever larger steps, to 131071 and the last one, 2^24. */
static size_t position(size_t i)
{
    return i < 16 ? i : i < 300 ? i * i * 131071 / 299 / 299 : (size_t)1 << 24;
}

/* Row of one position, from a table that starts there. */
static void table_row(float *s, float *c, const double *f, size_t dim, size_t p)
{
    cr_assert_eq(qoq_rope_table(s, c, f, dim, p, 1), QOQ_OK);
}

/* own: against sin and cos of p * f_j with f_j as given; whole: against theta^(-2j/D) itself. */
static void measure_table(struct table_error *own, struct table_error *whole, double theta,
                          size_t dim)
{
    struct qoq_rope rope = {QOQ_ROPE_PLAIN, theta, 0.0, 0.0, 0.0, 0.0};
    mpfr_t s, c, angle;
    float sine[64], cosine[64];
    double f[64];

    mpfr_inits2(PRECISION, s, c, angle, (mpfr_ptr)0);
    frequencies(f, dim, &rope);
    for (size_t i = 0; i < 300; i++) {
        table_row(sine, cosine, f, dim, position(i));
        for (size_t j = 0; j < dim / 2; j++) {
            for (int exact = 0; exact < 2; exact++) {
                if (exact)
                    exact_frequency(angle, theta, j, dim);
                else
                    mpfr_set_d(angle, f[j], MPFR_RNDN);
                mpfr_mul_ui(angle, angle, position(i), MPFR_RNDN);
                mpfr_sin_cos(s, c, angle, MPFR_RNDN);
                note(exact ? whole : own, sine[j], s);
                note(exact ? whole : own, cosine[j], c);
            }
        }
    }
    mpfr_clears(s, c, angle, (mpfr_ptr)0);
}

Test(rope, table_against_mpfr)
{
    static const double thetas[] = {1e4, 5e5, 1e6};
    struct table_error own = {0.0, 0.0, 0.0}, whole = own;

    for (size_t i = 0; i < COUNT(thetas); i++) {
        measure_table(&own, &whole, thetas[i], 64);
        measure_table(&own, &whole, thetas[i], 128);
    }
    fprintf(stderr,
            "table to 131071: %.4f ulp, below 2^-10 off by 2^%.1f; frequencies included: %.4f ulp, "
            "2^%.1f\n",
            own.ulp, log2(own.tiny), whole.ulp, log2(whole.tiny));
    cr_assert(own.ulp <= 0.501 && own.tiny <= 0x1p-34, "%g ulp, %g", own.ulp, own.tiny);
    cr_assert(whole.ulp <= 0.51 && whole.absolute <= 0x1.1p-25, "%g ulp, %g", whole.ulp,
              whole.absolute);
}

/*
 * A row does not depend on where its table begins; position 0 turns nothing; the last position
 * works.
 */
Test(rope, table_rows)
{
    float s[2][300 * 24], c[2][300 * 24];
    double f[24];

    frequencies(f, 48, &llama31);
    cr_assert_eq(qoq_rope_table(s[0], c[0], f, 48, 0, 300), QOQ_OK);
    for (size_t p = 0; p < 300; p += 7) {
        cr_assert_eq(qoq_rope_table(s[1], c[1], f, 48, p, 300 - p), QOQ_OK);
        cr_assert_eq(memcmp(s[0] + p * 24, s[1], (300 - p) * 24 * sizeof(float)), 0, "from %zu", p);
        cr_assert_eq(memcmp(c[0] + p * 24, c[1], (300 - p) * 24 * sizeof(float)), 0, "from %zu", p);
    }
    for (size_t j = 0; j < 24; j++)
        cr_assert(s[0][j] == 0.0f && !signbit(s[0][j]) && c[0][j] == 1.0f);
    table_row(s[0], c[0], f, 48, position(300));
    for (size_t j = 0; j < 24; j++)
        cr_assert(isfinite(s[0][j]) && isfinite(c[0][j]));
}

Test(rope, rotation)
{
    static const size_t dims[] = {2, 8, 64, 128, 256};

    for (size_t i = 0; i < COUNT(dims); i++) {
        struct test_random r = test_random(i);
        size_t dim = dims[i], heads = 5;
        float *x = normal_floats(&r, heads * dim, 2.0f), *y = guard_new(heads * dim * sizeof *y);
        float s[128], c[128];
        double f[128];

        frequencies(f, dim, &llama31);
        table_row(s, c, f, dim, 1000 + i);
        cr_assert_eq(qoq_rope_apply(y, x, s, c, heads, dim), QOQ_OK);
        cr_assert(guard_intact(y));
        for (size_t k = 0; k < heads * dim / 2; k++) {
            size_t at = k / (dim / 2) * dim + k % (dim / 2), j = k % (dim / 2);
            float a = x[at], b = x[at + dim / 2];
            double before = hypot((double)a, (double)b),
                   after = hypot((double)y[at], (double)y[at + dim / 2]);

            cr_assert_eq(y[at], fmaf(c[j], a, -(float)((double)s[j] * (double)b)));
            cr_assert_eq(y[at + dim / 2], fmaf(c[j], b, (float)((double)s[j] * (double)a)));
            cr_assert(fabs(after - before) <= 2.5 * 0x1p-24 * before,
                      "D=%zu pair %zu: %g, %g" SEED_FORMAT, dim, j, before, after, test_seed());
        }
        cr_assert_eq(qoq_rope_apply(x, x, s, c, heads, dim), QOQ_OK);
        cr_assert_eq(memcmp(x, y, heads * dim * sizeof *y), 0, "in place, D=%zu" SEED_FORMAT, dim,
                     test_seed());
        cr_assert(guard_intact(x));
        guard_free(x);
        guard_free(y);
    }
}

/* What rotary embedding is for: q at p times k at p - 5 does not depend on p. */
Test(rope, products_depend_on_distance)
{
    struct test_random r = test_random(9);
    float q[64], k[64], s[32], c[32], y[2][64];
    double f[32], first = 0.0;

    frequencies(f, 64, &llama32);
    for (size_t d = 0; d < 64; d++) {
        q[d] = test_normal(&r, 1.0f);
        k[d] = test_normal(&r, 1.0f);
    }
    for (size_t p = 5; p < 131072; p = p * 3 + 1) {
        double dot = 0.0;

        table_row(s, c, f, 64, p);
        cr_assert_eq(qoq_rope_apply(y[0], q, s, c, 1, 64), QOQ_OK);
        table_row(s, c, f, 64, p - 5);
        cr_assert_eq(qoq_rope_apply(y[1], k, s, c, 1, 64), QOQ_OK);
        for (size_t d = 0; d < 64; d++)
            dot += (double)y[0][d] * (double)y[1][d];
        first = p == 5 ? dot : first;
        cr_assert(fabs(dot - first) < 1e-5, "position %zu: %g, not %g" SEED_FORMAT, p, dot, first,
                  test_seed());
    }
}

Test(rope, not_finite)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    const float s[2] = {0.5f, 0.6f}, c[2] = {0.75f, 0.8f};

    for (size_t i = 0; i < COUNT(bad); i++) {
        float x[4] = {1.0f, bad[i], 2.0f, 3.0f}, y[4];

        cr_assert_eq(qoq_rope_apply(y, x, s, c, 1, 4), QOQ_OK);
        cr_assert(isfinite(y[0]) && isfinite(y[2]) && !isfinite(y[1]) && !isfinite(y[3]));
    }
}

Test(rope, argument_errors_of_frequencies)
{
    static const double bad_theta[] = {1.0, 0.5, 0.0, -10000.0, NAN, INFINITY};
    static const double bad_factor[] = {0.999, 0.0, -8.0, NAN, INFINITY};
    struct qoq_rope rope;
    double f[64];

    cr_assert_eq(qoq_rope_frequencies(NULL, 128, &llama31), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_rope_frequencies(f, 128, NULL), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_rope_frequencies(f, 0, &llama31), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_rope_frequencies(f, 127, &llama31), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_rope_frequencies(f, 258, &llama31), QOQ_ERR_SHAPE);
    rope = llama31, rope.kind = (enum qoq_rope_kind)3;
    cr_assert_eq(qoq_rope_frequencies(f, 128, &rope), QOQ_ERR_ARGUMENT);
    for (size_t i = 0; i < COUNT(bad_theta); i++) {
        rope = llama31, rope.theta = bad_theta[i];
        cr_assert_eq(qoq_rope_frequencies(f, 128, &rope), QOQ_ERR_ARGUMENT, "theta %g", rope.theta);
    }
    for (size_t i = 0; i < COUNT(bad_factor); i++) {
        rope = llama31, rope.factor = bad_factor[i];
        cr_assert_eq(qoq_rope_frequencies(f, 128, &rope), QOQ_ERR_ARGUMENT, "factor %g",
                     rope.factor);
        rope.kind = QOQ_ROPE_LINEAR;
        cr_assert_eq(qoq_rope_frequencies(f, 128, &rope), QOQ_ERR_ARGUMENT, "factor %g",
                     rope.factor);
        rope.kind = QOQ_ROPE_PLAIN;
        cr_assert_eq(qoq_rope_frequencies(f, 128, &rope), QOQ_OK, "factor unused");
    }
    rope = llama31, rope.low_freq = 4.0;
    cr_assert_eq(qoq_rope_frequencies(f, 128, &rope), QOQ_ERR_ARGUMENT);
    rope = llama31, rope.low_freq = 0.0;
    cr_assert_eq(qoq_rope_frequencies(f, 128, &rope), QOQ_ERR_ARGUMENT);
    rope = llama31, rope.high_freq = INFINITY;
    cr_assert_eq(qoq_rope_frequencies(f, 128, &rope), QOQ_ERR_ARGUMENT);
    rope = llama31, rope.original_positions = NAN;
    cr_assert_eq(qoq_rope_frequencies(f, 128, &rope), QOQ_ERR_ARGUMENT);
}

Test(rope, argument_errors_of_tables)
{
    static const double bad[] = {-0.5, 1.5, NAN, INFINITY};
    double f[2] = {1.0, 0.5};
    float s[4], c[4], x[4] = {0.0f};
    size_t last = (size_t)1 << 24;

    cr_assert_eq(qoq_rope_table(NULL, c, f, 4, 0, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_rope_table(s, NULL, f, 4, 0, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_rope_table(s, c, NULL, 4, 0, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_rope_table(s, c, f, 3, 0, 2), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_rope_table(s, c, f, 4, 0, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_rope_table(s, c, f, 4, 0, SIZE_MAX / 4), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_rope_table(s, c, f, 4, last, 2), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_rope_table(s, c, f, 4, SIZE_MAX, 2), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_rope_table(s, c, f, 4, last - 1, 2), QOQ_OK);
    for (size_t i = 0; i < COUNT(bad); i++) {
        f[1] = bad[i];
        cr_assert_eq(qoq_rope_table(s, c, f, 4, 0, 2), QOQ_ERR_RANGE, "%g", bad[i]);
    }
    cr_assert_eq(qoq_rope_apply(NULL, x, s, c, 1, 4), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_rope_apply(x, NULL, s, c, 1, 4), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_rope_apply(x, x, NULL, c, 1, 4), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_rope_apply(x, x, s, NULL, 1, 4), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_rope_apply(x, x, s, c, 0, 4), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_rope_apply(x, x, s, c, 1, 5), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_rope_apply(x, x, s, c, SIZE_MAX / 4, 4), QOQ_ERR_SHAPE);
}

/* ---- Profile qserve ---- */

/*
 * The angle as QServe's kernels form it, with correctly rounded functions by MPFR: base^(-2j/D)
 * through binary32 log and exp, times p, over 2 pi.
 */
static void qserve_angle(float *s, float *c, size_t j, size_t dim, size_t p, float base)
{
    double logarithm, power, turns;
    mpfr_t x, y;

    mpfr_inits2(PRECISION, x, y, (mpfr_ptr)0);
    mpfr_set_flt(x, base, MPFR_RNDN);
    mpfr_log2(x, x, MPFR_RNDN);
    logarithm = (double)mpfr_get_flt(x, MPFR_RNDN);
    mpfr_set_flt(x, -(float)((double)((float)(2 * j) / (float)dim) * logarithm), MPFR_RNDN);
    mpfr_exp2(x, x, MPFR_RNDN);
    power = (double)mpfr_get_flt(x, MPFR_RNDN);
    turns = (double)(float)((double)(float)((double)p * power) * 0x1.45f306p-3);
    mpfr_const_pi(x, MPFR_RNDN);
    mpfr_mul_d(x, x, 2.0 * turns, MPFR_RNDN);
    mpfr_sin_cos(x, y, x, MPFR_RNDN);
    *s = mpfr_get_flt(x, MPFR_RNDN);
    *c = mpfr_get_flt(y, MPFR_RNDN);
    mpfr_clears(x, y, (mpfr_ptr)0);
}

/* At most one binary16 step from a rotation by those angles; where exp2 rounds alike, equal. */
Test(rope, qserve_matches_its_description)
{
    static const float bases[] = {1e4f, 5e5f};
    size_t equal = 0, total = 0;

    for (size_t i = 0; i < 60; i++) {
        struct test_random r = test_random(i);
        size_t dim = i % 3 ? 128 : 64, p = (size_t)test_integer(&r, 0, i % 2 ? 8191 : 100);
        qoq_half x[2 * 128], y[2 * 128];
        int prefill = (int)(i / 2 % 2);

        for (size_t d = 0; d < 2 * dim; d++)
            x[d] = qoq_half_from_float(test_normal(&r, 1.0f));
        cr_assert_eq(qoq_qserve_rope(y, x, 2, dim, p, bases[i % 2], prefill), QOQ_OK);
        for (size_t j = 0; j < dim; j++) {
            size_t at = j / (dim / 2) * dim + j % (dim / 2);
            float a = qoq_half_to_float(x[at]), b = qoq_half_to_float(x[at + dim / 2]), s, c, high;
            double slack;

            qserve_angle(&s, &c, j % (dim / 2), dim, p, bases[i % 2]);
            high = prefill ? fmaf(c, b, (float)((double)s * (double)a))
                           : fmaf(s, a, (float)((double)c * (double)b));
            equal += y[at] == qoq_half_from_float(fmaf(c, a, -(float)((double)s * (double)b)));
            equal += y[at + dim / 2] == qoq_half_from_float(high);
            total += 2;
            slack = (0x1p-10 + 2.4e-7 * (double)p) * hypot((double)a, (double)b) + 0x1p-24;
            cr_assert(fabs((double)qoq_half_to_float(y[at + dim / 2]) - (double)high) <= slack,
                      "position %zu pair %zu" SEED_FORMAT, p, j, test_seed());
        }
    }
    cr_assert(equal * 100 >= total * 95, "%zu of %zu" SEED_FORMAT, equal, total, test_seed());
}

/* The fusions of the two kernels (N 26), with the angle from the functions of N 20.1. */
Test(rope, qserve_fusions)
{
    for (size_t i = 0; i < 200; i++) {
        struct test_random r = test_random(500 + i);
        size_t p = (size_t)test_integer(&r, 0, 5000);
        int prefill = (int)(i % 2);
        qoq_half x[64], y[64];

        for (size_t d = 0; d < 64; d++)
            x[d] = qoq_half_from_float(test_normal(&r, 1.0f));
        cr_assert_eq(qoq_qserve_rope(y, x, 1, 64, p, 5e5f, prefill), QOQ_OK);
        for (size_t j = 0; j < 32; j++) {
            float power = (float)(2 * j) / 64.0f * (float)qoq_log2((double)5e5f), turns, s, c, high;
            float a = qoq_half_to_float(x[j]), b = qoq_half_to_float(x[j + 32]);

            turns = (float)p * qoq_exp2(-power) * 0x1.45f306p-3f;
            qoq_sincos(&s, &c, 0x1.921fb54442d18p+2 * (double)turns);
            high = prefill ? fmaf(c, b, (float)((double)s * (double)a))
                           : fmaf(s, a, (float)((double)c * (double)b));
            cr_assert_eq(y[j], qoq_half_from_float(fmaf(c, a, -(float)((double)s * (double)b))),
                         "position %zu pair %zu" SEED_FORMAT, p, j, test_seed());
            cr_assert_eq(y[j + 32], qoq_half_from_float(high), "position %zu pair %zu" SEED_FORMAT,
                         p, j, test_seed());
        }
    }
}

/* The rule of N 26 covers the distance to an exact rotation too, and positions are visibly off. */
Test(rope, qserve_against_exact_rotation)
{
    static const size_t positions[] = {0, 1, 100, 4095, 8191, 32767};
    double worst = 0.0;

    for (size_t i = 0; i < COUNT(positions); i++) {
        for (int prefill = 0; prefill < 2; prefill++) {
            struct test_random r = test_random(70 + i);
            size_t p = positions[i];
            qoq_half x[128], y[128];

            for (size_t d = 0; d < 128; d++)
                x[d] = qoq_half_from_float(test_normal(&r, 1.0f));
            cr_assert_eq(qoq_qserve_rope(y, x, 1, 128, p, 1e4f, prefill), QOQ_OK);
            for (size_t j = 0; j < 64; j++) {
                double angle = (double)p * pow(1e4, -(double)j / 64.0), s = sin(angle),
                       c = cos(angle);
                double a = (double)qoq_half_to_float(x[j]),
                       b = (double)qoq_half_to_float(x[j + 64]);
                double low = fabs((double)qoq_half_to_float(y[j]) - (c * a - s * b));
                double high = fabs((double)qoq_half_to_float(y[j + 64]) - (c * b + s * a));

                cr_assert(fmax(low, high) <= (0x1p-10 + 5e-7 * (double)p) * hypot(a, b),
                          "position %zu pair %zu" SEED_FORMAT, p, j, test_seed());
                if (p == 8191)
                    worst = fmax(worst, fmax(low, high) / hypot(a, b));
            }
            if (p == 0)
                cr_assert_eq(memcmp(x, y, sizeof x), 0, "position 0 turns nothing");
        }
    }
    fprintf(stderr, "qserve at position 8191: off by %.2g\n", worst);
    cr_assert(worst > 2e-4, "hazard: %g", worst);
}

Test(rope, qserve_argument_errors)
{
    static const float bad[] = {1.0f, 0.0f, -1e4f, NAN, INFINITY};
    qoq_half x[4] = {0};

    cr_assert_eq(qoq_qserve_rope(NULL, x, 1, 4, 0, 1e4f, 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_rope(x, NULL, 1, 4, 0, 1e4f, 0), QOQ_ERR_ARGUMENT);
    for (size_t i = 0; i < COUNT(bad); i++)
        cr_assert_eq(qoq_qserve_rope(x, x, 1, 4, 0, bad[i], 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_rope(x, x, 0, 4, 0, 1e4f, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_rope(x, x, 1, 3, 0, 1e4f, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_rope(x, x, SIZE_MAX / 2, 4, 0, 1e4f, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_rope(x, x, 1, 4, ((size_t)1 << 24) + 1, 1e4f, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_rope(x, x, 1, 4, (size_t)1 << 24, 1e4f, 0), QOQ_OK);
}
