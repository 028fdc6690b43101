/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A quantized model as QServe and SGLang load it: codes and scales in QServe's tiles, everything
 * else in binary16 under its Hugging Face name, config.json and tokenizer.json beside them.
 */
#include "cli/checkpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/directory.h"
#include "data/file.h"
#include "data/hf_config.h"
#include "data/safetensors_shards.h"
#include "numerics/half.h"

#define PREFIX "model."

struct writer {
    const struct qoq_model *model;
    const char *path;      /* what messages name */
    const char *directory; /* where the files go */
    struct qoq_safetensors_shards *shards;
    struct qoq_checkpoint_report *report;
    struct qoq_error *err;
};

/* A new tensor of a linear layer. */
static enum qoq_status new_part(struct qoq_tensor *out, const struct writer *writer,
                                const struct qoq_array *array, const char *part,
                                enum qoq_dtype dtype, size_t rows, size_t columns)
{
    char name[QOQ_ARRAY_NAME];
    size_t dim[2] = {rows, columns};

    qoq_checkpoint_name(name, array, PREFIX, part, 0);
    return qoq_tensor_create(out, name, dtype, dim, columns == 0 ? 1 : 2, writer->err);
}

/* Hands a tensor that was filled with `status` to the file. */
static enum qoq_status put(struct writer *writer, struct qoq_tensor *tensor, enum qoq_status status)
{
    if (status != QOQ_OK) {
        status = qoq_fail(writer->err, status, writer->path, tensor->name, "%s",
                          qoq_status_string(status));
    } else {
        status = qoq_safetensors_shards_put(writer->shards, tensor, writer->err);
    }
    qoq_tensor_free(tensor);
    return status;
}

static enum qoq_status put_codes(struct writer *writer, const struct qoq_array *array,
                                 const struct qoq_weight *w)
{
    struct qoq_tensor tensor;

    QOQ_TRY(new_part(&tensor, writer, array, "qweight", QOQ_I8, w->n, w->k / 2));
    return put(writer, &tensor, qoq_tile_codes(tensor.data, w->code, w->n, w->k));
}

static enum qoq_status put_scales(struct writer *writer, const struct qoq_array *array,
                                  const struct qoq_weight *w)
{
    struct qoq_tensor tensor;

    QOQ_TRY(new_part(&tensor, writer, array, "s1_scales", QOQ_F16, w->n, 0));
    memcpy(tensor.data, w->s, w->n * sizeof *w->s);
    return put(writer, &tensor, QOQ_OK);
}

static enum qoq_status put_channel_zeros(struct writer *writer, const struct qoq_array *array,
                                         const struct qoq_weight *w)
{
    struct qoq_tensor tensor;

    QOQ_TRY(new_part(&tensor, writer, array, "s1_szeros", QOQ_F16, w->n, 0));
    return put(writer, &tensor, qoq_channel_szeros(tensor.data, w->s, w->z, w->n));
}

static enum qoq_status put_groups(struct writer *writer, const struct qoq_array *array,
                                  const struct qoq_weight *w)
{
    size_t groups = qoq_weight_groups(w);
    struct qoq_tensor scales, zeros;

    QOQ_TRY(new_part(&scales, writer, array, "s2_scales", QOQ_I8, groups, w->n));
    enum qoq_status status = new_part(&zeros, writer, array, "s2_zeros", QOQ_I8, groups, w->n);
    if (status != QOQ_OK) {
        qoq_tensor_free(&scales);
        return status;
    }
    status = qoq_tile_groups(scales.data, zeros.data, w->s2, w->z, w->n, groups);
    enum qoq_status first = put(writer, &scales, status);
    if (first != QOQ_OK) {
        qoq_tensor_free(&zeros);
        return first;
    }
    return put(writer, &zeros, QOQ_OK);
}

/* Counts what the rounding of one number did; a number that binary16 cannot hold is an error. */
static int narrow(qoq_half *out, float x, struct qoq_rounding *rounding)
{
    *out = qoq_half_from_float(x);
    float back = qoq_half_to_float(*out);

    rounding->values++;
    if (back != x) {
        double change = fabs(((double)back - (double)x) / (double)x);
        rounding->changed++;
        rounding->worst = change > rounding->worst ? change : rounding->worst;
    }
    return qoq_half_is_finite(*out);
}

static enum qoq_status fill_plain(struct writer *writer, struct qoq_tensor *tensor,
                                  const struct qoq_array *array)
{
    int is_bias = array->kind == QOQ_ARRAY_BIAS;
    struct qoq_rounding *rounding = is_bias ? &writer->report->biases : &writer->report->norms;
    size_t count = qoq_tensor_elements(tensor);
    const float *x = array->data;
    qoq_half *out = tensor->data;

    if (array->dtype == QOQ_F16) {
        memcpy(out, array->data, count * sizeof *out);
        return QOQ_OK;
    }
    for (size_t i = 0; i < count; i++) {
        writer->report->gains |= !is_bias && x[i] != 1.0f;
        if (!narrow(&out[i], x[i], rounding)) {
            return qoq_fail(writer->err, QOQ_ERR_RANGE, writer->path, tensor->name,
                            "element %zu: %g overflows binary16", i, (double)x[i]);
        }
    }
    return QOQ_OK;
}

/* An array that is not part of a quantized matrix, under its own name. */
static enum qoq_status put_plain(struct writer *writer, const struct qoq_array *array)
{
    char name[QOQ_ARRAY_NAME];
    struct qoq_tensor tensor;

    qoq_array_hf_name(name, array, PREFIX);
    QOQ_TRY(qoq_tensor_create(&tensor, name, QOQ_F16, array->dim, array->rank, writer->err));
    enum qoq_status status = fill_plain(writer, &tensor, array);
    if (status == QOQ_OK) {
        status = qoq_safetensors_shards_put(writer->shards, &tensor, writer->err);
    }
    qoq_tensor_free(&tensor);
    return status;
}

/* The head is always stored: nobody ties it to a rotated embedding. */
static enum qoq_status put_embedding(struct writer *writer, const struct qoq_array *array)
{
    struct qoq_array head = *array;

    head.kind = QOQ_ARRAY_HEAD;
    QOQ_TRY(put_plain(writer, array));
    return writer->model->config.tie_embeddings ? put_plain(writer, &head) : QOQ_OK;
}

static enum qoq_status write_array(void *context, const struct qoq_array *array)
{
    struct writer *writer = context;
    const struct qoq_weight *w = &writer->model->layer[array->layer].linear[array->linear].w;

    switch (array->kind) {
    case QOQ_ARRAY_CODE:
        return put_codes(writer, array, w);
    case QOQ_ARRAY_S:
        return put_scales(writer, array, w);
    case QOQ_ARRAY_S2: /* with the zeros */
        return QOQ_OK;
    case QOQ_ARRAY_Z:
        return w->scheme == QOQ_W4_GROUP ? put_groups(writer, array, w)
                                         : put_channel_zeros(writer, array, w);
    case QOQ_ARRAY_EMBED:
        return put_embedding(writer, array);
    default:
        return put_plain(writer, array);
    }
}

static enum qoq_status write_weights(struct writer *writer, uint64_t limit)
{
    struct qoq_outline outline = qoq_model_outline(writer->model);
    struct qoq_shards_total total;

    QOQ_TRY(qoq_safetensors_shards_create(&writer->shards, writer->directory, limit, "pt",
                                          writer->err));
    enum qoq_status status = qoq_arrays_visit(&outline, write_array, writer);
    if (status != QOQ_OK) {
        qoq_safetensors_shards_discard(&writer->shards);
        return status;
    }
    QOQ_TRY(qoq_safetensors_shards_finish(&writer->shards, &total, writer->err));
    writer->report->files = total.files;
    writer->report->tensors = total.tensors;
    writer->report->bytes = total.bytes;
    return QOQ_OK;
}

static enum qoq_status write_tokenizer(const char *path, const struct qoq_model_header *header,
                                       struct qoq_error *err)
{
    struct qoq_output out;

    QOQ_TRY(qoq_output_begin(&out, path, err));
    enum qoq_status status =
        qoq_output_write(&out, header->tokenizer, header->tokenizer_bytes, err);
    if (status != QOQ_OK) {
        qoq_output_discard(&out);
        return status;
    }
    return qoq_output_commit(&out, err);
}

/* The small files beside the weights. */
static enum qoq_status write_rest(const struct writer *writer,
                                  const struct qoq_model_header *header)
{
    char *config = qoq_file_join(writer->directory, "config.json");
    char *tokenizer = qoq_file_join(writer->directory, "tokenizer.json");
    enum qoq_status status;

    if (config == NULL || tokenizer == NULL) {
        status = qoq_fail_memory(writer->err, writer->path, NULL, 0);
    } else {
        status =
            qoq_hf_config_write(config, &writer->model->config, writer->model->group, writer->err);
    }
    if (status == QOQ_OK && header->tokenizer != NULL) {
        status = write_tokenizer(tokenizer, header, writer->err);
    }
    free(config);
    free(tokenizer);
    return status;
}

enum qoq_status qoq_checkpoint_write(struct qoq_checkpoint_report *report, const char *directory,
                                     const struct qoq_loaded *loaded, int replace, uint64_t limit,
                                     struct qoq_error *err)
{
    struct writer writer = {
        .model = loaded->model, .path = directory, .report = report, .err = err};
    struct qoq_directory output;

    memset(report, 0, sizeof *report);
    QOQ_TRY(qoq_directory_begin(&output, directory, replace, err));
    writer.directory = output.temporary;
    enum qoq_status status = write_weights(&writer, limit);
    if (status == QOQ_OK) {
        status = write_rest(&writer, &loaded->header);
    }
    if (status != QOQ_OK) {
        qoq_directory_discard(&output);
        return status;
    }
    return qoq_directory_commit(&output, err);
}
