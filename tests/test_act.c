/* SPDX-License-Identifier: Apache-2.0 */
/* Per-token INT8 activations: N 3. */
#include "linear.h"
#include "ops/act_row.h"

#include <criterion/criterion.h>
#include <math.h>

static const size_t widths[] = {1, 2, 33, 172, 576, 1023, 1024, 1025, 2049};

/* x / y rounded to binary32 once: binary64 has more than twice its bits. */
static float quotient(float x, float y)
{
    return (float)((double)x / (double)y);
}

/* N 3.1 by way of binary64, ties by nearbyint. */
static int expected_code(float x, float a)
{
    float product = (float)((double)x * (double)quotient(127.0f, a));
    double code = nearbyint((double)product);

    return (int)fmin(fmax(code, -127.0), 127.0);
}

static struct qoq_act quantize(const qoq_half *x, size_t m, size_t k)
{
    struct qoq_act act = act_new(m, k);

    cr_assert_eq(qoq_act_quantize(&act, x), QOQ_OK, "m=%zu k=%zu", m, k);
    cr_assert(act_intact(&act), "wrote outside its arrays, m=%zu k=%zu", m, k);
    return act;
}

/* The worked row of QServe; the codes agree with its profile, the sum is that of the codes. */
Test(act, worked_vector)
{
    const qoq_half x[6] = {0x3c00, 0xc100, 0x34cd, 0x43cd, 0xa3d5, 0x0000};
    const int8_t q[6] = {33, -81, 10, 127, 0, 0};
    struct qoq_act act = quantize(x, 1, 6);

    cr_assert_eq(memcmp(act.q, q, sizeof q), 0);
    cr_assert_eq(act.sum[0], 89);
    cr_assert_eq(qoq_float_bits(act.scale[0]), 0x3cfb972e, "scale %a", (double)act.scale[0]);
    act_free(&act);
}

Test(act, matches_binary64)
{
    struct test_random r = test_random(1);

    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        size_t k = widths[i];
        qoq_half *x = random_halves(&r, 3 * k, 5.0f);
        struct qoq_act act = quantize(x, 3, k);

        for (size_t m = 0; m < 3; m++) {
            float a = 0.0f;
            int32_t sum = 0;

            for (size_t j = 0; j < k; j++)
                a = fmaxf(a, fabsf(qoq_half_to_float(x[m * k + j])));
            cr_assert_eq(act.scale[m], quotient(a, 127.0f), "m=%zu k=%zu" SEED_FORMAT, m, k,
                         test_seed());
            for (size_t j = 0; j < k; j++) {
                int q = act.q[m * k + j];

                cr_assert_eq(q, expected_code(qoq_half_to_float(x[m * k + j]), a),
                             "m=%zu k=%zu element %zu" SEED_FORMAT, m, k, j, test_seed());
                sum += q;
            }
            cr_assert_eq(act.sum[m], sum, "m=%zu k=%zu" SEED_FORMAT, m, k, test_seed());
        }
        act_free(&act);
        guard_free(x);
    }
}

/* Every positive finite binary16 as the maximum of a row, beside another element. */
Test(act, every_maximum)
{
    qoq_half *x = guard_new(2 * 31743 * sizeof *x);
    struct qoq_act act;

    for (unsigned h = 1; h < 0x7c00; h++) {
        x[2 * h - 2] = (qoq_half)(0x8000 | h);
        x[2 * h - 1] = (qoq_half)(h / 2);
    }
    act = quantize(x, 31743, 2);
    for (unsigned h = 1; h < 0x7c00; h++) {
        float a = qoq_half_to_float((qoq_half)h), b = qoq_half_to_float((qoq_half)(h / 2));

        cr_assert_eq(act.q[2 * h - 2], -127, "maximum 0x%04x", h);
        cr_assert_eq(act.q[2 * h - 1], expected_code(b, a), "maximum 0x%04x", h);
        cr_assert_eq(act.scale[h - 1], quotient(a, 127.0f), "maximum 0x%04x", h);
    }
    act_free(&act);
    guard_free(x);
}

/* A row of one repeated magnitude has codes of +-127 only; the signs decide the sum. */
Test(act, saturation)
{
    const qoq_half magnitude[] = {0x0001, 0x03ff, 0x0400, 0x3c00, 0x5a31, 0x7bff};

    for (size_t i = 0; i < sizeof magnitude / sizeof *magnitude; i++) {
        qoq_half x[5] = {magnitude[i], magnitude[i], magnitude[i], magnitude[i],
                         0x8000 | magnitude[i]};
        const int8_t q[5] = {127, 127, 127, 127, -127};
        struct qoq_act act = quantize(x, 1, 5);

        cr_assert_eq(memcmp(act.q, q, sizeof q), 0, "magnitude 0x%04x", magnitude[i]);
        cr_assert_eq(act.sum[0], 3 * 127);
        act_free(&act);
    }
}

Test(act, longest_row)
{
    size_t k = 131072;
    qoq_half *x = guard_new(k * sizeof *x);
    struct qoq_act act;

    for (size_t i = 0; i < k; i++)
        x[i] = 0xfbff;
    act = quantize(x, 1, k);
    cr_assert_eq(act.sum[0], -127 * 131072);
    act_free(&act);
    guard_free(x);
}

Test(act, zero_row)
{
    const qoq_half x[4] = {0x0000, 0x8000, 0x0000, 0x8000};
    const int8_t q[4] = {0, 0, 0, 0};
    struct qoq_act act = quantize(x, 1, 4);

    cr_assert_eq(memcmp(act.q, q, sizeof q), 0);
    cr_assert_eq(act.sum[0], 0);
    cr_assert_eq(act.scale[0], quotient(0x1p-100f, 127.0f), "N 3.2: the floor, scale %a",
                 (double)act.scale[0]);
    act_free(&act);
}

/* Rows of fused operators may be smaller than any binary16: around the floor, and far below. */
Test(act, floor_of_the_maximum)
{
    const float a[] = {0x1p-98f, 0x1.8p-100f, 0x1.000002p-100f, 0x1p-100f, 0x1.8p-101f, 0x1p-149f};

    for (size_t i = 0; i < sizeof a / sizeof *a; i++) {
        const float x[3] = {-a[i], a[i] / 2.0f, 0.0f};
        float floored = fmaxf(a[i], 0x1p-100f), scale;
        int32_t sum;
        int8_t q[3];

        qoq_act_quantize_row(q, &scale, &sum, x, 3);
        cr_assert_eq(scale, quotient(floored, 127.0f), "maximum %a", (double)a[i]);
        for (size_t k = 0; k < 3; k++)
            cr_assert_eq(q[k], expected_code(x[k], floored), "maximum %a", (double)a[i]);
        cr_assert_eq(sum, q[0] + q[1]);
    }
}

/* N 1.4, 3.2: NaN and infinity show in the scale, codes are 0, neighbours are untouched. */
Test(act, not_finite)
{
    const qoq_half x[5][3] = {{0x3c00, 0x7e00, 0x4000},
                              {0x3c00, 0x7c00, 0x4000},
                              {0x3c00, 0x3800, 0xbc00},
                              {0xfc00, 0x7c00, 0x0000},
                              {0xfe00, 0x7c00, 0x0000}};
    const int8_t finite[3] = {127, 64, -127};
    struct qoq_act act = quantize(x[0], 5, 3);

    cr_assert(isnan(act.scale[0]) && isnan(act.scale[4]));
    cr_assert(isinf(act.scale[1]) && act.scale[1] > 0 && isinf(act.scale[3]) && act.scale[3] > 0);
    cr_assert_eq(memcmp(act.q + 6, finite, 3), 0, "63.5 is a tie, to even");
    cr_assert_eq(act.sum[2], 64);
    for (size_t i = 0; i < 15; i++) {
        if (i / 3 != 2)
            cr_assert_eq(act.q[i], 0, "element %zu", i);
    }
    act_free(&act);
}

/* Halving a row halves its scale and keeps its codes; negating it negates them. */
Test(act, scaled_and_negated)
{
    struct test_random r = test_random(2);
    size_t k = 172;
    qoq_half *x = random_halves(&r, 3 * k, 8.0f);
    struct qoq_act act;

    for (size_t i = 0; i < k; i++) {
        x[i] = qoq_half_from_float(rintf(qoq_half_to_float(x[i]) * 256.0f));
        x[k + i] = qoq_half_from_float(qoq_half_to_float(x[i]) * 0.5f);
        x[2 * k + i] = x[i] ^ 0x8000;
    }
    act = quantize(x, 3, k);
    cr_assert_eq(act.scale[1], act.scale[0] * 0.5f, SEED_FORMAT, test_seed());
    cr_assert_eq(act.scale[2], act.scale[0], SEED_FORMAT, test_seed());
    cr_assert_eq(act.sum[2], -act.sum[0], SEED_FORMAT, test_seed());
    for (size_t i = 0; i < k; i++) {
        cr_assert_eq(act.q[k + i], act.q[i], "element %zu" SEED_FORMAT, i, test_seed());
        cr_assert_eq(act.q[2 * k + i], -act.q[i], "element %zu" SEED_FORMAT, i, test_seed());
    }
    act_free(&act);
    guard_free(x);
}

/* A row's result does not depend on its batch. */
Test(act, rows_are_independent)
{
    struct test_random r = test_random(3);
    size_t m = 37, k = 1025;
    qoq_half *x = random_halves(&r, m * k, 3.0f);
    struct qoq_act all = quantize(x, m, k);

    for (size_t i = 0; i < m; i++) {
        struct qoq_act one = quantize(x + i * k, 1, k);

        cr_assert_eq(memcmp(one.q, all.q + i * k, k), 0, "row %zu" SEED_FORMAT, i, test_seed());
        cr_assert_eq(one.scale[0], all.scale[i], "row %zu" SEED_FORMAT, i, test_seed());
        cr_assert_eq(one.sum[0], all.sum[i], "row %zu" SEED_FORMAT, i, test_seed());
        act_free(&one);
    }
    act_free(&all);
    guard_free(x);
}

Test(act, dequantize)
{
    struct test_random r = test_random(4);
    size_t m = 3, k = 172;
    qoq_half *x = random_halves(&r, m * k, 3.0f);
    float *y = guard_new(m * k * sizeof *y);
    struct qoq_act act = quantize(x, m, k);

    cr_assert_eq(qoq_act_dequantize(y, &act), QOQ_OK);
    cr_assert(guard_intact(y));
    for (size_t i = 0; i < m * k; i++) {
        double exact = (double)act.scale[i / k] * act.q[i];

        cr_assert_eq(y[i], (float)exact, "element %zu" SEED_FORMAT, i, test_seed());
        cr_assert_leq(fabs(y[i] - (double)qoq_half_to_float(x[i])),
                      0.5001 * (double)act.scale[i / k], "element %zu" SEED_FORMAT, i, test_seed());
    }
    act_free(&act);
    guard_free(y);
    guard_free(x);
}

Test(act, argument_errors)
{
    struct qoq_act good = act_new(2, 3), bad;
    qoq_half x[6] = {0};
    float y[6];

    cr_assert_eq(qoq_act_quantize(NULL, x), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_act_quantize(&good, NULL), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_act_dequantize(NULL, &good), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_act_dequantize(y, NULL), QOQ_ERR_ARGUMENT);
    bad = good, bad.q = NULL;
    cr_assert_eq(qoq_act_quantize(&bad, x), QOQ_ERR_ARGUMENT);
    bad = good, bad.scale = NULL;
    cr_assert_eq(qoq_act_quantize(&bad, x), QOQ_ERR_ARGUMENT);
    bad = good, bad.sum = NULL;
    cr_assert_eq(qoq_act_quantize(&bad, x), QOQ_ERR_ARGUMENT);
    bad = good, bad.m = 0;
    cr_assert_eq(qoq_act_quantize(&bad, x), QOQ_ERR_SHAPE);
    bad = good, bad.k = 0;
    cr_assert_eq(qoq_act_dequantize(y, &bad), QOQ_ERR_SHAPE);
    bad = good, bad.k = 131073;
    cr_assert_eq(qoq_act_quantize(&bad, x), QOQ_ERR_SHAPE);
    bad = good, bad.m = SIZE_MAX / 8;
    cr_assert_eq(qoq_act_quantize(&bad, x), QOQ_ERR_SHAPE);
    act_free(&good);
}
