/* SPDX-License-Identifier: Apache-2.0 */
/* Matrices, grids of every kind and the codes that error feedback gives them (Q 6), as text for
 * tests/python/check_rounding.py: lines of a name, a count and that many numbers. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "quantize/grid.h"
#include "seed.h"

#define N 24
#define K 192
#define TOKENS 300

static double gram[K * K], factor[K * K];
static float w[N * K], ratio[N], values[N * K], work[N * K];
static int8_t nearest[N * K], fed[N * K];

static void floats(const char *name, const float *x, size_t count)
{
    printf("%s %zu", name, count);
    for (size_t i = 0; i < count; i++)
        printf(" %.9g", (double)x[i]);
    putchar('\n');
}

static void doubles(const char *name, const double *x, size_t count)
{
    printf("%s %zu", name, count);
    for (size_t i = 0; i < count; i++)
        printf(" %.17g", x[i]);
    putchar('\n');
}

static void codes(const char *name, const int8_t *x, size_t count)
{
    printf("%s %zu", name, count);
    for (size_t i = 0; i < count; i++)
        printf(" %d", x[i]);
    putchar('\n');
}

/* Correlated channels of different sizes, one of them dead. */
static void fill(struct test_random *r)
{
    float x[K];

    for (size_t t = 0; t < TOKENS; t++) {
        float shared = test_uniform(r, 2.0f), other = test_uniform(r, 2.0f);

        for (size_t i = 0; i < K; i++) {
            x[i] = (test_uniform(r, 1.0f) + (i % 2 == 0 ? shared : other)) * (float)(1 + i % 5);
            x[i] = i == 50 ? 0.0f : x[i];
        }
        for (size_t i = 0; i < K * K; i++)
            gram[i] += (double)x[i / K] * (double)x[i % K];
    }
    for (size_t i = 0; i < N * K; i++)
        w[i] = test_uniform(r, 0.1f) * (1.0f + 3.0f * (float)(i % 37 == 0));
}

static void expect(enum qoq_status status)
{
    if (status != QOQ_OK) {
        fprintf(stderr, "dump_rounding: %s\n", qoq_status_string(status));
        exit(2);
    }
}

static void dump(enum qoq_grid_kind kind, size_t group)
{
    struct qoq_grid grid;
    double error, sizes[4] = {kind, N, K, (double)group};

    expect(qoq_clip_rows(ratio, w, gram, kind, N, K, group));
    expect(qoq_grid_create(&grid, kind, N, K, group));
    expect(qoq_grid_fit(&grid, w, ratio));
    qoq_grid_round(nearest, &grid, w);
    qoq_grid_values(values, &grid, nearest);
    error = qoq_output_error(w, values, gram, N, K, work);
    for (size_t i = 0; i < K * K; i++)
        factor[i] = gram[i];
    expect(qoq_gptq(fed, &grid, w, factor, 0.01f, NULL));
    doubles("case", sizes, 4);
    floats("ratio", ratio, N);
    floats("s", grid.s, N);
    floats("step", grid.step, N * grid.groups);
    floats("zero", grid.zero, N * grid.groups);
    codes("nearest", nearest, N * K);
    doubles("error", &error, 1);
    codes("fed", fed, N * K);
    qoq_grid_free(&grid);
}

int main(void)
{
    struct test_random r = test_random(140);

    fill(&r);
    floats("w", w, N * K);
    doubles("gram", gram, K * K);
    dump(QOQ_GRID_W8, 0);
    dump(QOQ_GRID_W4_CHANNEL, 0);
    dump(QOQ_GRID_W4_GROUP, 128);
    dump(QOQ_GRID_W4_HALF, 64);
    dump(QOQ_GRID_W4_HALF, 0);
    dump(QOQ_GRID_W4_SYMMETRIC, 32);
    dump(QOQ_GRID_W4_POST, 64);
    dump(QOQ_GRID_W4_POST, 0);
    return 0;
}
