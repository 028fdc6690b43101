/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qoq_exp and qoq_exp2 on every binary32 pattern against MPFR: prints the largest errors and where
 * they are; exit 1 if one is above the bound that numerics/elementary.h states, or a result
 * that must be exact is not. `exhaustive_elementary [STRIDE]`, STRIDE > 1 for a sample.
 */
#include "numerics/elementary.h"
#include "tests/ulp.h"

#include <mpfr.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK 0x10000

struct function {
    const char *name;
    float (*computed)(float);
    int (*exact)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);
    float top, bottom;        /* beyond them +inf and 0 */
    double normal, subnormal; /* documented bounds, ulp */
};

static const struct function functions[] = {
    {"exp", qoq_exp, mpfr_exp, 89.0f, -105.0f, 0.655, 0.765},
    {"exp2", qoq_exp2, mpfr_exp2, 129.0f, -151.0f, 0.617, 0.771},
};

struct worst {
    double error;
    float at;
};

struct finding {
    struct worst normal, subnormal;
    int64_t wrong;
};

static void keep_worst(struct worst *w, double error, float at)
{
    if (error > w->error || (error == w->error && error > 0.0 && at < w->at)) {
        w->error = error;
        w->at = at;
    }
}

/* The results that need no oracle: NaN, beyond the ends, and 1 for |x| <= 2^-25. */
static int is_constant(const struct function *f, float x, uint32_t *want)
{
    if (x != x)
        *want = QOQ_NAN_BITS;
    else if (x > f->top)
        *want = QOQ_INF_BITS;
    else if (x < f->bottom)
        *want = 0;
    else if (x >= -0x1p-25f && x <= 0x1p-25f)
        *want = qoq_float_bits(1.0f);
    else
        return 0;
    return 1;
}

static void check_chunk(struct finding *found, const struct function *f, uint32_t first,
                        uint32_t stride, mpfr_t r)
{
    for (uint32_t i = 0; i < CHUNK; i += stride) {
        float x = qoq_float_of_bits(first + i), y = f->computed(x);
        uint32_t want;

        if (is_constant(f, x, &want)) {
            found->wrong += qoq_float_bits(y) != want;
            continue;
        }
        mpfr_set_flt(r, x, MPFR_RNDN);
        f->exact(r, r, MPFR_RNDN);
        double exact = mpfr_get_d(r, MPFR_RNDN);
        keep_worst(exact >= 0x1p-126 ? &found->normal : &found->subnormal, ulp_error(y, exact), x);
    }
}

static void merge(struct finding *all, const struct finding *mine)
{
    keep_worst(&all->normal, mine->normal.error, mine->normal.at);
    keep_worst(&all->subnormal, mine->subnormal.error, mine->subnormal.at);
    all->wrong += mine->wrong;
}

/* 53 bits from MPFR are right to 2^-30 of a binary32 ulp. */
static struct finding check_all(const struct function *f, uint32_t stride)
{
    struct finding all = {{0.0, 0.0f}, {0.0, 0.0f}, 0};

#pragma omp parallel
    {
        struct finding mine = {{0.0, 0.0f}, {0.0, 0.0f}, 0};
        mpfr_t r;

        mpfr_init2(r, 53);
#pragma omp for schedule(dynamic, 1)
        for (int32_t chunk = 0; chunk < 0x10000; chunk++)
            check_chunk(&mine, f, (uint32_t)chunk << 16, stride, r);
        mpfr_clear(r);
        mpfr_free_cache();
#pragma omp critical
        merge(&all, &mine);
    }
    return all;
}

/* Patterns of numbers below 0 where qoq_exp2_below is not qoq_exp2. */
static int64_t count_unequal(uint32_t stride)
{
    int64_t unequal = 0;

#pragma omp parallel for reduction(+ : unequal)
    for (int64_t u = UINT32_C(0x80000000); u <= UINT32_C(0xff800000); u += stride) {
        float x = qoq_float_of_bits((uint32_t)u);

        unequal += qoq_float_bits(qoq_exp2_below(x)) != qoq_float_bits(qoq_exp2(x));
    }
    return unequal;
}

int main(int argc, char **argv)
{
    unsigned long stride = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    int bad = 0;

    if (argc > 2 || stride < 1 || stride > CHUNK) {
        fprintf(stderr, "usage: %s [STRIDE]\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        const struct function *f = &functions[i];
        struct finding found = check_all(f, (uint32_t)stride);

        printf("%-5s normal %.8f ulp at %a, subnormal %.8f ulp at %a, %lld wrong constants\n",
               f->name, found.normal.error, (double)found.normal.at, found.subnormal.error,
               (double)found.subnormal.at, (long long)found.wrong);
        fflush(stdout);
        bad |= found.normal.error > f->normal || found.subnormal.error > f->subnormal ||
               found.wrong > 0;
    }
    int64_t unequal = count_unequal((uint32_t)stride);
    printf("exp2_below is not exp2 at %lld patterns\n", (long long)unequal);
    return bad || unequal > 0;
}
