/* SPDX-License-Identifier: Apache-2.0 */
/* Predictions as derivations: each line has its clause of doc/cost-model.md, the formula, the
 * numbers and the result. */
#ifndef QOQ_SIM_CLI_EXPLAIN_H
#define QOQ_SIM_CLI_EXPLAIN_H

#include "cli/cli.h"
#include "sim/cli/kernels.h"
#include "sim/cost/serving.h"

/* Prints one line of a derivation. */
void qoq_sim_explain_line(const char *clause, const char *format, ...) QOQ_PRINTF(2, 3);

/* "ALU: 2 lop3/64 + 1 shf/64 = 0.047 clk" for the classes of a mix, under a heading. Nothing where
 * the mix is empty. */
void qoq_sim_explain_mix(const char *clause, const char *heading, const struct qoq_sim_mix *mix,
                         const struct qoq_sim_gpu *gpu, double issue_share);

/* The whole derivation of the case's product, attention or server. Returns NULL, or why there is
 * none. */
const char *qoq_sim_explain_gemm(struct qoq_sim_gemm_cost *cost, const struct qoq_sim_case *it);
const char *qoq_sim_explain_attention(struct qoq_sim_attention_cost *cost,
                                      const struct qoq_sim_case *it, int model);
const char *qoq_sim_explain_serve(const struct qoq_sim_case *it);

/* Why `slow` takes longer than `fast`, in sentences. */
void qoq_sim_explain_difference(const struct qoq_sim_case *slow,
                                const struct qoq_sim_gemm_cost *slow_cost,
                                const struct qoq_sim_case *fast,
                                const struct qoq_sim_gemm_cost *fast_cost);

#endif
