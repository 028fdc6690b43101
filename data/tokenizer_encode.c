/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to tokens. The whole text between added tokens is one word, so merging goes through a heap
 * of neighbouring pairs over a linked list: n log n. The pair of lowest rank is merged first, the
 * leftmost where the pair is the same.
 */
#include <stdlib.h>
#include <string.h>

#include "data/tokenizer_internal.h"

#define MAX_TEXT ((size_t)1 << 28)

/* A token of a word being merged; id -1: merged into its left neighbour. */
struct symbol {
    int32_t id;
    int32_t previous, next; /* -1: none */
};

/* A pair that may be merged: symbols `at` and its successor. */
struct pair {
    int32_t rank, at;
};

struct word {
    const struct qoq_tokenizer *tokenizer;
    struct symbol *symbol;
    size_t symbols;
    struct pair *heap; /* room for 2 * symbols: a merge removes one pair and adds two */
    size_t pairs;
};

/* Tokens found so far. */
struct sink {
    int32_t *token;
    size_t count, capacity;
};

static int before(struct pair a, struct pair b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static void push(struct word *word, struct pair pair)
{
    size_t at = word->pairs++;

    while (at > 0 && before(pair, word->heap[(at - 1) / 2])) {
        word->heap[at] = word->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    word->heap[at] = pair;
}

static struct pair pop(struct word *word)
{
    struct pair top = word->heap[0], last = word->heap[--word->pairs];
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
static const struct qoq_merge *merge_at(const struct word *word, int32_t at)
{
    int32_t next;

    if (at < 0 || word->symbol[at].id < 0 || (next = word->symbol[at].next) < 0)
        return NULL;
    return qoq_merge_find(word->tokenizer, word->symbol[at].id, word->symbol[next].id);
}

static void consider(struct word *word, int32_t at)
{
    const struct qoq_merge *merge = merge_at(word, at);
    struct pair pair;

    if (merge == NULL)
        return;
    pair.rank = merge->rank;
    pair.at = at;
    push(word, pair);
}

/* Ranks are unique, so a pair whose rank still fits is the pair that was pushed. */
static void merge_all(struct word *word)
{
    for (size_t i = 0; i + 1 < word->symbols; i++)
        consider(word, (int32_t)i);
    while (word->pairs > 0) {
        struct pair pair = pop(word);
        const struct qoq_merge *merge = merge_at(word, pair.at);
        struct symbol *left = &word->symbol[pair.at], *right;
        if (merge == NULL || merge->rank != pair.rank)
            continue;
        right = &word->symbol[left->next];
        left->id = merge->result;
        left->next = right->next;
        right->id = -1;
        if (left->next >= 0)
            word->symbol[left->next].previous = pair.at;
        consider(word, left->previous);
        consider(word, pair.at);
    }
}

static void add_symbol(struct word *word, int32_t id)
{
    struct symbol *symbol = &word->symbol[word->symbols];

    symbol->id = id;
    symbol->previous = (int32_t)word->symbols - 1;
    symbol->next = -1;
    if (word->symbols > 0)
        word->symbol[word->symbols - 1].next = (int32_t)word->symbols;
    word->symbols++;
}

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
static void add_character(struct word *word, const char *text, size_t length)
{
    const struct qoq_tokenizer *tokenizer = word->tokenizer;
    int32_t id = qoq_vocab_find(tokenizer->entry, tokenizer->vocab, text, length);

    if (id >= 0) {
        add_symbol(word, id);
        return;
    }
    for (size_t i = 0; i < length; i++)
        add_symbol(word, tokenizer->byte_token[(unsigned char)text[i]]);
}

static void add_mark(struct word *word)
{
    add_character(word, QOQ_SPACE_MARK, 3);
}

static void add_text(struct word *word, const char *text, size_t bytes, int first)
{
    enum qoq_prepend prepend = word->tokenizer->prepend;
    int marked = text[0] == ' ' || (bytes >= 3 && memcmp(text, QOQ_SPACE_MARK, 3) == 0);

    if ((prepend == QOQ_PREPEND_EACH || (prepend == QOQ_PREPEND_FIRST && first)) &&
        (word->tokenizer->prepend_always || !marked))
        add_mark(word);
    while (bytes > 0) {
        size_t length = character_length(text, bytes);
        if (text[0] == ' ')
            add_mark(word);
        else
            add_character(word, text, length);
        text += length;
        bytes -= length;
    }
}

static enum qoq_status reserve(struct sink *sink, size_t more, struct qoq_error *err)
{
    size_t capacity = 2 * sink->capacity;
    int32_t *grown;

    if (sink->count + more <= sink->capacity)
        return QOQ_OK;
    if (capacity < sink->count + more)
        capacity = sink->count + more;
    grown = realloc(sink->token, capacity * sizeof *grown);
    if (grown == NULL)
        return qoq_fail_memory(err, NULL, NULL, capacity * sizeof *grown);
    sink->token = grown;
    sink->capacity = capacity;
    return QOQ_OK;
}

/* Encodes text between added tokens. A mark may need three byte tokens. */
static enum qoq_status encode_word(struct sink *sink, const struct qoq_tokenizer *tokenizer,
                                   const char *text, size_t bytes, int first, struct qoq_error *err)
{
    size_t room = 3 * (bytes + 1);
    struct word word = {tokenizer, NULL, 0, NULL, 0};
    enum qoq_status status = QOQ_OK;

    if (bytes == 0)
        return QOQ_OK;
    word.symbol = malloc(room * sizeof *word.symbol);
    if (word.symbol == NULL)
        return qoq_fail_memory(err, NULL, NULL, room * sizeof *word.symbol);
    add_text(&word, text, bytes, first);
    word.heap = malloc(2 * word.symbols * sizeof *word.heap);
    if (word.heap == NULL)
        status = qoq_fail_memory(err, NULL, NULL, 2 * word.symbols * sizeof *word.heap);
    if (status == QOQ_OK)
        status = reserve(sink, word.symbols, err);
    if (status == QOQ_OK) {
        merge_all(&word);
        for (size_t i = 0; i < word.symbols; i++) {
            if (word.symbol[i].id >= 0)
                sink->token[sink->count++] = word.symbol[i].id;
        }
    }
    free(word.heap);
    free(word.symbol);
    return status;
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

static enum qoq_status put_token(struct sink *sink, int32_t token, struct qoq_error *err)
{
    enum qoq_status status = reserve(sink, 1, err);

    if (status == QOQ_OK)
        sink->token[sink->count++] = token;
    return status;
}

/* Cuts the text at added tokens and encodes what lies between them. */
static enum qoq_status encode_parts(struct sink *sink, const struct qoq_tokenizer *tokenizer,
                                    const char *text, size_t bytes, struct qoq_error *err)
{
    size_t start = 0, at = 0;
    enum qoq_status status;

    while (at < bytes) {
        const struct qoq_vocab_entry *added = match_added(tokenizer, text + at, bytes - at);
        if (added == NULL) {
            at++;
            continue;
        }
        status = encode_word(sink, tokenizer, text + start, at - start, start == 0, err);
        if (status == QOQ_OK)
            status = put_token(sink, added->id, err);
        if (status != QOQ_OK)
            return status;
        at += added->length;
        start = at;
    }
    return encode_word(sink, tokenizer, text + start, bytes - start, start == 0, err);
}

enum qoq_status qoq_tokenizer_encode(int32_t **token, size_t *count,
                                     const struct qoq_tokenizer *tokenizer, const char *text,
                                     size_t bytes, int flags, struct qoq_error *err)
{
    struct sink sink = {NULL, 0, 0};
    enum qoq_status status;

    *token = NULL;
    *count = 0;
    if (bytes > MAX_TEXT)
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, NULL, NULL, "a text of more than 2^28 bytes");
    status = reserve(&sink, 1, err);
    if (status == QOQ_OK && (flags & QOQ_ENCODE_BOS) != 0 && tokenizer->bos >= 0)
        status = put_token(&sink, tokenizer->bos, err);
    if (status == QOQ_OK && (flags & QOQ_ENCODE_SPECIAL) != 0)
        status = encode_parts(&sink, tokenizer, text, bytes, err);
    else if (status == QOQ_OK)
        status = encode_word(&sink, tokenizer, text, bytes, 1, err);
    if (status != QOQ_OK) {
        free(sink.token);
        return status;
    }
    *token = sink.token;
    *count = sink.count;
    return QOQ_OK;
}
