/* SPDX-License-Identifier: Apache-2.0 */
/* The inverse of R, block row by block row from the last: Q 6.4. */
#include "quantize/cholesky_path.h"

#include <string.h>

#define BLOCK QOQ_FACTOR_BLOCK
#define WIDTH QOQ_INVERT_WIDTH
#define TILES (WIDTH / QOQ_TILE_WIDTH)

/* Rows start .. start + size - 1; r holds them as they were, columns from start on, k apart. */
struct step {
    double *a;
    const double *r;
    size_t k, start, size;
    const struct qoq_factor_path *path;
};

/* Of the inverse so far, rows m0 .. m0 + depth - 1, WIDTH columns from j0: zero below the diagonal
 * and past the last column. */
static void pack(double b[TILES][BLOCK][QOQ_TILE_WIDTH], const struct step *s, size_t m0,
                 size_t depth, size_t j0)
{
    for (size_t d = 0; d < depth; d++) {
        const double *row = s->a + (m0 + d) * s->k;

        for (size_t l = 0; l < WIDTH; l++) {
            size_t j = j0 + l;

            b[l / QOQ_TILE_WIDTH][d][l % QOQ_TILE_WIDTH] = j < s->k && j >= m0 + d ? row[j] : 0.0;
        }
    }
}

/* x -= R[rows of the step][m0 .. m0 + depth) * inverse[m0 ..][j0 ..] */
static void multiply(qoq_invert_panel x, const struct step *s, size_t m0, size_t depth, size_t j0)
{
    double b[TILES][BLOCK][QOQ_TILE_WIDTH];

    pack(b, s, m0, depth, j0);
    for (size_t i = 0; i < s->size; i += QOQ_TILE_ROWS) {
        size_t rows = s->size - i < QOQ_TILE_ROWS ? s->size - i : QOQ_TILE_ROWS;

        for (size_t t = 0; t < TILES; t++)
            s->path->tile(x[i] + t * QOQ_TILE_WIDTH, WIDTH, s->r + i * s->k + m0 - s->start, s->k,
                          rows, b[t][0], depth);
    }
}

static void invert_columns(const struct step *s, size_t j0)
{
    qoq_invert_panel x;
    size_t end = s->k - j0 < WIDTH ? s->k : j0 + WIDTH, own = s->start + s->size;

    memset(x, 0, sizeof x);
    for (size_t j = j0; j < end && j < own; j++)
        x[j - s->start][j - j0] = 1.0;
    while (end > own) {
        size_t m0 = own + (end - own - 1) / BLOCK * BLOCK;

        multiply(x, s, m0, end - m0, j0);
        end = m0;
    }
    s->path->divide(x, s->r, s->k, s->size);
    for (size_t i = 0; i < s->size; i++) {
        for (size_t l = 0; l < WIDTH && j0 + l < s->k; l++) {
            if (j0 + l >= s->start + i)
                s->a[(s->start + i) * s->k + j0 + l] = x[i][l];
        }
    }
}

static void invert_rows(const struct step *s)
{
    size_t panels = (s->k - s->start + WIDTH - 1) / WIDTH;

    /* The longest columns first. */
#pragma omp parallel for schedule(dynamic, 1) if (panels >= 8)
    for (size_t p = 0; p < panels; p++)
        invert_columns(s, s->start + (panels - 1 - p) * WIDTH);
}

void qoq_factor_invert_run(double *a, size_t k, double *work, const struct qoq_factor_path *path)
{
    for (size_t end = k; end > 0;) {
        size_t start = (end - 1) / BLOCK * BLOCK;
        struct step s = {a, work, k, start, end - start, path};

        for (size_t i = start; i < end; i++)
            memcpy(work + (i - start) * k, a + i * k + start, (k - start) * sizeof *a);
        invert_rows(&s);
        end = start;
    }
}
