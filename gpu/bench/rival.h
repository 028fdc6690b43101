/* SPDX-License-Identifier: Apache-2.0 */
/* Times cuBLASLt on a product: the best of the algorithms that its heuristics offer. */
#ifndef QOQ_GPU_BENCH_RIVAL_H
#define QOQ_GPU_BENCH_RIVAL_H

#include "gpu/bench/library.h"
#include "gpu/bench/result.h"

/* Whatever goes wrong leaves 0 seconds: the comparison is then missing. */
struct qoq_bench_rival qoq_bench_rival(struct qoq_bench_library *library,
                                       struct qoq_bench_device *device, enum qoq_bench_type type,
                                       const struct qoq_bench_shape *shape, size_t room,
                                       double budget);

#endif
