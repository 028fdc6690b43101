/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a model of either kind. */
#include "cli/load.h"

#include <string.h>

#include "data/file.h"

/* A model without a usable tokenizer is still a model: only a broken tokenizer.json is an error. */
static enum qoq_status parse_tokenizer(struct qoq_loaded *loaded, const char *path,
                                       struct qoq_error *err)
{
    struct qoq_model_header *header = &loaded->header;

    if (header->tokenizer == NULL) {
        qoq_fail(&loaded->tokenizer_trouble, QOQ_ERR_UNSUPPORTED, path, "tokenizer",
                 "the model has none");
        return QOQ_OK;
    }
    enum qoq_status status =
        qoq_tokenizer_parse(&loaded->tokenizer, path, header->tokenizer, header->tokenizer_bytes,
                            &loaded->tokenizer_trouble);
    if (status != QOQ_OK && status != QOQ_ERR_UNSUPPORTED && err != NULL) {
        *err = loaded->tokenizer_trouble;
    }
    return status == QOQ_ERR_UNSUPPORTED ? QOQ_OK : status;
}

enum qoq_status qoq_load(struct qoq_loaded *out, const char *path, struct qoq_error *err)
{
    enum qoq_status status =
        qoq_file_is_directory(path) ? qoq_load_hf(out, path, err) : qoq_load_file(out, path, err);

    if (status != QOQ_OK) {
        return status;
    }
    status = parse_tokenizer(out, path, err);
    if (status != QOQ_OK) {
        qoq_loaded_free(out);
    }
    return status;
}

void qoq_loaded_free(struct qoq_loaded *loaded)
{
    qoq_model_free(loaded->model);
    qoq_model_header_free(&loaded->header);
    qoq_tokenizer_free(loaded->tokenizer);
    memset(loaded, 0, sizeof *loaded);
}
