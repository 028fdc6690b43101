/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of the byte-level kind: the text is cut into words, whose bytes are merged. The vocabulary
 * spells each byte as a printable character: bytes that are printable in Latin-1 as themselves, the
 * others, in ascending order, as U+0100 and up.
 */
#include <stdlib.h>
#include <string.h>

#include "data/tokenizer_bytes.h"
#include "data/tokenizer_encode.h"
#include "data/tokenizer_unicode.h"

static int is_printable(unsigned byte)
{
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
}

size_t qoq_byte_spelling(char spelling[2], unsigned char byte)
{
    unsigned code = byte;

    if (!is_printable(byte))
        code = byte < 33 ? 0x100u + byte : byte < 161 ? 0x121u + byte - 127 : 0x143u;
    if (code < 0x80) {
        spelling[0] = (char)code;
        return 1;
    }
    spelling[0] = (char)(unsigned char)(0xC0 | code >> 6);
    spelling[1] = (char)(unsigned char)(0x80 | (code & 63));
    return 2;
}

/* The byte that a character spells, or -1. */
static int byte_of(int32_t code)
{
    if (code >= 0x100 && code <= 0x120)
        return code - 0x100;
    if (code >= 0x121 && code <= 0x142)
        return code - 0x121 + 127;
    if (code == 0x143)
        return 173;
    return code >= 0 && code < 0x100 && is_printable((unsigned)code) ? code : -1;
}

size_t qoq_bytes_of_spelling(char *out, const char *spelling, size_t length)
{
    size_t count = 0, step;
    int32_t code;

    for (size_t at = 0; at < length; at += step) {
        int byte;
        (void)qoq_character_at(&code, &step, spelling + at, length - at);
        byte = byte_of(code);
        if (byte < 0) {
            memcpy(out, spelling, length);
            return length;
        }
        out[count++] = (char)(unsigned char)byte;
    }
    return count;
}

/* What stays the same from word to word. */
struct encoder {
    const struct qoq_tokenizer *tokenizer;
    struct qoq_token_list *list;
    struct qoq_word word;
    struct qoq_error *err;
};

/* The token of a whole word, or -1: for tokenizers that look before they merge. */
static int32_t whole_word(const struct qoq_tokenizer *tokenizer, const char *text, size_t bytes)
{
    char spelling[2 * QOQ_MAX_SPELLING];
    size_t length = 0;

    if (bytes > QOQ_MAX_SPELLING)
        return -1;
    for (size_t i = 0; i < bytes; i++)
        length += qoq_byte_spelling(spelling + length, (unsigned char)text[i]);
    return qoq_vocab_find(tokenizer->entry, tokenizer->vocab, spelling, length);
}

static enum qoq_status encode_word(struct encoder *encoder, const char *text, size_t bytes)
{
    const struct qoq_tokenizer *tokenizer = encoder->tokenizer;
    int32_t whole = tokenizer->ignore_merges ? whole_word(tokenizer, text, bytes) : -1;
    enum qoq_status status;

    if (whole >= 0)
        return qoq_token_list_add(encoder->list, whole, encoder->err);
    status = qoq_word_begin(&encoder->word, bytes, encoder->err);
    for (size_t i = 0; i < bytes && status == QOQ_OK; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (tokenizer->byte_token[byte] < 0)
            return qoq_fail(encoder->err, QOQ_ERR_UNSUPPORTED, NULL, NULL,
                            "the text has a byte 0x%02X, for which the tokenizer has no token",
                            (unsigned)byte);
        qoq_word_add(&encoder->word, tokenizer->byte_token[byte]);
    }
    if (status == QOQ_OK)
        status = qoq_word_finish(encoder->list, &encoder->word, tokenizer, encoder->err);
    return status;
}

/* Cuts the text by split number `step`, each part by the next, and so on. */
static enum qoq_status encode_split(struct encoder *encoder, const char *text, size_t bytes,
                                    size_t step)
{
    const struct qoq_tokenizer *tokenizer = encoder->tokenizer;
    enum qoq_status status = QOQ_OK;

    if (step >= QOQ_MAX_SPLITS || step == tokenizer->splits)
        return encode_word(encoder, text, bytes);
    while (bytes > 0 && status == QOQ_OK) {
        size_t length = qoq_split_next(tokenizer->split[step], text, bytes);
        status = encode_split(encoder, text, length, step + 1);
        text += length;
        bytes -= length;
    }
    return status;
}

enum qoq_status qoq_encode_bytes(struct qoq_token_list *list, const struct qoq_tokenizer *tokenizer,
                                 const char *text, size_t bytes, struct qoq_error *err)
{
    struct encoder encoder = {tokenizer, list, {NULL, 0, 0, NULL, 0, 0}, err};
    char *normal = NULL;
    enum qoq_status status = QOQ_OK;

    if (tokenizer->normalize_c) {
        status = qoq_normalize_c(&normal, &bytes, text, bytes, err);
        text = normal;
    }
    if (status == QOQ_OK && bytes > 0)
        status = encode_split(&encoder, text, bytes, 0);
    qoq_word_free(&encoder.word);
    free(normal);
    return status;
}
