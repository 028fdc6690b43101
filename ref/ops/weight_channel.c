/* SPDX-License-Identifier: Apache-2.0 */
/* Per-channel asymmetric UINT4 weights: N 4.1. */
#include "numerics/half.h"
#include "numerics/reduce.h"
#include "numerics/round.h"
#include "ops/weight_row.h"

enum qoq_status qoq_weight_row_channel(struct qoq_weight *out, size_t n, const float *w)
{
    uint8_t *code = out->code + n * qoq_nibble_bytes(out->k);
    float lo, hi, s;
    int32_t z;

    qoq_min_max(&lo, &hi, w, out->k);
    lo = lo > 0.0f ? 0.0f : lo;
    hi = hi < 0.0f ? 0.0f : hi;
    out->s[n] = qoq_half_from_float((hi - lo) / 15.0f);
    if (!qoq_half_is_finite(out->s[n]))
        return QOQ_ERR_RANGE;
    if (out->s[n] == 0)
        out->s[n] = QOQ_HALF_ONE;
    s = qoq_half_to_float(out->s[n]);
    z = qoq_round_clamp(-lo / s, 0, 15);
    out->z[n] = (uint8_t)z;
    for (size_t k = 0; k < out->k; k++)
        qoq_nibble_append(code, k, (unsigned)qoq_round_clamp(w[k] / s + (float)z, 0, 15));
    return QOQ_OK;
}
