/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings and heads in binary16 (N 12.1). */
#include "model/model.h"

#include "numerics/half.h"

enum qoq_status qoq_narrow(qoq_half *out, const float *in, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = qoq_half_from_float(in[i]);
        if (!qoq_half_is_finite(out[i])) {
            return QOQ_ERR_RANGE;
        }
    }
    return QOQ_OK;
}
