/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that the table of kernels.c is made of, by operator. */
#ifndef QOQ_GPU_BENCH_OPERATORS_H
#define QOQ_GPU_BENCH_OPERATORS_H

#include "gpu/bench/kernels.h"

/* Arrays of a product, in the order of its list. */
enum {
    QOQ_BENCH_CODE,
    QOQ_BENCH_SCALE,
    QOQ_BENCH_ZERO,
    QOQ_BENCH_GROUP_SCALES,
    QOQ_BENCH_GROUP_ZEROS,
    QOQ_BENCH_X,
    QOQ_BENCH_X_SCALE,
    QOQ_BENCH_X_SUM,
    QOQ_BENCH_Y,
    QOQ_BENCH_PRODUCT_ARRAYS
};

typedef size_t qoq_bench_list(struct qoq_bench_array *list, const struct qoq_bench_shape *shape,
                              int variant);
typedef struct qoq_bench_cost qoq_bench_least(const struct qoq_bench_shape *shape, int variant);
typedef enum qoq_status qoq_bench_room(struct qoq_cuda *handle, size_t *bytes,
                                       const struct qoq_bench_shape *shape, int variant);
typedef enum qoq_status qoq_bench_run(struct qoq_cuda *handle, const struct qoq_bench_shape *shape,
                                      int variant, void *const *data, void *scratch,
                                      size_t scratch_bytes);

qoq_bench_list qoq_bench_product_arrays, qoq_bench_act_arrays, qoq_bench_norm_arrays,
    qoq_bench_silu_arrays, qoq_bench_residual_arrays, qoq_bench_rope_arrays,
    qoq_bench_norm_rope_arrays, qoq_bench_decode_arrays, qoq_bench_prefill_arrays,
    qoq_bench_embed_arrays, qoq_bench_final_norm_arrays, qoq_bench_head_arrays,
    qoq_bench_argmax_arrays;
qoq_bench_least qoq_bench_product_cost, qoq_bench_act_cost, qoq_bench_norm_cost,
    qoq_bench_silu_cost, qoq_bench_residual_cost, qoq_bench_rope_cost, qoq_bench_norm_rope_cost,
    qoq_bench_decode_cost, qoq_bench_prefill_cost, qoq_bench_embed_cost, qoq_bench_final_norm_cost,
    qoq_bench_head_cost, qoq_bench_argmax_cost;
qoq_bench_room qoq_bench_product_scratch, qoq_bench_decode_scratch, qoq_bench_prefill_scratch;
qoq_bench_run qoq_bench_product_run, qoq_bench_act_run, qoq_bench_norm_run, qoq_bench_silu_run,
    qoq_bench_residual_run, qoq_bench_rope_run, qoq_bench_norm_rope_run, qoq_bench_decode_run,
    qoq_bench_prefill_run, qoq_bench_embed_run, qoq_bench_final_norm_run, qoq_bench_head_run,
    qoq_bench_argmax_run;

#endif
