/* SPDX-License-Identifier: Apache-2.0 */
/* Attention against the reference: single rows, and runs of tokens. */
#include <stdlib.h>

#include "gpu/verify/cache.h"
#include "numerics/gen.h"

/* Single rows have no start. */
struct attention_case {
    struct qoq_verify_cache cache;
    struct qoq_verify_array *q, *sequence, *context, *start, *out;
};

/* Element i of an array of int32. */
static int32_t *at(const struct qoq_verify_array *array, size_t i)
{
    return (int32_t *)array->host + i;
}

static void fill_inputs(struct attention_case *c, struct qoq_verify_arrays *arrays,
                        const struct qoq_verify_shape *s, uint64_t seed)
{
    qoq_verify_fill_floats(c->q->host, s->m * s->q_heads, s->head_dim, seed, (int)(seed & 1));
    qoq_verify_note(arrays, qoq_verify_fill_cache(&c->cache, s, seed), "cache");
    if (seed % 4 == 3) {
        qoq_verify_spoil_cache(&c->cache, s, seed);
    }
}

/* Everything to the device but `out`; then scratch, if any. */
static struct qoq_verify_array *send(struct attention_case *c, struct qoq_verify_arrays *arrays,
                                     size_t bytes)
{
    for (size_t i = 0; i < arrays->count; i++) {
        if (&arrays->array[i] != c->out) {
            qoq_verify_send(arrays, &arrays->array[i]);
        }
    }
    return qoq_verify_new(arrays, "scratch", bytes / sizeof(float), sizeof(float));
}

/* One row by the reference. */
static void reference(struct attention_case *c, struct qoq_verify_arrays *arrays,
                      const struct qoq_verify_shape *s, size_t row, size_t sequence, size_t context)
{
    size_t first = sequence * c->cache.pages, from = row * s->q_heads * s->head_dim;
    struct qoq_kv_sequence pages = {(const uint8_t *const *)c->cache.k_page + first,
                                    (const uint8_t *const *)c->cache.v_page + first};

    qoq_verify_note(arrays,
                    qoq_attention((qoq_half *)c->out->host + from, (float *)c->q->host + from,
                                  &pages, context, s->q_heads, &c->cache.layout),
                    "the reference");
}

/* ---- Single rows ---- */

static void fill_rows(struct attention_case *c, const struct qoq_verify_shape *s, uint64_t seed)
{
    uint64_t state = seed;

    for (size_t i = 0; i < s->m; i++) {
        *at(c->sequence, i) = (int32_t)qoq_verify_number(&state, 0, QOQ_VERIFY_SEQUENCES - 1);
        *at(c->context, i) =
            (int32_t)(i == 0 || s->uniform ? s->context : qoq_verify_number(&state, 1, s->context));
    }
}

static void run_rows(struct attention_case *c, struct qoq_verify_arrays *arrays,
                     const struct qoq_verify_shape *s)
{
    struct qoq_cuda_cache cache = qoq_verify_cache_on_device(&c->cache);
    struct qoq_verify_array *scratch;
    size_t bytes = 0;

    qoq_verify_note(arrays,
                    qoq_cuda_attention_scratch(arrays->handle, &bytes, s->m, s->context, s->q_heads,
                                               &c->cache.layout),
                    "scratch");
    scratch = send(c, arrays, bytes);
    for (size_t i = 0; arrays->status == QOQ_OK && i < s->m; i++) {
        reference(c, arrays, s, i, (size_t)*at(c->sequence, i), (size_t)*at(c->context, i));
    }
    if (arrays->status == QOQ_OK) {
        qoq_verify_note(arrays,
                        qoq_cuda_attention(arrays->handle, c->out->device, c->q->device, &cache,
                                           c->sequence->device, c->context->device, s->m,
                                           s->context, s->q_heads, scratch->device, bytes),
                        "kernel");
    }
}

/* ---- Runs of tokens ---- */

/* m rows, or fewer where contexts do not have as many, over the sequences in some order; a sequence
 * may have none. uniform 2: all are of the first. */
static void fill_runs(struct attention_case *c, const struct qoq_verify_shape *s, uint64_t seed)
{
    size_t rows = 0, last = s->uniform > 1 ? 0 : QOQ_VERIFY_SEQUENCES - 1;
    uint64_t state = seed;

    for (size_t b = 0; b < QOQ_VERIFY_SEQUENCES; b++) {
        size_t left = b > last ? 0 : s->m - rows, most = left < s->context ? left : s->context;
        size_t few = b == 0 && most > 0 ? 1 : 0;
        size_t count = b == last ? most : qoq_verify_number(&state, few, most);

        *at(c->sequence, b) = (int32_t)((b + seed) % QOQ_VERIFY_SEQUENCES);
        *at(c->context, b) =
            (int32_t)(b == 0 || s->uniform
                          ? s->context
                          : qoq_verify_number(&state, count == 0 ? 1 : count, s->context));
        *at(c->start, b) = (int32_t)rows;
        rows += count;
    }
    *at(c->start, QOQ_VERIFY_SEQUENCES) = (int32_t)rows;
}

static void reference_runs(struct attention_case *c, struct qoq_verify_arrays *arrays,
                           const struct qoq_verify_shape *s)
{
    for (size_t b = 0; b < QOQ_VERIFY_SEQUENCES; b++) {
        size_t first = (size_t)*at(c->start, b), last = (size_t)*at(c->start, b + 1);

        for (size_t i = first; arrays->status == QOQ_OK && i < last; i++) {
            reference(c, arrays, s, i, (size_t)*at(c->sequence, b),
                      (size_t)*at(c->context, b) - (last - 1 - i));
        }
    }
}

/* Rows that no sequence has are left as they were on the device: they are sent. */
static void run_runs(struct attention_case *c, struct qoq_verify_arrays *arrays,
                     const struct qoq_verify_shape *s)
{
    struct qoq_cuda_cache cache = qoq_verify_cache_on_device(&c->cache);
    size_t rows = (size_t)*at(c->start, QOQ_VERIFY_SEQUENCES), bytes = 0;
    struct qoq_verify_array *scratch;

    qoq_cuda_attention_prefill_choose(arrays->handle, s->tile < 0 ? 0 : 1 << s->tile % 8);
    qoq_verify_note(arrays,
                    qoq_cuda_attention_prefill_scratch(arrays->handle, &bytes, rows,
                                                       QOQ_VERIFY_SEQUENCES, s->context, s->q_heads,
                                                       &c->cache.layout),
                    "scratch");
    scratch = send(c, arrays, bytes);
    if (rows < s->m) {
        qoq_verify_send(arrays, c->out);
    }
    reference_runs(c, arrays, s);
    if (arrays->status == QOQ_OK) {
        qoq_verify_note(arrays,
                        qoq_cuda_attention_prefill(arrays->handle, c->out->device, c->q->device,
                                                   &cache, c->sequence->device, c->start->device,
                                                   c->context->device, rows, QOQ_VERIFY_SEQUENCES,
                                                   s->context, s->q_heads, scratch->device, bytes),
                        "kernel");
    }
}

/* ---- Either ---- */

/* A case of single rows, or of runs. */
static enum qoq_status verify(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                              const struct qoq_verify_shape *s, uint64_t seed, char *text,
                              size_t room, int runs)
{
    size_t elements = s->m * s->q_heads * s->head_dim, rows = runs ? QOQ_VERIFY_SEQUENCES : s->m;
    struct qoq_verify_shape shape = *s;
    struct qoq_verify_arrays arrays;
    struct attention_case c;

    shape.bits = kernel->variant;
    qoq_verify_begin(&arrays, handle, s);
    qoq_verify_new_cache(&c.cache, &arrays, &shape, s->context, seed);
    c.q = qoq_verify_new(&arrays, "queries", elements, sizeof(float));
    c.sequence = qoq_verify_new(&arrays, "sequence", rows, sizeof(int32_t));
    c.start = runs ? qoq_verify_new(&arrays, "start", rows + 1, sizeof(int32_t)) : NULL;
    c.context = qoq_verify_new(&arrays, "context", rows, sizeof(int32_t));
    c.out = qoq_verify_new(&arrays, "attention", elements, sizeof(qoq_half));
    if (arrays.status == QOQ_OK) {
        fill_inputs(&c, &arrays, s, seed);
        (runs ? fill_runs : fill_rows)(&c, s, seed);
        (runs ? run_runs : run_rows)(&c, &arrays, s);
        qoq_verify_compare(&arrays, c.out, QOQ_F16, s->head_dim, text, room);
    }
    qoq_verify_free_cache(&c.cache);
    return qoq_verify_end(&arrays, text, room);
}

/* Single rows by one of the kernels: way of qoq_cuda_attention_choose. */
static enum qoq_status verify_rows(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                                   const struct qoq_verify_shape *s, int way, uint64_t seed,
                                   char *text, size_t room)
{
    enum qoq_status status;

    qoq_cuda_attention_choose(handle, way);
    status = verify(handle, kernel, s, seed, text, room, 0);
    qoq_cuda_attention_choose(handle, QOQ_CUDA_ATTENTION_ANY);
    return status;
}

enum qoq_status qoq_verify_attention(struct qoq_cuda *handle,
                                     const struct qoq_verify_kernel *kernel,
                                     const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                     size_t room)
{
    return verify_rows(handle, kernel, s, QOQ_CUDA_ATTENTION_CORES, seed, text, room);
}

enum qoq_status qoq_verify_decode(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                                  const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                  size_t room)
{
    return verify_rows(handle, kernel, s, s->splits == 0 ? QOQ_CUDA_ATTENTION_TENSOR : s->splits,
                       seed, text, room);
}

enum qoq_status qoq_verify_prefill(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                                   const struct qoq_verify_shape *s, uint64_t seed, char *text,
                                   size_t room)
{
    return verify(handle, kernel, s, seed, text, room, 1);
}
