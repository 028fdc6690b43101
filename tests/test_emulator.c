/* SPDX-License-Identifier: Apache-2.0 */
/* The emulator itself: what it must refuse, what primitives compute, what it counts. */
#include "emu/probe.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "numerics/half.h"
#include "seed.h"

static struct qoq_cuda *emulator(enum qoq_emu_schedule schedule, int early_copies)
{
    struct qoq_emu_options options = {schedule, test_seed(), early_copies, 0};
    struct qoq_cuda *handle;

    cr_assert_eq(qoq_emu_create(&handle, &options), QOQ_OK);
    return handle;
}

/* Every fault is found whatever the order of lanes and warps, and nothing is found where nothing is
 * wrong. Late copies: with early ones a missing wait is, by design, invisible. */
Test(emulator, faults)
{
    for (const struct probe_fault *f = probe_faults; f->name != NULL; f++) {
        for (int s = 0; s < QOQ_EMU_SCHEDULES; s++) {
            struct qoq_cuda *handle = emulator((enum qoq_emu_schedule)s, 0);
            enum qoq_status status = f->run(handle);
            const char *message = qoq_cuda_message(handle);

            if (f->says == NULL) {
                cr_assert_eq(status, QOQ_OK, "%s, %s: %s", f->name,
                             qoq_emu_schedule_name((enum qoq_emu_schedule)s), message);
            } else {
                cr_assert_eq(status, QOQ_ERR_DEVICE, "%s, %s: not noticed", f->name,
                             qoq_emu_schedule_name((enum qoq_emu_schedule)s));
                cr_assert(strstr(message, f->says) != NULL, "%s: %s", f->name, message);
                cr_assert(strncmp(message, f->name, strlen(f->name)) == 0, "%s", message);
                cr_assert(strstr(message, " warp ") != NULL && strstr(message, " lane ") != NULL &&
                              strstr(message, "faults.cc:") != NULL,
                          "%s", message);
            }
            qoq_cuda_destroy(handle);
        }
    }
}

/* A handle goes on after a kernel that was stopped. */
Test(emulator, goes_on_after_a_fault)
{
    struct qoq_cuda *handle = emulator(QOQ_EMU_FORWARD, 0);

    for (int round = 0; round < 3; round++) {
        for (const struct probe_fault *f = probe_faults; f->name != NULL; f++)
            cr_assert_eq(f->run(handle), f->says == NULL ? QOQ_OK : QOQ_ERR_DEVICE, "%s: %s",
                         f->name, qoq_cuda_message(handle));
    }
    qoq_cuda_destroy(handle);
}

/* A byte with or without a sign. */
static int32_t widened(int8_t byte, int is_signed)
{
    return is_signed ? byte : (uint8_t)byte;
}

/* Random operands, and one-hot ones that show each place of the fragments alone; all four
 * combinations of signs. */
Test(emulator, mma_and_load_matrix)
{
    struct qoq_cuda *handle = emulator(QOQ_EMU_RANDOM, 0);
    struct test_random r = test_random(900);

    for (int round = 0; round < 40 + 512; round++) {
        int8_t a[512] = {0}, b[256];
        int32_t d[128], want[128];
        int a_signed = round % 2, b_signed = round / 2 % 2;

        for (int i = 0; i < 512 && round < 40; i++)
            a[i] = (int8_t)test_integer(&r, -128, 127);
        if (round >= 40)
            a[round - 40] = 1;
        for (int i = 0; i < 256; i++)
            b[i] = (int8_t)test_integer(&r, -128, 127);
        for (int i = 0; i < 128; i++) {
            d[i] = (int32_t)test_integer(&r, INT32_MIN, INT32_MAX);
            want[i] = d[i];
            for (int k = 0; k < 32; k++)
                want[i] =
                    (int32_t)((uint32_t)want[i] + (uint32_t)(widened(a[i / 8 * 32 + k], a_signed) *
                                                             widened(b[k * 8 + i % 8], b_signed)));
        }
        cr_assert_eq(probe_mma(handle, d, a, b, a_signed, b_signed), QOQ_OK, "%s",
                     qoq_cuda_message(handle));
        cr_assert_arr_eq(d, want, sizeof d);
    }
    qoq_cuda_destroy(handle);
}

/* Register i of lane 4 r + c: elements 2 c and 2 c + 1 of row r of matrix i, or of its column r. */
Test(emulator, matrices)
{
    struct qoq_cuda *handle = emulator(QOQ_EMU_REVERSE, 0);
    uint16_t x[4][8][8];
    uint32_t registers[32][4];

    for (int i = 0; i < 256; i++)
        x[i / 64][i / 8 % 8][i % 8] = (uint16_t)(259 * i);
    for (int transposed = 0; transposed < 2; transposed++) {
        cr_assert_eq(probe_matrix(handle, &registers[0][0], &x[0][0][0], transposed), QOQ_OK);
        for (int i = 0; i < 128; i++) {
            int r = i / 16, c = i / 4 % 4;
            uint32_t low = transposed ? x[i % 4][2 * c][r] : x[i % 4][r][2 * c];
            uint32_t high = transposed ? x[i % 4][2 * c + 1][r] : x[i % 4][r][2 * c + 1];

            cr_assert_eq(registers[i / 4][i % 4], low | high << 16);
        }
    }
    qoq_cuda_destroy(handle);
}

Test(emulator, shuffle)
{
    struct qoq_cuda *handle = emulator(QOQ_EMU_STRIDED, 0);
    struct test_random r = test_random(901);

    for (int round = 0; round < 20; round++) {
        uint32_t x[32], source[32], out[32];

        for (int i = 0; i < 32; i++) {
            x[i] = (uint32_t)test_next(&r);
            source[i] = (uint32_t)test_integer(&r, 0, 31);
        }
        cr_assert_eq(probe_shuffle(handle, out, x, source), QOQ_OK);
        for (int i = 0; i < 32; i++)
            cr_assert_eq(out[i], x[source[i]]);
    }
    qoq_cuda_destroy(handle);
}

/* Two independent implementations of binary16 agree: all patterns, and what lies around the middle
 * between neighbours. */
Test(emulator, conversions)
{
    struct test_random r = test_random(902);

    for (uint32_t h = 0; h < 65536; h++) {
        float wide = probe_widen((uint16_t)h), next = probe_widen((uint16_t)(h + 1));

        if (wide != wide) {
            cr_assert(qoq_half_to_float((uint16_t)h) != qoq_half_to_float((uint16_t)h));
            continue;
        }
        cr_assert_eq(qoq_float_bits(wide), qoq_float_bits(qoq_half_to_float((uint16_t)h)));
        cr_assert_eq(probe_narrow(wide), h);
        for (int i = -1; i <= 1; i++) {
            float middle = 0.5f * (wide + next);
            float x = qoq_float_of_bits(qoq_float_bits(middle) + (uint32_t)i);

            if (x == x)
                cr_assert_eq(probe_narrow(x), qoq_half_from_float(x), "%a", (double)x);
        }
    }
    for (int i = 0; i < 1000000; i++) {
        float x = qoq_float_of_bits((uint32_t)test_next(&r));

        if (x == x)
            cr_assert_eq(probe_narrow(x), qoq_half_from_float(x), "%a" SEED_FORMAT, (double)x,
                         test_seed());
    }
    cr_assert_eq(probe_narrow(NAN) & 0x7c00, 0x7c00);
    cr_assert_neq(probe_narrow(NAN) & 0x03ff, 0);
}

Test(emulator, integers)
{
    static const struct {
        float x;
        int32_t i;
    } rounds[] = {{0.5f, 0},
                  {1.5f, 2},
                  {-0.5f, 0},
                  {-2.5f, -2},
                  {3e9f, INT32_MAX},
                  {-3e9f, INT32_MIN},
                  {INFINITY, INT32_MAX},
                  {NAN, 0}};

    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++)
        cr_assert_eq(probe_round(rounds[i].x), rounds[i].i, "%g", (double)rounds[i].x);
    cr_assert_eq(probe_permute(0x33221100, 0x77665544, 0x7250), 0x77225500);
    cr_assert_eq(probe_permute(0x80000000, 0, 0x888b), 0x000000ff);
    cr_assert_eq(probe_dp2a_lo(0x0002ffff, 0x0403ff80, 7), -128 + 2 * 255 + 7);
    cr_assert_eq(probe_dp2a_hi(0x0002ffff, 0x0403ff80, 7), -3 + 2 * 4 + 7);
}

/* Bank conflicts and sectors of strided accesses, by hand. */
Test(emulator, counts_strides)
{
    static const struct {
        uint32_t stride;
        uint64_t wavefronts, sectors;
    } cases[] = {{1, 1, 4}, {2, 2, 8}, {3, 1, 12}, {8, 8, 32}, {32, 32, 32}, {33, 1, 32}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct qoq_cuda *handle = emulator(QOQ_EMU_FORWARD, 0);
        const struct qoq_emu_launch *launch;

        cr_assert_eq(probe_stride(handle, cases[i].stride), QOQ_OK);
        launch = qoq_emu_get_launch(handle, 0);
        cr_assert_eq(launch->count[0][QOQ_EMU_SHARED_LOAD], 1);
        cr_assert_eq(launch->count[0][QOQ_EMU_SHARED_WAVEFRONT], 2 * cases[i].wavefronts);
        cr_assert_eq(launch->count[0][QOQ_EMU_SHARED_IDEAL], 2);
        cr_assert_eq(launch->count[0][QOQ_EMU_GLOBAL_LOAD], 1);
        cr_assert_eq(launch->read_sectors[0], cases[i].sectors);
        qoq_cuda_destroy(handle);
    }
}
