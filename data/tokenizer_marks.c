/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the Llama-2 kind: the whole text is one, spaces are marks. */
#include <stdlib.h>
#include <string.h>

#include "data/tokenizer_encode.h"

/* Bytes of the character that text begins with; 1 where it is not UTF-8: its byte is then not in
 * the vocabulary by itself and becomes a byte token. */
static size_t character_length(const char *text, size_t bytes)
{
    unsigned char first = (unsigned char)text[0];
    size_t length = first < 0xC2 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 1;

    if (length > bytes)
        return 1;
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)text[i] & 0xC0) != 0x80)
            return 1;
    }
    return length;
}

/* One character: its token, or else a token for each byte. */
static void add_character(struct qoq_word *word, const struct qoq_tokenizer *tokenizer,
                          const char *text, size_t length)
{
    int32_t id = qoq_vocab_find(tokenizer->entry, tokenizer->vocab, text, length);

    if (id >= 0) {
        qoq_word_add(word, id);
        return;
    }
    for (size_t i = 0; i < length; i++)
        qoq_word_add(word, tokenizer->byte_token[(unsigned char)text[i]]);
}

static void add_mark(struct qoq_word *word, const struct qoq_tokenizer *tokenizer)
{
    add_character(word, tokenizer, QOQ_SPACE_MARK, 3);
}

static void add_text(struct qoq_word *word, const struct qoq_tokenizer *tokenizer, const char *text,
                     size_t bytes, int first)
{
    enum qoq_prepend prepend = tokenizer->prepend;
    int marked = text[0] == ' ' || (bytes >= 3 && memcmp(text, QOQ_SPACE_MARK, 3) == 0);

    if ((prepend == QOQ_PREPEND_EACH || (prepend == QOQ_PREPEND_FIRST && first)) &&
        (tokenizer->prepend_always || !marked))
        add_mark(word, tokenizer);
    while (bytes > 0) {
        size_t length = character_length(text, bytes);
        if (text[0] == ' ')
            add_mark(word, tokenizer);
        else
            add_character(word, tokenizer, text, length);
        text += length;
        bytes -= length;
    }
}

/* A mark may need three byte tokens. */
enum qoq_status qoq_encode_marks(struct qoq_token_list *list, const struct qoq_tokenizer *tokenizer,
                                 const char *text, size_t bytes, int first, struct qoq_error *err)
{
    struct qoq_word word = {NULL, 0, 0, NULL, 0, 0};
    enum qoq_status status = qoq_word_begin(&word, 3 * (bytes + 1), err);

    if (status == QOQ_OK) {
        add_text(&word, tokenizer, text, bytes, first);
        status = qoq_word_finish(list, &word, tokenizer, err);
    }
    qoq_word_free(&word);
    return status;
}
