/* SPDX-License-Identifier: Apache-2.0 */
/* config.json of a Hugging Face model directory, as far as the Llama family goes (doc/formats.md
 * 4). */
#ifndef QOQ_DATA_HF_CONFIG_H
#define QOQ_DATA_HF_CONFIG_H

#include "data/error.h"
#include "qoq_model.h"

/* Reads a config.json; path may be the file or the directory that holds it. What the model would
 * compute differently from doc/numerics.md (other model types, rope types, activations, sliding
 * windows) is QOQ_ERR_UNSUPPORTED. */
QOQ_CHECKED enum qoq_status qoq_hf_config_load(struct qoq_config *out, const char *path,
                                               struct qoq_error *err);

/* The same from memory; `file` is for messages. */
QOQ_CHECKED enum qoq_status qoq_hf_config_parse(struct qoq_config *out, const char *file,
                                                const char *text, size_t bytes,
                                                struct qoq_error *err);

#endif
