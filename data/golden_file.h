/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files: cases in HDF5, usable with h5py alone (doc/golden.md). */
#ifndef QOQ_DATA_GOLDEN_FILE_H
#define QOQ_DATA_GOLDEN_FILE_H

#include "data/golden_case.h"
#include "data/h5.h"

#define QOQ_GOLDEN_FORMAT "qoq-golden"
#define QOQ_GOLDEN_VERSION 1

/* More cases than this in one file are refused. */
#define QOQ_GOLDEN_MAX_CASES 4096

/* A new file; complete it with qoq_h5_commit. */
QOQ_CHECKED enum qoq_status qoq_golden_file_create(struct qoq_h5 **file, const char *path,
                                                   struct qoq_error *err);

/* Adds a case under its name, which must be new. */
QOQ_CHECKED enum qoq_status qoq_golden_file_add(struct qoq_h5 *file,
                                                const struct qoq_golden_case *c,
                                                struct qoq_error *err);

/* Opens a golden file of this numerics version; close it with qoq_h5_close. */
QOQ_CHECKED enum qoq_status qoq_golden_file_open(struct qoq_h5 **file, const char *path,
                                                 struct qoq_error *err);

/* Names of all cases, ascending. */
QOQ_CHECKED enum qoq_status qoq_golden_file_names(struct qoq_h5_names *out, struct qoq_h5 *file,
                                                  struct qoq_error *err);

/* Reads one case; every tensor fits its layout and its digest. Release with qoq_golden_case_free
 * whatever the status. */
QOQ_CHECKED enum qoq_status qoq_golden_file_read(struct qoq_golden_case *c, struct qoq_h5 *file,
                                                 const char *name, struct qoq_error *err);

/* Someone's version of an output, from any HDF5 file: dataset CASE/outputs/NAME of exactly the type
 * and shape of `output`. data is NULL where the file lacks it. */
QOQ_CHECKED enum qoq_status qoq_golden_file_theirs(struct qoq_tensor *out, struct qoq_h5 *file,
                                                   const char *name,
                                                   const struct qoq_golden_tensor *output,
                                                   struct qoq_error *err);

#endif
