/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeded inputs (N 13): the counter-based generator and the recipes that fill a tensor from it.
 */
#ifndef QOQ_GOLDEN_GENERATOR_H
#define QOQ_GOLDEN_GENERATOR_H

#include "numerics/gen.h"
#include "qoq.h"

/* lo + floor(u' (hi - lo + 1) / 2^32) with u' the upper half of u (N 13.2); hi - lo < 2^31. */
int64_t qoq_gen_int(uint64_t u, int64_t lo, int64_t hi);

/* What a recipe makes of a row (N 13.3). The order is that of `qoq_recipe_name`. */
enum qoq_recipe_kind {
    QOQ_RECIPE_UNIFORM,
    QOQ_RECIPE_BELL,
    QOQ_RECIPE_ZERO,
    QOQ_RECIPE_TINY,
    QOQ_RECIPE_LARGE,
    QOQ_RECIPE_OUTLIER,
    QOQ_RECIPE_TIES,
    QOQ_RECIPE_CONSTANT,
    QOQ_RECIPE_BITS,
    QOQ_RECIPE_CANCEL,
    QOQ_RECIPE_OFFSET,
    QOQ_RECIPE_INF,
    QOQ_RECIPE_NAN,
    QOQ_RECIPE_MIXED,
    QOQ_RECIPE_SCALE,
    QOQ_RECIPE_NEAR16,
    QOQ_RECIPE_BITS32,
    QOQ_RECIPE_ANGLE,
    QOQ_RECIPES
};

/* a and b: the numbers after the recipe's name; unused ones are 0. */
struct qoq_recipe {
    enum qoq_recipe_kind kind;
    int a, b;
};

const char *qoq_recipe_name(enum qoq_recipe_kind kind);

/* The kind of that name, or -1. */
int qoq_recipe_find(const char *name);

/* "bell -16", "uniform -127 127": the text that files carry. */
void qoq_recipe_text(char *text, size_t size, struct qoq_recipe recipe);

/* Fills [rows][columns] elements of a type the recipe can make (N 13.3); -1 for any other type. */
int qoq_recipe_fill(void *data, enum qoq_dtype dtype, size_t rows, size_t columns,
                    struct qoq_recipe recipe, uint64_t seed);

#endif
