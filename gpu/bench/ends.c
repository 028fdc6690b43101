/* SPDX-License-Identifier: Apache-2.0 */
/* What stands before the first layer and after the last, for the bench: k is the hidden size, n the
 * vocabulary. */
#include "gpu/bench/operators.h"

enum { EMBED_OUT, EMBED_TABLE, EMBED_TOKEN };
enum { NORM_OUT, NORM_RESIDUAL, NORM_OTHER, NORM_GAMMA };
enum { HEAD_OUT, HEAD_X, HEAD_W };
enum { ARGMAX_OUT, ARGMAX_LOGITS };

static void add(struct qoq_bench_array *list, size_t i, enum qoq_bench_content content,
                size_t bytes)
{
    list[i] = (struct qoq_bench_array){.content = content, .bytes = bytes};
}

size_t qoq_bench_embed_arrays(struct qoq_bench_array *list, const struct qoq_bench_shape *s,
                              int variant)
{
    (void)variant;
    add(list, EMBED_OUT, QOQ_BENCH_OUTPUT, 4 * s->m * s->k);
    add(list, EMBED_TABLE, QOQ_BENCH_HALVES, 2 * s->n * s->k);
    add(list, EMBED_TOKEN, QOQ_BENCH_SHUFFLED, 4 * s->m);
    return EMBED_TOKEN + 1;
}

struct qoq_bench_cost qoq_bench_embed_cost(const struct qoq_bench_shape *s, int variant)
{
    (void)variant;
    return (struct qoq_bench_cost){(double)s->m * (6.0 * (double)s->k + 4), 0};
}

enum qoq_status qoq_bench_embed_run(struct qoq_cuda *handle, const struct qoq_bench_shape *s,
                                    int variant, void *const *data, void *scratch, size_t room)
{
    (void)variant;
    (void)scratch;
    (void)room;
    return qoq_cuda_embed(handle, data[EMBED_OUT], data[EMBED_TABLE], data[EMBED_TOKEN], s->m, s->n,
                          s->k);
}

size_t qoq_bench_final_norm_arrays(struct qoq_bench_array *list, const struct qoq_bench_shape *s,
                                   int variant)
{
    (void)variant;
    add(list, NORM_OUT, QOQ_BENCH_OUTPUT, 4 * s->m * s->k);
    add(list, NORM_RESIDUAL, QOQ_BENCH_FLOATS, 4 * s->m * s->k);
    add(list, NORM_OTHER, QOQ_BENCH_HALVES, 2 * s->m * s->k);
    add(list, NORM_GAMMA, QOQ_BENCH_FLOATS, 4 * s->k);
    return NORM_GAMMA + 1;
}

struct qoq_bench_cost qoq_bench_final_norm_cost(const struct qoq_bench_shape *s, int variant)
{
    (void)variant;
    return (struct qoq_bench_cost){(double)s->k * (14.0 * (double)s->m + 4), 0};
}

enum qoq_status qoq_bench_final_norm_run(struct qoq_cuda *handle, const struct qoq_bench_shape *s,
                                         int variant, void *const *data, void *scratch, size_t room)
{
    (void)variant;
    (void)scratch;
    (void)room;
    return qoq_cuda_rmsnorm(handle, data[NORM_OUT], data[NORM_RESIDUAL], data[NORM_OTHER],
                            data[NORM_GAMMA], NULL, s->m, s->k, 1e-5f);
}

size_t qoq_bench_head_arrays(struct qoq_bench_array *list, const struct qoq_bench_shape *s,
                             int variant)
{
    (void)variant;
    add(list, HEAD_OUT, QOQ_BENCH_OUTPUT, 4 * s->m * s->n);
    add(list, HEAD_X, QOQ_BENCH_FLOATS, 4 * s->m * s->k);
    add(list, HEAD_W, QOQ_BENCH_HALVES, 2 * s->n * s->k);
    return HEAD_W + 1;
}

struct qoq_bench_cost qoq_bench_head_cost(const struct qoq_bench_shape *s, int variant)
{
    double m = (double)s->m, n = (double)s->n, k = (double)s->k;

    (void)variant;
    return (struct qoq_bench_cost){4 * m * (n + k) + 2 * n * k, 2 * m * n * k};
}

enum qoq_status qoq_bench_head_run(struct qoq_cuda *handle, const struct qoq_bench_shape *s,
                                   int variant, void *const *data, void *scratch, size_t room)
{
    (void)variant;
    (void)scratch;
    (void)room;
    return qoq_cuda_gemm_f16(handle, data[HEAD_OUT], data[HEAD_X], data[HEAD_W], s->m, s->n, s->k);
}

size_t qoq_bench_argmax_arrays(struct qoq_bench_array *list, const struct qoq_bench_shape *s,
                               int variant)
{
    (void)variant;
    add(list, ARGMAX_OUT, QOQ_BENCH_OUTPUT, 4 * s->m);
    add(list, ARGMAX_LOGITS, QOQ_BENCH_FLOATS, 4 * s->m * s->n);
    return ARGMAX_LOGITS + 1;
}

struct qoq_bench_cost qoq_bench_argmax_cost(const struct qoq_bench_shape *s, int variant)
{
    (void)variant;
    return (struct qoq_bench_cost){4.0 * (double)s->m * ((double)s->n + 1), 0};
}

enum qoq_status qoq_bench_argmax_run(struct qoq_cuda *handle, const struct qoq_bench_shape *s,
                                     int variant, void *const *data, void *scratch, size_t room)
{
    (void)variant;
    (void)scratch;
    (void)room;
    return qoq_cuda_argmax(handle, data[ARGMAX_OUT], data[ARGMAX_LOGITS], s->m, s->n);
}
