/* SPDX-License-Identifier: Apache-2.0 */
/* The squared error of a linear layer's outputs: Q 6.2. */
#include "quantize/grid.h"

#include "quantize/quadratic.h"

#include <math.h>

#define ROWS 128

/* Differences of `rows` rows, in place of the panels in d [rows * k]. */
static void place_differences(float *d, const float *w, const float *approx, size_t rows, size_t k)
{
    float piece[QOQ_FORM_WIDTH];

    for (size_t first = 0; first < k; first += QOQ_FORM_WIDTH) {
        size_t width = k - first < QOQ_FORM_WIDTH ? k - first : QOQ_FORM_WIDTH;

        for (size_t m = 0; m < rows; m++) {
            for (size_t i = 0; i < width; i++)
                piece[i] = w[m * k + first + i] - approx[m * k + first + i];
            qoq_form_place(d + first * rows, rows, m, piece, width);
        }
    }
}

double qoq_output_error(const float *w, const float *approx, const double *gram, size_t n, size_t k,
                        float *work)
{
    double total = 0.0;

#pragma omp parallel for ordered schedule(static, 1)
    for (size_t first = 0; first < n; first += ROWS) {
        size_t rows = n - first < ROWS ? n - first : ROWS;
        float *d = work + first * k;
        double error[ROWS];
        enum qoq_status status;

        place_differences(d, w + first * k, approx + first * k, rows, k);
        status = qoq_form_rows(error, d, gram, rows, k);
#pragma omp ordered
        for (size_t m = 0; m < rows; m++)
            total += status == QOQ_OK ? error[m] : NAN;
    }
    return total;
}
