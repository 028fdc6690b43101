/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A = R R^T with R upper triangular, and R^-1, in binary64 in place: then A^-1 = U^T U with
 * U = R^-1. Every element is one chain of fused multiply-adds over descending index (Q 6.4), so the
 * bits depend on no block size and no thread.
 */
#ifndef QOQ_QUANTIZE_CHOLESKY_H
#define QOQ_QUANTIZE_CHOLESKY_H

#include "qoq.h"

#define QOQ_FACTOR_BLOCK 128

/* Doubles of work that both need. */
size_t qoq_factor_work(size_t k);

/* The upper triangle of a [k][k], diagonal included, becomes R; below the diagonal a is neither
 * read nor written. QOQ_ERR_RANGE: a pivot is not positive and finite; a is then part R. */
QOQ_CHECKED enum qoq_status qoq_factor(double *a, size_t k, double *work);

/* The upper triangle of a, an R from qoq_factor, becomes R^-1. */
void qoq_factor_invert(double *a, size_t k, double *work);

#endif
