/* SPDX-License-Identifier: Apache-2.0 */
/* One transformer layer: matrix products, attention, elementwise kernels and the all-reduce of
 * tensor parallelism (C 7, 8.2). */
#ifndef QOQ_SIM_LAYER_H
#define QOQ_SIM_LAYER_H

#include "sim/cost/attention.h"
#include "sim/cost/case.h"
#include "sim/cost/gemm.h"

struct qoq_sim_layer {
    int gemms;
    const char *name[QOQ_SIM_MAX_GEMMS];
    double count[QOQ_SIM_MAX_GEMMS];                               /* products of each kind */
    struct qoq_sim_gemm_cost gemm[QOQ_SIM_MAX_GEMMS];              /* of one product */
    double gemm_seconds, elementwise, elementwise_bytes, launches, /* of elementwise kernels */
        exchange; /* of all; exchange: all-reduces */
};

/* A case made ready: schemes prepared once. The case must outlive it. */
struct qoq_sim_engine {
    const struct qoq_sim_case *it;
    struct qoq_sim_gemm body, head;
    struct qoq_sim_heads heads;
};

/* NULL, or why the GPU cannot run it. */
const char *qoq_sim_engine_prepare(struct qoq_sim_engine *engine, const struct qoq_sim_case *it);

/* Everything in a layer but attention, for `tokens` rows. Returns 0, or -1 where no tile fits. */
int qoq_sim_layer_cost(struct qoq_sim_layer *layer, const struct qoq_sim_engine *engine,
                       double tokens);

/* The product with the vocabulary for `rows` rows, FP16. C 8.2 */
double qoq_sim_head_seconds(const struct qoq_sim_engine *engine, double rows);

/* A ring all-reduce of `bytes` between tp GPUs. C 8.6 */
double qoq_sim_all_reduce(const struct qoq_sim_gpu *gpu, const struct qoq_sim_calibration *cal,
                          double tp, double bytes);

#endif
