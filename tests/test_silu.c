/* SPDX-License-Identifier: Apache-2.0 */
/* SiLU times up, alone and fused with quantization, and in profile qserve: N 10, 23. */
#include "linear.h"
#include "ops/act_row.h"
#include "qoq_qserve.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/*
 * Every binary16 gate: exp is good to 1.31 * 2^-24, of which at most half counts up to gate 0, and
 * three operations round. Below -87 the exponential overflows before the result would vanish.
 */
Test(silu, close_to_long_double)
{
    static const float ups[] = {1.0f, -0.3f, 1234.5f};
    size_t count = 0x10000;
    float *gate = guard_new(count * sizeof *gate), *up = guard_new(count * sizeof *up);
    float *y = guard_new(count * sizeof *y);
    double worst = 0.0;

    for (size_t j = 0; j < COUNT(ups); j++) {
        for (size_t i = 0; i < count; i++) {
            gate[i] = qoq_half_to_float((qoq_half)i);
            up[i] = ups[j];
        }
        cr_assert_eq(qoq_silu_mul(y, gate, up, count), QOQ_OK);
        cr_assert(guard_intact(y));
        for (size_t i = 0; i < count; i++) {
            long double g = (long double)gate[i],
                        exact = g / (1.0L + expl(-g)) * (long double)ups[j];
            double error = (double)fabsl((long double)y[i] - exact);

            if (!isfinite(gate[i]))
                continue;
            if (gate[i] > -80.0f && gate[i] != 0.0f)
                worst = fmax(worst, error / (double)fabsl(exact));
            cr_assert(error <= 3.7 * 0x1p-24 * (double)fabsl(exact) + 1e-36 * fabs((double)ups[j]),
                      "gate %a: %a", (double)gate[i], (double)y[i]);
        }
    }
    fprintf(stderr, "silu: relative error %.2f * 2^-24\n", worst * 0x1p24);
    guard_free(gate);
    guard_free(up);
    guard_free(y);
}

Test(silu, special_gates)
{
    const float gate[7] = {0.0f, -0.0f, -100.0f, INFINITY, -INFINITY, NAN, -3e38f};
    const float up[7] = {2.0f, 2.0f, 2.0f, 2.0f, 2.0f, 2.0f, -2.0f};
    float y[7];

    cr_assert_eq(qoq_silu_mul(y, gate, up, 7), QOQ_OK);
    cr_assert(y[0] == 0.0f && !signbit(y[0]) && y[1] == 0.0f && signbit(y[1]));
    cr_assert(y[2] == 0.0f && signbit(y[2]) && isinf(y[3]) && isnan(y[4]) && isnan(y[5]));
    cr_assert(y[6] == 0.0f && !signbit(y[6]));
}

/* N 10.2: fused is unfused on the widened inputs, then 3.1, bit for bit. */
Test(silu, fused_equals_unfused)
{
    static const size_t widths[] = {1, 2, 172, 1023, 1024, 1025, 3000, 131072};

    for (size_t i = 0; i < COUNT(widths); i++) {
        struct test_random r = test_random(i);
        size_t k = widths[i], m = 5;
        qoq_half *gate = random_halves(&r, m * k, 6.0f), *up = random_halves(&r, m * k, 2.0f);
        float *g = guard_new(k * sizeof *g), *u = guard_new(k * sizeof *u),
              *y = guard_new(k * sizeof *y);
        struct qoq_act act = act_new(m, k);
        int8_t *q = guard_new(k);

        memset(gate, 0, k * sizeof *gate);
        gate[k + k / 2] = QOQ_HALF_NAN;
        gate[2 * k + k - 1] = QOQ_HALF_INF;
        cr_assert_eq(qoq_silu_mul_quantize(&act, gate, up), QOQ_OK);
        cr_assert(act_intact(&act), "k=%zu", k);
        for (size_t row = 0; row < m; row++) {
            float scale;
            int32_t sum;

            for (size_t j = 0; j < k; j++) {
                g[j] = qoq_half_to_float(gate[row * k + j]);
                u[j] = qoq_half_to_float(up[row * k + j]);
            }
            cr_assert_eq(qoq_silu_mul(y, g, u, k), QOQ_OK);
            qoq_act_quantize_row(q, &scale, &sum, y, k);
            cr_assert(scale == act.scale[row] || (isnan(scale) && isnan(act.scale[row])),
                      "k=%zu row %zu" SEED_FORMAT, k, row, test_seed());
            cr_assert_eq(sum, act.sum[row], "k=%zu row %zu" SEED_FORMAT, k, row, test_seed());
            cr_assert_eq(memcmp(q, act.q + row * k, k), 0, "k=%zu row %zu" SEED_FORMAT, k, row,
                         test_seed());
        }
        cr_assert(isnan(act.scale[1]) && isinf(act.scale[2]) && isfinite(act.scale[3]));
        act_free(&act);
        guard_free(gate);
        guard_free(up);
        guard_free(g);
        guard_free(u);
        guard_free(y);
        guard_free(q);
    }
}

/*
 * Profile qserve from its description, with exp2 of the C library: over all finite gates at most
 * one binary16 step apart before the product, and hardly ever apart at all.
 */
Test(silu, qserve_matches_its_description)
{
    size_t count = 0x10000, different = 0;
    qoq_half *gate = guard_new(count * sizeof *gate), *up = guard_new(count * sizeof *up);
    qoq_half *out = guard_new(count * sizeof *out);

    for (size_t i = 0; i < count; i++) {
        gate[i] = (qoq_half)i;
        up[i] = i % 2 ? 0x3c00 : 0xc500;
    }
    cr_assert_eq(qoq_qserve_silu_mul(out, gate, up, count), QOQ_OK);
    cr_assert(guard_intact(out));
    for (size_t i = 0; i < count; i++) {
        float g = qoq_half_to_float((qoq_half)i), u = qoq_half_to_float(up[i]),
              got = qoq_half_to_float(out[i]);
        float e = (float)exp2((double)(float)((double)-g * (double)0x1.715476p+0f));
        float inverse = (float)(1.0 / (double)(float)(1.0 + (double)e)), t, y;

        t = qoq_half_to_float(qoq_half_from_float((float)((double)g * (double)inverse)));
        y = qoq_half_to_float(qoq_half_from_float((float)((double)t * (double)u)));
        if (isnan(y)) {
            cr_assert(isnan(got) && (isnan(g) || isinf(g)), "%04zx", i);
            continue;
        }
        different += got != y;
        cr_assert(got == y || fabsf(got - y) <= fabsf(y) * 0x1.8p-10f + 0x1.8p-22f,
                  "%04zx: %a, not %a", i, (double)got, (double)y);
    }
    cr_assert(different <= 20, "%zu differ", different);
    guard_free(gate);
    guard_free(up);
    guard_free(out);
}

Test(silu, argument_errors)
{
    struct qoq_act act = act_new(1, 2), bad = act;
    float x[2] = {0.0f}, y[2];
    qoq_half h[2] = {0};

    cr_assert_eq(qoq_silu_mul(NULL, x, x, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_silu_mul(y, NULL, x, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_silu_mul(y, x, NULL, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_silu_mul(y, x, x, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_silu_mul(y, x, x, SIZE_MAX), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_silu_mul_quantize(NULL, h, h), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_silu_mul_quantize(&act, NULL, h), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_silu_mul_quantize(&act, h, NULL), QOQ_ERR_ARGUMENT);
    bad.q = NULL;
    cr_assert_eq(qoq_silu_mul_quantize(&bad, h, h), QOQ_ERR_ARGUMENT);
    bad = act, bad.m = 0;
    cr_assert_eq(qoq_silu_mul_quantize(&bad, h, h), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_silu_mul(NULL, h, h, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_silu_mul(h, NULL, h, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_silu_mul(h, h, NULL, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_silu_mul(h, h, h, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_silu_mul(h, h, h, SIZE_MAX), QOQ_ERR_SHAPE);
    act_free(&act);
}
