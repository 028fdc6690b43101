/* SPDX-License-Identifier: Apache-2.0 */
/* Profile qserve, quantization of keys and values into cache pages and back: N 25. */
#include "ops/qserve_kv.h"

#include "numerics/half.h"
#include "numerics/round.h"
#include "ops/kv_page.h"
#include "ops/qserve_reduce.h"
#include "qoq_qserve.h"

#include <math.h>

/* The smaller of two numbers, -0 below +0; a NaN loses, as in every extremum of the kernels
 * (N 20.2). */
static float smaller(float a, float b)
{
    if (a != a || b != b)
        return a != a ? b : a;
    return b < a || (b == a && signbit(b)) ? b : a;
}

/* Range of v [head_dim]. */
static void range(float *lo, float *hi, const float *v, size_t head_dim)
{
    *lo = *hi = v[0];
    for (size_t d = 1; d < head_dim; d++) {
        *lo = smaller(*lo, v[d]);
        *hi = -smaller(-*hi, -v[d]);
    }
}

/*
 * N 25.1, before KV4's mask. A constant vector has an infinite inverse and as zero a NaN or the
 * opposite infinity: every fma is NaN, every code 0.
 */
static struct qoq_kv_factors quantize_head(uint8_t *u, const float *v, size_t head_dim,
                                           unsigned bits)
{
    float limit = bits == 4 ? 15.0f : 255.0f, per_limit = bits == 4 ? QOQ_RCP_15 : QOQ_RCP_255;
    struct qoq_kv_factors factors;
    float lo, hi, inverse, zero;

    range(&lo, &hi, v, head_dim);
    factors.scale = qoq_half_from_float((hi - lo) * per_limit);
    factors.zero = qoq_half_from_float(-limit * lo * qoq_qserve_rcp(hi - lo));
    inverse = qoq_qserve_rcp(qoq_half_to_float(factors.scale));
    zero = qoq_half_to_float(factors.zero);
    for (size_t d = 0; d < head_dim; d++)
        u[d] = (uint8_t)qoq_round_clamp(fmaf(inverse, v[d], zero), 0, 255);
    return factors;
}

enum qoq_status qoq_qserve_kv_write(uint8_t *page, const qoq_half *v,
                                    const struct qoq_kv_layout *layout, size_t slot)
{
    enum qoq_status status = qoq_kv_check_slot(v, page, layout, slot);
    struct qoq_kv_factors factors;
    uint8_t u[QOQ_HEAD_DIM_MAX];
    float x[QOQ_HEAD_DIM_MAX];

    if (status != QOQ_OK)
        return status;
    for (size_t h = 0; h < layout->heads; h++) {
        for (size_t d = 0; d < layout->head_dim; d++)
            x[d] = qoq_half_to_float(v[h * layout->head_dim + d]);
        factors = quantize_head(u, x, layout->head_dim, layout->bits);
        qoq_kv_put_factors(page, factors, layout, h, slot);
        qoq_kv_put_codes(page, u, layout, h, slot);
    }
    return QOQ_OK;
}

void qoq_qserve_kv_get(qoq_half *v, const uint8_t *page, const struct qoq_kv_layout *layout,
                       size_t head, size_t slot)
{
    struct qoq_kv_factors factors = qoq_kv_get_factors(page, layout, head, slot);
    float scale = qoq_half_to_float(factors.scale), zero = qoq_half_to_float(factors.zero);
    qoq_half hz = qoq_half_from_float(-(scale * zero));
    uint8_t u[QOQ_HEAD_DIM_MAX];

    qoq_kv_get_codes(u, page, layout, head, slot);
    for (size_t d = 0; d < layout->head_dim; d++) {
        float code = (float)u[d];

        v[d] = layout->bits == 8 ? qoq_half_from_float(scale * (code - zero))
                                 : qoq_half_fma(qoq_half_from_float(code), factors.scale, hz);
    }
}

enum qoq_status qoq_qserve_kv_read(qoq_half *v, const uint8_t *page,
                                   const struct qoq_kv_layout *layout, size_t slot)
{
    enum qoq_status status = qoq_kv_check_slot(v, page, layout, slot);

    if (status != QOQ_OK)
        return status;
    for (size_t h = 0; h < layout->heads; h++)
        qoq_qserve_kv_get(v + h * layout->head_dim, page, layout, h, slot);
    return QOQ_OK;
}
