/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a tokenizer.json: the model and the order of the parts. */
#include <stdlib.h>
#include <string.h>

#include "data/file.h"
#include "data/sha256.h"
#include "data/tokenizer_json.h"

#define MAX_FILE ((size_t)1 << 26)

enum qoq_status qoq_tokenizer_refuse_type(const struct qoq_json_object *object, const char *type)
{
    return qoq_json_fail(object, QOQ_ERR_UNSUPPORTED, "type", "\"%.64s\" is not supported", type);
}

enum qoq_status qoq_tokenizer_refuse_flag(const struct qoq_json_object *object, const char *key)
{
    int flag = 0;
    enum qoq_status status = qoq_json_get_bool(&flag, object, key, QOQ_JSON_MAY);

    if (status == QOQ_OK && flag)
        status = qoq_json_fail(object, QOQ_ERR_UNSUPPORTED, key, "true is not supported");
    return status;
}

enum qoq_status qoq_tokenizer_each(struct qoq_tokenizer *out, int *marks,
                                   const struct qoq_json_object *sequence, const char *key,
                                   qoq_tokenizer_step *step)
{
    const json_t *list = qoq_json_member(sequence, key);
    enum qoq_status status = QOQ_OK;

    if (!json_is_array(list))
        return qoq_json_fail(sequence, QOQ_ERR_FORMAT, key, "must be an array");
    for (size_t i = 0; i < json_array_size(list) && status == QOQ_OK; i++) {
        struct qoq_json_object item = *sequence;
        item.node = json_array_get(list, i);
        if (!json_is_object(item.node))
            return qoq_json_fail(sequence, QOQ_ERR_FORMAT, key, "must hold objects");
        status = step(out, marks, &item);
    }
    return status;
}

static enum qoq_status refuse_text(const struct qoq_json_object *object, const char *key)
{
    const char *text = "";
    enum qoq_status status = qoq_json_get_string(&text, object, key, QOQ_JSON_MAY);

    if (status == QOQ_OK && text[0] != 0)
        status = qoq_json_fail(object, QOQ_ERR_UNSUPPORTED, key, "is not supported");
    return status;
}

static enum qoq_status check_model(struct qoq_tokenizer *out, const struct qoq_json_object *model)
{
    const char *type = NULL;
    double dropout = 0;
    int fallback = 0;
    enum qoq_status status = qoq_json_get_string(&type, model, "type", QOQ_JSON_NEED);

    if (status == QOQ_OK && strcmp(type, "BPE") != 0)
        return qoq_tokenizer_refuse_type(model, type);
    if (status == QOQ_OK)
        status = qoq_json_get_bool(&fallback, model, "byte_fallback", QOQ_JSON_MAY);
    if (status == QOQ_OK && fallback == out->byte_level)
        return qoq_json_fail(model, QOQ_ERR_UNSUPPORTED, "byte_fallback", "%s is not supported",
                             fallback ? "true with a ByteLevel pre_tokenizer"
                                      : "false without a ByteLevel pre_tokenizer");
    if (status == QOQ_OK)
        status = qoq_json_get_double(&dropout, model, "dropout", QOQ_JSON_MAY, 0, 0);
    if (status == QOQ_OK)
        status = qoq_json_get_bool(&out->ignore_merges, model, "ignore_merges", QOQ_JSON_MAY);
    if (status == QOQ_OK && !out->byte_level)
        status = qoq_tokenizer_refuse_flag(model, "ignore_merges");
    if (status == QOQ_OK)
        status = refuse_text(model, "continuing_subword_prefix");
    if (status == QOQ_OK)
        status = refuse_text(model, "end_of_word_suffix");
    return status;
}

/* The stages before the model, where spaces become marks. */
static enum qoq_status load_marks(struct qoq_tokenizer *out, const struct qoq_json_object *root)
{
    int marks = 0;
    enum qoq_status status = qoq_tokenizer_load_normalizer(out, &marks, root);

    if (status == QOQ_OK)
        status = qoq_tokenizer_load_pre_tokenizer(out, &marks, root);
    if (status == QOQ_OK && !marks)
        status = qoq_json_fail(root, QOQ_ERR_UNSUPPORTED, "normalizer",
                               "one that does not turn spaces into U+2581 is not supported");
    return status;
}

static enum qoq_status load_all(struct qoq_tokenizer *out, const struct qoq_json_object *root)
{
    struct qoq_json_object model;
    enum qoq_status status = qoq_json_child(&model, root, "model");

    if (status == QOQ_OK && model.node == NULL)
        status = qoq_json_fail(root, QOQ_ERR_FORMAT, "model", "missing");
    out->byte_level = qoq_tokenizer_is_byte_level(root);
    if (status == QOQ_OK)
        status = check_model(out, &model);
    if (status == QOQ_OK)
        status = out->byte_level ? qoq_tokenizer_load_byte_level(out, root) : load_marks(out, root);
    if (status == QOQ_OK)
        status = qoq_tokenizer_check_decoder(out, root);
    if (status == QOQ_OK)
        status = qoq_tokenizer_load_vocab(out, &model);
    if (status == QOQ_OK)
        status = qoq_tokenizer_load_added(out, root);
    if (status == QOQ_OK)
        status = qoq_tokenizer_make_pieces(out, root);
    if (status == QOQ_OK)
        status = qoq_tokenizer_load_merges(out, &model);
    if (status == QOQ_OK)
        status = qoq_tokenizer_load_template(out, root);
    return status;
}

enum qoq_status qoq_tokenizer_parse(struct qoq_tokenizer **out, const char *file, const char *text,
                                    size_t bytes, struct qoq_error *err)
{
    struct qoq_json_object root;
    enum qoq_status status;
    json_t *json;

    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return qoq_fail_memory(err, file, NULL, sizeof **out);
    (*out)->bos = -1;
    qoq_sha256_hex((*out)->sha256, text, bytes);
    status = qoq_json_parse(&json, file, text, bytes, err);
    if (status == QOQ_OK) {
        status = qoq_json_root(&root, json, file, err);
        if (status == QOQ_OK)
            status = load_all(*out, &root);
        json_decref(json);
    }
    if (status != QOQ_OK) {
        qoq_tokenizer_free(*out);
        *out = NULL;
    }
    return status;
}

enum qoq_status qoq_tokenizer_load(struct qoq_tokenizer **out, const char *path,
                                   struct qoq_error *err)
{
    enum qoq_status status;
    char *joined = NULL, *text;
    size_t bytes;

    *out = NULL;
    if (qoq_file_is_directory(path)) {
        joined = qoq_file_join(path, "tokenizer.json");
        if (joined == NULL)
            return qoq_fail_memory(err, path, NULL, strlen(path));
        path = joined;
    }
    status = qoq_file_read(&text, &bytes, path, MAX_FILE, err);
    if (status == QOQ_OK) {
        status = qoq_tokenizer_parse(out, path, text, bytes, err);
        free(text);
    }
    free(joined);
    return status;
}
