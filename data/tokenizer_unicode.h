/* SPDX-License-Identifier: Apache-2.0 */
/* What the tokenizers need to know of Unicode; only files tokenizer*.c include this header. */
#ifndef QOQ_DATA_TOKENIZER_UNICODE_H
#define QOQ_DATA_TOKENIZER_UNICODE_H

#include "data/error.h"

enum qoq_character {
    QOQ_CHARACTER_OTHER,
    QOQ_CHARACTER_LETTER, /* category L */
    QOQ_CHARACTER_NUMBER, /* category N */
    QOQ_CHARACTER_SPACE,  /* white space that is none of the next */
    QOQ_CHARACTER_NEWLINE /* CR, LF */
};

/* The character that text[bytes] begins with, bytes > 0: its kind, its code point and how many
 * bytes it has. A byte that begins no character is one of kind OTHER without a code point (-1). */
enum qoq_character qoq_character_at(int32_t *code, size_t *length, const char *text, size_t bytes);

/* Normalization form C of a text (malloc, at least one byte allocated). Bytes that are not UTF-8
 * stay as they are. */
QOQ_CHECKED enum qoq_status qoq_normalize_c(char **out, size_t *out_bytes, const char *text,
                                            size_t bytes, struct qoq_error *err);

#endif
