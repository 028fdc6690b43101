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

/* What quantization_config says. */
struct qoq_hf_quantization {
    int present;
    size_t group; /* 0: per channel */
};

/* qoq_hf_config_load for a checkpoint in QServe's format, whose quantization_config (method "qoq",
 * 4 bits) may be missing; a group is a multiple of 32. */
QOQ_CHECKED enum qoq_status qoq_hf_config_load_quantized(struct qoq_config *out,
                                                         struct qoq_hf_quantization *quantization,
                                                         const char *path, struct qoq_error *err);

/* Writes the config.json of a checkpoint in QServe's format: 4 bits, group (0: per channel),
 * binary16, embeddings not tied. qoq_hf_config_load_quantized gives back the description but for
 * tie_embeddings. Equal arguments give equal files. */
QOQ_CHECKED enum qoq_status qoq_hf_config_write(const char *path, const struct qoq_config *config,
                                                size_t group, struct qoq_error *err);

/* qoq_hf_config_load from memory; `file` is for messages. */
QOQ_CHECKED enum qoq_status qoq_hf_config_parse(struct qoq_config *out, const char *file,
                                                const char *text, size_t bytes,
                                                struct qoq_error *err);

#endif
