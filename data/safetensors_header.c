/* SPDX-License-Identifier: Apache-2.0 */
/* The header of one safetensors file: everything it claims is checked against the file's size. */
#include <stdlib.h>
#include <string.h>

#include "data/file.h"
#include "data/json.h"
#include "data/safetensors_internal.h"

/* The format allows 100,000,000 bytes of header; the parsed form would take gigabytes. */
#define MAX_HEADER ((size_t)1 << 24)
#define MAX_NAME 512

static const struct {
    const char *name;
    unsigned bits;
    enum qoq_dtype dtype;
} known[] = {
    {"F32", 32, QOQ_F32},
    {"F16", 16, QOQ_F16},
    {"BF16", 16, QOQ_BF16},
    {"I8", 8, QOQ_I8},
    {"U8", 8, QOQ_U8},
    {"I16", 16, QOQ_I16},
    {"I32", 32, QOQ_I32},
    {"I64", 64, QOQ_I64},
    {"F64", 64, QOQ_F64},
    {"BOOL", 8, QOQ_DTYPES},
    {"U16", 16, QOQ_DTYPES},
    {"U32", 32, QOQ_DTYPES},
    {"U64", 64, QOQ_DTYPES},
    {"C64", 64, QOQ_DTYPES},
    {"F8_E5M2", 8, QOQ_DTYPES},
    {"F8_E4M3", 8, QOQ_DTYPES},
    {"F8_E8M0", 8, QOQ_DTYPES},
    {"F8_E4M3FNUZ", 8, QOQ_DTYPES},
    {"F8_E5M2FNUZ", 8, QOQ_DTYPES},
    {"F6_E2M3", 6, QOQ_DTYPES},
    {"F6_E3M2", 6, QOQ_DTYPES},
    {"F4", 4, QOQ_DTYPES},
};
#define KNOWN (sizeof known / sizeof known[0])

unsigned qoq_safetensors_bits(const char *dtype)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (strcmp(known[i].name, dtype) == 0)
            return known[i].bits;
    }
    return 0;
}

enum qoq_dtype qoq_safetensors_dtype(const char *name)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (strcmp(known[i].name, name) == 0)
            return known[i].dtype;
    }
    return QOQ_DTYPES;
}

const char *qoq_safetensors_dtype_name(enum qoq_dtype dtype)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (known[i].dtype == dtype)
            return known[i].name;
    }
    return NULL;
}

static enum qoq_status get_dtype(struct qoq_safetensors_entry *entry,
                                 const struct qoq_json_object *object)
{
    const char *dtype = NULL;
    enum qoq_status status = qoq_json_get_string(&dtype, object, "dtype", QOQ_JSON_NEED);

    if (status != QOQ_OK)
        return status;
    if (strlen(dtype) >= sizeof entry->dtype)
        return qoq_json_fail(object, QOQ_ERR_FORMAT, "dtype", "\"%.32s\" is not a known type",
                             dtype);
    strcpy(entry->dtype, dtype);
    return QOQ_OK;
}

static enum qoq_status get_shape(struct qoq_safetensors_entry *entry,
                                 const struct qoq_json_object *object)
{
    const json_t *shape = qoq_json_member(object, "shape");

    if (!json_is_array(shape))
        return qoq_json_fail(object, QOQ_ERR_FORMAT, "shape", "must be an array of integers");
    if (json_array_size(shape) > QOQ_MAX_RANK)
        return qoq_json_fail(object, QOQ_ERR_UNSUPPORTED, "shape", "more than %d dimensions",
                             QOQ_MAX_RANK);
    entry->rank = (int)json_array_size(shape);
    for (int i = 0; i < entry->rank; i++) {
        const json_t *dim = json_array_get(shape, (size_t)i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return qoq_json_fail(object, QOQ_ERR_FORMAT, "shape",
                                 "must be an array of integers, none negative");
        if ((unsigned long long)json_integer_value(dim) > SIZE_MAX)
            return qoq_json_fail(object, QOQ_ERR_SHAPE, "shape", "its size overflows");
        entry->dim[i] = (size_t)json_integer_value(dim);
    }
    return QOQ_OK;
}

/* The two offsets; `offset` keeps the first, relative to the data, until the header is complete. */
static enum qoq_status get_offsets(struct qoq_safetensors_entry *entry,
                                   const struct qoq_json_object *object, uint64_t data_bytes)
{
    const json_t *pair = qoq_json_member(object, "data_offsets");
    const json_t *begin = json_array_get(pair, 0), *end = json_array_get(pair, 1);

    if (!json_is_array(pair) || json_array_size(pair) != 2 || !json_is_integer(begin) ||
        !json_is_integer(end) || json_integer_value(begin) < 0 || json_integer_value(end) < 0)
        return qoq_json_fail(object, QOQ_ERR_FORMAT, "data_offsets",
                             "must be two integers, none negative");
    if (json_integer_value(end) < json_integer_value(begin))
        return qoq_json_fail(object, QOQ_ERR_FORMAT, "data_offsets", "ends before it begins");
    if ((uint64_t)json_integer_value(end) > data_bytes)
        return qoq_json_fail(object, QOQ_ERR_FORMAT, "data_offsets", "ends beyond the file");
    entry->offset = (uint64_t)json_integer_value(begin);
    entry->bytes = (uint64_t)json_integer_value(end) - entry->offset;
    return QOQ_OK;
}

/* The size that shape and dtype ask for. */
static enum qoq_status check_bytes(const struct qoq_safetensors_entry *entry,
                                   const struct qoq_json_object *object)
{
    unsigned bits = qoq_safetensors_bits(entry->dtype);
    size_t elements;

    if (qoq_shape_elements(&elements, entry->dim, entry->rank) != 0)
        return qoq_json_fail(object, QOQ_ERR_SHAPE, "shape", "its size overflows");
    if (bits == 0)
        return QOQ_OK; /* the list of types grows: an error only where the tensor is needed */
    if (elements > SIZE_MAX / bits)
        return qoq_json_fail(object, QOQ_ERR_SHAPE, "shape", "its size overflows");
    if (elements * bits % 8 != 0 || elements * bits / 8 != entry->bytes)
        return qoq_json_fail(object, QOQ_ERR_SHAPE, "data_offsets",
                             "%llu bytes for %zu elements of type %s",
                             (unsigned long long)entry->bytes, elements, entry->dtype);
    return QOQ_OK;
}

static enum qoq_status parse_entry(struct qoq_safetensors_entry *entry,
                                   const struct qoq_json_object *root, const char *name,
                                   uint64_t data_bytes)
{
    struct qoq_json_object object;
    enum qoq_status status;

    if (name[0] == 0 || strlen(name) > MAX_NAME)
        return qoq_json_fail(root, QOQ_ERR_FORMAT, "header", "a tensor name of %zu bytes",
                             strlen(name));
    status = qoq_json_child(&object, root, name);
    if (status == QOQ_OK && object.node == NULL)
        status = qoq_json_fail(root, QOQ_ERR_FORMAT, name, "must be an object");
    if (status == QOQ_OK)
        status = get_dtype(entry, &object);
    if (status == QOQ_OK)
        status = get_shape(entry, &object);
    if (status == QOQ_OK)
        status = get_offsets(entry, &object, data_bytes);
    if (status == QOQ_OK)
        status = check_bytes(entry, &object);
    return status;
}

/* String to string only. */
static enum qoq_status check_metadata(const struct qoq_json_object *root, const json_t *metadata)
{
    const char *key;
    json_t *value;

    if (!json_is_object(metadata))
        return qoq_json_fail(root, QOQ_ERR_FORMAT, "__metadata__", "must be an object");
    json_object_foreach((json_t *)(uintptr_t)metadata, key, value)
    {
        if (!json_is_string(value))
            return qoq_json_fail(root, QOQ_ERR_FORMAT, "__metadata__", "must hold strings only");
    }
    return QOQ_OK;
}

static enum qoq_status reserve(struct qoq_safetensors *set, size_t more, const char *file,
                               struct qoq_error *err)
{
    struct qoq_safetensors_entry *grown;

    if (more > QOQ_SAFETENSORS_MAX_TENSORS - set->count)
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, file, "header", "more than %zu tensors",
                        QOQ_SAFETENSORS_MAX_TENSORS);
    if (set->count + more <= set->capacity)
        return QOQ_OK;
    grown = realloc(set->entry, (set->count + more) * sizeof *grown);
    if (grown == NULL)
        return qoq_fail_memory(err, file, "header", (set->count + more) * sizeof *grown);
    set->entry = grown;
    set->capacity = set->count + more;
    return QOQ_OK;
}

static enum qoq_status add_entries(struct qoq_safetensors *set, size_t shard,
                                   const struct qoq_json_object *root, uint64_t data_bytes)
{
    enum qoq_status status = reserve(set, json_object_size(root->node), root->file, root->err);
    const char *name;
    json_t *value;

    if (status != QOQ_OK)
        return status;
    json_object_foreach((json_t *)(uintptr_t)root->node, name, value)
    {
        struct qoq_safetensors_entry *entry = &set->entry[set->count];
        if (strcmp(name, "__metadata__") == 0) {
            status = check_metadata(root, value);
        } else {
            char *copy;
            memset(entry, 0, sizeof *entry);
            status = parse_entry(entry, root, name, data_bytes);
            copy = status == QOQ_OK ? malloc(strlen(name) + 1) : NULL;
            if (status == QOQ_OK && copy == NULL)
                status = qoq_fail_memory(root->err, root->file, name, strlen(name));
            if (copy != NULL) {
                entry->name = strcpy(copy, name);
                entry->shard = shard;
                set->count++;
            }
        }
        if (status != QOQ_OK)
            return status;
    }
    return QOQ_OK;
}

static int compare_offsets(const void *a, const void *b)
{
    const struct qoq_safetensors_entry *x = a, *y = b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Sorted by place, tensors must follow one another without hole or overlap, to the end of the file.
 * Then offsets are made relative to the file. */
static enum qoq_status check_cover(struct qoq_safetensors_entry *entry, size_t count,
                                   uint64_t data_start, uint64_t data_bytes, const char *file,
                                   struct qoq_error *err)
{
    uint64_t next = 0;

    if (count > 0)
        qsort(entry, count, sizeof *entry, compare_offsets);
    for (size_t i = 0; i < count; i++) {
        if (entry[i].offset != next)
            return qoq_fail(err, QOQ_ERR_FORMAT, file, entry[i].name,
                            "data_offsets leave %s before it",
                            entry[i].offset > next ? "a hole" : "an overlap");
        next += entry[i].bytes;
        entry[i].offset += data_start;
    }
    if (next != data_bytes)
        return qoq_fail(err, QOQ_ERR_FORMAT, file, "header",
                        "tensors take %llu bytes, the file has %llu after the header",
                        (unsigned long long)next, (unsigned long long)data_bytes);
    return QOQ_OK;
}

static enum qoq_status parse_header(struct qoq_safetensors *set, size_t shard, const char *text,
                                    size_t bytes, struct qoq_error *err)
{
    const char *file = set->shard[shard].path;
    uint64_t data_start = 8 + (uint64_t)bytes;
    uint64_t data_bytes = set->shard[shard].bytes - data_start;
    size_t first = set->count;
    struct qoq_json_object root;
    enum qoq_status status;
    json_t *json;

    if (bytes == 0 || text[0] != '{')
        return qoq_fail(err, QOQ_ERR_FORMAT, file, "header", "does not begin with {");
    status = qoq_json_parse(&json, file, text, bytes, err);
    if (status != QOQ_OK)
        return status;
    status = qoq_json_root(&root, json, file, err);
    if (status == QOQ_OK)
        status = add_entries(set, shard, &root, data_bytes);
    json_decref(json);
    if (status == QOQ_OK)
        status =
            check_cover(set->entry + first, set->count - first, data_start, data_bytes, file, err);
    return status;
}

/* The header's length from the first eight bytes. */
static enum qoq_status read_length(size_t *length, const struct qoq_shard *shard,
                                   struct qoq_error *err)
{
    unsigned char start[8];
    uint64_t found = 0;
    enum qoq_status status;

    if (shard->bytes < 8)
        return qoq_fail(err, QOQ_ERR_FORMAT, shard->path, "header", "file of less than 8 bytes");
    status = qoq_file_read_at(start, shard->descriptor, 0, 8, shard->path, err);
    if (status != QOQ_OK)
        return status;
    for (int i = 0; i < 8; i++)
        found |= (uint64_t)start[i] << 8 * i;
    if (found > shard->bytes - 8)
        return qoq_fail(err, QOQ_ERR_FORMAT, shard->path, "header",
                        "its length %llu exceeds the file", (unsigned long long)found);
    if (found > MAX_HEADER)
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, shard->path, "header",
                        "its length %llu exceeds %zu", (unsigned long long)found, MAX_HEADER);
    *length = (size_t)found;
    return QOQ_OK;
}

enum qoq_status qoq_safetensors_add_header(struct qoq_safetensors *set, size_t shard,
                                           struct qoq_error *err)
{
    struct qoq_shard *file = &set->shard[shard];
    size_t length = 0;
    enum qoq_status status = read_length(&length, file, err);
    char *text;

    if (status != QOQ_OK)
        return status;
    text = malloc(length + 1);
    if (text == NULL)
        return qoq_fail_memory(err, file->path, "header", length);
    text[length] = 0;
    status = qoq_file_read_at(text, file->descriptor, 8, length, file->path, err);
    if (status == QOQ_OK)
        status = parse_header(set, shard, text, length, err);
    free(text);
    return status;
}
