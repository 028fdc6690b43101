/* SPDX-License-Identifier: Apache-2.0 */
/* A = R R^T, block column by block column from the last: Q 6.4. */
#include "quantize/cholesky_path.h"

#define BLOCK QOQ_FACTOR_BLOCK
#define WIDTH QOQ_TILE_WIDTH

/* Columns start .. start + size - 1 of the matrix have just become R. Of the rows above them,
 * packed holds those columns, WIDTH rows interleaved: the right operand of the products. */
struct step {
    double *a;
    size_t k, start, size;
    double *packed;
    qoq_factor_columns *column;
    const struct qoq_factor_path *path;
};

size_t qoq_factor_work(size_t k)
{
    return BLOCK * (k + BLOCK);
}

static void solve_rows(const struct step *s, size_t first)
{
    double *packed = s->packed + first * s->size;

    for (size_t r = 0; r < WIDTH; r++) {
        double *row = s->a + (first + r) * s->k + s->start;

        s->path->solve(row, (const double(*)[BLOCK]) * s->column, s->size);
        for (size_t d = 0; d < s->size; d++)
            packed[d * WIDTH + r] = row[d];
    }
}

/* A tile with elements below the diagonal, which stay. */
static void update_crossing(const struct step *s, size_t i, size_t rows, size_t j)
{
    double c[QOQ_TILE_ROWS][WIDTH], *a = s->a + i * s->k;

    for (size_t r = 0; r < rows; r++) {
        for (size_t l = 0; l < WIDTH; l++)
            c[r][l] = a[r * s->k + j + l];
    }
    s->path->tile(c[0], WIDTH, a + s->start, s->k, rows, s->packed + j * s->size, s->size);
    for (size_t r = 0; r < rows; r++) {
        for (size_t l = 0; l < WIDTH; l++) {
            if (j + l >= i + r)
                a[r * s->k + j + l] = c[r][l];
        }
    }
}

/* The columns j0 .. j0 + BLOCK - 1 of what is left, rows i .. i + rows - 1. */
static void update_rows(const struct step *s, size_t i, size_t rows, size_t j0)
{
    double *a = s->a + i * s->k;

    for (size_t j = j0; j < j0 + BLOCK; j += WIDTH) {
        if (i + rows - 1 <= j)
            s->path->tile(a + j, s->k, a + s->start, s->k, rows, s->packed + j * s->size, s->size);
        else if (i < j + WIDTH)
            update_crossing(s, i, rows, j);
    }
}

static void update_columns(const struct step *s, size_t j0)
{
    for (size_t i = 0; i < j0 + BLOCK; i += QOQ_TILE_ROWS) {
        size_t left = j0 + BLOCK - i;

        update_rows(s, i, left < QOQ_TILE_ROWS ? left : QOQ_TILE_ROWS, j0);
    }
}

static enum qoq_status factor_columns(const struct step *s)
{
    if (!s->path->factor(s->a + s->start * s->k + s->start, s->k, s->size, *s->column))
        return QOQ_ERR_RANGE;
#pragma omp parallel for schedule(dynamic, 4) if (s->start >= 2 * BLOCK)
    for (size_t i = 0; i < s->start; i += WIDTH)
        solve_rows(s, i);
        /* The longest columns first. */
#pragma omp parallel for schedule(dynamic, 1) if (s->start >= 2 * BLOCK)
    for (size_t j = 0; j < s->start; j += BLOCK)
        update_columns(s, s->start - BLOCK - j);
    return QOQ_OK;
}

enum qoq_status qoq_factor_run(double *a, size_t k, double *work,
                               const struct qoq_factor_path *path)
{
    for (size_t end = k; end > 0;) {
        size_t start = (end - 1) / BLOCK * BLOCK;
        enum qoq_status status = factor_columns(&(struct step){
            a, k, start, end - start, work, (qoq_factor_columns *)(work + BLOCK * k), path});

        if (status != QOQ_OK)
            return status;
        end = start;
    }
    return QOQ_OK;
}

static const struct qoq_factor_path *choose_path(void)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma())
        return &qoq_factor_avx2;
#endif
    return &qoq_factor_plain;
}

enum qoq_status qoq_factor(double *a, size_t k, double *work)
{
    return qoq_factor_run(a, k, work, choose_path());
}

void qoq_factor_invert(double *a, size_t k, double *work)
{
    qoq_factor_invert_run(a, k, work, choose_path());
}
