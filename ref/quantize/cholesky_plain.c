/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loops of the factorization for any machine: Q 6.4. */
#include "quantize/cholesky_path.h"

static void tile(double *c, size_t c_stride, const double *a, size_t a_stride, size_t rows,
                 const double *b, size_t depth)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t d = depth; d-- > 0;)
            qoq_subtract_multiple(c + r * c_stride, a[r * a_stride + d], b + d * QOQ_TILE_WIDTH,
                                  QOQ_TILE_WIDTH);
    }
}

static int factor(double *a, size_t stride, size_t size, qoq_factor_columns column)
{
    return qoq_factor_text(a, stride, size, column);
}

static void solve(double *row, const qoq_factor_columns column, size_t size)
{
    qoq_solve_text(row, column, size);
}

static void divide(qoq_invert_panel x, const double *r, size_t stride, size_t size)
{
    qoq_divide_text(x, r, stride, size);
}

const struct qoq_factor_path qoq_factor_plain = {tile, factor, solve, divide};
