/* SPDX-License-Identifier: Apache-2.0 */
/* Profile qserve, per-token quantization with the sum of the inputs: N 21. */
#include "numerics/half.h"
#include "numerics/round.h"
#include "ops/qserve_reduce.h"
#include "ops/shape.h"
#include "qoq_qserve.h"

/* Magnitudes order like their patterns; a NaN lies above infinity and is ignored. */
static float max_abs(const qoq_half *x, size_t k)
{
    unsigned a = 0;

    for (size_t i = 0; i < k; i++) {
        unsigned b = x[i] & 0x7fffu;

        a = b > a && b <= QOQ_HALF_INF ? b : a;
    }
    return qoq_half_to_float((qoq_half)a);
}

static qoq_half input_sum(const qoq_half *x, size_t k)
{
    float lane[QOQ_QSERVE_THREADS] = {0.0f};

    for (size_t i = 0; i < k; i++)
        lane[i % QOQ_QSERVE_THREADS] += qoq_half_to_float(x[i]);
    return qoq_half_from_float(qoq_qserve_block_sum(lane));
}

/* A zero row has a = 0, an infinite factor and products 0 * inf = NaN, which round to 0. */
static void quantize_row(int8_t *q, qoq_half *scale, const qoq_half *x, size_t k)
{
    float a = max_abs(x, k);
    float factor = 127.0f * qoq_qserve_rcp(a);

    *scale = qoq_half_from_float(a * QOQ_RCP_127);
    for (size_t i = 0; i < k; i++)
        q[i] = (int8_t)qoq_round_clamp(qoq_half_to_float(x[i]) * factor, -128, 127);
}

enum qoq_status qoq_qserve_act_quantize(int8_t *q, qoq_half *scale, qoq_half *sum,
                                        const qoq_half *x, size_t m, size_t k)
{
    if (q == NULL || scale == NULL || x == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_rows_fit(m, k, sizeof *x))
        return QOQ_ERR_SHAPE;
#pragma omp parallel for if (m * k >= QOQ_PARALLEL_MIN)
    for (size_t i = 0; i < m; i++) {
        quantize_row(q + i * k, scale + i, x + i * k, k);
        if (sum != NULL)
            sum[i] = input_sum(x + i * k, k);
    }
    return QOQ_OK;
}
