/* SPDX-License-Identifier: Apache-2.0 */
/* Grids of weights: Q 6.1. */
#include "quantize_case.h"

#include "ops/weight_row.h"

#include <math.h>

static const struct {
    size_t n, k;
} shapes[] = {{1, 1}, {3, 33}, {2, 31}, {5, 172}, {3, 576}, {2, 96}, {4, 200}};

#define SHAPES (sizeof shapes / sizeof *shapes)

/* ---- The kinds of N 4 are qoq_weight_quantize ---- */

static void check_same(const float *w, enum qoq_scheme scheme, size_t n, size_t k, size_t group)
{
    static const enum qoq_grid_kind kinds[QOQ_SCHEMES] = {[QOQ_W8] = QOQ_GRID_W8,
                                                          [QOQ_W4_CHANNEL] = QOQ_GRID_W4_CHANNEL,
                                                          [QOQ_W4_GROUP] = QOQ_GRID_W4_GROUP};
    struct qoq_weight want = weight_new(scheme, n, k, group),
                      have = weight_new(scheme, n, k, group);
    struct qoq_grid grid =
        fitted_grid((struct kind_case){kinds[scheme], want.group}, n, k, w, NULL);
    int8_t *code = rounded(&grid, w);
    float *values = guard_new(n * k * sizeof *values), *dequantized = guard_new(n * k * sizeof *w);

    cr_assert_eq(qoq_weight_quantize(&want, w), QOQ_OK);
    cr_assert_eq(qoq_grid_store(&have, &grid, code), QOQ_OK);
    cr_assert(weight_intact(&have));
    cr_assert_eq(memcmp(want.code, have.code, qoq_weight_code_bytes(&want)), 0,
                 "codes, scheme %d, %zu x %zu, group %zu" SEED_FORMAT, scheme, n, k, group,
                 test_seed());
    cr_assert_eq(memcmp(want.s, have.s, n * sizeof *want.s), 0, "scales" SEED_FORMAT, test_seed());
    if (scheme != QOQ_W8)
        cr_assert_eq(memcmp(want.z, have.z, n * qoq_weight_groups(&want)), 0, "zeros" SEED_FORMAT,
                     test_seed());
    if (scheme == QOQ_W4_GROUP)
        cr_assert_eq(memcmp(want.s2, have.s2, n * qoq_weight_groups(&want)), 0,
                     "second scales" SEED_FORMAT, test_seed());
    qoq_grid_values(values, &grid, code);
    cr_assert_eq(qoq_weight_dequantize(dequantized, &want), QOQ_OK);
    cr_assert(guard_intact(values));
    for (size_t i = 0; i < n * k; i++)
        cr_assert_eq(values[i], dequantized[i], "value %zu" SEED_FORMAT, i, test_seed());
    guard_free(code);
    guard_free(values);
    guard_free(dequantized);
    qoq_grid_free(&grid);
    weight_free(&want);
    weight_free(&have);
}

Test(grid, same_as_weight_quantize)
{
    const float magnitude[] = {0x1p-28f, 0x1p-20f, 0x1p-14f, 0.02f, 1.0f, 3e5f};
    struct test_random r = test_random(120);

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        for (size_t i = 0; i < SHAPES; i++) {
            for (size_t j = 0; j < sizeof magnitude / sizeof *magnitude; j++) {
                float *w = random_floats(&r, shapes[i].n * shapes[i].k, magnitude[j]);

                check_same(w, (enum qoq_scheme)scheme, shapes[i].n, shapes[i].k, 32 + 64 * (j % 2));
                guard_free(w);
            }
        }
    }
}

/* Halves of integers, with ends that make every scale 1 or a small integer: all middles occur. */
Test(grid, same_at_ties)
{
    struct test_random r = test_random(121);
    size_t n = 64, k = 160;

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        float *w = guard_new(n * k * sizeof *w);

        for (size_t i = 0; i < n * k; i++) {
            int most = scheme == QOQ_W8 ? 254 : scheme == QOQ_W4_CHANNEL ? 14 : 238;

            w[i] = 0.5f * (float)test_integer(&r, -most, most);
            if (i % k == 0)
                w[i] = scheme == QOQ_W8 ? 127.0f : scheme == QOQ_W4_CHANNEL ? 8.0f : 119.0f;
            else if (i % k == 1 && scheme == QOQ_W4_CHANNEL)
                w[i] = -7.0f;
            else if (i % k >= 32 && scheme == QOQ_W4_GROUP)
                w[i] = 0.5f * (float)test_integer(&r, -15 * (int)(i / k % 8), 15);
        }
        check_same(w, (enum qoq_scheme)scheme, n, k, 32);
        guard_free(w);
    }
}

/* Zero, constant and one-sided rows. */
Test(grid, same_on_flat_rows)
{
    struct test_random r = test_random(122);

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        float *w = random_floats(&r, 6 * 172, 0.1f);

        for (size_t k = 0; k < 172; k++) {
            w[k] = 0.0f;
            w[172 + k] = 0.3f;
            w[344 + k] = -0.3f;
            w[516 + k] = fabsf(w[516 + k]) + 1.0f;
            w[688 + k] = k % 2 == 0 ? -0.0f : 0.0f;
        }
        check_same(w, (enum qoq_scheme)scheme, 6, 172, 96);
        guard_free(w);
    }
}

/* ---- Vectors ---- */

/* A row of the algorithm's golden vectors, its groups of four in groups of 32. */
static const float golden_row[2][4] = {{0.0731f, -0.0418f, 0.0102f, -0.1190f},
                                       {0.0023f, 0.0555f, 0.0349f, -0.0077f}};

static void check_vector(const struct qoq_grid *grid, const int q[2][4], const int w8[2][4])
{
    float w[64] = {0}, values[64];
    int8_t *code;

    memcpy(w, golden_row[0], sizeof golden_row[0]);
    memcpy(w + 32, golden_row[1], sizeof golden_row[1]);
    code = rounded(grid, w);
    qoq_grid_values(values, grid, code);
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < 4; k++) {
            cr_assert_eq(code[32 * i + k], q[i][k], "group %zu, k %zu: %d", i, k, code[32 * i + k]);
            cr_assert_eq(values[32 * i + k], (float)w8[i][k] * grid->s[0], "group %zu, k %zu", i,
                         k);
        }
    }
    guard_free(code);
}

Test(grid, golden_group)
{
    const int q[2][4] = {{15, 6, 10, 0}, {3, 15, 11, 0}};
    const int before[2][4] = {{78, -39, 13, -117}, {4, 52, 36, -8}};
    const int after[2][4] = {{76, -41, 11, -119}, {4, 52, 36, -8}};
    float w[64] = {0};
    struct qoq_grid grid;

    memcpy(w, golden_row[0], sizeof golden_row[0]);
    memcpy(w + 32, golden_row[1], sizeof golden_row[1]);
    grid = fitted_grid((struct kind_case){QOQ_GRID_W4_GROUP, 32}, 1, 64, w, NULL);
    cr_assert_eq(grid.s[0], 0.0010004043579101562f);
    cr_assert(grid.step[0] == 13.0f && grid.zero[0] == 9.0f && grid.step[1] == 4.0f &&
              grid.zero[1] == 2.0f);
    check_vector(&grid, q, before);
    /* The vector with the zero after the scale has the same level 1. */
    grid.kind = QOQ_GRID_W4_POST;
    grid.zero[0] = 119.0f;
    grid.zero[1] = 8.0f;
    check_vector(&grid, q, after);
    qoq_grid_free(&grid);
}

/* Level 1 exact: a row whose largest weight is 120 has s = 1. */
Test(grid, golden_post)
{
    const float w[4] = {-113.0f, 120.0f, 0.0f, 7.0f};
    const int want[4] = {0, 15, 7, 8};
    struct qoq_grid grid = fitted_grid((struct kind_case){QOQ_GRID_W4_POST, 32}, 1, 4, w, NULL);
    int8_t *code = rounded(&grid, w);
    float values[4];

    cr_assert(grid.s[0] == 1.0f && grid.step[0] == 16.0f && grid.zero[0] == 113.0f);
    qoq_grid_values(values, &grid, code);
    for (size_t k = 0; k < 4; k++) {
        cr_assert_eq(code[k], want[k], "k %zu: %d", k, code[k]);
        cr_assert_eq(values[k], (float)(16 * want[k] - 113));
    }
    guard_free(code);
    qoq_grid_free(&grid);
}

/* 120 / 16 + 7 = 14.5: to even, and so not beyond int8. */
Test(grid, golden_tie)
{
    float w[2] = {-113.0f, 119.0f};
    struct qoq_grid grid = fitted_grid((struct kind_case){QOQ_GRID_W4_GROUP, 32}, 1, 2, w, NULL);
    int8_t *code = rounded(&grid, w);

    cr_assert(grid.s[0] == 1.0f && grid.step[0] == 15.0f && grid.zero[0] == 8.0f);
    cr_assert(code[0] == 0 && code[1] == 15);
    guard_free(code);
    w[1] = 120.0f;
    grid.bound = 120.0f;
    grid.step[0] = 16.0f;
    grid.zero[0] = 7.0f;
    code = rounded(&grid, w);
    cr_assert(code[0] == 0 && code[1] == 14);
    guard_free(code);
    qoq_grid_free(&grid);
}

Test(grid, golden_channel)
{
    const int want[8] = {15, 6, 10, 0, 9, 13, 12, 8};
    const struct kind_case cases[] = {{QOQ_GRID_W4_CHANNEL, 0}, {QOQ_GRID_W4_HALF, 32}};

    for (size_t i = 0; i < 2; i++) {
        struct qoq_grid grid = fitted_grid(cases[i], 1, 8, golden_row[0], NULL);
        int8_t *code = rounded(&grid, golden_row[0]);

        cr_assert_eq(grid.s[0] * grid.step[0], 0.01280975341796875f);
        cr_assert_eq(grid.zero[0], 9.0f);
        for (size_t k = 0; k < 8; k++)
            cr_assert_eq(code[k], want[k], "k %zu", k);
        guard_free(code);
        qoq_grid_free(&grid);
    }
}

/* ---- Against an independent computation ---- */

static float half(double x)
{
    qoq_half h = qoq_half_from_float((float)x);

    return h == 0 ? 1.0f : qoq_half_to_float(h);
}

static double clamped(double x, double lo, double hi)
{
    return fmin(fmax(x, lo), hi);
}

/* The value of one weight of a group [lo, hi] (of weights, or of level 1 where s is its scale). By
 * binary64, which has more than twice the bits of each operation. */
static double expected(struct kind_case c, double w, double lo, double hi, double s)
{
    double step, zero,
        v = c.kind == QOQ_GRID_W4_POST && c.group != 0 ? clamped((float)(w / s), -120.0, 120.0) : w;

    if (c.kind == QOQ_GRID_W4_SYMMETRIC) {
        step = half(fmax(-lo, hi) / 7.0);
        return step * clamped(nearbyint((float)(v / step)), -7.0, 7.0);
    }
    if (c.kind == QOQ_GRID_W4_HALF) {
        step = half((float)(hi - lo) / 15.0);
        zero = clamped(nearbyint((float)(-lo / step)), 0.0, 15.0);
        return step * (clamped(nearbyint((float)((float)(v / step) + zero)), 0.0, 15.0) - zero);
    }
    if (c.group == 0) {
        step = half((float)(hi - lo) / 15.0);
        zero = qoq_half_to_float(qoq_half_from_float((float)-lo));
    } else {
        step = clamped(nearbyint((float)((float)(hi - lo) / 15.0)), 1.0, 16.0);
        zero = nearbyint(-lo);
    }
    return (float)(clamped(nearbyint((float)((float)(v + zero) / step)), 0.0, 15.0) * step - zero) *
           s;
}

static void compare_row(struct kind_case c, const float *values, const float *w, size_t k,
                        float ratio)
{
    size_t group = c.group == 0 ? k : c.group;
    int two = c.kind == QOQ_GRID_W4_POST && c.group != 0;
    double most = 0.0, s;

    for (size_t i = 0; i < k; i++)
        most = fmax(most, fabs(w[i]));
    s = two ? half((float)((float)(most * (double)ratio) / 120.0)) : 1.0;
    for (size_t first = 0; first < k; first += group) {
        size_t end = k - first < group ? k : first + group;
        double lo = 0.0, hi = 0.0;

        for (size_t i = first; i < end; i++) {
            double v = two ? clamped((float)(w[i] / s), -120.0, 120.0) : w[i];

            lo = fmin(lo, v);
            hi = fmax(hi, v);
        }
        if (!two) {
            lo = (float)(lo * (double)ratio);
            hi = (float)(hi * (double)ratio);
        }
        for (size_t i = first; i < end; i++)
            cr_assert_eq(values[i], (float)expected(c, w[i], lo, hi, s),
                         "kind %d, group %zu, k %zu of %zu, ratio %a: %a, want %a" SEED_FORMAT,
                         c.kind, c.group, i, k, (double)ratio, (double)values[i],
                         expected(c, w[i], lo, hi, s), test_seed());
    }
}

Test(grid, simulated_kinds)
{
    struct test_random r = test_random(123);

    for (size_t c = 0; c < KIND_CASES; c++) {
        for (size_t i = 0; i < SHAPES * 4; i++) {
            size_t n = shapes[i % SHAPES].n, k = shapes[i % SHAPES].k;
            float *w = random_floats(&r, n * k, 0.1f), *values = guard_new(n * k * sizeof *w);
            float ratio[8];
            struct qoq_grid grid;
            int8_t *code;

            if (kind_cases[c].kind < QOQ_GRID_W4_HALF)
                continue;
            for (size_t m = 0; m < n; m++)
                ratio[m] = i < SHAPES ? 1.0f : (float)test_integer(&r, 20, 100) / 100.0f;
            grid = fitted_grid(kind_cases[c], n, k, w, i < SHAPES ? NULL : ratio);
            code = rounded(&grid, w);
            qoq_grid_values(values, &grid, code);
            for (size_t m = 0; m < n; m++)
                compare_row(kind_cases[c], values + m * k, w + m * k, k, ratio[m]);
            guard_free(code);
            guard_free(values);
            guard_free(w);
            qoq_grid_free(&grid);
        }
    }
}

/* The kinds of N 4: a ratio clips as if the largest weights had been smaller. */
Test(grid, ratio_scales_the_range)
{
    struct test_random r = test_random(124);
    size_t k = 64;

    for (size_t c = 0; c < 3; c++) {
        float *w = random_floats(&r, k, 0.5f), *clipped = guard_new(k * sizeof *w), ratio = 0.75f;
        struct qoq_grid grid, other;
        int8_t *code, *other_code;

        w[3] = 2.0f;
        w[40] = -1.0f;
        memcpy(clipped, w, k * sizeof *w);
        clipped[3] = 1.5f;
        clipped[40] = kind_cases[c].kind == QOQ_GRID_W4_CHANNEL ? -0.75f : -1.0f;
        grid = fitted_grid(kind_cases[c], 1, k, w, &ratio);
        other = fitted_grid(kind_cases[c], 1, k, clipped, NULL);
        code = rounded(&grid, w);
        other_code = rounded(&other, clipped);
        cr_assert_eq(memcmp(code, other_code, k), 0, "kind %d" SEED_FORMAT, kind_cases[c].kind,
                     test_seed());
        cr_assert_eq(grid.s[0], other.s[0]);
        guard_free(code);
        guard_free(other_code);
        guard_free(w);
        guard_free(clipped);
        qoq_grid_free(&grid);
        qoq_grid_free(&other);
    }
}

/* ---- Values that moved after the fit ---- */

/* Any range in halves, then any value: w8 stays in int8 and its factors in bytes (N 4.3). */
static void check_protected(enum qoq_grid_kind kind, int bound)
{
    int span = 2 * bound + 1, step = 3;
    size_t n = (size_t)(span / 2 / step + 1) * (size_t)(span / 2 / step + 1), k = 64, row = 0;
    float *w = guard_new(n * k * sizeof *w), *values = guard_new(n * k * sizeof *w);
    struct qoq_grid grid;

    memset(w, 0, n * k * sizeof *w);
    for (int lo = -2 * bound; lo <= 0; lo += 2 * step) {
        for (int hi = 2 * bound; hi >= 0; hi -= 2 * step, row++) {
            cr_assert(row < n);
            w[row * k] = 0.5f * (float)(lo + (hi + lo) % 2);
            w[row * k + 1] = 0.5f * (float)hi;
            w[row * k + 32] = (float)bound;
        }
    }
    for (; row < n; row++)
        w[row * k + 32] = (float)bound;
    grid = fitted_grid((struct kind_case){kind, 32}, n, k, w, NULL);
    for (int first = -2 * bound - 3; first <= 2 * bound + 3; first += (int)k) {
        int8_t *code;

        for (size_t i = 0; i < n * k; i++)
            w[i] = 0.5f * (float)(first + (int)(i % k)) + (i / k % 2 == 0 ? 0.0f : 0.2499f);
        code = rounded(&grid, w);
        qoq_grid_values(values, &grid, code);
        for (size_t i = 0; i < n * k; i++) {
            size_t at = i / 32;

            cr_assert(grid.s[i / k] == 1.0f && grid.step[at] >= 1.0f && grid.step[at] <= 16.0f);
            cr_assert(fabsf(values[i]) <= 127.0f, "w %a, step %a, zero %a: %a", (double)w[i],
                      (double)grid.step[at], (double)grid.zero[at], (double)values[i]);
            cr_assert((float)code[i] * grid.step[at] <= 240.0f);
            if (kind == QOQ_GRID_W4_GROUP)
                cr_assert(grid.zero[at] * grid.step[at] <= 127.0f);
        }
        if (kind == QOQ_GRID_W4_GROUP) {
            struct qoq_weight out = weight_new(QOQ_W4_GROUP, n, k, 32);

            cr_assert_eq(qoq_grid_store(&out, &grid, code), QOQ_OK);
            cr_assert_eq(qoq_weight_check(&out), QOQ_OK);
            weight_free(&out);
        }
        guard_free(code);
    }
    guard_free(w);
    guard_free(values);
    qoq_grid_free(&grid);
}

Test(grid, protected)
{
    check_protected(QOQ_GRID_W4_GROUP, 119);
    check_protected(QOQ_GRID_W4_POST, 120);
}

/* Not-a-number and infinities have codes too. */
Test(grid, wild_values_keep_codes_in_range)
{
    const float wild[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 0x1p-149f};
    struct test_random r = test_random(125);

    for (size_t c = 0; c < KIND_CASES; c++) {
        float *w = random_floats(&r, 64, 0.1f);
        struct qoq_grid grid = fitted_grid(kind_cases[c], 1, 64, w, NULL);
        int8_t *code;

        for (size_t i = 0; i < 64; i++)
            w[i] = wild[i % 6];
        code = rounded(&grid, w);
        for (size_t i = 0; i < 64; i++)
            cr_assert(code[i] >= grid.lo && code[i] <= grid.hi);
        guard_free(code);
        guard_free(w);
        qoq_grid_free(&grid);
    }
}

/* ---- Refusals ---- */

Test(grid, refused)
{
    struct qoq_grid grid;
    struct qoq_weight out = weight_new(QOQ_W4_GROUP, 2, 64, 32);
    float w[128] = {0}, bad[] = {NAN, INFINITY, 3e38f};
    int8_t code[128] = {0};

    cr_assert_eq(qoq_grid_create(&grid, QOQ_GRID_NONE, 2, 64, 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_grid_create(&grid, QOQ_GRID_W8, 2, 64, 32), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_grid_create(&grid, QOQ_GRID_W4_GROUP, 2, 64, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_grid_create(&grid, QOQ_GRID_W4_HALF, 2, 64, 33), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_grid_create(&grid, QOQ_GRID_W4_HALF, 0, 64, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_grid_create(&grid, QOQ_GRID_W4_HALF, 2, 131073, 0), QOQ_ERR_SHAPE);
    for (size_t c = 0; c < KIND_CASES; c++) {
        cr_assert_eq(qoq_grid_create(&grid, kind_cases[c].kind, 2, 64, kind_cases[c].group),
                     QOQ_OK);
        for (size_t i = 0; i < 3; i++) {
            w[77] = bad[i];
            cr_assert_eq(qoq_grid_fit(&grid, w, NULL), QOQ_ERR_RANGE, "kind %d, %a",
                         kind_cases[c].kind, (double)bad[i]);
        }
        if (kind_cases[c].kind != QOQ_GRID_W4_GROUP)
            cr_assert_eq(qoq_grid_store(&out, &grid, code), QOQ_ERR_ARGUMENT);
        qoq_grid_free(&grid);
    }
    cr_assert_eq(qoq_grid_create(&grid, QOQ_GRID_W4_GROUP, 2, 64, 64), QOQ_OK);
    cr_assert_eq(qoq_grid_store(&out, &grid, code), QOQ_ERR_SHAPE);
    qoq_grid_free(&grid);
    weight_free(&out);
}
