/* SPDX-License-Identifier: Apache-2.0 */
/* Models from files: Hugging Face directories (doc/formats.md 4, 5) and our own container
 * (doc/formats.md 3). */
#ifndef QOQ_CLI_LOAD_H
#define QOQ_CLI_LOAD_H

#include "data/hf_config.h"
#include "data/model_file.h"
#include "data/tokenizer.h"
#include "qoq_model.h"

/* A model and what came with it. */
struct qoq_loaded {
    struct qoq_model *model;
    struct qoq_model_header header;  /* header.tokenizer: the bytes of tokenizer.json, or NULL */
    struct qoq_tokenizer *tokenizer; /* NULL: there is none, or none of a kind this program knows */
    struct qoq_error tokenizer_trouble; /* says which, where tokenizer is NULL */
};

/* path: a Hugging Face directory (gives a baseline model; header.source is the directory's name,
 * header.tokenizer its tokenizer.json if there is one) or a file of ours. Every array a model of
 * that description has must be there in its type and shape, nothing else may be, and every value
 * must be one a model may have: finite numbers, codes and scales of N 4.4. Shapes are checked
 * before memory is taken. On failure *out is empty and err says why in one line. */
QOQ_CHECKED enum qoq_status qoq_load(struct qoq_loaded *out, const char *path,
                                     struct qoq_error *err);
void qoq_loaded_free(struct qoq_loaded *loaded);

/* The two kinds of qoq_load, without parsing the tokenizer. */
QOQ_CHECKED enum qoq_status qoq_load_hf(struct qoq_loaded *out, const char *directory,
                                        struct qoq_error *err);
QOQ_CHECKED enum qoq_status qoq_load_file(struct qoq_loaded *out, const char *path,
                                          struct qoq_error *err);

/* What a Hugging Face directory says of its model besides the weights: config.json, checked, and
 * tokenizer.json. quantization: NULL where the model must not be quantized. Release with
 * qoq_model_header_free, also on failure. */
QOQ_CHECKED enum qoq_status qoq_load_hf_header(struct qoq_model_header *header,
                                               const char *directory,
                                               struct qoq_hf_quantization *quantization,
                                               struct qoq_error *err);

/* 1: a tensor that old files carry and no model needs (rotary tables). */
int qoq_hf_may_be_ignored(const char *name);

#endif
