/* SPDX-License-Identifier: Apache-2.0 */
/* Grids of weight matrices: Q 6.1. */
#include "quantize/grid.h"

#include "ops/shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int group_valid(enum qoq_grid_kind kind, size_t group)
{
    if (kind == QOQ_GRID_W8 || kind == QOQ_GRID_W4_CHANNEL)
        return group == 0;
    return group % 32 == 0 && (group != 0 || kind != QOQ_GRID_W4_GROUP);
}

static void set_codes(struct qoq_grid *grid, size_t group)
{
    grid->lo = 0;
    grid->hi = 15;
    grid->bound = INFINITY;
    if (grid->kind == QOQ_GRID_W8) {
        grid->lo = -127;
        grid->hi = 127;
    } else if (grid->kind == QOQ_GRID_W4_SYMMETRIC) {
        grid->lo = -7;
        grid->hi = 7;
    } else if (grid->kind == QOQ_GRID_W4_GROUP) {
        grid->bound = 119.0f;
    } else if (grid->kind == QOQ_GRID_W4_POST && group != 0) {
        grid->bound = 120.0f;
    }
}

static enum qoq_status allocate(struct qoq_grid *grid)
{
    size_t count = grid->n * grid->groups;

    grid->s = calloc(grid->n, sizeof *grid->s);
    grid->step = calloc(count, sizeof *grid->step);
    grid->zero = calloc(count, sizeof *grid->zero);
    if (grid->s != NULL && grid->step != NULL && grid->zero != NULL)
        return QOQ_OK;
    qoq_grid_free(grid);
    return QOQ_ERR_MEMORY;
}

enum qoq_status qoq_grid_create(struct qoq_grid *grid, enum qoq_grid_kind kind, size_t n, size_t k,
                                size_t group)
{
    if (grid == NULL)
        return QOQ_ERR_ARGUMENT;
    memset(grid, 0, sizeof *grid);
    if ((unsigned)kind >= QOQ_GRID_NONE)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_rows_fit(n, k, sizeof(float)) || !group_valid(kind, group))
        return QOQ_ERR_SHAPE;
    grid->kind = kind;
    grid->n = n;
    grid->k = k;
    grid->group = group == 0 ? k : group;
    grid->groups = k / grid->group + (k % grid->group != 0);
    set_codes(grid, group);
    return allocate(grid);
}

void qoq_grid_free(struct qoq_grid *grid)
{
    if (grid == NULL)
        return;
    free(grid->s);
    free(grid->step);
    free(grid->zero);
    memset(grid, 0, sizeof *grid);
}
