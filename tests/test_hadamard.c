/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rotations (Q 2.2, 2.3): Paley's matrices in integers, R entry by entry against its definition,
 * products against dense ones, and the sizes that models have.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quantize/galois.h"
#include "quantize/paley.h"
#include "quantize/transform.h"
#include "tests/seed.h"

struct order {
    size_t size, core;
};

/* Hidden and FFN sizes of models, and the smallest K of each. */
static const struct order orders[] = {
    {1, 1},       {2, 1},      {8, 1},       {12, 12},    {20, 20},   {28, 28},   {36, 36},
    {40, 20},     {44, 44},    {52, 52},     {60, 60},    {64, 1},    {76, 76},   {96, 12},
    {108, 108},   {140, 140},  {576, 36},    {896, 28},   {960, 60},  {1536, 12}, {4096, 1},
    {4864, 76},   {5120, 20},  {5632, 44},   {6656, 52},  {7168, 28}, {8192, 1},  {11008, 344},
    {13824, 108}, {14336, 28}, {17920, 140}, {28672, 28}, {131072, 1}};
#define ORDERS (sizeof orders / sizeof orders[0])

/* ---- Fields and Paley's matrices ---- */

Test(hadamard, prime_powers)
{
    static const struct order known[] = {{2, 2},     {3, 3},    {4, 2},    {8, 2},   {9, 3},
                                         {16, 0},    {25, 5},   {27, 3},   {6, 0},   {15, 0},
                                         {49, 7},    {81, 0},   {121, 11}, {125, 5}, {343, 7},
                                         {139, 139}, {169, 13}, {171, 0},  {1, 0},   {0, 0}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        cr_expect_eq(qoq_galois_prime(known[i].size), known[i].core, "%zu", known[i].size);
    }
}

/* The definition, by other means: half of the elements other than 0 are squares, -1 is one exactly
 * for q = 1 mod 4, and each difference other than 0 separates q - 2 pairs with the sum -1. */
Test(hadamard, characters)
{
    static const size_t fields[] = {3, 5, 7, 9, 11, 13, 17, 25, 27, 49, 59, 107, 125, 139, 343};

    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
        size_t q = fields[f], p = qoq_galois_prime(q);
        int8_t chi[512];
        int sum = 0;
        qoq_galois_characters(chi, q);
        for (size_t i = 0; i < q; i++) {
            sum += chi[i];
            cr_expect(i == 0 ? chi[0] == 0 : chi[i] == 1 || chi[i] == -1);
            cr_expect_eq(chi[qoq_galois_difference(0, i, p)], q % 4 == 1 ? chi[i] : -chi[i]);
        }
        cr_expect_eq(sum, 0, "field of %zu", q);
        for (size_t c = 1; c < q; c++) {
            int correlation = 0;
            for (size_t i = 0; i < q; i++) {
                correlation += chi[i] * chi[qoq_galois_difference(i, c, p)];
            }
            cr_expect_eq(correlation, -1, "field of %zu, difference %zu", q, c);
        }
    }
}

static void expect_hadamard(size_t order)
{
    double *h = malloc(order * order * sizeof *h);

    cr_assert_eq(qoq_paley(h, order), QOQ_OK, "%zu", order);
    for (size_t i = 0; i < order; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = 0; k < order; k++) {
                cr_assert(fabs(h[i * order + k]) == 1);
                sum += h[i * order + k] * h[j * order + k];
            }
            cr_assert(sum == (i == j ? (double)order : 0), "order %zu: rows %zu and %zu", order, i,
                      j);
        }
    }
    free(h);
}

Test(hadamard, paley)
{
    size_t count = 0;

    for (size_t order = 1; order <= 140; order++) {
        if (qoq_paley_exists(order)) {
            expect_hadamard(order);
            count++;
        }
    }
    expect_hadamard(252); /* field of 125 */
    expect_hadamard(344); /* field of 343 */
    cr_expect_eq(count, 24, "%zu orders", count);
    cr_expect(!qoq_paley_exists(156) && !qoq_paley_exists(172) && !qoq_paley_exists(92));
    cr_expect(!qoq_paley_exists(2) && !qoq_paley_exists(16) && !qoq_paley_exists(1024));
    cr_expect_eq(qoq_paley(NULL, 172), QOQ_ERR_UNSUPPORTED);
}

/* ---- R ---- */

/* A second way to R: entries from the definition. */
struct entries {
    size_t core;
    double *block, scale;
    const double *sign;
};

static double entry(const struct entries *e, size_t i, size_t j)
{
    size_t both = i / e->core & j / e->core;
    double value = e->core == 1 ? 1 : e->block[i % e->core * e->core + j % e->core];

    for (; both != 0; both &= both - 1) {
        value = -value;
    }
    return (e->sign != NULL ? e->sign[i] : 1) * value * e->scale;
}

static struct entries entries_of(const struct order *order)
{
    struct entries e = {order->core, malloc(order->core * order->core * sizeof(double)),
                        1 / sqrt((double)order->size), NULL};

    cr_assert(order->core == 1 || qoq_paley(e.block, order->core) == QOQ_OK);
    return e;
}

static struct qoq_hadamard *create(size_t size, int random, uint64_t seed)
{
    struct qoq_hadamard *r;

    cr_assert_eq(qoq_hadamard_create(&r, size, random, seed), QOQ_OK, "%zu", size);
    cr_assert_eq(qoq_hadamard_size(r), size);
    return r;
}

/* Rows i of R, from unit vectors, for a sample of i: the definition, in the same rounding. */
Test(hadamard, entries)
{
    struct test_random random = test_random(1);

    for (size_t o = 0; o < ORDERS; o++) {
        size_t size = orders[o].size;
        struct entries e = entries_of(&orders[o]);
        struct qoq_hadamard *r = create(size, 0, 0);
        float *row = malloc(size * sizeof *row);
        for (size_t n = 0; n < (size <= 8192 ? 12 : 3); n++) {
            size_t i = n == 0 ? 0 : (size_t)test_integer(&random, 0, (int64_t)size - 1);
            memset(row, 0, size * sizeof *row);
            row[i] = 1;
            cr_assert_eq(qoq_rotate_rows(row, 1, r), QOQ_OK);
            for (size_t j = 0; j < size; j++) {
                cr_assert(row[j] == (float)entry(&e, i, j), "size %zu: R[%zu][%zu]" SEED_FORMAT,
                          size, i, j, test_seed());
            }
        }
        free(row);
        free(e.block);
        qoq_hadamard_free(r);
    }
}

/* R R^T = I to 1e-12: all pairs of rows up to 140, a sample beyond. */
Test(hadamard, orthogonal)
{
    struct test_random random = test_random(2);

    for (size_t o = 0; o < ORDERS; o++) {
        size_t size = orders[o].size, pairs = size <= 140 ? size * size : 400;
        struct entries e = entries_of(&orders[o]);
        for (size_t n = 0; n < pairs && size <= 28672; n++) {
            size_t i = size <= 140 ? n / size : (size_t)test_integer(&random, 0, (int64_t)size - 1);
            size_t j = size <= 140 ? n % size : (size_t)test_integer(&random, 0, (int64_t)size - 1);
            double sum = 0;
            for (size_t k = 0; k < size; k++) {
                sum += entry(&e, i, k) * entry(&e, j, k);
            }
            cr_assert(fabs(sum - (i == j)) <= 1e-12, "size %zu: rows %zu, %zu: %g" SEED_FORMAT,
                      size, i, j, sum, test_seed());
        }
        free(e.block);
    }
}

/* Signs number i of the seed: bit 63 of gen(seed, i) makes row i negative. */
Test(hadamard, signs)
{
    const struct order order = {96, 12};
    struct entries e = entries_of(&order);
    struct qoq_hadamard *r = create(96, 1, 5);
    float identity[96 * 96] = {0};
    double sign[96];
    size_t negative = 0;

    e.sign = sign;
    for (size_t i = 0; i < 96; i++) {
        sign[i] = qoq_gen(5, i) >> 63 ? -1 : 1;
        negative += sign[i] < 0;
        identity[i * 97] = 1;
    }
    cr_assert(negative > 20 && negative < 76);
    cr_assert_eq(qoq_rotate_rows(identity, 96, r), QOQ_OK);
    for (size_t i = 0; i < 96 * 96; i++) {
        cr_assert(identity[i] == (float)entry(&e, i / 96, i % 96), "R[%zu][%zu]", i / 96, i % 96);
    }
    free(e.block);
    qoq_hadamard_free(r);
}

static float *random_floats(size_t count, uint64_t stream)
{
    struct test_random random = test_random(stream);
    float *x = malloc(count * sizeof *x);

    for (size_t i = 0; i < count; i++) {
        x[i] = test_uniform(&random, 2.0f);
    }
    return x;
}

/* rows R by a dense product in binary64; columns the same bits as rows of the transpose. */
static void expect_products(const struct order *order, size_t m)
{
    size_t size = order->size;
    struct entries e = entries_of(order);
    struct qoq_hadamard *r = create(size, 0, 0);
    float *x = random_floats(m * size, size), *rows = malloc(m * size * sizeof *rows),
          *columns = malloc(m * size * sizeof *columns);

    for (size_t i = 0; i < m * size; i++) {
        rows[i] = x[i];
        columns[i % size * m + i / size] = x[i];
    }
    cr_assert_eq(qoq_rotate_rows(rows, m, r), QOQ_OK);
    cr_assert_eq(qoq_rotate_columns(columns, m, r), QOQ_OK);
    for (size_t i = 0; i < m * size; i++) {
        double sum = 0;
        for (size_t k = 0; k < size; k++) {
            sum += (double)x[i / size * size + k] * entry(&e, k, i % size);
        }
        cr_assert(fabs((double)rows[i] - sum) <= 0x1p-24 * fabs(sum) + 1e-13 * sqrt((double)size),
                  "size %zu, element %zu: %.9g, not %.17g" SEED_FORMAT, size, i, (double)rows[i],
                  sum, test_seed());
        cr_assert(memcmp(&rows[i], &columns[i % size * m + i / size], sizeof(float)) == 0,
                  "size %zu, element %zu: row and column differ" SEED_FORMAT, size, i, test_seed());
    }
    free(x);
    free(rows);
    free(columns);
    free(e.block);
    qoq_hadamard_free(r);
}

Test(hadamard, products)
{
    for (size_t o = 0; o < ORDERS; o++) {
        if (orders[o].size <= 960) {
            expect_products(&orders[o], 1 + o % 11);
        }
    }
}

/* Any number of threads, any number of rows at once. */
Test(hadamard, rows_are_independent)
{
    enum { M = 300, SIZE = 4096 };
    struct qoq_hadamard *r = create(SIZE, 1, 9);
    float *together = random_floats((size_t)M * SIZE, 3),
          *alone = random_floats((size_t)M * SIZE, 3);

    cr_assert_eq(qoq_rotate_rows(together, M, r), QOQ_OK);
    for (size_t m = 0; m < M; m++) {
        cr_assert_eq(qoq_rotate_rows(alone + m * SIZE, 1, r), QOQ_OK);
    }
    cr_expect(memcmp(together, alone, (size_t)M * SIZE * sizeof *alone) == 0,
              "a row depends on its neighbours" SEED_FORMAT, test_seed());
    free(together);
    free(alone);
    qoq_hadamard_free(r);
}

Test(hadamard, refused)
{
    static const size_t none[] = {3, 6, 10, 33, 92, 156, 172, 184, 4097, 100003};
    struct qoq_hadamard *r = (struct qoq_hadamard *)&r;

    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        cr_expect_eq(qoq_hadamard_create(&r, none[i], 0, 0), QOQ_ERR_UNSUPPORTED, "%zu", none[i]);
        cr_expect_null(r);
    }
    cr_expect_eq(qoq_hadamard_create(&r, 0, 0, 0), QOQ_ERR_SHAPE);
    cr_expect_eq(qoq_hadamard_create(&r, 131073, 0, 0), QOQ_ERR_SHAPE);
    qoq_hadamard_free(NULL);
}
