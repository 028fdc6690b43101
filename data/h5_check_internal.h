/* SPDX-License-Identifier: Apache-2.0 */
/* What the files h5_check*.c share; nobody else includes this header. */
#ifndef QOQ_DATA_H5_CHECK_INTERNAL_H
#define QOQ_DATA_H5_CHECK_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "data/h5_check.h"

#define QOQ_H5_UNDEFINED UINT64_MAX

/* A check under way. */
struct qoq_h5_checker {
    int descriptor;
    uint64_t bytes;
    const char *path;
    struct qoq_error *err;
    const char *object;          /* path of the object being checked, "/" for the root */
    unsigned leaf_k, internal_k; /* half the capacity of symbol nodes and of B-tree nodes */
    uint64_t *seen;              /* open addressing: addresses of object headers, 0: free */
    size_t seen_capacity, objects;
    uint64_t *budget; /* what may still be read: a structure that loops runs out of it */
};

/* A piece of the file in memory; at + left stay inside it. */
struct qoq_h5_span {
    const unsigned char *at;
    size_t left;
};

/* Fails for the current object. */
enum qoq_status qoq_h5_damaged(const struct qoq_h5_checker *check, const char *what);
enum qoq_status qoq_h5_unsupported(const struct qoq_h5_checker *check, const char *what);

/* Reads `size` bytes at `address` into a new block; free it. Outside the file or above 64 MiB:
 * damaged. */
QOQ_CHECKED enum qoq_status qoq_h5_fetch(unsigned char **block, const struct qoq_h5_checker *check,
                                         uint64_t address, uint64_t size, const char *what);

/* Little-endian integers; the caller has checked the length. */
uint64_t qoq_h5_u16(const unsigned char *at);
uint64_t qoq_h5_u32(const unsigned char *at);
uint64_t qoq_h5_u64(const unsigned char *at);

/* What the messages of an object header amount to. */
struct qoq_h5_object {
    int spaces, types, layouts, tables;
    uint64_t tree, heap; /* of the symbol table */
};

/* Checks one message of an object header, continuations excepted. */
QOQ_CHECKED enum qoq_status qoq_h5_check_message(struct qoq_h5_object *out,
                                                 const struct qoq_h5_checker *check, unsigned type,
                                                 unsigned flags, struct qoq_h5_span span);

#endif
