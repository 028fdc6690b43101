/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loops of the factorization (Q 6.4), plain and with AVX2 and FMA; the bits are the same.
 */
#ifndef QOQ_QUANTIZE_CHOLESKY_PATH_H
#define QOQ_QUANTIZE_CHOLESKY_PATH_H

#include "numerics/target.h"
#include "quantize/cholesky.h"

#include <math.h>

#define QOQ_TILE_ROWS 6
#define QOQ_TILE_WIDTH 8
#define QOQ_INVERT_WIDTH 32 /* columns of the inverse at a time */

/* Columns of a diagonal block: column[c][i] = R[i][c] for i <= c, indices within the block. */
typedef double qoq_factor_columns[QOQ_FACTOR_BLOCK][QOQ_FACTOR_BLOCK];
typedef double qoq_invert_panel[QOQ_FACTOR_BLOCK][QOQ_INVERT_WIDTH];

struct qoq_factor_path {
    /* c [rows][8] = fma(-a[r][d], b[d][j], c[r][j]) over descending d of depth; a [rows][depth],
     * b [depth][8], rows of c and a c_stride and a_stride apart; 1 <= rows <= QOQ_TILE_ROWS. */
    void (*tile)(double *c, size_t c_stride, const double *a, size_t a_stride, size_t rows,
                 const double *b, size_t depth);
    /* A diagonal block of the given size, whose rows are stride apart, into R and its columns. 0 if
     * a pivot is not positive and finite. */
    int (*factor)(double *a, size_t stride, size_t size, qoq_factor_columns column);
    /* row [size] of a block above a diagonal block with those columns, into R. */
    void (*solve)(double *row, const qoq_factor_columns column, size_t size);
    /* x = r^-1 x for x [size][...], r upper triangular with rows stride apart. */
    void (*divide)(qoq_invert_panel x, const double *r, size_t stride, size_t size);
};

extern const struct qoq_factor_path qoq_factor_plain;
#if QOQ_FMA_TARGET
/* Only for machines with qoq_machine_has_fma. */
extern const struct qoq_factor_path qoq_factor_avx2;
#endif

/* The whole of qoq_factor and qoq_factor_invert by one path. */
QOQ_CHECKED enum qoq_status qoq_factor_run(double *a, size_t k, double *work,
                                           const struct qoq_factor_path *path);
void qoq_factor_invert_run(double *a, size_t k, double *work, const struct qoq_factor_path *path);

/* ---- The text that both share ---- */

/* y [n] = fma(-f, x, y) */
QOQ_INLINE void qoq_subtract_multiple(double *y, double f, const double *x, size_t n)
{
#ifdef _OPENMP
#pragma omp simd
#endif
    for (size_t i = 0; i < n; i++)
        y[i] = fma(-f, x[i], y[i]);
}

QOQ_INLINE int qoq_factor_text(double *a, size_t stride, size_t size, qoq_factor_columns column)
{
    for (size_t c = size; c-- > 0;) {
        double pivot = a[c * stride + c], root;

        if (!(pivot > 0.0 && pivot < INFINITY))
            return 0;
        root = sqrt(pivot);
        a[c * stride + c] = column[c][c] = root;
        for (size_t i = 0; i < c; i++)
            a[i * stride + c] = column[c][i] = a[i * stride + c] / root;
        for (size_t i = 0; i < c; i++)
            qoq_subtract_multiple(a + i * stride + i, column[c][i], column[c] + i, c - i);
    }
    return 1;
}

QOQ_INLINE void qoq_solve_text(double *row, const qoq_factor_columns column, size_t size)
{
    for (size_t c = size; c-- > 0;) {
        row[c] /= column[c][c];
        qoq_subtract_multiple(row, row[c], column[c], c);
    }
}

QOQ_INLINE void qoq_divide_text(qoq_invert_panel x, const double *r, size_t stride, size_t size)
{
    for (size_t m = size; m-- > 0;) {
        for (size_t j = 0; j < QOQ_INVERT_WIDTH; j++)
            x[m][j] /= r[m * stride + m];
        for (size_t i = 0; i < m; i++)
            qoq_subtract_multiple(x[i], r[i * stride + m], x[m], QOQ_INVERT_WIDTH);
    }
}

#endif
