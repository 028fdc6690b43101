/* SPDX-License-Identifier: Apache-2.0 */
/* The stages around the model in tokenizer.json: each is recognized or refused by name. */
#include <string.h>

#include "data/tokenizer_json.h"

static int is_mark(const char *text)
{
    return strcmp(text, QOQ_SPACE_MARK) == 0;
}

/* Prepend of a mark, or replacement of spaces by marks. */
static enum qoq_status normalizer_step(struct qoq_tokenizer *out, int *marks,
                                       const struct qoq_json_object *step)
{
    const char *type = NULL, *text = "", *pattern = "";
    struct qoq_json_object what;
    enum qoq_status status = qoq_json_get_string(&type, step, "type", QOQ_JSON_NEED);

    if (status != QOQ_OK)
        return status;
    if (strcmp(type, "Prepend") == 0) {
        status = qoq_json_get_string(&text, step, "prepend", QOQ_JSON_NEED);
        if (status == QOQ_OK && !is_mark(text))
            status = qoq_json_fail(step, QOQ_ERR_UNSUPPORTED, "prepend", "is not U+2581");
        out->prepend = QOQ_PREPEND_EACH;
        out->prepend_always = 1;
        return status;
    }
    if (strcmp(type, "Replace") != 0)
        return qoq_tokenizer_refuse_type(step, type);
    status = qoq_json_child(&what, step, "pattern");
    if (status == QOQ_OK)
        status = qoq_json_get_string(&pattern, &what, "String", QOQ_JSON_MAY);
    if (status == QOQ_OK)
        status = qoq_json_get_string(&text, step, "content", QOQ_JSON_NEED);
    if (status == QOQ_OK && (strcmp(pattern, " ") != 0 || !is_mark(text)))
        status = qoq_json_fail(step, QOQ_ERR_UNSUPPORTED, "pattern",
                               "only \" \" to U+2581 is supported");
    *marks = 1;
    return status;
}

enum qoq_status qoq_tokenizer_load_normalizer(struct qoq_tokenizer *out, int *marks,
                                              const struct qoq_json_object *root)
{
    struct qoq_json_object object;
    const char *type = NULL;
    enum qoq_status status = qoq_json_child(&object, root, "normalizer");

    if (status != QOQ_OK || object.node == NULL)
        return status;
    status = qoq_json_get_string(&type, &object, "type", QOQ_JSON_NEED);
    if (status != QOQ_OK)
        return status;
    if (strcmp(type, "Sequence") == 0)
        return qoq_tokenizer_each(out, marks, &object, "normalizers", normalizer_step);
    return normalizer_step(out, marks, &object);
}

static enum qoq_status metaspace_scheme(struct qoq_tokenizer *out,
                                        const struct qoq_json_object *object)
{
    const char *scheme = "always";
    int prefix = 1;
    enum qoq_status status = qoq_json_get_bool(&prefix, object, "add_prefix_space", QOQ_JSON_MAY);

    if (status == QOQ_OK && !prefix)
        scheme = "never";
    if (status == QOQ_OK)
        status = qoq_json_get_string(&scheme, object, "prepend_scheme", QOQ_JSON_MAY);
    if (status != QOQ_OK)
        return status;
    if (strcmp(scheme, "always") == 0)
        out->prepend = QOQ_PREPEND_EACH;
    else if (strcmp(scheme, "first") == 0)
        out->prepend = QOQ_PREPEND_FIRST;
    else if (strcmp(scheme, "never") == 0)
        out->prepend = QOQ_PREPEND_NEVER;
    else
        return qoq_json_fail(object, QOQ_ERR_UNSUPPORTED, "prepend_scheme",
                             "\"%.64s\" is not supported", scheme);
    return QOQ_OK;
}

/* Only a Metaspace that does not cut the text. */
enum qoq_status qoq_tokenizer_load_pre_tokenizer(struct qoq_tokenizer *out, int *marks,
                                                 const struct qoq_json_object *root)
{
    struct qoq_json_object object;
    const char *type = NULL, *mark = QOQ_SPACE_MARK;
    int split = 1;
    enum qoq_status status = qoq_json_child(&object, root, "pre_tokenizer");

    if (status != QOQ_OK || object.node == NULL)
        return status;
    status = qoq_json_get_string(&type, &object, "type", QOQ_JSON_NEED);
    if (status == QOQ_OK && (strcmp(type, "Metaspace") != 0 || *marks))
        return qoq_tokenizer_refuse_type(&object, type);
    if (status == QOQ_OK)
        status = qoq_json_get_string(&mark, &object, "replacement", QOQ_JSON_MAY);
    if (status == QOQ_OK)
        status = qoq_json_get_bool(&split, &object, "split", QOQ_JSON_MAY);
    if (status == QOQ_OK && (split || !is_mark(mark)))
        return qoq_json_fail(&object, QOQ_ERR_UNSUPPORTED, split ? "split" : "replacement",
                             "only \"split\": false with U+2581 is supported");
    *marks = 1;
    if (status == QOQ_OK)
        status = metaspace_scheme(out, &object);
    return status;
}

/* With marks for spaces, and byte-level. */
static const char *const decoders[2][6] = {
    {"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace", NULL},
    {"ByteLevel", "Fuse", NULL},
};

static enum qoq_status decoder_step(struct qoq_tokenizer *out, int *unused,
                                    const struct qoq_json_object *step)
{
    const char *const *known = decoders[out->byte_level];
    const char *type = NULL;
    enum qoq_status status = qoq_json_get_string(&type, step, "type", QOQ_JSON_NEED);

    (void)unused;
    for (; status == QOQ_OK && *known != NULL; known++) {
        if (strcmp(type, *known) == 0)
            return QOQ_OK;
    }
    return status != QOQ_OK ? status : qoq_tokenizer_refuse_type(step, type);
}

enum qoq_status qoq_tokenizer_check_decoder(struct qoq_tokenizer *out,
                                            const struct qoq_json_object *root)
{
    struct qoq_json_object object;
    const char *type = NULL;
    enum qoq_status status = qoq_json_child(&object, root, "decoder");

    if (status != QOQ_OK || object.node == NULL)
        return status;
    status = qoq_json_get_string(&type, &object, "type", QOQ_JSON_NEED);
    if (status != QOQ_OK)
        return status;
    if (strcmp(type, "Sequence") == 0)
        return qoq_tokenizer_each(out, NULL, &object, "decoders", decoder_step);
    return decoder_step(out, NULL, &object);
}

/* The template [token, text]: its token's id. */
static enum qoq_status template_bos(struct qoq_tokenizer *out, const struct qoq_json_object *object,
                                    const char *name)
{
    const json_t *tokens = qoq_json_member(object, "special_tokens");
    const json_t *ids = json_object_get(json_object_get(tokens, name), "ids");
    const json_t *id = json_array_get(ids, 0);

    if (json_array_size(ids) != 1 || !json_is_integer(id))
        return qoq_json_fail(object, QOQ_ERR_FORMAT, "special_tokens", "no id of \"%.64s\"", name);
    if (json_integer_value(id) < 0 || json_integer_value(id) >= (json_int_t)out->ids)
        return qoq_json_fail(object, QOQ_ERR_RANGE, "special_tokens", "id %lld is unknown",
                             (long long)json_integer_value(id));
    out->bos = (int32_t)json_integer_value(id);
    return QOQ_OK;
}

/* A template: nothing, or one token before the text. */
static enum qoq_status load_template(struct qoq_tokenizer *out,
                                     const struct qoq_json_object *object)
{
    const json_t *single = qoq_json_member(object, "single"), *name;
    size_t count = json_array_size(single);

    if (count < 1 || count > 2 ||
        json_object_get(json_array_get(single, count - 1), "Sequence") == NULL)
        return qoq_json_fail(object, QOQ_ERR_UNSUPPORTED, "single",
                             "only a text with at most one token before it is supported");
    if (count == 1)
        return QOQ_OK;
    name = json_object_get(json_object_get(json_array_get(single, 0), "SpecialToken"), "id");
    if (!json_is_string(name))
        return qoq_json_fail(object, QOQ_ERR_FORMAT, "single", "must begin with a SpecialToken");
    return template_bos(out, object, json_string_value(name));
}

/* ByteLevel is about positions of tokens in the text, which nobody asks for here. */
static enum qoq_status post_step(struct qoq_tokenizer *out, int *unused,
                                 const struct qoq_json_object *item)
{
    struct qoq_json_object step = *item;
    const char *type = NULL;
    enum qoq_status status;

    (void)unused;
    step.field = "post_processor";
    status = qoq_json_get_string(&type, &step, "type", QOQ_JSON_NEED);
    if (status != QOQ_OK)
        return status;
    if (strcmp(type, "TemplateProcessing") == 0)
        return out->bos < 0 ? load_template(out, &step)
                            : qoq_json_fail(&step, QOQ_ERR_UNSUPPORTED, "type", "two templates");
    if (out->byte_level && strcmp(type, "ByteLevel") == 0)
        return QOQ_OK;
    return qoq_tokenizer_refuse_type(&step, type);
}

enum qoq_status qoq_tokenizer_load_template(struct qoq_tokenizer *out,
                                            const struct qoq_json_object *root)
{
    struct qoq_json_object object;
    const char *type = NULL;
    enum qoq_status status = qoq_json_child(&object, root, "post_processor");

    if (status != QOQ_OK || object.node == NULL)
        return status;
    status = qoq_json_get_string(&type, &object, "type", QOQ_JSON_NEED);
    if (status == QOQ_OK && strcmp(type, "Sequence") == 0)
        return qoq_tokenizer_each(out, NULL, &object, "processors", post_step);
    if (status == QOQ_OK)
        status = post_step(out, NULL, &object);
    return status;
}
