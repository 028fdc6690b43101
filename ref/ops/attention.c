/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over a whole context: splits, merged in their order, divided. N 11.4 to 11.7. */
#include "ops/attention.h"

#include "numerics/elementary.h"
#include "numerics/half.h"
#include "numerics/reduce.h"
#include "ops/kv_page.h"
#include "ops/shape.h"

/*
 * N 11.4. One of fa and fb is 1. M is an integer, so the other is an exact power of two, or 0 where
 * the maxima are 150 and more apart.
 */
void qoq_attention_merge(struct qoq_attention_partial *left,
                         const struct qoq_attention_partial *right, size_t head_dim)
{
    const float max[2] = {left->max, right->max};
    float least, most, fa, fb;

    qoq_min_max(&least, &most, max, 2);
    fa = qoq_exp2(left->max - most);
    fb = qoq_exp2(right->max - most);
    left->max = most;
    left->sum = left->sum * fa + right->sum * fb;
    for (size_t d = 0; d < head_dim; d++)
        left->out[d] = left->out[d] * fa + right->out[d] * fb;
}

/* N 11.5: `count` splits from `first` on, in ascending order. */
static void merge_leaf(struct qoq_attention_partial *partial, const struct qoq_attention_head *view,
                       size_t first, size_t count)
{
    qoq_attention_split_head(partial, view, first);
    for (size_t j = first + 1; j < first + count; j++) {
        struct qoq_attention_partial next;

        qoq_attention_split_head(&next, view, j);
        qoq_attention_merge(partial, &next, view->layout->head_dim);
    }
}

/* Splits in the left subtree of a tree over `splits` splits: the largest 16 * 2^i below it. */
static size_t left_splits(size_t splits)
{
    size_t left = QOQ_LEAF_SPLITS;

    while (left < splits - left)
        left *= 2;
    return left;
}

/*
 * N 11.5: the tree over the leaves of splits first .. first + count - 1. Merging neighbours level
 * by level, with the last one passing where it has none, always leaves a complete subtree on the
 * left. Recursion is as deep as the tree.
 */
static void merge_tree(struct qoq_attention_partial *partial, const struct qoq_attention_head *view,
                       size_t first, size_t count)
{
    struct qoq_attention_partial right;
    size_t left;

    if (count <= QOQ_LEAF_SPLITS) {
        merge_leaf(partial, view, first, count);
        return;
    }
    left = left_splits(count);
    merge_tree(partial, view, first, left);
    merge_tree(&right, view, first + left, count - left);
    qoq_attention_merge(partial, &right, view->layout->head_dim);
}

enum qoq_status qoq_attention(qoq_half *out, const float *x, const struct qoq_kv_sequence *sequence,
                              size_t context, size_t q_heads, const struct qoq_kv_layout *layout)
{
    enum qoq_status status;

    if (out == NULL || x == NULL)
        return QOQ_ERR_ARGUMENT;
    if (context == 0)
        return QOQ_ERR_SHAPE;
    status = qoq_kv_check_sequence(sequence, 0, context, q_heads, layout);
    if (status != QOQ_OK)
        return status;
#pragma omp parallel for if (q_heads * context * layout->head_dim >= QOQ_PARALLEL_MIN)
    for (size_t h = 0; h < q_heads; h++) {
        size_t head_dim = layout->head_dim;
        struct qoq_attention_head view;
        struct qoq_attention_partial all;

        qoq_attention_head(&view, x + h * head_dim, sequence, context, h, q_heads, layout);
        merge_tree(&all, &view, 0, (context - 1) / QOQ_SPLIT_TOKENS + 1);
        for (size_t d = 0; d < head_dim; d++)
            out[h * head_dim + d] = qoq_half_from_float(all.out[d] / all.sum);
    }
    return QOQ_OK;
}
