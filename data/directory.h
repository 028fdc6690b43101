/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of plain files that appears under its name only when complete: it is filled under a
 * temporary name beside it ("NAME.tmp.PID.N") and then renamed.
 */
#ifndef QOQ_DATA_DIRECTORY_H
#define QOQ_DATA_DIRECTORY_H

#include "data/error.h"

struct qoq_directory {
    char *path;
    char *temporary; /* where the files go until commit */
};

/* Makes the temporary directory. An existing `path` is refused; with replace, an existing directory
 * is accepted that is empty, or holds a config.json and nothing but regular files. */
QOQ_CHECKED enum qoq_status qoq_directory_begin(struct qoq_directory *out, const char *path,
                                                int replace, struct qoq_error *err);

/* Gives it its name; what it replaces is removed afterwards. On failure the temporary directory is
 * removed. Releases *out either way. */
QOQ_CHECKED enum qoq_status qoq_directory_commit(struct qoq_directory *out, struct qoq_error *err);

/* Removes the temporary directory with its files and releases *out. Harmless on a cleared or
 * committed one. */
void qoq_directory_discard(struct qoq_directory *out);

#endif
