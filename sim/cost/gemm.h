/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time of out[m][n] = act[m][k] * weight[n][k] with all its parts (C 5). Every quantity that the
 * derivation names is in the result, so that an explanation needs no second computation.
 */
#ifndef QOQ_SIM_GEMM_H
#define QOQ_SIM_GEMM_H

#include "sim/cost/calibration.h"
#include "sim/cost/tile.h"

/* A scheme on a GPU: what does not depend on the shape. Borrowed pointers. */
struct qoq_sim_gemm {
    const struct qoq_sim_gpu *gpu;
    const struct qoq_sim_scheme *scheme;
    const struct qoq_sim_calibration *cal;
    double weight_bytes, act_bytes, hz, bandwidth, l2_bandwidth;
    double mma_clocks; /* per multiply-add */
    double weight[QOQ_SIM_PIPES], act[QOQ_SIM_PIPES], sum[QOQ_SIM_PIPES], mac[QOQ_SIM_PIPES],
        thread[QOQ_SIM_PIPES];
    double output, pre; /* clocks of the busiest pipe */
    int widened;        /* 1: INT4 operands run as INT8 because the GPU has no INT4 path */
    int tiles;
    struct qoq_sim_tile tile[QOQ_SIM_MAX_TILES];
    int occupancy[QOQ_SIM_MAX_TILES];
};

enum qoq_sim_bound {
    QOQ_SIM_BY_TENSOR,
    QOQ_SIM_BY_CUDA,
    QOQ_SIM_BY_SMEM,
    QOQ_SIM_BY_HBM,
    QOQ_SIM_BY_L2,
    QOQ_SIM_BY_LATENCY,
    QOQ_SIM_BY_FIXED,
    QOQ_SIM_BOUNDS
};
extern const char *const qoq_sim_bound_name[QOQ_SIM_BOUNDS];

/* Times in seconds, clocks of one SM and main-loop iteration. */
struct qoq_sim_gemm_cost {
    struct qoq_sim_tile tile;
    int occupancy, warps;
    double tiles, waves, iterations;
    double clk_mma, clk_pipe[QOQ_SIM_PIPES], clk_cuda; /* clk_cuda: of the busiest pipe */
    double clk_ahead, clk_sum, clk_smem, clk_sync,
        clk_iteration;  /* clk_ahead + clk_sum: CUDA cores before and after the MMA */
    double clk_without; /* the same iteration without dequantization and partial sums */
    double main, hbm_bytes, hbm, l2_bytes, l2, latency; /* these overlap */
    double launch, prologue, output, split, pre, post;  /* these add up */
    double seconds;
    double dequantization; /* share of the main loop that would go away without it */
    enum qoq_sim_pipe pipe;
    enum qoq_sim_bound bound;
};

/* The scheme must be supported (qoq_sim_unsupported). */
void qoq_sim_gemm_prepare(struct qoq_sim_gemm *gemm, const struct qoq_sim_gpu *gpu,
                          const struct qoq_sim_scheme *scheme,
                          const struct qoq_sim_calibration *cal);

/* Cost with one tile, which must fit (occupancy > 0). m, n, k >= 1. */
void qoq_sim_gemm_with(struct qoq_sim_gemm_cost *cost, const struct qoq_sim_gemm *gemm, double m,
                       double n, double k, const struct qoq_sim_tile *tile, int occupancy);

/* Cost with the best tile and split of the scheme's set. Returns 0, or -1 where no tile fits the
 * GPU. C 5.8 */
int qoq_sim_gemm_best(struct qoq_sim_gemm_cost *cost, const struct qoq_sim_gemm *gemm, double m,
                      double n, double k);

#endif
