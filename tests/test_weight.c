/* SPDX-License-Identifier: Apache-2.0 */
/* Quantized weights: N 4, and the integer operand of N 6.1. */
#include "linear.h"

#include <criterion/criterion.h>
#include <math.h>

static const struct {
    size_t n, k, group;
} shapes[] = {{1, 1, 32},   {3, 33, 32},   {2, 31, 64},  {5, 172, 32},
              {4, 172, 96}, {3, 576, 128}, {2, 576, 96}, {2, 96, 256}};

#define SHAPES (sizeof shapes / sizeof *shapes)

/* The row of the algorithm's golden vectors; both groups of four. */
static const float golden_row[8] = {0.0731f, -0.0418f, 0.0102f, -0.1190f,
                                    0.0023f, 0.0555f,  0.0349f, -0.0077f};

static struct qoq_weight quantize(enum qoq_scheme scheme, const float *x, size_t n, size_t k,
                                  size_t group)
{
    struct qoq_weight w = weight_new(scheme, n, k, group);

    cr_assert_eq(qoq_weight_quantize(&w, x), QOQ_OK, "scheme %d, %zu x %zu, group %zu", scheme, n,
                 k, group);
    cr_assert(weight_intact(&w), "wrote outside: scheme %d, %zu x %zu, group %zu", scheme, n, k,
              group);
    cr_assert_eq(qoq_weight_check(&w), QOQ_OK, "scheme %d, %zu x %zu, group %zu", scheme, n, k,
                 group);
    return w;
}

static int8_t *operand(const struct qoq_weight *w)
{
    int8_t *b = guard_new(w->n * w->k);

    cr_assert_eq(qoq_weight_operand(b, w), QOQ_OK);
    cr_assert(guard_intact(b));
    return b;
}

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

static int rounded(float x, int lo, int hi)
{
    return (int)fmin(fmax(nearbyint((double)x), lo), hi);
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

/* ---- Protective range (N 4.3) ---- */

/* (q - z) * s2 of v in a group with integer range a .. b. */
static int reconstructed(int v, int a, int b)
{
    int lo = a < 0 ? a : 0, hi = b > 0 ? b : 0;
    int s2 = rounded((float)(hi - lo) / 15.0f, 1, 127);
    int z = rounded((float)-lo / (float)s2, 0, 15);

    return (rounded((float)v / (float)s2 + (float)z, 0, 15) - z) * s2;
}

static int pairs_outside(int bound)
{
    int count = 0;

    for (int b = 0; b <= bound; b++) {
        for (int a = -bound; a <= b; a++)
            count += reconstructed(a, a, b) < -127 || reconstructed(b, a, b) > 127;
    }
    return count;
}

/* 119 is the largest bound that keeps the end points of every integer range in [-127, 127]. */
Test(weight, largest_protective_bound)
{
    cr_assert_eq(pairs_outside(119), 0);
    cr_assert_eq(pairs_outside(120), 8);
    cr_assert_eq(pairs_outside(121), 27);
    cr_assert_eq(pairs_outside(127), 391);
}

/* Row i: all integers of a .. a + i in one group, then 119, which makes the level-1 scale 1. */
static float *ranges_from(int a, int rows)
{
    float *x = guard_new((size_t)rows * 257 * sizeof *x);

    for (int i = 0; i < rows; i++) {
        for (int k = 0; k < 256; k++)
            x[i * 257 + k] = (float)(a + k % (i + 1));
        x[i * 257 + 256] = 119.0f;
    }
    return x;
}

Test(weight, protective_range)
{
    for (int a = -119; a <= 119; a++) {
        int rows = 120 - a;
        float *x = ranges_from(a, rows);
        struct qoq_weight w = quantize(QOQ_W4_GROUP, x, (size_t)rows, 257, 256);
        int8_t *w8 = operand(&w);

        for (int i = 0; i < rows; i++) {
            int s2 = w.s2[2 * i], z = w.z[2 * i];

            cr_assert(w.s[i] == 0x3c00 && s2 >= 1 && s2 <= 16 && z <= 15 && z * s2 <= 127,
                      "range %d .. %d", a, a + i);
            for (int k = 0; k <= i; k++) {
                int value = w8[i * 257 + k];

                cr_assert_eq(value, reconstructed(a + k, a, a + i), "value %d in %d .. %d", a + k,
                             a, a + i);
                cr_assert(value >= -127 && value <= 127, "value %d in %d .. %d", a + k, a, a + i);
            }
        }
        guard_free(w8);
        weight_free(&w);
        guard_free(x);
    }
}

/* Real values, many of them clamped to the bound. */
Test(weight, protective_range_of_reals)
{
    struct test_random r = test_random(13);
    size_t count = 3000 * 96;
    float *x = random_floats(&r, count, 119.0f);
    struct qoq_weight w;
    int8_t *w8;

    for (size_t i = 0; i < count; i++)
        x[i] = fminf(fmaxf(x[i] + (float)test_integer(&r, -1, 1) * 119.0f, -119.0f), 119.0f);
    w = quantize(QOQ_W4_GROUP, x, 3000, 96, 32);
    w8 = operand(&w);
    for (size_t i = 0; i < count; i++) {
        cr_assert(w8[i] >= -127, "row %zu" SEED_FORMAT, i / 96, test_seed());
        cr_assert_leq(fabsf((float)w8[i] - x[i]), 16.0f, "row %zu" SEED_FORMAT, i / 96,
                      test_seed());
    }
    guard_free(w8);
    weight_free(&w);
    guard_free(x);
}

/* ---- Packed bytes: what a GPU computes with one 32-bit multiplication (N 4.3, 4.4) ---- */

/* All sixteen codes twice, as one group; operands wrap where they leave int8. */
static void all_codes(int8_t b[32], uint8_t s2, uint8_t z)
{
    uint8_t code[16] = {0};
    qoq_half s = 0x3c00;
    struct qoq_weight w = {QOQ_W4_GROUP, 1, 32, 32, code, &s, &s2, &z};

    for (size_t k = 0; k < 32; k++)
        plain_set(code, 32, 0, k, k % 16);
    cr_assert_eq(qoq_weight_operand(b, &w), QOQ_OK);
}

static uint32_t word_of(unsigned q)
{
    return (q & 15) | (q >> 4 & 15) << 8 | (q >> 8 & 15) << 16 | (uint32_t)(q >> 12) << 24;
}

/* Bytes added one by one, without carries between them. */
static uint32_t add_bytes(uint32_t x, uint32_t y)
{
    return ((x & 0x7f7f7f7fu) + (y & 0x7f7f7f7fu)) ^ ((x ^ y) & 0x80808080u);
}

static uint32_t expected_word(const int8_t b[32], unsigned q)
{
    return (uint8_t)b[q & 15] | (uint32_t)(uint8_t)b[q >> 4 & 15] << 8 |
           (uint32_t)(uint8_t)b[q >> 8 & 15] << 16 | (uint32_t)(uint8_t)b[q >> 12] << 24;
}

static int all_valid(unsigned q, int s2, int z)
{
    for (int i = 0; i < 16; i += 4) {
        int w8 = ((int)(q >> i & 15) - z) * s2;

        if (w8 < -128 || w8 > 127)
            return 0;
    }
    return 1;
}

/*
 * Every (s2, z) of N 4.4 and every word of four codes: QServe's multiply and bytewise add for all;
 * for valid codes also q * s2 + (128 - z * s2) * 0x01010101, then an exclusive or.
 */
Test(weight, packed_forms)
{
    for (unsigned s2 = 1; s2 <= 17; s2++) {
        for (unsigned z = 0; z <= 15 && z * s2 <= 128; z++) {
            int8_t b[32];

            all_codes(b, (uint8_t)s2, (uint8_t)z);
            for (unsigned q = 0; q < 65536; q++) {
                uint32_t x = word_of(q), expected = expected_word(b, q);
                uint32_t bytewise = add_bytes(x * s2, (256 - z * s2) % 256 * 0x01010101u);
                uint32_t fused = (x * s2 + (128 - z * s2) * 0x01010101u) ^ 0x80808080u;

                if (bytewise != expected || (all_valid(q, (int)s2, (int)z) && fused != expected))
                    cr_assert_fail("s2=%u z=%u codes %08x: %08x and %08x, expected %08x", s2, z, x,
                                   bytewise, fused, expected);
            }
        }
    }
}

/* Worked words; s2 = 18 carries into the neighbour, which is why 17 is the limit. */
Test(weight, packed_examples)
{
    cr_assert_eq(0x0900010fu * 8, 0x48000878u);
    cr_assert_eq(add_bytes(0x48000878u, 0x88888888u), 0xd0889000u);
    cr_assert_eq(add_bytes(0x01000f0fu * 18, (256 - 54) * 0x01010101u), 0xdccbd9d8u,
                 "(-40, -39, -53, -36)");
}

Test(weight, packed_example_operand)
{
    int8_t b[32];

    all_codes(b, 8, 15);
    cr_assert(b[15] == 0 && b[1] == -112 && b[0] == -120 && b[9] == -48);
}

/* ---- Validity (N 4.4) ---- */

static enum qoq_status check_group(uint8_t s2, uint8_t z, unsigned q)
{
    uint8_t code[17] = {0};
    uint8_t scales[2] = {1, s2}, zeros[2] = {0, z};
    qoq_half s = 0x0001;
    struct qoq_weight w = {.scheme = QOQ_W4_GROUP, .n = 1, .k = 33, .group = 32};

    w.code = code, w.s = &s, w.s2 = scales, w.z = zeros;
    code[16] = (uint8_t)q;
    return qoq_weight_check(&w);
}

Test(weight, check_groups)
{
    for (int s2 = 0; s2 < 256; s2 += s2 < 20 ? 1 : 59) {
        for (int z = 0; z < 256; z += z < 20 ? 1 : 59) {
            for (int q = 0; q < 16; q++) {
                int w8 = (q - z) * s2;
                int valid =
                    s2 >= 1 && s2 <= 17 && z <= 15 && z * s2 <= 128 && w8 >= -128 && w8 <= 127;

                cr_assert_eq(check_group((uint8_t)s2, (uint8_t)z, (unsigned)q),
                             valid ? QOQ_OK : QOQ_ERR_RANGE, "s2=%d z=%d q=%d", s2, z, q);
            }
        }
    }
    cr_assert_eq(check_group(16, 8, 0), QOQ_OK, "-128 is valid");
    cr_assert_eq(check_group(1, 0, 16), QOQ_ERR_RANGE, "the spare nibble is 0");
}

Test(weight, check_scales_and_zeros)
{
    struct test_random r = test_random(14);

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        const qoq_half bad[] = {0x0000, 0x8000, 0x7c00, 0xfc00, 0x7e00, 0xbc00, 0xfe01, 0x7c01};
        struct qoq_weight w = random_weight(&r, (enum qoq_scheme)scheme, 3, 40, 32);
        qoq_half s = w.s[2];

        cr_assert_eq(qoq_weight_check(&w), QOQ_OK);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            w.s[2] = bad[i];
            cr_assert_eq(qoq_weight_check(&w), QOQ_ERR_RANGE, "scheme %d, scale 0x%04x", scheme,
                         bad[i]);
        }
        w.s[2] = s;
        if (scheme != QOQ_W8) {
            w.z[1] = 16;
            cr_assert_eq(qoq_weight_check(&w), QOQ_ERR_RANGE, "scheme %d", scheme);
        }
        weight_free(&w);
    }
}

/* -128 is not produced, but accepted from elsewhere. */
Test(weight, w8_minus_128)
{
    uint8_t code[2] = {0x80, 0x7f};
    qoq_half s = 0x3800;
    struct qoq_weight w = {.scheme = QOQ_W8, .n = 1, .k = 2, .code = code, .s = &s};
    int8_t b[2];
    float x[2];

    cr_assert_eq(qoq_weight_check(&w), QOQ_OK);
    cr_assert_eq(qoq_weight_operand(b, &w), QOQ_OK);
    cr_assert_eq(qoq_weight_dequantize(x, &w), QOQ_OK);
    cr_assert(b[0] == -128 && b[1] == 127 && x[0] == -64.0f && x[1] == 63.5f);
}

/* ---- Errors ---- */

Test(weight, not_finite)
{
    const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct qoq_weight w = weight_new((enum qoq_scheme)scheme, 3, 40, 32);

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            float x[120] = {1.0f};

            x[40 + 33] = bad[i];
            cr_assert_eq(qoq_weight_quantize(&w, x), QOQ_ERR_RANGE, "scheme %d, case %zu", scheme,
                         i);
            x[40] = INFINITY, x[41] = -INFINITY;
            cr_assert_eq(qoq_weight_quantize(&w, x), QOQ_ERR_RANGE, "scheme %d, case %zu", scheme,
                         i);
        }
        weight_free(&w);
    }
}

/* The largest scale is 65519.99.., which rounds to 65504. */
Test(weight, scale_overflow)
{
    const float steps[QOQ_SCHEMES] = {
        [QOQ_W8] = 127.0f, [QOQ_W4_CHANNEL] = 15.0f, [QOQ_W4_GROUP] = 119.0f};

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct qoq_weight w = weight_new((enum qoq_scheme)scheme, 1, 2, 32);
        float x[2] = {0.0f, 65519.0f * steps[scheme]};

        cr_assert_eq(qoq_weight_quantize(&w, x), QOQ_OK, "scheme %d", scheme);
        cr_assert_eq(w.s[0], 0x7bff, "scheme %d", scheme);
        x[1] = 65520.0f * steps[scheme];
        cr_assert_eq(qoq_weight_quantize(&w, x), QOQ_ERR_RANGE, "scheme %d", scheme);
        x[0] = -3.4e38f, x[1] = 3.4e38f;
        cr_assert_eq(qoq_weight_quantize(&w, x), QOQ_ERR_RANGE, "scheme %d", scheme);
        weight_free(&w);
    }
}

static void expect_all(const struct qoq_weight *w, enum qoq_status status, const char *what)
{
    struct qoq_weight out = *w;
    float x[80] = {0};
    int8_t b[80];

    cr_assert_eq(qoq_weight_quantize(&out, x), status, "%s, scheme %d", what, w->scheme);
    cr_assert_eq(qoq_weight_check(w), status, "%s, scheme %d", what, w->scheme);
    cr_assert_eq(qoq_weight_operand(b, w), status, "%s, scheme %d", what, w->scheme);
    cr_assert_eq(qoq_weight_dequantize(x, w), status, "%s, scheme %d", what, w->scheme);
}

Test(weight, shape_errors)
{
    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct qoq_weight w = weight_new((enum qoq_scheme)scheme, 2, 40, 32), bad;

        bad = w, bad.n = 0;
        expect_all(&bad, QOQ_ERR_SHAPE, "no rows");
        bad = w, bad.k = 0;
        expect_all(&bad, QOQ_ERR_SHAPE, "no columns");
        bad = w, bad.k = 131073;
        expect_all(&bad, QOQ_ERR_SHAPE, "too many columns");
        bad = w, bad.n = SIZE_MAX / 40;
        expect_all(&bad, QOQ_ERR_SHAPE, "too many elements");
        bad = w, bad.group = scheme == QOQ_W4_GROUP ? 0 : 32;
        expect_all(&bad, QOQ_ERR_SHAPE, "group where none belongs, or none");
        bad = w, bad.group = 48;
        expect_all(&bad, QOQ_ERR_SHAPE, "group not a multiple of 32");
        weight_free(&w);
    }
}

Test(weight, argument_errors)
{
    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct qoq_weight w = weight_new((enum qoq_scheme)scheme, 2, 40, 32), bad;

        bad = w, bad.code = NULL;
        expect_all(&bad, QOQ_ERR_ARGUMENT, "no codes");
        bad = w, bad.s = NULL;
        expect_all(&bad, QOQ_ERR_ARGUMENT, "no scales");
        bad = w, bad.z = NULL;
        if (scheme != QOQ_W8)
            expect_all(&bad, QOQ_ERR_ARGUMENT, "no zeros");
        bad = w, bad.s2 = NULL;
        if (scheme == QOQ_W4_GROUP)
            expect_all(&bad, QOQ_ERR_ARGUMENT, "no group scales");
        bad = w, bad.scheme = QOQ_SCHEMES;
        expect_all(&bad, QOQ_ERR_ARGUMENT, "unknown scheme");
        cr_assert_eq(qoq_weight_quantize(&w, NULL), QOQ_ERR_ARGUMENT);
        cr_assert_eq(qoq_weight_operand(NULL, &w), QOQ_ERR_ARGUMENT);
        cr_assert_eq(qoq_weight_dequantize(NULL, &w), QOQ_ERR_ARGUMENT);
        weight_free(&w);
    }
    cr_assert_eq(qoq_weight_check(NULL), QOQ_ERR_ARGUMENT);
}

/* Arrays that a scheme does not use may be absent. */
Test(weight, unused_arrays)
{
    struct test_random r = test_random(15);
    struct qoq_weight w8 = random_weight(&r, QOQ_W8, 2, 40, 0);
    struct qoq_weight w4 = random_weight(&r, QOQ_W4_CHANNEL, 2, 40, 0);
    struct qoq_weight a = w8, b = w4;

    a.s2 = a.z = b.s2 = NULL;
    cr_assert_eq(qoq_weight_check(&a), QOQ_OK);
    cr_assert_eq(qoq_weight_check(&b), QOQ_OK);
    weight_free(&w8);
    weight_free(&w4);
}

Test(weight, sizes)
{
    struct qoq_weight w = {.scheme = QOQ_W4_GROUP, .n = 3, .k = 172, .group = 32};

    cr_assert(qoq_weight_groups(&w) == 6 && qoq_weight_code_bytes(&w) == 258);
    w.k = 192;
    cr_assert(qoq_weight_groups(&w) == 6 && qoq_weight_code_bytes(&w) == 288);
    w.k = 33;
    cr_assert(qoq_weight_groups(&w) == 2 && qoq_weight_code_bytes(&w) == 51);
    w.scheme = QOQ_W4_CHANNEL;
    cr_assert(qoq_weight_groups(&w) == 1 && qoq_weight_code_bytes(&w) == 51);
    w.scheme = QOQ_W8;
    cr_assert(qoq_weight_groups(&w) == 0 && qoq_weight_code_bytes(&w) == 99);
    w.n = SIZE_MAX / 8;
    cr_assert_eq(qoq_weight_code_bytes(&w), 0);
}

/* ---- Error statistics (N 4.7) ---- */

Test(error_stats, example)
{
    const float exact[5] = {3.0f, 4.0f, -2.0f, 0.0f, 1.0f};
    const float approx[5] = {3.0f, 3.5f, -2.5f, 0.0f, 1.25f};
    struct qoq_error_stats stats;

    cr_assert_eq(qoq_error_stats(&stats, exact, approx, 5), QOQ_OK);
    cr_assert(stats.max_abs == 0.5 && stats.max_index == 1, "the first of two maxima");
    cr_assert_eq(stats.mean_square, 0.5625 / 5.0);
    cr_assert(fabs(stats.snr_db - 10.0 * log10(30.0 / 0.5625)) < 1e-13, "%.17g", stats.snr_db);
}

Test(error_stats, decibels)
{
    for (int e = -35; e <= 35; e++) {
        float exact = (float)pow(10.0, e > 0 ? 0 : e);
        float approx = exact + (float)pow(10.0, e > 0 ? -e : 0);
        double noise = (double)exact - (double)approx;
        double expected = 20.0 * log10((double)exact / fabs(noise));
        struct qoq_error_stats stats;

        if (noise == 0.0)
            continue;
        cr_assert_eq(qoq_error_stats(&stats, &exact, &approx, 1), QOQ_OK);
        cr_assert(fabs(stats.snr_db - expected) <= 1e-12 * (1.0 + fabs(expected)),
                  "10^%d: %.17g, expected %.17g", e, stats.snr_db, expected);
    }
}

Test(error_stats, extremes)
{
    const float zero[2] = {0.0f, 0.0f}, tiny[2] = {0x1p-149f, 0.0f}, large[2] = {3.4e38f, -3.4e38f};
    struct qoq_error_stats stats;

    cr_assert_eq(qoq_error_stats(&stats, large, large, 2), QOQ_OK);
    cr_assert(stats.snr_db == INFINITY && stats.max_abs == 0.0 && stats.mean_square == 0.0);
    cr_assert_eq(qoq_error_stats(&stats, zero, zero, 2), QOQ_OK);
    cr_assert_eq(stats.snr_db, INFINITY);
    cr_assert_eq(qoq_error_stats(&stats, zero, tiny, 2), QOQ_OK);
    cr_assert(stats.snr_db == -INFINITY && stats.max_abs == 0x1p-149 &&
              stats.mean_square == 0x1p-299);
    cr_assert_eq(qoq_error_stats(&stats, large, tiny, 2), QOQ_OK);
    cr_assert_eq(stats.snr_db, 0.0);
    cr_assert_eq(qoq_error_stats(&stats, tiny, large, 2), QOQ_OK);
    cr_assert(stats.snr_db < -1660.0 && isfinite(stats.snr_db));
}

Test(error_stats, errors)
{
    const float x[2] = {0.0f, 1.0f}, bad[2] = {0.0f, NAN}, inf[2] = {0.0f, INFINITY};
    struct qoq_error_stats stats;

    cr_assert_eq(qoq_error_stats(NULL, x, x, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_error_stats(&stats, NULL, x, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_error_stats(&stats, x, NULL, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_error_stats(&stats, x, x, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_error_stats(&stats, x, x, SIZE_MAX), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_error_stats(&stats, x, bad, 2), QOQ_ERR_RANGE);
    cr_assert_eq(qoq_error_stats(&stats, inf, inf, 2), QOQ_ERR_RANGE);
}

/* ---- Status and version ---- */

Test(status, strings)
{
    for (int i = QOQ_ERR_DIFFERS; i <= QOQ_OK; i++) {
        for (int j = i + 1; j <= QOQ_OK; j++)
            cr_assert_str_neq(qoq_status_string((enum qoq_status)i),
                              qoq_status_string((enum qoq_status)j));
        cr_assert_str_neq(qoq_status_string((enum qoq_status)i),
                          qoq_status_string((enum qoq_status)(-99)));
    }
    cr_assert_not_null(qoq_status_string((enum qoq_status)7));
}

Test(status, version)
{
    const char *expected = getenv("QOQ_VERSION");

    if (expected == NULL)
        cr_skip("QOQ_VERSION is not set");
    cr_assert_str_eq(qoq_version(), expected);
}
