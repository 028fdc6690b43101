/* SPDX-License-Identifier: Apache-2.0 */
/* Model files: header, tokenizer and streamed tensors. */
#include "data/model_file.h"

#include <stdlib.h>
#include <string.h>

#include "data/config_attributes.h"
#include "data/file.h"
#include "data/h5.h"

#define TENSORS "tensors"
#define TOKENIZER "tokenizer"
#define MAX_TENSORS ((size_t)1 << 18)
#define MAX_TOKENIZER ((size_t)1 << 26)

struct qoq_model_file {
    struct qoq_h5 *h5;
    struct qoq_tensors tensors; /* descriptions, ascending by name */
};

void qoq_model_header_free(struct qoq_model_header *header)
{
    free(header->precision);
    free(header->source);
    free(header->method);
    free(header->tokenizer);
    memset(header, 0, sizeof *header);
}

void qoq_model_file_close(struct qoq_model_file **handle)
{
    struct qoq_model_file *file = *handle;

    *handle = NULL;
    if (file == NULL)
        return;
    qoq_h5_close(&file->h5);
    qoq_tensors_free(&file->tensors);
    free(file);
}

static enum qoq_status put_text(struct qoq_h5 *h5, const char *name, const char *text,
                                struct qoq_error *err)
{
    return qoq_h5_put_string(h5, "/", name, text != NULL ? text : "", err);
}

static enum qoq_status put_dataset(struct qoq_h5 *h5, const char *name, const void *data,
                                   enum qoq_dtype dtype, const size_t *dim, int rank,
                                   struct qoq_error *err)
{
    /* Writing neither changes nor keeps name and data. */
    struct qoq_tensor tensor = {(char *)(uintptr_t)name, dtype, rank, {0}, (void *)(uintptr_t)data};

    if (rank < 0 || rank > QOQ_MAX_RANK)
        return qoq_fail(err, QOQ_ERR_ARGUMENT, qoq_h5_path(h5), name, "rank %d", rank);
    for (int i = 0; i < rank; i++)
        tensor.dim[i] = dim[i];
    return qoq_h5_write(h5, &tensor, err);
}

/* Attributes that only models have which imitate quantization. */
static const struct {
    const char *name;
    int64_t hi;
} simulations[] = {{"act_bits", 8}, {"act_group", 131072}, {"kv_bits", 8}};

static enum qoq_status put_simulation(struct qoq_h5 *h5, const struct qoq_simulation *simulation,
                                      struct qoq_error *err)
{
    const int64_t value[] = {simulation->act_bits, (int64_t)simulation->act_group,
                             simulation->kv_bits};
    enum qoq_status status = QOQ_OK;

    for (size_t i = 0; i < 3 && status == QOQ_OK; i++) {
        if (value[i] != 0)
            status = qoq_h5_put_int(h5, "/", simulations[i].name, value[i], err);
    }
    return status;
}

static enum qoq_status get_simulation(struct qoq_simulation *out, struct qoq_h5 *h5,
                                      struct qoq_error *err)
{
    int64_t value[3] = {0, 0, 0};
    enum qoq_status status = QOQ_OK;

    for (size_t i = 0; i < 3 && status == QOQ_OK; i++) {
        if (qoq_h5_has(h5, "/", simulations[i].name))
            status =
                qoq_h5_get_int(&value[i], h5, "/", simulations[i].name, 0, simulations[i].hi, err);
    }
    *out = (struct qoq_simulation){(unsigned)value[0], (unsigned)value[2], (size_t)value[1]};
    return status;
}

static enum qoq_status put_header(struct qoq_h5 *h5, const struct qoq_model_header *header,
                                  struct qoq_error *err)
{
    enum qoq_status status = qoq_h5_put_format(h5, QOQ_MODEL_FORMAT, QOQ_MODEL_VERSION, err);

    if (status == QOQ_OK)
        status = qoq_h5_put_int(h5, "/", "numerics", header->numerics, err);
    if (status == QOQ_OK)
        status = put_text(h5, "precision", header->precision, err);
    if (status == QOQ_OK)
        status = qoq_h5_put_int(h5, "/", "group", (int64_t)header->group, err);
    if (status == QOQ_OK)
        status = put_simulation(h5, &header->simulation, err);
    if (status == QOQ_OK)
        status = put_text(h5, "source", header->source, err);
    if (status == QOQ_OK)
        status = put_text(h5, "method", header->method, err);
    if (status == QOQ_OK)
        status = qoq_config_put(h5, &header->config, err);
    if (status == QOQ_OK && header->tokenizer != NULL)
        status =
            put_dataset(h5, TOKENIZER, header->tokenizer, QOQ_U8, &header->tokenizer_bytes, 1, err);
    if (status == QOQ_OK)
        status = qoq_h5_make_group(h5, TENSORS, err);
    return status;
}

enum qoq_status qoq_model_file_create(struct qoq_model_file **out, const char *path,
                                      const struct qoq_model_header *header, struct qoq_error *err)
{
    enum qoq_status status;

    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return qoq_fail_memory(err, path, NULL, sizeof **out);
    status = qoq_h5_create(&(*out)->h5, path, err);
    if (status == QOQ_OK)
        status = put_header((*out)->h5, header, err);
    if (status != QOQ_OK)
        qoq_model_file_close(out);
    return status;
}

enum qoq_status qoq_model_file_put(struct qoq_model_file *file, const char *name, const void *data,
                                   enum qoq_dtype dtype, const size_t *dim, int rank,
                                   struct qoq_error *err)
{
    char *full = qoq_file_join(TENSORS, name);
    enum qoq_status status;

    if (full == NULL)
        return qoq_fail_memory(err, qoq_h5_path(file->h5), name, strlen(name));
    status = put_dataset(file->h5, full, data, dtype, dim, rank, err);
    free(full);
    return status;
}

enum qoq_status qoq_model_file_commit(struct qoq_model_file **file, struct qoq_error *err)
{
    enum qoq_status status = qoq_h5_commit(&(*file)->h5, err);

    qoq_model_file_close(file);
    return status;
}

static enum qoq_status get_tokenizer(struct qoq_model_header *out, struct qoq_h5 *h5,
                                     struct qoq_error *err)
{
    const size_t any = QOQ_H5_ANY;
    struct qoq_h5_want want = qoq_h5_exactly(QOQ_U8, &any, 1);
    struct qoq_tensor tensor;
    enum qoq_status status;

    if (!qoq_h5_exists(h5, TOKENIZER))
        return QOQ_OK;
    want.max_bytes = MAX_TOKENIZER;
    status = qoq_h5_read(&tensor, h5, TOKENIZER, &want, err);
    if (status != QOQ_OK)
        return status;
    out->tokenizer = tensor.data;
    out->tokenizer_bytes = tensor.dim[0];
    tensor.data = NULL;
    qoq_tensor_free(&tensor);
    return QOQ_OK;
}

static enum qoq_status get_header(struct qoq_model_header *out, struct qoq_h5 *h5,
                                  struct qoq_error *err)
{
    int64_t numerics = 0, group = 0;
    enum qoq_status status = qoq_h5_check_format(h5, QOQ_MODEL_FORMAT, QOQ_MODEL_VERSION, err);

    if (status == QOQ_OK)
        status = qoq_h5_get_int(&numerics, h5, "/", "numerics", 0, 1 << 20, err);
    if (status == QOQ_OK && numerics != QOQ_NUMERICS_VERSION)
        status = qoq_fail(err, QOQ_ERR_UNSUPPORTED, qoq_h5_path(h5), "numerics",
                          "version %lld, but this program computes version %d", (long long)numerics,
                          QOQ_NUMERICS_VERSION);
    out->numerics = (int)numerics;
    if (status == QOQ_OK)
        status = qoq_h5_get_string(&out->precision, h5, "/", "precision", err);
    if (status == QOQ_OK)
        status = qoq_h5_get_int(&group, h5, "/", "group", 0, (int64_t)1 << 20, err);
    out->group = (size_t)group;
    if (status == QOQ_OK)
        status = get_simulation(&out->simulation, h5, err);
    if (status == QOQ_OK)
        status = qoq_h5_get_string(&out->source, h5, "/", "source", err);
    if (status == QOQ_OK)
        status = qoq_h5_get_string(&out->method, h5, "/", "method", err);
    if (status == QOQ_OK)
        status = qoq_config_get(&out->config, h5, err);
    if (status == QOQ_OK)
        status = get_tokenizer(out, h5, err);
    return status;
}

static int compare_tensors(const void *a, const void *b)
{
    const struct qoq_tensor *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static enum qoq_status list_tensors(struct qoq_model_file *file, struct qoq_error *err)
{
    enum qoq_status status = qoq_h5_walk(&file->tensors, file->h5, TENSORS, MAX_TENSORS, err);

    if (status != QOQ_OK)
        return status;
    if (file->tensors.count > 0)
        qsort(file->tensors.item, file->tensors.count, sizeof *file->tensors.item, compare_tensors);
    return QOQ_OK;
}

enum qoq_status qoq_model_file_open(struct qoq_model_file **out, struct qoq_model_header *header,
                                    const char *path, struct qoq_error *err)
{
    enum qoq_status status;

    memset(header, 0, sizeof *header);
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return qoq_fail_memory(err, path, NULL, sizeof **out);
    status = qoq_h5_open(&(*out)->h5, path, err);
    if (status == QOQ_OK)
        status = get_header(header, (*out)->h5, err);
    if (status == QOQ_OK)
        status = list_tensors(*out, err);
    if (status != QOQ_OK) {
        qoq_model_file_close(out);
        qoq_model_header_free(header);
    }
    return status;
}

const struct qoq_tensors *qoq_model_file_tensors(const struct qoq_model_file *file)
{
    return &file->tensors;
}

enum qoq_status qoq_model_file_get(void *data, struct qoq_model_file *file, const char *name,
                                   enum qoq_dtype dtype, const size_t *dim, int rank,
                                   struct qoq_error *err)
{
    struct qoq_tensor key, *found = NULL;
    enum qoq_status status;
    char *full;

    key.name = (char *)(uintptr_t)name;
    if (file->tensors.count > 0)
        found = bsearch(&key, file->tensors.item, file->tensors.count, sizeof key, compare_tensors);
    if (found == NULL)
        return qoq_fail(err, QOQ_ERR_FORMAT, qoq_h5_path(file->h5), name, "missing tensor");
    full = qoq_file_join(TENSORS, name);
    if (full == NULL)
        return qoq_fail_memory(err, qoq_h5_path(file->h5), name, strlen(name));
    status = qoq_h5_read_into(data, file->h5, full, dtype, dim, rank, 1, err);
    free(full);
    return status;
}
