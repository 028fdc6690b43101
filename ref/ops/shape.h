/* SPDX-License-Identifier: Apache-2.0 */
/* What public functions check before they touch data: pointers, limits (N 1.6), array sizes. */
#ifndef QOQ_OPS_SHAPE_H
#define QOQ_OPS_SHAPE_H

#include "qoq.h"

/* The largest number of input channels (N 1.6). */
#define QOQ_K_MAX 131072

/* Elements, or multiply-adds of a product, below which starting threads costs more than they give:
 * about a millisecond of work, since a thread that waits on a busy machine may wait for a time
 * slice. */
#define QOQ_PARALLEL_MIN (1 << 20)

/* 1 if an array of rows * columns elements of the given size can exist; no factor may be 0. */
static inline int qoq_array_fits(size_t rows, size_t columns, size_t size)
{
    return rows != 0 && columns != 0 && rows <= SIZE_MAX / columns / size;
}

/* The same for rows of k input channels. */
static inline int qoq_rows_fit(size_t rows, size_t k, size_t size)
{
    return k <= QOQ_K_MAX && qoq_array_fits(rows, k, size);
}

/* Pointers and sizes of the operands of a product; not their contents. */
enum qoq_status qoq_act_shape(const struct qoq_act *act);
enum qoq_status qoq_weight_shape(const struct qoq_weight *w);

#endif
