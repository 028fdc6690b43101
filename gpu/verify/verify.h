/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels against the reference: any kernel, any shape, seeded inputs, every bit. Works on a handle
 * of gpu/qoq_cuda.h, so on a GPU and on the emulator alike.
 */
#ifndef QOQ_GPU_VERIFY_VERIFY_H
#define QOQ_GPU_VERIFY_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "gpu/qoq_cuda.h"

/* Sizes of a case; a kernel uses those that it names. */
struct qoq_verify_shape {
    size_t m, n, k, group; /* rows and products */
    size_t q_heads, kv_heads, head_dim, page,
        context;    /* cache; m is the number of tokens or rows */
    int bits;       /* of the cache: 4 or 8 */
    int bias;       /* products: with a bias; RMSNorm: with a residual; rotation: head norms */
    int tile;       /* -1 or, products: the tile; prefill: the logarithm of its rows */
    int splits;     /* products: 0 or the number of blocks along K; decode attention on tensor
                       cores: 0 or the splits of a block */
    int misaligned; /* arrays begin where nothing but single elements is aligned, rows have an odd
                       pitch */
    int uniform;    /* 1: attention: every row sees the whole context; 2: and runs are of one
                       sequence */
    int bands;      /* guard bands around device arrays even where the device checks every access */
};

struct qoq_verify_kernel {
    const char *name;
    const char *idea;
    const char *sizes; /* names of the fields in use, separated by spaces */
    enum qoq_status (*run)(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                           const struct qoq_verify_shape *shape, uint64_t seed, char *difference,
                           size_t room);
    int variant;
};

/* All kernels; the list ends with a NULL name. */
extern const struct qoq_verify_kernel qoq_verify_kernels[];
const struct qoq_verify_kernel *qoq_verify_find(const char *name);

/* A value of 1 to 300, bent towards small ones and towards neighbours of multiples of 16: every
 * field that `kernel` uses, from `seed`. */
void qoq_verify_random_shape(struct qoq_verify_shape *shape, const struct qoq_verify_kernel *kernel,
                             uint64_t seed);

/* Defaults of a shape that no one has given. */
void qoq_verify_default_shape(struct qoq_verify_shape *shape);

/* QOQ_ERR_DIFFERS: `text` says where, with both values; other errors: what failed. One line without
 * its end. */
enum qoq_status qoq_verify_run(struct qoq_cuda *handle, const struct qoq_verify_kernel *kernel,
                               const struct qoq_verify_shape *shape, uint64_t seed, char *text,
                               size_t room);

/* The options of a command line that describe the shape, such as "--m 3 --k 100". */
void qoq_verify_print_shape(char *text, size_t room, const struct qoq_verify_kernel *kernel,
                            const struct qoq_verify_shape *shape);

/* Sets a field by the name of its option. -1: there is no such field, or the value is outside its
 * range. */
int qoq_verify_set(struct qoq_verify_shape *shape, const char *name, const char *value);

/* The value of a field; -1 also where there is no such field. */
int64_t qoq_verify_get(const struct qoq_verify_shape *shape, const char *name);

#endif
