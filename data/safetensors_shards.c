/* SPDX-License-Identifier: Apache-2.0 */
/* Shards: the number of files is known at the end, so they get their names at the end. */
#include "data/safetensors_shards.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/file.h"
#include "data/json.h"
#include "data/safetensors.h"

#define NAME_BYTES 64
#define MAX_FILES 99999

struct qoq_safetensors_shards {
    const char *directory, *format;
    uint64_t limit, held; /* bytes of `list` */
    struct qoq_tensors list;
    struct qoq_shards_total total;
    json_t *place; /* tensor name to file number */
};

/* The name of file `number` (from 1) while it is written, and at the end. */
static void part_name(char name[NAME_BYTES], size_t number)
{
    snprintf(name, NAME_BYTES, "part-%05zu", number);
}

static void final_name(char name[NAME_BYTES], size_t number, size_t files)
{
    if (files == 1)
        snprintf(name, NAME_BYTES, "model.safetensors");
    else
        snprintf(name, NAME_BYTES, "model-%05zu-of-%05zu.safetensors", number, files);
}

enum qoq_status qoq_safetensors_shards_create(struct qoq_safetensors_shards **out,
                                              const char *directory, uint64_t limit,
                                              const char *format, struct qoq_error *err)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return qoq_fail_memory(err, directory, NULL, sizeof **out);
    (*out)->directory = directory;
    (*out)->format = format;
    (*out)->limit = limit;
    (*out)->place = json_object();
    if ((*out)->place == NULL) {
        qoq_safetensors_shards_discard(out);
        return qoq_fail_memory(err, directory, NULL, 0);
    }
    return QOQ_OK;
}

/* Writes the tensors held as the next file. */
static enum qoq_status flush(struct qoq_safetensors_shards *shards, struct qoq_error *err)
{
    char name[NAME_BYTES], *path;
    enum qoq_status status;

    if (++shards->total.files > MAX_FILES)
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, shards->directory, NULL, "more than %d files",
                        MAX_FILES);
    part_name(name, shards->total.files);
    path = qoq_file_join(shards->directory, name);
    if (path == NULL)
        return qoq_fail_memory(err, shards->directory, name, 0);
    status = qoq_safetensors_write(path, &shards->list, shards->format, err);
    free(path);
    qoq_tensors_free(&shards->list);
    shards->held = 0;
    return status;
}

enum qoq_status qoq_safetensors_shards_put(struct qoq_safetensors_shards *shards,
                                           struct qoq_tensor *tensor, struct qoq_error *err)
{
    uint64_t bytes = qoq_tensor_bytes(tensor);
    enum qoq_status status = QOQ_OK;

    if (json_object_get(shards->place, tensor->name) != NULL)
        return qoq_fail(err, QOQ_ERR_ARGUMENT, shards->directory, tensor->name, "twice");
    if (shards->list.count > 0 && (bytes > shards->limit || shards->held > shards->limit - bytes))
        status = flush(shards, err);
    if (status != QOQ_OK)
        return status;
    if (json_object_set_new(shards->place, tensor->name,
                            json_integer((json_int_t)shards->total.files + 1)) != 0)
        return qoq_fail(err, QOQ_ERR_ARGUMENT, shards->directory, tensor->name,
                        "not UTF-8, or too little memory");
    shards->held += bytes;
    shards->total.bytes += bytes;
    shards->total.tensors++;
    return qoq_tensors_add(&shards->list, tensor, err);
}

/* {"metadata": {"total_size": ...}, "weight_map": {...}}; NULL where memory is short. */
static char *index_text(const struct qoq_safetensors_shards *shards)
{
    json_t *map = json_object(), *root, *number;
    char file[NAME_BYTES], *text = NULL;
    const char *name;
    int failed = map == NULL;

    json_object_foreach(shards->place, name, number)
    {
        final_name(file, (size_t)json_integer_value(number), shards->total.files);
        failed = failed || json_object_set_new(map, name, json_string(file)) != 0;
    }
    root = json_pack("{s:{s:I}, s:o}", "metadata", "total_size", (json_int_t)shards->total.bytes,
                     "weight_map", map);
    if (root != NULL && !failed)
        text = json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS);
    json_decref(root);
    return text;
}

static enum qoq_status write_index(const struct qoq_safetensors_shards *shards,
                                   struct qoq_error *err)
{
    char *path = qoq_file_join(shards->directory, "model.safetensors.index.json");
    char *text = index_text(shards);
    struct qoq_output out;
    enum qoq_status status;

    if (path == NULL || text == NULL) {
        status = qoq_fail_memory(err, shards->directory, "model.safetensors.index.json", 0);
    } else if ((status = qoq_output_begin(&out, path, err)) == QOQ_OK) {
        status = qoq_output_write(&out, text, strlen(text), err);
        if (status == QOQ_OK)
            status = qoq_output_write(&out, "\n", 1, err);
        if (status == QOQ_OK)
            status = qoq_output_commit(&out, err);
        else
            qoq_output_discard(&out);
    }
    free(path);
    free(text);
    return status;
}

static enum qoq_status rename_file(const struct qoq_safetensors_shards *shards, size_t number,
                                   struct qoq_error *err)
{
    char part[NAME_BYTES], final[NAME_BYTES];
    enum qoq_status status = QOQ_OK;

    part_name(part, number);
    final_name(final, number, shards->total.files);
    char *from = qoq_file_join(shards->directory, part);
    char *to = qoq_file_join(shards->directory, final);
    if (from == NULL || to == NULL)
        status = qoq_fail_memory(err, shards->directory, final, 0);
    else if (rename(from, to) != 0)
        status = qoq_fail(err, QOQ_ERR_IO, to, NULL, "cannot rename the finished file: %s",
                          strerror(errno));
    free(from);
    free(to);
    return status;
}

enum qoq_status qoq_safetensors_shards_finish(struct qoq_safetensors_shards **handle,
                                              struct qoq_shards_total *total, struct qoq_error *err)
{
    struct qoq_safetensors_shards *shards = *handle;
    enum qoq_status status = flush(shards, err);

    for (size_t i = 1; i <= shards->total.files && status == QOQ_OK; i++)
        status = rename_file(shards, i, err);
    if (status == QOQ_OK && shards->total.files > 1)
        status = write_index(shards, err);
    *total = shards->total;
    qoq_safetensors_shards_discard(handle);
    return status;
}

void qoq_safetensors_shards_discard(struct qoq_safetensors_shards **handle)
{
    struct qoq_safetensors_shards *shards = *handle;

    *handle = NULL;
    if (shards == NULL)
        return;
    qoq_tensors_free(&shards->list);
    json_decref(shards->place);
    free(shards);
}
