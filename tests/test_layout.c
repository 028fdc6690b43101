/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts of weights and their parameters: N 5. */
#include "linear.h"
#include "tests/crc32.h"

#include <criterion/criterion.h>

static const struct {
    size_t n, k;
} shapes[] = {{32, 32}, {64, 96},  {1, 1},    {1, 33}, {33, 1},
              {31, 65}, {40, 172}, {96, 576}, {70, 31}};

#define SHAPES (sizeof shapes / sizeof *shapes)

static size_t plain_bytes(size_t n, size_t k)
{
    return n * ((k + 1) / 2);
}

static uint8_t *random_codes(struct test_random *r, size_t n, size_t k)
{
    uint8_t *plain = guard_new(plain_bytes(n, k));

    memset(plain, 0, plain_bytes(n, k));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < k; j++)
            plain_set(plain, k, i, j, (unsigned)test_integer(r, 0, 15));
    }
    return plain;
}

static uint8_t *tile(const uint8_t *plain, size_t n, size_t k)
{
    uint8_t *tiled = guard_new(qoq_tile_code_bytes(n, k));

    cr_assert_eq(qoq_tile_codes(tiled, plain, n, k), QOQ_OK, "%zu x %zu", n, k);
    cr_assert(guard_intact(tiled), "%zu x %zu", n, k);
    return tiled;
}

/* ---- Positions (N 5.2) ---- */

Test(layout, sample_positions)
{
    static const struct {
        size_t n, k, byte;
        int high;
    } sample[] = {{0, 0, 0, 0},     {0, 3, 3, 0},     {0, 4, 16, 0},   {0, 15, 51, 0},
                  {0, 16, 8, 0},    {0, 31, 59, 0},   {1, 0, 64, 0},   {8, 0, 4, 0},
                  {8, 16, 12, 0},   {16, 0, 0, 1},    {24, 0, 4, 1},   {5, 10, 354, 0},
                  {21, 10, 354, 1}, {13, 26, 366, 0}, {31, 31, 511, 1}};

    for (size_t i = 0; i < sizeof sample / sizeof *sample; i++) {
        struct qoq_tile_position p = qoq_tile_position(sample[i].n, sample[i].k, 32);

        cr_assert(p.byte == sample[i].byte && p.high == sample[i].high,
                  "(%zu, %zu): byte %zu, high %d", sample[i].n, sample[i].k, p.byte, p.high);
    }
}

/* Tiles follow each other along k, then along n; a ragged K counts as the next multiple of 32. */
Test(layout, tiles_in_order)
{
    cr_assert_eq(qoq_tile_position(0, 32, 65).byte, 512);
    cr_assert_eq(qoq_tile_position(0, 64, 65).byte, 1024);
    cr_assert_eq(qoq_tile_position(32, 0, 65).byte, 1536);
    cr_assert_eq(qoq_tile_position(32, 0, 64).byte, 1024);
    cr_assert_eq(qoq_tile_position(32, 0, 1).byte, 512);
}

/* Every nibble of the padded matrix is hit once, and the inverse finds the way back. */
static void check_bijection(size_t n, size_t k)
{
    size_t padded_n = (n + 31) / 32 * 32, padded_k = (k + 31) / 32 * 32,
           bytes = qoq_tile_code_bytes(n, k);
    uint8_t *seen = calloc(bytes, 1);

    cr_assert_eq(bytes, padded_n * padded_k / 2, "%zu x %zu", n, k);
    for (size_t i = 0; i < padded_n; i++) {
        for (size_t j = 0; j < padded_k; j++) {
            struct qoq_tile_position p = qoq_tile_position(i, j, k);
            size_t back_n, back_k;

            cr_assert(p.byte < bytes && (p.high == 0 || p.high == 1), "(%zu, %zu) of %zu x %zu", i,
                      j, n, k);
            cr_assert_eq(seen[p.byte] >> p.high & 1, 0, "(%zu, %zu) of %zu x %zu", i, j, n, k);
            seen[p.byte] |= (uint8_t)(1 << p.high);
            qoq_tile_coordinates(&back_n, &back_k, p, k);
            cr_assert(back_n == i && back_k == j, "(%zu, %zu) of %zu x %zu: back (%zu, %zu)", i, j,
                      n, k, back_n, back_k);
        }
    }
    free(seen);
}

Test(layout, bijection)
{
    for (size_t i = 0; i < SHAPES; i++)
        check_bijection(shapes[i].n, shapes[i].k);
}

/* The table of a tile: four low and four high runs of four codes in each lane's 16 bytes. */
Test(layout, lanes)
{
    for (size_t byte = 0; byte < 512; byte++) {
        size_t lane = byte / 16, run = byte % 16 / 4, n, k;

        for (int high = 0; high < 2; high++) {
            qoq_tile_coordinates(&n, &k, (struct qoq_tile_position){byte, high}, 32);
            cr_assert_eq(n, lane / 4 + (run & 1) * 8 + (high ? 16 : 0), "byte %zu, high %d", byte,
                         high);
            cr_assert_eq(k, lane % 4 * 4 + byte % 4 + run / 2 * 16, "byte %zu, high %d", byte,
                         high);
        }
    }
}

/* ---- Codes ---- */

Test(layout, vector_32_32)
{
    static const uint8_t start[32] = {0x00, 0x33, 0x66, 0x99, 0x88, 0xbb, 0xee, 0x11,
                                      0x00, 0x33, 0x66, 0x99, 0x88, 0xbb, 0xee, 0x11,
                                      0xcc, 0xff, 0x22, 0x55, 0x44, 0x77, 0xaa, 0xdd,
                                      0xcc, 0xff, 0x22, 0x55, 0x44, 0x77, 0xaa, 0xdd};
    uint8_t plain[512] = {0}, *tiled;

    for (size_t n = 0; n < 32; n++) {
        for (size_t k = 0; k < 32; k++)
            plain_set(plain, 32, n, k, (n + 3 * k) % 16);
    }
    tiled = tile(plain, 32, 32);
    cr_assert_eq(memcmp(tiled, start, sizeof start), 0);
    cr_assert_eq(crc32(tiled, 512), 0xee48b592u);
    guard_free(tiled);
}

Test(layout, vector_64_96)
{
    static const uint8_t start[16] = {0x00, 0x65, 0xca, 0x3f, 0x88, 0xfd, 0x63, 0xd9,
                                      0x70, 0xd5, 0x4a, 0xaf, 0xa3, 0x29, 0x9f, 0x04};
    uint8_t plain[64 * 48] = {0}, *tiled;

    for (size_t n = 0; n < 64; n++) {
        for (size_t k = 0; k < 96; k++)
            plain_set(plain, 96, n, k, (7 * n + 5 * k + n * k / 11) % 16);
    }
    tiled = tile(plain, 64, 96);
    cr_assert_eq(memcmp(tiled, start, sizeof start), 0);
    cr_assert_eq(crc32(tiled, 3072), 0xd6cba71bu);
    guard_free(tiled);
}

Test(layout, round_trip)
{
    struct test_random r = test_random(20);

    for (size_t i = 0; i < SHAPES; i++) {
        size_t n = shapes[i].n, k = shapes[i].k;
        uint8_t *plain = random_codes(&r, n, k), *back = guard_new(plain_bytes(n, k)),
                *tiled = tile(plain, n, k);

        cr_assert_eq(qoq_untile_codes(back, tiled, n, k), QOQ_OK);
        cr_assert(guard_intact(back), "%zu x %zu", n, k);
        cr_assert_eq(memcmp(back, plain, plain_bytes(n, k)), 0, "%zu x %zu" SEED_FORMAT, n, k,
                     test_seed());
        guard_free(plain);
        guard_free(back);
        guard_free(tiled);
    }
}

/* Padding codes are 0 when written and ignored when read; a spare plain nibble is 0. */
Test(layout, padding)
{
    struct test_random r = test_random(21);
    size_t n = 33, k = 35;
    uint8_t *plain = random_codes(&r, n, k), *tiled = tile(plain, n, k), back[33 * 18];

    for (size_t i = 0; i < 64; i++) {
        for (size_t j = 0; j < 64; j++) {
            struct qoq_tile_position p = qoq_tile_position(i, j, k);
            unsigned expected = i < n && j < k ? plain_get(plain, k, i, j) : 0;

            cr_assert_eq(tiled[p.byte] >> 4 * p.high & 15, expected, "(%zu, %zu)" SEED_FORMAT, i, j,
                         test_seed());
            if (i >= n || j >= k)
                tiled[p.byte] = (uint8_t)(tiled[p.byte] | 15 << 4 * p.high);
        }
    }
    cr_assert_eq(qoq_untile_codes(back, tiled, n, k), QOQ_OK);
    cr_assert_eq(memcmp(back, plain, sizeof back), 0, SEED_FORMAT, test_seed());
    guard_free(plain);
    guard_free(tiled);
}

/* Shards whose rows are multiples of 32 are tiled apart and put together. */
Test(layout, concatenation)
{
    struct test_random r = test_random(22);
    size_t k = 96;
    uint8_t *plain = random_codes(&r, 96, k), *whole = tile(plain, 96, k);
    uint8_t *top = tile(plain, 32, k), *bottom = tile(plain + plain_bytes(32, k), 64, k);

    cr_assert_eq(memcmp(whole, top, qoq_tile_code_bytes(32, k)), 0, SEED_FORMAT, test_seed());
    cr_assert_eq(memcmp(whole + qoq_tile_code_bytes(32, k), bottom, qoq_tile_code_bytes(64, k)), 0,
                 SEED_FORMAT, test_seed());
    guard_free(plain);
    guard_free(whole);
    guard_free(top);
    guard_free(bottom);
}

Test(layout, code_errors)
{
    uint8_t a[512] = {0}, b[512] = {0};

    cr_assert_eq(qoq_tile_codes(NULL, b, 32, 32), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_tile_codes(a, NULL, 32, 32), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_untile_codes(NULL, b, 32, 32), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_untile_codes(a, NULL, 32, 32), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_tile_codes(a, b, 0, 32), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_tile_codes(a, b, 32, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_untile_codes(a, b, 32, 131073), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_untile_codes(a, b, SIZE_MAX / 8, 16), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_untile_codes(a, b, SIZE_MAX / 16, 1), QOQ_ERR_SHAPE,
                 "only the tiled size overflows");
    cr_assert_eq(qoq_tile_code_bytes(0, 32), 0);
    cr_assert_eq(qoq_tile_code_bytes(SIZE_MAX, 1), 0);
    cr_assert_eq(qoq_tile_code_bytes(SIZE_MAX, SIZE_MAX), 0);
}

/* ---- Group parameters (N 5.3) ---- */

Test(layout, columns)
{
    static const size_t order[32] = {0, 8,  16, 24, 1, 9,  17, 25, 2, 10, 18, 26, 3, 11, 19, 27,
                                     4, 12, 20, 28, 5, 13, 21, 29, 6, 14, 22, 30, 7, 15, 23, 31};

    for (size_t p = 0; p < 320; p++) {
        cr_assert_eq(qoq_tile_channel(p), p / 32 * 32 + order[p % 32], "column %zu", p);
        cr_assert_eq(qoq_tile_column(qoq_tile_channel(p)), p, "column %zu", p);
    }
}

Test(layout, vector_groups)
{
    static const uint8_t scales_start[16] = {1, 17, 16, 15, 3, 2, 1, 17, 5, 4, 3, 2, 7, 6, 5, 4};
    static const uint8_t zeros_start[16] = {0x00, 0x78, 0x00, 0x88, 0xf7, 0xea, 0xfd, 0x45,
                                            0xe2, 0xc8, 0xee, 0xe4, 0xc1, 0xfa, 0xd3, 0xfc};
    uint8_t s2[128], z[128], scales[128], zeros[128], s2_back[128], z_back[128];

    for (unsigned n = 0; n < 64; n++) {
        for (unsigned g = 0; g < 2; g++) {
            s2[2 * n + g] = (uint8_t)((2 * n + g) % 17 + 1);
            z[2 * n + g] = (uint8_t)((3 * n + g) % 16);
        }
    }
    cr_assert_eq(qoq_tile_groups(scales, zeros, s2, z, 64, 2), QOQ_OK);
    cr_assert_eq(memcmp(scales, scales_start, 16), 0);
    cr_assert_eq(memcmp(zeros, zeros_start, 16), 0);
    cr_assert_eq(crc32(scales, 128), 0x9863b21fu);
    cr_assert_eq(crc32(zeros, 128), 0x7817f5fbu);
    cr_assert_eq(qoq_untile_groups(s2_back, z_back, scales, zeros, 64, 2), QOQ_OK);
    cr_assert(memcmp(s2_back, s2, 128) == 0 && memcmp(z_back, z, 128) == 0);
}

/* Every pair of N 4.4 comes back; the padding is scale 1, zero 0. */
Test(layout, groups_round_trip)
{
    size_t n = 0, groups = 3;
    uint8_t *s2 = guard_new(17 * 16 * 3), *z = guard_new(17 * 16 * 3),
            *s2_back = guard_new(17 * 16 * 3);
    uint8_t *z_back = guard_new(17 * 16 * 3), *scales, *zeros;
    size_t columns;

    for (unsigned s = 1; s <= 17; s++) {
        for (unsigned i = 0; i <= 15 && i * s <= 128; i++, n++) {
            for (unsigned g = 0; g < groups; g++) {
                s2[n * groups + g] = (uint8_t)(g == 0 ? s : 1);
                z[n * groups + g] = (uint8_t)(g == 1 ? 15 : g == 0 ? i : 0);
            }
        }
    }
    columns = (n + 31) / 32 * 32;
    cr_assert_neq(columns, n, "no padding to look at");
    scales = guard_new(columns * groups);
    zeros = guard_new(columns * groups);
    cr_assert_eq(qoq_tile_groups(scales, zeros, s2, z, n, groups), QOQ_OK);
    for (size_t p = 0; p < columns; p++) {
        if (qoq_tile_channel(p) >= n)
            cr_assert(scales[columns + p] == 1 && zeros[columns + p] == 0, "column %zu", p);
    }
    cr_assert_eq(qoq_untile_groups(s2_back, z_back, scales, zeros, n, groups), QOQ_OK);
    cr_assert(memcmp(s2, s2_back, n * groups) == 0 && memcmp(z, z_back, n * groups) == 0);
    cr_assert(guard_intact(scales) && guard_intact(zeros) && guard_intact(s2_back) &&
              guard_intact(z_back));
    guard_free(s2);
    guard_free(z);
    guard_free(s2_back);
    guard_free(z_back);
    guard_free(scales);
    guard_free(zeros);
}

static enum qoq_status untile_one(uint8_t scale, uint8_t zero)
{
    uint8_t scales[32], zeros[32], s2, z;

    memset(scales, 0xff, sizeof scales);
    memset(zeros, 0xff, sizeof zeros);
    scales[0] = scale, zeros[0] = zero;
    return qoq_untile_groups(&s2, &z, scales, zeros, 1, 1);
}

/* A zero that is no multiple of its scale, or one of a z above 15, is refused; so is scale 0. */
Test(layout, groups_refused)
{
    for (unsigned scale = 0; scale < 256; scale++) {
        for (unsigned zero = 0; zero < 256; zero++) {
            int possible = 0;

            for (unsigned z = 0; z < 16; z++)
                possible |= scale != 0 && z * scale <= 255 && (256 - z * scale) % 256 == zero;
            cr_assert_eq(untile_one((uint8_t)scale, (uint8_t)zero),
                         possible ? QOQ_OK : QOQ_ERR_RANGE, "scale %u, zero %u", scale, zero);
        }
    }
}

Test(layout, group_errors)
{
    uint8_t a[32], b[32], s2[1] = {1}, z[1] = {0};

    cr_assert_eq(qoq_tile_groups(NULL, b, s2, z, 1, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_tile_groups(a, NULL, s2, z, 1, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_tile_groups(a, b, NULL, z, 1, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_tile_groups(a, b, s2, NULL, 1, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_untile_groups(NULL, z, a, b, 1, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_untile_groups(s2, NULL, a, b, 1, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_untile_groups(s2, z, NULL, b, 1, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_untile_groups(s2, z, a, NULL, 1, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_tile_groups(a, b, s2, z, 0, 1), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_tile_groups(a, b, s2, z, 1, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_untile_groups(s2, z, a, b, SIZE_MAX, 1), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_untile_groups(s2, z, a, b, SIZE_MAX / 4, 8), QOQ_ERR_SHAPE);
    s2[0] = 0;
    cr_assert_eq(qoq_tile_groups(a, b, s2, z, 1, 1), QOQ_ERR_RANGE);
    s2[0] = 1, z[0] = 16;
    cr_assert_eq(qoq_tile_groups(a, b, s2, z, 1, 1), QOQ_ERR_RANGE);
    s2[0] = 32, z[0] = 8;
    cr_assert_eq(qoq_tile_groups(a, b, s2, z, 1, 1), QOQ_ERR_RANGE, "256 would come back as 0");
}

/* ---- Per-channel zeros (N 5.4) ---- */

/* The per-channel golden vector: z = 9 at scale 0x228f. */
Test(layout, szeros_vector)
{
    const qoq_half s = 0x228f;
    const uint8_t z = 9;
    qoq_half szeros;

    cr_assert_eq(qoq_channel_szeros(&szeros, &s, &z, 1), QOQ_OK);
    cr_assert_eq(qoq_half_to_float(szeros), 0.11529541015625f);
}

/* Every positive finite scale with every zero point comes back, unless the product is infinite. */
Test(layout, szeros_round_trip)
{
    for (unsigned h = 1; h < 0x7c00; h++) {
        for (unsigned i = 0; i < 16; i++) {
            qoq_half s = (qoq_half)h, szeros;
            uint8_t z = (uint8_t)i, back;
            int overflow = (double)qoq_half_to_float(s) * i >= 65520.0;

            cr_assert_eq(qoq_channel_szeros(&szeros, &s, &z, 1), overflow ? QOQ_ERR_RANGE : QOQ_OK,
                         "s 0x%04x, z %u", h, i);
            if (overflow)
                continue;
            cr_assert_eq(qoq_channel_zeros(&back, &s, &szeros, 1), QOQ_OK, "s 0x%04x, z %u", h, i);
            cr_assert_eq(back, z, "s 0x%04x, z %u", h, i);
        }
    }
}

Test(layout, szeros_refused)
{
    const qoq_half s[] = {0x3c00, 0x3c00, 0x3c00, 0x3c00, 0x3c00, 0x0000, 0x7c00, 0x7e00, 0xbc00};
    const qoq_half szeros[] = {0x3e00, 0xbc00, 0x4c00, 0x7c00, 0x7e00,
                               0x0000, 0x3c00, 0x3c00, 0xbc00};
    const uint8_t sixteen = 16;
    qoq_half out, minus_zero = 0x8000;
    uint8_t z;

    for (size_t i = 0; i < sizeof s / sizeof *s; i++)
        cr_assert_eq(qoq_channel_zeros(&z, s + i, szeros + i, 1), QOQ_ERR_RANGE, "case %zu", i);
    cr_assert_eq(qoq_channel_zeros(&z, s, &minus_zero, 1), QOQ_OK);
    cr_assert_eq(z, 0);
    cr_assert_eq(qoq_channel_szeros(&out, s, &sixteen, 1), QOQ_ERR_RANGE);
    z = 1;
    for (size_t i = 5; i < sizeof s / sizeof *s; i++)
        cr_assert_eq(qoq_channel_szeros(&out, s + i, &z, 1), QOQ_ERR_RANGE, "case %zu", i);
}

Test(layout, szeros_errors)
{
    qoq_half s = 0x3c00, szeros = 0;
    uint8_t z = 0;

    cr_assert_eq(qoq_channel_szeros(NULL, &s, &z, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_channel_szeros(&szeros, NULL, &z, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_channel_szeros(&szeros, &s, NULL, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_channel_zeros(NULL, &s, &szeros, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_channel_zeros(&z, NULL, &szeros, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_channel_zeros(&z, &s, NULL, 1), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_channel_szeros(&szeros, &s, &z, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_channel_zeros(&z, &s, &szeros, SIZE_MAX), QOQ_ERR_SHAPE);
}
