/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over golden cases: files, directories with a MANIFEST, or those that came with the program.
 * Shared by `qoq golden check` and `qoq sim golden`. */
#ifndef QOQ_CLI_GOLDEN_WALK_H
#define QOQ_CLI_GOLDEN_WALK_H

#include "data/golden_case.h"

/* First member of what a command keeps, so that visit finds it. */
struct qoq_golden_walk {
    /* A case whose inputs are in order; same_inputs: they are those that its recipe gives. Counts
     * it below. */
    void (*visit)(struct qoq_golden_walk *walk, const struct qoq_golden_case *c, const char *path,
                  int same_inputs);
    const char *only; /* NULL, or the one case to visit */
    int met;          /* it was there */
    int stop;         /* set by visit: no more cases */
    size_t passed, failed, skipped;
    int status; /* the worst exit status so far */
};

void qoq_golden_walk_worsen(struct qoq_golden_walk *walk, int status);

/* A case that could not be run: one line on stderr that names the file, and the exit status. */
void qoq_golden_walk_fail(struct qoq_golden_walk *walk, const char *path, const char *text);

/* Visits the cases of all paths; of the installed files where there is no path. That `only` is
 * nowhere is a failure. */
void qoq_golden_walk_paths(struct qoq_golden_walk *walk, int count, char **path);

#endif
