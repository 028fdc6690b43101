/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of head vectors (N 1.6) and the floor of block scales (N 3.1, 11.1, 11.3). */
#ifndef QOQ_OPS_HEAD_H
#define QOQ_OPS_HEAD_H

#include <stddef.h>

#define QOQ_HEAD_DIM_MAX 256

static inline int qoq_head_dim_fits(size_t head_dim)
{
    return head_dim >= 2 && head_dim <= QOQ_HEAD_DIM_MAX && head_dim % 2 == 0;
}

/* max(a, 2^-100); NaN stays NaN. */
static inline float qoq_scale_floor(float a)
{
    return a < 0x1p-100f ? 0x1p-100f : a;
}

#endif
