/* SPDX-License-Identifier: Apache-2.0 */
/* The arrays of a measurement, several times over: calls go round them, so that what one call left
 * in the L2 cache is gone before its arrays are used again. */
#ifndef QOQ_GPU_BENCH_SETS_H
#define QOQ_GPU_BENCH_SETS_H

#include "gpu/bench/device.h"
#include "gpu/bench/kernels.h"

enum { QOQ_BENCH_MAX_SETS = 4096 };

struct qoq_bench_sets {
    struct qoq_bench_device *device;
    size_t count, arrays;
    size_t stride[QOQ_BENCH_ARRAYS];
    void *base[QOQ_BENCH_ARRAYS]; /* array a of set i is at base[a] + i * stride[a] */
    void *scratch;
    size_t scratch_bytes;
};

/* How many sets of `bytes` are together three times the L2 cache, at least 2, as far as `room`
 * goes beside the scratch; 0 where not even one fits. */
size_t qoq_bench_set_count(size_t bytes, size_t scratch, size_t l2, size_t room);

/* Allocates and fills. QOQ_ERR_MEMORY: free them all the same. */
enum qoq_status qoq_bench_sets_make(struct qoq_bench_sets *sets, struct qoq_bench_device *device,
                                    const struct qoq_bench_array *list, size_t arrays, size_t count,
                                    size_t scratch_bytes);
void qoq_bench_sets_free(struct qoq_bench_sets *sets);

/* The arrays of set i % count. */
void qoq_bench_sets_get(const struct qoq_bench_sets *sets, size_t i, void *data[QOQ_BENCH_ARRAYS]);

#endif
