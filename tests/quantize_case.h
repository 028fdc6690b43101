/* SPDX-License-Identifier: Apache-2.0 */
/* Matrices and Gram matrices for the tests of the quantizer. */
#ifndef QOQ_TESTS_QUANTIZE_CASE_H
#define QOQ_TESTS_QUANTIZE_CASE_H

#include "linear.h"
#include "quantize/grid.h"

#include <criterion/criterion.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* The kinds of grids with the group that the tests give them. */
static const struct kind_case {
    enum qoq_grid_kind kind;
    size_t group;
} kind_cases[] = {{QOQ_GRID_W8, 0},       {QOQ_GRID_W4_CHANNEL, 0}, {QOQ_GRID_W4_GROUP, 64},
                  {QOQ_GRID_W4_HALF, 32}, {QOQ_GRID_W4_HALF, 0},    {QOQ_GRID_W4_SYMMETRIC, 96},
                  {QOQ_GRID_W4_POST, 64}, {QOQ_GRID_W4_POST, 0},    {QOQ_GRID_W4_SYMMETRIC, 0}};

#define KIND_CASES (sizeof kind_cases / sizeof *kind_cases)

static inline void set_threads(int threads)
{
#ifdef _OPENMP
    omp_set_num_threads(threads);
#else
    (void)threads;
#endif
}

/* A fitted grid. */
static inline struct qoq_grid fitted_grid(struct kind_case c, size_t n, size_t k, const float *w,
                                          const float *ratio)
{
    struct qoq_grid grid;

    cr_assert_eq(qoq_grid_create(&grid, c.kind, n, k, c.group), QOQ_OK, "kind %d, %zu x %zu",
                 c.kind, n, k);
    cr_assert_eq(qoq_grid_fit(&grid, w, ratio), QOQ_OK, "kind %d, %zu x %zu", c.kind, n, k);
    return grid;
}

static inline int8_t *rounded(const struct qoq_grid *grid, const float *w)
{
    int8_t *code = guard_new(grid->n * grid->k);

    qoq_grid_round(code, grid, w);
    cr_assert(guard_intact(code));
    return code;
}

/* X^T X of `tokens` tokens whose channels share a few directions and differ in size. */
static inline double *correlated_gram(struct test_random *r, size_t tokens, size_t k)
{
    double *gram = guard_new(k * k * sizeof *gram);
    float *x = random_floats(r, tokens * k, 1.0f), *size = random_floats(r, k, 1.0f);

    for (size_t t = 0; t < tokens; t++) {
        float shared[4];

        for (size_t i = 0; i < 4; i++)
            shared[i] = test_uniform(r, 2.0f);
        for (size_t i = 0; i < k; i++)
            x[t * k + i] = (x[t * k + i] + shared[i % 4]) * (0.1f + size[i] * size[i]);
    }
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0.0;

            for (size_t t = 0; t < tokens; t++)
                sum += (double)x[t * k + i] * (double)x[t * k + j];
            gram[i * k + j] = gram[j * k + i] = sum;
        }
    }
    guard_free(x);
    guard_free(size);
    return gram;
}

/* d G d^T of one row, d = w - approx, in binary64. */
static inline double row_error(const float *w, const float *approx, const double *gram, size_t k)
{
    double error = 0.0;

    for (size_t i = 0; i < k; i++) {
        double sum = 0.0;

        for (size_t j = 0; j < k; j++)
            sum += gram[i * k + j] * ((double)w[j] - (double)approx[j]);
        error += sum * ((double)w[i] - (double)approx[i]);
    }
    return error;
}

#endif
