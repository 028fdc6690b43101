/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of `qoq sim run`: each size a number, a list or a range, and all combinations. */
#ifndef QOQ_SIM_CLI_RUN_GRID_H
#define QOQ_SIM_CLI_RUN_GRID_H

#include "gpu/verify/verify.h"
#include "sim/cli/axis.h"

enum { QOQ_SIM_GRID_AXES = 16, QOQ_SIM_GRID_SHAPES = 1 << 20 };

struct qoq_sim_grid {
    struct qoq_sim_axis axis[QOQ_SIM_GRID_AXES]; /* in the order of their options */
    size_t axes, shapes;                         /* shapes: at least 1 */
};

void qoq_sim_grid_begin(struct qoq_sim_grid *grid);

/* A size by the name of its option without dashes: "q-heads", "1,16,64" (sim/cli/axis.h). One given
 * again replaces the first. */
QOQ_CHECKED enum qoq_status qoq_sim_grid_size(struct qoq_sim_grid *grid, const char *option,
                                              const char *values, struct qoq_error *err);

/* Shape i; the last axis runs fastest. */
void qoq_sim_grid_shape(struct qoq_verify_shape *shape, const struct qoq_sim_grid *grid, size_t i);

void qoq_sim_grid_free(struct qoq_sim_grid *grid);

#endif
