/* SPDX-License-Identifier: Apache-2.0 */
/* Profile qserve, norms: N 22. */
#include "numerics/elementary.h"
#include "numerics/half.h"
#include "numerics/round.h"
#include "ops/qserve_reduce.h"
#include "ops/shape.h"
#include "qoq_qserve.h"

/* The kernel's smallest maximum, 1e-6 as binary16. */
#define MAX_FLOOR UINT16_C(0x0011)

/* One row and what normalizes it: y_i = ((x_i - mean) * s) * gamma_i. */
struct row {
    const qoq_half *x, *gamma;
    size_t n;
    float mean, s;
};

/* RSQ(v / n + eps), v the block sum of (x_i - mean)^2. */
static float inverse_deviation(const struct row *row, float eps)
{
    float lane[QOQ_QSERVE_THREADS] = {0.0f};

    for (size_t i = 0; i < row->n; i++) {
        float d = qoq_half_to_float(row->x[i]) - row->mean;
        float *acc = &lane[i % QOQ_QSERVE_THREADS];

        *acc = fmaf(d, d, *acc);
    }
    return qoq_rsqrt(fmaf(qoq_qserve_block_sum(lane), qoq_qserve_rcp((float)row->n), eps));
}

static float mean(const qoq_half *x, size_t n)
{
    float lane[QOQ_QSERVE_THREADS] = {0.0f};

    for (size_t i = 0; i < n; i++)
        lane[i % QOQ_QSERVE_THREADS] += qoq_half_to_float(x[i]);
    return qoq_qserve_block_sum(lane) * qoq_qserve_rcp((float)n);
}

static float normalized(const struct row *row, size_t i)
{
    float d = qoq_half_to_float(row->x[i]) - row->mean;

    return d * row->s * qoq_half_to_float(row->gamma[i]);
}

/* N 22.1; a NaN is ignored in the maximum. */
static void quantize(int8_t *q, qoq_half *scale, const struct row *row)
{
    unsigned top = MAX_FLOOR;
    float a, factor;

    for (size_t i = 0; i < row->n; i++) {
        unsigned h = qoq_half_from_float(normalized(row, i)) & 0x7fffu;

        top = h > top && h <= QOQ_HALF_INF ? h : top;
    }
    a = qoq_half_to_float((qoq_half)top);
    factor = qoq_qserve_rcp(a) * 127.0f;
    *scale = qoq_half_from_float(a * QOQ_RCP_127);
    for (size_t i = 0; i < row->n; i++)
        q[i] = (int8_t)qoq_round_clamp(normalized(row, i) * factor, -128, 127);
}

/* N 22.2: a thread adds in binary16, the block in binary32. */
static qoq_half output_sum(const struct row *row)
{
    qoq_half partial[QOQ_QSERVE_THREADS] = {0};
    float lane[QOQ_QSERVE_THREADS];

    for (size_t i = 0; i < row->n; i++) {
        qoq_half *p = &partial[i % QOQ_QSERVE_THREADS];

        *p = qoq_half_add(*p, qoq_half_from_float(normalized(row, i)));
    }
    for (size_t i = 0; i < QOQ_QSERVE_THREADS; i++)
        lane[i] = qoq_half_to_float(partial[i]);
    return qoq_half_from_float(qoq_qserve_block_sum(lane));
}

static enum qoq_status check_sizes(size_t m, size_t n, float eps)
{
    if (!qoq_rows_fit(m, n, sizeof(qoq_half)))
        return QOQ_ERR_SHAPE;
    return eps >= 0.0f && eps <= FLT_MAX ? QOQ_OK : QOQ_ERR_ARGUMENT;
}

enum qoq_status qoq_qserve_norm_quantize(int8_t *q, qoq_half *scale, qoq_half *sum,
                                         const qoq_half *x, const qoq_half *gamma, size_t m,
                                         size_t n, float eps)
{
    enum qoq_status status = check_sizes(m, n, eps);

    if (q == NULL || scale == NULL || x == NULL || gamma == NULL)
        return QOQ_ERR_ARGUMENT;
    if (status != QOQ_OK)
        return status;
#pragma omp parallel for if (m * n >= QOQ_PARALLEL_MIN)
    for (size_t i = 0; i < m; i++) {
        struct row row = {.x = x + i * n, .gamma = gamma, .n = n};

        row.mean = mean(row.x, n);
        row.s = inverse_deviation(&row, eps);
        quantize(q + i * n, scale + i, &row);
        if (sum != NULL)
            sum[i] = output_sum(&row);
    }
    return QOQ_OK;
}

/* N 22.3: the mean is 0 here, and the product with gamma is one of two binary16 numbers. */
enum qoq_status qoq_qserve_rmsnorm(qoq_half *out, const qoq_half *x, const qoq_half *gamma,
                                   size_t m, size_t n, float eps)
{
    enum qoq_status status = check_sizes(m, n, eps);

    if (out == NULL || x == NULL || gamma == NULL)
        return QOQ_ERR_ARGUMENT;
    if (status != QOQ_OK)
        return status;
#pragma omp parallel for if (m * n >= QOQ_PARALLEL_MIN)
    for (size_t i = 0; i < m; i++) {
        struct row row = {.x = x + i * n, .n = n};

        row.s = inverse_deviation(&row, eps);
        for (size_t j = 0; j < n; j++) {
            qoq_half scaled = qoq_half_from_float(qoq_half_to_float(row.x[j]) * row.s);

            out[i * n + j] = qoq_half_mul(scaled, gamma[j]);
        }
    }
    return QOQ_OK;
}
