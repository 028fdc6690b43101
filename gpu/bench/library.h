/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cuBLASLt, the vendor's products, to compare with: y (int32 or binary16 [m][n]) = x [m][k] w
 * [n][k]^T. The library is looked for when the bench runs; without it the comparison is left out.
 */
#ifndef QOQ_GPU_BENCH_LIBRARY_H
#define QOQ_GPU_BENCH_LIBRARY_H

#include "gpu/bench/device.h"

#ifdef __cplusplus
extern "C" {
#endif

struct qoq_bench_library;

enum qoq_bench_type { QOQ_BENCH_FP16, QOQ_BENCH_INT8 };

/* NULL where it is not there. text: its version, or why it is not there. */
struct qoq_bench_library *qoq_bench_library_open(struct qoq_bench_device *device, char *text,
                                                 size_t room);
void qoq_bench_library_close(struct qoq_bench_library *library);

/* Asks its heuristics for a product; returns how many algorithms they offer, 0 where none. The
 * answer is kept until the next question. */
int qoq_bench_library_ask(struct qoq_bench_library *library, enum qoq_bench_type type, size_t m,
                          size_t n, size_t k);

/* Runs an algorithm of the last answer; asynchronous. */
enum qoq_status qoq_bench_library_run(struct qoq_bench_library *library, int algorithm, void *y,
                                      const void *x, const void *w);

#ifdef __cplusplus
}
#endif
#endif
