/* SPDX-License-Identifier: Apache-2.0 */
/* Quantized weights, N 4, and the integer operand of N 6.1: vectors, an independent computation. */
#include "weight_support.h"

static const struct {
    size_t n, k, group;
} shapes[] = {{1, 1, 32},   {3, 33, 32},   {2, 31, 64},  {5, 172, 32},
              {4, 172, 96}, {3, 576, 128}, {2, 576, 96}, {2, 96, 256}};

#define SHAPES (sizeof shapes / sizeof *shapes)

/* The row of the algorithm's golden vectors; both groups of four. */
static const float golden_row[8] = {0.0731f, -0.0418f, 0.0102f, -0.1190f,
                                    0.0023f, 0.0555f,  0.0349f, -0.0077f};

/* ---- Vectors ---- */

/* Groups of 32 instead of 4: zeros behind the four values do not widen a range that includes 0. */
Test(weight, golden_group)
{
    const uint8_t q[2][4] = {{15, 6, 10, 0}, {3, 15, 11, 0}};
    const int8_t w8[2][4] = {{78, -39, 13, -117}, {4, 52, 36, -8}};
    float x[64] = {0};
    struct qoq_weight w;
    int8_t *b;

    memcpy(x, golden_row, 4 * sizeof *x);
    memcpy(x + 32, golden_row + 4, 4 * sizeof *x);
    w = quantize(QOQ_W4_GROUP, x, 1, 64, 32);
    b = operand(&w);
    cr_assert_eq(w.s[0], 0x1419);
    cr_assert(w.s2[0] == 13 && w.z[0] == 9 && w.s2[1] == 4 && w.z[1] == 2);
    for (size_t k = 0; k < 4; k++) {
        cr_assert(plain_get(w.code, 64, 0, k) == q[0][k] &&
                      plain_get(w.code, 64, 0, 32 + k) == q[1][k],
                  "k=%zu", k);
        cr_assert(b[k] == w8[0][k] && b[32 + k] == w8[1][k], "k=%zu", k);
    }
    guard_free(b);
    weight_free(&w);
}

Test(weight, golden_channel)
{
    const uint8_t q[8] = {15, 6, 10, 0, 9, 13, 12, 8};
    struct qoq_weight w = quantize(QOQ_W4_CHANNEL, golden_row, 1, 8, 0);

    cr_assert_eq(w.s[0], 0x228f);
    cr_assert_eq(w.z[0], 9);
    for (size_t k = 0; k < 8; k++)
        cr_assert_eq(plain_get(w.code, 8, 0, k), q[k], "k=%zu", k);
    weight_free(&w);
}

/* Level-1 scale exactly 1: 7.53 and 15.47 decide z and s2, and -120 stays inside int8. */
Test(weight, golden_end_points)
{
    const float x[2] = {-113.0f, 119.0f};
    struct qoq_weight w = quantize(QOQ_W4_GROUP, x, 1, 2, 32);
    int8_t *b = operand(&w);

    cr_assert(w.s[0] == 0x3c00 && w.s2[0] == 15 && w.z[0] == 8 && w.code[0] == 0xf0);
    cr_assert(b[0] == -120 && b[1] == 105);
    guard_free(b);
    weight_free(&w);
}

/* ---- Against an independent computation ---- */

/* Binary32 quotient and sum by way of binary64, which has more than twice the bits. */
static float quotient(float x, float y)
{
    return (float)((double)x / (double)y);
}

static int code4(float x, float s, int z)
{
    return rounded((float)((double)quotient(x, s) + z), 0, 15);
}

static void range(float *lo, float *hi, const float *x, size_t count)
{
    *lo = *hi = 0.0f;
    for (size_t i = 0; i < count; i++) {
        *lo = fminf(*lo, x[i]);
        *hi = fmaxf(*hi, x[i]);
    }
}

static float scale(float range, float steps)
{
    float s = qoq_half_to_float(qoq_half_from_float(quotient(range, steps)));

    return s == 0.0f ? 1.0f : s;
}

/* value [k] = (q - z) * s2 of one row, s its scale. */
static void expected_row(int *value, float *s, const float *x, enum qoq_scheme scheme, size_t k,
                         size_t group)
{
    float lo, hi, v[1024];

    range(&lo, &hi, x, k);
    if (scheme == QOQ_W8) {
        *s = scale(fmaxf(-lo, hi), 127.0f);
        for (size_t i = 0; i < k; i++)
            value[i] = rounded(quotient(x[i], *s), -127, 127);
        return;
    }
    if (scheme == QOQ_W4_CHANNEL) {
        int z;

        *s = scale((float)((double)hi - (double)lo), 15.0f);
        z = rounded(quotient(-lo, *s), 0, 15);
        for (size_t i = 0; i < k; i++)
            value[i] = code4(x[i], *s, z) - z;
        return;
    }
    *s = scale(fmaxf(-lo, hi), 119.0f);
    for (size_t i = 0; i < k; i++)
        v[i] = fminf(fmaxf(quotient(x[i], *s), -119.0f), 119.0f);
    for (size_t first = 0; first < k; first += group) {
        size_t count = k - first < group ? k - first : group;
        int s2, z;

        range(&lo, &hi, v + first, count);
        s2 = rounded(quotient((float)((double)hi - (double)lo), 15.0f), 1, 16);
        z = rounded(quotient(-lo, (float)s2), 0, 15);
        for (size_t i = first; i < first + count; i++)
            value[i] = (code4(v[i], (float)s2, z) - z) * s2;
    }
}

static void compare_row(const struct qoq_weight *w, const int8_t *b, const float *dequantized,
                        const float *x, size_t n)
{
    int value[1024];
    float s;

    expected_row(value, &s, x, w->scheme, w->k, w->group);
    cr_assert_eq(qoq_half_to_float(w->s[n]), s,
                 "scheme %d, %zu x %zu, group %zu, row %zu" SEED_FORMAT, w->scheme, w->n, w->k,
                 w->group, n, test_seed());
    for (size_t k = 0; k < w->k; k++) {
        int z = w->scheme == QOQ_W4_CHANNEL ? w->z[n] : 0;

        cr_assert_eq(b[k] - z, value[k],
                     "scheme %d, %zu x %zu, group %zu, row %zu, k %zu: %d, expected %d" SEED_FORMAT,
                     w->scheme, w->n, w->k, w->group, n, k, b[k] - z, value[k], test_seed());
        cr_assert_eq(dequantized[k], (float)((double)s * value[k]), "row %zu, k %zu" SEED_FORMAT, n,
                     k, test_seed());
    }
}

static void compare(const float *x, enum qoq_scheme scheme, size_t n, size_t k, size_t group)
{
    struct qoq_weight w = quantize(scheme, x, n, k, group);
    float *dequantized = guard_new(n * k * sizeof *dequantized);
    int8_t *b = operand(&w);

    cr_assert_eq(qoq_weight_dequantize(dequantized, &w), QOQ_OK);
    cr_assert(guard_intact(dequantized));
    for (size_t i = 0; i < n; i++)
        compare_row(&w, b + i * k, dequantized + i * k, x + i * k, i);
    guard_free(b);
    guard_free(dequantized);
    weight_free(&w);
}

Test(weight, matches_binary64)
{
    /* From scales that round to 0, which 1 replaces, over subnormal to nearly overflowing ones. */
    const float magnitude[] = {0x1p-28f, 0x1p-20f, 0x1p-14f, 0.02f, 1.0f, 3e5f};
    struct test_random r = test_random(10);

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        for (size_t i = 0; i < SHAPES; i++) {
            for (size_t j = 0; j < sizeof magnitude / sizeof *magnitude; j++) {
                float *x = random_floats(&r, shapes[i].n * shapes[i].k, magnitude[j]);

                compare(x, (enum qoq_scheme)scheme, shapes[i].n, shapes[i].k, shapes[i].group);
                guard_free(x);
            }
        }
    }
}

/*
 * Middles between codes: (j + 1/2) * s for every significand of a scale s that comes out exactly.
 * One step is a unit of the only level, or of s2 in the second; steps is the number of them from 0
 * to the largest value.
 */
static void check_middles(enum qoq_scheme scheme, int steps, int s2)
{
    size_t rows = 1024, k = 160;
    float *x = guard_new(rows * k * sizeof *x);

    for (size_t i = 0; i < rows * k; i++) {
        float s = (float)(1024 + i / k) * 0x1p-14f;

        x[i] = s * (float)s2 * ((float)((int)(i % k) % steps) + 0.5f);
        if (i % k == k - 1)
            x[i] = s * (scheme == QOQ_W4_GROUP ? 119.0f : (float)steps);
        else if (i % k == 0)
            x[i] = s * (float)(s2 * steps);
    }
    compare(x, scheme, rows, k, 128);
    guard_free(x);
}

Test(weight, middles)
{
    check_middles(QOQ_W8, 127, 1);
    check_middles(QOQ_W4_CHANNEL, 15, 1);
    for (int s2 = 1; s2 <= 7; s2++)
        check_middles(QOQ_W4_GROUP, 15, s2);
}

/* Rows of one sign: ranges include 0. */
Test(weight, one_sided_rows)
{
    struct test_random r = test_random(11);

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        float *x = random_floats(&r, 4 * 172, 1.0f);

        for (size_t k = 0; k < 172; k++) {
            x[k] = 5.0f + x[k];
            x[172 + k] = -5.0f + x[172 + k];
            x[344 + k] = fabsf(x[344 + k]);
            x[516 + k] = 5.0f;
        }
        compare(x, (enum qoq_scheme)scheme, 4, 172, 64);
        guard_free(x);
    }
}

Test(weight, zero_rows)
{
    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        float x[2 * 33] = {0.0f};
        struct qoq_weight w;
        int8_t *b;

        x[5] = -0.0f;
        w = quantize((enum qoq_scheme)scheme, x, 2, 33, 32);
        b = operand(&w);
        for (size_t i = 0; i < 2 * 33; i++)
            cr_assert_eq(b[i], 0, "scheme %d, element %zu", scheme, i);
        cr_assert(w.s[0] == 0x3c00 && w.s[1] == 0x3c00, "scheme %d", scheme);
        guard_free(b);
        weight_free(&w);
    }
}

/* Scaling by a power of two moves only the scales; permuting rows permutes everything. */
Test(weight, scaled_and_permuted)
{
    struct test_random r = test_random(12);
    size_t k = 172;

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        float *x = random_floats(&r, 2 * k, 0.25f);
        struct qoq_weight w = quantize((enum qoq_scheme)scheme, x, 2, k, 96), v;
        int8_t *b = operand(&w), *c;

        for (size_t i = 0; i < k; i++) {
            float first = x[i];

            x[i] = 8.0f * x[k + i];
            x[k + i] = first;
        }
        v = quantize((enum qoq_scheme)scheme, x, 2, k, 96);
        c = operand(&v);
        cr_assert_eq(v.s[0], w.s[1] + (3 << 10), "scheme %d" SEED_FORMAT, scheme, test_seed());
        cr_assert_eq(v.s[1], w.s[0], "scheme %d" SEED_FORMAT, scheme, test_seed());
        cr_assert(memcmp(c, b + k, k) == 0 && memcmp(c + k, b, k) == 0, "scheme %d" SEED_FORMAT,
                  scheme, test_seed());
        guard_free(b);
        guard_free(c);
        weight_free(&w);
        weight_free(&v);
        guard_free(x);
    }
}
