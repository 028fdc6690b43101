/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging the symbols of a word: through a heap of neighbouring pairs over a linked list, n log n.
 * The pair of lowest rank is merged first, the leftmost where the pair is the same.
 */
#include "data/tokenizer_merge.h"

#include <stdlib.h>

static enum qoq_status reserve(struct qoq_token_list *list, size_t more, struct qoq_error *err)
{
    size_t capacity = 2 * list->capacity;
    int32_t *grown;

    if (more <= list->capacity - list->count)
        return QOQ_OK;
    if (capacity < list->count + more)
        capacity = list->count + more;
    grown = realloc(list->token, capacity * sizeof *grown);
    if (grown == NULL)
        return qoq_fail_memory(err, NULL, NULL, capacity * sizeof *grown);
    list->token = grown;
    list->capacity = capacity;
    return QOQ_OK;
}

enum qoq_status qoq_token_list_add(struct qoq_token_list *list, int32_t token,
                                   struct qoq_error *err)
{
    enum qoq_status status = reserve(list, 1, err);

    if (status == QOQ_OK)
        list->token[list->count++] = token;
    return status;
}

void qoq_word_free(struct qoq_word *word)
{
    free(word->symbol);
    free(word->heap);
}

enum qoq_status qoq_word_begin(struct qoq_word *word, size_t room, struct qoq_error *err)
{
    word->symbols = 0;
    word->pairs = 0;
    if (room <= word->capacity)
        return QOQ_OK;
    free(word->symbol);
    word->capacity = 0;
    word->symbol = malloc(room * sizeof *word->symbol);
    if (word->symbol == NULL)
        return qoq_fail_memory(err, NULL, NULL, room * sizeof *word->symbol);
    word->capacity = room;
    return QOQ_OK;
}

/* A merge removes one pair and adds two: room for twice as many as there are symbols. */
static enum qoq_status reserve_pairs(struct qoq_word *word, struct qoq_error *err)
{
    size_t room = 2 * word->symbols;

    if (room <= word->heap_capacity)
        return QOQ_OK;
    free(word->heap);
    word->heap_capacity = 0;
    word->heap = malloc(room * sizeof *word->heap);
    if (word->heap == NULL)
        return qoq_fail_memory(err, NULL, NULL, room * sizeof *word->heap);
    word->heap_capacity = room;
    return QOQ_OK;
}

static int before(struct qoq_pair a, struct qoq_pair b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static void push(struct qoq_word *word, struct qoq_pair pair)
{
    size_t at = word->pairs++;

    while (at > 0 && before(pair, word->heap[(at - 1) / 2])) {
        word->heap[at] = word->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    word->heap[at] = pair;
}

static struct qoq_pair pop(struct qoq_word *word)
{
    struct qoq_pair top = word->heap[0], last = word->heap[--word->pairs];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= word->pairs)
            break;
        if (child + 1 < word->pairs && before(word->heap[child + 1], word->heap[child]))
            child++;
        if (!before(word->heap[child], last))
            break;
        word->heap[at] = word->heap[child];
        at = child;
    }
    word->heap[at] = last;
    return top;
}

/* The merge of symbol `at` with its successor, or NULL. */
static const struct qoq_merge *merge_at(const struct qoq_word *word,
                                        const struct qoq_tokenizer *tokenizer, int32_t at)
{
    int32_t next;

    if (at < 0 || word->symbol[at].id < 0 || (next = word->symbol[at].next) < 0)
        return NULL;
    return qoq_merge_find(tokenizer, word->symbol[at].id, word->symbol[next].id);
}

static void consider(struct qoq_word *word, const struct qoq_tokenizer *tokenizer, int32_t at)
{
    const struct qoq_merge *merge = merge_at(word, tokenizer, at);
    struct qoq_pair pair;

    if (merge == NULL)
        return;
    pair.rank = merge->rank;
    pair.at = at;
    push(word, pair);
}

/* Ranks are unique, so a pair whose rank still fits is the pair that was pushed. */
static void merge_all(struct qoq_word *word, const struct qoq_tokenizer *tokenizer)
{
    for (size_t i = 0; i + 1 < word->symbols; i++)
        consider(word, tokenizer, (int32_t)i);
    while (word->pairs > 0) {
        struct qoq_pair pair = pop(word);
        const struct qoq_merge *merge = merge_at(word, tokenizer, pair.at);
        struct qoq_symbol *left = &word->symbol[pair.at], *right;
        if (merge == NULL || merge->rank != pair.rank)
            continue;
        right = &word->symbol[left->next];
        left->id = merge->result;
        left->next = right->next;
        right->id = -1;
        if (left->next >= 0)
            word->symbol[left->next].previous = pair.at;
        consider(word, tokenizer, left->previous);
        consider(word, tokenizer, pair.at);
    }
}

void qoq_word_add(struct qoq_word *word, int32_t id)
{
    struct qoq_symbol *symbol = &word->symbol[word->symbols];

    symbol->id = id;
    symbol->previous = (int32_t)word->symbols - 1;
    symbol->next = -1;
    if (word->symbols > 0)
        word->symbol[word->symbols - 1].next = (int32_t)word->symbols;
    word->symbols++;
}

enum qoq_status qoq_word_finish(struct qoq_token_list *list, struct qoq_word *word,
                                const struct qoq_tokenizer *tokenizer, struct qoq_error *err)
{
    enum qoq_status status = reserve_pairs(word, err);

    if (status == QOQ_OK)
        status = reserve(list, word->symbols, err);
    if (status != QOQ_OK)
        return status;
    merge_all(word, tokenizer);
    for (size_t i = 0; i < word->symbols; i++) {
        if (word->symbol[i].id >= 0)
            list->token[list->count++] = word->symbol[i].id;
    }
    return QOQ_OK;
}
