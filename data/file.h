/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain files: reading a whole one with a size limit, and output that appears under its name only
 * when complete. Output goes to a temporary name in the same directory ("NAME.tmp.PID.N"), is
 * synchronized and then renamed.
 */
#ifndef QOQ_DATA_FILE_H
#define QOQ_DATA_FILE_H

#include <stdint.h>

#include "data/error.h"

/* Opens a regular file for reading without ever waiting (pipes and devices are refused). *bytes is
 * its size. */
QOQ_CHECKED enum qoq_status qoq_file_open(int *descriptor, uint64_t *bytes, const char *path,
                                          struct qoq_error *err);

/* Closes a descriptor; -1 is allowed. */
void qoq_file_close(int descriptor);

/* Reads exactly `bytes` at `offset`; fewer available is QOQ_ERR_FORMAT. `path` is for messages. */
QOQ_CHECKED enum qoq_status qoq_file_read_at(void *data, int descriptor, uint64_t offset,
                                             size_t bytes, const char *path, struct qoq_error *err);

/* Reads a whole regular file of at most max_bytes into *data (malloc, one extra zero byte at the
 * end). */
QOQ_CHECKED enum qoq_status qoq_file_read(char **data, size_t *bytes, const char *path,
                                          size_t max_bytes, struct qoq_error *err);

/* 1: a directory, 0: not, or it does not exist. */
int qoq_file_is_directory(const char *path);

/* 1: something of that name exists. */
int qoq_file_exists(const char *path);

/* directory/name, malloc; NULL where memory is short. */
char *qoq_file_join(const char *directory, const char *name);

/* A file being written. */
struct qoq_output {
    char *path;
    char *temporary;
    int descriptor; /* open for writing, or -1 */
};

/* Creates the temporary file. An existing `path` that is not a regular file is refused. */
QOQ_CHECKED enum qoq_status qoq_output_begin(struct qoq_output *out, const char *path,
                                             struct qoq_error *err);

/* Appends. */
QOQ_CHECKED enum qoq_status qoq_output_write(struct qoq_output *out, const void *data, size_t bytes,
                                             struct qoq_error *err);

/* Synchronizes, closes and renames; on failure the temporary file is removed. Releases *out either
 * way. */
QOQ_CHECKED enum qoq_status qoq_output_commit(struct qoq_output *out, struct qoq_error *err);

/* Removes the temporary file and releases *out. Harmless on a cleared or committed one. */
void qoq_output_discard(struct qoq_output *out);

#endif
