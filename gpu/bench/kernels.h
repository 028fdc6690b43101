/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the bench can run: the operators of gpu/qoq_cuda.h, each with the arrays it needs, what it
 * has to do at least, and one call. A new operator is a row of the table in kernels.c.
 */
#ifndef QOQ_GPU_BENCH_KERNELS_H
#define QOQ_GPU_BENCH_KERNELS_H

#include "gpu/qoq_cuda.h"

/* Sizes of one run; a kernel uses those of its family. */
struct qoq_bench_shape {
    const char *model, *layer; /* where the sizes come from: "llama-3-8b", "qkv"; borrowed */
    size_t m;                  /* rows, tokens or sequences */
    size_t n, k, group;        /* products, rows (k alone) */
    size_t q_heads, kv_heads, head_dim, page, context; /* cache */
};

/* What an array holds: never zeros alone, which run faster than numbers do. */
enum qoq_bench_content {
    QOQ_BENCH_OUTPUT, /* zeros: written before it is read */
    QOQ_BENCH_BYTES,
    QOQ_BENCH_NIBBLES, /* bytes of 0..15 */
    QOQ_BENCH_HALVES,  /* a bell around 0, standard deviation 1 */
    QOQ_BENCH_FLOATS,
    QOQ_BENCH_SMALL_HALVES, /* positive: scales */
    QOQ_BENCH_SMALL_FLOATS,
    QOQ_BENCH_SUMS,        /* int32 */
    QOQ_BENCH_GROUP_SCALE, /* s2 and -z * s2 (N 5.3) that N 4.4 admits, together */
    QOQ_BENCH_GROUP_ZERO,
    QOQ_BENCH_PAGES,    /* pages of `layout` */
    QOQ_BENCH_SHUFFLED, /* int32: 0 .. count - 1 in random order */
    QOQ_BENCH_COUNT_UP, /* int32: value, value + 1, ... */
    QOQ_BENCH_CONSTANT, /* int32: value */
    QOQ_BENCH_STEPS,    /* int32: 0, value, 2 value, ... */
};

struct qoq_bench_array {
    enum qoq_bench_content content;
    size_t bytes;
    int32_t value;
    struct qoq_kv_layout layout;
};

enum { QOQ_BENCH_ARRAYS = 12 };

/* The least that a run must move and compute. */
struct qoq_bench_cost {
    double bytes, ops; /* ops: a multiply-add is two; 0 where they do not matter */
};

enum qoq_bench_family {
    QOQ_BENCH_PRODUCT, /* every product of a layer, for each number of rows */
    QOQ_BENCH_ROWS,    /* one width of the model, for each number of rows */
    QOQ_BENCH_TOKENS,  /* heads of the model, for each number of rows */
    QOQ_BENCH_DECODE,  /* for each batch and context */
    QOQ_BENCH_PREFILL, /* for each context up to QOQ_BENCH_LONGEST_PROMPT */
    QOQ_BENCH_ENDS     /* hidden size and vocabulary, for each number of rows up to the variant */
};
enum { QOQ_BENCH_LONGEST_PROMPT = 8192 };

/* Which kernel decodes: the library's choice, or one of the two. */
enum qoq_bench_way { QOQ_BENCH_CHOSEN, QOQ_BENCH_CORES = 16, QOQ_BENCH_TENSOR = 32 };

/* The width of rows. */
enum qoq_bench_width { QOQ_BENCH_HIDDEN, QOQ_BENCH_HEADS, QOQ_BENCH_FFN };

struct qoq_bench_kernel {
    const char *name, *idea;
    enum qoq_bench_family family;
    /* Products: enum qoq_scheme; cache: bits, and for decoding enum qoq_bench_way; rows: enum
     * qoq_bench_width; ends: the most rows. */
    int variant;
    const char *scheme; /* description of the simulator that stands for it; NULL: bytes alone */
    /* Fills the list, returns its length. */
    size_t (*arrays)(struct qoq_bench_array *list, const struct qoq_bench_shape *shape,
                     int variant);
    struct qoq_bench_cost (*cost)(const struct qoq_bench_shape *shape, int variant);
    /* NULL: none. */
    enum qoq_status (*scratch)(struct qoq_cuda *handle, size_t *bytes,
                               const struct qoq_bench_shape *shape, int variant);
    /* data: the arrays of the list, on the device. */
    enum qoq_status (*call)(struct qoq_cuda *handle, const struct qoq_bench_shape *shape,
                            int variant, void *const *data, void *scratch, size_t scratch_bytes);
};

/* Ends with a NULL name. */
extern const struct qoq_bench_kernel qoq_bench_kernels[];
const struct qoq_bench_kernel *qoq_bench_find(const char *name);

/* Bytes of the arrays of one run, without scratch. */
size_t qoq_bench_bytes(const struct qoq_bench_kernel *kernel, const struct qoq_bench_shape *shape);

#endif
