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

static void split_plain(struct qoq_attention_partial *partial,
                        const struct qoq_attention_head *view, size_t count, size_t j)
{
    for (size_t i = 0; i < count; i++)
        qoq_attention_split_head(&partial[i], &view[i], j);
}

static void finish_plain(qoq_half *out, const struct qoq_attention_partial *all, size_t head_dim)
{
    for (size_t d = 0; d < head_dim; d++)
        out[d] = qoq_half_from_float(all->out[d] / all->sum);
}

const struct qoq_attention_path qoq_attention_plain = {split_plain, qoq_attention_merge,
                                                       finish_plain};

static const struct qoq_attention_path *choose_path(void)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma())
        return &qoq_attention_avx2;
#endif
    return &qoq_attention_plain;
}

/* Query vectors of one key/value head that all have the same splits. */
struct block {
    const struct qoq_attention_path *path;
    size_t count, head_dim;
    struct qoq_attention_head view[QOQ_ATTENTION_VECTORS];
};

static void merge(struct qoq_attention_partial *left, const struct qoq_attention_partial *right,
                  const struct block *block)
{
    for (size_t i = 0; i < block->count; i++)
        block->path->merge(&left[i], &right[i], block->head_dim);
}

/* N 11.5: `count` splits from `first` on, in ascending order. */
static void merge_leaf(struct qoq_attention_partial *partial, const struct block *block,
                       size_t first, size_t count)
{
    struct qoq_attention_partial next[QOQ_ATTENTION_VECTORS];

    block->path->split(partial, block->view, block->count, first);
    for (size_t j = first + 1; j < first + count; j++) {
        block->path->split(next, block->view, block->count, j);
        merge(partial, next, block);
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
static void merge_tree(struct qoq_attention_partial *partial, const struct block *block,
                       size_t first, size_t count)
{
    struct qoq_attention_partial right[QOQ_ATTENTION_VECTORS];
    size_t left;

    if (count <= QOQ_LEAF_SPLITS) {
        merge_leaf(partial, block, first, count);
        return;
    }
    left = left_splits(count);
    merge_tree(partial, block, first, left);
    merge_tree(right, block, first + left, count - left);
    merge(partial, right, block);
}

/*
 * How rows and heads are cut into blocks: `rows` consecutive positions, a power of two and at most
 * a split, beginning at a multiple of it, so that no block has tokens of two splits; times `heads`
 * query heads of one key/value head.
 */
struct cut {
    size_t rows, heads;
    size_t row_blocks, head_blocks; /* head_blocks: of one key/value head */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static struct cut cut(const struct qoq_attention_rows *a)
{
    size_t group = a->q_heads / a->layout->heads, first = a->context - a->rows;
    struct cut c = {.rows = 1, .heads = least(group, QOQ_ATTENTION_VECTORS)};

    while (2 * c.rows * c.heads <= QOQ_ATTENTION_VECTORS)
        c.rows *= 2;
    c.row_blocks = (a->context - 1) / c.rows - first / c.rows + 1;
    c.head_blocks = (group - 1) / c.heads + 1;
    return c;
}

/* Rows begin .. end - 1 of heads first .. first + heads - 1. */
static void run_block(const struct qoq_attention_rows *a, const struct qoq_attention_path *path,
                      size_t begin, size_t end, size_t first, size_t heads)
{
    size_t head_dim = a->layout->head_dim, wide = a->q_heads * head_dim;
    struct block block = {.path = path, .count = (end - begin) * heads, .head_dim = head_dim};
    struct qoq_attention_partial all[QOQ_ATTENTION_VECTORS];

    for (size_t i = 0; i < block.count; i++) {
        size_t m = begin + i / heads, h = first + i % heads;

        qoq_attention_head(&block.view[i], a->x + m * wide + h * head_dim, a->sequence,
                           a->context - a->rows + m + 1, h, a->q_heads, a->layout);
    }
    merge_tree(all, &block, 0, (block.view[0].context - 1) / QOQ_SPLIT_TOKENS + 1);
    for (size_t i = 0; i < block.count; i++) {
        size_t m = begin + i / heads, h = first + i % heads;

        path->finish(a->out + m * wide + h * head_dim, &all[i], head_dim);
    }
}

/* Block number i: blocks of heads vary fastest, the longest contexts come first. */
static void run_numbered(const struct qoq_attention_rows *a, const struct qoq_attention_path *path,
                         const struct cut *c, size_t i)
{
    size_t group = a->q_heads / a->layout->heads, before = a->context - a->rows;
    size_t kv_head = i / c->head_blocks % a->layout->heads;
    size_t skip = i % c->head_blocks * c->heads;
    size_t block = before / c->rows + c->row_blocks - 1 - i / c->head_blocks / a->layout->heads;
    size_t begin = block * c->rows, end = begin + c->rows;

    begin = begin > before ? begin : before;
    end = least(end, a->context);
    run_block(a, path, begin - before, end - before, kv_head * group + skip,
              least(c->heads, group - skip));
}

void qoq_attention_run(const struct qoq_attention_rows *a, const struct qoq_attention_path *path)
{
    struct cut c = cut(a);
    size_t blocks = c.row_blocks * c.head_blocks * a->layout->heads;

#pragma omp parallel for schedule(dynamic) if (a->q_heads * a->layout->head_dim * a->context >=    \
                                               QOQ_PARALLEL_MIN / a->rows)
    for (size_t i = 0; i < blocks; i++)
        run_numbered(a, path, &c, i);
}

enum qoq_status qoq_attention_of_rows(const struct qoq_attention_rows *a)
{
    enum qoq_status status;

    if (a->out == NULL || a->x == NULL)
        return QOQ_ERR_ARGUMENT;
    if (a->rows == 0 || a->context < a->rows)
        return QOQ_ERR_SHAPE;
    status = qoq_kv_check_sequence(a->sequence, 0, a->context, a->q_heads, a->layout);
    if (status == QOQ_OK)
        qoq_attention_run(a, choose_path());
    return status;
}

enum qoq_status qoq_attention(qoq_half *out, const float *x, const struct qoq_kv_sequence *sequence,
                              size_t context, size_t q_heads, const struct qoq_kv_layout *layout)
{
    return qoq_attention_of_rows(
        &(struct qoq_attention_rows){out, x, sequence, layout, 1, context, q_heads});
}
