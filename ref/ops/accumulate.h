/* SPDX-License-Identifier: Apache-2.0 */
/* The integer part of a matrix product, N 6.1: a block of tokens times one output channel. */
#ifndef QOQ_OPS_ACCUMULATE_H
#define QOQ_OPS_ACCUMULATE_H

#include "qoq.h"

/* Most tokens in a block: each row of weights is unpacked once for all of them. */
#define QOQ_BLOCK_ROWS 64

/* Rows in the block that starts at token m of m_total. */
static inline size_t qoq_block_rows(size_t m, size_t m_total)
{
    return m_total - m < QOQ_BLOCK_ROWS ? m_total - m : QOQ_BLOCK_ROWS;
}

/*
 * acc [rows] = products of q [rows][w->k] with output channel n: exact inside the bound of N 6.1,
 * modulo 2^32 beyond.
 */
void qoq_accumulate(int32_t *acc, const int8_t *q, size_t rows, const struct qoq_weight *w,
                    size_t n);

#endif
