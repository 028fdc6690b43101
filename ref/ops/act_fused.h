/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantization (N 3.1) of a row that an operator computes and nobody stores (N 9.2, 10.2). The row
 * is produced in pieces; a row of several pieces twice, once for its maximum and once for its
 * codes: a pure function gives the same bits both times, and a row of 131072 values would not fit
 * the stack.
 */
#ifndef QOQ_OPS_ACT_FUSED_H
#define QOQ_OPS_ACT_FUSED_H

#include <stddef.h>
#include <stdint.h>

/* Writes elements first .. first + count - 1 of the row to y [count]. Pure. */
typedef void qoq_row_producer(float *y, const void *row, size_t first, size_t count);

/* q [k], scale and sum of the row of k elements that produce(..., row, ...) writes. */
void qoq_act_quantize_produced(int8_t *q, float *scale, int32_t *sum, qoq_row_producer *produce,
                               const void *row, size_t k);

#endif
