/* SPDX-License-Identifier: Apache-2.0 */
/* What the files safetensors*.c share; nobody else includes this header. */
#ifndef QOQ_DATA_SAFETENSORS_INTERNAL_H
#define QOQ_DATA_SAFETENSORS_INTERNAL_H

#include "data/safetensors.h"

#define QOQ_SAFETENSORS_MAX_TENSORS ((size_t)1 << 20)

struct qoq_shard {
    char *path;
    int descriptor;
    uint64_t bytes; /* of the file */
};

struct qoq_safetensors {
    size_t shards;
    struct qoq_shard *shard;
    size_t count, capacity;
    struct qoq_safetensors_entry *entry;
};

/* Bits of an element of a dtype of the format, or 0 where we do not know it. */
unsigned qoq_safetensors_bits(const char *dtype);

/* The element type of that name, or QOQ_DTYPES; and the other way, NULL for none. */
enum qoq_dtype qoq_safetensors_dtype(const char *name);
const char *qoq_safetensors_dtype_name(enum qoq_dtype dtype);

/* Reads and checks the header of shard number `shard`, appending its entries to set->entry. */
QOQ_CHECKED enum qoq_status qoq_safetensors_add_header(struct qoq_safetensors *set, size_t shard,
                                                       struct qoq_error *err);

#endif
