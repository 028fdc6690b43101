/* SPDX-License-Identifier: Apache-2.0 */
/* exp over an array. */
#ifndef QOQ_NUMERICS_EXP_ALL_H
#define QOQ_NUMERICS_EXP_ALL_H

#include <stddef.h>

/* x[i] = qoq_exp(x[i]), i < n. */
void qoq_exp_all(float *x, size_t n);

#endif
