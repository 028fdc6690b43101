/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qoq_qserve.h - what QServe's CUDA kernels mean to compute, for checking such kernels
 * (doc/numerics.md part B).
 *
 * Same conventions as qoq.h. All floating tensors but scratch are binary16. Approximate GPU
 * instructions are replaced by correctly rounded operations (N 20.1); the clause of each function
 * says how far a real kernel may be off.
 */
#ifndef QOQ_QSERVE_H
#define QOQ_QSERVE_H

#include "qoq.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Plain per-token quantization (N 21): q [m][k], scale [m], sum [m] (of the inputs; NULL: not
 * wanted), x [m][k]. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_qserve_act_quantize(int8_t *q, qoq_half *scale,
                                                            qoq_half *sum, const qoq_half *x,
                                                            size_t m, size_t k);

/* Mean-subtracting norm and quantization (N 22.1, 22.2): q [m][n], scale [m], sum [m] or NULL, x
 * [m][n], gamma [n]. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_qserve_norm_quantize(int8_t *q, qoq_half *scale,
                                                             qoq_half *sum, const qoq_half *x,
                                                             const qoq_half *gamma, size_t m,
                                                             size_t n, float eps);

/* Final RMSNorm (N 22.3): out [m][n]. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_qserve_rmsnorm(qoq_half *out, const qoq_half *x,
                                                       const qoq_half *gamma, size_t m, size_t n,
                                                       float eps);

/* SiLU(gate) * up (N 23): out [count]. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_qserve_silu_mul(qoq_half *out, const qoq_half *gate,
                                                        const qoq_half *up, size_t count);

/* Products (N 24): out [m][n]; q [m][k], scale [m] and sum [m] are the activations (sum: per
 * channel only, else NULL); the scheme of w selects the product; bias [n] or NULL. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_qserve_gemm(qoq_half *out, const int8_t *q,
                                                    const qoq_half *scale, const qoq_half *sum,
                                                    const struct qoq_weight *w,
                                                    const qoq_half *bias, size_t m);

/* KV cache (N 25): one token's K or V, v [heads][head_dim], into a slot, and back. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_qserve_kv_write(uint8_t *page, const qoq_half *v,
                                                        const struct qoq_kv_layout *layout,
                                                        size_t slot);
QOQ_API QOQ_CHECKED enum qoq_status qoq_qserve_kv_read(qoq_half *v, const uint8_t *page,
                                                       const struct qoq_kv_layout *layout,
                                                       size_t slot);

/* Rotary embedding at a position (N 26): y, x [heads][head_dim]. prefill != 0 selects the prefill
 * kernel's fusion. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_qserve_rope(qoq_half *y, const qoq_half *x, size_t heads,
                                                    size_t head_dim, size_t position, float base,
                                                    int prefill);

/* Decode attention (N 27), head_dim 128 (others: QOQ_ERR_UNSUPPORTED): out, q [q_heads][128]
 * (rotated); k, v [heads][128] of the current token, unquantized; the cache holds the `context - 1`
 * tokens before it. work: [context] floats. */
QOQ_API QOQ_CHECKED enum qoq_status qoq_qserve_attention(qoq_half *out, float *work,
                                                         const qoq_half *q, const qoq_half *k,
                                                         const qoq_half *v,
                                                         const struct qoq_kv_sequence *sequence,
                                                         size_t context, size_t q_heads,
                                                         const struct qoq_kv_layout *layout);

#ifdef __cplusplus
}
#endif
#endif
