/* SPDX-License-Identifier: Apache-2.0 */
/* Writing safetensors in the order of the reference library: equal tensors give equal bytes. */
#include <stdlib.h>
#include <string.h>

#include "data/endian.h"
#include "data/file.h"
#include "data/json.h"
#include "data/safetensors_internal.h"

/* The library's order of types, widest first. */
static int dtype_order(enum qoq_dtype dtype)
{
    static const enum qoq_dtype order[] = {QOQ_I64, QOQ_F64, QOQ_F32, QOQ_I32, QOQ_BF16,
                                           QOQ_F16, QOQ_I16, QOQ_I8,  QOQ_U8};
    int i = 0;

    while (order[i] != dtype)
        i++;
    return i;
}

static int compare_tensors(const void *a, const void *b)
{
    const struct qoq_tensor *x = *(const struct qoq_tensor *const *)a;
    const struct qoq_tensor *y = *(const struct qoq_tensor *const *)b;
    int order = dtype_order(x->dtype) - dtype_order(y->dtype);

    return order != 0 ? order : strcmp(x->name, y->name);
}

/* Pointers in writing order; malloc. */
static enum qoq_status sort_tensors(const struct qoq_tensor ***sorted, const char *path,
                                    const struct qoq_tensors *tensors, struct qoq_error *err)
{
    size_t bytes = (tensors->count + 1) * sizeof **sorted;

    *sorted = malloc(bytes);
    if (*sorted == NULL)
        return qoq_fail_memory(err, path, NULL, bytes);
    for (size_t i = 0; i < tensors->count; i++) {
        if ((unsigned)tensors->item[i].dtype >= QOQ_DTYPES) {
            free(*sorted);
            return qoq_fail(err, QOQ_ERR_ARGUMENT, path, tensors->item[i].name, "unknown type");
        }
        (*sorted)[i] = &tensors->item[i];
    }
    qsort(*sorted, tensors->count, sizeof **sorted, compare_tensors);
    return QOQ_OK;
}

/* {"dtype": ..., "shape": [...], "data_offsets": [begin, end]}; NULL where memory is short. */
static json_t *make_entry(const struct qoq_tensor *tensor, size_t begin)
{
    json_t *shape = json_array();

    for (int i = 0; i < tensor->rank && shape != NULL; i++) {
        if (json_array_append_new(shape, json_integer((json_int_t)tensor->dim[i])) != 0) {
            json_decref(shape);
            shape = NULL;
        }
    }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", qoq_safetensors_dtype_name(tensor->dtype),
                     "shape", shape, "data_offsets", (json_int_t)begin,
                     (json_int_t)(begin + qoq_tensor_bytes(tensor)));
}

/* The header text padded with spaces to a multiple of 8, malloc; NULL where memory is short or a
 * name is twice there or not UTF-8. */
static char *make_header(size_t *length, const struct qoq_tensor *const *sorted, size_t count,
                         const char *format)
{
    json_t *root = json_object();
    size_t begin = 0, used;
    int failed = root == NULL;
    char *text = NULL, *padded = NULL;

    if (!failed && format != NULL)
        failed = json_object_set_new(root, "__metadata__", json_pack("{s:s}", "format", format));
    for (size_t i = 0; i < count && !failed; i++) {
        failed = json_object_get(root, sorted[i]->name) != NULL ||
                 json_object_set_new(root, sorted[i]->name, make_entry(sorted[i], begin)) != 0;
        begin += qoq_tensor_bytes(sorted[i]);
    }
    if (!failed)
        text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (text == NULL)
        return NULL;
    used = strlen(text);
    *length = (used + 7) / 8 * 8;
    padded = malloc(*length);
    if (padded != NULL) {
        memset(padded, ' ', *length);
        memcpy(padded, text, used);
    }
    free(text);
    return padded;
}

static enum qoq_status write_tensor(struct qoq_output *out, const struct qoq_tensor *tensor,
                                    struct qoq_error *err)
{
    size_t bytes = qoq_tensor_bytes(tensor);
    enum qoq_status status;
    void *copy;

    if (qoq_host_is_little_endian())
        return qoq_output_write(out, tensor->data, bytes, err);
    copy = malloc(bytes > 0 ? bytes : 1);
    if (copy == NULL)
        return qoq_fail_memory(err, out->path, tensor->name, bytes);
    memcpy(copy, tensor->data, bytes);
    qoq_little_endian(copy, qoq_tensor_elements(tensor), qoq_dtype_size(tensor->dtype));
    status = qoq_output_write(out, copy, bytes, err);
    free(copy);
    return status;
}

static enum qoq_status write_all(struct qoq_output *out, const char *header, size_t length,
                                 const struct qoq_tensor *const *sorted, size_t count,
                                 struct qoq_error *err)
{
    unsigned char start[8];
    enum qoq_status status;

    for (int i = 0; i < 8; i++)
        start[i] = (unsigned char)((uint64_t)length >> 8 * i);
    status = qoq_output_write(out, start, sizeof start, err);
    if (status == QOQ_OK)
        status = qoq_output_write(out, header, length, err);
    for (size_t i = 0; i < count && status == QOQ_OK; i++)
        status = write_tensor(out, sorted[i], err);
    return status;
}

enum qoq_status qoq_safetensors_write(const char *path, const struct qoq_tensors *tensors,
                                      const char *format, struct qoq_error *err)
{
    const struct qoq_tensor **sorted;
    struct qoq_output out;
    size_t length = 0;
    char *header;
    enum qoq_status status = sort_tensors(&sorted, path, tensors, err);

    if (status != QOQ_OK)
        return status;
    header = make_header(&length, sorted, tensors->count, format);
    if (header == NULL) {
        status = qoq_fail(err, QOQ_ERR_ARGUMENT, path, NULL,
                          "cannot make a header: a name twice, not UTF-8, or too little memory");
    } else {
        status = qoq_output_begin(&out, path, err);
        if (status == QOQ_OK) {
            status = write_all(&out, header, length, sorted, tensors->count, err);
            if (status == QOQ_OK)
                status = qoq_output_commit(&out, err);
            else
                qoq_output_discard(&out);
        }
    }
    free(header);
    free(sorted);
    return status;
}
