/* SPDX-License-Identifier: Apache-2.0 */
/* One row of a grid (Q 6.1): fitted, rounded to, and its values. */
#ifndef QOQ_QUANTIZE_GRID_ROW_H
#define QOQ_QUANTIZE_GRID_ROW_H

#include "quantize/grid.h"

/* 1 if the grid has an 8-bit level above the 4-bit one. */
static inline int qoq_grid_two_levels(const struct qoq_grid *grid)
{
    return grid->bound <= 120.0f;
}

/* A weight of the row in units of s, within the bound. */
static inline float qoq_grid_level1(float w, float s, float bound)
{
    float v = w / s;

    return v > bound ? bound : v < -bound ? -bound : v;
}

/* Row n of the grid, fitted to w [k]. QOQ_ERR_RANGE as in qoq_grid_fit. */
QOQ_CHECKED enum qoq_status qoq_grid_fit_row(struct qoq_grid *grid, size_t n, const float *w,
                                             float ratio);

/* code [k] of row n of the values nearest to w [k]. */
void qoq_grid_round_row(int8_t *code, const struct qoq_grid *grid, size_t n, const float *w);

/* w [k] = the values of codes of row n. */
void qoq_grid_row_values(float *w, const struct qoq_grid *grid, size_t n, const int8_t *code);

#endif
