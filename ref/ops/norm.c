/* SPDX-License-Identifier: Apache-2.0 */
/* RMSNorm, alone and fused with quantization, and the residual sum: N 9. */
#include "numerics/elementary.h"
#include "numerics/half.h"
#include "numerics/reduce.h"
#include "ops/act_fused.h"
#include "ops/shape.h"

/* A row and the factor s of N 9.1. */
struct norm_row {
    const float *x, *gamma;
    float s;
};

static struct norm_row norm_row(const float *x, const float *gamma, size_t n, float eps)
{
    return (struct norm_row){x, gamma, qoq_rsqrt(qoq_sum_squares(x, n) / (float)n + eps)};
}

static void normalize(float *y, const void *row, size_t first, size_t count)
{
    const struct norm_row *r = row;

#pragma omp simd
    for (size_t i = 0; i < count; i++)
        y[i] = r->x[first + i] * r->s * r->gamma[first + i];
}

static int is_eps(float eps)
{
    return eps >= 0.0f && eps <= FLT_MAX;
}

enum qoq_status qoq_rmsnorm(float *y, const float *x, const float *gamma, size_t m, size_t n,
                            float eps)
{
    if (y == NULL || x == NULL || gamma == NULL || !is_eps(eps))
        return QOQ_ERR_ARGUMENT;
    if (!qoq_rows_fit(m, n, sizeof *x))
        return QOQ_ERR_SHAPE;
#pragma omp parallel for if (m * n >= QOQ_PARALLEL_MIN)
    for (size_t i = 0; i < m; i++) {
        struct norm_row row = norm_row(x + i * n, gamma, n, eps);

        normalize(y + i * n, &row, 0, n);
    }
    return QOQ_OK;
}

enum qoq_status qoq_rmsnorm_quantize(struct qoq_act *out, const float *x, const float *gamma,
                                     float eps)
{
    enum qoq_status status = qoq_act_shape(out);

    if (status != QOQ_OK)
        return status;
    if (x == NULL || gamma == NULL || !is_eps(eps))
        return QOQ_ERR_ARGUMENT;
#pragma omp parallel for if (out->m * out->k >= QOQ_PARALLEL_MIN)
    for (size_t m = 0; m < out->m; m++) {
        size_t k = out->k;
        struct norm_row row = norm_row(x + m * k, gamma, k, eps);

        qoq_act_quantize_produced(out->q + m * k, out->scale + m, out->sum + m, normalize, &row, k);
    }
    return QOQ_OK;
}

enum qoq_status qoq_residual_add(float *r, const qoq_half *o, size_t count)
{
    if (r == NULL || o == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_array_fits(count, 1, sizeof *r))
        return QOQ_ERR_SHAPE;
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        r[i] += qoq_half_to_float(o[i]);
    return QOQ_OK;
}
