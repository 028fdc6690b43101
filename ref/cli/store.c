/* SPDX-License-Identifier: Apache-2.0 */
/* A model into our own container. */
#include "cli/store.h"

#include <stdio.h>

#include "cli/array_name.h"

struct sink {
    struct qoq_model_file *file;
    struct qoq_error *err;
};

static enum qoq_status write_array(void *context, const struct qoq_array *array)
{
    struct sink *sink = context;
    char name[QOQ_ARRAY_NAME];

    return qoq_model_file_put(sink->file, qoq_array_name(name, array), array->data, array->dtype,
                              array->dim, array->rank, sink->err);
}

enum qoq_status qoq_store(const char *path, const struct qoq_model *model,
                          const struct qoq_loaded *origin, const char *method,
                          struct qoq_error *err)
{
    struct qoq_outline outline = qoq_model_outline(model);
    struct sink sink = {.err = err};
    char precision[32], how[32];

    snprintf(precision, sizeof precision, "%s", qoq_precision_name(model->precision));
    snprintf(how, sizeof how, "%s", method);
    struct qoq_model_header header = {.config = model->config,
                                      .numerics = QOQ_NUMERICS_VERSION,
                                      .precision = precision,
                                      .group = model->group,
                                      .simulation = model->simulation,
                                      .source = origin->header.source,
                                      .method = how,
                                      .tokenizer = origin->header.tokenizer,
                                      .tokenizer_bytes = origin->header.tokenizer_bytes};
    QOQ_TRY(qoq_model_file_create(&sink.file, path, &header, err));
    enum qoq_status status = qoq_arrays_visit(&outline, write_array, &sink);
    if (status != QOQ_OK) {
        qoq_model_file_close(&sink.file);
        return status;
    }
    return qoq_model_file_commit(&sink.file, err);
}
