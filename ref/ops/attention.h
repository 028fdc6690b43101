/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of N 11 share: a quantized query with its cache, one split of it, and the two ways
 * through a split, plain and with AVX2.
 */
#ifndef QOQ_OPS_ATTENTION_H
#define QOQ_OPS_ATTENTION_H

#include "numerics/target.h"
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

/* Tokens of split j, which exists, of a context. */
static inline size_t qoq_split_tokens(size_t context, size_t j)
{
    size_t left = context - j * QOQ_SPLIT_TOKENS;

    return left < QOQ_SPLIT_TOKENS ? left : QOQ_SPLIT_TOKENS;
}

/* Most query vectors that go through a split together. */
#define QOQ_ATTENTION_VECTORS 32

/* The partial results may hold anything past head_dim. */
struct qoq_attention_path {
    /* partial [count] over split j for view [count], vectors of one key/value head that all have
     * this split; they may see different parts of it. */
    void (*split)(struct qoq_attention_partial *partial, const struct qoq_attention_head *view,
                  size_t count, size_t j);
    /* N 11.4, for partial results that `split` and `merge` made. */
    void (*merge)(struct qoq_attention_partial *left, const struct qoq_attention_partial *right,
                  size_t head_dim);
    /* out [head_dim] of N 11.6 */
    void (*finish)(qoq_half *out, const struct qoq_attention_partial *all, size_t head_dim);
};

extern const struct qoq_attention_path qoq_attention_plain;
#if QOQ_FMA_TARGET
/* Only for machines with qoq_machine_has_fma. */
extern const struct qoq_attention_path qoq_attention_avx2;
#endif

/* Query heads of `rows` consecutive tokens of one sequence, the last of which sees `context`. */
struct qoq_attention_rows {
    qoq_half *out;  /* [rows][q_heads][head_dim] */
    const float *x; /* the same */
    const struct qoq_kv_sequence *sequence;
    const struct qoq_kv_layout *layout;
    size_t rows, context, q_heads;
};

/* qoq_attention for each row; same errors, and QOQ_ERR_SHAPE if rows is 0 or above the context. */
enum qoq_status qoq_attention_of_rows(const struct qoq_attention_rows *a);

/* All of it by one path; `a` has been checked. */
void qoq_attention_run(const struct qoq_attention_rows *a, const struct qoq_attention_path *path);

#endif
