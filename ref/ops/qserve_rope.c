/* SPDX-License-Identifier: Apache-2.0 */
/* Profile qserve, rotary embedding: N 26. */
#include "numerics/half.h"
#include "ops/head.h"
#include "ops/qserve_elementary.h"
#include "ops/shape.h"
#include "qoq_qserve.h"

/* Beyond it binary32 loses the position itself, and the angle leaves the range of sincos. */
#define POSITION_MAX ((size_t)1 << 24)

/* Sine and cosine of pair j at a position. */
static void pair_angle(float *s, float *c, size_t j, size_t head_dim, size_t position, float base)
{
    float exponent = (float)(2 * j) / (float)head_dim * qoq_qserve_lg2(base);

    qoq_qserve_sincos(s, c, (float)position * qoq_exp2(-exponent));
}

/* The two kernels were compiled to different fusions in the second half. */
static void rotate(qoq_half *y, const qoq_half *x, size_t pairs, float s, float c, int prefill)
{
    float a = qoq_half_to_float(x[0]), b = qoq_half_to_float(x[pairs]);

    y[0] = qoq_half_from_float(fmaf(c, a, -(s * b)));
    y[pairs] = qoq_half_from_float(prefill ? fmaf(c, b, s * a) : fmaf(s, a, c * b));
}

enum qoq_status qoq_qserve_rope(qoq_half *y, const qoq_half *x, size_t heads, size_t head_dim,
                                size_t position, float base, int prefill)
{
    if (y == NULL || x == NULL || !(base > 1.0f && base <= FLT_MAX))
        return QOQ_ERR_ARGUMENT;
    if (!qoq_head_dim_fits(head_dim) || !qoq_array_fits(heads, head_dim, sizeof *x) ||
        position > POSITION_MAX)
        return QOQ_ERR_SHAPE;
    for (size_t j = 0; j < head_dim / 2; j++) {
        float s, c;

        pair_angle(&s, &c, j, head_dim, position, base);
        for (size_t h = 0; h < heads; h++)
            rotate(y + h * head_dim + j, x + h * head_dim + j, head_dim / 2, s, c, prefill);
    }
    return QOQ_OK;
}
