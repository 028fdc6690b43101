/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors files and sharded directories of them (doc/formats.md 5). Everything is checked when
 * a file is opened: offsets, sizes, holes, duplicate names; elements are streamed on demand, never
 * mapped.
 */
#ifndef QOQ_DATA_SAFETENSORS_H
#define QOQ_DATA_SAFETENSORS_H

#include <stdint.h>

#include "data/tensor.h"

struct qoq_safetensors;

/* What the header says of a tensor. */
struct qoq_safetensors_entry {
    const char *name;
    char dtype[12]; /* as in the file: "F32", "BF16", "F8_E4M3", ... */
    int rank;
    size_t dim[QOQ_MAX_RANK];
    size_t shard;    /* index of its file */
    uint64_t offset; /* of the first byte in that file */
    uint64_t bytes;
};

/* path: a file, or a directory that holds model.safetensors.index.json or else model.safetensors.
 */
QOQ_CHECKED enum qoq_status qoq_safetensors_open(struct qoq_safetensors **out, const char *path,
                                                 struct qoq_error *err);
void qoq_safetensors_close(struct qoq_safetensors **set);

/* Entries in ascending name order. */
size_t qoq_safetensors_count(const struct qoq_safetensors *set);
const struct qoq_safetensors_entry *qoq_safetensors_entry(const struct qoq_safetensors *set,
                                                          size_t index);

/* The entry of that name, or NULL. */
const struct qoq_safetensors_entry *qoq_safetensors_find(const struct qoq_safetensors *set,
                                                         const char *name);

/* Widens the tensor (F32, F16 or BF16 of exactly this shape) to binary32 into data. finite: a NaN
 * or infinity is QOQ_ERR_RANGE. */
QOQ_CHECKED enum qoq_status qoq_safetensors_read_f32(float *data, struct qoq_safetensors *set,
                                                     const char *name, const size_t *dim, int rank,
                                                     int finite, struct qoq_error *err);

/* Reads a tensor of the element types of enum qoq_dtype as it is, into a new tensor. */
QOQ_CHECKED enum qoq_status qoq_safetensors_read(struct qoq_tensor *out,
                                                 struct qoq_safetensors *set, const char *name,
                                                 struct qoq_error *err);

/* Writes a file in the library's order: wide types first, then by name. format: the value of
 * "format" in __metadata__
 * ("pt" for what transformers reads), or NULL for no metadata. Equal input gives equal bytes. */
QOQ_CHECKED enum qoq_status qoq_safetensors_write(const char *path,
                                                  const struct qoq_tensors *tensors,
                                                  const char *format, struct qoq_error *err);

#endif
