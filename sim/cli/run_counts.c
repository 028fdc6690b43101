/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels did, in memory and as a table. */
#include <config.h>

#include "sim/cli/run_counts.h"

#if HAVE_EMULATOR

#include <stdlib.h>
#include <string.h>

void qoq_sim_counts_begin(struct qoq_sim_counts *counts, const struct qoq_verify_kernel *kernel)
{
    memset(counts, 0, sizeof *counts);
    counts->kernel = kernel;
    for (const char *at = kernel->sizes; *at != '\0' && counts->sizes < QOQ_SIM_MAX_SIZES;) {
        size_t length = strcspn(at, " ");

        if (length < sizeof counts->size[0]) {
            memcpy(counts->size[counts->sizes++], at, length);
        }
        at += length + (at[length] == ' ');
    }
}

void qoq_sim_counts_free(struct qoq_sim_counts *counts)
{
    for (int i = 0; i < QOQ_SIM_NAMES; i++) {
        free(counts->name[i]);
    }
    free(counts->value);
    free(counts->row);
    memset(counts, 0, sizeof *counts);
}

/* Room for one element more; its address, or NULL. */
static void *grow(struct qoq_sim_counts *counts, void *array, size_t count, size_t size)
{
    if ((count & (count - 1)) == 0) {
        array = realloc(array, (count == 0 ? 1 : 2 * count) * size);
        counts->short_of_memory |= array == NULL;
    }
    return array;
}

static uint16_t name_of(struct qoq_sim_counts *counts, enum qoq_sim_name list, const char *name)
{
    size_t i = 0;

    while (i < counts->names[list] && strcmp(counts->name[list][i], name) != 0) {
        i++;
    }
    if (i == counts->names[list]) {
        const char **names = grow(counts, counts->name[list], i, sizeof *names);

        if (names == NULL) {
            return 0;
        }
        names[i] = name;
        counts->name[list] = names;
        counts->names[list]++;
    }
    return (uint16_t)i;
}

static void add(struct qoq_sim_counts *counts, const struct qoq_emu_launch *launch,
                const char *role, const char *what, const char *tensor, uint64_t count)
{
    struct qoq_sim_count row = {.shape = counts->shapes - 1, .count = count};
    const char *names[QOQ_SIM_NAMES] = {launch->kernel, role, what, tensor};
    struct qoq_sim_count *rows;

    if (count == 0 || counts->short_of_memory) {
        return;
    }
    for (int i = 0; i < QOQ_SIM_NAMES; i++) {
        row.name[i] = name_of(counts, (enum qoq_sim_name)i, names[i]);
    }
    rows = grow(counts, counts->row, counts->rows, sizeof *rows);
    if (rows != NULL) {
        rows[counts->rows++] = row;
        counts->row = rows;
    }
}

static void add_launch(struct qoq_sim_counts *counts, const struct qoq_emu_launch *launch)
{
    add(counts, launch, "all", "blocks", "",
        (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2]);
    add(counts, launch, "all", "threads_per_block", "", launch->threads);
    add(counts, launch, "all", "shared_bytes_per_block", "", launch->shared_bytes);
    for (size_t r = 0; r < launch->roles; r++) {
        for (int c = 0; c < QOQ_EMU_COUNTS; c++) {
            add(counts, launch, launch->role[r], qoq_emu_count_name((enum qoq_emu_count)c), "",
                launch->count[r][c]);
        }
    }
    for (size_t t = 0; t < launch->tensors; t++) {
        add(counts, launch, "all", "read_sectors", launch->tensor[t], launch->read_sectors[t]);
        add(counts, launch, "all", "written_sectors", launch->tensor[t],
            launch->written_sectors[t]);
    }
}

static void add_launches(struct qoq_sim_counts *counts, const struct qoq_cuda *handle)
{
    for (size_t i = 0; i < qoq_emu_launches(handle); i++) {
        const struct qoq_emu_launch *launch = qoq_emu_get_launch(handle, i);
        size_t seen = 0;

        while (seen < i && strcmp(qoq_emu_get_launch(handle, seen)->kernel, launch->kernel) != 0) {
            seen++;
        }
        if (seen == i) {
            add_launch(counts, launch);
        }
    }
}

void qoq_sim_counts_add(struct qoq_sim_counts *counts, const struct qoq_verify_shape *shape,
                        const struct qoq_cuda *handle)
{
    for (size_t i = 0; i < counts->sizes; i++) {
        int64_t *value =
            grow(counts, counts->value, counts->shapes * counts->sizes + i, sizeof *value);

        if (value == NULL) {
            return;
        }
        value[counts->shapes * counts->sizes + i] = qoq_verify_get(shape, counts->size[i]);
        counts->value = value;
    }
    counts->shapes++;
    add_launches(counts, handle);
}

/* Launches may come with their tensors in another order. */
static int has_row(const struct qoq_sim_count *rows, size_t count, const struct qoq_sim_count *row)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(rows[i].name, row->name, sizeof row->name) == 0) {
            return rows[i].count == row->count;
        }
    }
    return 0;
}

int qoq_sim_counts_repeat(struct qoq_sim_counts *counts, const struct qoq_cuda *handle)
{
    size_t before = counts->rows, first = before;
    int same;

    while (first > 0 && counts->row[first - 1].shape == counts->shapes - 1) {
        first--;
    }
    add_launches(counts, handle);
    same = counts->rows - before == before - first;
    for (size_t i = before; same && i < counts->rows; i++) {
        same = has_row(counts->row + first, before - first, &counts->row[i]);
    }
    counts->rows = before;
    return same;
}

void qoq_sim_counts_table(struct qoq_sim_table *table,
                          struct qoq_sim_column columns[QOQ_SIM_MAX_SIZES + QOQ_SIM_NAMES + 1],
                          const struct qoq_sim_counts *counts, int with_sizes)
{
    static const char *const names[QOQ_SIM_NAMES] = {"kernel", "role", "what", "tensor"};
    size_t sizes = with_sizes ? counts->sizes : 0, at = 0;

    columns[at++] = (struct qoq_sim_column){names[0], 0};
    for (size_t i = 0; i < sizes; i++) {
        columns[at++] = (struct qoq_sim_column){counts->size[i], 17};
    }
    for (int i = 1; i < QOQ_SIM_NAMES; i++) {
        columns[at++] = (struct qoq_sim_column){names[i], 0};
    }
    columns[at++] = (struct qoq_sim_column){"count", 17};
    qoq_sim_table_begin(table, "counts", columns, at);
    table->short_of_memory = counts->short_of_memory;
    for (size_t r = 0; r < counts->rows && !counts->short_of_memory; r++) {
        const struct qoq_sim_count *row = &counts->row[r];

        qoq_sim_table_text(table, counts->name[0][row->name[0]]);
        for (size_t i = 0; i < sizes; i++) {
            qoq_sim_table_number(table, (double)counts->value[row->shape * counts->sizes + i]);
        }
        for (int i = 1; i < QOQ_SIM_NAMES; i++) {
            qoq_sim_table_text(table, counts->name[i][row->name[i]]);
        }
        qoq_sim_table_number(table, (double)row->count);
    }
}

#endif
