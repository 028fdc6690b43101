/* SPDX-License-Identifier: Apache-2.0 */
/* Queries in 16-bit block fixed point: N 11.1. */
#include "numerics/elementary.h"
#include "numerics/reduce.h"
#include "numerics/round.h"
#include "ops/attention.h"
#include "ops/shape.h"

#define QUERY_MAX 32767

/* log2 e rounded to binary32. */
#define LOG2_E 0x1.715476p+0f

/* The floor keeps 32767 / a below 2^115 and the scale above 2^-115: both normal. */
void qoq_query_quantize_row(int16_t *q, float *scale, int32_t *sum, const float *x, size_t head_dim)
{
    float a = qoq_scale_floor(qoq_max_abs(x, head_dim));
    float r = (float)QUERY_MAX / a;

    *scale = a / (float)QUERY_MAX;
    *sum = 0;
    for (size_t d = 0; d < head_dim; d++) {
        q[d] = (int16_t)qoq_round_clamp(x[d] * r, -QUERY_MAX, QUERY_MAX);
        *sum += q[d];
    }
}

enum qoq_status qoq_query_quantize(int16_t *q, float *scale, int32_t *sum, const float *x,
                                   size_t rows, size_t head_dim)
{
    if (q == NULL || scale == NULL || sum == NULL || x == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_head_dim_fits(head_dim) || !qoq_array_fits(rows, head_dim, sizeof *x))
        return QOQ_ERR_SHAPE;
#pragma omp parallel for if (rows * head_dim >= QOQ_PARALLEL_MIN)
    for (size_t i = 0; i < rows; i++)
        qoq_query_quantize_row(q + i * head_dim, scale + i, sum + i, x + i * head_dim, head_dim);
    return QOQ_OK;
}

void qoq_attention_head(struct qoq_attention_head *view, const float *x,
                        const struct qoq_kv_sequence *sequence, size_t context, size_t head,
                        size_t q_heads, const struct qoq_kv_layout *layout)
{
    float scale;
    int32_t sum;

    view->sequence = sequence;
    view->layout = layout;
    view->context = context;
    view->kv_head = head / (q_heads / layout->heads);
    qoq_query_quantize_row(view->q, &scale, &sum, x, layout->head_dim);
    view->c = scale * (qoq_rsqrt((float)layout->head_dim) * LOG2_E);
    view->sum = (float)sum;
}
