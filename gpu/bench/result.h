/* SPDX-License-Identifier: Apache-2.0 */
/* What one case of the bench came to. */
#ifndef QOQ_GPU_BENCH_RESULT_H
#define QOQ_GPU_BENCH_RESULT_H

#include "gpu/bench/measure.h"
#include "gpu/bench/plan.h"

/* What the chip reaches on loops that do nothing else; 0: not measured. */
struct qoq_bench_ceilings {
    double read, copy;  /* bytes per second; copy counts what is read and what is written */
    double int8, half_; /* operations per second from registers, by mma.sync */
    int wide;           /* but INT8 by wgmma */
};

enum qoq_bench_outcome {
    QOQ_BENCH_PLANNED,
    QOQ_BENCH_MEASURED,
    QOQ_BENCH_SKIPPED,
    QOQ_BENCH_FAILED
};

/* cuBLASLt on the same product: 0 seconds where it was not asked, or has no algorithm. */
struct qoq_bench_rival {
    double seconds;
    int algorithms; /* tried */
};

struct qoq_bench_result {
    const struct qoq_bench_case *what;
    enum qoq_bench_outcome outcome;
    char reason[160]; /* of a skip or a failure */
    struct qoq_bench_cost cost;
    size_t bytes, sets; /* of one set of arrays with the scratch; sets that calls went round */
    struct qoq_bench_measured measured;
    struct qoq_bench_rival half_, int8;
    double predicted; /* seconds; NAN: unknown */
};

/* Shares of the ceilings: NAN where one of the two is not known. The tensor ceiling of a product is
 * the register loop, or cuBLASLt INT8 at this very shape where that is faster. */
double qoq_bench_bandwidth_share(const struct qoq_bench_result *r,
                                 const struct qoq_bench_ceilings *ceilings);
double qoq_bench_tensor_share(const struct qoq_bench_result *r,
                              const struct qoq_bench_ceilings *ceilings);

#endif
