/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of `qoq sim run`: a kernel over shapes and schedules, and what is printed of them. */
#ifndef QOQ_SIM_CLI_RUN_CASES_H
#define QOQ_SIM_CLI_RUN_CASES_H

#include "sim/cli/run_counts.h"
#include "sim/cli/run_grid.h"

struct qoq_sim_run {
    struct qoq_sim_grid grid;
    struct qoq_emu_options emu;
    uint64_t seed;
    size_t random; /* 0: the shapes that the options give */
    int all_schedules;
    enum qoq_sim_format format;
    const char *out, *forms; /* files of counts; the kernel whose closed forms are wanted */
    struct qoq_sim_counts counts;
    struct qoq_sim_table cases;
    int worst; /* exit status so far */
};

/* Runs the kernel of that name, or "all"; returns an exit status. Frees what it added to run. */
int qoq_sim_run_named(struct qoq_sim_run *run, const char *name);

#endif
