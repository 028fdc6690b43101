/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MANIFEST of a directory of golden files: digest, size, number of cases and numerics version of
 * each (doc/golden.md). `sha256sum -c MANIFEST` understands it too.
 */
#ifndef QOQ_DATA_GOLDEN_MANIFEST_H
#define QOQ_DATA_GOLDEN_MANIFEST_H

#include "data/error.h"

#define QOQ_GOLDEN_MAX_FILES 64

struct qoq_golden_entry {
    char file[64]; /* a name without a directory */
    char sha256[65];
    size_t bytes, cases;
    int numerics;
};

struct qoq_golden_manifest {
    size_t count;
    struct qoq_golden_entry item[QOQ_GOLDEN_MAX_FILES];
};

/* Reads a manifest; at least one file. */
QOQ_CHECKED enum qoq_status qoq_golden_manifest_read(struct qoq_golden_manifest *out,
                                                     const char *path, struct qoq_error *err);

QOQ_CHECKED enum qoq_status qoq_golden_manifest_write(const char *path,
                                                      const struct qoq_golden_manifest *manifest,
                                                      struct qoq_error *err);

/* Size and digest of a file on disk. */
QOQ_CHECKED enum qoq_status qoq_golden_measure(struct qoq_golden_entry *out, const char *path,
                                               struct qoq_error *err);

#endif
