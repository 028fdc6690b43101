/* SPDX-License-Identifier: Apache-2.0 */
/* Integer dot products of activations and unpacked weights: N 6.1. */
#include "ops/accumulate.h"
#include "ops/weight_row.h"

/* Weights unpacked at a time; even, so that a chunk starts at a whole byte. */
#define CHUNK 1024

/* |result| <= 128 * 128 * CHUNK = 2^24. */
static int32_t dot(const int8_t *a, const int8_t *b, size_t count)
{
    int32_t sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t k = 0; k < count; k++)
        sum += a[k] * b[k];
    return sum;
}

void qoq_accumulate(int32_t *acc, const int8_t *q, size_t rows, const struct qoq_weight *w,
                    size_t n)
{
    int8_t b[CHUNK];

    for (size_t m = 0; m < rows; m++)
        acc[m] = 0;
    for (size_t first = 0; first < w->k; first += CHUNK) {
        size_t count = w->k - first < CHUNK ? w->k - first : CHUNK;

        qoq_weight_operand_run(b, w, n, first, count);
        for (size_t m = 0; m < rows; m++)
            acc[m] = (int32_t)((uint32_t)acc[m] + (uint32_t)dot(q + m * w->k + first, b, count));
    }
}

void qoq_accumulate_plain(int32_t (*acc)[QOQ_BLOCK_CHANNELS], const int8_t *q, size_t rows,
                          const struct qoq_weight *w, size_t n, size_t channels)
{
    int32_t column[QOQ_BLOCK_ROWS];

    for (size_t j = 0; j < channels; j++) {
        qoq_accumulate(column, q, rows, w, n + j);
        for (size_t m = 0; m < rows; m++)
            acc[m][j] = column[m];
    }
}

qoq_accumulate_block *qoq_choose_accumulate(void)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma())
        return qoq_accumulate_avx2;
#endif
    return qoq_accumulate_plain;
}
