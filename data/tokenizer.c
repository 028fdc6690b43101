/* SPDX-License-Identifier: Apache-2.0 */
/* A tokenizer in memory: looking up, decoding, freeing. */
#include "data/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "data/tokenizer_internal.h"

void qoq_tokenizer_free(struct qoq_tokenizer *tokenizer)
{
    if (tokenizer == NULL)
        return;
    for (size_t i = 0; i < tokenizer->vocab; i++)
        free(tokenizer->entry[i].spelling);
    for (size_t i = 0; i < tokenizer->added; i++)
        free(tokenizer->added_entry[i].spelling);
    for (size_t i = 0; i < tokenizer->ids; i++)
        free(tokenizer->piece[i].text);
    free(tokenizer->entry);
    free(tokenizer->added_entry);
    free(tokenizer->piece);
    free(tokenizer->merge);
    free(tokenizer);
}

size_t qoq_tokenizer_vocab(const struct qoq_tokenizer *tokenizer)
{
    return tokenizer->ids;
}

int32_t qoq_tokenizer_bos(const struct qoq_tokenizer *tokenizer)
{
    return tokenizer->bos;
}

int qoq_tokenizer_drops_space(const struct qoq_tokenizer *tokenizer)
{
    return !tokenizer->byte_level;
}

const char *qoq_tokenizer_sha256(const struct qoq_tokenizer *tokenizer)
{
    return tokenizer->sha256;
}

int32_t qoq_vocab_find(const struct qoq_vocab_entry *entry, size_t count, const char *spelling,
                       size_t length)
{
    size_t lo = 0, hi = count;

    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        const struct qoq_vocab_entry *at = &entry[middle];
        size_t common = at->length < length ? at->length : length;
        int order = memcmp(at->spelling, spelling, common);
        if (order == 0 && at->length == length)
            return at->id;
        if (order < 0 || (order == 0 && at->length < length))
            lo = middle + 1;
        else
            hi = middle;
    }
    return -1;
}

const struct qoq_merge *qoq_merge_find(const struct qoq_tokenizer *tokenizer, int32_t left,
                                       int32_t right)
{
    size_t lo = 0, hi = tokenizer->merges;

    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        const struct qoq_merge *at = &tokenizer->merge[middle];
        if (at->left == left && at->right == right)
            return at;
        if (at->left < left || (at->left == left && at->right < right))
            lo = middle + 1;
        else
            hi = middle;
    }
    return NULL;
}

int32_t qoq_tokenizer_id(const struct qoq_tokenizer *tokenizer, const char *spelling)
{
    size_t length = strlen(spelling);
    int32_t id = qoq_vocab_find(tokenizer->added_entry, tokenizer->added, spelling, length);

    if (id >= 0)
        return id;
    return qoq_vocab_find(tokenizer->entry, tokenizer->vocab, spelling, length);
}

void qoq_tokenizer_piece(const char **text, size_t *bytes, const struct qoq_tokenizer *tokenizer,
                         int32_t token)
{
    const struct qoq_piece *piece = NULL;

    if (token >= 0 && (size_t)token < tokenizer->ids)
        piece = &tokenizer->piece[token];
    if (piece == NULL || piece->kind == QOQ_PIECE_NONE || piece->kind == QOQ_PIECE_SPECIAL) {
        *text = "";
        *bytes = 0;
    } else {
        *text = piece->text;
        *bytes = piece->length;
    }
}

enum qoq_status qoq_tokenizer_decode(char **text, size_t *bytes,
                                     const struct qoq_tokenizer *tokenizer, const int32_t *token,
                                     size_t count, struct qoq_error *err)
{
    const char *piece;
    size_t length, total = 0, skip;

    *text = NULL;
    for (size_t i = 0; i < count; i++) {
        if (token[i] < 0 || (size_t)token[i] >= tokenizer->ids ||
            tokenizer->piece[token[i]].kind == QOQ_PIECE_NONE)
            return qoq_fail(err, QOQ_ERR_RANGE, NULL, NULL, "token %zu: id %ld is unknown", i,
                            (long)token[i]);
        qoq_tokenizer_piece(&piece, &length, tokenizer, token[i]);
        if (length > SIZE_MAX - 1 - total)
            return qoq_fail(err, QOQ_ERR_SHAPE, NULL, NULL, "the text is too long");
        total += length;
    }
    *text = malloc(total + 1);
    if (*text == NULL)
        return qoq_fail_memory(err, NULL, NULL, total);
    *bytes = 0;
    for (size_t i = 0; i < count; i++) {
        qoq_tokenizer_piece(&piece, &length, tokenizer, token[i]);
        memcpy(*text + *bytes, piece, length);
        *bytes += length;
    }
    skip = qoq_tokenizer_drops_space(tokenizer) && *bytes > 0 && (*text)[0] == ' ';
    *bytes -= skip;
    memmove(*text, *text + skip, *bytes);
    (*text)[*bytes] = 0;
    return QOQ_OK;
}
