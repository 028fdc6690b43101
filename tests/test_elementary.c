/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The elementary functions: exp and exp2 over every binary32 pattern against binary64 libm, whose
 * own error is checked against MPFR; the others on dense grids against MPFR. The measured maxima
 * go to stderr. Digests of results hold every build to the same bits.
 */
#include "numerics/elementary.h"
#include "tests/ulp.h"

#include <criterion/criterion.h>
#include <mpfr.h>
#include <stdio.h>

enum function { EXP, EXP2 };

/* The patterns from `first` to `last` have one sign and neither a constant nor a special result. */
struct span {
    enum function function;
    uint32_t first, last;
};

static const struct span spans[] = {
    {EXP, 0x33000000, 0x42b20000},  /* 2^-25 to 89 */
    {EXP, 0xb3000000, 0xc2d20000},  /* -2^-25 to -105 */
    {EXP2, 0x33000000, 0x43010000}, /* 2^-25 to 129 */
    {EXP2, 0xb3000000, 0xc3170000}, /* -2^-25 to -151 */
};
#define SPANS (sizeof spans / sizeof spans[0])

static const char *const name[] = {"exp", "exp2"};
static const double bound_normal[] = {0.655, 0.617}, bound_subnormal[] = {0.765, 0.771};

#define BLOCK 4096

/* Without optimization a sample of the blocks, for time. */
#ifdef __OPTIMIZE__
#define BLOCK_STEP BLOCK
#else
#define BLOCK_STEP (16 * BLOCK)
#endif

/* Largest error of the normal and of the subnormal results; falls counts steps down. */
struct finding {
    double normal, subnormal;
    int64_t falls;
};

static inline void values(float *y, enum function f, uint32_t first)
{
    if (f == EXP) {
        for (uint32_t i = 0; i < BLOCK; i++)
            y[i] = qoq_exp(qoq_float_of_bits(first + i));
    } else {
        for (uint32_t i = 0; i < BLOCK; i++)
            y[i] = qoq_exp2(qoq_float_of_bits(first + i));
    }
}

static void plain_values(float *y, enum function f, uint32_t first)
{
    values(y, f, first);
}

/* The same with the fma instruction in place of the library's fma, where there is one. */
#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2,fma"))) static void fast_values(float *y, enum function f,
                                                            uint32_t first)
{
    values(y, f, first);
}

static int have_fast_values(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#else
static void fast_values(float *y, enum function f, uint32_t first)
{
    values(y, f, first);
}

static int have_fast_values(void)
{
    return 0;
}
#endif

static void add_block(struct finding *found, const struct span *span, uint32_t first, int fast)
{
    float y[BLOCK];

    if (fast)
        fast_values(y, span->function, first);
    else
        plain_values(y, span->function, first);
    for (uint32_t i = 0; i < BLOCK; i++) {
        double x = (double)qoq_float_of_bits(first + i);
        double exact = span->function == EXP ? exp(x) : exp2(x), e = ulp_error(y[i], exact);

        if (exact >= 0x1p-126)
            found->normal = e > found->normal ? e : found->normal;
        else
            found->subnormal = e > found->subnormal ? e : found->subnormal;
        if (i > 0)
            found->falls += x > 0 ? y[i] < y[i - 1] : y[i] > y[i - 1];
    }
}

static struct finding search(const struct span *span)
{
    struct finding all = {0};
    int fast = have_fast_values();

#pragma omp parallel
    {
        struct finding mine = {0};

#pragma omp for schedule(dynamic, 16)
        for (int64_t first = span->first; first <= (int64_t)span->last; first += BLOCK_STEP)
            add_block(&mine, span, (uint32_t)first, fast);
#pragma omp critical
        {
            all.normal = mine.normal > all.normal ? mine.normal : all.normal;
            all.subnormal = mine.subnormal > all.subnormal ? mine.subnormal : all.subnormal;
            all.falls += mine.falls;
        }
    }
    return all;
}

Test(elementary, exp_and_exp2_over_every_pattern)
{
    for (size_t s = 0; s < SPANS; s++) {
        struct finding found = search(&spans[s]);
        enum function f = spans[s].function;

        fprintf(stderr, "# %s, %08x to %08x: %.6f ulp, subnormal %.6f ulp\n", name[f],
                (unsigned)spans[s].first, (unsigned)spans[s].last, found.normal, found.subnormal);
        cr_assert(found.normal <= bound_normal[f], "%s: %.6f ulp", name[f], found.normal);
        cr_assert(found.subnormal <= bound_subnormal[f], "%s: %.6f ulp", name[f], found.subnormal);
        cr_assert(found.falls == 0, "%s is not monotonic: %lld steps", name[f],
                  (long long)found.falls);
    }
}

/* The pattern of the function's value at a pattern. */
static uint32_t at(enum function f, uint32_t u)
{
    float x = qoq_float_of_bits(u);

    return qoq_float_bits(f == EXP ? qoq_exp(x) : qoq_exp2(x));
}

static void check_constant(enum function f, uint32_t want, int64_t first, int64_t last, int step)
{
    for (int64_t u = first; u <= last; u += step)
        cr_assert(at(f, (uint32_t)u) == want, "%s at %08x", name[f], (unsigned)u);
}

/* Outside the spans the result is 1, +inf, 0 or NaN; at their ends it has reached it. */
Test(elementary, exp_and_exp2_are_constant_elsewhere)
{
    for (int i = 0; i < 2; i++) {
        enum function f = i ? EXP2 : EXP;

        check_constant(f, 0x3f800000, 0, 0x33000000, 1024);
        check_constant(f, 0x3f800000, 0x80000000, 0xb3000000, 1024);
        check_constant(f, QOQ_INF_BITS, spans[2 * i].last, QOQ_INF_BITS, 1024);
        check_constant(f, 0, spans[2 * i + 1].last, 0xff800000, 1024);
        check_constant(f, QOQ_NAN_BITS, QOQ_INF_BITS + 1, 0x7fffffff, 4099);
        check_constant(f, QOQ_NAN_BITS, 0xff800001, 0xffffffff, 4099);
    }
}

Test(elementary, powers_of_two_are_exact)
{
    for (int e = -400; e <= 400; e++) {
        float want = e < -149 ? 0.0f : ldexpf(1.0f, e);

        cr_assert(qoq_exp2((float)e) == want, "exp2(%d) = %a", e, (double)qoq_exp2((float)e));
        cr_assert(qoq_pow2(e) == (e < -126 ? 0.0f : want), "pow2(%d) = %a", e, (double)qoq_pow2(e));
    }
    cr_assert(qoq_pow2(INT32_MIN) == 0.0f && qoq_pow2(INT32_MAX) == INFINITY);
    cr_assert(qoq_exp(0.0f) == 1.0f && qoq_exp(-0.0f) == 1.0f);
    cr_assert(qoq_exp2(-INFINITY) == 0.0f && qoq_exp(-INFINITY) == 0.0f);
    cr_assert(qoq_exp2(-150.0f) == 0.0f && qoq_exp2(nextafterf(-150.0f, 0.0f)) == 0x1p-149f);
}

/* A sample; `make check-exhaustive` has every pattern. */
Test(elementary, exp2_below_is_exp2)
{
    for (int64_t u = 0x80000000; u <= 0xff800000; u += 251) {
        float x = qoq_float_of_bits((uint32_t)u);

        cr_assert_eq(qoq_float_bits(qoq_exp2_below(x)), at(EXP2, (uint32_t)u), "%a", (double)x);
    }
    for (float x = 0.0f; x >= -160.0f; x -= 0.0625f) {
        cr_assert_eq(qoq_exp2_below(x), qoq_exp2(x), "%a", (double)x);
    }
    cr_assert_eq(qoq_exp2_below(0.0f), 1.0f);
    cr_assert_eq(qoq_float_bits(qoq_exp2_below(NAN)), 0);
}

Test(elementary, library_fma_and_the_instruction_agree)
{
    static float a[BLOCK], b[BLOCK];

    if (!have_fast_values())
        cr_skip_test("no fma instruction to compare with");
    for (int f = EXP; f <= EXP2; f++) {
        for (uint32_t i = 0; i < 1024; i++) {
            uint32_t first = i << 22;
            plain_values(a, (enum function)f, first);
            fast_values(b, (enum function)f, first);
            cr_assert(memcmp(a, b, sizeof a) == 0, "%s from %08x", name[f], first);
        }
    }
}

typedef int mpfr_function(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);

/* |y / f(x) - 1| in units of 2^-53, f to 113 bits. */
static double relative_error(double y, mpfr_function *f, double x)
{
    mpfr_t exact;
    double e;

    mpfr_init2(exact, 113);
    mpfr_set_d(exact, x, MPFR_RNDN);
    f(exact, exact, MPFR_RNDN);
    if (mpfr_zero_p(exact)) {
        e = y == 0.0 ? 0.0 : (double)INFINITY;
    } else {
        mpfr_d_div(exact, y, exact, MPFR_RNDN);
        mpfr_sub_ui(exact, exact, 1, MPFR_RNDN);
        e = fabs(mpfr_get_d(exact, MPFR_RNDN)) * 0x1p53;
    }
    mpfr_clear(exact);
    return e;
}

/* An oracle error of 2 units of 2^-53 shifts the errors found above by at most 2^-28 ulp. */
Test(elementary, the_oracle_is_good)
{
    double worst = 0.0;
    uint64_t seed = 41;

    for (int i = 0; i < 200000; i++) {
        double x = (double)(float)(240.0 * random_unit(&seed) - 151.0);
        double y = (double)(float)(193.0 * random_unit(&seed) - 104.0);

        worst = fmax(worst, relative_error(exp2(x), mpfr_exp2, x));
        worst = fmax(worst, relative_error(exp(y), mpfr_exp, y));
    }
    fprintf(stderr, "# libm exp, exp2: %.4f of 2^-53\n", worst);
    cr_assert(worst < 2.0, "libm is off by %g", worst);
}

Test(elementary, log2_against_mpfr)
{
    double worst = 0.0;
    uint64_t seed = 42;

    for (int i = 0; i < 100000; i++) {
        double near = 1.0 + (i % 2 ? 1 : -1) * random_scaled(&seed, -52, -2);
        double any = random_scaled(&seed, -1022, 1023);
        double usual = 1.0 + 1e7 * random_unit(&seed) * random_unit(&seed);

        worst = fmax(worst, relative_error(qoq_log2(near), mpfr_log2, near));
        worst = fmax(worst, relative_error(qoq_log2(any), mpfr_log2, any));
        worst = fmax(worst, relative_error(qoq_log2(usual), mpfr_log2, usual));
    }
    fprintf(stderr, "# log2: %.4f of 2^-53\n", worst);
    cr_assert(worst <= 1.9, "log2 is off by %g of 2^-53", worst);
    for (int e = -1022; e <= 1023; e++)
        cr_assert(qoq_log2(ldexp(1.0, e)) == e, "log2(2^%d) = %a", e, qoq_log2(ldexp(1.0, e)));
    const double outside[] = {0.0,         -0.0,        -1.0, 0x1p-1023, (double)INFINITY,
                              (double)NAN, -(double)NAN};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        cr_assert(qoq_double_bits(qoq_log2(outside[i])) == UINT64_C(0x7ff8000000000000), "%a",
                  outside[i]);
}

Test(elementary, exp2d_against_mpfr)
{
    double worst = 0.0;
    uint64_t seed = 43;

    for (int i = 0; i < 100000; i++) {
        double usual = -24.0 * random_unit(&seed), any = 2045.0 * random_unit(&seed) - 1022.0;
        double near = (i % 2 ? 1 : -1) * random_scaled(&seed, -60, -2);

        worst = fmax(worst, relative_error(qoq_exp2d(usual), mpfr_exp2, usual));
        worst = fmax(worst, relative_error(qoq_exp2d(any), mpfr_exp2, any));
        worst = fmax(worst, relative_error(qoq_exp2d(near), mpfr_exp2, near));
    }
    fprintf(stderr, "# exp2d: %.4f of 2^-53\n", worst);
    cr_assert(worst <= 1.1, "exp2d is off by %g of 2^-53", worst);
    for (int e = -1074; e <= 1023; e++)
        cr_assert(qoq_exp2d(e) == ldexp(1.0, e), "exp2d(%d)", e);
    cr_assert(qoq_exp2d(1024.0) == (double)INFINITY &&
              qoq_exp2d((double)INFINITY) == (double)INFINITY);
    cr_assert(qoq_exp2d(-1076.0) == 0.0 && qoq_exp2d(-(double)INFINITY) == 0.0);
    cr_assert(qoq_double_bits(qoq_exp2d(-(double)NAN)) == UINT64_C(0x7ff8000000000000));
}

/* The larger of the two errors, in ulp. */
static double sincos_error(double angle)
{
    mpfr_t s, c;
    float sine, cosine;
    double e;

    qoq_sincos(&sine, &cosine, angle);
    mpfr_inits2(80, s, c, (mpfr_ptr)0);
    mpfr_set_d(s, angle, MPFR_RNDN);
    mpfr_sin_cos(s, c, s, MPFR_RNDN);
    e = fmax(ulp_error(sine, mpfr_get_d(s, MPFR_RNDN)),
             ulp_error(cosine, mpfr_get_d(c, MPFR_RNDN)));
    mpfr_clears(s, c, (mpfr_ptr)0);
    return e;
}

/* As the rotary embedding makes them: position times base^(-2i/D). */
Test(elementary, sincos_of_rotary_angles)
{
    const double bases[] = {10000.0, 500000.0};
    double worst = 0.0;

    for (size_t b = 0; b < 2; b++) {
        for (int i = 0; i < 64; i++) {
            double f = qoq_exp2d(-(i / 64.0) * qoq_log2(bases[b]));

            for (int p = 0; p <= 131072; p += p < 128 ? 1 : 127)
                worst = fmax(worst, sincos_error(p * f));
        }
    }
    fprintf(stderr, "# sincos of rotary angles: %.9f ulp\n", worst);
    cr_assert(worst <= 0.5001, "%.9f ulp", worst);
}

/* Random angles, and those closest to a multiple of pi/2, where the reduction cancels most. */
Test(elementary, sincos_over_its_range)
{
    const double half_pi = 0x1.921fb54442d18p+0;
    double worst = 0.0;
    uint64_t seed = 44;

    for (int i = 0; i < 60000; i++) {
        double any = 0x1p25 * (random_unit(&seed) - 0.5);
        double small = (i % 2 ? 1 : -1) * random_scaled(&seed, -35, 5);
        double k = (double)(random_bits(&seed) % 10680707), near = k * half_pi;

        worst = fmax(worst, sincos_error(any));
        worst = fmax(worst, sincos_error(small));
        worst = fmax(worst, sincos_error(i % 2 ? near : -near));
        worst = fmax(worst, sincos_error(nextafter((k + 0.5) * half_pi, 0.0)));
        worst = fmax(worst, sincos_error((double)i));
    }
    worst = fmax(worst, fmax(sincos_error(0x1p24), sincos_error(-0x1p24)));
    fprintf(stderr, "# sincos: %.9f ulp\n", worst);
    cr_assert(worst <= 0.5001, "%.9f ulp", worst);
}

/* Of all angles in the range these come closest to a multiple of pi/2, down to 2^-60.5. */
Test(elementary, sincos_of_the_hardest_angles)
{
    const double hard[] = {0x1.b951f1572eba5p+23, 0x1.39c6fd67805a7p+18, 0x1.9eb7148f354d6p+20,
                           0x1.921fb54442d18p+0};

    for (size_t i = 0; i < sizeof hard / sizeof hard[0]; i++)
        cr_assert(sincos_error(hard[i]) <= 0.5001, "%a: %.9f ulp", hard[i], sincos_error(hard[i]));
    for (int e = 5; e <= 23; e++) {
        double angle = ldexp(0x1.6c6cbc45dc8dep+0, e);
        cr_assert(sincos_error(angle) <= 0.5001, "%a: %.9f ulp", angle, sincos_error(angle));
    }
}

Test(elementary, sincos_special_values)
{
    const double outside[] = {0x1.0000000000001p24, -0x1.0000000000001p24, 1e300,
                              (double)INFINITY,     -(double)INFINITY,     (double)NAN};
    float s, c, t, d;

    qoq_sincos(&s, &c, 0.0);
    cr_assert(s == 0.0f && c == 1.0f);
    for (int i = 1; i < 1000; i++) {
        qoq_sincos(&s, &c, i * 0.37);
        qoq_sincos(&t, &d, -i * 0.37);
        cr_assert(s == -t && c == d, "not odd and even at %g", i * 0.37);
    }
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        qoq_sincos(&s, &c, outside[i]);
        cr_assert(qoq_float_bits(s) == QOQ_NAN_BITS && qoq_float_bits(c) == QOQ_NAN_BITS, "%a",
                  outside[i]);
    }
}

/* The error depends on x / 4^n in [1, 4) alone: a fine stride over that, a coarse one over all. */
Test(elementary, rsqrt_against_mpfr)
{
    double worst = 0.0;
    mpfr_t r;

    mpfr_init2(r, 64);
    for (uint32_t u = 1; u < QOQ_INF_BITS; u += u >= 0x3f800000 && u < 0x40800000 ? 37 : 8191) {
        float x = qoq_float_of_bits(u);

        mpfr_set_flt(r, x, MPFR_RNDN);
        mpfr_rec_sqrt(r, r, MPFR_RNDN);
        worst = fmax(worst, ulp_error(qoq_rsqrt(x), mpfr_get_d(r, MPFR_RNDN)));
    }
    mpfr_clear(r);
    fprintf(stderr, "# rsqrt: %.6f ulp\n", worst);
    cr_assert(worst <= 1.489, "%.6f ulp", worst);
    cr_assert(qoq_rsqrt(0.0f) == INFINITY && qoq_rsqrt(-0.0f) == -INFINITY &&
              qoq_rsqrt(INFINITY) == 0.0f);
    cr_assert(qoq_rsqrt(4.0f) == 0.5f && qoq_rsqrt(0x1p-148f) == 0x1p74f);
    cr_assert(qoq_float_bits(qoq_rsqrt(-1.0f)) == QOQ_NAN_BITS);
    cr_assert(qoq_float_bits(qoq_rsqrt(qoq_float_of_bits(0xffc00001))) == QOQ_NAN_BITS);
}

static uint64_t digest_float(float (*f)(float))
{
    uint64_t digest = QOQ_DIGEST_START;

    for (uint64_t u = 0; u < UINT64_C(1) << 32; u += 8191)
        digest = digest_add(digest, qoq_float_bits(f(qoq_float_of_bits((uint32_t)u))));
    return digest;
}

static uint64_t digest_double(void)
{
    uint64_t digest = QOQ_DIGEST_START, seed = 45;

    for (int i = 0; i < 200000; i++) {
        double x = random_scaled(&seed, -30, 29);
        float s, c;

        qoq_sincos(&s, &c, x * 0x1p-7);
        digest = digest_add(digest, qoq_double_bits(qoq_log2(x)));
        digest = digest_add(digest, qoq_double_bits(qoq_exp2d(1.0 - x * 0x1p-21)));
        digest = digest_add(digest, (uint64_t)qoq_float_bits(s) << 32 | qoq_float_bits(c));
    }
    return digest;
}

/* The same constants in every build: any compiler, any option, any machine. */
Test(elementary, digests)
{
    const uint64_t got[] = {digest_float(qoq_exp), digest_float(qoq_exp2), digest_float(qoq_rsqrt),
                            digest_double()};
    const uint64_t want[] = {UINT64_C(0xa2d89b11e4959417), UINT64_C(0x80436b7852889acb),
                             UINT64_C(0x576fd4aca002e12b), UINT64_C(0x051677d8ec4f5768)};

    for (int i = 0; i < 4; i++)
        cr_expect(got[i] == want[i], "digest %d: %016llx", i, (unsigned long long)got[i]);
}
