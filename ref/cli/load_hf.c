/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A baseline model from a Hugging Face directory: config.json, safetensors (sharded or not),
 * tokenizer.json. Names may lack the prefix "model."; rotary tables that old files carry are
 * ignored; any other tensor too many, missing or of another shape is an error.
 */
#include <config.h>

#include "cli/load.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/array_name.h"
#include "cli/source.h"
#include "data/file.h"
#include "data/hf_config.h"
#include "data/safetensors.h"

#define TOKENIZER_BYTES_MAX ((size_t)256 << 20)

/* Index of a tensor among the ascending names of the set, or SIZE_MAX. */
static size_t find_index(const struct qoq_safetensors *set, const char *name)
{
    size_t lo = 0, hi = qoq_safetensors_count(set);

    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        int order = strcmp(name, qoq_safetensors_entry(set, middle)->name);
        if (order == 0) {
            return middle;
        }
        *(order < 0 ? &hi : &lo) = order < 0 ? middle : middle + 1;
    }
    return SIZE_MAX;
}

/* Looks only at what the files' headers say. */
static enum qoq_status check_array(void *context, const struct qoq_array *array)
{
    struct qoq_source *source = context;
    char name[QOQ_ARRAY_NAME], wanted[64], found[128];
    size_t index = find_index(source->set, qoq_array_hf_name(name, array, source->prefix));

    if (index == SIZE_MAX) {
        return qoq_fail(source->err, QOQ_ERR_FORMAT, source->path, name, "missing");
    }
    const struct qoq_safetensors_entry *entry = qoq_safetensors_entry(source->set, index);
    if (entry->rank != array->rank ||
        memcmp(entry->dim, array->dim, (size_t)array->rank * sizeof *array->dim) != 0) {
        return qoq_fail(source->err, QOQ_ERR_FORMAT, source->path, name,
                        "shape %s, config.json asks for %s",
                        qoq_shape_text(found, sizeof found, entry->dim, entry->rank),
                        qoq_shape_text(wanted, sizeof wanted, array->dim, array->rank));
    }
    source->expected[index] = 1;
    return QOQ_OK;
}

static int ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);

    return length >= tail && strcmp(text + length - tail, end) == 0;
}

int qoq_hf_may_be_ignored(const char *name)
{
    return ends_with(name, "rotary_emb.inv_freq") || ends_with(name, "rotary_emb.cos_cached") ||
           ends_with(name, "rotary_emb.sin_cached");
}

static enum qoq_status check_unknown(const struct qoq_source *source,
                                     const struct qoq_config *config)
{
    for (size_t i = 0; i < qoq_safetensors_count(source->set); i++) {
        const char *name = qoq_safetensors_entry(source->set, i)->name;
        int tied_head = config->tie_embeddings && strcmp(name, "lm_head.weight") == 0;
        if (!source->expected[i] && !qoq_hf_may_be_ignored(name) && !tied_head) {
            return qoq_fail(source->err, QOQ_ERR_FORMAT, source->path, name,
                            "no part of the model that config.json describes");
        }
    }
    return QOQ_OK;
}

static enum qoq_status check_tensors(struct qoq_source *source, const struct qoq_config *config)
{
    struct qoq_outline outline = {config, QOQ_FP32, 0, NULL};
    size_t count = qoq_safetensors_count(source->set);

    source->prefix = find_index(source->set, "embed_tokens.weight") != SIZE_MAX ? "" : "model.";
    source->expected = calloc(count + 1, 1);
    if (source->expected == NULL) {
        return qoq_fail_memory(source->err, source->path, NULL, count + 1);
    }
    QOQ_TRY(qoq_arrays_visit(&outline, check_array, source));
    return check_unknown(source, config);
}

enum qoq_status qoq_source_read_hf(struct qoq_source *source, const struct qoq_array *array)
{
    char name[QOQ_ARRAY_NAME];

    return qoq_safetensors_read_f32(array->data, source->set,
                                    qoq_array_hf_name(name, array, source->prefix), array->dim,
                                    array->rank, 1, source->err);
}

enum qoq_status qoq_source_check_tied_head(struct qoq_source *source, const float *embed)
{
    const struct qoq_config *config = &source->header.config;
    size_t dim[2] = {config->vocab, config->hidden},
           bytes = config->vocab * config->hidden * sizeof(float);

    if (source->set == NULL || !config->tie_embeddings ||
        find_index(source->set, "lm_head.weight") == SIZE_MAX) {
        return QOQ_OK;
    }
    float *head = malloc(bytes);
    if (head == NULL) {
        return qoq_fail_memory(source->err, source->path, "lm_head.weight", bytes);
    }
    enum qoq_status status =
        qoq_safetensors_read_f32(head, source->set, "lm_head.weight", dim, 2, 1, source->err);
    if (status == QOQ_OK && memcmp(head, embed, bytes) != 0) {
        status = qoq_fail(source->err, QOQ_ERR_FORMAT, source->path, "lm_head.weight",
                          "differs from the embedding although tie_word_embeddings is true");
    }
    free(head);
    return status;
}

static enum qoq_status load_config(struct qoq_config *config, const char *directory,
                                   struct qoq_hf_quantization *quantization, struct qoq_error *err)
{
    const char *reason;

    QOQ_TRY(quantization == NULL
                ? qoq_hf_config_load(config, directory, err)
                : qoq_hf_config_load_quantized(config, quantization, directory, err));
    enum qoq_status status = qoq_config_check(config, &reason);
    return status == QOQ_OK ? QOQ_OK
                            : qoq_fail(err, status, directory, "config.json", "%s", reason);
}

static enum qoq_status load_tokenizer(struct qoq_model_header *header, const char *directory,
                                      struct qoq_error *err)
{
    char *path = qoq_file_join(directory, "tokenizer.json");
    enum qoq_status status = QOQ_OK;

    if (path == NULL) {
        return qoq_fail_memory(err, directory, "tokenizer.json", 0);
    }
    if (access(path, F_OK) == 0) {
        status = qoq_file_read(&header->tokenizer, &header->tokenizer_bytes, path,
                               TOKENIZER_BYTES_MAX, err);
    }
    free(path);
    return status;
}

static char *copy_text(const char *text, size_t length)
{
    char *copy = malloc(length + 1);

    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

/* The last component of a path, without slashes at its end. */
static char *last_component(const char *path)
{
    size_t end = strlen(path), start;

    while (end > 1 && path[end - 1] == '/') {
        end--;
    }
    for (start = end; start > 0 && path[start - 1] != '/'; start--) {
    }
    return copy_text(path + start, end - start);
}

enum qoq_status qoq_load_hf_header(struct qoq_model_header *header, const char *directory,
                                   struct qoq_hf_quantization *quantization, struct qoq_error *err)
{
    const char *precision = qoq_precision_name(QOQ_FP32);

    header->numerics = QOQ_NUMERICS_VERSION;
    header->precision = copy_text(precision, strlen(precision));
    header->source = last_component(directory);
    header->method = copy_text("", 0);
    if (header->precision == NULL || header->source == NULL || header->method == NULL) {
        return qoq_fail_memory(err, directory, NULL, strlen(directory));
    }
    QOQ_TRY(load_config(&header->config, directory, quantization, err));
    return load_tokenizer(header, directory, err);
}

enum qoq_status qoq_source_open_hf(struct qoq_source *source)
{
    QOQ_TRY(qoq_load_hf_header(&source->header, source->path, NULL, source->err));
    QOQ_TRY(qoq_safetensors_open(&source->set, source->path, source->err));
    return check_tensors(source, &source->header.config);
}

static enum qoq_status read_model(struct qoq_model **model, struct qoq_source *source)
{
    enum qoq_status status = qoq_model_create(model, &source->header.config, QOQ_FP32, 0);

    if (status != QOQ_OK) {
        return qoq_fail(source->err, status, source->path, NULL, "%s", qoq_status_string(status));
    }
    struct qoq_outline outline = qoq_model_outline(*model);
    QOQ_TRY(qoq_arrays_visit(&outline, qoq_source_read, source));
    return qoq_source_check_tied_head(source, (*model)->embed_f32);
}

enum qoq_status qoq_load_hf(struct qoq_loaded *out, const char *directory, struct qoq_error *err)
{
    struct qoq_source source = {.path = directory, .err = err};

    memset(out, 0, sizeof *out);
    enum qoq_status status = qoq_source_open_hf(&source);
    if (status == QOQ_OK) {
        status = read_model(&out->model, &source);
    }
    out->header = source.header;
    memset(&source.header, 0, sizeof source.header);
    qoq_source_close(&source);
    if (status != QOQ_OK) {
        qoq_loaded_free(out);
    }
    return status;
}
