/* SPDX-License-Identifier: Apache-2.0 */
/* Vocabulary, added tokens and merges of tokenizer.json, and the pieces that decoding writes. */
#include <stdlib.h>
#include <string.h>

#include "data/tokenizer_bytes.h"
#include "data/tokenizer_json.h"

#define MAX_ENTRIES ((size_t)1 << 21)

static int compare_entries(const void *a, const void *b)
{
    const struct qoq_vocab_entry *x = a, *y = b;
    size_t common = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->spelling, y->spelling, common);

    if (order != 0)
        return order;
    return x->length < y->length ? -1 : x->length > y->length;
}

static enum qoq_status set_entry(struct qoq_vocab_entry *entry, const struct qoq_json_object *at,
                                 const char *spelling, const json_t *id)
{
    size_t length = strlen(spelling);

    if (length == 0 || length > QOQ_MAX_SPELLING)
        return qoq_json_fail(at, QOQ_ERR_FORMAT, NULL, "a token of %zu bytes", length);
    if (!json_is_integer(id) || json_integer_value(id) < 0 ||
        json_integer_value(id) >= (json_int_t)(2 * MAX_ENTRIES))
        return qoq_json_fail(at, QOQ_ERR_FORMAT, spelling, "must be a token id");
    entry->spelling = malloc(length + 1);
    if (entry->spelling == NULL)
        return qoq_fail_memory(at->err, at->file, at->field, length + 1);
    memcpy(entry->spelling, spelling, length + 1);
    entry->length = length;
    entry->id = (int32_t)json_integer_value(id);
    return QOQ_OK;
}

enum qoq_status qoq_tokenizer_load_vocab(struct qoq_tokenizer *out,
                                         const struct qoq_json_object *model)
{
    struct qoq_json_object vocab;
    enum qoq_status status = qoq_json_child(&vocab, model, "vocab");
    size_t count;
    const char *spelling;
    json_t *id;

    if (status != QOQ_OK)
        return status;
    vocab.field = "model.vocab";
    count = json_object_size(vocab.node);
    if (count == 0 || count > MAX_ENTRIES)
        return qoq_json_fail(&vocab, QOQ_ERR_FORMAT, NULL, "%zu tokens", count);
    out->entry = calloc(count, sizeof *out->entry);
    if (out->entry == NULL)
        return qoq_fail_memory(vocab.err, vocab.file, vocab.field, count * sizeof *out->entry);
    json_object_foreach((json_t *)(uintptr_t)vocab.node, spelling, id)
    {
        status = set_entry(&out->entry[out->vocab], &vocab, spelling, id);
        if (status != QOQ_OK)
            return status;
        out->vocab++;
    }
    qsort(out->entry, out->vocab, sizeof *out->entry, compare_entries);
    return QOQ_OK;
}

/* One of added_tokens. Where the vocabulary has it too, the ids must agree. */
static enum qoq_status load_added_token(struct qoq_tokenizer *out, int *unused,
                                        const struct qoq_json_object *item)
{
    static const char *const refused[] = {"single_word", "lstrip", "rstrip", "normalized"};
    size_t flags = out->normalize_c ? 4 : 3;
    struct qoq_json_object at = *item;
    const char *content = NULL;
    int32_t known;
    enum qoq_status status;

    (void)unused;
    at.field = "added_tokens";
    status = qoq_json_get_string(&content, &at, "content", QOQ_JSON_NEED);
    for (size_t i = 0; i < flags && status == QOQ_OK; i++)
        status = qoq_tokenizer_refuse_flag(&at, refused[i]);
    if (status == QOQ_OK)
        status =
            set_entry(&out->added_entry[out->added], &at, content, json_object_get(at.node, "id"));
    if (status != QOQ_OK)
        return status;
    known = qoq_vocab_find(out->entry, out->vocab, content, strlen(content));
    out->added++;
    if (known >= 0 && known != out->added_entry[out->added - 1].id)
        return qoq_json_fail(&at, QOQ_ERR_FORMAT, content, "has another id in model.vocab");
    return QOQ_OK;
}

enum qoq_status qoq_tokenizer_load_added(struct qoq_tokenizer *out,
                                         const struct qoq_json_object *root)
{
    const json_t *list = qoq_json_member(root, "added_tokens");
    size_t count = json_array_size(list);
    enum qoq_status status;

    if (list == NULL)
        return QOQ_OK;
    if (count > 65536)
        return qoq_json_fail(root, QOQ_ERR_UNSUPPORTED, "added_tokens", "%zu tokens", count);
    out->added_entry = calloc(count + 1, sizeof *out->added_entry);
    if (out->added_entry == NULL)
        return qoq_fail_memory(root->err, root->file, "added_tokens", count);
    status = qoq_tokenizer_each(out, NULL, root, "added_tokens", load_added_token);
    if (status != QOQ_OK)
        return status;
    qsort(out->added_entry, out->added, sizeof *out->added_entry, compare_entries);
    for (size_t i = 1; i < out->added; i++) {
        if (compare_entries(&out->added_entry[i - 1], &out->added_entry[i]) == 0)
            return qoq_json_fail(root, QOQ_ERR_FORMAT, "added_tokens", "\"%.64s\" is there twice",
                                 out->added_entry[i].spelling);
    }
    return QOQ_OK;
}

/* The byte that "<0xHH>" stands for, or -1. */
static int byte_value(const struct qoq_vocab_entry *entry)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *hi, *lo;

    if (entry->length != 6 || memcmp(entry->spelling, "<0x", 3) != 0 || entry->spelling[5] != '>')
        return -1;
    hi = strchr(digits, entry->spelling[3]);
    lo = strchr(digits, entry->spelling[4]);
    if (hi == NULL || lo == NULL)
        return -1;
    return (int)(16 * (hi - digits) + (lo - digits));
}

/* Text with spaces for marks, in place. */
static void unmark(struct qoq_piece *piece)
{
    size_t kept = 0;

    for (size_t i = 0; i < piece->length; kept++) {
        int mark = piece->length - i >= 3 && memcmp(piece->text + i, QOQ_SPACE_MARK, 3) == 0;
        piece->text[kept] = mark ? ' ' : piece->text[i];
        i += mark ? 3 : 1;
    }
    piece->length = kept;
}

/* A token of the vocabulary with spaces for marks, bytes for "<0xHH>" or for characters. */
static void decode_piece(struct qoq_tokenizer *out, struct qoq_piece *piece,
                         const struct qoq_vocab_entry *entry)
{
    int byte = byte_value(entry);

    if (out->byte_level) {
        piece->length = qoq_bytes_of_spelling(piece->text, entry->spelling, entry->length);
    } else if (byte >= 0) {
        piece->kind = QOQ_PIECE_BYTE;
        piece->text[0] = (char)(unsigned char)byte;
        piece->length = 1;
        out->byte_token[byte] = entry->id;
    } else {
        unmark(piece);
    }
}

static enum qoq_status set_piece(struct qoq_tokenizer *out, const struct qoq_vocab_entry *entry,
                                 int added, const struct qoq_json_object *root)
{
    struct qoq_piece *piece = &out->piece[entry->id];

    if (piece->kind != QOQ_PIECE_NONE)
        return qoq_json_fail(root, QOQ_ERR_FORMAT, "model.vocab", "two tokens have id %ld",
                             (long)entry->id);
    piece->text = malloc(entry->length + 1);
    if (piece->text == NULL)
        return qoq_fail_memory(root->err, root->file, "model.vocab", entry->length + 1);
    memcpy(piece->text, entry->spelling, entry->length + 1);
    piece->length = entry->length;
    piece->kind = QOQ_PIECE_TEXT;
    if (!added || !out->byte_level)
        decode_piece(out, piece, entry);
    return QOQ_OK;
}

/* Ids need not be dense, but the table of them may not be much larger than the file. */
static enum qoq_status make_table(struct qoq_tokenizer *out, const struct qoq_json_object *root)
{
    size_t top = 0;

    for (size_t i = 0; i < out->vocab; i++)
        top = (size_t)out->entry[i].id > top ? (size_t)out->entry[i].id : top;
    for (size_t i = 0; i < out->added; i++)
        top = (size_t)out->added_entry[i].id > top ? (size_t)out->added_entry[i].id : top;
    if (top / 2 > out->vocab + out->added + 1024)
        return qoq_json_fail(root, QOQ_ERR_FORMAT, "model.vocab", "id %zu with only %zu tokens",
                             top, out->vocab);
    out->piece = calloc(top + 1, sizeof *out->piece);
    if (out->piece == NULL)
        return qoq_fail_memory(root->err, root->file, "model.vocab", top);
    out->ids = top + 1;
    return QOQ_OK;
}

/* Added tokens that the vocabulary lacks get pieces of their own; special ones lose their text. */
static enum qoq_status set_added_pieces(struct qoq_tokenizer *out,
                                        const struct qoq_json_object *root)
{
    const json_t *list = qoq_json_member(root, "added_tokens");
    enum qoq_status status = QOQ_OK;

    for (size_t i = 0; i < out->added && status == QOQ_OK; i++) {
        const struct qoq_vocab_entry *entry = &out->added_entry[i];
        if (qoq_vocab_find(out->entry, out->vocab, entry->spelling, entry->length) < 0)
            status = set_piece(out, entry, 1, root);
    }
    for (size_t i = 0; i < json_array_size(list) && status == QOQ_OK; i++) {
        const json_t *item = json_array_get(list, i);
        if (json_is_true(json_object_get(item, "special")))
            out->piece[json_integer_value(json_object_get(item, "id"))].kind = QOQ_PIECE_SPECIAL;
    }
    return status;
}

/* A byte-level vocabulary may lack bytes: SmolLM2's lacks 21. */
static void find_bytes(struct qoq_tokenizer *out)
{
    for (unsigned i = 0; i < 256; i++) {
        char spelling[2];
        size_t length = qoq_byte_spelling(spelling, (unsigned char)i);
        out->byte_token[i] = qoq_vocab_find(out->entry, out->vocab, spelling, length);
    }
}

enum qoq_status qoq_tokenizer_make_pieces(struct qoq_tokenizer *out,
                                          const struct qoq_json_object *root)
{
    enum qoq_status status = make_table(out, root);

    for (int i = 0; i < 256; i++)
        out->byte_token[i] = -1;
    for (size_t i = 0; i < out->vocab && status == QOQ_OK; i++)
        status = set_piece(out, &out->entry[i], 0, root);
    if (status == QOQ_OK)
        status = set_added_pieces(out, root);
    if (out->byte_level)
        find_bytes(out);
    for (int i = 0; i < 256 && status == QOQ_OK && !out->byte_level; i++) {
        if (out->byte_token[i] < 0)
            status = qoq_json_fail(root, QOQ_ERR_UNSUPPORTED, "model.vocab",
                                   "has no token <0x%02X>", (unsigned)i);
    }
    return status;
}

static int compare_merges(const void *a, const void *b)
{
    const struct qoq_merge *x = a, *y = b;

    if (x->left != y->left)
        return x->left < y->left ? -1 : 1;
    return x->right < y->right ? -1 : x->right > y->right;
}

/* The two spellings of a merge: "a b" with one space, or ["a", "b"]. */
static int split_merge(const char *part[2], size_t length[2], const json_t *merge)
{
    if (json_is_string(merge)) {
        const char *text = json_string_value(merge), *space = strchr(text, ' ');
        if (space == NULL || strchr(space + 1, ' ') != NULL)
            return -1;
        part[0] = text;
        length[0] = (size_t)(space - text);
        part[1] = space + 1;
        length[1] = strlen(space + 1);
        return 0;
    }
    if (!json_is_array(merge) || json_array_size(merge) != 2)
        return -1;
    for (size_t i = 0; i < 2; i++) {
        part[i] = json_string_value(json_array_get(merge, i));
        if (part[i] == NULL)
            return -1;
        length[i] = strlen(part[i]);
    }
    return 0;
}

/* Ids of both parts and of their union. 0, or -1 where one is not in the vocabulary. */
static int resolve_merge(struct qoq_merge *out, const struct qoq_tokenizer *tokenizer,
                         const char *const part[2], const size_t length[2])
{
    char joined[2 * QOQ_MAX_SPELLING];

    if (length[0] > QOQ_MAX_SPELLING || length[1] > QOQ_MAX_SPELLING)
        return -1;
    memcpy(joined, part[0], length[0]);
    memcpy(joined + length[0], part[1], length[1]);
    out->left = qoq_vocab_find(tokenizer->entry, tokenizer->vocab, part[0], length[0]);
    out->right = qoq_vocab_find(tokenizer->entry, tokenizer->vocab, part[1], length[1]);
    out->result = qoq_vocab_find(tokenizer->entry, tokenizer->vocab, joined, length[0] + length[1]);
    return out->left < 0 || out->right < 0 || out->result < 0 ? -1 : 0;
}

enum qoq_status qoq_tokenizer_load_merges(struct qoq_tokenizer *out,
                                          const struct qoq_json_object *model)
{
    const json_t *list = qoq_json_member(model, "merges");
    size_t count = json_array_size(list);

    if (!json_is_array(list) || count > 2 * MAX_ENTRIES)
        return qoq_json_fail(model, QOQ_ERR_FORMAT, "merges", "must be an array of pairs");
    out->merge = calloc(count + 1, sizeof *out->merge);
    if (out->merge == NULL)
        return qoq_fail_memory(model->err, model->file, "model.merges", count);
    for (size_t i = 0; i < count; i++) {
        const char *part[2];
        size_t length[2];
        if (split_merge(part, length, json_array_get(list, i)) != 0)
            return qoq_json_fail(model, QOQ_ERR_FORMAT, "merges", "number %zu is no pair", i);
        if (resolve_merge(&out->merge[i], out, part, length) != 0)
            return qoq_json_fail(model, QOQ_ERR_FORMAT, "merges",
                                 "number %zu is not made of tokens of model.vocab", i);
        out->merge[i].rank = (int32_t)i;
    }
    out->merges = count;
    qsort(out->merge, count, sizeof *out->merge, compare_merges);
    for (size_t i = 1; i < count; i++) {
        if (compare_merges(&out->merge[i - 1], &out->merge[i]) == 0)
            return qoq_json_fail(model, QOQ_ERR_FORMAT, "merges", "number %ld is there twice",
                                 (long)out->merge[i].rank);
    }
    return QOQ_OK;
}
