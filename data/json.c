/* SPDX-License-Identifier: Apache-2.0 */
/* Strict JSON and typed getters. */
#include "data/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/file.h"

enum qoq_status qoq_json_parse(json_t **root, const char *file, const char *text, size_t bytes,
                               struct qoq_error *err)
{
    json_error_t trouble;

    *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &trouble);
    if (*root != NULL)
        return QOQ_OK;
    return qoq_fail(err, QOQ_ERR_FORMAT, file, NULL, "JSON line %d: %s", trouble.line,
                    trouble.text);
}

enum qoq_status qoq_json_load(json_t **root, const char *path, size_t max_bytes,
                              struct qoq_error *err)
{
    enum qoq_status status;
    size_t bytes;
    char *text;

    *root = NULL;
    status = qoq_file_read(&text, &bytes, path, max_bytes, err);
    if (status != QOQ_OK)
        return status;
    status = qoq_json_parse(root, path, text, bytes, err);
    free(text);
    return status;
}

enum qoq_status qoq_json_fail(const struct qoq_json_object *object, enum qoq_status status,
                              const char *key, const char *format, ...)
{
    char field[256] = "", reason[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    if (object->field != NULL && key != NULL)
        snprintf(field, sizeof field, "%s.%s", object->field, key);
    else
        snprintf(field, sizeof field, "%s",
                 key != NULL             ? key
                 : object->field != NULL ? object->field
                                         : "");
    return qoq_fail(object->err, status, object->file, field[0] != 0 ? field : NULL, "%s", reason);
}

const json_t *qoq_json_member(const struct qoq_json_object *object, const char *key)
{
    const json_t *member = json_object_get(object->node, key);

    return json_is_null(member) ? NULL : member;
}

enum qoq_status qoq_json_root(struct qoq_json_object *object, const json_t *root, const char *file,
                              struct qoq_error *err)
{
    object->node = root;
    object->file = file;
    object->field = NULL;
    object->err = err;
    if (!json_is_object(root))
        return qoq_fail(err, QOQ_ERR_FORMAT, file, NULL, "must hold a JSON object");
    return QOQ_OK;
}

enum qoq_status qoq_json_child(struct qoq_json_object *child, const struct qoq_json_object *object,
                               const char *key)
{
    *child = *object;
    child->field = key;
    child->node = qoq_json_member(object, key);
    if (child->node != NULL && !json_is_object(child->node))
        return qoq_json_fail(object, QOQ_ERR_FORMAT, key, "must be an object");
    return QOQ_OK;
}

/* Looks a member up; QOQ_OK with *member NULL where it may be absent. */
static enum qoq_status look_up(const json_t **member, const struct qoq_json_object *object,
                               const char *key, int need)
{
    *member = qoq_json_member(object, key);
    if (*member == NULL && need)
        return qoq_json_fail(object, QOQ_ERR_FORMAT, key, "missing");
    return QOQ_OK;
}

enum qoq_status qoq_json_get_size(size_t *value, const struct qoq_json_object *object,
                                  const char *key, int need, size_t lo, size_t hi)
{
    const json_t *member;
    json_int_t found;
    enum qoq_status status = look_up(&member, object, key, need);

    if (status != QOQ_OK || member == NULL)
        return status;
    if (!json_is_integer(member))
        return qoq_json_fail(object, QOQ_ERR_FORMAT, key, "must be an integer");
    found = json_integer_value(member);
    if (found < 0 || (unsigned long long)found < lo || (unsigned long long)found > hi)
        return qoq_json_fail(object, QOQ_ERR_RANGE, key, "%lld is not in [%zu, %zu]",
                             (long long)found, lo, hi);
    *value = (size_t)found;
    return QOQ_OK;
}

enum qoq_status qoq_json_get_double(double *value, const struct qoq_json_object *object,
                                    const char *key, int need, double lo, double hi)
{
    const json_t *member;
    double found;
    enum qoq_status status = look_up(&member, object, key, need);

    if (status != QOQ_OK || member == NULL)
        return status;
    if (!json_is_number(member))
        return qoq_json_fail(object, QOQ_ERR_FORMAT, key, "must be a number");
    found = json_number_value(member);
    if (!(found >= lo && found <= hi))
        return qoq_json_fail(object, QOQ_ERR_RANGE, key, "%g is not in [%g, %g]", found, lo, hi);
    *value = found;
    return QOQ_OK;
}

enum qoq_status qoq_json_get_bool(int *value, const struct qoq_json_object *object, const char *key,
                                  int need)
{
    const json_t *member;
    enum qoq_status status = look_up(&member, object, key, need);

    if (status != QOQ_OK || member == NULL)
        return status;
    if (!json_is_boolean(member))
        return qoq_json_fail(object, QOQ_ERR_FORMAT, key, "must be true or false");
    *value = json_is_true(member);
    return QOQ_OK;
}

enum qoq_status qoq_json_get_string(const char **value, const struct qoq_json_object *object,
                                    const char *key, int need)
{
    const json_t *member;
    enum qoq_status status = look_up(&member, object, key, need);

    if (status != QOQ_OK || member == NULL)
        return status;
    if (!json_is_string(member))
        return qoq_json_fail(object, QOQ_ERR_FORMAT, key, "must be a string");
    *value = json_string_value(member);
    return QOQ_OK;
}
