/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels did, as a table. */
#include <config.h>

#include "sim/cli/run_report.h"

#include <stdio.h>
#include <string.h>

static const struct qoq_sim_column columns[] = {
    {"kernel", 0}, {"role", 0}, {"what", 0}, {"tensor", 0}, {"count", 17}};

void qoq_sim_run_counts_begin(struct qoq_sim_table *table)
{
    qoq_sim_table_begin(table, "counts", columns, sizeof columns / sizeof columns[0]);
}

static void row(struct qoq_sim_table *table, const struct qoq_emu_launch *launch, const char *role,
                const char *what, const char *tensor, uint64_t count)
{
    qoq_sim_table_text(table, launch->kernel);
    qoq_sim_table_text(table, role);
    qoq_sim_table_text(table, what);
    qoq_sim_table_text(table, tensor);
    qoq_sim_table_number(table, (double)count);
}

static void one_launch(struct qoq_sim_table *table, const struct qoq_emu_launch *launch)
{
    row(table, launch, "all", "blocks", "",
        (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2]);
    row(table, launch, "all", "threads_per_block", "", launch->threads);
    row(table, launch, "all", "shared_bytes_per_block", "", launch->shared_bytes);
    for (size_t r = 0; r < launch->roles; r++) {
        for (int c = 0; c < QOQ_EMU_COUNTS; c++) {
            if (launch->count[r][c] != 0) {
                row(table, launch, launch->role[r], qoq_emu_count_name((enum qoq_emu_count)c), "",
                    launch->count[r][c]);
            }
        }
    }
    for (size_t t = 0; t < launch->tensors; t++) {
        if (launch->read_sectors[t] != 0) {
            row(table, launch, "all", "read_sectors", launch->tensor[t], launch->read_sectors[t]);
        }
        if (launch->written_sectors[t] != 0) {
            row(table, launch, "all", "written_sectors", launch->tensor[t],
                launch->written_sectors[t]);
        }
    }
}

void qoq_sim_run_counts(struct qoq_sim_table *table, const struct qoq_cuda *handle)
{
    for (size_t i = 0; i < qoq_emu_launches(handle); i++) {
        const struct qoq_emu_launch *launch = qoq_emu_get_launch(handle, i);
        size_t seen = 0;

        while (seen < i && strcmp(qoq_emu_get_launch(handle, seen)->kernel, launch->kernel) != 0) {
            seen++;
        }
        if (seen == i) {
            one_launch(table, launch);
        }
    }
}
