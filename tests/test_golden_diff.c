/* SPDX-License-Identifier: Apache-2.0 */
/* Comparison and diagnosis: every hint is given for the mistake it names, seeded into a right
 * output. */
#include "golden/build.h"
#include "golden/cases.h"
#include "golden/diagnose.h"
#include "golden/mistakes.h"
#include "numerics/half.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A case, one of its outputs, and a copy of it to spoil. */
struct bench {
    struct qoq_golden_case c;
    const struct qoq_golden_tensor *output;
    size_t bytes;
    void *theirs;
    struct qoq_golden_report report;
    struct qoq_golden_hints hints;
};

static void set_up(struct bench *b, const char *op, const char *kind, const char *sets,
                   const char *output)
{
    struct qoq_golden_standard standard = {"x.h5", op, "test", kind, sets, 11};
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_golden_make_standard(&b->c, &standard, &err), QOQ_OK, "%s %s %s: %s", op, kind,
                 sets, err.text);
    b->output = qoq_golden_tensors_find(&b->c.outputs, output);
    cr_assert_not_null(b->output, "%s has no output %s", op, output);
    b->bytes = qoq_tensor_bytes(&b->output->tensor);
    b->theirs = malloc(b->bytes);
    cr_assert_not_null(b->theirs);
    memcpy(b->theirs, b->output->tensor.data, b->bytes);
}

static void judge(struct bench *b)
{
    const struct qoq_tensor *bound = qoq_tensors_find(&b->c.bounds, b->output->tensor.name);

    cr_assert_eq(qoq_golden_compare(&b->report, b->output, bound, b->theirs), QOQ_OK);
    qoq_golden_diagnose(&b->hints, &b->c, b->output, &b->report, b->theirs);
}

static int hinted(const struct bench *b, enum qoq_hint id, const char *text)
{
    for (size_t i = 0; i < b->hints.count; i++) {
        if (b->hints.item[i].id == id && strstr(b->hints.item[i].text, text) != NULL)
            return 1;
    }
    return 0;
}

static void expect_hint(struct bench *b, enum qoq_hint id, const char *text)
{
    judge(b);
    cr_expect(b->report.differing > 0, "%s: nothing differs", text);
    cr_expect(hinted(b, id, text), "no hint '%s' for %s %s (%zu differ); first hint: %s", text,
              b->c.op, b->output->tensor.name, b->report.differing,
              b->hints.count > 0 ? b->hints.item[0].text : "none");
    free(b->theirs);
    qoq_golden_case_free(&b->c);
}

/* ---- Comparison ---- */

Test(golden_diff, equal_outputs_need_no_hint)
{
    struct bench b;

    set_up(&b, "gemm_w4a8_group", "quantized", "", "y");
    judge(&b);
    cr_assert(b.report.differing == 0 && b.report.within && b.hints.count == 0);
    free(b.theirs);
    qoq_golden_case_free(&b.c);
}

Test(golden_diff, first_difference_and_histogram)
{
    struct bench b;
    qoq_half *y;

    set_up(&b, "gemm_w4a8_group", "quantized", "m=4 n=64 k=256", "y");
    y = b.theirs;
    y[2 * 64 + 7] = (qoq_half)(y[2 * 64 + 7] + 1);
    y[3 * 64 + 9] = (qoq_half)(y[3 * 64 + 9] + 3);
    y[3 * 64 + 10] = QOQ_HALF_NAN;
    judge(&b);
    cr_assert_eq(b.report.differing, 3);
    cr_assert(b.report.first == 2 * 64 + 7 && b.report.where.axis[0].at == 2 &&
              b.report.where.axis[1].at == 7);
    cr_assert_str_eq(b.report.where.axis[1].name, "n");
    cr_assert(b.report.step[1] == 1 && b.report.step[3] == 1 && b.report.step[9] == 1);
    cr_assert(b.report.ours.bits + 1 == b.report.theirs.bits && !b.report.within);
    free(b.theirs);
    qoq_golden_case_free(&b.c);
}

/* Coordinates of packed forms, against the formulas of N 5.2, 5.3 and 7.1 written out. */
Test(golden_diff, packed_coordinates)
{
    struct bench b;

    set_up(&b, "tile_codes", "uniform", "n=64 k=96", "tiled");
    ((uint8_t *)b.theirs)[1024 + 16 * 5 + 9] ^= 0x30; /* tile 2, lane 5, byte 9, high nibble */
    judge(&b);
    cr_assert_eq(b.report.differing, 1);
    cr_assert(b.report.where.axis[0].at == 16 + 1 && b.report.where.axis[1].at == 64 + 16 + 4 + 1,
              "n %zu k %zu", b.report.where.axis[0].at, b.report.where.axis[1].at);
    cr_assert_str_eq(b.report.where.packed, "byte 1113: tile 2, lane 5, byte 9 of 16, high nibble");
    free(b.theirs);
    qoq_golden_case_free(&b.c);

    set_up(&b, "tile_groups", "uniform", "n=64 groups=3", "s2_scales");
    ((uint8_t *)b.theirs)[64 + 33] ^= 1; /* group 1, column 33: channel 40 */
    judge(&b);
    cr_assert(b.report.where.axis[0].at == 1 && b.report.where.axis[1].at == 40);
    cr_assert_str_eq(b.report.where.packed, "column 33");
    free(b.theirs);
    qoq_golden_case_free(&b.c);

    set_up(&b, "kv_write", "bell", "bits=4 page=8 heads=2 head_dim=16 tokens=16", "pages");
    ((uint8_t *)b.theirs)[192 + (8 + 3) * 8 + 5] ^= 0x70; /* page 1, head 1, slot 3, dim 11 */
    ((uint8_t *)b.theirs)[192 + 128 + 2 * (8 + 3)] ^= 1;  /* its scale */
    judge(&b);
    cr_assert(b.report.differing == 2 && b.report.where.axis[0].at == 1 &&
              b.report.where.axis[1].at == 1);
    cr_assert(b.report.where.axis[2].at == 3 && b.report.where.axis[3].at == 11);
    cr_assert_str_eq(b.report.where.packed, "code at byte 93 of the page, high nibble");
    cr_assert_eq(b.report.step[1], 1);
    free(b.theirs);
    qoq_golden_case_free(&b.c);
}

/* Rules with a rate: one difference in a hundred codes is within 0.01, two are not. */
Test(golden_diff, rates)
{
    struct bench b;
    int8_t *q;

    set_up(&b, "qserve_act_quantize", "bell", "m=2 k=2000", "q");
    q = b.theirs;
    for (size_t i = 0; i < 5; i++) {
        q[100 * i] = (int8_t)(q[100 * i] > 0 ? q[100 * i] - 1 : q[100 * i] + 1);
        judge(&b);
        cr_assert_eq(b.report.within, i + 1 <= 4, "%zu differences of 4000 at rate 0.001", i + 1);
    }
    free(b.theirs);
    qoq_golden_case_free(&b.c);
}

/* Rule "abs bound": half the bound is within, twice is not. */
Test(golden_diff, bounds)
{
    struct bench b;
    qoq_half *y;

    set_up(&b, "qserve_attention", "bell", "context=20", "out");
    y = b.theirs;
    float bound = ((const float *)b.c.bounds.item[0].data)[1];
    y[130] = qoq_half_from_float(qoq_half_to_float(y[130]) + 0.5f * bound);
    judge(&b);
    cr_assert(b.report.differing == 1 && b.report.within);
    y[130] = qoq_half_from_float(qoq_half_to_float(y[130]) + 2.0f * bound);
    judge(&b);
    cr_assert_not(b.report.within);
    free(b.theirs);
    qoq_golden_case_free(&b.c);
}

/* ---- Layouts ---- */

static void swap_nibbles(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(bytes[i] << 4 | bytes[i] >> 4);
}

Test(golden_diff, nibbles)
{
    struct bench b;

    set_up(&b, "tile_codes", "uniform", "", "tiled");
    swap_nibbles(b.theirs, b.bytes);
    expect_hint(&b, QOQ_HINT_REARRANGED, "nibbles of each byte are swapped");
    set_up(&b, "weight_quantize_w4_group", "bell", "k=77", "code");
    swap_nibbles(b.theirs, b.bytes);
    expect_hint(&b, QOQ_HINT_REARRANGED, "nibbles of each byte are swapped");
    set_up(&b, "kv_write", "bell", "bits=4 page=4 heads=2 head_dim=16 tokens=8", "pages");
    swap_nibbles(b.theirs, 64);
    swap_nibbles((uint8_t *)b.theirs + b.bytes / 2, 64);
    expect_hint(&b, QOQ_HINT_REARRANGED, "nibbles of each byte are swapped");
    set_up(&b, "weight_quantize_w4_channel", "bell", "", "code");
    for (size_t i = 0; i < b.bytes; i++)
        ((uint8_t *)b.theirs)[i] ^= 0x88;
    expect_hint(&b, QOQ_HINT_REARRANGED, "off by 8");
}

Test(golden_diff, tiles)
{
    struct bench b;
    const uint8_t *ours;
    uint8_t *theirs;

    set_up(&b, "tile_codes", "uniform", "n=64 k=96", "tiled");
    memcpy(b.theirs, qoq_golden_in(&b.c, "code"), b.bytes);
    expect_hint(&b, QOQ_HINT_REARRANGED, "tile order not applied");

    set_up(&b, "weight_quantize_w4_channel", "bell", "n=64 k=96", "code");
    cr_assert_eq(qoq_tile_codes(b.theirs, b.output->tensor.data, 64, 96), QOQ_OK);
    expect_hint(&b, QOQ_HINT_REARRANGED, "in tile order");

    set_up(&b, "tile_codes", "uniform", "n=64 k=96", "tiled");
    ours = b.output->tensor.data;
    theirs = b.theirs;
    for (size_t a = 0; a < 2; a++) {
        for (size_t e = 0; e < 3; e++)
            memcpy(theirs + (e * 2 + a) * 512, ours + (a * 3 + e) * 512, 512);
    }
    expect_hint(&b, QOQ_HINT_REARRANGED, "run over n first");

    set_up(&b, "tile_codes", "uniform", "n=32 k=32", "tiled");
    ours = b.output->tensor.data;
    theirs = b.theirs;
    for (size_t lane = 0; lane < 512; lane += 16) {
        memcpy(theirs + lane + 4, ours + lane + 8, 4);
        memcpy(theirs + lane + 8, ours + lane + 4, 4);
    }
    expect_hint(&b, QOQ_HINT_REARRANGED, "bytes 4..7 (n + 8) and 8..11 (k + 16)");
}

/* The stored order of 32 channels in three conventions. */
Test(golden_diff, columns)
{
    struct bench b;
    uint8_t *theirs;
    const uint8_t *s2;

    set_up(&b, "tile_groups", "uniform", "n=64 groups=4", "s2_scales");
    theirs = b.theirs;
    s2 = qoq_golden_in(&b.c, "s2");
    for (size_t g = 0; g < 4; g++) {
        for (size_t n = 0; n < 64; n++)
            theirs[g * 64 + n] = s2[n * 4 + g];
    }
    expect_hint(&b, QOQ_HINT_REARRANGED, "columns are in plain order");

    set_up(&b, "tile_groups", "uniform", "n=64 groups=4", "s2_scales");
    theirs = b.theirs;
    s2 = qoq_golden_in(&b.c, "s2");
    for (size_t g = 0; g < 4; g++) {
        for (size_t column = 0; column < 64; column++) {
            size_t n = column / 16 * 16 + column % 2 * 8 +
                       column % 16 / 2; /* 0, 8, 1, 9, ... 7, 15, 16, 24 ... */
            theirs[g * 64 + column] = s2[n * 4 + g];
        }
    }
    expect_hint(&b, QOQ_HINT_REARRANGED, "0, 8, 1, 9");

    set_up(&b, "tile_groups", "uniform", "n=64 groups=4", "s2_zeros");
    for (size_t i = 0; i < b.bytes; i++)
        ((uint8_t *)b.theirs)[i] = (uint8_t) - ((uint8_t *)b.theirs)[i];
    expect_hint(&b, QOQ_HINT_REARRANGED, "every byte is negated");

    set_up(&b, "tile_groups", "uniform", "n=64 groups=4", "s2_scales");
    for (size_t i = 0; i < b.bytes; i++)
        ((uint8_t *)b.theirs)[i % 64 * 4 + i / 64] = ((const uint8_t *)b.output->tensor.data)[i];
    expect_hint(&b, QOQ_HINT_REARRANGED, "[channel][group]");
}

Test(golden_diff, pages)
{
    static const char sets[] = "bits=8 page=4 heads=2 head_dim=16 tokens=8";
    struct bench b;
    const uint8_t *ours;
    uint8_t *theirs;
    size_t each = 4 * 2 * (16 + 4), codes = 4 * 2 * 16, region = 2 * 4 * 2;

    set_up(&b, "kv_write", "bell", sets, "pages");
    for (size_t page = 0; page < 2 * each; page += each) {
        ours = (const uint8_t *)b.output->tensor.data + page;
        theirs = (uint8_t *)b.theirs + page;
        memcpy(theirs + codes, ours + codes + region, region);
        memcpy(theirs + codes + region, ours + codes, region);
    }
    expect_hint(&b, QOQ_HINT_REARRANGED, "zeros lie before the scales");

    set_up(&b, "kv_write", "bell", sets, "pages");
    for (size_t page = 0; page < 2 * each; page += each) {
        for (size_t i = 0; i < 8; i++) {
            ours = (const uint8_t *)b.output->tensor.data + page + codes;
            theirs = (uint8_t *)b.theirs + page + codes;
            memcpy(theirs + 4 * i, ours + 2 * i, 2);
            memcpy(theirs + 4 * i + 2, ours + region + 2 * i, 2);
        }
    }
    expect_hint(&b, QOQ_HINT_REARRANGED, "interleaved in pairs");

    set_up(&b, "kv_write", "bell", sets, "pages");
    for (size_t page = 0; page < 2 * each; page += each) {
        for (size_t i = 0; i < 8; i++) { /* head i / 4, slot i % 4 */
            size_t to = i % 4 * 2 + i / 4;
            ours = (const uint8_t *)b.output->tensor.data + page;
            theirs = (uint8_t *)b.theirs + page;
            memcpy(theirs + to * 16, ours + i * 16, 16);
            memcpy(theirs + codes + 2 * to, ours + codes + 2 * i, 2);
            memcpy(theirs + codes + region + 2 * to, ours + codes + region + 2 * i, 2);
        }
    }
    expect_hint(&b, QOQ_HINT_REARRANGED, "[slot][head] instead of [head][slot]");
}

Test(golden_diff, transposed_and_permuted)
{
    struct bench b;
    const qoq_half *ours;
    qoq_half *theirs;

    set_up(&b, "gemm_w8a8", "quantized", "m=6 n=10 k=32", "y");
    ours = b.output->tensor.data;
    theirs = b.theirs;
    for (size_t i = 0; i < 60; i++)
        theirs[i % 10 * 6 + i / 10] = ours[i];
    expect_hint(&b, QOQ_HINT_REARRANGED, "transposed");

    set_up(&b, "gemm_w8a8", "quantized", "m=6 n=10 k=32", "y");
    ours = b.output->tensor.data;
    theirs = b.theirs;
    memcpy(theirs + 10, ours + 40, 20);
    memcpy(theirs + 40, ours + 10, 20);
    expect_hint(&b, QOQ_HINT_PERMUTED,
                "axis m is in another order: index 1 of yours holds our index 4");

    set_up(&b, "attention_decode", "bell", "heads=2 q_heads=4 context=20 batch=2", "out");
    ours = b.output->tensor.data;
    theirs = b.theirs;
    for (size_t i = 0; i < 8; i++)
        memcpy(theirs + i * 64, ours + (i / 4 * 4 + (i + 1) % 4) * 64, 128);
    expect_hint(&b, QOQ_HINT_PERMUTED, "axis h is in another order");
}

/* ---- Factors, offsets, holes ---- */

static void scale_output(struct bench *b, int by_row, int by_column, size_t columns)
{
    float *y = b->theirs;

    for (size_t i = 0; i < b->bytes / sizeof *y; i++) {
        float row = by_row ? 1.5f + (float)(i / columns) : 1.0f,
              column = by_column ? 0.3f + (float)(i % columns) : 1.0f;
        y[i] *= by_row || by_column ? row * column : 0.125f;
    }
}

Test(golden_diff, factors)
{
    struct bench b;

    set_up(&b, "gemm_f32", "bell", "m=4 n=8 k=32", "y");
    scale_output(&b, 0, 0, 8);
    expect_hint(&b, QOQ_HINT_RATIO, "0.125 times ours");
    set_up(&b, "gemm_f32", "bell", "m=4 n=8 k=32", "y");
    scale_output(&b, 1, 0, 8);
    expect_hint(&b, QOQ_HINT_RATIO, "each row is off");
    set_up(&b, "gemm_f32", "bell", "m=4 n=8 k=32", "y");
    scale_output(&b, 0, 1, 8);
    expect_hint(&b, QOQ_HINT_RATIO, "each column is off");
}

Test(golden_diff, offset_codes)
{
    struct bench b;

    set_up(&b, "weight_quantize_w4_channel", "bell", "", "z");
    for (size_t i = 0; i < b.bytes; i++)
        ((uint8_t *)b.theirs)[i] = (uint8_t)(((uint8_t *)b.theirs)[i] - 3);
    expect_hint(&b, QOQ_HINT_OFFSET, "ours -3");
}

Test(golden_diff, holes)
{
    struct bench b;

    set_up(&b, "gemm_w4a8_group", "quantized", "m=4 n=100 k=64", "y");
    for (size_t i = 0; i < 400; i++) {
        if (i % 100 >= 96)
            ((qoq_half *)b.theirs)[i] = 0;
    }
    expect_hint(&b, QOQ_HINT_UNWRITTEN, "is 0 in yours");
    set_up(&b, "gemm_w4a8_group", "quantized", "m=4 n=100 k=64", "y");
    for (size_t i = 0; i < 400; i++) {
        if (i % 100 >= 96)
            ((qoq_half *)b.theirs)[i] = 0x1234;
    }
    expect_hint(&b, QOQ_HINT_PLACE, "tail of n, 96..99 of 100");
    set_up(&b, "gemm_w4a8_group", "quantized", "", "y");
    ((qoq_half *)b.theirs)[77] = QOQ_HALF_NAN;
    expect_hint(&b, QOQ_HINT_NAN, "1 elements are NaN");
}

Test(golden_diff, places)
{
    struct bench b;

    set_up(&b, "attention_decode", "bell", "heads=2 q_heads=4 context=20", "out");
    for (size_t d = 0; d < 64; d += 3)
        ((qoq_half *)b.theirs)[2 * 64 + d] ^= 0x15;
    expect_hint(&b, QOQ_HINT_PLACE, "h = 2 (of 4)");
    set_up(&b, "attention_decode", "bell", "heads=2 q_heads=4 context=20", "out");
    for (size_t i = 1; i < 256; i += 2)
        ((qoq_half *)b.theirs)[i] ^= 0x35;
    expect_hint(&b, QOQ_HINT_PLACE, "an odd d");
    set_up(&b, "kv_write", "bell", "bits=8 page=8 heads=4 head_dim=32 tokens=8", "pages");
    for (size_t i = 0; i < 8 * 32; i += 5)
        ((uint8_t *)b.theirs)[8 * 32 * 3 + i] ^= 0x41;
    expect_hint(&b, QOQ_HINT_PLACE, "head = 3 (of 4)");
}

/* ---- Small differences ---- */

Test(golden_diff, other_inputs)
{
    struct bench a, b;

    set_up(&a, "gemm_w8a8", "quantized", "m=4 n=32 k=64", "y");
    set_up(&b, "gemm_w8a8", "limits", "m=4 n=32 k=64", "y");
    memcpy(b.theirs, a.theirs, b.bytes);
    free(a.theirs);
    qoq_golden_case_free(&a.c);
    expect_hint(&b, QOQ_HINT_UNRELATED, "other inputs");
}

Test(golden_diff, small_differences)
{
    struct bench b;
    int8_t *q;

    set_up(&b, "act_quantize", "bell", "m=4 k=256", "q");
    q = b.theirs;
    for (size_t i = 3; i < 1024; i += 100)
        q[i] = (int8_t)(q[i] > 0 ? q[i] - 1 : q[i] + 1);
    expect_hint(&b, QOQ_HINT_OFF_BY_ONE, "off by one in 11 of 1024");
    set_up(&b, "attention_decode", "bell", "", "out");
    for (size_t i = 0; i < 128; i += 7)
        ((qoq_half *)b.theirs)[i] ^= 1;
    expect_hint(&b, QOQ_HINT_LAST_BIT, "last bits only");
    set_up(&b, "silu_mul", "mixed", "m=8 k=32", "y");
    for (size_t i = 0; i < 256; i++) {
        float *y = (float *)b.theirs + i;
        *y = *y == 0 ? -*y : *y;
    }
    expect_hint(&b, QOQ_HINT_ZERO_SIGN, "signs of zeros");
}

Test(golden_diff, saturation)
{
    struct bench b;

    set_up(&b, "qserve_gemm_w8a8", "overflow", "", "y");
    for (size_t i = 0; i < b.bytes / 2; i++) {
        qoq_half *y = (qoq_half *)b.theirs + i;
        *y = (*y & 0x7FFF) == QOQ_HALF_INF ? (qoq_half)(*y - 1) : *y;
    }
    expect_hint(&b, QOQ_HINT_SATURATED, "overflow saturates");
}

/* ---- Known mistakes ---- */

static const char *const settings[][2] = {
    {"bell", ""},
    {"quantized", ""},
    {"ties", ""},
    {"mixed", ""},
    {"outlier", ""},
    {"limits", ""},
    {"overflow", ""},
    {"bell", "bias=1"},
    {"quantized", "bias=1"},
    {"limits", "bias=1"},
    {"bell", "m=16 k=1000"},
    {"quantized", "m=16 n=96 k=512"},
    {"bell", "heads=2 q_heads=4 context=40"},
    {"bell", "n=64 k=512"},
    {"bell", "tokens=64"},
    {"offset", "tokens=64"},
    {"bell", "rows=64"},
    {"bell", "m=40 n=300"},
    {"bits", "m=16 k=64"},
    {"tiny", "m=16 k=64"},
    {"tiny", ""},
    {"quantized", "n=64 k=256 group=64"},
    {"offset", ""},
    {"sevenths", ""},
    {"bell", "m=64 k=1024"},
    {"quantized", "m=128 n=256 k=32"},
    {"quantized", "m=128 n=256 k=32 bias=1"},
    {"bell", "norm=1"},
    {"nan", ""},
};

/* 1: the operator takes this kind and these parameters. */
static int takes(const char *op, const char *kind, const char *sets)
{
    struct qoq_golden_standard standard = {"x.h5", op, "test", kind, sets, 11};
    struct qoq_golden_case c;
    int good = qoq_golden_make_standard(&c, &standard, NULL) == QOQ_OK;

    qoq_golden_case_free(&c);
    return good;
}

/* Tries settings until the mistake shows in the output, then asks for the diagnosis. "": it named
 * the mistake. */
static const char *what_is_wrong(const struct qoq_golden_mistake *m, const char *op)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        struct bench b;
        struct qoq_golden_case wrong;
        if (!takes(op, settings[i][0], settings[i][1]))
            continue;
        set_up(&b, op, settings[i][0], settings[i][1], m->output);
        cr_assert_eq(qoq_golden_recompute(&wrong, &b.c, NULL), QOQ_OK);
        enum qoq_status made = m->make(&wrong, m->variant);
        if (made == QOQ_OK)
            memcpy(b.theirs, qoq_golden_out(&wrong, m->output), b.bytes);
        judge(&b);
        int shows = b.report.differing > 0, named = hinted(&b, QOQ_HINT_MISTAKE, m->text);
        free(b.theirs);
        qoq_golden_case_free(&b.c);
        qoq_golden_case_free(&wrong);
        if (shows)
            return named ? "" : "is not named";
    }
    return "never shows";
}

Test(golden_diff, every_mistake_is_named)
{
    const struct qoq_golden_mistake *m;
    size_t count = 0;

    for (size_t i = 0; (m = qoq_golden_mistake_at(i)) != NULL; i++) {
        const struct qoq_golden_operator *op;
        for (size_t j = 0; (op = qoq_golden_operator_at(j)) != NULL; j++) {
            if (!qoq_golden_mistake_fits(m, op->name, m->output))
                continue;
            const char *wrong = what_is_wrong(m, op->name);
            cr_expect(wrong[0] == 0, "%s %s: '%s' %s", op->name, m->output, m->text, wrong);
            count++;
        }
    }
    cr_assert(count > 90, "%zu mistakes", count);
}

/* The same by hand, so that a mistake's own code is not its only witness. */
Test(golden_diff, ties_away_by_hand)
{
    struct bench b;
    const qoq_half *x;

    set_up(&b, "act_quantize", "ties", "m=2 k=128", "q");
    x = qoq_golden_in(&b.c, "x");
    for (size_t i = 0; i < 256; i++) /* scale 1 */
        ((int8_t *)b.theirs)[i] = (int8_t)(int)roundf(qoq_half_to_float(x[i]));
    expect_hint(&b, QOQ_HINT_MISTAKE, "ties are rounded away from zero");
}

Test(golden_diff, unfused_bias_by_hand)
{
    struct bench b;
    const float *scale, *bias;
    const qoq_half *s;
    const int32_t *acc;

    set_up(&b, "gemm_w8a8", "quantized", "m=16 n=96 k=128 bias=1", "y");
    scale = qoq_golden_in(&b.c, "scale");
    bias = qoq_golden_in(&b.c, "bias");
    s = qoq_golden_in(&b.c, "s");
    acc = qoq_golden_out(&b.c, "acc");
    for (size_t i = 0; i < 16 * 96; i++) {
        volatile float c = qoq_half_to_float(s[i % 96]) * scale[i / 96], y = c * (float)acc[i],
                       z = y + bias[i % 96];
        ((qoq_half *)b.theirs)[i] = qoq_half_from_float(z);
    }
    judge(&b);
    if (b.report.differing > 0)
        expect_hint(&b, QOQ_HINT_MISTAKE, "epilogue is not fused");
}

Test(golden_diff, missing_scale_of_tokens_by_hand)
{
    struct bench b;
    const float *scale;

    set_up(&b, "gemm_w8a8", "quantized", "m=8 n=32 k=64", "y");
    scale = qoq_golden_in(&b.c, "scale");
    for (size_t i = 0; i < 8 * 32; i++) {
        qoq_half *y = (qoq_half *)b.theirs + i;
        *y = qoq_half_from_float(qoq_half_to_float(*y) / scale[i / 32]);
    }
    expect_hint(&b, QOQ_HINT_RATIO, "each row is off");
}
