/* SPDX-License-Identifier: Apache-2.0 */
/* What the files tokenizer*.c share; nobody else includes this header. */
#ifndef QOQ_DATA_TOKENIZER_INTERNAL_H
#define QOQ_DATA_TOKENIZER_INTERNAL_H

#include "data/tokenizer.h"
#include "data/tokenizer_split.h"

/* U+2581, which stands for a space. */
#define QOQ_SPACE_MARK "\xE2\x96\x81"

/* Bytes of a token in the file. */
#define QOQ_MAX_SPELLING 4096

/* Cuts of a text, one after another. */
#define QOQ_MAX_SPLITS 4

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

/* A token as decoding writes it: text with spaces for marks, or bytes. */
struct qoq_piece {
    enum qoq_piece_kind kind;
    size_t length;
    char *text;
};

struct qoq_vocab_entry {
    char *spelling; /* as in the file, with U+2581 or characters for bytes */
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
    int32_t byte_token[256];        /* -1: none, byte-level only */
    int32_t bos;                    /* -1: none */
    int byte_level;                 /* otherwise with marks for spaces */
    enum qoq_prepend prepend;       /* with marks only, as is the next */
    int prepend_always;             /* even where the text begins with a space */
    int normalize_c, ignore_merges; /* byte-level only, as are splits */
    size_t splits;
    enum qoq_split split[QOQ_MAX_SPLITS];
    char sha256[65];
};

/* Id of a spelling in the vocabulary, or -1. */
int32_t qoq_vocab_find(const struct qoq_vocab_entry *entry, size_t count, const char *spelling,
                       size_t length);

/* The merge of two neighbours, or NULL. */
const struct qoq_merge *qoq_merge_find(const struct qoq_tokenizer *tokenizer, int32_t left,
                                       int32_t right);

#endif
