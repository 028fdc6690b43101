/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quadratic forms d G d^T of many rows d with one symmetric matrix G (Q 6.2). The columns are cut
 * into panels of QOQ_FORM_WIDTH, and only pairs of panels I <= J are multiplied.
 */
#ifndef QOQ_QUANTIZE_QUADRATIC_H
#define QOQ_QUANTIZE_QUADRATIC_H

#include "qoq.h"

#define QOQ_FORM_WIDTH 128
#define QOQ_FORM_ROWS 256

/* Puts row m of `rows` into d [rows * k]: panel by panel, the rows of a panel one after the other.
 */
void qoq_form_place(float *d, size_t rows, size_t m, const float *row, size_t k);

/* error [rows] = d G d^T of each row placed in d; rows <= QOQ_FORM_ROWS, gram [k][k]. */
QOQ_CHECKED enum qoq_status qoq_form_rows(double *error, const float *d, const double *gram,
                                          size_t rows, size_t k);

#endif
