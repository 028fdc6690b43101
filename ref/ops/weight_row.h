/* SPDX-License-Identifier: Apache-2.0 */
/* One row of a plain weight matrix (N 5.1): code bytes, quantizers (N 4), operand (N 6.1). */
#ifndef QOQ_OPS_WEIGHT_ROW_H
#define QOQ_OPS_WEIGHT_ROW_H

#include "qoq.h"

/* binary16 1, the scale of a row whose own would be 0 (N 4.1, 4.2, 4.5). */
#define QOQ_HALF_ONE UINT16_C(0x3c00)

/* Bytes of one row of 4-bit codes. */
static inline size_t qoq_nibble_bytes(size_t k)
{
    return k / 2 + k % 2;
}

static inline unsigned qoq_nibble_get(const uint8_t *row, size_t k)
{
    return row[k / 2] >> 4 * (k % 2) & 15u;
}

/* For ascending k: code k + 1 is cleared with code k. */
static inline void qoq_nibble_append(uint8_t *row, size_t k, unsigned q)
{
    row[k / 2] = (uint8_t)(k % 2 == 0 ? q : row[k / 2] | q << 4);
}

/* Quantize row n of out from w [out->k]. QOQ_ERR_RANGE: w is not finite or the scale overflows. */
enum qoq_status qoq_weight_row_channel(struct qoq_weight *out, size_t n, const float *w);
enum qoq_status qoq_weight_row_group(struct qoq_weight *out, size_t n, const float *w);
enum qoq_status qoq_weight_row_w8(struct qoq_weight *out, size_t n, const float *w);

/*
 * b [count] = integer operand of row n, input channels first .. first + count - 1; first is even.
 * Group values outside int8, which a valid weight (N 4.4) does not have, wrap.
 */
void qoq_weight_operand_run(int8_t *b, const struct qoq_weight *w, size_t n, size_t first,
                            size_t count);

#endif
