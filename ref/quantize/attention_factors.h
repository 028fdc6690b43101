/* SPDX-License-Identifier: Apache-2.0 */
/* What the factors of attention smoothing are made of (Q 4.1). */
#ifndef QOQ_QUANTIZE_ATTENTION_FACTORS_H
#define QOQ_QUANTIZE_ATTENTION_FACTORS_H

#include "quantize/calibration.h"

/* key, query [kv channels]: the largest |k|, and |q| of the query heads that read it, of a rotary
 * pair. */
void qoq_attention_maxima(float *key, float *query, const struct qoq_calibration *calibration,
                          const struct qoq_config *config);

/* lambda [count] = key^alpha / query^beta, or 1 (Q 4.1). */
void qoq_attention_powers(float *lambda, const float *key, const float *query, size_t count,
                          double alpha, double beta);

#endif
