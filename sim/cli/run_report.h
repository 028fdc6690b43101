/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of `qoq sim run`. */
#ifndef QOQ_SIM_CLI_RUN_REPORT_H
#define QOQ_SIM_CLI_RUN_REPORT_H

#include "sim/cli/table.h"
#include "sim/emu/emu.h"

/* Begins the table of counts: one row for each count of each launch. */
void qoq_sim_run_counts_begin(struct qoq_sim_table *table);

/* Adds the launches of the handle, the first of each kernel. */
void qoq_sim_run_counts(struct qoq_sim_table *table, const struct qoq_cuda *handle);

#endif
