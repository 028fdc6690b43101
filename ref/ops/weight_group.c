/* SPDX-License-Identifier: Apache-2.0 */
/* Progressive per-group UINT4 weights, an 8-bit level and a 4-bit level inside it: N 4.2. */
#include "numerics/half.h"
#include "numerics/reduce.h"
#include "numerics/round.h"
#include "ops/weight_row.h"

/* The largest level-1 value for which every w8 stays in [-127, 127] (N 4.3). */
#define PROTECTIVE 119.0f

/* Level 1: a weight in units of its channel's scale, not rounded. */
static float level1(float w, float s1)
{
    float v = w / s1;

    if (v > PROTECTIVE)
        return PROTECTIVE;
    return v < -PROTECTIVE ? -PROTECTIVE : v;
}

/* Level 2 of one group, input channels first .. end - 1 of a row. */
static void quantize_group(uint8_t *code, uint8_t *s2, uint8_t *z, const float *w, size_t first,
                           size_t end, float s1)
{
    float lo = 0.0f, hi = 0.0f, s;

    for (size_t k = first; k < end; k++) {
        float v = level1(w[k], s1);

        lo = v < lo ? v : lo;
        hi = v > hi ? v : hi;
    }
    *s2 = (uint8_t)qoq_round_clamp((hi - lo) / 15.0f, 1, 16);
    s = (float)*s2;
    *z = (uint8_t)qoq_round_clamp(-lo / s, 0, 15);
    for (size_t k = first; k < end; k++)
        qoq_nibble_append(code, k,
                          (unsigned)qoq_round_clamp(level1(w[k], s1) / s + (float)*z, 0, 15));
}

enum qoq_status qoq_weight_row_group(struct qoq_weight *out, size_t n, const float *w)
{
    size_t groups = qoq_weight_groups(out);
    uint8_t *code = out->code + n * qoq_nibble_bytes(out->k);
    float s1;

    out->s[n] = qoq_half_from_float(qoq_max_abs(w, out->k) / PROTECTIVE);
    if (!qoq_half_is_finite(out->s[n]))
        return QOQ_ERR_RANGE;
    if (out->s[n] == 0)
        out->s[n] = QOQ_HALF_ONE;
    s1 = qoq_half_to_float(out->s[n]);
    for (size_t j = 0; j < groups; j++) {
        size_t first = j * out->group;
        size_t end = out->k - first < out->group ? out->k : first + out->group;

        quantize_group(code, out->s2 + n * groups + j, out->z + n * groups + j, w, first, end, s1);
    }
    return QOQ_OK;
}
