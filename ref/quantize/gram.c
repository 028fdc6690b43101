/* SPDX-License-Identifier: Apache-2.0 */
#include "quantize/gram.h"

#include "model/model.h"
#include "ops/shape.h"

/* Side of the squares that are mirrored at a time. */
#define SQUARE 32

/* gram rows first .. first + rows, columns from first, += product [rows][channels - first]. */
static void add_panel(double *gram, const float *product, size_t channels, size_t first,
                      size_t rows)
{
    size_t width = channels - first;

#pragma omp parallel for if (rows * width >= QOQ_PARALLEL_MIN)
    for (size_t i = 0; i < rows; i++) {
        double *to = gram + (first + i) * channels + first;
        const float *from = product + i * width;
        for (size_t j = 0; j < width; j++) {
            to[j] += (double)from[j];
        }
    }
}

enum qoq_status qoq_gram_add(double *gram, const float *x, size_t channels, size_t tokens,
                             float *work)
{
    for (size_t first = 0; first < channels; first += QOQ_GRAM_PANEL) {
        size_t left = channels - first, rows = left < QOQ_GRAM_PANEL ? left : QOQ_GRAM_PANEL;
        const float *from = x + first * tokens;
        QOQ_TRY(qoq_gemm_f32(work, from, from, NULL, rows, left, tokens));
        add_panel(gram, work, channels, first, rows);
    }
    return QOQ_OK;
}

void qoq_gram_mirror(double *gram, size_t channels)
{
#pragma omp parallel for schedule(dynamic) if (channels * channels >= QOQ_PARALLEL_MIN)
    for (size_t top = 0; top < channels; top += SQUARE) {
        size_t bottom = top + SQUARE < channels ? top + SQUARE : channels;
        for (size_t j = 0; j < bottom; j++) {
            for (size_t i = top > j ? top : j + 1; i < bottom; i++) {
                gram[i * channels + j] = gram[j * channels + i];
            }
        }
    }
}
