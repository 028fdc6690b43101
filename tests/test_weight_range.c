/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What codes and group scales of weights can reach: the protective range, packed bytes, validity.
 * N 4.3, 4.4.
 */
#include "weight_support.h"

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
Test(weight_range, largest_protective_bound)
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

Test(weight_range, protective_range)
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
Test(weight_range, protective_range_of_reals)
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
Test(weight_range, packed_forms)
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
Test(weight_range, packed_examples)
{
    cr_assert_eq(0x0900010fu * 8, 0x48000878u);
    cr_assert_eq(add_bytes(0x48000878u, 0x88888888u), 0xd0889000u);
    cr_assert_eq(add_bytes(0x01000f0fu * 18, (256 - 54) * 0x01010101u), 0xdccbd9d8u,
                 "(-40, -39, -53, -36)");
}

Test(weight_range, packed_example_operand)
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

Test(weight_range, check_groups)
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

Test(weight_range, check_scales_and_zeros)
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
Test(weight_range, w8_minus_128)
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
