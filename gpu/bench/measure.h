/* SPDX-License-Identifier: Apache-2.0 */
/* One measurement: how many calls and samples, warm-up, statistics. */
#ifndef QOQ_GPU_BENCH_MEASURE_H
#define QOQ_GPU_BENCH_MEASURE_H

#include "gpu/bench/device.h"
#include "gpu/bench/stats.h"

/* Of one call, in seconds. */
struct qoq_bench_measured {
    struct qoq_bench_stats seconds;
    size_t calls, samples; /* each sample is the mean of so many calls */
    struct qoq_bench_timing timing;
};

/* Calls and samples for a call of about `seconds` that goes round `sets` sets of arrays: a sample
 * goes round them all, lasts a millisecond or more, and all samples together last `budget` where
 * the least number of samples allows it. */
void qoq_bench_plan_samples(size_t *calls, size_t *samples, double seconds, size_t sets,
                            double budget);

/* Warms up, estimates, measures. */
enum qoq_status qoq_bench_measure(struct qoq_bench_measured *result,
                                  struct qoq_bench_device *device, qoq_bench_call *call, void *work,
                                  size_t sets, double budget);

#endif
