/* SPDX-License-Identifier: Apache-2.0 */
/* Text to tokens: added tokens, and what lies between them. */
#include "data/tokenizer_encode.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TEXT ((size_t)1 << 28)

static enum qoq_status encode_between(struct qoq_token_list *list,
                                      const struct qoq_tokenizer *tokenizer, const char *text,
                                      size_t bytes, int first, struct qoq_error *err)
{
    if (bytes == 0)
        return QOQ_OK;
    if (tokenizer->byte_level)
        return qoq_encode_bytes(list, tokenizer, text, bytes, err);
    return qoq_encode_marks(list, tokenizer, text, bytes, first, err);
}

/* The longest added token that text begins with, or NULL. */
static const struct qoq_vocab_entry *match_added(const struct qoq_tokenizer *tokenizer,
                                                 const char *text, size_t bytes)
{
    const struct qoq_vocab_entry *best = NULL;

    for (size_t i = 0; i < tokenizer->added; i++) {
        const struct qoq_vocab_entry *entry = &tokenizer->added_entry[i];
        if (entry->length <= bytes && entry->spelling[0] == text[0] &&
            memcmp(entry->spelling, text, entry->length) == 0 &&
            (best == NULL || entry->length > best->length))
            best = entry;
    }
    return best;
}

/* Cuts the text at added tokens and encodes what lies between them. */
static enum qoq_status encode_parts(struct qoq_token_list *list,
                                    const struct qoq_tokenizer *tokenizer, const char *text,
                                    size_t bytes, struct qoq_error *err)
{
    size_t start = 0, at = 0;
    enum qoq_status status;

    while (at < bytes) {
        const struct qoq_vocab_entry *added = match_added(tokenizer, text + at, bytes - at);
        if (added == NULL) {
            at++;
            continue;
        }
        status = encode_between(list, tokenizer, text + start, at - start, start == 0, err);
        if (status == QOQ_OK)
            status = qoq_token_list_add(list, added->id, err);
        if (status != QOQ_OK)
            return status;
        at += added->length;
        start = at;
    }
    return encode_between(list, tokenizer, text + start, bytes - start, start == 0, err);
}

enum qoq_status qoq_tokenizer_encode(int32_t **token, size_t *count,
                                     const struct qoq_tokenizer *tokenizer, const char *text,
                                     size_t bytes, int flags, struct qoq_error *err)
{
    struct qoq_token_list list = {NULL, 0, 0};
    enum qoq_status status = QOQ_OK;

    *token = NULL;
    *count = 0;
    if (bytes > MAX_TEXT)
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, NULL, NULL, "a text of more than 2^28 bytes");
    list.token = malloc(sizeof *list.token);
    if (list.token == NULL)
        return qoq_fail_memory(err, NULL, NULL, sizeof *list.token);
    list.capacity = 1;
    if ((flags & QOQ_ENCODE_BOS) != 0 && tokenizer->bos >= 0)
        status = qoq_token_list_add(&list, tokenizer->bos, err);
    if (status == QOQ_OK && (flags & QOQ_ENCODE_SPECIAL) != 0)
        status = encode_parts(&list, tokenizer, text, bytes, err);
    else if (status == QOQ_OK)
        status = encode_between(&list, tokenizer, text, bytes, 1, err);
    if (status != QOQ_OK) {
        free(list.token);
        return status;
    }
    *token = list.token;
    *count = list.count;
    return QOQ_OK;
}
