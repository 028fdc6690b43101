/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels did: the counts of `qoq sim run`, over one shape or many. */
#ifndef QOQ_SIM_CLI_RUN_COUNTS_H
#define QOQ_SIM_CLI_RUN_COUNTS_H

#include "data/error.h"
#include "gpu/verify/verify.h"
#include "sim/cli/table.h"
#include "sim/emu/emu.h"

/* What a row is named by. */
enum qoq_sim_name {
    QOQ_SIM_NAME_KERNEL,
    QOQ_SIM_NAME_ROLE,
    QOQ_SIM_NAME_WHAT,
    QOQ_SIM_NAME_TENSOR,
    QOQ_SIM_NAMES
};

enum { QOQ_SIM_MAX_SIZES = 16 };

struct qoq_sim_count {
    size_t shape;                 /* which */
    uint16_t name[QOQ_SIM_NAMES]; /* indices of the lists below */
    uint64_t count;
};

struct qoq_sim_counts {
    const struct qoq_verify_kernel *kernel;
    size_t sizes; /* the fields of a shape that the kernel uses */
    char size[QOQ_SIM_MAX_SIZES][16];
    size_t shapes;
    int64_t *value; /* [shapes][sizes] */
    size_t rows, room;
    struct qoq_sim_count *row;
    size_t names[QOQ_SIM_NAMES];
    const char **name[QOQ_SIM_NAMES]; /* in order of appearance; static texts */
    int short_of_memory;
};

void qoq_sim_counts_begin(struct qoq_sim_counts *counts, const struct qoq_verify_kernel *kernel);

/* Adds the launches of the handle, the first of each kernel, as those of a new shape. */
void qoq_sim_counts_add(struct qoq_sim_counts *counts, const struct qoq_verify_shape *shape,
                        const struct qoq_cuda *handle);

/* 1: the launches of the handle count the same as the shape added last. */
int qoq_sim_counts_repeat(struct qoq_sim_counts *counts, const struct qoq_cuda *handle);

/* A table of the rows, with the sizes of their shape where with_sizes. columns must outlive it. */
void qoq_sim_counts_table(struct qoq_sim_table *table,
                          struct qoq_sim_column columns[QOQ_SIM_MAX_SIZES + QOQ_SIM_NAMES + 1],
                          const struct qoq_sim_counts *counts, int with_sizes);

/* 1: PATH.h5, 0: PATH.csv, -1: neither. */
int qoq_sim_counts_format(const char *path);

/* Writes PATH.csv or PATH.h5 (doc/formats.md 9). */
QOQ_CHECKED enum qoq_status qoq_sim_counts_write(const struct qoq_sim_counts *counts,
                                                 const char *path, struct qoq_error *err);

void qoq_sim_counts_free(struct qoq_sim_counts *counts);

#endif
