/* SPDX-License-Identifier: Apache-2.0 */
/* The two kinds of sources behind one door. */
#include "cli/source.h"

#include <stdlib.h>
#include <string.h>

#include "data/file.h"

static enum qoq_status open_baseline_file(struct qoq_source *source)
{
    enum qoq_precision precision;

    QOQ_TRY(qoq_source_open_file(source, &precision));
    return precision == QOQ_FP32 && source->header.simulation.act_bits == 0 &&
                   source->header.simulation.kv_bits == 0
               ? QOQ_OK
               : qoq_fail(source->err, QOQ_ERR_ARGUMENT, source->path, "precision",
                          "the model is already quantized");
}

enum qoq_status qoq_source_open(struct qoq_source *source, const char *path, struct qoq_error *err)
{
    *source = (struct qoq_source){.path = path, .err = err};
    enum qoq_status status =
        qoq_file_is_directory(path) ? qoq_source_open_hf(source) : open_baseline_file(source);

    if (status != QOQ_OK) {
        qoq_source_close(source);
    }
    return status;
}

void qoq_source_close(struct qoq_source *source)
{
    qoq_model_header_free(&source->header);
    qoq_safetensors_close(&source->set);
    qoq_model_file_close(&source->file);
    free(source->expected);
    memset(source, 0, sizeof *source);
}

enum qoq_status qoq_source_read(void *source, const struct qoq_array *array)
{
    struct qoq_source *from = source;

    return from->set != NULL ? qoq_source_read_hf(from, array) : qoq_source_read_file(from, array);
}
