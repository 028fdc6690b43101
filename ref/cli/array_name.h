/* SPDX-License-Identifier: Apache-2.0 */
/* What the arrays of a model are called in files. */
#ifndef QOQ_CLI_ARRAY_NAME_H
#define QOQ_CLI_ARRAY_NAME_H

#include "model/arrays.h"

/* Holds every name. */
#define QOQ_ARRAY_NAME 96

/* "embed", "layers/0/q_proj/code", ...: in our container (doc/formats.md 3). Returns name. */
const char *qoq_array_name(char name[QOQ_ARRAY_NAME], const struct qoq_array *array);

/* "model.layers.0.self_attn.q_proj.weight", ...: in a Hugging Face directory, for the arrays of a
 * baseline model. prefix is put before all names but that of the head. Returns name. */
const char *qoq_array_hf_name(char name[QOQ_ARRAY_NAME], const struct qoq_array *array,
                              const char *prefix);

#endif
