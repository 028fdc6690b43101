/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions of QServe's thread blocks (N 20.2) and the constants of its divisions (N 20.1). */
#ifndef QOQ_OPS_QSERVE_REDUCE_H
#define QOQ_OPS_QSERVE_REDUCE_H

#include <stddef.h>

/* rn32(1/127), rn32(1/15), rn32(1/255). */
#define QOQ_RCP_127 0x1.020408p-7f
#define QOQ_RCP_15 0x1.111112p-4f
#define QOQ_RCP_255 0x1.010102p-8f

/* RCP. */
static inline float qoq_qserve_rcp(float b)
{
    return 1.0f / b;
}

/* BFLY sum over v [n], n a power of two up to 32; overwrites v. */
float qoq_qserve_butterfly_sum(float *v, size_t n);

/*
 * BLOCK for sums. Element i of a row belongs to thread i % QOQ_QSERVE_THREADS; the caller lets each
 * thread combine its elements in ascending order from +0 into lane [QOQ_QSERVE_THREADS], and this
 * is the rest: warps, then warp sums. A shorter block needs no case of its own: absent threads hold
 * the identity +0, absent warps sum to it.
 */
#define QOQ_QSERVE_THREADS 1024
float qoq_qserve_block_sum(const float *lane);

#endif
