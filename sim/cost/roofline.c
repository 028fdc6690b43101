/* SPDX-License-Identifier: Apache-2.0 */
/* The classic roofline: doc/cost-model.md 9. Weights count without group parameters, as in the
 * published figure. */
#include "sim/cost/roofline.h"

#include <math.h>

double qoq_sim_peak(const struct qoq_sim_gpu *gpu, const struct qoq_sim_scheme *scheme)
{
    const double share[] = {scheme->share_fp16, scheme->share_int8, scheme->share_fp8,
                            scheme->share_int4, scheme->share_w4a8};
    const double rate[] = {gpu->tc_fp16, gpu->tc_int8, gpu->tc_fp8, gpu->tc_int4, gpu->tc_w4a8};
    double clocks = 0;

    for (int i = 0; i < 5; i++) {
        clocks += share[i] > 0 ? share[i] / rate[i] : 0;
    }
    return clocks > 0 ? 2 * gpu->sms * gpu->clk_tc_mhz * 1e6 / clocks : 0;
}

double qoq_sim_roof(const struct qoq_sim_gpu *gpu, const struct qoq_sim_scheme *scheme, double m)
{
    return fmin(qoq_sim_peak(gpu, scheme), 2 * m * gpu->hbm_gbps * 1e9 / (scheme->weight_bits / 8));
}

double qoq_sim_ridge(const struct qoq_sim_gpu *gpu, const struct qoq_sim_scheme *scheme)
{
    return qoq_sim_peak(gpu, scheme) * (scheme->weight_bits / 8) / (2 * gpu->hbm_gbps * 1e9);
}

double qoq_sim_crossover(const struct qoq_sim_gpu *gpu, const struct qoq_sim_scheme *early,
                         const struct qoq_sim_scheme *late)
{
    if (qoq_sim_peak(gpu, late) <= qoq_sim_peak(gpu, early)) {
        return INFINITY;
    }
    return qoq_sim_peak(gpu, early) * (late->weight_bits / 8) / (2 * gpu->hbm_gbps * 1e9);
}
