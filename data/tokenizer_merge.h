/* SPDX-License-Identifier: Apache-2.0 */
/* A word on its way to tokens; only files tokenizer*.c include this header. */
#ifndef QOQ_DATA_TOKENIZER_MERGE_H
#define QOQ_DATA_TOKENIZER_MERGE_H

#include "data/tokenizer_internal.h"

/* Tokens found so far. Release with free(token). */
struct qoq_token_list {
    int32_t *token;
    size_t count, capacity;
};

QOQ_CHECKED enum qoq_status qoq_token_list_add(struct qoq_token_list *list, int32_t token,
                                               struct qoq_error *err);

/* A token of a word being merged; id -1: merged into its left neighbour. */
struct qoq_symbol {
    int32_t id;
    int32_t previous, next; /* -1: none */
};

/* A pair that may be merged: symbols `at` and its successor. */
struct qoq_pair {
    int32_t rank, at;
};

/* Begins as zeros and may be used for one word after another. Release with qoq_word_free. */
struct qoq_word {
    struct qoq_symbol *symbol;
    size_t symbols, capacity;
    struct qoq_pair *heap;
    size_t pairs, heap_capacity;
};

void qoq_word_free(struct qoq_word *word);

/* An empty word with room for so many symbols. */
QOQ_CHECKED enum qoq_status qoq_word_begin(struct qoq_word *word, size_t room,
                                           struct qoq_error *err);

/* Adds a symbol; there must be room. */
void qoq_word_add(struct qoq_word *word, int32_t id);

/* Merges what can be merged and adds the tokens to the list. */
QOQ_CHECKED enum qoq_status qoq_word_finish(struct qoq_token_list *list, struct qoq_word *word,
                                            const struct qoq_tokenizer *tokenizer,
                                            struct qoq_error *err);

#endif
