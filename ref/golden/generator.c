/* SPDX-License-Identifier: Apache-2.0 */
/* The generator and the recipes of N 13. Every step is exact or rounds once, as written there. */
#include "golden/generator.h"

#include "numerics/half.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int64_t qoq_gen_int(uint64_t u, int64_t lo, int64_t hi)
{
    return lo + (int64_t)((u >> 32) * (uint64_t)(hi - lo + 1) >> 32);
}

static const struct {
    const char *name;
    int numbers;
} recipes[QOQ_RECIPES] = {
    [QOQ_RECIPE_UNIFORM] = {"uniform", 2}, [QOQ_RECIPE_BELL] = {"bell", 1},
    [QOQ_RECIPE_ZERO] = {"zero", 0},       [QOQ_RECIPE_TINY] = {"tiny", 1},
    [QOQ_RECIPE_LARGE] = {"large", 1},     [QOQ_RECIPE_OUTLIER] = {"outlier", 1},
    [QOQ_RECIPE_TIES] = {"ties", 1},       [QOQ_RECIPE_CONSTANT] = {"constant", 1},
    [QOQ_RECIPE_BITS] = {"bits", 0},       [QOQ_RECIPE_CANCEL] = {"cancel", 1},
    [QOQ_RECIPE_OFFSET] = {"offset", 1},   [QOQ_RECIPE_INF] = {"inf", 1},
    [QOQ_RECIPE_NAN] = {"nan", 1},         [QOQ_RECIPE_MIXED] = {"mixed", 2},
    [QOQ_RECIPE_SCALE] = {"scale", 1},     [QOQ_RECIPE_NEAR16] = {"near16", 0},
    [QOQ_RECIPE_BITS32] = {"bits32", 0},   [QOQ_RECIPE_ANGLE] = {"angle", 0},
};

const char *qoq_recipe_name(enum qoq_recipe_kind kind)
{
    return recipes[kind].name;
}

int qoq_recipe_find(const char *name)
{
    for (int i = 0; i < QOQ_RECIPES; i++) {
        if (strcmp(recipes[i].name, name) == 0)
            return i;
    }
    return -1;
}

void qoq_recipe_text(char *text, size_t size, struct qoq_recipe recipe)
{
    const char *name = recipes[recipe.kind].name;

    if (recipes[recipe.kind].numbers == 0)
        snprintf(text, size, "%s", name);
    else if (recipes[recipe.kind].numbers == 1)
        snprintf(text, size, "%s %d", name, recipe.a);
    else
        snprintf(text, size, "%s %d %d", name, recipe.a, recipe.b);
}

/* ---- One element ---- */

static float bell(uint64_t u, int exponent)
{
    int32_t fields = (int32_t)(u & 0xFFFF) + (int32_t)(u >> 16 & 0xFFFF) +
                     (int32_t)(u >> 32 & 0xFFFF) + (int32_t)(u >> 48);

    return ldexpf((float)(fields - 131070), exponent);
}

/* An infinite or NaN pattern loses one from its exponent field. */
static qoq_half finite_half(uint64_t u)
{
    uint32_t h = (uint32_t)(u >> 48);

    return (qoq_half)((h & 0x7C00) == 0x7C00 ? h - 0x0400 : h);
}

static float finite_float(uint64_t u)
{
    uint32_t x = (uint32_t)(u >> 32);

    return qoq_float_of_bits((x & 0x7F800000) == 0x7F800000 ? x - 0x00800000 : x);
}

/* Just below, at and just above the middle between neighbouring binary16 numbers. */
static float near_half(uint64_t u)
{
    static const uint32_t step[4] = {0, 0x0FFF, 0x1000, 0x1001};

    return qoq_float_of_bits(qoq_float_bits(qoq_half_to_float(finite_half(u))) + step[u & 3]);
}

static float positive_scale(uint64_t u, int exponent)
{
    return ldexpf((float)(UINT32_C(0x800000) + (uint32_t)(u >> 41)), -23 - exponent - (int)(u & 3));
}

/* ---- One row ---- */

/* A row being filled: the draws of its elements, its own draw and the place p of its special
 * element. */
struct row {
    uint64_t seed, first, own;
    size_t columns, p;
};

static uint64_t draw(const struct row *row, size_t c)
{
    return qoq_gen(row->seed, row->first + c);
}

static float tie(const struct row *row, size_t c, int limit)
{
    if (c == row->p)
        return (float)limit * 0.5f;
    if (c == (row->p + 1) % row->columns)
        return (float)-limit * 0.5f;
    return (float)qoq_gen_int(draw(row, c), -limit, limit) * 0.5f;
}

static float special(const struct row *row, enum qoq_recipe_kind kind)
{
    if (kind == QOQ_RECIPE_NAN)
        return qoq_nan();
    return row->own >> 63 ? -INFINITY : INFINITY;
}

static float element(const struct row *row, size_t c, enum qoq_recipe_kind kind, int a)
{
    uint64_t u = draw(row, c);

    switch (kind) {
    case QOQ_RECIPE_ZERO:
        return 0.0f;
    case QOQ_RECIPE_TINY:
        return bell(u, a - 22);
    case QOQ_RECIPE_LARGE:
        return c == row->p ? 65504.0f : bell(u, a + 14);
    case QOQ_RECIPE_OUTLIER:
        return bell(u, c == row->p ? a + 6 : a);
    case QOQ_RECIPE_TIES:
        return tie(row, c, a);
    case QOQ_RECIPE_CONSTANT:
        return bell(draw(row, 0), a);
    case QOQ_RECIPE_BITS:
        return qoq_half_to_float(finite_half(u));
    case QOQ_RECIPE_CANCEL:
        return c % 2 == 0 ? bell(u, a) : -bell(draw(row, c - 1), a);
    case QOQ_RECIPE_OFFSET:
        return bell(u, a) + bell(row->own, a + 6);
    case QOQ_RECIPE_INF:
    case QOQ_RECIPE_NAN:
        return c == row->p ? special(row, kind) : bell(u, a);
    case QOQ_RECIPE_SCALE:
        return positive_scale(u, a);
    case QOQ_RECIPE_NEAR16:
        return near_half(u);
    case QOQ_RECIPE_BITS32:
        return finite_float(u);
    default:
        return bell(u, a);
    }
}

static void store(void *data, enum qoq_dtype dtype, size_t i, float x)
{
    if (dtype == QOQ_F16)
        ((qoq_half *)data)[i] = qoq_half_from_float(x);
    else
        ((float *)data)[i] = x;
}

/* The rows of `mixed` in turn. */
static const enum qoq_recipe_kind mixed[8] = {
    QOQ_RECIPE_BELL,    QOQ_RECIPE_ZERO, QOQ_RECIPE_TINY,     QOQ_RECIPE_LARGE,
    QOQ_RECIPE_OUTLIER, QOQ_RECIPE_TIES, QOQ_RECIPE_CONSTANT, QOQ_RECIPE_BITS,
};

static void fill_floats(void *data, enum qoq_dtype dtype, size_t rows, size_t columns,
                        struct qoq_recipe recipe, uint64_t seed)
{
    for (size_t r = 0; r < rows; r++) {
        struct row row = {seed, r * columns, qoq_gen(seed, rows * columns + r), columns, 0};
        enum qoq_recipe_kind kind = recipe.kind == QOQ_RECIPE_MIXED ? mixed[r % 8] : recipe.kind;
        int ties_of_mixed = recipe.kind == QOQ_RECIPE_MIXED && kind == QOQ_RECIPE_TIES;

        row.p = (size_t)(row.own % columns);
        for (size_t c = 0; c < columns; c++)
            store(data, dtype, r * columns + c,
                  element(&row, c, kind, ties_of_mixed ? recipe.b : recipe.a));
    }
}

static int fill_integers(void *data, enum qoq_dtype dtype, size_t count, struct qoq_recipe recipe,
                         uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        int64_t x = qoq_gen_int(qoq_gen(seed, i), recipe.a, recipe.b);

        if (dtype == QOQ_I8)
            ((int8_t *)data)[i] = (int8_t)x;
        else if (dtype == QOQ_U8)
            ((uint8_t *)data)[i] = (uint8_t)x;
        else if (dtype == QOQ_I32)
            ((int32_t *)data)[i] = (int32_t)x;
        else
            return -1;
    }
    return 0;
}

int qoq_recipe_fill(void *data, enum qoq_dtype dtype, size_t rows, size_t columns,
                    struct qoq_recipe recipe, uint64_t seed)
{
    if (recipe.kind == QOQ_RECIPE_UNIFORM)
        return fill_integers(data, dtype, rows * columns, recipe, seed);
    if (recipe.kind == QOQ_RECIPE_ANGLE && dtype == QOQ_F64) {
        for (size_t i = 0; i < rows * columns; i++)
            ((double *)data)[i] = ldexp((double)(qoq_gen(seed, i) >> 12), -35);
        return 0;
    }
    if (recipe.kind == QOQ_RECIPE_ANGLE || (dtype != QOQ_F16 && dtype != QOQ_F32))
        return -1;
    fill_floats(data, dtype, rows, columns, recipe, seed);
    return 0;
}
