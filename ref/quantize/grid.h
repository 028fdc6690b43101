/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grid of a weight matrix: which values its codes may stand for. A grid is fitted to a matrix
 * (with ranges scaled by a ratio, if clipping), then stays fixed while weights are rounded to it,
 * to nearest or with error feedback. For the kinds that N 4 knows, fitting with ratio 1 and
 * rounding to nearest gives exactly the codes, scales and zeros of qoq_weight_quantize.
 */
#ifndef QOQ_QUANTIZE_GRID_H
#define QOQ_QUANTIZE_GRID_H

#include "qoq_quantize.h"

/* Q 6.1. With v = w / s[n], clamped to [-bound, bound], and j the group of k:
 * code = rc(v / step[n][j] + zero[n][j], lo, hi), value = (code - zero[n][j]) * step[n][j] * s[n];
 * QOQ_GRID_W4_POST: code = rc((v + zero) / step, lo, hi), value = (code * step - zero) * s.
 * Each operation rounds to binary32, in the order written. s, step and zero may be changed after
 * the fit. */
struct qoq_grid {
    enum qoq_grid_kind kind;
    size_t n, k;
    size_t group, groups; /* input channels in a group (k: the whole row), groups of a row */
    float *s;             /* [n] binary16 values; 1 where the kind has no scale of a row */
    float *step, *zero;   /* [n][groups] */
    float bound;          /* 119 (or 120, post-scale zero) with two levels, otherwise infinite */
    int lo, hi;           /* codes */
};

/* group: as in the recipe, a multiple of 32, 0 for the whole row; only 0 for QOQ_GRID_W8 and
 * W4_CHANNEL, never 0 for W4_GROUP (QOQ_ERR_SHAPE). QOQ_GRID_NONE is QOQ_ERR_ARGUMENT: it has no
 * grid. Frees nothing on failure but leaves the grid empty. */
QOQ_CHECKED enum qoq_status qoq_grid_create(struct qoq_grid *grid, enum qoq_grid_kind kind,
                                            size_t n, size_t k, size_t group);
void qoq_grid_free(struct qoq_grid *grid);

/* Fits the grid to w (binary32 [n][k], finite). ratio [n], above 0, scales both ends of the range
 * of every row before scales are formed (with two levels: the range of level 1); NULL: 1.
 * QOQ_ERR_RANGE: a weight is not finite, or a scale overflows binary16. */
QOQ_CHECKED enum qoq_status qoq_grid_fit(struct qoq_grid *grid, const float *w, const float *ratio);

/* code [n][k] of the nearest values to w, which may be anything; NaN gets a code too. */
void qoq_grid_round(int8_t *code, const struct qoq_grid *grid, const float *w);

/* w [n][k] = the values of codes. */
void qoq_grid_values(float *w, const struct qoq_grid *grid, const int8_t *code);

/* Codes and grid into a weight of the same n, k and scheme (kinds of N 4 only; group as there). */
QOQ_CHECKED enum qoq_status qoq_grid_store(struct qoq_weight *out, const struct qoq_grid *grid,
                                           const int8_t *code);

/* Sum over the rows of d G d^T, d = rn32(w - approx): the squared error of the outputs of a linear
 * layer over the tokens whose input products are gram [k][k] (symmetric, binary64), to about six
 * digits (Q 6.2). work: [n][k] floats. */
double qoq_output_error(const float *w, const float *approx, const double *gram, size_t n, size_t k,
                        float *work);

/* ratio [n]: of 1, 0.99, ..., 0.20 the clip ratio of each row with the least output error after
 * rounding to nearest; the larger ratio wins a tie (Q 6.2). Errors as in qoq_grid_create and
 * qoq_grid_fit, QOQ_ERR_MEMORY. */
QOQ_CHECKED enum qoq_status qoq_clip_rows(float *ratio, const float *w, const double *gram,
                                          enum qoq_grid_kind kind, size_t n, size_t k,
                                          size_t group);

/* Rounds w with error feedback: columns in the order of the descending diagonal of gram, each error
 * compensated in the columns that follow (GPTQ with act-order and static groups, Q 6.3). Weights of
 * columns whose diagonal is 0 become 0. code [n][k]. gram [k][k] (symmetric) is overwritten; no
 * other array of its size is made. damp > 0. *damped (may be NULL): the damping that was needed, as
 * a multiple of the mean of the diagonal. QOQ_ERR_RANGE: gram is not finite, or not positive
 * definite with any damping up to 26 * damp. */
QOQ_CHECKED enum qoq_status qoq_gptq(int8_t *code, const struct qoq_grid *grid, const float *w,
                                     double *gram, float damp, double *damped);

#endif
