/* SPDX-License-Identifier: Apache-2.0 */
/* Host tensors: sizes with overflow checks, making, freeing, lists. */
#include "data/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[QOQ_DTYPES] = {
    [QOQ_F32] = {"f32", 4}, [QOQ_F16] = {"f16", 2}, [QOQ_BF16] = {"bf16", 2},
    [QOQ_I8] = {"i8", 1},   [QOQ_U8] = {"u8", 1},   [QOQ_I16] = {"i16", 2},
    [QOQ_I32] = {"i32", 4}, [QOQ_I64] = {"i64", 8}, [QOQ_F64] = {"f64", 8},
};

size_t qoq_dtype_size(enum qoq_dtype dtype)
{
    return (unsigned)dtype < QOQ_DTYPES ? dtypes[dtype].size : 0;
}

const char *qoq_dtype_name(enum qoq_dtype dtype)
{
    return (unsigned)dtype < QOQ_DTYPES ? dtypes[dtype].name : "?";
}

int qoq_shape_elements(size_t *elements, const size_t *dim, int rank)
{
    size_t product = 1;
    int empty = 0;

    if (rank < 0 || rank > QOQ_MAX_RANK)
        return -1;
    for (int i = 0; i < rank; i++) {
        if (dim[i] == 0) {
            empty = 1;
            continue;
        }
        if (product > SIZE_MAX / dim[i])
            return -1;
        product *= dim[i];
    }
    *elements = empty ? 0 : product;
    return 0;
}

int qoq_shape_bytes(size_t *bytes, enum qoq_dtype dtype, const size_t *dim, int rank)
{
    size_t elements, size = qoq_dtype_size(dtype);

    if (size == 0 || qoq_shape_elements(&elements, dim, rank) != 0 || elements > SIZE_MAX / size)
        return -1;
    *bytes = elements * size;
    return 0;
}

size_t qoq_tensor_elements(const struct qoq_tensor *tensor)
{
    size_t elements = 0;

    if (qoq_shape_elements(&elements, tensor->dim, tensor->rank) != 0)
        return 0;
    return elements;
}

size_t qoq_tensor_bytes(const struct qoq_tensor *tensor)
{
    return qoq_tensor_elements(tensor) * qoq_dtype_size(tensor->dtype);
}

char *qoq_shape_text(char *text, size_t size, const size_t *dim, int rank)
{
    size_t used = (size_t)snprintf(text, size, "[");

    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, i > 0 ? ", %zu" : "%zu", dim[i]);
    if (used < size)
        snprintf(text + used, size - used, "]");
    return text;
}

enum qoq_status qoq_tensor_create(struct qoq_tensor *out, const char *name, enum qoq_dtype dtype,
                                  const size_t *dim, int rank, struct qoq_error *err)
{
    size_t bytes;

    memset(out, 0, sizeof *out);
    if (qoq_shape_bytes(&bytes, dtype, dim, rank) != 0)
        return qoq_fail(err, QOQ_ERR_SHAPE, NULL, name, "its size overflows");
    out->name = malloc(strlen(name) + 1);
    out->data = calloc(bytes > 0 ? bytes : 1, 1);
    if (out->name == NULL || out->data == NULL) {
        qoq_tensor_free(out);
        return qoq_fail_memory(err, NULL, name, bytes);
    }
    strcpy(out->name, name);
    out->dtype = dtype;
    out->rank = rank;
    for (int i = 0; i < rank; i++)
        out->dim[i] = dim[i];
    return QOQ_OK;
}

void qoq_tensor_free(struct qoq_tensor *tensor)
{
    free(tensor->name);
    free(tensor->data);
    memset(tensor, 0, sizeof *tensor);
}

enum qoq_status qoq_tensors_add(struct qoq_tensors *list, struct qoq_tensor *tensor,
                                struct qoq_error *err)
{
    /* The capacity is the next power of two: it grows when count reaches one. */
    if ((list->count & (list->count - 1)) == 0) {
        size_t capacity = list->count > 0 ? 2 * list->count : 1;
        struct qoq_tensor *grown = NULL;
        if (capacity <= SIZE_MAX / sizeof *grown)
            grown = realloc(list->item, capacity * sizeof *grown);
        if (grown == NULL)
            return qoq_fail_memory(err, NULL, tensor->name, capacity * sizeof *grown);
        list->item = grown;
    }
    list->item[list->count++] = *tensor;
    memset(tensor, 0, sizeof *tensor);
    return QOQ_OK;
}

struct qoq_tensor *qoq_tensors_find(const struct qoq_tensors *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->item[i].name, name) == 0)
            return &list->item[i];
    }
    return NULL;
}

void qoq_tensors_free(struct qoq_tensors *list)
{
    for (size_t i = 0; i < list->count; i++)
        qoq_tensor_free(&list->item[i]);
    free(list->item);
    memset(list, 0, sizeof *list);
}
