/* SPDX-License-Identifier: Apache-2.0 */
/* Attention of the baseline model over a binary32 cache: N 12.2. */
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

enum qoq_status qoq_attention_f32(float *out, float *work, const float *x, const float *k,
                                  const float *v, size_t context, size_t q_heads, size_t kv_heads,
                                  size_t head_dim)
{
    if (out == NULL || work == NULL || x == NULL || k == NULL || v == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_head_dim_fits(head_dim) || kv_heads == 0 || q_heads % kv_heads != 0 ||
        !qoq_array_fits(q_heads, head_dim, sizeof *x) ||
        !qoq_array_fits(q_heads, context, sizeof *work) ||
        !qoq_array_fits(context, kv_heads, sizeof *k * head_dim))
        return QOQ_ERR_SHAPE;
#pragma omp parallel for if (q_heads * context * head_dim >= QOQ_PARALLEL_MIN)
    for (size_t h = 0; h < q_heads; h++) {
        size_t first = h / (q_heads / kv_heads) * head_dim;
        struct head_cache cache = {k + first, v + first, context, kv_heads * head_dim, head_dim};

        probabilities(work + h * context, x + h * head_dim, &cache);
        mix_values(out + h * head_dim, work + h * context, &cache);
    }
    return QOQ_OK;
}
