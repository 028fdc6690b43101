/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of rounding with error feedback (Q 6.3): the factor of the Gram matrix, and the
 * rounding of the rows. */
#ifndef QOQ_QUANTIZE_GPTQ_H
#define QOQ_QUANTIZE_GPTQ_H

#include "quantize/grid.h"

/* An input channel and the diagonal element of the Gram matrix that says how much it matters. */
struct qoq_feedback_column {
    size_t index;
    double weight;
    int dead;
};

/* Puts the columns [k] in their order and turns gram into the factor, unit upper triangular and in
 * that order: row c holds what an error in column c does to the columns after it. Its lower
 * triangle holds anything. *damped as in qoq_gptq. */
QOQ_CHECKED enum qoq_status qoq_feedback_factor(struct qoq_feedback_column *column, double *gram,
                                                size_t k, float damp, double *damped);

/* Rounds all rows. */
QOQ_CHECKED enum qoq_status qoq_feedback_round(int8_t *code, const struct qoq_grid *grid,
                                               const float *w, const double *factor,
                                               const struct qoq_feedback_column *column);

#endif
