/* SPDX-License-Identifier: Apache-2.0 */
/* RMSNorm, alone and fused with quantization, and the residual sum: N 9. */
#include "linear.h"
#include "numerics/reduce.h"
#include "ops/act_row.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const size_t widths[] = {1, 2, 15, 16, 17, 64, 172, 576, 1023, 1024, 1025, 4096, 131072};

/* Bound of the relative error: half of what the sum of n squares may lose, and five roundings. */
static double norm_bound(size_t n)
{
    double depth = n > 16 ? ceil(log2((double)n / 16.0)) : 0.0;

    return ((fmin((double)n, 16.0) + depth + 2.0) / 2.0 + 4.0) * 0x1p-24;
}

Test(norm, close_to_long_double)
{
    double worst = 0.0;

    for (size_t i = 0; i < COUNT(widths) * 3; i++) {
        struct test_random r = test_random(i);
        size_t n = widths[i / 3], m = n > 5000 ? 1 : 7;
        float deviation = i % 3 == 0 ? 1.0f : i % 3 == 1 ? 1e-4f : 3e4f;
        float *x = random_floats(&r, m * n, deviation), *gamma = random_floats(&r, n, 2.0f);
        float *y = guard_new(m * n * sizeof *y);

        cr_assert_eq(qoq_rmsnorm(y, x, gamma, m, n, 1e-5f), QOQ_OK);
        cr_assert(guard_intact(y), "n=%zu", n);
        for (size_t row = 0; row < m; row++) {
            long double squares = 0.0L, s;

            for (size_t k = 0; k < n; k++)
                squares += (long double)x[row * n + k] * (long double)x[row * n + k];
            s = 1.0L / sqrtl(squares / (long double)n + (long double)1e-5f);
            for (size_t k = 0; k < n; k++) {
                long double exact = (long double)x[row * n + k] * s * (long double)gamma[k];
                double error = fabs((double)((long double)y[row * n + k] - exact));

                if (exact != 0.0L)
                    worst = fmax(worst, error / fabs((double)exact));
                cr_assert(error <= norm_bound(n) * fabs((double)exact) + 0x1p-149,
                          "n=%zu element %zu: %a for %La" SEED_FORMAT, n, k, (double)y[row * n + k],
                          exact, test_seed());
            }
        }
        guard_free(x);
        guard_free(gamma);
        guard_free(y);
    }
    fprintf(stderr, "norm: relative error %.2f * 2^-24\n", worst * 0x1p24);
}

/* N 9.1, operation by operation through binary64, the sum by N 2.3. */
Test(norm, operations)
{
    struct test_random r = test_random(100);

    for (size_t n = 1; n < 300; n++) {
        float *x = random_floats(&r, n, 3.0f), *gamma = random_floats(&r, n, 2.0f),
              *y = guard_new(n * 4);
        float v = qoq_sum_squares(x, n), mean = (float)((double)v / (double)n);
        float root = sqrtf((float)((double)mean + (double)1e-6f)), s = (float)(1.0 / (double)root);

        cr_assert_eq(qoq_rmsnorm(y, x, gamma, 1, n, 1e-6f), QOQ_OK);
        for (size_t k = 0; k < n; k++) {
            float scaled = (float)((double)x[k] * (double)s);

            cr_assert_eq(y[k], (float)((double)scaled * (double)gamma[k]),
                         "n=%zu element %zu" SEED_FORMAT, n, k, test_seed());
        }
        cr_assert_eq(qoq_rmsnorm(x, x, gamma, 1, n, 1e-6f), QOQ_OK);
        cr_assert_eq(memcmp(x, y, n * sizeof *x), 0, "in place, n=%zu" SEED_FORMAT, n, test_seed());
        cr_assert(guard_intact(x) && guard_intact(y));
        guard_free(x);
        guard_free(gamma);
        guard_free(y);
    }
}

static void check_fused(const float *x, const float *gamma, size_t m, size_t n, float eps)
{
    struct qoq_act act = act_new(m, n);
    float *y = guard_new(m * n * sizeof *y);
    int8_t *q = guard_new(n);

    cr_assert_eq(qoq_rmsnorm_quantize(&act, x, gamma, eps), QOQ_OK, "n=%zu", n);
    cr_assert(act_intact(&act), "n=%zu", n);
    cr_assert_eq(qoq_rmsnorm(y, x, gamma, m, n, eps), QOQ_OK);
    for (size_t row = 0; row < m; row++) {
        float scale;
        int32_t sum;

        qoq_act_quantize_row(q, &scale, &sum, y + row * n, n);
        cr_assert_eq(memcmp(&scale, &act.scale[row], sizeof scale), 0, "n=%zu row %zu" SEED_FORMAT,
                     n, row, test_seed());
        cr_assert_eq(sum, act.sum[row], "n=%zu row %zu" SEED_FORMAT, n, row, test_seed());
        cr_assert_eq(memcmp(q, act.q + row * n, n), 0, "n=%zu row %zu" SEED_FORMAT, n, row,
                     test_seed());
    }
    act_free(&act);
    guard_free(y);
    guard_free(q);
}

/* N 9.2: fused is unfused, then 3.1, bit for bit; special rows among the others. */
Test(norm, fused_equals_unfused)
{
    for (size_t i = 0; i < COUNT(widths); i++) {
        struct test_random r = test_random(200 + i);
        size_t n = widths[i], m = 6;
        float *x = random_floats(&r, m * n, 20.0f), *gamma = random_floats(&r, n, 2.0f);

        memset(x, 0, n * sizeof *x);
        x[n + n / 2] = INFINITY;
        x[2 * n + n - 1] = NAN;
        for (size_t k = 0; k < n; k++)
            x[3 * n + k] *= 1e-38f;
        check_fused(x, gamma, m, n, 1e-5f);
        check_fused(x, gamma, m, n, 0.0f);
        guard_free(x);
        guard_free(gamma);
    }
}

/* N 1.4 */
Test(norm, zero_and_not_finite)
{
    const float x[4][3] = {
        {0.0f, -0.0f, 0.0f}, {1.0f, NAN, 2.0f}, {1.0f, -INFINITY, 2.0f}, {1.0f, 2.0f, 3.0f}};
    const float gamma[3] = {1.0f, 1.0f, 1.0f};
    struct qoq_act act = act_new(4, 3);
    float y[4][3];

    cr_assert_eq(qoq_rmsnorm(y[0], x[0], gamma, 4, 3, 1e-5f), QOQ_OK);
    cr_assert(y[0][0] == 0.0f && y[0][1] == 0.0f && signbit(y[0][1]) && !signbit(y[0][0]));
    cr_assert(isnan(y[1][0]) && isnan(y[1][1]) && isnan(y[1][2]) && isnan(y[2][1]));
    cr_assert_eq(qoq_rmsnorm_quantize(&act, x[0], gamma, 1e-5f), QOQ_OK);
    cr_assert(act.scale[0] > 0.0f && isnan(act.scale[1]) && isnan(act.scale[2]) &&
              isfinite(act.scale[3]));
    cr_assert(act.sum[0] == 0 && act.sum[1] == 0 && act.sum[2] == 0);
    cr_assert_eq(act.q[3 * 3 + 2], 127);
    cr_assert_eq(qoq_rmsnorm(y[0], x[0], gamma, 1, 3, 0.0f), QOQ_OK);
    cr_assert(isnan(y[0][0]), "a zero row without eps has no direction");
    act_free(&act);
}

/* Every finite binary16, each added to something it partly rounds away in. */
Test(norm, residual)
{
    size_t count = 0x10000;
    float *r = guard_new(count * sizeof *r);
    qoq_half *o = guard_new(count * sizeof *o);

    for (size_t i = 0; i < count; i++) {
        o[i] = (qoq_half)i;
        r[i] = 12345.678f;
    }
    cr_assert_eq(qoq_residual_add(r, o, count), QOQ_OK);
    cr_assert(guard_intact(r));
    for (size_t i = 0; i < count; i++) {
        float expected = (float)((double)12345.678f + (double)qoq_half_to_float((qoq_half)i));

        cr_assert(r[i] == expected || (isnan(r[i]) && isnan(expected)), "%04zx", i);
    }
    guard_free(r);
    guard_free(o);
}

Test(norm, argument_errors)
{
    static const float bad_eps[] = {-1e-5f, NAN, INFINITY};
    struct qoq_act act = act_new(2, 3), bad = act;
    float x[6] = {0.0f}, gamma[3] = {0.0f}, y[6];
    qoq_half o[6] = {0};

    cr_assert_eq(qoq_rmsnorm(NULL, x, gamma, 2, 3, 0.0f), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_rmsnorm(y, NULL, gamma, 2, 3, 0.0f), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_rmsnorm(y, x, NULL, 2, 3, 0.0f), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_rmsnorm(y, x, gamma, 0, 3, 0.0f), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_rmsnorm(y, x, gamma, 2, 0, 0.0f), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_rmsnorm(y, x, gamma, 2, 131073, 0.0f), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_rmsnorm(y, x, gamma, SIZE_MAX / 4, 3, 0.0f), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_rmsnorm_quantize(NULL, x, gamma, 0.0f), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_rmsnorm_quantize(&act, NULL, gamma, 0.0f), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_rmsnorm_quantize(&act, x, NULL, 0.0f), QOQ_ERR_ARGUMENT);
    bad.scale = NULL;
    cr_assert_eq(qoq_rmsnorm_quantize(&bad, x, gamma, 0.0f), QOQ_ERR_ARGUMENT);
    bad = act, bad.k = 131073;
    cr_assert_eq(qoq_rmsnorm_quantize(&bad, x, gamma, 0.0f), QOQ_ERR_SHAPE);
    for (size_t i = 0; i < COUNT(bad_eps); i++) {
        cr_assert_eq(qoq_rmsnorm(y, x, gamma, 2, 3, bad_eps[i]), QOQ_ERR_ARGUMENT);
        cr_assert_eq(qoq_rmsnorm_quantize(&act, x, gamma, bad_eps[i]), QOQ_ERR_ARGUMENT);
    }
    cr_assert_eq(qoq_residual_add(NULL, o, 6), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_residual_add(y, NULL, 6), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_residual_add(y, o, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_residual_add(y, o, SIZE_MAX), QOQ_ERR_SHAPE);
    act_free(&act);
}
