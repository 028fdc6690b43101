/* SPDX-License-Identifier: Apache-2.0 */
/* Quantized matrix products: N 6.1 to 6.3. */
#include "numerics/half.h"
#include "ops/accumulate.h"
#include "ops/shape.h"

#include <math.h>
#include <string.h>

static enum qoq_status check(const void *out, const struct qoq_act *x, const struct qoq_weight *w)
{
    enum qoq_status status = qoq_act_shape(x);

    if (status == QOQ_OK)
        status = qoq_weight_shape(w);
    if (status != QOQ_OK)
        return status;
    if (out == NULL)
        return QOQ_ERR_ARGUMENT;
    if (x->k != w->k || !qoq_array_fits(x->m, w->n, sizeof(int32_t)))
        return QOQ_ERR_SHAPE;
    return QOQ_OK;
}

enum qoq_status qoq_gemm_accumulate(int32_t *acc, const struct qoq_act *x,
                                    const struct qoq_weight *w)
{
    qoq_accumulate_block *accumulate = qoq_choose_accumulate();
    enum qoq_status status = check(acc, x, w);

    if (status != QOQ_OK)
        return status;
    for (size_t m = 0; m < x->m; m += QOQ_BLOCK_ROWS) {
        size_t rows = qoq_block_rows(m, x->m);

#pragma omp parallel for if (rows * w->n * w->k >= QOQ_PARALLEL_MIN)
        for (size_t n = 0; n < w->n; n += QOQ_BLOCK_CHANNELS) {
            size_t channels = qoq_block_channels(n, w->n);
            int32_t block[QOQ_BLOCK_ROWS][QOQ_BLOCK_CHANNELS];

            accumulate(block, x->q + m * x->k, rows, w, n, channels);
            for (size_t i = 0; i < rows; i++)
                memcpy(acc + (m + i) * w->n + n, block[i], channels * sizeof *acc);
        }
    }
    return QOQ_OK;
}

/* N 6.2, 6.3. The 64-bit difference is the 32-bit one wherever x->sum is the sum of x->q. */
static qoq_half epilogue(int32_t acc, const struct qoq_act *x, size_t m, const struct qoq_weight *w,
                         size_t n, const float *bias)
{
    int64_t z = w->scheme == QOQ_W4_CHANNEL ? w->z[n] : 0;
    float i = (float)(acc - z * x->sum[m]);
    float c = qoq_half_to_float(w->s[n]) * x->scale[m];

    return qoq_half_from_float(bias == NULL ? c * i : fmaf(c, i, bias[n]));
}

enum qoq_status qoq_gemm(qoq_half *y, const struct qoq_act *x, const struct qoq_weight *w,
                         const float *bias)
{
    qoq_accumulate_block *accumulate = qoq_choose_accumulate();
    enum qoq_status status = check(y, x, w);

    if (status != QOQ_OK)
        return status;
    for (size_t m = 0; m < x->m; m += QOQ_BLOCK_ROWS) {
        size_t rows = qoq_block_rows(m, x->m);

#pragma omp parallel for if (rows * w->n * w->k >= QOQ_PARALLEL_MIN)
        for (size_t n = 0; n < w->n; n += QOQ_BLOCK_CHANNELS) {
            size_t channels = qoq_block_channels(n, w->n);
            int32_t acc[QOQ_BLOCK_ROWS][QOQ_BLOCK_CHANNELS];

            accumulate(acc, x->q + m * x->k, rows, w, n, channels);
            for (size_t i = 0; i < rows; i++) {
                for (size_t j = 0; j < channels; j++)
                    y[(m + i) * w->n + n + j] = epilogue(acc[i][j], x, m + i, w, n + j, bias);
            }
        }
    }
    return QOQ_OK;
}
