/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Baseline attention (N 12.2) with AVX2 and FMA: a vector lane holds one chain, of a token for the
 * logits and of a dimension for the values, and three query vectors share each load of the cache.
 */
#include "numerics/exp_all.h"
#include "numerics/reduce.h"
#include "numerics/vector_avx2.h"
#include "ops/attention_f32.h"
#include "ops/head.h"

#if QOQ_FMA_TARGET
#include <string.h>

/* Columns of a tile: tokens for the logits, dimensions for the values. */
#define TILE 32

/* Tokens of V that all vectors take before any takes more. */
#define CHUNK 64

struct quad {
    __m256 v0, v1, v2, v3;
};

QOQ_VECTOR struct quad load_quad(const float *p)
{
    return (struct quad){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8), _mm256_loadu_ps(p + 16),
                         _mm256_loadu_ps(p + 24)};
}

QOQ_VECTOR void store_quad(float *p, struct quad s)
{
    _mm256_storeu_ps(p, s.v0);
    _mm256_storeu_ps(p + 8, s.v1);
    _mm256_storeu_ps(p + 16, s.v2);
    _mm256_storeu_ps(p + 24, s.v3);
}

/* fma(*a, b, s) */
QOQ_VECTOR struct quad continue_quad(struct quad s, const float *a, struct quad b)
{
    __m256 x = _mm256_broadcast_ss(a);

    s.v0 = _mm256_fmadd_ps(x, b.v0, s.v0);
    s.v1 = _mm256_fmadd_ps(x, b.v1, s.v1);
    s.v2 = _mm256_fmadd_ps(x, b.v2, s.v2);
    s.v3 = _mm256_fmadd_ps(x, b.v3, s.v3);
    return s;
}

/* The chains y0, y1, y2 [TILE] go on with a0, a1, a2 [depth] times tile [depth][TILE]. */
QOQ_WITH_FMA static void continue_tile(float *y0, float *y1, float *y2, const float *a0,
                                       const float *a1, const float *a2, const float *tile,
                                       size_t depth)
{
    struct quad s0 = load_quad(y0), s1 = load_quad(y1), s2 = load_quad(y2);

    for (size_t i = 0; i < depth; i++) {
        struct quad b = load_quad(tile + i * TILE);

        s0 = continue_quad(s0, a0 + i, b);
        s1 = continue_quad(s1, a1 + i, b);
        s2 = continue_quad(s2, a2 + i, b);
    }
    store_quad(y0, s0);
    store_quad(y1, s1);
    store_quad(y2, s2);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- Logits ---- */

/* tile [head_dim][TILE] = the transpose of `count` rows of K, 1 <= count <= TILE; a column past the
 * last repeats it. */
QOQ_WITH_FMA static void fill_keys(float *tile, const float *k, size_t stride, size_t count,
                                   size_t head_dim)
{
    size_t whole = count / QOQ_LANES * QOQ_LANES, even = head_dim / 4 * 4;

    for (size_t t = 0; t < whole; t += QOQ_LANES) {
        for (size_t d = 0; d < even; d += 4) {
            struct qoq_columns c = qoq_transpose_8x4(k + t * stride + d, stride);
            float *row = tile + d * TILE + t;

            _mm256_storeu_ps(row, c.c0);
            _mm256_storeu_ps(row + TILE, c.c1);
            _mm256_storeu_ps(row + 2 * TILE, c.c2);
            _mm256_storeu_ps(row + 3 * TILE, c.c3);
        }
    }
    for (size_t t = 0; t < TILE; t++) {
        const float *row = k + least(t, count - 1) * stride;

        for (size_t d = t < whole ? even : 0; d < head_dim; d++)
            tile[d * TILE + t] = row[d];
    }
}

/* p [count] = factor times dots */
QOQ_WITH_FMA static void put_logits(float *p, const float *dots, size_t count, float factor)
{
#pragma omp simd
    for (size_t t = 0; t < count; t++)
        p[t] = dots[t] * factor;
}

QOQ_WITH_FMA static void logits(const struct qoq_f32_vector *vector, size_t count, const float *k,
                                size_t stride, size_t head_dim)
{
    float factor = qoq_rsqrt((float)head_dim), tile[QOQ_HEAD_DIM_MAX * TILE];
    size_t context = vector[count - 1].context;

    for (size_t t = 0; t < context; t += TILE) {
        fill_keys(tile, k + t * stride, stride, least(TILE, context - t), head_dim);
        for (size_t i = 0; i < count; i += 3) {
            size_t last = least(i + 2, count - 1);
            const float *x[3] = {vector[i].x, vector[least(i + 1, last)].x, vector[last].x};
            float dots[3][TILE] = {{0.0f}};

            if (vector[last].context <= t)
                continue;
            continue_tile(dots[0], dots[1], dots[2], x[0], x[1], x[2], tile, head_dim);
            for (size_t j = i; j <= last; j++) {
                size_t seen = vector[j].context > t ? vector[j].context - t : 0;

                put_logits(vector[j].p + t, dots[j - i], least(TILE, seen), factor);
            }
        }
    }
}

/* ---- Probabilities ---- */

/* p [context] = softmax of the logits p */
QOQ_WITH_FMA static void soften(float *p, size_t context)
{
    float lo, most, sum;

    qoq_min_max(&lo, &most, p, context);
#pragma omp simd
    for (size_t t = 0; t < context; t++)
        p[t] -= most;
    qoq_exp_all(p, context);
    sum = qoq_sum(p, context);
#pragma omp simd
    for (size_t t = 0; t < context; t++)
        p[t] /= sum;
}

/* ---- Values ---- */

/* Chains of a block, and `count` tokens of V, copied into tiles one behind the other. */
struct mix {
    float acc[QOQ_F32_VECTORS][QOQ_HEAD_DIM_MAX];
    float tile[QOQ_HEAD_DIM_MAX / TILE][CHUNK][TILE];
};

static void fill_values(struct mix *m, const float *v, size_t stride, size_t count, size_t head_dim)
{
    for (size_t d = 0; d < head_dim; d += TILE) {
        for (size_t t = 0; t < count; t++)
            memcpy(m->tile[d / TILE][t], v + t * stride + d, least(TILE, head_dim - d) * sizeof *v);
    }
}

static size_t seen_of(const struct qoq_f32_vector *vector, size_t first)
{
    return vector->context > first ? least(CHUNK, vector->context - first) : 0;
}

/*
 * Vectors i .. last, at most three, go on with the tokens of the chunk that begins at `first`. They
 * go together as far as the first of them sees, for which a vector past the last stands for the
 * last; the rest, where later rows see more, they go alone.
 */
QOQ_WITH_FMA static void continue_vectors(struct mix *m, const struct qoq_f32_vector *vector,
                                          size_t i, size_t last, size_t first, size_t head_dim)
{
    size_t middle = least(i + 1, last), common = seen_of(&vector[i], first);

    for (size_t d = 0; d < head_dim; d += TILE) {
        const float *tile = m->tile[d / TILE][0];

        continue_tile(m->acc[i] + d, m->acc[middle] + d, m->acc[last] + d, vector[i].p + first,
                      vector[middle].p + first, vector[last].p + first, tile, common);
        for (size_t j = i + 1; j <= last; j++) {
            const float *p = vector[j].p + first + common;
            size_t more = seen_of(&vector[j], first) - common;
            float *y = m->acc[j] + d;

            if (more != 0)
                continue_tile(y, y, y, p, p, p, tile + common * TILE, more);
        }
    }
}

QOQ_WITH_FMA static void mix_values(const struct qoq_f32_vector *vector, size_t count,
                                    const float *v, size_t stride, size_t head_dim)
{
    size_t context = vector[count - 1].context;
    struct mix m;

    for (size_t i = 0; i < count; i++)
        memset(m.acc[i], 0, sizeof m.acc[i]);
    for (size_t t = 0; t < context; t += CHUNK) {
        fill_values(&m, v + t * stride, stride, least(CHUNK, context - t), head_dim);
        for (size_t i = 0; i < count; i += 3)
            continue_vectors(&m, vector, i, least(i + 2, count - 1), t, head_dim);
    }
    for (size_t i = 0; i < count; i++)
        memcpy(vector[i].out, m.acc[i], head_dim * sizeof *m.acc[i]);
}

QOQ_WITH_FMA void qoq_f32_attend_avx2(const struct qoq_f32_block *block)
{
    const struct qoq_f32_rows *a = block->all;
    size_t count = block->rows * block->heads, stride = a->kv_heads * a->head_dim;
    size_t offset = qoq_f32_kv_offset(block);
    struct qoq_f32_vector vector[QOQ_F32_VECTORS] = {{NULL, NULL, NULL, 0}};

    for (size_t i = 0; i < count; i++)
        vector[i] = qoq_f32_vector(block, i);
    logits(vector, count, a->k + offset, stride, a->head_dim);
    for (size_t i = 0; i < count; i++)
        soften(vector[i].p, vector[i].context);
    mix_values(vector, count, a->v + offset, stride, a->head_dim);
}

#endif
