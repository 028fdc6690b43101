/* SPDX-License-Identifier: Apache-2.0 */
/* What the files tokenizer*.c share; nobody else includes this header. */
#ifndef QOQ_DATA_TOKENIZER_INTERNAL_H
#define QOQ_DATA_TOKENIZER_INTERNAL_H

#include "data/tokenizer.h"

/* U+2581, which stands for a space. */
#define QOQ_SPACE_MARK "\xE2\x96\x81"

/* Where a space mark is put before a text. */
enum qoq_prepend {
    QOQ_PREPEND_NEVER,
    QOQ_PREPEND_FIRST, /* before the first piece of a text */
    QOQ_PREPEND_EACH   /* also after each added token */
};

enum qoq_piece_kind {
    QOQ_PIECE_NONE, /* no token has this id */
    QOQ_PIECE_TEXT,
    QOQ_PIECE_BYTE,
    QOQ_PIECE_SPECIAL
};

/* A token as decoding writes it: text with spaces for marks, or one byte. */
struct qoq_piece {
    enum qoq_piece_kind kind;
    size_t length;
    char *text;
};

struct qoq_vocab_entry {
    char *spelling; /* as in the file, with U+2581 */
    size_t length;
    int32_t id;
};

struct qoq_merge {
    int32_t left, right, result;
    int32_t rank; /* lowest first */
};

struct qoq_tokenizer {
    size_t vocab; /* entries of the vocabulary and their ascending order by spelling */
    struct qoq_vocab_entry *entry;
    size_t added; /* added tokens, ascending by spelling */
    struct qoq_vocab_entry *added_entry;
    size_t ids;              /* largest id + 1 */
    struct qoq_piece *piece; /* [ids] */
    size_t merges;           /* ascending by (left, right) */
    struct qoq_merge *merge;
    int32_t byte_token[256];
    int32_t bos; /* -1: none */
    enum qoq_prepend prepend;
    int prepend_always; /* even where the text begins with a space */
    char sha256[65];
};

/* Id of a spelling in the vocabulary, or -1. */
int32_t qoq_vocab_find(const struct qoq_vocab_entry *entry, size_t count, const char *spelling,
                       size_t length);

/* The merge of two neighbours, or NULL. */
const struct qoq_merge *qoq_merge_find(const struct qoq_tokenizer *tokenizer, int32_t left,
                                       int32_t right);

#endif
