/* SPDX-License-Identifier: Apache-2.0 */
/* Rotation and writing against the reference. */
#include <stdlib.h>
#include <string.h>

#include "gpu/verify/cache.h"
#include "numerics/half.h"

struct rope_case {
    struct qoq_verify_cache cache;
    struct qoq_verify_array *qkv, *sine, *cosine, *sequence, *position, *q, *q_norm, *k_norm;
    float eps;
};

static void fill_rope(struct rope_case *c, const struct qoq_verify_shape *s, uint64_t seed)
{
    size_t row = (s->q_heads + 2 * s->kv_heads) * s->head_dim;

    qoq_verify_fill_halves(c->qkv->host, s->m, row, seed, 1);
    qoq_verify_fill_bell(c->q_norm->host, s->head_dim, seed + 1, 1.0f);
    qoq_verify_fill_bell(c->k_norm->host, s->head_dim, seed + 2, 1.0f);
    memset(c->cache.k->host, 0x5a, c->cache.k->bytes);
    memset(c->cache.v->host, 0x5a, c->cache.v->bytes);
    for (size_t i = 0; i < s->m; i++) {
        ((int32_t *)c->sequence->host)[i] = (int32_t)(i % QOQ_VERIFY_SEQUENCES);
        ((int32_t *)c->position->host)[i] = (int32_t)(i / QOQ_VERIFY_SEQUENCES);
    }
}

static enum qoq_status rope_angles(struct rope_case *c, const struct qoq_verify_shape *s,
                                   size_t positions)
{
    struct qoq_rope rope = {.kind = QOQ_ROPE_PLAIN, .theta = 10000.0};
    double f[128];
    enum qoq_status status = qoq_rope_frequencies(f, s->head_dim, &rope);

    return status != QOQ_OK
               ? status
               : qoq_rope_table(c->sine->host, c->cosine->host, f, s->head_dim, 0, positions);
}

/* Token i by the reference. */
static enum qoq_status rope_token(struct rope_case *c, const struct qoq_verify_shape *s, size_t i,
                                  float *x)
{
    size_t heads = s->q_heads + 2 * s->kv_heads, dim = s->head_dim;
    size_t position = i / QOQ_VERIFY_SEQUENCES,
           place = i % QOQ_VERIFY_SEQUENCES * c->cache.pages + position / s->page;
    const float *sine = (float *)c->sine->host + position * (dim / 2);
    const float *cosine = (float *)c->cosine->host + position * (dim / 2);
    enum qoq_status status;

    for (size_t j = 0; j < heads * dim; j++) {
        x[j] = qoq_half_to_float(((qoq_half *)c->qkv->host)[i * heads * dim + j]);
    }
    if (s->bias && (qoq_rmsnorm(x, x, c->q_norm->host, s->q_heads, dim, c->eps) != QOQ_OK ||
                    qoq_rmsnorm(x + s->q_heads * dim, x + s->q_heads * dim, c->k_norm->host,
                                s->kv_heads, dim, c->eps) != QOQ_OK)) {
        return QOQ_ERR_ARGUMENT;
    }
    status = qoq_rope_apply(x, x, sine, cosine, s->q_heads + s->kv_heads, dim);
    memcpy((float *)c->q->host + i * s->q_heads * dim, x, s->q_heads * dim * sizeof *x);
    if (status == QOQ_OK) {
        status = qoq_kv_write(c->cache.k_page[place], x + s->q_heads * dim, &c->cache.layout,
                              position % s->page);
    }
    return status != QOQ_OK
               ? status
               : qoq_kv_write(c->cache.v_page[place], x + (s->q_heads + s->kv_heads) * dim,
                              &c->cache.layout, position % s->page);
}

static void run_rope(struct rope_case *c, struct qoq_verify_arrays *arrays,
                     const struct qoq_verify_shape *s)
{
    struct qoq_cuda_cache cache = qoq_verify_cache_on_device(&c->cache);
    float *x = calloc((s->q_heads + 2 * s->kv_heads) * s->head_dim, sizeof *x);

    for (size_t i = 0; i < arrays->count; i++) {
        if (&arrays->array[i] != c->q) {
            qoq_verify_send(arrays, &arrays->array[i]);
        }
    }
    qoq_verify_note(arrays, x == NULL ? QOQ_ERR_MEMORY : QOQ_OK, "the reference");
    for (size_t i = 0; arrays->status == QOQ_OK && i < s->m; i++) {
        qoq_verify_note(arrays, rope_token(c, s, i, x), "the reference");
    }
    free(x);
    if (arrays->status != QOQ_OK) {
        return;
    }
    qoq_verify_note(
        arrays,
        s->bias ? qoq_cuda_norm_rope_write(arrays->handle, c->q->device, &cache, c->qkv->device,
                                           c->q_norm->device, c->k_norm->device, c->eps,
                                           c->sine->device, c->cosine->device, c->sequence->device,
                                           c->position->device, s->m, s->q_heads)
                : qoq_cuda_rope_write(arrays->handle, c->q->device, &cache, c->qkv->device,
                                      c->sine->device, c->cosine->device, c->sequence->device,
                                      c->position->device, s->m, s->q_heads),
        "kernel");
}

enum qoq_status qoq_verify_rope(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                                const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                size_t room)
{
    size_t heads = s->q_heads + 2 * s->kv_heads, positions = (s->m - 1) / QOQ_VERIFY_SEQUENCES + 1;
    struct qoq_verify_arrays arrays;
    struct rope_case c;

    (void)kernel;
    qoq_verify_begin(&arrays, handle, s);
    qoq_verify_new_cache(&c.cache, &arrays, s, positions, seed);
    c.qkv = qoq_verify_new(&arrays, "qkv", s->m * heads * s->head_dim, sizeof(qoq_half));
    c.sine = qoq_verify_new(&arrays, "sine", positions * (s->head_dim / 2), sizeof(float));
    c.cosine = qoq_verify_new(&arrays, "cosine", positions * (s->head_dim / 2), sizeof(float));
    c.sequence = qoq_verify_new(&arrays, "sequence", s->m, sizeof(int32_t));
    c.position = qoq_verify_new(&arrays, "position", s->m, sizeof(int32_t));
    c.q = qoq_verify_new(&arrays, "queries", s->m * s->q_heads * s->head_dim, sizeof(float));
    c.q_norm = qoq_verify_new(&arrays, "q_norm", s->head_dim, sizeof(float));
    c.k_norm = qoq_verify_new(&arrays, "k_norm", s->head_dim, sizeof(float));
    c.eps = seed % 3 == 0 ? 0.0f : 1e-6f;
    if (arrays.status == QOQ_OK) {
        fill_rope(&c, s, seed);
        qoq_verify_note(&arrays, rope_angles(&c, s, positions), "angles");
        run_rope(&c, &arrays, s);
        qoq_verify_compare(&arrays, c.q, QOQ_F32, s->q_heads * s->head_dim, text, room);
        qoq_verify_compare_pool(&arrays, &c.cache, c.cache.k, text, room);
        qoq_verify_compare_pool(&arrays, &c.cache, c.cache.v, text, room);
    }
    qoq_verify_free_cache(&c.cache);
    return qoq_verify_end(&arrays, text, room);
}
