/* SPDX-License-Identifier: Apache-2.0 */
/* Hadamard matrices from quadratic characters, after Paley (Q 2.2). */
#ifndef QOQ_QUANTIZE_PALEY_H
#define QOQ_QUANTIZE_PALEY_H

#include "qoq.h"

/* Orders above this are not looked for: the block is applied as a dense matrix. */
#define QOQ_PALEY_MAX 512

/* Whether qoq_paley knows a matrix of this order. */
int qoq_paley_exists(size_t order);

/* h [order][order] of +1 and -1, with orthogonal rows and columns. The order must exist. */
QOQ_CHECKED enum qoq_status qoq_paley(double *h, size_t order);

#endif
