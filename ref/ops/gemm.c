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

/* What the epilogue needs of a block of output channels. */
struct channels {
    size_t count;
    float s[QOQ_BLOCK_CHANNELS];
    double z[QOQ_BLOCK_CHANNELS];
    float bias[QOQ_BLOCK_CHANNELS];
};

static struct channels get_channels(const struct qoq_weight *w, const float *bias, size_t n,
                                    size_t count)
{
    struct channels c = {.count = count};

    for (size_t j = 0; j < count; j++) {
        c.s[j] = qoq_half_to_float(w->s[n + j]);
        c.z[j] = w->scheme == QOQ_W4_CHANNEL ? w->z[n + j] : 0;
        c.bias[j] = bias != NULL ? bias[n + j] : 0.0f;
    }
    return c;
}

/* N 6.2, 6.3 for one token: y [count]. The difference is exact in binary64 whatever x->sum holds,
 * and rounds once like the integer it is. Compiled twice (numerics/target.h), and for whole blocks
 * apart, whose count the compiler then knows. */
QOQ_INLINE void epilogue(qoq_half *y, const int32_t *acc, const struct channels *w, float scale,
                         int32_t sum, size_t count, int with_bias)
{
#pragma omp simd
    for (size_t j = 0; j < count; j++) {
        float i = (float)((double)acc[j] - w->z[j] * (double)sum);
        float c = w->s[j] * scale;

        y[j] = qoq_half_from_float(with_bias ? fmaf(c, i, w->bias[j]) : c * i);
    }
}

/* y [rows][stride] from acc [rows] and what the rows have for scale and sum. */
typedef void put_rows(qoq_half *y, size_t stride, int32_t (*acc)[QOQ_BLOCK_CHANNELS],
                      const struct channels *w, const float *scale, const int32_t *sum, size_t rows,
                      int with_bias);

QOQ_INLINE void put_all(qoq_half *y, size_t stride, int32_t (*acc)[QOQ_BLOCK_CHANNELS],
                        const struct channels *w, const float *scale, const int32_t *sum,
                        size_t rows, int with_bias)
{
    const size_t full = QOQ_BLOCK_CHANNELS;

    for (size_t m = 0; m < rows; m++) {
        if (w->count < full)
            epilogue(y + m * stride, acc[m], w, scale[m], sum[m], w->count, with_bias);
        else if (with_bias)
            epilogue(y + m * stride, acc[m], w, scale[m], sum[m], full, 1);
        else
            epilogue(y + m * stride, acc[m], w, scale[m], sum[m], full, 0);
    }
}

static void put_plain(qoq_half *y, size_t stride, int32_t (*acc)[QOQ_BLOCK_CHANNELS],
                      const struct channels *w, const float *scale, const int32_t *sum, size_t rows,
                      int with_bias)
{
    put_all(y, stride, acc, w, scale, sum, rows, with_bias);
}

#if QOQ_FMA_TARGET
QOQ_WITH_FMA static void put_fast(qoq_half *y, size_t stride, int32_t (*acc)[QOQ_BLOCK_CHANNELS],
                                  const struct channels *w, const float *scale, const int32_t *sum,
                                  size_t rows, int with_bias)
{
    put_all(y, stride, acc, w, scale, sum, rows, with_bias);
}
#endif

static put_rows *choose_put(void)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma())
        return put_fast;
#endif
    return put_plain;
}

enum qoq_status qoq_gemm(qoq_half *y, const struct qoq_act *x, const struct qoq_weight *w,
                         const float *bias)
{
    qoq_accumulate_block *accumulate = qoq_choose_accumulate();
    put_rows *put = choose_put();
    enum qoq_status status = check(y, x, w);

    if (status != QOQ_OK)
        return status;
    for (size_t m = 0; m < x->m; m += QOQ_BLOCK_ROWS) {
        size_t rows = qoq_block_rows(m, x->m);

#pragma omp parallel for if (rows * w->n * w->k >= QOQ_PARALLEL_MIN)
        for (size_t n = 0; n < w->n; n += QOQ_BLOCK_CHANNELS) {
            size_t channels = qoq_block_channels(n, w->n);
            struct channels block = get_channels(w, bias, n, channels);
            int32_t acc[QOQ_BLOCK_ROWS][QOQ_BLOCK_CHANNELS];

            accumulate(acc, x->q + m * x->k, rows, w, n, channels);
            put(y + m * w->n + n, w->n, acc, &block, x->scale + m, x->sum + m, rows, bias != NULL);
        }
    }
    return QOQ_OK;
}
