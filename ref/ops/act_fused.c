/* SPDX-License-Identifier: Apache-2.0 */
/* Quantization of a row in two passes over its pieces: N 9.2, 10.2. */
#include "ops/act_fused.h"

#include "ops/act_row.h"

#define PIECE 4096

static size_t piece_size(size_t left)
{
    return left < PIECE ? left : PIECE;
}

void qoq_act_quantize_produced(int8_t *q, float *scale, int32_t *sum, qoq_row_producer *produce,
                               const void *row, size_t k)
{
    float y[PIECE], a = 0.0f;
    struct qoq_act_factors factors;

    for (size_t i = 0; i < k; i += PIECE) {
        produce(y, row, i, piece_size(k - i));
        a = qoq_act_max(a, y, piece_size(k - i));
    }
    factors = qoq_act_factors(a);
    *scale = factors.scale;
    *sum = 0;
    for (size_t i = 0; i < k; i += PIECE) {
        if (k > PIECE)
            produce(y, row, i, piece_size(k - i));
        *sum += qoq_act_codes(q + i, y, piece_size(k - i), factors.r);
    }
}
