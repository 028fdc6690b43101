/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON from untrusted files: strict parsing (no duplicate keys, valid UTF-8, bounded depth and
 * size) and typed getters whose messages name file and field. Only .c files of data/ include this
 * header.
 */
#ifndef QOQ_DATA_JSON_H
#define QOQ_DATA_JSON_H

#include <jansson.h>

#include "data/error.h"

/* Parses one JSON value. `file` is for messages. Release with json_decref. */
QOQ_CHECKED enum qoq_status qoq_json_parse(json_t **root, const char *file, const char *text,
                                           size_t bytes, struct qoq_error *err);

/* Reads and parses a file of at most max_bytes. */
QOQ_CHECKED enum qoq_status qoq_json_load(json_t **root, const char *path, size_t max_bytes,
                                          struct qoq_error *err);

/* An object inside a file: where getters look and what their messages say. */
struct qoq_json_object {
    const json_t *node;
    const char *file;
    const char *field; /* its own path, e.g. "rope_scaling"; NULL for the root */
    struct qoq_error *err;
};

/* Fails with "FILE: FIELD.KEY: REASON". */
enum qoq_status qoq_json_fail(const struct qoq_json_object *object, enum qoq_status status,
                              const char *key, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 4, 5)))
#endif
    ;

/* The member, or NULL where it is absent or null. */
const json_t *qoq_json_member(const struct qoq_json_object *object, const char *key);

/* The root must be an object. */
QOQ_CHECKED enum qoq_status qoq_json_root(struct qoq_json_object *object, const json_t *root,
                                          const char *file, struct qoq_error *err);

/* A member that must be an object where present. child->node is NULL where it is absent or null. */
QOQ_CHECKED enum qoq_status qoq_json_child(struct qoq_json_object *child,
                                           const struct qoq_json_object *object, const char *key);

/* Each getter leaves *value as it is where the member is absent or null, unless need is 1: then
 * that is QOQ_ERR_FORMAT. Another type is QOQ_ERR_FORMAT, a value outside [lo, hi] QOQ_ERR_RANGE.
 * Strings belong to the document. */
enum { QOQ_JSON_MAY, QOQ_JSON_NEED };
QOQ_CHECKED enum qoq_status qoq_json_get_size(size_t *value, const struct qoq_json_object *object,
                                              const char *key, int need, size_t lo, size_t hi);
QOQ_CHECKED enum qoq_status qoq_json_get_double(double *value, const struct qoq_json_object *object,
                                                const char *key, int need, double lo, double hi);
QOQ_CHECKED enum qoq_status qoq_json_get_bool(int *value, const struct qoq_json_object *object,
                                              const char *key, int need);
QOQ_CHECKED enum qoq_status qoq_json_get_string(const char **value,
                                                const struct qoq_json_object *object,
                                                const char *key, int need);

#endif
