/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-ins for the approximate instructions of QServe's kernels: N 20.1. RCP is in
 * qserve_reduce.h. */
#ifndef QOQ_OPS_QSERVE_ELEMENTARY_H
#define QOQ_OPS_QSERVE_ELEMENTARY_H

#include "numerics/elementary.h"
#include "ops/qserve_reduce.h"

/* rn32(log2 e), rn32(1 / 2 pi), 2 pi rounded to binary64. */
#define QOQ_QSERVE_LOG2_E 0x1.715476p+0f
#define QOQ_QSERVE_PER_TURN 0x1.45f306p-3f
#define QOQ_QSERVE_TURN 0x1.921fb54442d18p+2

/* EXP. */
static inline float qoq_qserve_exp(float x)
{
    return qoq_exp2(x * QOQ_QSERVE_LOG2_E);
}

/* LG2. */
static inline float qoq_qserve_lg2(float x)
{
    return (float)qoq_log2((double)x);
}

/* SIN, COS: the hardware takes turns, from a rounded product. */
static inline void qoq_qserve_sincos(float *s, float *c, float t)
{
    qoq_sincos(s, c, QOQ_QSERVE_TURN * (double)(t * QOQ_QSERVE_PER_TURN));
}

#endif
