/* SPDX-License-Identifier: Apache-2.0 */
/* One case from beginning to end: does it fit, its arrays, the measurement, cuBLASLt beside it. */
#ifndef QOQ_GPU_BENCH_RUN_H
#define QOQ_GPU_BENCH_RUN_H

#include "gpu/bench/library.h"
#include "gpu/bench/result.h"

/* What cuBLASLt reached at some sizes. */
struct qoq_bench_answer {
    size_t m, n, k;
    struct qoq_bench_rival half_, int8;
};

enum { QOQ_BENCH_ANSWERS = 1024 };

struct qoq_bench_runner {
    struct qoq_bench_device *device;
    struct qoq_bench_library *library; /* NULL: no comparison */
    double budget;                     /* seconds of measured samples for each case */
    size_t answers;
    struct qoq_bench_answer answer[QOQ_BENCH_ANSWERS]; /* remembered, the same for all kernels */
};

/* Fills in all of *result but `what` and `predicted`, which are given. What does not fit is
 * QOQ_BENCH_SKIPPED, what fails is QOQ_BENCH_FAILED, both with a reason. QOQ_ERR_DEVICE: the GPU
 * has failed and later cases would too. */
enum qoq_status qoq_bench_run_case(struct qoq_bench_runner *runner,
                                   struct qoq_bench_result *result);

#endif
