/* SPDX-License-Identifier: Apache-2.0 */
/* Attention of the baseline model over a binary32 cache: N 12.2. */
#include "ops/attention_f32.h"

#include "numerics/elementary.h"
#include "numerics/reduce.h"
#include "ops/head.h"
#include "ops/shape.h"

/* Cache of one key/value head: vector t starts at t * stride. */
struct head_cache {
    const float *k, *v;
    size_t context, stride, head_dim;
};

static float dot(const float *x, const float *k, size_t head_dim)
{
    float acc = 0.0f;

    for (size_t d = 0; d < head_dim; d++)
        acc = fmaf(x[d], k[d], acc);
    return acc;
}

/* p [context] = softmax of the logits. */
static void probabilities(float *p, const float *x, const struct head_cache *cache)
{
    float factor = qoq_rsqrt((float)cache->head_dim), least, most, sum;

    for (size_t t = 0; t < cache->context; t++)
        p[t] = dot(x, cache->k + t * cache->stride, cache->head_dim) * factor;
    qoq_min_max(&least, &most, p, cache->context);
    for (size_t t = 0; t < cache->context; t++)
        p[t] = qoq_exp(p[t] - most);
    sum = qoq_sum(p, cache->context);
    for (size_t t = 0; t < cache->context; t++)
        p[t] = p[t] / sum;
}

static void mix_values(float *out, const float *p, const struct head_cache *cache)
{
    for (size_t d = 0; d < cache->head_dim; d++)
        out[d] = 0.0f;
    for (size_t t = 0; t < cache->context; t++) {
        for (size_t d = 0; d < cache->head_dim; d++)
            out[d] = fmaf(p[t], cache->v[t * cache->stride + d], out[d]);
    }
}

void qoq_f32_attend_plain(const struct qoq_f32_block *block)
{
    const struct qoq_f32_rows *all = block->all;
    size_t first = qoq_f32_kv_offset(block);

    for (size_t i = 0; i < block->rows * block->heads; i++) {
        struct qoq_f32_vector vector = qoq_f32_vector(block, i);
        struct head_cache cache = {all->k + first, all->v + first, vector.context,
                                   all->kv_heads * all->head_dim, all->head_dim};

        probabilities(vector.p, vector.x, &cache);
        mix_values(vector.out, vector.p, &cache);
    }
}

static qoq_f32_attend *choose_attend(void)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma())
        return qoq_f32_attend_avx2;
#endif
    return qoq_f32_attend_plain;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Blocks count from the last row back, the longest contexts first; of a row, by heads. */
void qoq_f32_run(const struct qoq_f32_rows *a, qoq_f32_attend *attend)
{
    size_t group = a->q_heads / a->kv_heads;
    size_t heads = least(group, QOQ_F32_VECTORS), rows = QOQ_F32_VECTORS / heads;
    size_t pieces = (group - 1) / heads + 1, blocks = a->kv_heads * pieces;
    size_t count = ((a->rows - 1) / rows + 1) * blocks;

#pragma omp parallel for schedule(dynamic) if (a->q_heads * a->head_dim * a->context >=            \
                                               QOQ_PARALLEL_MIN / a->rows)
    for (size_t i = 0; i < count; i++) {
        size_t end = a->rows - i / blocks * rows, skip = i % pieces * heads;
        struct qoq_f32_block block = {.all = a, .rows = least(rows, end)};

        block.first_row = end - block.rows;
        block.first_head = i % blocks / pieces * group + skip;
        block.heads = least(heads, group - skip);
        attend(&block);
    }
}

static int fits(const struct qoq_f32_rows *a)
{
    return qoq_head_dim_fits(a->head_dim) && a->kv_heads != 0 && a->q_heads % a->kv_heads == 0 &&
           a->rows != 0 && a->rows <= a->context &&
           qoq_array_fits(a->q_heads, a->head_dim, sizeof *a->x * a->rows) &&
           qoq_array_fits(a->q_heads, a->context, sizeof *a->work * a->rows) &&
           qoq_array_fits(a->context, a->kv_heads, sizeof *a->k * a->head_dim);
}

enum qoq_status qoq_attention_f32_of_rows(const struct qoq_f32_rows *a)
{
    if (a->out == NULL || a->work == NULL || a->x == NULL || a->k == NULL || a->v == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!fits(a))
        return QOQ_ERR_SHAPE;
    qoq_f32_run(a, choose_attend());
    return QOQ_OK;
}

enum qoq_status qoq_attention_f32(float *out, float *work, const float *x, const float *k,
                                  const float *v, size_t context, size_t q_heads, size_t kv_heads,
                                  size_t head_dim)
{
    return qoq_attention_f32_of_rows(
        &(struct qoq_f32_rows){out, work, x, k, v, 1, context, q_heads, kv_heads, head_dim});
}
