/* SPDX-License-Identifier: Apache-2.0 */
/* The ways in which byte-level tokenizers cut a text into words; only files tokenizer*.c include
 * this header. */
#ifndef QOQ_DATA_TOKENIZER_SPLIT_H
#define QOQ_DATA_TOKENIZER_SPLIT_H

#include <stddef.h>

enum qoq_split {
    QOQ_SPLIT_DIGIT,  /* each number by itself */
    QOQ_SPLIT_DIGITS, /* runs of numbers */
    QOQ_SPLIT_GPT2,
    QOQ_SPLIT_LLAMA3, /* numbers of up to three digits */
    QOQ_SPLIT_QWEN2   /* the same with single digits */
};

/* The split that a pattern of tokenizer.json stands for: 0, or -1 if it is none of these. */
int qoq_split_find(enum qoq_split *split, const char *pattern);

/* Bytes of the word that text[bytes] begins with, at least one; bytes > 0. Joined words are the
 * text. */
size_t qoq_split_next(enum qoq_split split, const char *text, size_t bytes);

#endif
