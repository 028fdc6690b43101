/* SPDX-License-Identifier: Apache-2.0 */
/* What comes before the first layer and after the last against the reference. */
#include "gpu/verify/cases.h"

#include <math.h>
#include <string.h>

#include "numerics/half.h"
#include "qoq_model.h"

/* n rows of a table, m tokens. */
enum qoq_status qoq_verify_embed(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                                 const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                 size_t room)
{
    struct qoq_verify_arrays arrays;
    struct qoq_verify_array *r, *table, *token;
    uint64_t state = seed;

    (void)kernel;
    qoq_verify_begin(&arrays, handle, s);
    r = qoq_verify_new(&arrays, "r", s->m * s->k, sizeof(float));
    table = qoq_verify_new(&arrays, "table", s->n * s->k, sizeof(qoq_half));
    token = qoq_verify_new(&arrays, "token", s->m, sizeof(int32_t));
    if (arrays.status == QOQ_OK) {
        qoq_verify_fill_halves(table->host, s->n, s->k, seed, 1);
        for (size_t i = 0; i < s->m; i++) {
            /* Now and then none of the table's. */
            size_t any = qoq_verify_number(&state, 0, 15);
            int32_t t = any == 0   ? -1
                        : any == 1 ? (int32_t)s->n
                                   : (int32_t)qoq_verify_number(&state, 0, s->n - 1);

            ((int32_t *)token->host)[i] = t;
            for (size_t j = 0; j < s->k; j++) {
                ((float *)r->host)[i * s->k + j] = qoq_half_to_float(
                    any <= 1 ? QOQ_HALF_NAN : ((qoq_half *)table->host)[(size_t)t * s->k + j]);
            }
        }
        qoq_verify_send(&arrays, table);
        qoq_verify_send(&arrays, token);
        qoq_verify_note(
            &arrays,
            qoq_cuda_embed(handle, r->device, table->device, token->device, s->m, s->n, s->k),
            "kernel");
        qoq_verify_compare(&arrays, r, QOQ_F32, s->k, text, room);
    }
    return qoq_verify_end(&arrays, text, room);
}

/* Every other row of 2 m, from the last one back; the seed decides whether by their numbers. */
static void norm_rows(float *picked, struct qoq_verify_array *row, const float *r, size_t m,
                      size_t k, int numbered)
{
    for (size_t i = 0; i < m; i++) {
        size_t from = numbered ? 2 * (m - 1 - i) + 1 : i;

        ((int32_t *)row->host)[i] = (int32_t)from;
        memcpy(picked + i * k, r + from * k, k * sizeof *r);
    }
}

enum qoq_status qoq_verify_final_norm(struct qoq_cuda *handle,
                                      const struct qoq_verify_kernel *kernel,
                                      const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                      size_t room)
{
    const float eps = seed % 3 == 0 ? 0.0f : 1e-5f;
    const int numbered = seed % 2 == 0;
    struct qoq_verify_arrays arrays;
    struct qoq_verify_array *r, *o, *gamma, *row, *y;
    size_t all = 2 * s->m;

    (void)kernel;
    qoq_verify_begin(&arrays, handle, s);
    r = qoq_verify_new(&arrays, "r", all * s->k, sizeof(float));
    o = qoq_verify_new(&arrays, "o", all * s->k, sizeof(qoq_half));
    gamma = qoq_verify_new(&arrays, "gamma", s->k, sizeof(float));
    row = qoq_verify_new(&arrays, "row", s->m, sizeof(int32_t));
    y = qoq_verify_new(&arrays, "y", s->m * s->k, sizeof(float));
    if (arrays.status == QOQ_OK) {
        qoq_verify_fill_floats(r->host, all, s->k, seed, 1);
        qoq_verify_fill_halves(o->host, all, s->k, seed + 3 * 32, 0);
        qoq_verify_fill_bell(gamma->host, s->k, seed + 2, 1.0f);
        qoq_verify_send(&arrays, r);
        qoq_verify_send(&arrays, o);
        qoq_verify_send(&arrays, gamma);
        if (s->bias) {
            qoq_verify_note(&arrays, qoq_residual_add(r->host, o->host, all * s->k),
                            "the reference");
        }
        norm_rows(y->host, row, r->host, s->m, s->k, numbered);
        qoq_verify_send(&arrays, row);
        qoq_verify_note(&arrays, qoq_rmsnorm(y->host, y->host, gamma->host, s->m, s->k, eps),
                        "the reference");
        qoq_verify_note(&arrays,
                        qoq_cuda_rmsnorm(handle, y->device, r->device, s->bias ? o->device : NULL,
                                         gamma->device, numbered ? row->device : NULL, s->m, s->k,
                                         eps),
                        "kernel");
        qoq_verify_compare(&arrays, y, QOQ_F32, s->k, text, room);
    }
    return qoq_verify_end(&arrays, text, room);
}

enum qoq_status qoq_verify_head(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                                const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                size_t room)
{
    struct qoq_verify_arrays arrays;
    struct qoq_verify_array *x, *w, *y;

    (void)kernel;
    qoq_verify_begin(&arrays, handle, s);
    x = qoq_verify_new(&arrays, "x", s->m * s->k, sizeof(float));
    w = qoq_verify_new(&arrays, "w", s->n * s->k, sizeof(qoq_half));
    y = qoq_verify_new(&arrays, "y", s->m * s->n, sizeof(float));
    if (arrays.status == QOQ_OK) {
        qoq_verify_fill_floats(x->host, s->m, s->k, seed, (int)(seed & 1));
        qoq_verify_fill_halves(w->host, s->n, s->k, seed + 11, 0);
        for (size_t i = 0; seed % 4 == 2 && i < s->m * s->k; i++) {
            /* Products that vanish: chains of -0, which a stray +0 would end. */
            ((float *)x->host)[i] = -0x1p-149f;
            ((qoq_half *)w->host)[i % (s->n * s->k)] = 1;
        }
        qoq_verify_send(&arrays, x);
        qoq_verify_send(&arrays, w);
        qoq_verify_note(&arrays, qoq_gemm_f16(y->host, x->host, w->host, s->m, s->n, s->k),
                        "the reference");
        qoq_verify_note(
            &arrays, qoq_cuda_gemm_f16(handle, y->device, x->device, w->device, s->m, s->n, s->k),
            "kernel");
        qoq_verify_compare(&arrays, y, QOQ_F32, s->n, text, room);
    }
    return qoq_verify_end(&arrays, text, room);
}

/* Rows of logits with ties, zeros of both signs, NaN and infinities. */
static void fill_logits(float *x, size_t m, size_t n, uint64_t seed)
{
    static const float specials[] = {0.0f, -0.0f, 3.0f, 3.0f};
    uint64_t state = seed;

    qoq_verify_fill_floats(x, m, n, seed, (int)(seed & 1));
    for (size_t i = 0; i < m; i++) {
        size_t kind = qoq_verify_number(&state, 0, 5);

        for (size_t j = 0; kind < 2 && j < n; j++) {
            x[i * n + j] = kind == 0 ? specials[qoq_verify_number(&state, 0, 1)]
                                     : specials[qoq_verify_number(&state, 0, 3)];
        }
        for (size_t j = 0; kind == 2 && j < n; j++) {
            x[i * n + j] = -(float)INFINITY;
        }
        if (kind == 3) {
            x[i * n + n / 2] = (float)INFINITY;
        }
    }
}

enum qoq_status qoq_verify_argmax(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                                  const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                  size_t room)
{
    const struct qoq_sampling greedy = {.temperature = 0};
    struct qoq_verify_arrays arrays;
    struct qoq_verify_array *x, *token;

    (void)kernel;
    qoq_verify_begin(&arrays, handle, s);
    x = qoq_verify_new(&arrays, "logits", s->m * s->n, sizeof(float));
    token = qoq_verify_new(&arrays, "token", s->m, sizeof(int32_t));
    if (arrays.status == QOQ_OK) {
        fill_logits(x->host, s->m, s->n, seed);
        qoq_verify_send(&arrays, x);
        for (size_t i = 0; i < s->m; i++) {
            ((int32_t *)token->host)[i] =
                qoq_sample(NULL, (float *)x->host + i * s->n, s->n, 0, &greedy);
        }
        qoq_verify_note(&arrays, qoq_cuda_argmax(handle, token->device, x->device, s->m, s->n),
                        "kernel");
        qoq_verify_compare(&arrays, token, QOQ_I32, 1, text, room);
    }
    return qoq_verify_end(&arrays, text, room);
}
