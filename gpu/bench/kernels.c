/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what the bench can run. */
#include "gpu/bench/kernels.h"

#include <string.h>

#include "gpu/bench/operators.h"

#define PRODUCT(name, idea, scheme, description)                                                   \
    {                                                                                              \
        name, idea, QOQ_BENCH_PRODUCT, scheme, description, qoq_bench_product_arrays,              \
            qoq_bench_product_cost, qoq_bench_product_scratch, qoq_bench_product_run               \
    }
#define ROWS(name, idea, width, operator)                                                          \
    {                                                                                              \
        name, idea, QOQ_BENCH_ROWS, width, NULL, qoq_bench_##operator##_arrays,                    \
            qoq_bench_##operator##_cost, NULL, qoq_bench_##operator##_run                          \
    }
#define ENDS(name, idea, most, operator)                                                           \
    {                                                                                              \
        name, idea, QOQ_BENCH_ENDS, most, NULL, qoq_bench_##operator##_arrays,                     \
            qoq_bench_##operator##_cost, NULL, qoq_bench_##operator##_run                          \
    }
#define ATTENTION(name, idea, family, bits, description, operator)                                 \
    {                                                                                              \
        name, idea, family, bits, description, qoq_bench_##operator##_arrays,                      \
            qoq_bench_##operator##_cost, qoq_bench_##operator##_scratch,                           \
            qoq_bench_##operator##_run                                                             \
    }

const struct qoq_bench_kernel qoq_bench_kernels[] = {
    PRODUCT("gemm_w4a8_channel", "product, 4-bit weights per channel", QOQ_W4_CHANNEL, "w4a8-qoq"),
    PRODUCT("gemm_w4a8_group", "product, 4-bit weights in groups of 128", QOQ_W4_GROUP,
            "w4a8-qoq-g128"),
    PRODUCT("gemm_w8a8", "product, INT8 weights", QOQ_W8, "w8a8-qoq"),
    ATTENTION("attention_kv4", "decode attention, 4-bit cache", QOQ_BENCH_DECODE, 4, "kv4-qoq",
              decode),
    ATTENTION("attention_kv8", "decode attention, 8-bit cache", QOQ_BENCH_DECODE, 8, "kv8-qoq",
              decode),
    ATTENTION("decode_kv4_cores", "the same on CUDA cores", QOQ_BENCH_DECODE, 4 + QOQ_BENCH_CORES,
              "kv4-qoq", decode),
    ATTENTION("decode_kv4_tensor", "the same on tensor cores", QOQ_BENCH_DECODE,
              4 + QOQ_BENCH_TENSOR, "kv4-qoq", decode),
    ATTENTION("prefill_kv4", "attention of a whole prompt, 4-bit cache", QOQ_BENCH_PREFILL, 4,
              "kv4-qoq", prefill),
    ATTENTION("prefill_kv8", "attention of a whole prompt, 8-bit cache", QOQ_BENCH_PREFILL, 8,
              "kv8-qoq", prefill),
    ROWS("act_quantize", "binary16 rows to INT8", QOQ_BENCH_HEADS, act),
    ROWS("rmsnorm_quantize", "residual, RMSNorm, INT8", QOQ_BENCH_HIDDEN, norm),
    ROWS("silu_mul_quantize", "SiLU times up, INT8", QOQ_BENCH_FFN, silu),
    ROWS("residual_add", "residual alone", QOQ_BENCH_HIDDEN, residual),
    {"rope_write", "rotation, keys and values into a 4-bit cache", QOQ_BENCH_TOKENS, 4, NULL,
     qoq_bench_rope_arrays, qoq_bench_rope_cost, NULL, qoq_bench_rope_run},
    {"norm_rope_write", "the same behind head norms", QOQ_BENCH_TOKENS, 4, NULL,
     qoq_bench_norm_rope_arrays, qoq_bench_norm_rope_cost, NULL, qoq_bench_norm_rope_run},
    ENDS("embed", "rows of the embedding", 1 << 20, embed),
    ROWS("rmsnorm", "residual, the last RMSNorm", QOQ_BENCH_HIDDEN, final_norm),
    ENDS("gemm_f16", "output head, ordered sums", 256, head),
    ENDS("argmax", "greedy choice", 256, argmax),
    {NULL, NULL, QOQ_BENCH_ROWS, 0, NULL, NULL, NULL, NULL, NULL},
};

const struct qoq_bench_kernel *qoq_bench_find(const char *name)
{
    for (const struct qoq_bench_kernel *k = qoq_bench_kernels; k->name != NULL; k++) {
        if (strcmp(k->name, name) == 0) {
            return k;
        }
    }
    return NULL;
}

size_t qoq_bench_bytes(const struct qoq_bench_kernel *kernel, const struct qoq_bench_shape *shape)
{
    struct qoq_bench_array list[QOQ_BENCH_ARRAYS];
    size_t count = kernel->arrays(list, shape, kernel->variant), bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += list[i].bytes;
    }
    return bytes;
}
