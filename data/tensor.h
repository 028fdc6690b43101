/* SPDX-License-Identifier: Apache-2.0 */
/* A named host tensor that owns its elements, and lists of them. Dense, row major, elements in host
 * byte order. */
#ifndef QOQ_DATA_TENSOR_H
#define QOQ_DATA_TENSOR_H

#include "data/error.h"

#define QOQ_MAX_RANK 8

/* In a list that only describes a file, data is NULL. */
struct qoq_tensor {
    char *name;
    enum qoq_dtype dtype;
    int rank; /* 0..QOQ_MAX_RANK; rank 0 has one element */
    size_t dim[QOQ_MAX_RANK];
    void *data;
};

struct qoq_tensors {
    size_t count;
    struct qoq_tensor *item;
};

/* Bytes of one element; 0 for an unknown dtype. */
size_t qoq_dtype_size(enum qoq_dtype dtype);

/* "f32", "f16", "bf16", "i8", "u8", "i16", "i32", "i64", "f64"; "?" for an unknown dtype. */
const char *qoq_dtype_name(enum qoq_dtype dtype);

/* Elements and bytes of a shape. Return 0, or -1 where rank is out of range or the product
 * overflows size_t. */
int qoq_shape_elements(size_t *elements, const size_t *dim, int rank);
int qoq_shape_bytes(size_t *bytes, enum qoq_dtype dtype, const size_t *dim, int rank);

/* The same for a tensor made by qoq_tensor_create (or checked before): cannot fail. */
size_t qoq_tensor_elements(const struct qoq_tensor *tensor);
size_t qoq_tensor_bytes(const struct qoq_tensor *tensor);

/* "[2, 3]" into text; cut where it does not fit. Returns text. */
char *qoq_shape_text(char *text, size_t size, const size_t *dim, int rank);

/* Makes a zero-filled tensor; name is copied. Free with qoq_tensor_free. */
QOQ_CHECKED enum qoq_status qoq_tensor_create(struct qoq_tensor *out, const char *name,
                                              enum qoq_dtype dtype, const size_t *dim, int rank,
                                              struct qoq_error *err);

/* Frees name and elements and clears the tensor. */
void qoq_tensor_free(struct qoq_tensor *tensor);

/* Moves a tensor to the end of a list and clears it; on failure the tensor stays with the caller.
 */
QOQ_CHECKED enum qoq_status qoq_tensors_add(struct qoq_tensors *list, struct qoq_tensor *tensor,
                                            struct qoq_error *err);

/* The tensor of that name, or NULL. Linear search. */
struct qoq_tensor *qoq_tensors_find(const struct qoq_tensors *list, const char *name);

void qoq_tensors_free(struct qoq_tensors *list);

#endif
