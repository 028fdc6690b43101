/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plain and the fast way of every matrix product give the same bits (N 6.1, 6.4), on ragged
 * shapes, with extreme operands. Inputs are blocks of their exact size, so that sanitizers and
 * valgrind see a read past the end; outputs are guarded.
 */
#include "linear.h"
#include "ops/accumulate.h"
#include "ops/gemm_ordered.h"

#include <criterion/criterion.h>

#define ROUNDS 150

#if QOQ_FMA_TARGET
#define SKIP_WITHOUT_FAST_PATH()                                                                   \
    if (!qoq_machine_has_fma())                                                                    \
    cr_skip_test("no AVX2 and FMA on this machine")
#else
#define SKIP_WITHOUT_FAST_PATH() cr_skip_test("no fast path in this build")
#endif

static void *exact_new(size_t bytes)
{
    void *p = malloc(bytes);

    if (p == NULL)
        abort();
    return p;
}

static size_t random_size(struct test_random *r, size_t max)
{
    return (size_t)test_integer(r, 1, (int64_t)max);
}

/* ---- Integer products ---- */

/* What the bytes of operands are: anything, mostly the given extreme, only the extreme. */
enum bytes { BYTES_ANY, BYTES_MOSTLY, BYTES_ONLY, BYTES };

static uint8_t *random_bytes(struct test_random *r, size_t count, enum bytes kind, uint8_t extreme)
{
    uint8_t *p = exact_new(count);

    for (size_t i = 0; i < count; i++) {
        uint64_t v = test_next(r);

        p[i] = kind == BYTES_ONLY || (kind == BYTES_MOSTLY && v >> 60 != 0) ? extreme : (uint8_t)v;
    }
    return p;
}

/* Contents need not be valid (N 4.4): both ways wrap alike. */
static struct qoq_weight any_weight(struct test_random *r, int scheme, size_t n, size_t k,
                                    size_t group, enum bytes kind)
{
    struct qoq_weight w = {.scheme = (enum qoq_scheme)scheme, .n = n, .k = k};
    size_t groups;

    w.group = scheme == QOQ_W4_GROUP ? group : 0;
    groups = qoq_weight_groups(&w);
    w.code = random_bytes(r, qoq_weight_code_bytes(&w), kind, scheme == QOQ_W8 ? 0x80 : 0xff);
    w.s2 = random_bytes(r, n * groups + (groups == 0), kind, 17);
    w.z = random_bytes(r, n * groups + (groups == 0), kind, 0);
    return w;
}

static void any_weight_free(struct qoq_weight *w)
{
    free(w->code);
    free(w->s2);
    free(w->z);
}

/* One block of a product, both ways. */
static void check_block(struct test_random *r, int scheme, size_t rows, size_t channels, size_t k,
                        size_t group, enum bytes kind)
{
    size_t before = random_size(r, 3) - 1, n = before + channels;
    struct qoq_weight w = any_weight(r, scheme, n, k, group, kind);
    int8_t *q = (int8_t *)random_bytes(r, rows * k, kind, test_next(r) & 1 ? 0x80 : 0x7f);
    size_t bytes = rows * QOQ_BLOCK_CHANNELS * sizeof(int32_t);
    int32_t(*plain)[QOQ_BLOCK_CHANNELS] = guard_new(bytes);
    int32_t(*fast)[QOQ_BLOCK_CHANNELS] = guard_new(bytes);

    qoq_accumulate_plain(plain, q, rows, &w, before, channels);
    qoq_choose_accumulate()(fast, q, rows, &w, before, channels);
    cr_assert(guard_intact(plain) && guard_intact(fast), "%zu x %zu x %zu", rows, channels, k);
    for (size_t m = 0; m < rows; m++) {
        for (size_t j = 0; j < channels; j++)
            cr_assert_eq(fast[m][j], plain[m][j],
                         "scheme %d, %zu x %zu x %zu, group %zu, bytes %d, (%zu, %zu)" SEED_FORMAT,
                         scheme, rows, channels, k, group, kind, m, j, test_seed());
    }
    guard_free(plain);
    guard_free(fast);
    free(q);
    any_weight_free(&w);
}

Test(products_fast, accumulators)
{
    struct test_random r = test_random(80);

    SKIP_WITHOUT_FAST_PATH();
    for (int i = 0; i < ROUNDS; i++) {
        for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
            size_t rows = random_size(&r, i % 10 == 0 ? QOQ_BLOCK_ROWS : 7);
            size_t channels = i % 4 == 0 ? random_size(&r, QOQ_BLOCK_CHANNELS) : QOQ_BLOCK_CHANNELS;
            size_t k = random_size(&r, i % 3 == 0 ? 3000 : 300);
            size_t group = 32 * random_size(&r, 9);

            check_block(&r, scheme, rows, channels, k, group, (enum bytes)(i % BYTES));
        }
    }
}

/* Sizes around a vector, the widest int16 sum and a panel. */
Test(products_fast, accumulators_at_edges)
{
    static const size_t edges[] = {1, 31, 32, 33, 255, 256, 257, 1023, 1024, 1025, 2048, 131072};
    struct test_random r = test_random(81);

    SKIP_WITHOUT_FAST_PATH();
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
            for (int kind = 0; kind < BYTES; kind++)
                check_block(&r, scheme, 3, QOQ_BLOCK_CHANNELS, edges[i], 128, (enum bytes)kind);
        }
    }
}

/* ---- Ordered binary32 products ---- */

/* Uniform values, or patterns of any size, infinities and NaN with them. */
static float *any_floats(struct test_random *r, size_t count, int wild)
{
    float *x = exact_new(count * sizeof *x);

    for (size_t i = 0; i < count; i++)
        x[i] = wild ? qoq_float_of_bits((uint32_t)test_next(r)) : test_uniform(r, 1.0f);
    return x;
}

static qoq_half *any_halves(struct test_random *r, size_t count)
{
    qoq_half *x = exact_new(count * sizeof *x);

    for (size_t i = 0; i < count; i++)
        x[i] = (qoq_half)test_next(r);
    return x;
}

static int same(float a, float b)
{
    return qoq_float_bits(a) == qoq_float_bits(b) || (a != a && b != b);
}

static float *ordered(struct qoq_product p, int fast)
{
    p.y = guard_new(p.m * p.n * sizeof *p.y);
#if QOQ_FMA_TARGET
    qoq_product_run(&p, fast ? &qoq_product_avx2 : &qoq_product_plain);
#else
    (void)fast;
    qoq_product_run(&p, &qoq_product_plain);
#endif
    cr_assert(guard_intact(p.y), "%zu x %zu x %zu", p.m, p.n, p.k);
    return p.y;
}

static void check_ordered(const struct qoq_product *p, int wild)
{
    float *plain = ordered(*p, 0), *fast = ordered(*p, 1);

    for (size_t i = 0; i < p->m * p->n; i++)
        cr_assert(
            same(fast[i], plain[i]),
            "%zu x %zu x %zu, bias %d, halves %d, wild %d, element %zu: %a, plain %a" SEED_FORMAT,
            p->m, p->n, p->k, p->bias != NULL, p->halves, wild, i, (double)fast[i],
            (double)plain[i], test_seed());
    guard_free(plain);
    guard_free(fast);
}

static void check_shape(struct test_random *r, size_t m, size_t n, size_t k, int wild)
{
    float *x = any_floats(r, m * k, wild), *w = any_floats(r, n * k, wild);
    float *bias = any_floats(r, n, wild);
    qoq_half *h = any_halves(r, n * k);

    check_ordered(&(struct qoq_product){NULL, x, NULL, w, m, n, k, 0}, wild);
    check_ordered(&(struct qoq_product){NULL, x, bias, w, m, n, k, 0}, wild);
    check_ordered(&(struct qoq_product){NULL, x, NULL, h, m, n, k, 1}, wild);
    free(x);
    free(w);
    free(bias);
    free(h);
}

Test(products_fast, ordered)
{
    struct test_random r = test_random(82);

    SKIP_WITHOUT_FAST_PATH();
    for (int i = 0; i < ROUNDS; i++)
        check_shape(&r, random_size(&r, 20), random_size(&r, 50),
                    random_size(&r, i % 3 == 0 ? 800 : 40), i % 2);
}

/* Sizes around a tile and a panel. */
Test(products_fast, ordered_at_edges)
{
    static const size_t rows[] = {1, 2, 5, 6, 7, 12}, channels[] = {15, 16, 17, 32},
                        depths[] = {1, 3, 4, 5, 255, 256, 257, 512};
    struct test_random r = test_random(83);

    SKIP_WITHOUT_FAST_PATH();
    for (size_t m = 0; m < sizeof rows / sizeof *rows; m++) {
        for (size_t n = 0; n < sizeof channels / sizeof *channels; n++) {
            for (size_t k = 0; k < sizeof depths / sizeof *depths; k++)
                check_shape(&r, rows[m], channels[n], depths[k], 0);
        }
    }
}
