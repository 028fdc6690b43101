/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products against the reference. */
#include "gpu/verify/cases.h"

#include <stdlib.h>

#include "numerics/gen.h"
#include "numerics/half.h"

/* Operands of a product on both sides. */
struct product {
    struct qoq_verify_array *q, *scale, *sum, *s, *z, *code, *s2, *zeros, *bias, *y, *scratch;
    struct qoq_act x;
    struct qoq_weight w; /* plain, of the reference */
};

/* A group parameter and codes anywhere in what N 4.4 admits, the extremes -128 and 127 included. */
static void craft_group(struct qoq_weight *w, size_t n, size_t g, uint64_t *state)
{
    unsigned s2 = (unsigned)qoq_verify_number(state, 1, 17);
    unsigned most = 128 / s2 < 15 ? 128 / s2 : 15;
    unsigned z = (unsigned)qoq_verify_number(state, 0, most);
    size_t row = (w->k + 1) / 2, end = (g + 1) * w->group;

    w->s2[n * qoq_weight_groups(w) + g] = (uint8_t)s2;
    w->z[n * qoq_weight_groups(w) + g] = (uint8_t)z;
    for (size_t k = g * w->group; k < (end < w->k ? end : w->k); k++) {
        unsigned top = z + 127 / s2 < 15 ? z + 127 / s2 : 15;
        unsigned code = (unsigned)qoq_verify_number(state, 0, top);

        code = qoq_gen_next(state) % 4 == 0 ? (code & 1 ? top : 0) : code;
        w->code[n * row + k / 2] = (uint8_t)(w->code[n * row + k / 2] | code << 4 * (k & 1));
    }
}

static void craft_weight(struct qoq_weight *w, uint64_t seed)
{
    uint64_t state = seed;

    for (size_t n = 0; n < w->n; n++) {
        w->s[n] = (qoq_half)qoq_verify_number(&state, 0x0400, 0x2c00);
        for (size_t g = 0; g < qoq_weight_groups(w); g++) {
            craft_group(w, n, g, &state);
        }
    }
}

static enum qoq_status fill_weight(struct qoq_weight *w, uint64_t seed)
{
    float *real;
    enum qoq_status status;

    if (w->scheme == QOQ_W4_GROUP && (seed & 1) != 0) {
        craft_weight(w, seed);
        return qoq_weight_check(w);
    }
    real = malloc(w->n * w->k * sizeof *real);
    if (real == NULL) {
        return QOQ_ERR_MEMORY;
    }
    qoq_verify_fill_bell(real, w->n * w->k, seed, 0.125f);
    status = qoq_weight_quantize(w, real);
    free(real);
    return status;
}

static void new_arrays(struct product *p, struct qoq_verify_arrays *arrays,
                       const struct qoq_verify_shape *s, size_t pitch)
{
    size_t columns = (s->n + 31) / 32 * 32, groups = qoq_weight_groups(&p->w);
    size_t offset = arrays->offset;

    p->q = qoq_verify_new(arrays, "activations", s->m * pitch, 1);
    p->scale = qoq_verify_new(arrays, "scales", s->m, sizeof(float));
    p->sum = qoq_verify_new(arrays, "sums", s->m, sizeof(int32_t));
    p->s = qoq_verify_new(arrays, "weight scales", s->n, sizeof(qoq_half));
    p->bias = qoq_verify_new(arrays, "bias", s->n, sizeof(float));
    p->y = qoq_verify_new(arrays, "y", s->m * s->n, sizeof(qoq_half));
    p->z = qoq_verify_new(arrays, "zeros", s->n * groups + 1, 1);
    /* What must be aligned. */
    arrays->offset = p->w.scheme == QOQ_W8 ? offset : 0;
    p->code = qoq_verify_new(
        arrays, "codes", p->w.scheme == QOQ_W8 ? s->n * s->k : qoq_tile_code_bytes(s->n, s->k), 1);
    arrays->offset = 0;
    p->s2 = qoq_verify_new(arrays, "s2_scales", groups * columns + 1, 1);
    p->zeros = qoq_verify_new(arrays, "s2_zeros", groups * columns + 1, 1);
    arrays->offset = offset;
}

/* The plain weight of the reference, in memory of its own. */
static enum qoq_status new_weight(struct qoq_weight *w, const struct qoq_verify_shape *s,
                                  int scheme)
{
    *w = (struct qoq_weight){.scheme = (enum qoq_scheme)scheme,
                             .n = s->n,
                             .k = s->k,
                             .group = scheme == QOQ_W4_GROUP ? s->group : 0};
    w->code = calloc(qoq_weight_code_bytes(w) + 1, 1);
    w->s = calloc(s->n, sizeof *w->s);
    w->s2 = calloc(s->n * qoq_weight_groups(w) + 1, 1);
    w->z = calloc(s->n * qoq_weight_groups(w) + 1, 1);
    return w->code == NULL || w->s == NULL || w->s2 == NULL || w->z == NULL ? QOQ_ERR_MEMORY
                                                                            : QOQ_OK;
}

static void free_weight(struct qoq_weight *w)
{
    free(w->code);
    free(w->s);
    free(w->s2);
    free(w->z);
}

static void fill(struct product *p, struct qoq_verify_arrays *arrays,
                 const struct qoq_verify_shape *s, size_t pitch, uint64_t seed)
{
    struct qoq_weight *w = &p->w;
    size_t groups = qoq_weight_groups(w);
    qoq_half *real = calloc(s->m * s->k, sizeof *real);
    int8_t *q = p->q->host;

    if (real == NULL) {
        qoq_verify_note(arrays, QOQ_ERR_MEMORY, "activations");
        return;
    }
    qoq_verify_fill_halves(real, s->m, s->k, seed, 0);
    qoq_verify_note(arrays, qoq_act_quantize(&p->x, real), "activations");
    free(real);
    for (size_t i = 0; i < s->m * pitch; i++) {
        q[i] = i % pitch < s->k ? p->x.q[i / pitch * s->k + i % pitch] : 85;
    }
    qoq_verify_note(arrays, fill_weight(w, seed), "weights");
    for (size_t n = 0; n < s->n; n++) {
        ((qoq_half *)p->s->host)[n] = w->s[n];
    }
    for (size_t i = 0; w->scheme == QOQ_W8 && i < s->n * s->k; i++) {
        ((uint8_t *)p->code->host)[i] = w->code[i];
    }
    for (size_t n = 0; w->scheme == QOQ_W4_CHANNEL && n < s->n; n++) {
        ((uint8_t *)p->z->host)[n] = w->z[n];
    }
    if (w->scheme != QOQ_W8) {
        qoq_verify_note(arrays, qoq_tile_codes(p->code->host, w->code, s->n, s->k), "tiling");
    }
    if (w->scheme == QOQ_W4_GROUP) {
        qoq_verify_note(arrays,
                        qoq_tile_groups(p->s2->host, p->zeros->host, w->s2, w->z, s->n, groups),
                        "tiling");
    }
    qoq_verify_fill_bell(p->bias->host, s->n, seed + 9, 4.0f);
}

static void run(struct product *p, struct qoq_verify_arrays *arrays,
                const struct qoq_verify_shape *s, size_t pitch)
{
    struct qoq_cuda_act x = {s->m, s->k, pitch, p->q->device, p->scale->device, p->sum->device};
    struct qoq_cuda_weight w = {p->w.scheme,     s->n,         s->k,         p->w.group,
                                p->code->device, p->s->device, p->z->device, p->s2->device,
                                p->zeros->device};
    size_t bytes = 0;

    qoq_cuda_gemm_choose(arrays->handle, s->tile, s->splits);
    qoq_verify_note(arrays, qoq_cuda_gemm_scratch(arrays->handle, &bytes, s->m, &w), "scratch");
    arrays->offset = 0;
    p->scratch = qoq_verify_new(arrays, "scratch", bytes, 1);
    if (arrays->status != QOQ_OK) {
        return;
    }
    /* The counters alone must be zero; sums that no block has left there must not be read. */
    qoq_verify_note(arrays,
                    qoq_cuda_zero(arrays->handle, p->scratch->device, bytes < 8192 ? bytes : 8192),
                    "scratch");
    qoq_verify_note(arrays, qoq_gemm(p->y->host, &p->x, &p->w, s->bias ? p->bias->host : NULL),
                    "the reference");
    /* Twice: the first run must leave the scratch as it found it. Where the library divides K,
     * fewer tokens come between, whose division is another. */
    for (int i = 0; i < 3; i++) {
        x.m = i == 1 ? (s->m + 1) / 2 : s->m;
        if (i == 1 && s->splits != 0) {
            continue;
        }
        /* What an earlier run left must not pass for a result. */
        qoq_verify_note(arrays, qoq_cuda_zero(arrays->handle, p->y->device, p->y->bytes), "y");
        qoq_verify_note(arrays,
                        qoq_cuda_gemm(arrays->handle, p->y->device, &x, &w,
                                      s->bias ? p->bias->device : NULL, p->scratch->device, bytes),
                        "kernel");
    }
    qoq_cuda_gemm_choose(arrays->handle, -1, 0);
}

enum qoq_status qoq_verify_gemm(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                                const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                size_t room)
{
    size_t pitch = s->misaligned ? s->k + seed % 3 : (s->k + 15) / 16 * 16;
    struct qoq_verify_arrays arrays;
    struct product p;

    qoq_verify_begin(&arrays, handle, s);
    qoq_verify_note(&arrays, new_weight(&p.w, s, kernel->variant), "weights");
    new_arrays(&p, &arrays, s, pitch);
    p.x = (struct qoq_act){.m = s->m, .k = s->k, .q = malloc(s->m * s->k)};
    if (p.x.q == NULL) {
        qoq_verify_note(&arrays, QOQ_ERR_MEMORY, "activations");
    }
    if (arrays.status == QOQ_OK) {
        p.x.scale = p.scale->host;
        p.x.sum = p.sum->host;
        fill(&p, &arrays, s, pitch, seed);
        for (size_t i = 0; i < arrays.count; i++) {
            if (&arrays.array[i] != p.y) {
                qoq_verify_send(&arrays, &arrays.array[i]);
            }
        }
        run(&p, &arrays, s, pitch);
        qoq_verify_compare(&arrays, p.y, QOQ_F16, s->n, text, room);
    }
    free(p.x.q);
    free_weight(&p.w);
    return qoq_verify_end(&arrays, text, room);
}
