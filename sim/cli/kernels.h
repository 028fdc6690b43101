/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of tables about kernels, shared by subcommands. */
#ifndef QOQ_SIM_CLI_KERNELS_H
#define QOQ_SIM_CLI_KERNELS_H

#include "sim/cli/table.h"
#include "sim/cost/attention.h"
#include "sim/cost/case.h"
#include "sim/cost/gemm.h"

enum { QOQ_SIM_GEMM_COLUMNS = 16 };
extern const struct qoq_sim_column qoq_sim_gemm_columns[QOQ_SIM_GEMM_COLUMNS];
enum { QOQ_SIM_ATTENTION_COLUMNS = 11 };
extern const struct qoq_sim_column qoq_sim_attention_columns[QOQ_SIM_ATTENTION_COLUMNS];

/* The product of the case's work. NULL, or why there is none. */
const char *qoq_sim_case_gemm(struct qoq_sim_gemm_cost *cost, const struct qoq_sim_case *it);

/* Decode attention of the case's work, or of its model where `model` is 1. */
void qoq_sim_case_attention(struct qoq_sim_attention_cost *cost, const struct qoq_sim_case *it,
                            int model);

void qoq_sim_gemm_row(struct qoq_sim_table *table, const struct qoq_sim_case *it,
                      const struct qoq_sim_gemm_cost *cost);
void qoq_sim_attention_row(struct qoq_sim_table *table, const struct qoq_sim_case *it,
                           const struct qoq_sim_attention_cost *cost);

/* Share of the kernel's time, in percent, that `clocks` of every main-loop iteration take. */
double qoq_sim_gemm_busy(const struct qoq_sim_gemm_cost *cost, const struct qoq_sim_case *it,
                         double clocks);

/* "CUDA cores: XU pipe" and the like. */
const char *qoq_sim_gemm_bound(const struct qoq_sim_gemm_cost *cost);
const char *qoq_sim_attention_bound(const struct qoq_sim_attention_cost *cost);

#endif
