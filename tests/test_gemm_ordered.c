/* SPDX-License-Identifier: Apache-2.0 */
/* Ordered binary32 products: N 6.4. */
#include "linear.h"

#include <criterion/criterion.h>
#include <math.h>

static const struct {
    size_t m, n, k;
} shapes[] = {{1, 1, 1},   {3, 5, 33},   {2, 7, 172},    {65, 3, 64},
              {4, 9, 576}, {5, 17, 172}, {130, 2, 1025}, {1, 33, 2100}};

#define SHAPES (sizeof shapes / sizeof *shapes)

static int same(float a, float b)
{
    return qoq_float_bits(a) == qoq_float_bits(b) || (a != a && b != b);
}

static void check_ordered(const float *y, const float *x, const float *w, const float *bias,
                          size_t m, size_t n, size_t k)
{
    for (size_t i = 0; i < m * n; i++) {
        float acc = 0.0f;

        for (size_t j = 0; j < k; j++)
            acc = fmaf(x[i / n * k + j], w[i % n * k + j], acc);
        if (bias != NULL)
            acc += bias[i % n];
        cr_assert(same(y[i], acc), "%zu x %zu x %zu, element %zu: %a, expected %a" SEED_FORMAT, m,
                  n, k, i, (double)y[i], (double)acc, test_seed());
    }
}

Test(gemm_ordered, matches_plain_loop)
{
    struct test_random r = test_random(40);

    for (size_t i = 0; i < SHAPES; i++) {
        size_t m = shapes[i].m, n = shapes[i].n, k = shapes[i].k;
        float *x = random_floats(&r, m * k, 1.0f), *w = random_floats(&r, n * k, 1.0f);
        float *bias = random_floats(&r, n, 1.0f), *y = guard_new(m * n * sizeof *y);

        cr_assert_eq(qoq_gemm_f32(y, x, w, NULL, m, n, k), QOQ_OK);
        cr_assert(guard_intact(y), "%zu x %zu x %zu", m, n, k);
        check_ordered(y, x, w, NULL, m, n, k);
        cr_assert_eq(qoq_gemm_f32(y, x, w, bias, m, n, k), QOQ_OK);
        check_ordered(y, x, w, bias, m, n, k);
        guard_free(x);
        guard_free(w);
        guard_free(bias);
        guard_free(y);
    }
}

Test(gemm_ordered, halves_are_widened)
{
    struct test_random r = test_random(41);

    for (size_t i = 0; i < SHAPES; i++) {
        size_t m = shapes[i].m, n = shapes[i].n, k = shapes[i].k;
        float *x = random_floats(&r, m * k, 1.0f), *w = guard_new(n * k * sizeof *w),
              *y = guard_new(m * n * sizeof *y);
        qoq_half *h = guard_new(n * k * sizeof *h);

        for (size_t j = 0; j < n * k; j++) {
            h[j] = (qoq_half)test_next(&r);
            h[j] = qoq_half_is_finite(h[j]) ? h[j] : 0;
            w[j] = qoq_half_to_float(h[j]);
        }
        cr_assert_eq(qoq_gemm_f16(y, x, h, m, n, k), QOQ_OK);
        cr_assert(guard_intact(y), "%zu x %zu x %zu", m, n, k);
        check_ordered(y, x, w, NULL, m, n, k);
        guard_free(x);
        guard_free(w);
        guard_free(h);
        guard_free(y);
    }
}

/* Cancellation tells the written order and the fused products from any other. */
Test(gemm_ordered, order_and_fusion)
{
    float x[300] = {0}, w[300] = {0}, y;

    x[0] = 0x1p15f, w[0] = 0x1p15f;
    x[1] = 1.0f, w[1] = 1.0f;
    x[299] = -0x1p15f, w[299] = 0x1p15f;
    cr_assert_eq(qoq_gemm_f32(&y, x, w, NULL, 1, 1, 300), QOQ_OK);
    cr_assert_eq(y, 0.0f, "the 1 is lost in 2^30");
    x[1] = 0.0f;
    x[298] = 0x1.000002p+0f, w[298] = 0x1.000002p+0f;
    x[0] = 1.0f, w[0] = -0x1.000004p+0f, x[299] = 0.0f;
    cr_assert_eq(qoq_gemm_f32(&y, x, w, NULL, 1, 1, 300), QOQ_OK);
    cr_assert_eq(y, 0x1p-46f, "the exact product less its rounding");
}

/* NaN and infinity stay in the rows and channels they enter, also beside the padding of a panel. */
Test(gemm_ordered, not_finite)
{
    struct test_random r = test_random(42);
    size_t m = 3, n = 17, k = 40;
    float *x = random_floats(&r, m * k, 1.0f), *w = random_floats(&r, n * k, 1.0f);
    float *y = guard_new(m * n * sizeof *y);

    x[k + 3] = NAN;
    x[2 * k + 5] = INFINITY;
    w[16 * k + 7] = -INFINITY;
    cr_assert_eq(qoq_gemm_f32(y, x, w, NULL, m, n, k), QOQ_OK);
    check_ordered(y, x, w, NULL, m, n, k);
    for (size_t i = 0; i < n; i++)
        cr_assert(isnan(y[n + i]) && !isfinite(y[2 * n + i]) && isfinite(y[i]) == (i != 16),
                  "column %zu", i);
    guard_free(x);
    guard_free(w);
    guard_free(y);
}

Test(gemm_ordered, argument_errors)
{
    float x[4] = {0}, y[4];
    qoq_half h[4] = {0};

    cr_assert_eq(qoq_gemm_f32(NULL, x, x, NULL, 1, 1, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_gemm_f32(y, NULL, x, NULL, 1, 1, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_gemm_f32(y, x, NULL, NULL, 1, 1, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_gemm_f16(NULL, x, h, 1, 1, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_gemm_f16(y, NULL, h, 1, 1, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_gemm_f16(y, x, NULL, 1, 1, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_gemm_f32(y, x, x, NULL, 0, 1, 1), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_gemm_f32(y, x, x, NULL, 1, 0, 1), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_gemm_f32(y, x, x, NULL, 1, 1, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_gemm_f32(y, x, x, NULL, 1, 1, 131073), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_gemm_f16(y, x, h, SIZE_MAX / 8, 8, 1), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_gemm_f16(y, x, h, 2, SIZE_MAX / 4, 1), QOQ_ERR_SHAPE);
}
