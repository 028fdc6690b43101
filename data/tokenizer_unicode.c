/* SPDX-License-Identifier: Apache-2.0 */
/* Categories of characters and normalization, by utf8proc. */
#include "data/tokenizer_unicode.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* The property White_Space, which is no category. */
static int is_space(int32_t code)
{
    return (code >= 0x09 && code <= 0x0D) || code == 0x20 || code == 0x85 || code == 0xA0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

static enum qoq_character kind_of(int32_t code)
{
    if (code == '\r' || code == '\n')
        return QOQ_CHARACTER_NEWLINE;
    if (is_space(code))
        return QOQ_CHARACTER_SPACE;
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return QOQ_CHARACTER_LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return QOQ_CHARACTER_NUMBER;
    default:
        return QOQ_CHARACTER_OTHER;
    }
}

/* Bytes of the character that text begins with, 0 where it begins with none. */
static size_t decode(int32_t *code, const char *text, size_t bytes)
{
    utf8proc_int32_t at;
    utf8proc_ssize_t length = utf8proc_iterate((const utf8proc_uint8_t *)text,
                                               bytes < 4 ? (utf8proc_ssize_t)bytes : 4, &at);

    *code = length > 0 ? at : -1;
    return length > 0 ? (size_t)length : 0;
}

enum qoq_character qoq_character_at(int32_t *code, size_t *length, const char *text, size_t bytes)
{
    *length = decode(code, text, bytes);
    if (*length > 0)
        return kind_of(*code);
    *length = 1;
    return QOQ_CHARACTER_OTHER;
}

/* Bytes at the start of text that are UTF-8. */
static size_t valid_prefix(const char *text, size_t bytes)
{
    size_t at = 0, length;
    int32_t code;

    while (at < bytes && (length = decode(&code, text + at, bytes - at)) > 0)
        at += length;
    return at;
}

/* A text being put together. */
struct buffer {
    char *text;
    size_t bytes, capacity;
};

static enum qoq_status append(struct buffer *buffer, const void *text, size_t bytes,
                              struct qoq_error *err)
{
    if (bytes > buffer->capacity - buffer->bytes) {
        size_t capacity = 2 * (buffer->bytes + bytes);
        char *grown = realloc(buffer->text, capacity);
        if (grown == NULL)
            return qoq_fail_memory(err, NULL, NULL, capacity);
        buffer->text = grown;
        buffer->capacity = capacity;
    }
    memcpy(buffer->text + buffer->bytes, text, bytes);
    buffer->bytes += bytes;
    return QOQ_OK;
}

static enum qoq_status append_normalized(struct buffer *buffer, const char *text, size_t bytes,
                                         struct qoq_error *err)
{
    utf8proc_uint8_t *composed = NULL;
    utf8proc_ssize_t length = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)bytes,
                                           &composed, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    enum qoq_status status;

    if (length < 0)
        return qoq_fail_memory(err, NULL, NULL, bytes);
    status = append(buffer, composed, (size_t)length, err);
    free(composed);
    return status;
}

enum qoq_status qoq_normalize_c(char **out, size_t *out_bytes, const char *text, size_t bytes,
                                struct qoq_error *err)
{
    struct buffer buffer = {malloc(bytes + 1), 0, bytes + 1};
    enum qoq_status status = QOQ_OK;

    *out = NULL;
    *out_bytes = 0;
    if (buffer.text == NULL)
        return qoq_fail_memory(err, NULL, NULL, bytes + 1);
    while (bytes > 0 && status == QOQ_OK) {
        size_t valid = valid_prefix(text, bytes);
        if (valid > 0)
            status = append_normalized(&buffer, text, valid, err);
        else
            status = append(&buffer, text, valid = 1, err);
        text += valid;
        bytes -= valid;
    }
    if (status != QOQ_OK) {
        free(buffer.text);
        return status;
    }
    *out = buffer.text;
    *out_bytes = buffer.bytes;
    return QOQ_OK;
}
