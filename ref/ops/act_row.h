/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per-token INT8 quantization of binary32 values (N 3.1), shared by every operator that ends in
 * quantized activations. A row that exists in memory takes qoq_act_quantize_row. An operator that
 * produces its row piecewise (K may be 131072, too much for the stack) makes two passes:
 * qoq_act_max over all pieces, then qoq_act_codes on each.
 */
#ifndef QOQ_OPS_ACT_ROW_H
#define QOQ_OPS_ACT_ROW_H

#include <stddef.h>
#include <stdint.h>

/* q [k] codes in [-127, 127], their sum, and the scale of the row x [k]. */
void qoq_act_quantize_row(int8_t *q, float *scale, int32_t *sum, const float *x, size_t k);

/* The larger of a >= 0 and max |x_i|; NaN if a or any x_i is NaN. Start with a = 0. */
float qoq_act_max(float a, const float *x, size_t count);

/* The two factors of a row with maximum a. */
struct qoq_act_factors {
    float scale; /* a' / 127 */
    float r;     /* 127 / a' */
};
struct qoq_act_factors qoq_act_factors(float a);

/* q [count] codes of x [count]; returns their sum. */
int32_t qoq_act_codes(int8_t *q, const float *x, size_t count, float r);

#endif
