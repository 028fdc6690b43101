/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of `qoq sim run`. */
#include <config.h>

#include "sim/cli/run_grid.h"

#if HAVE_EMULATOR

#include <stdio.h>
#include <string.h>

void qoq_sim_grid_begin(struct qoq_sim_grid *grid)
{
    memset(grid, 0, sizeof *grid);
    grid->shapes = 1;
}

static int set(struct qoq_verify_shape *shape, const char *field, double value)
{
    char text[32];

    snprintf(text, sizeof text, "%.17g", value);
    return qoq_verify_set(shape, field, text);
}

/* Every value must be one that the size can have. */
static enum qoq_status check(const struct qoq_sim_axis *axis, struct qoq_error *err)
{
    struct qoq_verify_shape probe;

    qoq_verify_default_shape(&probe);
    for (size_t i = 0; i < axis->count; i++) {
        if (set(&probe, axis->name, axis->value[i]) != 0) {
            return qoq_fail(err, QOQ_ERR_ARGUMENT, axis->option, axis->name,
                            "%.17g is not a value it can have", axis->value[i]);
        }
    }
    return QOQ_OK;
}

enum qoq_status qoq_sim_grid_size(struct qoq_sim_grid *grid, const char *option, const char *values,
                                  struct qoq_error *err)
{
    struct qoq_sim_axis axis;
    char field[32];
    size_t at = 0;
    enum qoq_status status;

    snprintf(field, sizeof field, "%s", option);
    for (char *c = field; *c != '\0'; c++) {
        *c = *c == '-' ? '_' : *c;
    }
    status = qoq_sim_axis_values(&axis, "sim run", field, values, err);
    if (status == QOQ_OK) {
        status = check(&axis, err);
    }
    while (at < grid->axes && strcmp(grid->axis[at].name, field) != 0) {
        at++;
    }
    size_t others = grid->shapes / (at < grid->axes ? grid->axis[at].count : 1);
    if (status == QOQ_OK &&
        (at == QOQ_SIM_GRID_AXES || axis.count > QOQ_SIM_GRID_SHAPES / others)) {
        status = qoq_fail(err, QOQ_ERR_ARGUMENT, "sim run", field, "more than %d shapes",
                          QOQ_SIM_GRID_SHAPES);
    }
    if (status != QOQ_OK) {
        qoq_sim_axis_free(&axis);
        return status;
    }
    qoq_sim_axis_free(&grid->axis[at]);
    grid->axis[at] = axis;
    grid->axes += at == grid->axes;
    grid->shapes = others * axis.count;
    return QOQ_OK;
}

void qoq_sim_grid_shape(struct qoq_verify_shape *shape, const struct qoq_sim_grid *grid, size_t i)
{
    qoq_verify_default_shape(shape);
    for (size_t a = grid->axes; a-- > 0; i /= grid->axis[a].count) {
        const struct qoq_sim_axis *axis = &grid->axis[a];

        if (set(shape, axis->name, axis->value[i % axis->count]) != 0) {
            return; /* checked when it was given */
        }
    }
}

void qoq_sim_grid_free(struct qoq_sim_grid *grid)
{
    for (size_t i = 0; i < grid->axes; i++) {
        qoq_sim_axis_free(&grid->axis[i]);
    }
    qoq_sim_grid_begin(grid);
}

#endif
