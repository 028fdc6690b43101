/* SPDX-License-Identifier: Apache-2.0 */
/* A safetensors file, or the shards of a directory, as one set of tensors sorted by name. */
#include "data/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "data/file.h"
#include "data/json.h"
#include "data/safetensors_internal.h"

#define SINGLE_NAME "model.safetensors"
#define INDEX_NAME "model.safetensors.index.json"
#define MAX_INDEX ((size_t)1 << 24)
#define MAX_SHARDS 4096

void qoq_safetensors_close(struct qoq_safetensors **handle)
{
    struct qoq_safetensors *set = *handle;

    *handle = NULL;
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->count; i++)
        free((char *)(uintptr_t)set->entry[i].name);
    for (size_t i = 0; i < set->shards; i++) {
        qoq_file_close(set->shard[i].descriptor);
        free(set->shard[i].path);
    }
    free(set->entry);
    free(set->shard);
    free(set);
}

size_t qoq_safetensors_count(const struct qoq_safetensors *set)
{
    return set->count;
}

const struct qoq_safetensors_entry *qoq_safetensors_entry(const struct qoq_safetensors *set,
                                                          size_t index)
{
    return &set->entry[index];
}

static int compare_entries(const void *a, const void *b)
{
    const struct qoq_safetensors_entry *x = a, *y = b;

    return strcmp(x->name, y->name);
}

const struct qoq_safetensors_entry *qoq_safetensors_find(const struct qoq_safetensors *set,
                                                         const char *name)
{
    struct qoq_safetensors_entry key;

    if (set->count == 0)
        return NULL;
    key.name = name;
    return bsearch(&key, set->entry, set->count, sizeof key, compare_entries);
}

/* Opens one file as the next shard; takes the path over. */
static enum qoq_status add_shard(struct qoq_safetensors *set, char *path, struct qoq_error *err)
{
    struct qoq_shard *grown = realloc(set->shard, (set->shards + 1) * sizeof *grown), *shard;
    enum qoq_status status;

    if (grown == NULL) {
        free(path);
        return qoq_fail_memory(err, NULL, NULL, sizeof *grown);
    }
    set->shard = grown;
    shard = &grown[set->shards++];
    shard->path = path;
    status = qoq_file_open(&shard->descriptor, &shard->bytes, path, err);
    if (status != QOQ_OK)
        return status;
    return qoq_safetensors_add_header(set, set->shards - 1, err);
}

/* A plain name in the same directory: no separators, no dots alone. */
static int is_plain_name(const char *name)
{
    return name[0] != 0 && name[0] != '.' && strlen(name) < 256 && strpbrk(name, "/\\") == NULL;
}

static enum qoq_status check_map(const struct qoq_json_object *map)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)map->node, name, value)
    {
        if (!json_is_string(value))
            return qoq_json_fail(map, QOQ_ERR_FORMAT, name, "must be a file name");
        if (!is_plain_name(json_string_value(value)))
            return qoq_json_fail(map, QOQ_ERR_FORMAT, name, "\"%.64s\" is not a plain file name",
                                 json_string_value(value));
    }
    return QOQ_OK;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The different file names of the map, ascending; *names is malloced, the names belong to the map.
 */
static enum qoq_status list_files(const char ***names, size_t *count,
                                  const struct qoq_json_object *map)
{
    size_t all = json_object_size(map->node), kept = 0;
    const char *name, **list = malloc((all + 1) * sizeof *list);
    json_t *value;

    *names = list;
    *count = 0;
    if (list == NULL)
        return qoq_fail_memory(map->err, map->file, map->field, all * sizeof *list);
    json_object_foreach((json_t *)(uintptr_t)map->node, name, value) list[(*count)++] =
        json_string_value(value);
    qsort(list, *count, sizeof *list, compare_texts);
    for (size_t i = 0; i < *count; i++) {
        if (kept == 0 || strcmp(list[kept - 1], list[i]) != 0)
            list[kept++] = list[i];
    }
    *count = kept;
    if (kept > MAX_SHARDS)
        return qoq_fail(map->err, QOQ_ERR_UNSUPPORTED, map->file, map->field, "more than %d files",
                        MAX_SHARDS);
    return QOQ_OK;
}

/* Drops, from the entries added since `first`, those that the map does not place in this file. */
static void keep_mapped(struct qoq_safetensors *set, size_t first,
                        const struct qoq_json_object *map, const char *file)
{
    size_t kept = first;

    for (size_t i = first; i < set->count; i++) {
        const json_t *where = json_object_get(map->node, set->entry[i].name);
        if (where != NULL && strcmp(json_string_value(where), file) == 0)
            set->entry[kept++] = set->entry[i];
        else
            free((char *)(uintptr_t)set->entry[i].name);
    }
    set->count = kept;
}

static enum qoq_status check_complete(const struct qoq_safetensors *set,
                                      const struct qoq_json_object *map)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)map->node, name, value)
    {
        if (qoq_safetensors_find(set, name) == NULL)
            return qoq_json_fail(map, QOQ_ERR_FORMAT, name, "is not in \"%.64s\"",
                                 json_string_value(value));
    }
    return QOQ_OK;
}

static enum qoq_status open_shards(struct qoq_safetensors *set, const char *directory,
                                   const struct qoq_json_object *map)
{
    const char **names;
    size_t count;
    enum qoq_status status = list_files(&names, &count, map);

    for (size_t i = 0; i < count && status == QOQ_OK; i++) {
        char *path = qoq_file_join(directory, names[i]);
        size_t first = set->count;
        if (path == NULL) {
            status = qoq_fail_memory(map->err, directory, NULL, strlen(directory));
        } else {
            status = add_shard(set, path, map->err);
            if (status == QOQ_OK)
                keep_mapped(set, first, map, names[i]);
        }
    }
    free(names);
    if (status == QOQ_OK && set->count > 0)
        qsort(set->entry, set->count, sizeof *set->entry, compare_entries);
    if (status == QOQ_OK)
        status = check_complete(set, map);
    return status;
}

static enum qoq_status open_index(struct qoq_safetensors *set, const char *directory,
                                  const char *index, struct qoq_error *err)
{
    struct qoq_json_object root, map;
    enum qoq_status status;
    json_t *json;

    status = qoq_json_load(&json, index, MAX_INDEX, err);
    if (status != QOQ_OK)
        return status;
    status = qoq_json_root(&root, json, index, err);
    if (status == QOQ_OK)
        status = qoq_json_child(&map, &root, "weight_map");
    if (status == QOQ_OK && map.node == NULL)
        status = qoq_json_fail(&root, QOQ_ERR_FORMAT, "weight_map", "missing");
    if (status == QOQ_OK)
        status = check_map(&map);
    if (status == QOQ_OK)
        status = open_shards(set, directory, &map);
    json_decref(json);
    return status;
}

static enum qoq_status open_single(struct qoq_safetensors *set, const char *path,
                                   struct qoq_error *err)
{
    char *copy = malloc(strlen(path) + 1);
    enum qoq_status status;

    if (copy == NULL)
        return qoq_fail_memory(err, path, NULL, strlen(path));
    status = add_shard(set, strcpy(copy, path), err);
    if (status == QOQ_OK && set->count > 0)
        qsort(set->entry, set->count, sizeof *set->entry, compare_entries);
    return status;
}

static enum qoq_status open_directory(struct qoq_safetensors *set, const char *path,
                                      struct qoq_error *err)
{
    char *single = qoq_file_join(path, SINGLE_NAME), *index = qoq_file_join(path, INDEX_NAME);
    enum qoq_status status;

    if (single == NULL || index == NULL)
        status = qoq_fail_memory(err, path, NULL, strlen(path));
    else if (qoq_file_exists(single))
        status = open_single(set, single, err);
    else if (qoq_file_exists(index))
        status = open_index(set, path, index, err);
    else
        status =
            qoq_fail(err, QOQ_ERR_IO, path, NULL, "holds neither " SINGLE_NAME " nor " INDEX_NAME);
    free(single);
    free(index);
    return status;
}

enum qoq_status qoq_safetensors_open(struct qoq_safetensors **out, const char *path,
                                     struct qoq_error *err)
{
    enum qoq_status status;

    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return qoq_fail_memory(err, path, NULL, sizeof **out);
    if (qoq_file_is_directory(path))
        status = open_directory(*out, path, err);
    else
        status = open_single(*out, path, err);
    if (status != QOQ_OK)
        qoq_safetensors_close(out);
    return status;
}
