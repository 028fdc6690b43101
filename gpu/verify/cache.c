/* SPDX-License-Identifier: Apache-2.0 */
/* What touches the cache against the reference: rotation and writing, attention. */
#include "gpu/verify/cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numerics/gen.h"
#include "numerics/half.h"

enum { SEQUENCES = 3, POSITIONS = 32 };

/* Pools on both sides, and the pages of each sequence in the host's. */
struct cache {
    struct qoq_kv_layout layout;
    struct qoq_verify_array *k, *v, *table;
    size_t pages, page_bytes;   /* pages: of one sequence */
    uint8_t **k_page, **v_page; /* [SEQUENCES * pages] */
};

static void new_cache(struct cache *c, struct qoq_verify_arrays *arrays,
                      const struct qoq_verify_shape *s, size_t tokens, uint64_t seed)
{
    uint64_t state = seed;
    size_t count;

    c->layout = (struct qoq_kv_layout){(unsigned)s->bits, s->page, s->kv_heads, s->head_dim};
    c->pages = (tokens + s->page - 1) / s->page;
    c->page_bytes = qoq_kv_page_bytes(&c->layout);
    count = SEQUENCES * c->pages;
    c->k = qoq_verify_new(arrays, "keys", (count + 1) * c->page_bytes, 1);
    c->v = qoq_verify_new(arrays, "values", (count + 1) * c->page_bytes, 1);
    c->table = qoq_verify_new(arrays, "table", count, sizeof(int32_t));
    c->k_page = calloc(count, sizeof *c->k_page);
    c->v_page = calloc(count, sizeof *c->v_page);
    if (c->page_bytes == 0 || c->k_page == NULL || c->v_page == NULL) {
        qoq_verify_note(arrays, c->page_bytes == 0 ? QOQ_ERR_SHAPE : QOQ_ERR_MEMORY, "cache");
    }
    if (arrays->status != QOQ_OK) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        int32_t *table = c->table->host;
        size_t j = qoq_verify_number(&state, 0, i);

        /* A shuffle from the inside; page 0 stays free. */
        table[i] = table[j];
        table[j] = (int32_t)i + 1;
    }
    for (size_t i = 0; i < count; i++) {
        size_t page = (size_t)((int32_t *)c->table->host)[i];

        c->k_page[i] = (uint8_t *)c->k->host + page * c->page_bytes;
        c->v_page[i] = (uint8_t *)c->v->host + page * c->page_bytes;
    }
}

static struct qoq_cuda_cache on_device(const struct cache *c)
{
    return (struct qoq_cuda_cache){c->layout, c->k->device, c->v->device, c->table->device,
                                   c->pages};
}

static void free_cache(struct cache *c)
{
    free(c->k_page);
    free(c->v_page);
}

static int is_nan(const uint8_t *half)
{
    return ((half[0] | half[1] << 8) & 0x7fff) > QOQ_HALF_INF;
}

/* Bytes of a pool; in the scales and zeros of pages two NaNs are equal. */
static void compare_pool(struct qoq_verify_arrays *arrays, const struct cache *c,
                         const struct qoq_verify_array *pool, char *text, size_t room)
{
    uint8_t *have = qoq_verify_fetch(arrays, pool), *want = pool->host;
    size_t factors = qoq_kv_scale_offset(&c->layout, 0, 0);

    for (size_t i = 0; arrays->status == QOQ_OK && i < pool->bytes; i++) {
        size_t at = i % c->page_bytes, low = at < factors ? i : i - (at - factors) % 2;

        if (have[i] != want[i] && !(at >= factors && is_nan(have + low) && is_nan(want + low))) {
            snprintf(text, room, "%s: page %zu, byte %zu: 0x%02x where the reference has 0x%02x",
                     pool->name, i / c->page_bytes, at, have[i], want[i]);
            qoq_verify_note(arrays, QOQ_ERR_DIFFERS, pool->name);
        }
    }
    free(have);
}

/* ---- Rotation and writing ---- */

struct rope_case {
    struct cache cache;
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
        ((int32_t *)c->sequence->host)[i] = (int32_t)(i % SEQUENCES);
        ((int32_t *)c->position->host)[i] = (int32_t)(i / SEQUENCES);
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
    size_t position = i / SEQUENCES, place = i % SEQUENCES * c->cache.pages + position / s->page;
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
    struct qoq_cuda_cache cache = on_device(&c->cache);
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
    size_t heads = s->q_heads + 2 * s->kv_heads, positions = (s->m - 1) / SEQUENCES + 1;
    struct qoq_verify_arrays arrays;
    struct rope_case c;

    (void)kernel;
    qoq_verify_begin(&arrays, handle, s);
    new_cache(&c.cache, &arrays, s, positions, seed);
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
        compare_pool(&arrays, &c.cache, c.cache.k, text, room);
        compare_pool(&arrays, &c.cache, c.cache.v, text, room);
    }
    free_cache(&c.cache);
    return qoq_verify_end(&arrays, text, room);
}

/* ---- Attention ---- */

struct attention_case {
    struct cache cache;
    struct qoq_verify_array *q, *sequence, *context, *out;
};

/* Every slot of the first `tokens` positions of every sequence. */
static enum qoq_status fill_slots(struct cache *c, const struct qoq_verify_shape *s, uint64_t seed)
{
    size_t row = s->kv_heads * s->head_dim;
    float *x = calloc(2 * row, sizeof *x);
    enum qoq_status status = x == NULL ? QOQ_ERR_MEMORY : QOQ_OK;

    for (size_t i = 0; status == QOQ_OK && i < SEQUENCES * s->context; i++) {
        size_t t = i / SEQUENCES, place = i % SEQUENCES * c->pages + t / s->page;

        qoq_verify_fill_bell(x, 2 * row, qoq_gen(seed, i), 1.0f);
        for (size_t j = 0; i % 7 == 3 && j < row; j++) {
            x[row + j] = x[row]; /* a constant value: scale 0 */
        }
        status = qoq_kv_write(c->k_page[place], x, &c->layout, t % s->page);
        if (status == QOQ_OK) {
            status = qoq_kv_write(c->v_page[place], x + row, &c->layout, t % s->page);
        }
    }
    free(x);
    return status;
}

static void fill_attention(struct attention_case *c, struct qoq_verify_arrays *arrays,
                           const struct qoq_verify_shape *s, uint64_t seed)
{
    uint64_t state = seed;

    qoq_verify_fill_floats(c->q->host, s->m * s->q_heads, s->head_dim, seed, (int)(seed & 1));
    qoq_verify_note(arrays, fill_slots(&c->cache, s, seed), "cache");
    for (size_t i = 0; i < s->m; i++) {
        ((int32_t *)c->sequence->host)[i] = (int32_t)qoq_verify_number(&state, 0, SEQUENCES - 1);
        ((int32_t *)c->context->host)[i] =
            (int32_t)(i == 0 ? s->context : qoq_verify_number(&state, 1, s->context));
    }
}

static void run_attention(struct attention_case *c, struct qoq_verify_arrays *arrays,
                          const struct qoq_verify_shape *s)
{
    struct qoq_cuda_cache cache = on_device(&c->cache);
    size_t row = s->q_heads * s->head_dim, bytes = 0;
    struct qoq_verify_array *scratch;

    qoq_verify_note(arrays,
                    qoq_cuda_attention_scratch(arrays->handle, &bytes, s->m, s->context, s->q_heads,
                                               &c->cache.layout),
                    "scratch");
    for (size_t i = 0; i < arrays->count; i++) {
        if (&arrays->array[i] != c->out) {
            qoq_verify_send(arrays, &arrays->array[i]);
        }
    }
    scratch = qoq_verify_new(arrays, "scratch", bytes, 1);
    for (size_t i = 0; arrays->status == QOQ_OK && i < s->m; i++) {
        size_t first = (size_t)((int32_t *)c->sequence->host)[i] * c->cache.pages;
        struct qoq_kv_sequence pages = {(const uint8_t *const *)c->cache.k_page + first,
                                        (const uint8_t *const *)c->cache.v_page + first};

        qoq_verify_note(
            arrays,
            qoq_attention((qoq_half *)c->out->host + i * row, (float *)c->q->host + i * row, &pages,
                          (size_t)((int32_t *)c->context->host)[i], s->q_heads, &c->cache.layout),
            "the reference");
    }
    if (arrays->status == QOQ_OK) {
        qoq_verify_note(arrays,
                        qoq_cuda_attention(arrays->handle, c->out->device, c->q->device, &cache,
                                           c->sequence->device, c->context->device, s->m,
                                           s->context, s->q_heads, scratch->device, bytes),
                        "kernel");
    }
}

enum qoq_status qoq_verify_attention(struct qoq_cuda *handle,
                                     const struct qoq_verify_kernel *kernel,
                                     const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                     size_t room)
{
    struct qoq_verify_shape shape = *s;
    struct qoq_verify_arrays arrays;
    struct attention_case c;

    shape.bits = kernel->variant;
    qoq_verify_begin(&arrays, handle, s);
    new_cache(&c.cache, &arrays, &shape, s->context, seed);
    c.q = qoq_verify_new(&arrays, "queries", s->m * s->q_heads * s->head_dim, sizeof(float));
    c.sequence = qoq_verify_new(&arrays, "sequence", s->m, sizeof(int32_t));
    c.context = qoq_verify_new(&arrays, "context", s->m, sizeof(int32_t));
    c.out = qoq_verify_new(&arrays, "attention", s->m * s->q_heads * s->head_dim, sizeof(qoq_half));
    if (arrays.status == QOQ_OK) {
        fill_attention(&c, &arrays, s, seed);
        run_attention(&c, &arrays, s);
        qoq_verify_compare(&arrays, c.out, QOQ_F16, s->head_dim, text, room);
    }
    free_cache(&c.cache);
    return qoq_verify_end(&arrays, text, room);
}
