/* SPDX-License-Identifier: Apache-2.0 */
/* Byte-level tokenizers: what the library of their origin encodes (tests/tokenizers, made by
 * tests/python/make_tokenizer_cases.py), round trips of any bytes, words and normalization. */
#include <config.h>

#include "data/tokenizer.h"
#include "data/tokenizer_split.h"
#include "data/tokenizer_unicode.h"
#include "tests/data_support.h"
#include "tests/seed.h"

static const char *const names[] = {"gpt2", "smollm2", "llama3", "qwen2"};
enum { KINDS = 4, GPT2 = 0, SMOLLM2, LLAMA3, QWEN2 };

static char *source_path(const char *directory, const char *name)
{
    const char *root = getenv("QOQ_SRCDIR");
    char path[1024];

    cr_assert_not_null(root, "QOQ_SRCDIR is not set");
    snprintf(path, sizeof path, "%s/%s/%s", root, directory, name);
    return strdup(path);
}

static struct qoq_tokenizer *load(int kind)
{
    struct qoq_tokenizer *tokenizer;
    struct qoq_error err = {QOQ_OK, ""};
    char name[32], *path;

    snprintf(name, sizeof name, "%s.json", names[kind]);
    path = source_path("tests/tokenizers", name);
    cr_assert_eq(qoq_tokenizer_load(&tokenizer, path, &err), QOQ_OK, "%s", err.text);
    free(path);
    return tokenizer;
}

/* One line of cases.txt. */
struct known {
    int kind, special;
    size_t bytes, ids;
    char text[1024];
    int32_t id[1024];
};

static void read_known(struct known *known, char *line)
{
    char *name = strtok(line, " "), *how = strtok(NULL, " "), *hex = strtok(NULL, " "), *id;

    cr_assert_not_null(hex);
    known->kind = 0;
    while (known->kind < KINDS && strcmp(names[known->kind], name) != 0)
        known->kind++;
    cr_assert_lt(known->kind, KINDS);
    known->special = strcmp(how, "special") == 0;
    known->bytes = 0;
    for (; *hex != '-' && *hex != 0; hex += 2) {
        unsigned byte;
        cr_assert_eq(sscanf(hex, "%2x", &byte), 1);
        known->text[known->bytes++] = (char)(unsigned char)byte;
    }
    known->ids = 0;
    while ((id = strtok(NULL, " ")) != NULL)
        known->id[known->ids++] = (int32_t)atoi(id);
}

static void expect_known(const struct qoq_tokenizer *tokenizer, const struct known *known,
                         size_t line)
{
    int flags = known->special ? QOQ_ENCODE_SPECIAL | QOQ_ENCODE_BOS : 0;
    struct qoq_error err = {QOQ_OK, ""};
    int32_t *token;
    size_t count;

    cr_assert_eq(
        qoq_tokenizer_encode(&token, &count, tokenizer, known->text, known->bytes, flags, &err),
        QOQ_OK, "line %zu: %s", line, err.text);
    cr_expect(count == known->ids && memcmp(token, known->id, count * sizeof *token) == 0,
              "cases.txt, line %zu: other tokens", line);
    free(token);
}

Test(tokenizer_bytes, encodes_as_the_library_of_their_origin)
{
    char *path = source_path("tests/tokenizers", "cases.txt"), *text, *next;
    struct qoq_tokenizer *tokenizer[KINDS];
    struct known *known = malloc(sizeof *known);
    size_t bytes, line = 0, of_kind[KINDS] = {0, 0, 0, 0};

    text = slurp(&bytes, path);
    for (int i = 0; i < KINDS; i++)
        tokenizer[i] = load(i);
    for (char *at = text; at < text + bytes; at = next) {
        next = strchr(at, '\n');
        cr_assert_not_null(next);
        *next++ = 0;
        read_known(known, at);
        expect_known(tokenizer[known->kind], known, ++line);
        of_kind[known->kind]++;
    }
    for (int i = 0; i < KINDS; i++) {
        cr_expect_geq(of_kind[i], 100, "%s", names[i]);
        qoq_tokenizer_free(tokenizer[i]);
    }
    free(known);
    free(text);
    free(path);
}

/* Without normalization whatever is encoded comes back; it need not be UTF-8. */
Test(tokenizer_bytes, any_bytes_survive_a_round_trip)
{
    const int kinds[] = {GPT2, LLAMA3};
    struct test_random draw = test_random(1);

    for (size_t k = 0; k < 2; k++) {
        struct qoq_tokenizer *t = load(kinds[k]);
        for (size_t round = 0; round < 1000; round++) {
            char text[64], *back;
            size_t length = (size_t)test_integer(&draw, 0, sizeof text), bytes, count;
            struct qoq_error err = {QOQ_OK, ""};
            int32_t *token;
            for (size_t i = 0; i < length; i++)
                text[i] = round % 2 == 0 ? (char)(unsigned char)test_integer(&draw, 0, 255)
                                         : " aeth.\n'1\xe2\x80\x9c"[test_integer(&draw, 0, 10)];
            cr_assert_eq(qoq_tokenizer_encode(&token, &count, t, text, length, 0, &err), QOQ_OK);
            cr_assert_eq(qoq_tokenizer_decode(&back, &bytes, t, token, count, &err), QOQ_OK);
            cr_expect(bytes == length && memcmp(back, text, length) == 0,
                      "%s, round %zu" SEED_FORMAT, names[kinds[k]], round, test_seed());
            free(back);
            free(token);
        }
        qoq_tokenizer_free(t);
    }
}

Test(tokenizer_bytes, a_byte_without_token_is_an_error)
{
    struct qoq_tokenizer *t = load(SMOLLM2);
    struct qoq_error err = {QOQ_OK, ""};
    int32_t *token;
    size_t count;

    cr_expect_eq(qoq_tokenizer_encode(&token, &count, t, "a\x04", 2, 0, &err), QOQ_ERR_UNSUPPORTED);
    cr_expect_null(token);
    cr_expect_str_eq(err.text, "the text has a byte 0x04, for which the tokenizer has no token");
    qoq_tokenizer_free(t);
}

/* The space at the start of a text belongs to it; added tokens vanish only if they are special. */
Test(tokenizer_bytes, decoding)
{
    struct qoq_tokenizer *t = load(LLAMA3);
    int32_t begin = qoq_tokenizer_id(t, "<|begin|>"), space = qoq_tokenizer_id(t, "\xc4\xa0"),
            word = qoq_tokenizer_id(t, "a");
    const int32_t token[] = {begin, space, word, begin};
    char *text;
    size_t bytes;
    struct qoq_error err;

    cr_assert(begin > 0 && space > 0 && word > 0);
    cr_expect_eq(qoq_tokenizer_bos(t), begin);
    cr_assert_eq(qoq_tokenizer_decode(&text, &bytes, t, token, 4, &err), QOQ_OK);
    cr_expect_str_eq(text, " a");
    cr_expect_eq(qoq_tokenizer_drops_space(t), 0);
    free(text);
    qoq_tokenizer_free(t);
}

/* Texts that would take a quadratic encoder or splitter minutes. */
Test(tokenizer_bytes, long_texts_are_fast, .timeout = 20)
{
    static const char *const parts[] = {"a", " ", "\n ", "1", "!", "e\xcc\x81", "'"};
    const size_t total = 1 << 18;
    char *text = malloc(total), *back;

    for (int kind = 0; kind < KINDS; kind++) {
        struct qoq_tokenizer *t = load(kind);
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            size_t length = strlen(parts[p]), count, bytes;
            int32_t *token;
            for (size_t i = 0; i < total; i++)
                text[i] = parts[p][i % length];
            cr_assert_eq(qoq_tokenizer_encode(&token, &count, t, text, total, 0, NULL), QOQ_OK);
            cr_assert_eq(qoq_tokenizer_decode(&back, &bytes, t, token, count, NULL), QOQ_OK);
            cr_expect(kind == QWEN2 || (bytes == total && memcmp(text, back, total) == 0),
                      "%s, \"%s\"", names[kind], parts[p]);
            free(back);
            free(token);
        }
        qoq_tokenizer_free(t);
    }
    free(text);
}

/* Words with bars after them. */
static void expect_words(enum qoq_split split, const char *text, const char *expected)
{
    char words[256] = "";
    size_t out = 0, bytes = strlen(text);

    while (bytes > 0) {
        size_t length = qoq_split_next(split, text, bytes);
        cr_assert(length > 0 && length <= bytes && out + length + 2 < sizeof words);
        memcpy(words + out, text, length);
        out += length;
        words[out++] = '|';
        text += length;
        bytes -= length;
    }
    words[out] = 0;
    cr_expect_str_eq(words, expected);
}

Test(tokenizer_bytes, words)
{
    expect_words(QOQ_SPLIT_GPT2, "It's 2024:  3.14\n\n x", "It|'s| 2024|:| | 3|.|14|\n\n| x|");
    expect_words(QOQ_SPLIT_GPT2, "IT'S we'll  ", "IT|'|S| we|'ll|  |");
    expect_words(QOQ_SPLIT_LLAMA3, "IT'S 12345!!\n\n x", "IT|'S| |123|45|!!\n\n| x|");
    expect_words(QOQ_SPLIT_LLAMA3, "a.b  \n \tc", "a|.b|  \n| |\tc|");
    expect_words(QOQ_SPLIT_QWEN2, "12 a", "1|2| a|");
    expect_words(QOQ_SPLIT_DIGIT, "ab12c", "ab|1|2|c|");
    expect_words(QOQ_SPLIT_DIGITS, "ab12c", "ab|12|c|");
}

Test(tokenizer_bytes, normalization)
{
    static const char text[] = "e\xcc\x81\xff\xe2\x84\xab\0a", want[] = "\xc3\xa9\xff\xc3\x85\0a";
    struct qoq_error err;
    size_t bytes;
    char *out;

    cr_assert_eq(qoq_normalize_c(&out, &bytes, text, sizeof text - 1, &err), QOQ_OK);
    cr_expect(bytes == sizeof want - 1 && memcmp(out, want, bytes) == 0);
    free(out);
}
