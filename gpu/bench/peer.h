/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of another library beside ours: `qoq gpu bench --peer FILE` loads a shared object that
 * has one function, `int qoq_peer_product(const struct qoq_peer_product *)`. It starts y = x w^T on
 * the stream and returns 0, or another number where it does not do such a product. Only its time
 * counts: what lies in y is not looked at.
 *
 * For QServe's own kernels: its extension takes the same tiled codes and group parameters; scales
 * and sums of tokens are binary16 there, for which the arrays here have more than enough room.
 */
#ifndef QOQ_GPU_BENCH_PEER_H
#define QOQ_GPU_BENCH_PEER_H

#include "gpu/bench/device.h"
#include "gpu/bench/kernels.h"

/* All pointers are the device's, all rows contiguous. */
struct qoq_peer_product {
    int scheme;                       /* enum qoq_scheme */
    size_t m, n, k, group;            /* y [m][n], x [m][k], w [n][k] */
    void *y;                          /* binary16 */
    const void *x, *x_scale, *x_sum;  /* int8, 4 bytes a token each */
    const void *code, *s, *z;         /* of struct qoq_cuda_weight */
    const void *s2_scales, *s2_zeros; /* in groups */
    void *stream;                     /* cudaStream_t */
};

/* Loads FILE; text: why it cannot be. What was loaded is used until the next call; NULL unloads. */
enum qoq_status qoq_bench_peer_load(const char *file, struct qoq_bench_device *device, char *text,
                                    size_t room);

/* The rows of the bench's table that it adds; they end with a NULL name. */
extern const struct qoq_bench_kernel qoq_bench_peers[];

#endif
