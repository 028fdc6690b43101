/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding of activations and cache entries that the baseline imitates (N 12.6). */
#ifndef QOQ_MODEL_SIMULATE_H
#define QOQ_MODEL_SIMULATE_H

#include "model/model.h"

/* x [rows][k], in place. */
void qoq_simulate_activations(float *x, size_t rows, size_t k,
                              const struct qoq_simulation *simulation);

/* v [heads][head_dim], one token's K or V, in place. */
QOQ_CHECKED enum qoq_status qoq_simulate_cache(float *v, size_t heads, size_t head_dim,
                                               const struct qoq_simulation *simulation);

#endif
