/* SPDX-License-Identifier: Apache-2.0 */
/* Golden cases by the kernels of a device, a GPU or the emulator: the visits of a walk, and the
 * command that prints a row a case. */
#ifndef QOQ_GPU_CLI_GOLDEN_CASES_H
#define QOQ_GPU_CLI_GOLDEN_CASES_H

#include "cli/golden_walk.h"
#include "gpu/verify/golden.h"

struct qoq_golden_cases {
    struct qoq_golden_walk walk; /* first, so that visit finds the rest */
    struct qoq_cuda *handle;
    const char *on;                            /* "emulator" or "gpu" */
    int csv;                                   /* of qoq_golden_cases_print */
    void (*rest)(struct qoq_golden_cases *it); /* after each case, or NULL */
    /* 1: cases of this kernel are wanted; NULL: all are, and those that no kernel runs are counted
     * as skipped. */
    int (*wanted)(const struct qoq_golden_cases *it, const char *kernel);
    /* A case that was run; status as qoq_verify_golden_run gives it. */
    void (*row)(struct qoq_golden_cases *it, const struct qoq_golden_case *c,
                const struct qoq_verify_golden *result, enum qoq_status status);
};

/* Visits the cases of all paths, or of the installed files. What fails is one line on stderr and
 * one that says how to see it again. A GPU that has failed ends the walk. */
void qoq_golden_cases_walk(struct qoq_golden_cases *it, int count, char **path);

/* The same with rows on stdout and a last line with the counts. Returns the exit status. */
int qoq_golden_cases_print(struct qoq_golden_cases *it, int count, char **path);

#endif
