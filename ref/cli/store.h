/* SPDX-License-Identifier: Apache-2.0 */
/* Models into files of our own container (doc/formats.md 3). */
#ifndef QOQ_CLI_STORE_H
#define QOQ_CLI_STORE_H

#include "cli/load.h"

/* Writes a model. origin: what it was made from, whose source and tokenizer the file carries on.
 * method: how it was quantized, or "" for not at all. Equal arguments give equal files; the file
 * appears only when complete. */
QOQ_CHECKED enum qoq_status qoq_store(const char *path, const struct qoq_model *model,
                                      const struct qoq_loaded *origin, const char *method,
                                      struct qoq_error *err);

#endif
