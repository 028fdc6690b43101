/* SPDX-License-Identifier: Apache-2.0 */
/* Profile qserve, matrix products: N 24. */
#include "numerics/half.h"
#include "ops/accumulate.h"
#include "ops/shape.h"
#include "qoq_qserve.h"

#include <math.h>

/* The scale and sum of a token. */
struct token {
    float scale, sum;
};

/* N 24.2, 24.3. The zero point is applied as the stored z * s of N 5.4. */
static qoq_half epilogue(int32_t acc, struct token token, const struct qoq_weight *w, size_t n)
{
    float s = qoq_half_to_float(w->s[n]);

    if (w->scheme == QOQ_W4_CHANNEL) {
        float szero = qoq_half_to_float(qoq_half_from_float((float)w->z[n] * s));

        return qoq_half_from_float(fmaf(token.scale, (float)acc * s, -(szero * token.sum)));
    }
    return qoq_half_from_float(s * token.scale * (float)acc);
}

static enum qoq_status check(const qoq_half *out, const int8_t *q, const qoq_half *scale,
                             const qoq_half *sum, const struct qoq_weight *w, size_t m)
{
    enum qoq_status status = qoq_weight_shape(w);

    if (status != QOQ_OK)
        return status;
    if (out == NULL || q == NULL || scale == NULL || (sum != NULL) != (w->scheme == QOQ_W4_CHANNEL))
        return QOQ_ERR_ARGUMENT;
    if (!qoq_rows_fit(m, w->k, 1) || !qoq_array_fits(m, w->n, sizeof *out))
        return QOQ_ERR_SHAPE;
    return QOQ_OK;
}

enum qoq_status qoq_qserve_gemm(qoq_half *out, const int8_t *q, const qoq_half *scale,
                                const qoq_half *sum, const struct qoq_weight *w,
                                const qoq_half *bias, size_t m)
{
    enum qoq_status status = check(out, q, scale, sum, w, m);

    if (status != QOQ_OK)
        return status;
    for (size_t first = 0; first < m; first += QOQ_BLOCK_ROWS) {
        size_t rows = qoq_block_rows(first, m);

#pragma omp parallel for if (rows * w->n * w->k >= QOQ_PARALLEL_MIN)
        for (size_t n = 0; n < w->n; n++) {
            int32_t acc[QOQ_BLOCK_ROWS];

            qoq_accumulate(acc, q + first * w->k, rows, w, n);
            for (size_t i = 0; i < rows; i++) {
                size_t t = first + i;
                struct token token = {qoq_half_to_float(scale[t]),
                                      sum == NULL ? 0.0f : qoq_half_to_float(sum[t])};
                qoq_half y = epilogue(acc[i], token, w, n);

                out[t * w->n + n] = bias == NULL ? y : qoq_half_add(y, bias[n]);
            }
        }
    }
    return QOQ_OK;
}
