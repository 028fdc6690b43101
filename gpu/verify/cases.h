/* SPDX-License-Identifier: Apache-2.0 */
/* The cases, one function an operator, and how they begin and end. */
#ifndef QOQ_GPU_VERIFY_CASES_H
#define QOQ_GPU_VERIFY_CASES_H

#include "gpu/verify/arrays.h"

typedef enum qoq_status qoq_verify_case(struct qoq_cuda *handle,
                                        const struct qoq_verify_kernel *kernel,
                                        const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                        size_t room);

qoq_verify_case qoq_verify_act_quantize, qoq_verify_rmsnorm, qoq_verify_silu, qoq_verify_residual,
    qoq_verify_gemm, qoq_verify_rope, qoq_verify_attention, qoq_verify_decode, qoq_verify_prefill,
    qoq_verify_embed, qoq_verify_final_norm, qoq_verify_head, qoq_verify_argmax;

void qoq_verify_begin(struct qoq_verify_arrays *arrays, struct qoq_cuda *handle,
                      const struct qoq_verify_shape *shape);

/* Frees the arrays; where something other than a difference went wrong, writes what to text.
 * Returns the status. */
enum qoq_status qoq_verify_end(struct qoq_verify_arrays *arrays, char *text, size_t room);

#endif
