/* SPDX-License-Identifier: Apache-2.0 */
/* Row kernels for the bench. The first three arrays of those that quantize are their results. */
#include "gpu/bench/operators.h"

enum { Q, Q_SCALE, Q_SUM, IN, SECOND, GAMMA };

static size_t add(struct qoq_bench_array *list, size_t i, enum qoq_bench_content content,
                  size_t bytes)
{
    list[i] = (struct qoq_bench_array){.content = content, .bytes = bytes};
    return i + 1;
}

static void add_act(struct qoq_bench_array *list, const struct qoq_bench_shape *s)
{
    add(list, Q, QOQ_BENCH_OUTPUT, s->m * s->k);
    add(list, Q_SCALE, QOQ_BENCH_OUTPUT, 4 * s->m);
    add(list, Q_SUM, QOQ_BENCH_OUTPUT, 4 * s->m);
}

static struct qoq_cuda_act act_of(const struct qoq_bench_shape *s, void *const *data)
{
    return (struct qoq_cuda_act){s->m, s->k, s->k, data[Q], data[Q_SCALE], data[Q_SUM]};
}

/* Bytes by element of a row and by row. */
static struct qoq_bench_cost bytes(const struct qoq_bench_shape *s, double element, double row,
                                   double once)
{
    return (struct qoq_bench_cost){
        (double)s->m * ((double)s->k * element + row) + (double)s->k * once, 0};
}

size_t qoq_bench_act_arrays(struct qoq_bench_array *list, const struct qoq_bench_shape *s,
                            int variant)
{
    (void)variant;
    add_act(list, s);
    return add(list, IN, QOQ_BENCH_HALVES, 2 * s->m * s->k);
}

struct qoq_bench_cost qoq_bench_act_cost(const struct qoq_bench_shape *s, int variant)
{
    (void)variant;
    return bytes(s, 2 + 1, 8, 0);
}

enum qoq_status qoq_bench_act_run(struct qoq_cuda *handle, const struct qoq_bench_shape *s,
                                  int variant, void *const *data, void *scratch, size_t room)
{
    struct qoq_cuda_act out = act_of(s, data);

    (void)variant;
    (void)scratch;
    (void)room;
    return qoq_cuda_act_quantize(handle, &out, data[IN]);
}

size_t qoq_bench_norm_arrays(struct qoq_bench_array *list, const struct qoq_bench_shape *s,
                             int variant)
{
    (void)variant;
    add_act(list, s);
    add(list, IN, QOQ_BENCH_FLOATS, 4 * s->m * s->k);
    add(list, SECOND, QOQ_BENCH_HALVES, 2 * s->m * s->k);
    return add(list, GAMMA, QOQ_BENCH_FLOATS, 4 * s->k);
}

struct qoq_bench_cost qoq_bench_norm_cost(const struct qoq_bench_shape *s, int variant)
{
    (void)variant;
    return bytes(s, 4 + 4 + 2 + 1, 8, 4);
}

enum qoq_status qoq_bench_norm_run(struct qoq_cuda *handle, const struct qoq_bench_shape *s,
                                   int variant, void *const *data, void *scratch, size_t room)
{
    struct qoq_cuda_act out = act_of(s, data);

    (void)variant;
    (void)scratch;
    (void)room;
    return qoq_cuda_rmsnorm_quantize(handle, &out, data[IN], data[SECOND], data[GAMMA], 1e-5f);
}

size_t qoq_bench_silu_arrays(struct qoq_bench_array *list, const struct qoq_bench_shape *s,
                             int variant)
{
    (void)variant;
    add_act(list, s);
    return add(list, IN, QOQ_BENCH_HALVES, 4 * s->m * s->k); /* gate and up side by side */
}

struct qoq_bench_cost qoq_bench_silu_cost(const struct qoq_bench_shape *s, int variant)
{
    (void)variant;
    return bytes(s, 4 + 1, 8, 0);
}

enum qoq_status qoq_bench_silu_run(struct qoq_cuda *handle, const struct qoq_bench_shape *s,
                                   int variant, void *const *data, void *scratch, size_t room)
{
    struct qoq_cuda_act out = act_of(s, data);
    const qoq_half *gate = data[IN];

    (void)variant;
    (void)scratch;
    (void)room;
    return qoq_cuda_silu_mul_quantize(handle, &out, gate, gate + s->k, 2 * s->k);
}

enum { R, O };

size_t qoq_bench_residual_arrays(struct qoq_bench_array *list, const struct qoq_bench_shape *s,
                                 int variant)
{
    (void)variant;
    add(list, R, QOQ_BENCH_FLOATS, 4 * s->m * s->k);
    return add(list, O, QOQ_BENCH_HALVES, 2 * s->m * s->k);
}

struct qoq_bench_cost qoq_bench_residual_cost(const struct qoq_bench_shape *s, int variant)
{
    (void)variant;
    return bytes(s, 4 + 4 + 2, 0, 0);
}

enum qoq_status qoq_bench_residual_run(struct qoq_cuda *handle, const struct qoq_bench_shape *s,
                                       int variant, void *const *data, void *scratch, size_t room)
{
    (void)variant;
    (void)scratch;
    (void)room;
    return qoq_cuda_residual_add(handle, data[R], data[O], s->m * s->k);
}
