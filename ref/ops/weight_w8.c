/* SPDX-License-Identifier: Apache-2.0 */
/* Per-channel symmetric INT8 weights: N 4.5. */
#include "numerics/half.h"
#include "numerics/reduce.h"
#include "numerics/round.h"
#include "ops/weight_row.h"

enum qoq_status qoq_weight_row_w8(struct qoq_weight *out, size_t n, const float *w)
{
    uint8_t *code = out->code + n * out->k;
    float s;

    out->s[n] = qoq_half_from_float(qoq_max_abs(w, out->k) / 127.0f);
    if (!qoq_half_is_finite(out->s[n]))
        return QOQ_ERR_RANGE;
    if (out->s[n] == 0)
        out->s[n] = QOQ_HALF_ONE;
    s = qoq_half_to_float(out->s[n]);
    for (size_t k = 0; k < out->k; k++)
        code[k] = (uint8_t)qoq_round_clamp(w[k] / s, -127, 127);
    return QOQ_OK;
}
