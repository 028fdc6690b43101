/* SPDX-License-Identifier: Apache-2.0 */
/* The stages of tokenizer.json before the model, byte-level kind: normalization and splits. */
#include <string.h>

#include "data/tokenizer_json.h"

static int type_is(const json_t *object, const char *type)
{
    const char *text = json_string_value(json_object_get(object, "type"));

    return text != NULL && strcmp(text, type) == 0;
}

int qoq_tokenizer_is_byte_level(const struct qoq_json_object *root)
{
    const json_t *pre = qoq_json_member(root, "pre_tokenizer");
    const json_t *list = json_object_get(pre, "pretokenizers");

    for (size_t i = 0; i < json_array_size(list); i++) {
        if (type_is(json_array_get(list, i), "ByteLevel"))
            return 1;
    }
    return type_is(pre, "ByteLevel");
}

static enum qoq_status normalizer_step(struct qoq_tokenizer *out, int *unused,
                                       const struct qoq_json_object *step)
{
    const char *type = NULL;
    enum qoq_status status = qoq_json_get_string(&type, step, "type", QOQ_JSON_NEED);

    (void)unused;
    if (status == QOQ_OK && strcmp(type, "Sequence") == 0)
        return qoq_tokenizer_each(out, NULL, step, "normalizers", normalizer_step);
    if (status == QOQ_OK && strcmp(type, "NFC") != 0)
        return qoq_tokenizer_refuse_type(step, type);
    out->normalize_c = 1;
    return status;
}

static enum qoq_status add_split(struct qoq_tokenizer *out, enum qoq_split split,
                                 const struct qoq_json_object *step)
{
    if (out->splits == QOQ_MAX_SPLITS)
        return qoq_json_fail(step, QOQ_ERR_UNSUPPORTED, NULL, "more than %d splits",
                             QOQ_MAX_SPLITS);
    out->split[out->splits++] = split;
    return QOQ_OK;
}

static enum qoq_status digits(struct qoq_tokenizer *out, const struct qoq_json_object *step)
{
    int single = 0;
    enum qoq_status status = qoq_json_get_bool(&single, step, "individual_digits", QOQ_JSON_MAY);

    if (status == QOQ_OK)
        status = add_split(out, single ? QOQ_SPLIT_DIGIT : QOQ_SPLIT_DIGITS, step);
    return status;
}

/* Only patterns that are known by heart. */
static enum qoq_status pattern(struct qoq_tokenizer *out, const struct qoq_json_object *step)
{
    const char *regex = NULL, *behavior = NULL;
    struct qoq_json_object what;
    enum qoq_split split = QOQ_SPLIT_GPT2;
    enum qoq_status status = qoq_json_child(&what, step, "pattern");

    if (status == QOQ_OK && what.node == NULL)
        return qoq_json_fail(step, QOQ_ERR_FORMAT, "pattern", "missing");
    what.field = "pre_tokenizer.pattern";
    if (status == QOQ_OK)
        status = qoq_json_get_string(&regex, &what, "Regex", QOQ_JSON_NEED);
    if (status == QOQ_OK && qoq_split_find(&split, regex) != 0)
        return qoq_json_fail(&what, QOQ_ERR_UNSUPPORTED, "Regex",
                             "is none of the known ones (GPT-2, Llama-3, Qwen2)");
    if (status == QOQ_OK)
        status = qoq_json_get_string(&behavior, step, "behavior", QOQ_JSON_NEED);
    if (status == QOQ_OK && strcmp(behavior, "Isolated") != 0)
        return qoq_json_fail(step, QOQ_ERR_UNSUPPORTED, "behavior", "\"%.64s\" is not supported",
                             behavior);
    if (status == QOQ_OK)
        status = qoq_tokenizer_refuse_flag(step, "invert");
    if (status == QOQ_OK)
        status = add_split(out, split, step);
    return status;
}

static enum qoq_status byte_level(struct qoq_tokenizer *out, const struct qoq_json_object *step)
{
    int regex = 1;
    enum qoq_status status = qoq_tokenizer_refuse_flag(step, "add_prefix_space");

    if (status == QOQ_OK)
        status = qoq_json_get_bool(&regex, step, "use_regex", QOQ_JSON_MAY);
    if (status == QOQ_OK && regex)
        status = add_split(out, QOQ_SPLIT_GPT2, step);
    return status;
}

/* *bytes: the text is bytes by now, and nothing may cut it any more. */
static enum qoq_status pre_step(struct qoq_tokenizer *out, int *bytes,
                                const struct qoq_json_object *item)
{
    struct qoq_json_object step = *item;
    const char *type = NULL;
    enum qoq_status status;

    step.field = "pre_tokenizer";
    status = qoq_json_get_string(&type, &step, "type", QOQ_JSON_NEED);
    if (status != QOQ_OK)
        return status;
    if (*bytes)
        return qoq_json_fail(&step, QOQ_ERR_UNSUPPORTED, "type", "\"%.64s\" after \"ByteLevel\"",
                             type);
    if (strcmp(type, "Digits") == 0)
        return digits(out, &step);
    if (strcmp(type, "Split") == 0)
        return pattern(out, &step);
    if (strcmp(type, "ByteLevel") != 0)
        return qoq_tokenizer_refuse_type(&step, type);
    *bytes = 1;
    return byte_level(out, &step);
}

enum qoq_status qoq_tokenizer_load_byte_level(struct qoq_tokenizer *out,
                                              const struct qoq_json_object *root)
{
    struct qoq_json_object normalizer, pre;
    int bytes = 0;
    enum qoq_status status = qoq_json_child(&normalizer, root, "normalizer");

    if (status == QOQ_OK && normalizer.node != NULL)
        status = normalizer_step(out, NULL, &normalizer);
    if (status == QOQ_OK)
        status = qoq_json_child(&pre, root, "pre_tokenizer");
    if (status != QOQ_OK)
        return status;
    if (type_is(pre.node, "Sequence"))
        return qoq_tokenizer_each(out, &bytes, &pre, "pretokenizers", pre_step);
    return pre_step(out, &bytes, &pre);
}
