/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting text into words as the regular expressions of known tokenizers do. Each is an ordered
 * choice, so that a word is what the first alternative that matches takes. In the patterns, \s is
 * white space with CR and LF.
 */
#include "data/tokenizer_split.h"

#include <stdint.h>
#include <string.h>

#include "data/tokenizer_unicode.h"

static const struct {
    enum qoq_split split;
    const char *pattern;
} patterns[] = {
    {QOQ_SPLIT_GPT2, "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
                     "\\s+(?!\\S)|\\s+"},
    {QOQ_SPLIT_LLAMA3, "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
                       " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
    {QOQ_SPLIT_QWEN2, "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
                      " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
};

int qoq_split_find(enum qoq_split *split, const char *pattern)
{
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        if (strcmp(pattern, patterns[i].pattern) == 0) {
            *split = patterns[i].split;
            return 0;
        }
    }
    return -1;
}

/* The character at text[0]; at the end of the text none, and *length is 0. */
static enum qoq_character look(size_t *length, const char *text, size_t bytes)
{
    int32_t code;

    *length = 0;
    return bytes > 0 ? qoq_character_at(&code, length, text, bytes) : QOQ_CHARACTER_OTHER;
}

/* Bytes of the first `most` characters of one kind at the start of text. */
static size_t run(enum qoq_character kind, size_t most, const char *text, size_t bytes)
{
    size_t at = 0, length;

    for (size_t i = 0; i < most && look(&length, text + at, bytes - at) == kind && length > 0; i++)
        at += length;
    return at;
}

static int is_white(enum qoq_character kind)
{
    return kind == QOQ_CHARACTER_SPACE || kind == QOQ_CHARACTER_NEWLINE;
}

/* A letter of a contraction: ASCII, or the long s, which equals an s where case does not matter. */
static size_t fold(char *letter, int any_case, const char *text, size_t bytes)
{
    if (bytes == 0)
        return 0;
    *letter = text[0];
    if (!any_case)
        return 1;
    if (text[0] >= 'A' && text[0] <= 'Z')
        *letter = (char)(text[0] - 'A' + 'a');
    if (bytes < 2 || memcmp(text, "\xC5\xBF", 2) != 0)
        return 1;
    *letter = 's';
    return 2;
}

/* 's 't 're 've 'm 'll 'd at the start of text: bytes, or 0. */
static size_t contraction(int any_case, const char *text, size_t bytes)
{
    char first = 0, second = 0;
    size_t one, two;

    if (text[0] != '\'')
        return 0;
    one = fold(&first, any_case, text + 1, bytes - 1);
    if (one == 0)
        return 0;
    if (strchr("stmd", first) != NULL && first != 0)
        return 1 + one;
    two = fold(&second, any_case, text + 1 + one, bytes - 1 - one);
    if (two > 0 && ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
                    (first == 'l' && second == 'l')))
        return 1 + one + two;
    return 0;
}

/* \s+(?!\S)|\s+ at a white character: the last one of a run is left to the word after it. */
static size_t white(const char *text, size_t bytes)
{
    size_t at = 0, last = 0, length;

    while (is_white(look(&length, text + at, bytes - at))) {
        last = at;
        at += length;
    }
    return at == bytes || last == 0 ? at : last;
}

static size_t next_gpt2(const char *text, size_t bytes)
{
    size_t length = contraction(0, text, bytes), start = text[0] == ' ';
    enum qoq_character kind;

    if (length > 0)
        return length;
    kind = look(&length, text + start, bytes - start);
    if (length > 0 && !is_white(kind))
        return start + run(kind, SIZE_MAX, text + start, bytes - start);
    return white(text, bytes);
}

/* \s*[\r\n]+ at a white character: up to the last CR or LF of the run. 0: there is none. */
static size_t lines(const char *text, size_t bytes)
{
    size_t at = 0, end = 0, length;
    enum qoq_character kind;

    while (is_white(kind = look(&length, text + at, bytes - at))) {
        at += length;
        if (kind == QOQ_CHARACTER_NEWLINE)
            end = at;
    }
    return end;
}

static size_t next_llama3(size_t digits, const char *text, size_t bytes)
{
    size_t length, start, rest = contraction(1, text, bytes);
    enum qoq_character kind = look(&length, text, bytes);

    if (rest > 0)
        return rest;
    start = kind == QOQ_CHARACTER_SPACE || kind == QOQ_CHARACTER_OTHER ? length : 0;
    rest = run(QOQ_CHARACTER_LETTER, SIZE_MAX, text + start, bytes - start);
    if (rest > 0)
        return start + rest;
    if (kind == QOQ_CHARACTER_NUMBER)
        return run(kind, digits, text, bytes);
    start = text[0] == ' ';
    rest = run(QOQ_CHARACTER_OTHER, SIZE_MAX, text + start, bytes - start);
    if (rest > 0) {
        start += rest;
        return start + run(QOQ_CHARACTER_NEWLINE, SIZE_MAX, text + start, bytes - start);
    }
    rest = lines(text, bytes);
    return rest > 0 ? rest : white(text, bytes);
}

static size_t next_digits(size_t most, const char *text, size_t bytes)
{
    size_t at = run(QOQ_CHARACTER_NUMBER, most, text, bytes), length;

    if (at > 0)
        return at;
    while (at < bytes && look(&length, text + at, bytes - at) != QOQ_CHARACTER_NUMBER)
        at += length;
    return at;
}

size_t qoq_split_next(enum qoq_split split, const char *text, size_t bytes)
{
    switch (split) {
    case QOQ_SPLIT_DIGIT:
        return next_digits(1, text, bytes);
    case QOQ_SPLIT_DIGITS:
        return next_digits(SIZE_MAX, text, bytes);
    case QOQ_SPLIT_GPT2:
        return next_gpt2(text, bytes);
    case QOQ_SPLIT_LLAMA3:
        return next_llama3(3, text, bytes);
    default:
        return next_llama3(1, text, bytes);
    }
}
