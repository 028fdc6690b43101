/* SPDX-License-Identifier: Apache-2.0 */
/* Calibration text from a token file: pieces of equal length (Q 7.1). */
#ifndef QOQ_CLI_CALIBRATION_TEXT_H
#define QOQ_CLI_CALIBRATION_TEXT_H

#include "data/error.h"
#include "qoq_model.h"

struct qoq_calibration_text {
    size_t sequences, length;
    int32_t *token; /* [sequences][length] */
};

/* The first pieces of `length` tokens, up to `sequences` of them: each sequence of the file is cut
 * from its start, what is left at its end is dropped. A file without a single piece, or of another
 * vocabulary, is an error. */
QOQ_CHECKED enum qoq_status qoq_calibration_text_read(struct qoq_calibration_text *out,
                                                      const char *path, size_t sequences,
                                                      size_t length,
                                                      const struct qoq_config *config,
                                                      struct qoq_error *err);
void qoq_calibration_text_free(struct qoq_calibration_text *text);

#endif
