/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors and attributes in HDF5 files; h5.c and h5_attribute.c alone include hdf5.h. Written files
 * hold little-endian contiguous data, fixed-length strings and no times, so equal contents give
 * equal bytes; every dataset carries the SHA-256 of its elements in the attribute "sha256"
 * (doc/formats.md 1). Only this subset is read: no links that leave the file, no filters, no
 * external or virtual storage; types must match exactly.
 *
 * An object is named by its path from the root, "a/b/c", with or without a leading slash; "/" is
 * the root itself. The functions silence HDF5's own printing of errors for the calling thread.
 */
#ifndef QOQ_DATA_H5_H
#define QOQ_DATA_H5_H

#include "data/tensor.h"

struct qoq_h5;

QOQ_CHECKED enum qoq_status qoq_h5_open(struct qoq_h5 **file, const char *path,
                                        struct qoq_error *err);

/* A new file under a temporary name; it gets its name in qoq_h5_commit. */
QOQ_CHECKED enum qoq_status qoq_h5_create(struct qoq_h5 **file, const char *path,
                                          struct qoq_error *err);

/* Completes a created file: synchronizes, renames, frees. *file becomes NULL also on failure, when
 * nothing is left on disk. */
QOQ_CHECKED enum qoq_status qoq_h5_commit(struct qoq_h5 **file, struct qoq_error *err);

/* Closes an opened file, or drops a created one with its temporary file. *file becomes NULL; NULL
 * is allowed. */
void qoq_h5_close(struct qoq_h5 **file);

/* The path given to open or create, for messages. */
const char *qoq_h5_path(const struct qoq_h5 *file);

/* Writes tensor->data as the dataset tensor->name; missing groups are made. QOQ_BF16 is not stored.
 */
QOQ_CHECKED enum qoq_status qoq_h5_write(struct qoq_h5 *file, const struct qoq_tensor *tensor,
                                         struct qoq_error *err);

#define QOQ_H5_ANY SIZE_MAX

/* What a reader accepts. Start from qoq_h5_anything. */
struct qoq_h5_want {
    unsigned dtypes;          /* bit (1u << dtype) for each type allowed */
    int rank;                 /* -1: any */
    size_t dim[QOQ_MAX_RANK]; /* QOQ_H5_ANY: any; used where rank >= 0 */
    size_t max_bytes;
    int need_sum; /* 1: the attribute sha256 must exist (it is checked whenever it does) */
};
struct qoq_h5_want qoq_h5_anything(void);

/* One dtype and an exact shape, sum needed. */
struct qoq_h5_want qoq_h5_exactly(enum qoq_dtype dtype, const size_t *dim, int rank);

/* Type and shape of a dataset; data stays NULL. */
QOQ_CHECKED enum qoq_status qoq_h5_describe(struct qoq_tensor *out, struct qoq_h5 *file,
                                            const char *object, struct qoq_error *err);

/* Reads a dataset into a new tensor, named `object`. */
QOQ_CHECKED enum qoq_status qoq_h5_read(struct qoq_tensor *out, struct qoq_h5 *file,
                                        const char *object, const struct qoq_h5_want *want,
                                        struct qoq_error *err);

/* Reads a dataset of exactly this type and shape into data. */
QOQ_CHECKED enum qoq_status qoq_h5_read_into(void *data, struct qoq_h5 *file, const char *object,
                                             enum qoq_dtype dtype, const size_t *dim, int rank,
                                             int need_sum, struct qoq_error *err);

struct qoq_h5_names {
    size_t count;
    char **name; /* ascending bytes */
};
void qoq_h5_names_free(struct qoq_h5_names *names);

/* Makes a group and its parents; an existing group is fine. */
QOQ_CHECKED enum qoq_status qoq_h5_make_group(struct qoq_h5 *file, const char *object,
                                              struct qoq_error *err);

/* 1: exists and is reached by plain links only; 0: not. */
int qoq_h5_exists(struct qoq_h5 *file, const char *object);

/* Names of the direct children of a group; more than max_count is an error. */
QOQ_CHECKED enum qoq_status qoq_h5_children(struct qoq_h5_names *out, struct qoq_h5 *file,
                                            const char *object, size_t max_count,
                                            struct qoq_error *err);

/* Descriptions of all datasets below a group (at most 16 levels), named relative to it, depth first
 * in ascending name order. */
QOQ_CHECKED enum qoq_status qoq_h5_walk(struct qoq_tensors *out, struct qoq_h5 *file,
                                        const char *object, size_t max_count,
                                        struct qoq_error *err);

/* Of any dataset or group; a missing object of put_* is an error. Arrays have rank 1 and at least
 * one element. */
QOQ_CHECKED enum qoq_status qoq_h5_put_string(struct qoq_h5 *file, const char *object,
                                              const char *name, const char *value,
                                              struct qoq_error *err);
QOQ_CHECKED enum qoq_status qoq_h5_put_int(struct qoq_h5 *file, const char *object,
                                           const char *name, int64_t value, struct qoq_error *err);
QOQ_CHECKED enum qoq_status qoq_h5_put_double(struct qoq_h5 *file, const char *object,
                                              const char *name, double value,
                                              struct qoq_error *err);
QOQ_CHECKED enum qoq_status qoq_h5_put_strings(struct qoq_h5 *file, const char *object,
                                               const char *name, const char *const *value,
                                               size_t count, struct qoq_error *err);
QOQ_CHECKED enum qoq_status qoq_h5_put_ints(struct qoq_h5 *file, const char *object,
                                            const char *name, const int64_t *value, size_t count,
                                            struct qoq_error *err);
QOQ_CHECKED enum qoq_status qoq_h5_put_doubles(struct qoq_h5 *file, const char *object,
                                               const char *name, const double *value, size_t count,
                                               struct qoq_error *err);
QOQ_CHECKED enum qoq_status qoq_h5_put_floats(struct qoq_h5 *file, const char *object,
                                              const char *name, const float *value, size_t count,
                                              struct qoq_error *err);

/* 1: the object exists and has that attribute; 0: not. */
int qoq_h5_has(struct qoq_h5 *file, const char *object, const char *name);

/* A missing attribute, another class or size is QOQ_ERR_FORMAT; outside [lo, hi] or not finite
 * QOQ_ERR_RANGE. Integers may have any width up to 64 bits and either sign, so that h5py's defaults
 * work; floats must be binary32 or binary64. Strings may be of fixed or variable length, at most 64
 * KiB; they and arrays are malloced. Arrays of at most max_count. */
QOQ_CHECKED enum qoq_status qoq_h5_get_string(char **value, struct qoq_h5 *file, const char *object,
                                              const char *name, struct qoq_error *err);
QOQ_CHECKED enum qoq_status qoq_h5_get_int(int64_t *value, struct qoq_h5 *file, const char *object,
                                           const char *name, int64_t lo, int64_t hi,
                                           struct qoq_error *err);
QOQ_CHECKED enum qoq_status qoq_h5_get_double(double *value, struct qoq_h5 *file,
                                              const char *object, const char *name, double lo,
                                              double hi, struct qoq_error *err);
QOQ_CHECKED enum qoq_status qoq_h5_get_strings(struct qoq_h5_names *value, struct qoq_h5 *file,
                                               const char *object, const char *name,
                                               size_t max_count, struct qoq_error *err);
QOQ_CHECKED enum qoq_status qoq_h5_get_ints(int64_t **value, size_t *count, struct qoq_h5 *file,
                                            const char *object, const char *name, size_t max_count,
                                            struct qoq_error *err);
QOQ_CHECKED enum qoq_status qoq_h5_get_doubles(double **value, size_t *count, struct qoq_h5 *file,
                                               const char *object, const char *name,
                                               size_t max_count, struct qoq_error *err);
QOQ_CHECKED enum qoq_status qoq_h5_get_floats(float **value, size_t *count, struct qoq_h5 *file,
                                              const char *object, const char *name,
                                              size_t max_count, struct qoq_error *err);

/* Root attributes format (exactly `format`) and version (exactly `version`) of one of our files. */
QOQ_CHECKED enum qoq_status qoq_h5_put_format(struct qoq_h5 *file, const char *format, int version,
                                              struct qoq_error *err);
QOQ_CHECKED enum qoq_status qoq_h5_check_format(struct qoq_h5 *file, const char *format,
                                                int version, struct qoq_error *err);

#endif
