/* SPDX-License-Identifier: Apache-2.0 */
/* What the files h5*.c share; nobody else includes this header. */
#ifndef QOQ_DATA_H5_INTERNAL_H
#define QOQ_DATA_H5_INTERNAL_H

#include <hdf5.h>

#include "data/file.h"
#include "data/h5.h"

struct qoq_h5 {
    hid_t id;
    char *path;
    uint64_t bytes; /* size on disk when opened */
    int writing;
    struct qoq_output output;
};

/* Fails with what HDF5 says about its last error: to be called before any other call of HDF5. */
enum qoq_status qoq_h5_fail(const struct qoq_h5 *file, const char *object, enum qoq_status status,
                            const char *what, struct qoq_error *err);

/* Opens a group or dataset whose path has plain links only. Close with H5Oclose. */
QOQ_CHECKED enum qoq_status qoq_h5_open_object(hid_t *id, struct qoq_h5 *file, const char *object,
                                               struct qoq_error *err);

#endif
