/* SPDX-License-Identifier: Apache-2.0 */
/* What the operators of golden_run share. */
#ifndef QOQ_SIM_CLI_GOLDEN_RUN_INTERNAL_H
#define QOQ_SIM_CLI_GOLDEN_RUN_INTERNAL_H

#include "golden/compare.h"
#include "gpu/verify/arrays.h"
#include "sim/cli/golden_run.h"

/* A case on the device. */
struct qoq_sim_golden_case {
    struct qoq_verify_arrays arrays;
    const struct qoq_golden_case *c;
    size_t elements, differing;
};

/* An integer parameter. */
size_t qoq_sim_golden_size(const struct qoq_sim_golden_case *run, const char *name);

/* The device's copy of an input; NULL where the case has none. */
void *qoq_sim_golden_input(struct qoq_sim_golden_case *run, const char *name);

/* An array for an output of the case. */
struct qoq_verify_array *qoq_sim_golden_output(struct qoq_sim_golden_case *run, const char *name);

/* After a kernel: what it left against what the case demands. */
void qoq_sim_golden_compare(struct qoq_sim_golden_case *run, const struct qoq_verify_array *array);

/* Operators over a cache. */
void qoq_sim_golden_decode(struct qoq_sim_golden_case *run);
void qoq_sim_golden_prefill(struct qoq_sim_golden_case *run);
void qoq_sim_golden_split(struct qoq_sim_golden_case *run);

#endif
