/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulator expects of the kernels on a GPU that it knows. */
#ifndef QOQ_GPU_BENCH_PREDICT_H
#define QOQ_GPU_BENCH_PREDICT_H

#include "gpu/bench/plan.h"
#include "sim/cost/case.h"

/* Seconds of one call on it->gpu, with the scheme or cache in `it` that the kernel names; rows and
 * what has no scheme: its bytes at the speed of elementwise kernels, and a launch. NAN: the GPU
 * cannot run it. */
double qoq_bench_predict(const struct qoq_sim_case *it, const struct qoq_bench_case *what);

#endif
