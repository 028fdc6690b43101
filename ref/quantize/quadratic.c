/* SPDX-License-Identifier: Apache-2.0 */
/* Quadratic forms: Q 6.2. */
#include "quantize/quadratic.h"

#include "model/model.h"
#include "numerics/target.h"

#include <string.h>

#define LANES 8

static size_t panel_width(size_t first, size_t k)
{
    return k - first < QOQ_FORM_WIDTH ? k - first : QOQ_FORM_WIDTH;
}

void qoq_form_place(float *d, size_t rows, size_t m, const float *row, size_t k)
{
    for (size_t first = 0; first < k; first += QOQ_FORM_WIDTH) {
        size_t width = panel_width(first, k);

        memcpy(d + first * rows + m * width, row + first, width * sizeof *d);
    }
}

/* In lanes by index modulo LANES, ascending; products of two floats are exact. */
QOQ_INLINE double dot_text(const float *x, const float *y, size_t n)
{
    double lane[LANES] = {0.0};
    size_t whole = n / LANES * LANES;

    for (size_t i = 0; i < whole; i += LANES) {
#pragma omp simd
        for (size_t j = 0; j < LANES; j++)
            lane[j] += (double)x[i + j] * (double)y[i + j];
    }
    for (size_t i = whole; i < n; i++)
        lane[i - whole] += (double)x[i] * (double)y[i];
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

QOQ_INLINE void add_dots_text(double *error, const float *x, const float *y, size_t rows, size_t n)
{
    for (size_t m = 0; m < rows; m++)
        error[m] += dot_text(x + m * n, y + m * n, n);
}

static void add_dots_plain(double *error, const float *x, const float *y, size_t rows, size_t n)
{
    add_dots_text(error, x, y, rows, n);
}

#if QOQ_FMA_TARGET
QOQ_WITH_FMA static void add_dots_wide(double *error, const float *x, const float *y, size_t rows,
                                       size_t n)
{
    add_dots_text(error, x, y, rows, n);
}
#endif

static void add_dots(double *error, const float *x, const float *y, size_t rows, size_t n)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma()) {
        add_dots_wide(error, x, y, rows, n);
        return;
    }
#endif
    add_dots_plain(error, x, y, rows, n);
}

/* g [height][width] = G[i0 ..][j0 ..] in binary32, twice that off the diagonal panels. */
static void narrow(float *g, const double *gram, size_t i0, size_t j0, size_t k)
{
    size_t height = panel_width(i0, k), width = panel_width(j0, k);
    double factor = i0 == j0 ? 1.0 : 2.0;

    for (size_t i = 0; i < height; i++) {
#pragma omp simd
        for (size_t j = 0; j < width; j++)
            g[i * width + j] = (float)(factor * gram[(i0 + i) * k + j0 + j]);
    }
}

enum qoq_status qoq_form_rows(double *error, const float *d, const double *gram, size_t rows,
                              size_t k)
{
    float g[QOQ_FORM_WIDTH * QOQ_FORM_WIDTH], y[QOQ_FORM_ROWS * QOQ_FORM_WIDTH];

    memset(error, 0, rows * sizeof *error);
    for (size_t i0 = 0; i0 < k; i0 += QOQ_FORM_WIDTH) {
        for (size_t j0 = i0; j0 < k; j0 += QOQ_FORM_WIDTH) {
            size_t height = panel_width(i0, k), width = panel_width(j0, k);

            narrow(g, gram, i0, j0, k);
            QOQ_TRY(qoq_gemm_f32(y, d + j0 * rows, g, NULL, rows, height, width));
            add_dots(error, d + i0 * rows, y, rows, height);
        }
    }
    return QOQ_OK;
}
