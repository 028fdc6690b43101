/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The integer part of a matrix product, N 6.1: a block of tokens times one output channel or a
 * block of them. Results are exact inside the bound of N 6.1, modulo 2^32 beyond.
 */
#ifndef QOQ_OPS_ACCUMULATE_H
#define QOQ_OPS_ACCUMULATE_H

#include "numerics/target.h"
#include "qoq.h"

/* Most tokens in a block: each row of weights is unpacked once for all of them. */
#define QOQ_BLOCK_ROWS 128

/* Most output channels in a block. */
#define QOQ_BLOCK_CHANNELS 8

/* Rows in the block that starts at token m of m_total. */
static inline size_t qoq_block_rows(size_t m, size_t m_total)
{
    return m_total - m < QOQ_BLOCK_ROWS ? m_total - m : QOQ_BLOCK_ROWS;
}

/* The same for output channels. */
static inline size_t qoq_block_channels(size_t n, size_t n_total)
{
    return n_total - n < QOQ_BLOCK_CHANNELS ? n_total - n : QOQ_BLOCK_CHANNELS;
}

/* acc [rows] = products of q [rows][w->k] with output channel n; rows <= QOQ_BLOCK_ROWS. */
void qoq_accumulate(int32_t *acc, const int8_t *q, size_t rows, const struct qoq_weight *w,
                    size_t n);

/*
 * acc [rows][channels of QOQ_BLOCK_CHANNELS] = products of q [rows][w->k] with output channels n ..
 * n + channels - 1; rows <= QOQ_BLOCK_ROWS. Columns past the channels hold anything afterwards.
 */
typedef void qoq_accumulate_block(int32_t (*acc)[QOQ_BLOCK_CHANNELS], const int8_t *q, size_t rows,
                                  const struct qoq_weight *w, size_t n, size_t channels);

qoq_accumulate_block qoq_accumulate_plain;
#if QOQ_FMA_TARGET
/* Only for machines with qoq_machine_has_fma. */
qoq_accumulate_block qoq_accumulate_avx2;
#endif

/* The fastest of them for this machine. */
qoq_accumulate_block *qoq_choose_accumulate(void);

#endif
