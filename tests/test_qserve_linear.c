/* SPDX-License-Identifier: Apache-2.0 */
/* Profile qserve: activation quantization, norms, matrix products (N 20.2, 21, 22, 24). */
#include "linear.h"
#include "qoq_qserve.h"

#include <criterion/criterion.h>
#include <math.h>

/* Row lengths around a warp, a block, and the numbers of elements of a thread. */
static const size_t widths[] = {1,   2,    6,    31,   32,   33,   100,  172,
                                576, 1000, 1023, 1024, 1025, 2048, 4096, 5000};

#define WIDTHS (sizeof widths / sizeof *widths)

/* ---- Reductions, as N 20.2 writes them ---- */

static float butterfly(const float *x)
{
    float v[32], next[32];

    memcpy(v, x, sizeof v);
    for (unsigned mask = 16; mask > 0; mask /= 2) {
        for (unsigned i = 0; i < 32; i++)
            next[i] = v[i] + v[i ^ mask];
        memcpy(v, next, sizeof v);
    }
    return v[0];
}

/* BLOCK, second part: `threads` partial sums, the last warp filled with +0. */
static float block(const float *partial, size_t threads)
{
    float lanes[1024] = {0.0f}, warps[32] = {0.0f};

    memcpy(lanes, partial, threads * sizeof *lanes);
    for (size_t w = 0; w < (threads + 31) / 32; w++)
        warps[w] = butterfly(lanes + 32 * w);
    return butterfly(warps);
}

static size_t threads_of(size_t n)
{
    return n < 1024 ? n : 1024;
}

/* The block of the norm kernels. */
static size_t rounded_threads(size_t n)
{
    return (threads_of(n) + 31) / 32 * 32;
}

static float block_sum(const float *x, size_t n, size_t threads)
{
    float partial[1024];

    for (size_t t = 0; t < threads; t++) {
        partial[t] = 0.0f;
        for (size_t i = t; i < n; i += threads)
            partial[t] += x[i];
    }
    return block(partial, threads);
}

static float block_squares(const float *x, size_t n, size_t threads)
{
    float partial[1024];

    for (size_t t = 0; t < threads; t++) {
        partial[t] = 0.0f;
        for (size_t i = t; i < n; i += threads)
            partial[t] = fmaf(x[i], x[i], partial[t]);
    }
    return block(partial, threads);
}

static int code(float product)
{
    double i = nearbyint((double)(product == product ? product : 0.0f));

    return (int)fmin(fmax(i, -128.0), 127.0);
}

static float *widened(const qoq_half *x, size_t n)
{
    float *y = malloc(n * sizeof *y);

    for (size_t i = 0; i < n; i++)
        y[i] = qoq_half_to_float(x[i]);
    return y;
}

/* ---- Activations (N 21) ---- */

Test(qserve_act, worked_vector)
{
    const qoq_half x[6] = {0x3c00, 0xc100, 0x34cd, 0x43cd, 0xa3d5, 0x0000};
    const int8_t expected[6] = {33, -81, 10, 127, 0, 0};
    qoq_half scale, sum;
    int8_t q[6];

    cr_assert_eq(qoq_qserve_act_quantize(q, &scale, &sum, x, 1, 6), QOQ_OK);
    cr_assert_eq(memcmp(q, expected, 6), 0);
    cr_assert_eq(scale, 0x27dd);
    cr_assert_eq(sum, 0x415f);
}

/* The constant of 1/127 and a division give the same stored scale, for every maximum. */
Test(qserve_act, every_scale)
{
    for (unsigned h = 0; h < 0x7c00; h++) {
        qoq_half x = (qoq_half)(0x8000 | h), scale;
        int8_t q;

        cr_assert_eq(qoq_qserve_act_quantize(&q, &scale, NULL, &x, 1, 1), QOQ_OK);
        cr_assert_eq(scale,
                     qoq_half_from_float((float)((double)qoq_half_to_float((qoq_half)h) / 127.0)),
                     "0x%04x", h);
        cr_assert_eq(q, h == 0 ? 0 : -127, "0x%04x", h);
    }
}

/* Below 0x0040 the stored scale is 0. */
Test(qserve_act, vanishing_scale)
{
    const qoq_half x[2] = {0x003f, 0x0040};
    qoq_half scale[2];
    int8_t q[2];

    cr_assert_eq(qoq_qserve_act_quantize(q, scale, NULL, x, 2, 1), QOQ_OK);
    cr_assert(scale[0] == 0x0000 && scale[1] == 0x0001);
}

static void check_act_row(const int8_t *q, qoq_half scale, qoq_half sum, const qoq_half *x,
                          size_t k)
{
    float *f = widened(x, k), a = 0.0f, factor;

    for (size_t i = 0; i < k; i++)
        a = fmaxf(a, fabsf(f[i]));
    factor = 127.0f * (1.0f / a);
    cr_assert_eq(scale, qoq_half_from_float(a * 0x1.020408p-7f), "k=%zu" SEED_FORMAT, k,
                 test_seed());
    cr_assert_eq(sum, qoq_half_from_float(block_sum(f, k, threads_of(k))), "k=%zu" SEED_FORMAT, k,
                 test_seed());
    for (size_t i = 0; i < k; i++)
        cr_assert_eq(q[i], code(f[i] * factor), "k=%zu, element %zu" SEED_FORMAT, k, i,
                     test_seed());
    free(f);
}

Test(qserve_act, matches_clause)
{
    struct test_random r = test_random(50);

    for (size_t j = 0; j < WIDTHS; j++) {
        size_t k = widths[j], m = 3;
        qoq_half *x = random_halves(&r, m * k, 7.0f), *scale = guard_new(m * 2),
                 *sum = guard_new(m * 2);
        int8_t *q = guard_new(m * k);

        cr_assert_eq(qoq_qserve_act_quantize(q, scale, sum, x, m, k), QOQ_OK);
        cr_assert(guard_intact(q) && guard_intact(scale) && guard_intact(sum), "k=%zu", k);
        for (size_t i = 0; i < m; i++)
            check_act_row(q + i * k, scale[i], sum[i], x + i * k, k);
        guard_free(x);
        guard_free(scale);
        guard_free(sum);
        guard_free(q);
    }
}

/* Every code and every middle between codes: 2048 values against every significand of the maximum.
 */
Test(qserve_act, middles)
{
    size_t m = 1024, k = 2048;
    qoq_half *x = guard_new(m * k * sizeof *x), *scale = guard_new(m * sizeof *scale);
    int8_t *q = guard_new(m * k);

    for (size_t i = 0; i < m * k; i++)
        x[i] = qoq_half_from_float(fminf((float)(i % k), (float)(1024 + i / k)));
    cr_assert_eq(qoq_qserve_act_quantize(q, scale, NULL, x, m, k), QOQ_OK);
    for (size_t i = 0; i < m * k; i++) {
        float factor = 127.0f * (1.0f / (float)(1024 + i / k));

        if (q[i] != code(qoq_half_to_float(x[i]) * factor))
            cr_assert_fail("maximum %zu, value %zu: %d", 1024 + i / k, i % k, q[i]);
    }
    guard_free(x);
    guard_free(scale);
    guard_free(q);
}

/* Large values that cancel, and small ones, shuffled: the sum is made of roundings. */
static qoq_half *cancelling_halves(struct test_random *r, size_t k)
{
    qoq_half *x = guard_new(k * sizeof *x);

    for (size_t i = 0; i < k; i++) {
        if (i % 3 == 0)
            x[i] = (qoq_half)test_integer(r, 0x1000, 0x2000);
        else
            x[i] = i % 3 == 1 ? (qoq_half)test_integer(r, 0x7000, 0x7bff) : x[i - 1] ^ 0x8000;
    }
    if (k % 3 == 2)
        x[k - 1] = 0;
    for (size_t i = k - 1; i > 0; i--) {
        size_t j = (size_t)test_integer(r, 0, (int64_t)i);
        qoq_half swapped = x[i];

        x[i] = x[j];
        x[j] = swapped;
    }
    return x;
}

Test(qserve_act, sum_order)
{
    struct test_random r = test_random(56);

    for (size_t j = 0; j < WIDTHS; j++) {
        size_t k = widths[j];
        qoq_half *x = cancelling_halves(&r, k), scale, sum;
        int8_t *q = guard_new(k);
        float *f = widened(x, k);

        cr_assert_eq(qoq_qserve_act_quantize(q, &scale, &sum, x, 1, k), QOQ_OK);
        cr_assert_eq(sum, qoq_half_from_float(block_sum(f, k, threads_of(k))), "k=%zu" SEED_FORMAT,
                     k, test_seed());
        free(f);
        guard_free(x);
        guard_free(q);
    }
}

/* Zero, not-a-number (ignored by the maximum), infinity. */
Test(qserve_act, special_rows)
{
    const qoq_half x[4][3] = {{0x0000, 0x8000, 0x0000},
                              {0x7e00, 0x3c00, 0xbc00},
                              {0x7c00, 0x3c00, 0x0000},
                              {0x7e00, 0x0000, 0xfe00}};
    const int8_t expected[4][3] = {{0, 0, 0}, {0, 127, -127}, {0, 0, 0}, {0, 0, 0}};
    const qoq_half scales[4] = {0x0000, 0x2008, 0x7c00, 0x0000};
    int8_t q[4][3];
    qoq_half scale[4], sum[4];

    cr_assert_eq(qoq_qserve_act_quantize(q[0], scale, sum, x[0], 4, 3), QOQ_OK);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(memcmp(q[i], expected[i], 3), 0, "row %zu", i);
        cr_assert_eq(scale[i], scales[i], "row %zu: 0x%04x", i, scale[i]);
    }
    cr_assert(sum[0] == 0 && sum[1] == 0x7e00 && sum[2] == 0x7c00 && sum[3] == 0x7e00);
}

/* The sum overflows above 65519; this is QServe's, N's own sum is one of codes. */
Test(qserve_act, sum_overflow)
{
    qoq_half x[3] = {0x7bff, 0x4b80, 0x3c00}, scale, sum;
    int8_t q[3];

    cr_assert_eq(qoq_qserve_act_quantize(q, &scale, &sum, x, 1, 2), QOQ_OK);
    cr_assert_eq(sum, 0x7bff, "65519");
    cr_assert_eq(qoq_qserve_act_quantize(q, &scale, &sum, x, 1, 3), QOQ_OK);
    cr_assert_eq(sum, 0x7c00, "65520");
}

/* ---- Norms (N 22) ---- */

static qoq_half half_sum(const qoq_half *h, size_t n)
{
    size_t threads = rounded_threads(n);
    float partial[1024];

    for (size_t t = 0; t < threads; t++) {
        partial[t] = 0.0f;
        for (size_t i = t; i < n; i += threads)
            partial[t] =
                qoq_half_to_float(qoq_half_from_float(partial[t] + qoq_half_to_float(h[i])));
    }
    return qoq_half_from_float(block(partial, threads));
}

/* N 22.1 and 22.2, every intermediate value kept. */
static void check_norm_row(const int8_t *q, qoq_half scale, qoq_half sum, const qoq_half *x,
                           const qoq_half *gamma, size_t n, float eps)
{
    float *d = widened(x, n), *y = malloc(n * sizeof *y), rcp = 1.0f / (float)n;
    float a = qoq_half_to_float(0x0011), mu = block_sum(d, n, rounded_threads(n)) * rcp, s;
    qoq_half *h = malloc(n * sizeof *h);

    for (size_t i = 0; i < n; i++)
        d[i] = d[i] - mu;
    s = 1.0f / sqrtf(fmaf(block_squares(d, n, rounded_threads(n)), rcp, eps));
    for (size_t i = 0; i < n; i++) {
        y[i] = d[i] * s;
        y[i] = y[i] * qoq_half_to_float(gamma[i]);
        h[i] = qoq_half_from_float(y[i]);
        a = fmaxf(a, fabsf(qoq_half_to_float(h[i])));
    }
    cr_assert_eq(scale, qoq_half_from_float(a * 0x1.020408p-7f), "n=%zu" SEED_FORMAT, n,
                 test_seed());
    cr_assert_eq(sum, half_sum(h, n), "n=%zu" SEED_FORMAT, n, test_seed());
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(q[i], code(y[i] * (1.0f / a * 127.0f)), "n=%zu, element %zu" SEED_FORMAT, n, i,
                     test_seed());
    free(d);
    free(y);
    free(h);
}

Test(qserve_norm, quantize_matches_clause)
{
    struct test_random r = test_random(51);

    for (size_t j = 0; j < WIDTHS; j++) {
        size_t n = widths[j], m = 2;
        qoq_half *x = random_halves(&r, m * n, 7.0f), *gamma = random_halves(&r, n, 1.5f);
        qoq_half *scale = guard_new(m * 2), *sum = guard_new(m * 2);
        int8_t *q = guard_new(m * n);

        for (size_t i = 0; i < n; i++)
            x[i] = qoq_half_from_float(qoq_half_to_float(x[i]) + 3.0f);
        cr_assert_eq(qoq_qserve_norm_quantize(q, scale, sum, x, gamma, m, n, 1e-5f), QOQ_OK);
        cr_assert(guard_intact(q) && guard_intact(scale) && guard_intact(sum), "n=%zu", n);
        for (size_t i = 0; i < m; i++)
            check_norm_row(q + i * n, scale[i], sum[i], x + i * n, gamma, n, 1e-5f);
        guard_free(x);
        guard_free(gamma);
        guard_free(scale);
        guard_free(sum);
        guard_free(q);
    }
}

/* Zero and constant rows hit the floor of the maximum, 0x0011, whose scale rounds to 0. */
Test(qserve_norm, zero_and_constant_rows)
{
    qoq_half x[8] = {0, 0, 0, 0, 0x4200, 0x4200, 0x4200, 0x4200},
             gamma[4] = {0x3c00, 0x3c00, 0x3c00, 0x3c00};
    qoq_half scale[2], sum[2];
    int8_t q[8];

    cr_assert_eq(qoq_qserve_norm_quantize(q, scale, sum, x, gamma, 2, 4, 1e-6f), QOQ_OK);
    for (size_t i = 0; i < 8; i++)
        cr_assert_eq(q[i], 0, "element %zu: the mean is subtracted", i);
    cr_assert(scale[0] == 0 && scale[1] == 0 && sum[0] == 0 && sum[1] == 0);
}

/* Outputs of +-1 unit of binary16 lie below the floor: codes of 127 / 17. */
Test(qserve_norm, floor_of_the_maximum)
{
    const qoq_half x[2] = {0x3c00, 0xbc00}, gamma[2] = {0x0001, 0x0001};
    qoq_half scale, sum;
    int8_t q[2];

    cr_assert_eq(qoq_qserve_norm_quantize(q, &scale, &sum, x, gamma, 1, 2, 1e-6f), QOQ_OK);
    cr_assert(q[0] == 7 && q[1] == -7 && scale == 0 && sum == 0);
}

Test(qserve_norm, rmsnorm_matches_clause)
{
    struct test_random r = test_random(52);

    for (size_t j = 0; j < WIDTHS; j++) {
        size_t n = widths[j];
        qoq_half *x = random_halves(&r, n, 7.0f), *gamma = random_halves(&r, n, 1.5f),
                 *out = guard_new(n * sizeof *out);
        float *f = widened(x, n), s;

        cr_assert_eq(qoq_qserve_rmsnorm(out, x, gamma, 1, n, 1e-5f), QOQ_OK);
        cr_assert(guard_intact(out), "n=%zu", n);
        s = 1.0f / sqrtf(fmaf(block_squares(f, n, rounded_threads(n)), 1.0f / (float)n, 1e-5f));
        for (size_t i = 0; i < n; i++) {
            float scaled = qoq_half_to_float(qoq_half_from_float(f[i] * s));

            cr_assert_eq(out[i], qoq_half_from_float(scaled * qoq_half_to_float(gamma[i])),
                         "n=%zu, element %zu" SEED_FORMAT, n, i, test_seed());
        }
        free(f);
        guard_free(x);
        guard_free(gamma);
        guard_free(out);
    }
}

/* ---- Products (N 24) ---- */

static int weight_value(const struct qoq_weight *w, size_t n, size_t k)
{
    size_t j =
        w->scheme == QOQ_W4_GROUP ? n * ((w->k + w->group - 1) / w->group) + k / w->group : 0;

    if (w->scheme == QOQ_W8)
        return w->code[n * w->k + k] < 128 ? w->code[n * w->k + k] : w->code[n * w->k + k] - 256;
    if (w->scheme == QOQ_W4_CHANNEL)
        return (int)plain_get(w->code, w->k, n, k);
    return ((int)plain_get(w->code, w->k, n, k) - w->z[j]) * w->s2[j];
}

/* The stored zero, which a checkpoint holds as z * s in binary16. */
static float stored_zero(const struct qoq_weight *w, size_t n)
{
    return qoq_half_to_float(qoq_half_from_float((float)w->z[n] * qoq_half_to_float(w->s[n])));
}

static qoq_half expected_product(const struct qoq_weight *w, size_t n, int64_t acc, float scale,
                                 float sum)
{
    float s = qoq_half_to_float(w->s[n]), t;

    if (w->scheme != QOQ_W4_CHANNEL) {
        t = s * scale;
        return qoq_half_from_float(t * (float)acc);
    }
    t = (float)acc * s;
    return qoq_half_from_float(fmaf(scale, t, -(stored_zero(w, n) * sum)));
}

static void check_product(enum qoq_scheme scheme, size_t m, size_t n, size_t k,
                          struct test_random *r)
{
    struct qoq_weight w = random_weight(r, scheme, n, k, 32);
    qoq_half *x = random_halves(r, m * k, 3.0f), *bias = random_halves(r, n, 1.0f),
             *scale = guard_new(2 * m);
    qoq_half *sum = guard_new(2 * m), *y = guard_new(2 * m * n), *with_bias = guard_new(2 * m * n);
    const qoq_half *used_sum = scheme == QOQ_W4_CHANNEL ? sum : NULL;
    int8_t *q = guard_new(m * k);

    cr_assert_eq(qoq_qserve_act_quantize(q, scale, sum, x, m, k), QOQ_OK);
    cr_assert_eq(qoq_qserve_gemm(y, q, scale, used_sum, &w, NULL, m), QOQ_OK);
    cr_assert_eq(qoq_qserve_gemm(with_bias, q, scale, used_sum, &w, bias, m), QOQ_OK);
    cr_assert(guard_intact(y) && guard_intact(with_bias), "scheme %d, %zu x %zu x %zu", scheme, m,
              n, k);
    for (size_t i = 0; i < m * n; i++) {
        size_t t = i / n, c = i % n;
        int64_t acc = 0;
        qoq_half expected;

        for (size_t j = 0; j < k; j++)
            acc += q[t * k + j] * weight_value(&w, c, j);
        expected =
            expected_product(&w, c, acc, qoq_half_to_float(scale[t]), qoq_half_to_float(sum[t]));
        cr_assert_eq(y[i], expected, "scheme %d, %zu x %zu x %zu, element %zu" SEED_FORMAT, scheme,
                     m, n, k, i, test_seed());
        expected = qoq_half_from_float(qoq_half_to_float(expected) + qoq_half_to_float(bias[c]));
        cr_assert_eq(with_bias[i], expected,
                     "scheme %d, %zu x %zu x %zu, element %zu, bias" SEED_FORMAT, scheme, m, n, k,
                     i, test_seed());
    }
    weight_free(&w);
    guard_free(x);
    guard_free(bias);
    guard_free(scale);
    guard_free(sum);
    guard_free(y);
    guard_free(with_bias);
    guard_free(q);
}

Test(qserve_gemm, matches_clause)
{
    struct test_random r = test_random(53);

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        check_product((enum qoq_scheme)scheme, 1, 1, 1, &r);
        check_product((enum qoq_scheme)scheme, 3, 7, 33, &r);
        check_product((enum qoq_scheme)scheme, 66, 5, 172, &r);
        check_product((enum qoq_scheme)scheme, 2, 9, 1100, &r);
    }
}

/* Where the zero point cancels the product, the fused and the unfused epilogue differ often. */
Test(qserve_gemm, epilogue_is_fused)
{
    struct test_random r = test_random(54);
    int different = 0;

    for (int i = 0; i < 4000; i++) {
        int8_t q = (int8_t)test_integer(&r, 1, 127);
        uint8_t c = (uint8_t)test_integer(&r, 1, 15), z = (uint8_t)test_integer(&r, 1, 15);
        qoq_half s = (qoq_half)test_integer(&r, 0x2000, 0x2fff),
                 scale = (qoq_half)test_integer(&r, 0x2000, 0x2fff);
        struct qoq_weight w = {
            .scheme = QOQ_W4_CHANNEL, .n = 1, .k = 1, .code = &c, .s = &s, .z = &z};
        float t = (float)(q * c) * qoq_half_to_float(s), product = t * qoq_half_to_float(scale);
        qoq_half sum = qoq_half_from_float(product / stored_zero(&w, 0)), y;
        float zero = stored_zero(&w, 0) * qoq_half_to_float(sum);

        cr_assert_eq(qoq_qserve_gemm(&y, &q, &scale, &sum, &w, NULL, 1), QOQ_OK);
        cr_assert_eq(y, qoq_half_from_float(fmaf(qoq_half_to_float(scale), t, -zero)),
                     "case %d" SEED_FORMAT, i, test_seed());
        different += y != qoq_half_from_float(product - zero);
    }
    cr_assert_gt(different, 40, "%d of 4000" SEED_FORMAT, different, test_seed());
}

/* An infinite scale makes NaN where a code is 0, an infinite sum makes the output infinite. */
Test(qserve_gemm, not_finite)
{
    int8_t q = 0;
    uint8_t c = 3, z = 2;
    qoq_half s = 0x3c00, scale = 0x7c00, sum = 0x3c00, y;
    struct qoq_weight w = {.scheme = QOQ_W4_CHANNEL, .n = 1, .k = 1, .code = &c, .s = &s, .z = &z};

    cr_assert_eq(qoq_qserve_gemm(&y, &q, &scale, &sum, &w, NULL, 1), QOQ_OK);
    cr_assert_eq(y, 0x7e00);
    scale = 0x3c00, sum = 0x7c00;
    cr_assert_eq(qoq_qserve_gemm(&y, &q, &scale, &sum, &w, NULL, 1), QOQ_OK);
    cr_assert_eq(y, 0xfc00);
}

/* ---- Errors ---- */

Test(qserve_act, argument_errors)
{
    qoq_half x[4] = {0}, scale[4];
    int8_t q[4];

    cr_assert_eq(qoq_qserve_act_quantize(NULL, scale, NULL, x, 2, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_act_quantize(q, NULL, NULL, x, 2, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_act_quantize(q, scale, NULL, NULL, 2, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_act_quantize(q, scale, NULL, x, 0, 2), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_act_quantize(q, scale, NULL, x, 2, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_act_quantize(q, scale, NULL, x, 2, 131073), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_act_quantize(q, scale, NULL, x, SIZE_MAX / 4, 4), QOQ_ERR_SHAPE);
}

Test(qserve_norm, argument_errors)
{
    qoq_half x[4] = {0}, y[4];
    int8_t q[4];

    cr_assert_eq(qoq_qserve_norm_quantize(NULL, y, NULL, x, x, 2, 2, 1e-5f), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_norm_quantize(q, NULL, NULL, x, x, 2, 2, 1e-5f), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_norm_quantize(q, y, NULL, NULL, x, 2, 2, 1e-5f), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_norm_quantize(q, y, NULL, x, NULL, 2, 2, 1e-5f), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_norm_quantize(q, y, NULL, x, x, 2, 2, -1e-5f), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_norm_quantize(q, y, NULL, x, x, 2, 2, NAN), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_norm_quantize(q, y, NULL, x, x, 2, 2, INFINITY), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_norm_quantize(q, y, NULL, x, x, 0, 2, 1e-5f), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_norm_quantize(q, y, NULL, x, x, 2, 131073, 1e-5f), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_rmsnorm(NULL, x, x, 2, 2, 1e-5f), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_rmsnorm(y, NULL, x, 2, 2, 1e-5f), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_rmsnorm(y, x, NULL, 2, 2, 1e-5f), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_rmsnorm(y, x, x, 2, 2, -1.0f), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_rmsnorm(y, x, x, 2, 0, 1e-5f), QOQ_ERR_SHAPE);
}

Test(qserve_gemm, argument_errors)
{
    struct test_random r = test_random(55);
    struct qoq_weight w = random_weight(&r, QOQ_W4_CHANNEL, 2, 40, 0), bad;
    struct qoq_weight w8 = random_weight(&r, QOQ_W8, 2, 40, 0);
    qoq_half scale[2] = {0}, sum[2] = {0}, y[4];
    int8_t q[80] = {0};

    cr_assert_eq(qoq_qserve_gemm(NULL, q, scale, sum, &w, NULL, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_gemm(y, NULL, scale, sum, &w, NULL, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_gemm(y, q, NULL, sum, &w, NULL, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_gemm(y, q, scale, NULL, &w, NULL, 2), QOQ_ERR_ARGUMENT,
                 "per channel needs the sums");
    cr_assert_eq(qoq_qserve_gemm(y, q, scale, sum, &w8, NULL, 2), QOQ_ERR_ARGUMENT,
                 "W8 has no use for them");
    cr_assert_eq(qoq_qserve_gemm(y, q, scale, sum, NULL, NULL, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_gemm(y, q, scale, sum, &w, NULL, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_gemm(y, q, scale, sum, &w, NULL, SIZE_MAX / 40 + 1), QOQ_ERR_SHAPE);
    bad = w, bad.k = 0;
    cr_assert_eq(qoq_qserve_gemm(y, q, scale, sum, &bad, NULL, 2), QOQ_ERR_SHAPE);
    bad = w, bad.z = NULL;
    cr_assert_eq(qoq_qserve_gemm(y, q, scale, sum, &bad, NULL, 2), QOQ_ERR_ARGUMENT);
    weight_free(&w);
    weight_free(&w8);
}
