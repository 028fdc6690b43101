/* SPDX-License-Identifier: Apache-2.0 */
/* The values and bounds of the free constants: doc/cost-model.md 10, which says what each was
 * fitted on. */
#include "sim/cost/calibration.h"

#define F(name, unit, lo, hi, fallback, meaning)                                                   \
    {                                                                                              \
#name, unit, offsetof(struct qoq_sim_calibration, name), lo, hi, fallback, QOQ_FIELD_MAY,  \
            meaning                                                                                \
    }

static const struct qoq_field fields[] = {
    F(eta_hbm, "", 0.1, 1, 0.955, "share of the read stream that kernels reach"),
    F(eta_l2, "", 0.1, 1, 0.85, "share of the L2 bandwidth that kernels reach"),
    F(eta_library, "", 0.1, 1, 0.945, "share of the tensor rate, kernels of the vendor's library"),
    F(eta_kernel, "", 0.1, 1, 0.6, "share of the tensor rate, kernels written on mma instructions"),
    F(eta_issue, "", 0.1, 1, 0.52, "share of the issue slots that CUDA-core code fills"),
    F(eta_flash, "", 0.1, 1, 0.5, "share of the binary16 tensor peak in prefill attention"),
    F(eta_link, "", 0.1, 1, 0.7, "share of the interconnect bandwidth"),
    F(overlap, "", 0, 1, 0.85, "share of CUDA-core work hidden behind tensor work"),
    F(sync_clk, "clk", 0, 1000, 30, "barrier at the end of a main-loop iteration"),
    F(attention_overlap, "", 0, 1, 0.865,
      "share of the shorter of memory and CUDA-core time hidden in attention"),
    F(attention_floor_us, "us", 0, 1000, 42, "fixed cost of a decode attention kernel"),
    F(eta_elementwise, "", 0.1, 1, 0.82, "share of the read stream that elementwise kernels reach"),
    F(launch_us, "us", 0, 100, 3, "gap between two kernels of a stream"),
    F(timer_us, "us", 0, 1000, 27.8, "fixed cost of one framework call, as benchmarks time it"),
    F(step_us, "us", 0, 1e6, 4000, "host work of one decode step"),
    F(link_hop_us, "us", 0, 1000, 4.2, "latency of one hop of a ring all-reduce"),
    F(reserve, "", 0, 0.9, 0.1, "share of the memory beside the weights that stays free"),
};

const struct qoq_field_table qoq_sim_calibration_table = {
    "cal", fields, sizeof fields / sizeof fields[0], sizeof(struct qoq_sim_calibration)};
