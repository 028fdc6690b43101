/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products for the bench. */
#include "gpu/bench/operators.h"

static size_t parameters(const struct qoq_bench_shape *s)
{
    return (s->k + s->group - 1) / s->group * ((s->n + 31) / 32 * 32);
}

static size_t pitch(const struct qoq_bench_shape *s)
{
    return (s->k + 15) / 16 * 16;
}

size_t qoq_bench_product_arrays(struct qoq_bench_array *list, const struct qoq_bench_shape *s,
                                int variant)
{
    size_t codes = variant == QOQ_W8 ? s->n * s->k : qoq_tile_code_bytes(s->n, s->k);
    size_t groups = variant == QOQ_W4_GROUP ? parameters(s) : 0;

    list[QOQ_BENCH_CODE] = (struct qoq_bench_array){.content = QOQ_BENCH_BYTES, .bytes = codes};
    list[QOQ_BENCH_SCALE] =
        (struct qoq_bench_array){.content = QOQ_BENCH_SMALL_HALVES, .bytes = 2 * s->n};
    list[QOQ_BENCH_ZERO] = (struct qoq_bench_array){.content = QOQ_BENCH_NIBBLES,
                                                    .bytes = variant == QOQ_W4_CHANNEL ? s->n : 0};
    list[QOQ_BENCH_GROUP_SCALES] =
        (struct qoq_bench_array){.content = QOQ_BENCH_GROUP_SCALE, .bytes = groups};
    list[QOQ_BENCH_GROUP_ZEROS] =
        (struct qoq_bench_array){.content = QOQ_BENCH_GROUP_ZERO, .bytes = groups};
    list[QOQ_BENCH_X] =
        (struct qoq_bench_array){.content = QOQ_BENCH_BYTES, .bytes = s->m * pitch(s)};
    list[QOQ_BENCH_X_SCALE] =
        (struct qoq_bench_array){.content = QOQ_BENCH_SMALL_FLOATS, .bytes = 4 * s->m};
    list[QOQ_BENCH_X_SUM] = (struct qoq_bench_array){.content = QOQ_BENCH_SUMS, .bytes = 4 * s->m};
    list[QOQ_BENCH_Y] =
        (struct qoq_bench_array){.content = QOQ_BENCH_OUTPUT, .bytes = 2 * s->m * s->n};
    return QOQ_BENCH_PRODUCT_ARRAYS;
}

struct qoq_bench_cost qoq_bench_product_cost(const struct qoq_bench_shape *s, int variant)
{
    struct qoq_bench_array list[QOQ_BENCH_ARRAYS];
    struct qoq_bench_cost cost = {0, 2.0 * (double)s->m * (double)s->n * (double)s->k};
    size_t count = qoq_bench_product_arrays(list, s, variant);

    for (size_t i = 0; i < count; i++) {
        cost.bytes += (double)list[i].bytes;
    }
    return cost;
}

static struct qoq_cuda_weight weight_of(const struct qoq_bench_shape *s, int variant,
                                        void *const *data)
{
    return (struct qoq_cuda_weight){(enum qoq_scheme)variant,
                                    s->n,
                                    s->k,
                                    variant == QOQ_W4_GROUP ? s->group : 0,
                                    data[QOQ_BENCH_CODE],
                                    data[QOQ_BENCH_SCALE],
                                    data[QOQ_BENCH_ZERO],
                                    data[QOQ_BENCH_GROUP_SCALES],
                                    data[QOQ_BENCH_GROUP_ZEROS]};
}

enum qoq_status qoq_bench_product_scratch(struct qoq_cuda *handle, size_t *bytes,
                                          const struct qoq_bench_shape *s, int variant)
{
    void *none[QOQ_BENCH_PRODUCT_ARRAYS] = {NULL};
    struct qoq_cuda_weight w = weight_of(s, variant, none);

    return qoq_cuda_gemm_scratch(handle, bytes, s->m, &w);
}

enum qoq_status qoq_bench_product_run(struct qoq_cuda *handle, const struct qoq_bench_shape *s,
                                      int variant, void *const *data, void *scratch, size_t bytes)
{
    struct qoq_cuda_act x = {
        s->m, s->k, pitch(s), data[QOQ_BENCH_X], data[QOQ_BENCH_X_SCALE], data[QOQ_BENCH_X_SUM]};
    struct qoq_cuda_weight w = weight_of(s, variant, data);

    return qoq_cuda_gemm(handle, data[QOQ_BENCH_Y], &x, &w, NULL, scratch, bytes);
}
