/* SPDX-License-Identifier: Apache-2.0 */
/* One measurement: how many calls and samples, warm-up, statistics. */
#include "gpu/bench/measure.h"

#include <stdlib.h>

enum { LEAST_SAMPLES = 5, MOST_SAMPLES = 101, MOST_CALLS = 4096, WARM_CALLS = 3 };

void qoq_bench_plan_samples(size_t *calls, size_t *samples, double seconds, size_t sets,
                            double budget)
{
    double wanted = seconds > 0 ? 1e-3 / seconds : MOST_CALLS;
    size_t rounds = wanted < MOST_CALLS ? (size_t)wanted / sets + 1 : MOST_CALLS / sets;

    *calls = (rounds < 1 ? 1 : rounds) * sets;
    double fit = seconds > 0 ? budget / (seconds * (double)*calls) : MOST_SAMPLES;
    *samples = fit < LEAST_SAMPLES  ? LEAST_SAMPLES
               : fit > MOST_SAMPLES ? MOST_SAMPLES
                                    : (size_t)fit;
}

enum qoq_status qoq_bench_measure(struct qoq_bench_measured *result,
                                  struct qoq_bench_device *device, qoq_bench_call *call, void *work,
                                  size_t sets, double budget)
{
    double seconds[MOST_SAMPLES] = {0};
    size_t warm = sets < WARM_CALLS ? sets : WARM_CALLS;
    enum qoq_status status = qoq_bench_time(device, seconds, 1, warm, call, work, &result->timing);

    qoq_bench_plan_samples(&result->calls, &result->samples, seconds[0] / (double)warm, sets,
                           budget);
    /* Few calls take their start with them; the estimate of many is better. */
    if (status == QOQ_OK && result->calls > warm) {
        status = qoq_bench_time(device, seconds, 1, result->calls, call, work, &result->timing);
        qoq_bench_plan_samples(&result->calls, &result->samples, seconds[0] / (double)result->calls,
                               sets, budget);
    }
    if (status == QOQ_OK) {
        status = qoq_bench_time(device, seconds, result->samples, result->calls, call, work,
                                &result->timing);
    }
    for (size_t i = 0; i < result->samples; i++) {
        seconds[i] /= (double)result->calls;
    }
    if (status == QOQ_OK) {
        result->seconds = qoq_bench_stats(seconds, result->samples);
    }
    return status;
}
