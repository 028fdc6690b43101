/* SPDX-License-Identifier: Apache-2.0 */
/* Files of counts (doc/formats.md 9). */
#include <config.h>

#include "sim/cli/run_counts.h"

#if HAVE_EMULATOR

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/file.h"
#include "data/h5.h"

static const char *const names[QOQ_SIM_NAMES] = {"kernel", "role", "what", "tensor"};

/* ---- CSV ---- */

static enum qoq_status write_line(struct qoq_output *out, const struct qoq_sim_counts *counts,
                                  const struct qoq_sim_count *row, struct qoq_error *err)
{
    char text[600];
    size_t used = 0, room = sizeof text;

    used += (size_t)snprintf(text, room, "%s", row ? counts->name[0][row->name[0]] : names[0]);
    for (size_t i = 0; i < counts->sizes && used < room; i++) {
        used += row ? (size_t)snprintf(text + used, room - used, ",%" PRId64,
                                       counts->value[row->shape * counts->sizes + i])
                    : (size_t)snprintf(text + used, room - used, ",%s", counts->size[i]);
    }
    for (int i = 1; i < QOQ_SIM_NAMES && used < room; i++) {
        used += (size_t)snprintf(text + used, room - used, ",%s",
                                 row ? counts->name[i][row->name[i]] : names[i]);
    }
    if (used < room) {
        used += row ? (size_t)snprintf(text + used, room - used, ",%" PRIu64 "\n", row->count)
                    : (size_t)snprintf(text + used, room - used, ",count\n");
    }
    return used < room ? qoq_output_write(out, text, used, err)
                       : qoq_fail(err, QOQ_ERR_RANGE, out->path, NULL, "a name is too long");
}

static enum qoq_status write_csv(const struct qoq_sim_counts *counts, const char *path,
                                 struct qoq_error *err)
{
    struct qoq_output out;
    enum qoq_status status = qoq_output_begin(&out, path, err);

    if (status == QOQ_OK) {
        status = write_line(&out, counts, NULL, err);
    }
    for (size_t i = 0; status == QOQ_OK && i < counts->rows; i++) {
        status = write_line(&out, counts, &counts->row[i], err);
    }
    if (status == QOQ_OK) {
        return qoq_output_commit(&out, err);
    }
    qoq_output_discard(&out);
    return status;
}

/* ---- HDF5 ---- */

/* A column of I64; value(counts, i, which) gives its elements. */
static enum qoq_status write_column(struct qoq_h5 *file, const char *name,
                                    const struct qoq_sim_counts *counts, size_t length,
                                    int64_t (*value)(const struct qoq_sim_counts *, size_t, size_t),
                                    size_t which, struct qoq_error *err)
{
    struct qoq_tensor tensor;
    enum qoq_status status = qoq_tensor_create(&tensor, name, QOQ_I64, &length, 1, err);

    if (status != QOQ_OK) {
        return status;
    }
    for (size_t i = 0; i < length; i++) {
        ((int64_t *)tensor.data)[i] = value(counts, i, which);
    }
    status = qoq_h5_write(file, &tensor, err);
    qoq_tensor_free(&tensor);
    return status;
}

static int64_t size_value(const struct qoq_sim_counts *counts, size_t i, size_t which)
{
    return counts->value[i * counts->sizes + which];
}

static int64_t name_value(const struct qoq_sim_counts *counts, size_t i, size_t which)
{
    return counts->row[i].name[which];
}

static int64_t shape_value(const struct qoq_sim_counts *counts, size_t i, size_t which)
{
    (void)which;
    return (int64_t)counts->row[i].shape;
}

static int64_t count_value(const struct qoq_sim_counts *counts, size_t i, size_t which)
{
    (void)which;
    return (int64_t)counts->row[i].count;
}

static enum qoq_status write_columns(struct qoq_h5 *file, const struct qoq_sim_counts *counts,
                                     struct qoq_error *err)
{
    enum qoq_status status = write_column(file, "shape", counts, counts->rows, shape_value, 0, err);

    for (size_t i = 0; status == QOQ_OK && i < counts->sizes; i++) {
        char name[32];

        snprintf(name, sizeof name, "shapes/%s", counts->size[i]);
        status = write_column(file, name, counts, counts->shapes, size_value, i, err);
    }
    for (size_t i = 0; status == QOQ_OK && i < QOQ_SIM_NAMES; i++) {
        status = write_column(file, names[i], counts, counts->rows, name_value, i, err);
        if (status == QOQ_OK) {
            status =
                qoq_h5_put_strings(file, names[i], "names", counts->name[i], counts->names[i], err);
        }
    }
    return status == QOQ_OK ? write_column(file, "count", counts, counts->rows, count_value, 0, err)
                            : status;
}

static enum qoq_status write_h5(const struct qoq_sim_counts *counts, const char *path,
                                struct qoq_error *err)
{
    struct qoq_h5 *file = NULL;
    enum qoq_status status = qoq_h5_create(&file, path, err);

    if (status == QOQ_OK) {
        status = qoq_h5_put_format(file, "qoq-counts", 1, err);
    }
    if (status == QOQ_OK) {
        status = qoq_h5_put_string(file, "/", "kernel", counts->kernel->name, err);
    }
    if (status == QOQ_OK) {
        status = write_columns(file, counts, err);
    }
    if (status == QOQ_OK) {
        status = qoq_h5_commit(&file, err);
    }
    qoq_h5_close(&file);
    return status;
}

int qoq_sim_counts_format(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot == NULL ? -1 : strcmp(dot, ".h5") == 0 ? 1 : strcmp(dot, ".csv") == 0 ? 0 : -1;
}

enum qoq_status qoq_sim_counts_write(const struct qoq_sim_counts *counts, const char *path,
                                     struct qoq_error *err)
{
    if (counts->short_of_memory) {
        return qoq_fail(err, QOQ_ERR_MEMORY, path, NULL, "not enough memory");
    }
    if (counts->rows == 0) {
        return qoq_fail(err, QOQ_ERR_ARGUMENT, path, NULL, "nothing was counted");
    }
    return qoq_sim_counts_format(path) == 1 ? write_h5(counts, path, err)
                                            : write_csv(counts, path, err);
}

#endif
