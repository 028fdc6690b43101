/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A baseline model in files, read array by array: a Hugging Face directory (doc/formats.md 4, 5) or
 * a binary32 file of ours (3). Opening checks that every array is there in its type and shape and
 * nothing else is; no weight is read yet.
 */
#ifndef QOQ_CLI_SOURCE_H
#define QOQ_CLI_SOURCE_H

#include "data/model_file.h"
#include "data/safetensors.h"
#include "model/arrays.h"

/* Fields belong to these functions but for header, which may be read. */
struct qoq_source {
    const char *path;
    struct qoq_model_header header;
    struct qoq_error *err;
    /* Hugging Face. */
    struct qoq_safetensors *set;
    const char *prefix;
    unsigned char *expected; /* [tensors in the set] */
    /* Ours. */
    struct qoq_model_file *file;
};

/* The source keeps path and err. On failure it is closed. QOQ_ERR_ARGUMENT: the model is already
 * quantized. */
QOQ_CHECKED enum qoq_status qoq_source_open(struct qoq_source *source, const char *path,
                                            struct qoq_error *err);
void qoq_source_close(struct qoq_source *source);

/* Reads one array of the model into array->data; finite values only. A qoq_array_visitor with the
 * source as its context. */
QOQ_CHECKED enum qoq_status qoq_source_read(void *source, const struct qoq_array *array);

/* A head stored beside a tied embedding [vocab][hidden] must be the embedding. */
QOQ_CHECKED enum qoq_status qoq_source_check_tied_head(struct qoq_source *source,
                                                       const float *embed);

/* The kinds. */
QOQ_CHECKED enum qoq_status qoq_source_open_hf(struct qoq_source *source);
QOQ_CHECKED enum qoq_status qoq_source_read_hf(struct qoq_source *source,
                                               const struct qoq_array *array);
QOQ_CHECKED enum qoq_status qoq_source_open_file(struct qoq_source *source,
                                                 enum qoq_precision *precision);
QOQ_CHECKED enum qoq_status qoq_source_read_file(struct qoq_source *source,
                                                 const struct qoq_array *array);

#endif
