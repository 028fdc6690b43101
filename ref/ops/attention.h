/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of N 11 share: a quantized query with its cache, and one split of it. */
#ifndef QOQ_OPS_ATTENTION_H
#define QOQ_OPS_ATTENTION_H

#include "ops/head.h"
#include "qoq.h"

/* One head vector x [head_dim] as q [head_dim] with its scale and sum (N 11.1). */
void qoq_query_quantize_row(int16_t *q, float *scale, int32_t *sum, const float *x,
                            size_t head_dim);

/* One query head and what it sees. */
struct qoq_attention_head {
    const struct qoq_kv_sequence *sequence;
    const struct qoq_kv_layout *layout;
    size_t context, kv_head;
    float c;   /* factor of the logits, base 2 (N 11.2) */
    float sum; /* qsum: |qsum| <= 32767 * 256 < 2^24, so exact in binary32 */
    int16_t q[QOQ_HEAD_DIM_MAX];
};

/* x [head_dim] is the vector of query head `head`. */
void qoq_attention_head(struct qoq_attention_head *view, const float *x,
                        const struct qoq_kv_sequence *sequence, size_t context, size_t head,
                        size_t q_heads, const struct qoq_kv_layout *layout);

/* The partial result over split j of the context, whose first token exists (N 11.3). */
void qoq_attention_split_head(struct qoq_attention_partial *partial,
                              const struct qoq_attention_head *view, size_t j);

#endif
