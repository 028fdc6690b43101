/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tokenizer.json: byte-pair encoding, either of the Llama-2 kind (over the whole text, spaces as
 * U+2581, unknown characters as byte tokens) or of the byte-level kind (words cut by a pattern,
 * their bytes merged: GPT-2, Llama-3, Qwen2, SmolLM2); doc/formats.md 6. A tokenizer is read-only
 * once made and may serve many threads.
 */
#ifndef QOQ_DATA_TOKENIZER_H
#define QOQ_DATA_TOKENIZER_H

#include "data/error.h"

struct qoq_tokenizer;

/* path: the file, or the directory that holds tokenizer.json. Other kinds of tokenizers are
 * QOQ_ERR_UNSUPPORTED. */
QOQ_CHECKED enum qoq_status qoq_tokenizer_load(struct qoq_tokenizer **out, const char *path,
                                               struct qoq_error *err);

/* The same from memory; `file` is for messages. */
QOQ_CHECKED enum qoq_status qoq_tokenizer_parse(struct qoq_tokenizer **out, const char *file,
                                                const char *text, size_t bytes,
                                                struct qoq_error *err);
void qoq_tokenizer_free(struct qoq_tokenizer *tokenizer);

/* Largest id + 1, added tokens included. */
size_t qoq_tokenizer_vocab(const struct qoq_tokenizer *tokenizer);

/* The id that the tokenizer's template puts before a text, or -1. */
int32_t qoq_tokenizer_bos(const struct qoq_tokenizer *tokenizer);

/* Whether decoding drops one space at the start of a text: not with byte-level tokenizers. */
int qoq_tokenizer_drops_space(const struct qoq_tokenizer *tokenizer);

/* The id of a token spelled like this (vocabulary or added), or -1. */
int32_t qoq_tokenizer_id(const struct qoq_tokenizer *tokenizer, const char *spelling);

/* SHA-256 of the tokenizer.json, 64 digits. */
const char *qoq_tokenizer_sha256(const struct qoq_tokenizer *tokenizer);

enum {
    QOQ_ENCODE_BOS = 1,    /* put the template's token first, if there is one */
    QOQ_ENCODE_SPECIAL = 2 /* recognize added tokens ("<s>", ...) in the text */
};

/* Tokens (malloc, at least one element allocated) of text[bytes]: any bytes, UTF-8 or not. At most
 * 2^28 bytes. QOQ_ERR_UNSUPPORTED: a byte has no token (byte-level tokenizers may lack some). */
QOQ_CHECKED enum qoq_status qoq_tokenizer_encode(int32_t **token, size_t *count,
                                                 const struct qoq_tokenizer *tokenizer,
                                                 const char *text, size_t bytes, int flags,
                                                 struct qoq_error *err);

/* Text (malloc, one zero byte after its end) of tokens: special tokens vanish, byte tokens give
 * their byte, U+2581 a space, and one space at the start of the text is dropped where encoding puts
 * one there. QOQ_ERR_RANGE: an
 * id without a token. */
QOQ_CHECKED enum qoq_status qoq_tokenizer_decode(char **text, size_t *bytes,
                                                 const struct qoq_tokenizer *tokenizer,
                                                 const int32_t *token, size_t count,
                                                 struct qoq_error *err);

/* The bytes of one token as decoding gives them (the space at the start of a text still there).
 * They belong to the tokenizer. Special tokens and ids without a token give no bytes. For printing
 * text as it is generated. */
void qoq_tokenizer_piece(const char **text, size_t *bytes, const struct qoq_tokenizer *tokenizer,
                         int32_t token);

#endif
