/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting a token file into calibration pieces. */
#include "cli/calibration_text.h"

#include <stdlib.h>
#include <string.h>

#include "data/token_file.h"

/* Copies the pieces into out->token, or only counts them where it is NULL. */
static size_t cut(struct qoq_calibration_text *out, const struct qoq_token_file *file, size_t limit)
{
    size_t pieces = 0;

    for (size_t s = 0; s < file->sequences; s++) {
        size_t end = (size_t)file->offset[s + 1];
        for (size_t at = (size_t)file->offset[s]; pieces < limit && end - at >= out->length;
             at += out->length, pieces++) {
            if (out->token != NULL) {
                memcpy(out->token + pieces * out->length, file->token + at,
                       out->length * sizeof *out->token);
            }
        }
    }
    return pieces;
}

static enum qoq_status cut_pieces(struct qoq_calibration_text *out, const char *path,
                                  const struct qoq_token_file *file, size_t limit,
                                  const struct qoq_config *config, struct qoq_error *err)
{
    if (file->vocab > config->vocab) {
        return qoq_fail(err, QOQ_ERR_SHAPE, path, "vocab",
                        "the tokens are from a vocabulary of %zu, the model has %zu", file->vocab,
                        config->vocab);
    }
    if (out->length > config->max_positions) {
        return qoq_fail(err, QOQ_ERR_SHAPE, path, NULL,
                        "pieces of %zu tokens, the model has %zu positions", out->length,
                        config->max_positions);
    }
    out->sequences = cut(out, file, limit);
    if (out->sequences == 0) {
        return qoq_fail(err, QOQ_ERR_SHAPE, path, NULL, "no sequence has %zu tokens", out->length);
    }
    out->token = malloc(out->sequences * out->length * sizeof *out->token);
    if (out->token == NULL) {
        return qoq_fail_memory(err, path, NULL, out->sequences * out->length);
    }
    cut(out, file, out->sequences);
    return QOQ_OK;
}

enum qoq_status qoq_calibration_text_read(struct qoq_calibration_text *out, const char *path,
                                          size_t sequences, size_t length,
                                          const struct qoq_config *config, struct qoq_error *err)
{
    struct qoq_token_file file;
    enum qoq_status status = qoq_token_file_read(&file, path, err);

    *out = (struct qoq_calibration_text){0, length, NULL};
    if (status != QOQ_OK) {
        return status;
    }
    status = cut_pieces(out, path, &file, sequences, config, err);
    qoq_token_file_free(&file);
    return status;
}

void qoq_calibration_text_free(struct qoq_calibration_text *text)
{
    free(text->token);
    text->token = NULL;
}
