/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantized models in HDF5 (doc/formats.md 3): the description, named tensors, and the
 * tokenizer.json. This file knows no operators: which tensors there must be, and what values they
 * may hold, is the business of the model. Tensors are streamed, so that a model never lies in
 * memory twice.
 */
#ifndef QOQ_DATA_MODEL_FILE_H
#define QOQ_DATA_MODEL_FILE_H

#include "data/tensor.h"
#include "qoq_model.h"

#define QOQ_MODEL_FORMAT "qoq-model"
#define QOQ_MODEL_VERSION 1

/* What a file says of its model besides the tensors. Strings are malloced on reading. */
struct qoq_model_header {
    struct qoq_config config;
    int numerics;                     /* QOQ_NUMERICS_VERSION of the writer */
    char *precision;                  /* qoq_precision_name */
    size_t group;                     /* 0: none */
    struct qoq_simulation simulation; /* binary32 models that imitate quantization */
    char *source;                     /* name of the model it was made from; "" if not told */
    char *method;                     /* how it was quantized, e.g. "rtn" */
    char *tokenizer;                  /* contents of tokenizer.json, or NULL */
    size_t tokenizer_bytes;
};
void qoq_model_header_free(struct qoq_model_header *header);

struct qoq_model_file;

/* Starts a file: writes the header. NULL strings are written as "". */
QOQ_CHECKED enum qoq_status qoq_model_file_create(struct qoq_model_file **out, const char *path,
                                                  const struct qoq_model_header *header,
                                                  struct qoq_error *err);

/* Adds a tensor; name is a path like "layers/0/q/code". Not QOQ_BF16. */
QOQ_CHECKED enum qoq_status qoq_model_file_put(struct qoq_model_file *file, const char *name,
                                               const void *data, enum qoq_dtype dtype,
                                               const size_t *dim, int rank, struct qoq_error *err);

/* Completes the file under its name; *file becomes NULL also on failure. */
QOQ_CHECKED enum qoq_status qoq_model_file_commit(struct qoq_model_file **file,
                                                  struct qoq_error *err);

/* Opens a file: reads and checks the header, lists the tensors. The config fulfils the limits of
 * hf_config.h. */
QOQ_CHECKED enum qoq_status qoq_model_file_open(struct qoq_model_file **out,
                                                struct qoq_model_header *header, const char *path,
                                                struct qoq_error *err);

/* The tensors in the file (data NULL), ascending names; owned by the file. */
const struct qoq_tensors *qoq_model_file_tensors(const struct qoq_model_file *file);

/* Reads a tensor of exactly this type and shape and checks its sum. */
QOQ_CHECKED enum qoq_status qoq_model_file_get(void *data, struct qoq_model_file *file,
                                               const char *name, enum qoq_dtype dtype,
                                               const size_t *dim, int rank, struct qoq_error *err);

/* Closes a file that was opened, or drops one that was created. *file becomes NULL. */
void qoq_model_file_close(struct qoq_model_file **file);

#endif
