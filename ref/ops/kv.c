/* SPDX-License-Identifier: Apache-2.0 */
/* Quantization of keys and values into cache pages, and back: N 7.2 to 7.4. */
#include "numerics/half.h"
#include "numerics/reduce.h"
#include "numerics/round.h"
#include "ops/kv_page.h"

#include <math.h>

/*
 * N 7.2. R is 0 where rounding put the zero above the maximum; a NaN stays, and makes the scale
 * NaN, as does a zero that overflows. No code can wrap: the clamp to [0, limit] is on the value
 * itself.
 */
static struct qoq_kv_factors quantize_head(uint8_t *u, const float *v, size_t head_dim,
                                           int32_t limit)
{
    struct qoq_kv_factors factors;
    float lo, hi, range, scale, zero, inverse;

    qoq_min_max(&lo, &hi, v, head_dim);
    factors.zero = qoq_half_from_float(lo);
    zero = qoq_half_to_float(factors.zero);
    range = qoq_half_is_finite(factors.zero) ? hi - zero : qoq_nan();
    if (range < 0.0f)
        range = 0.0f;
    factors.scale = qoq_half_from_float(range / (float)limit);
    scale = qoq_half_to_float(factors.scale);
    inverse = scale == 0.0f ? 0.0f : 1.0f / scale;
    for (size_t d = 0; d < head_dim; d++)
        u[d] = (uint8_t)qoq_round_clamp((v[d] - zero) * inverse, 0, limit);
    return factors;
}

enum qoq_status qoq_kv_write(uint8_t *page, const float *v, const struct qoq_kv_layout *layout,
                             size_t slot)
{
    enum qoq_status status = qoq_kv_check_slot(v, page, layout, slot);
    uint8_t u[QOQ_HEAD_DIM_MAX];

    if (status != QOQ_OK)
        return status;
    for (size_t h = 0; h < layout->heads; h++) {
        struct qoq_kv_factors factors =
            quantize_head(u, v + h * layout->head_dim, layout->head_dim, (1 << layout->bits) - 1);

        qoq_kv_put_codes(page, u, layout, h, slot);
        qoq_kv_put_factors(page, factors, layout, h, slot);
    }
    return QOQ_OK;
}

enum qoq_status qoq_kv_read(float *v, const uint8_t *page, const struct qoq_kv_layout *layout,
                            size_t slot)
{
    enum qoq_status status = qoq_kv_check_slot(v, page, layout, slot);
    uint8_t u[QOQ_HEAD_DIM_MAX];

    if (status != QOQ_OK)
        return status;
    for (size_t h = 0; h < layout->heads; h++) {
        struct qoq_kv_factors factors = qoq_kv_get_factors(page, layout, h, slot);
        float scale = qoq_half_to_float(factors.scale), zero = qoq_half_to_float(factors.zero);

        qoq_kv_get_codes(u, page, layout, h, slot);
        for (size_t d = 0; d < layout->head_dim; d++)
            v[h * layout->head_dim + d] = fmaf(scale, (float)u[d], zero);
    }
    return QOQ_OK;
}
