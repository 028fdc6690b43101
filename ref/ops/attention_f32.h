/* SPDX-License-Identifier: Apache-2.0 */
/* The two ways through baseline attention (N 12.2), plain and with AVX2. */
#ifndef QOQ_OPS_ATTENTION_F32_H
#define QOQ_OPS_ATTENTION_F32_H

#include "numerics/target.h"
#include "qoq.h"

/* Most query vectors in a block. */
#define QOQ_F32_VECTORS 48

/* Query heads of `rows` consecutive tokens of one sequence, the last of which sees `context`. */
struct qoq_f32_rows {
    float *out;     /* [rows][q_heads][head_dim] */
    float *work;    /* [rows][q_heads][context] */
    const float *x; /* [rows][q_heads][head_dim] */
    const float *k; /* [context][kv_heads][head_dim] */
    const float *v; /* the same */
    size_t rows, context, q_heads, kv_heads, head_dim;
};

/* Rows first_row .. first_row + rows - 1 of query heads first_head .. first_head + heads - 1, which
 * share a key/value head; rows * heads <= QOQ_F32_VECTORS. */
struct qoq_f32_block {
    const struct qoq_f32_rows *all;
    size_t first_row, rows, first_head, heads;
};

/* One query vector of a block, and what it sees. */
struct qoq_f32_vector {
    float *out, *p; /* [head_dim], [context] of scratch */
    const float *x; /* [head_dim] */
    size_t context;
};

static inline struct qoq_f32_vector qoq_f32_vector(const struct qoq_f32_block *b, size_t i)
{
    const struct qoq_f32_rows *a = b->all;
    size_t m = b->first_row + i / b->heads;
    size_t place = m * a->q_heads + b->first_head + i % b->heads;

    return (struct qoq_f32_vector){a->out + place * a->head_dim, a->work + place * a->context,
                                   a->x + place * a->head_dim, a->context - a->rows + m + 1};
}

/* Where the key/value head of a block begins in a token of the cache. */
static inline size_t qoq_f32_kv_offset(const struct qoq_f32_block *b)
{
    return b->first_head / (b->all->q_heads / b->all->kv_heads) * b->all->head_dim;
}

typedef void qoq_f32_attend(const struct qoq_f32_block *block);

qoq_f32_attend qoq_f32_attend_plain;
#if QOQ_FMA_TARGET
/* Only for machines with qoq_machine_has_fma. */
qoq_f32_attend qoq_f32_attend_avx2;
#endif

/* qoq_attention_f32 for each row; same errors, and QOQ_ERR_SHAPE if rows is 0 or above the context.
 */
enum qoq_status qoq_attention_f32_of_rows(const struct qoq_f32_rows *a);

/* All of it by one path; `a` has been checked. */
void qoq_f32_run(const struct qoq_f32_rows *a, qoq_f32_attend *attend);

#endif
