/* SPDX-License-Identifier: Apache-2.0 */
/* qoq tokenize: a text to a token file (doc/formats.md 2). */
#include <config.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "data/file.h"
#include "data/sha256.h"
#include "data/token_file.h"
#include "data/tokenizer.h"

static const char help[] =
    "Usage: qoq tokenize MODEL TEXT -o FILE.tokens.h5 [OPTION]...\n"
    "Tokens of a text, for 'qoq eval' and calibration. MODEL is a Hugging Face\n"
    "directory or a tokenizer.json.\n"
    "\n"
    "The whole text is encoded once, with the first token of the tokenizer's template\n"
    "if it has one, and cut into sequences of equal length; what is left is dropped.\n"
    "\n"
    "  -o, --output FILE     the file to write; it appears only when complete\n"
    "  -l, --length N        tokens in a sequence (default 2048)\n"
    "  -n, --sequences N     only the first N sequences\n"
    "      --wikitext        TEXT is a wiki.*.raw of WikiText: join its rows by two\n"
    "                        newlines, as perplexities are usually given\n"
    "      --lines           each line that is not empty is a sequence, with a first\n"
    "                        token of its own and at most --length tokens\n"
    "      --no-first        without the first token of the template\n"
    "      --special         special tokens spelled in the text count as such\n"
    "  -h, --help            this text\n";

#define MAX_TEXT ((size_t)1 << 28)

struct options {
    const char *output;
    size_t length, sequences;
    int wikitext, lines, flags;
};

enum { OPTION_WIKITEXT = 256, OPTION_LINES, OPTION_NO_FIRST, OPTION_SPECIAL };

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"length", required_argument, NULL, 'l'},
    {"sequences", required_argument, NULL, 'n'},
    {"wikitext", no_argument, NULL, OPTION_WIKITEXT},
    {"lines", no_argument, NULL, OPTION_LINES},
    {"no-first", no_argument, NULL, OPTION_NO_FIRST},
    {"special", no_argument, NULL, OPTION_SPECIAL},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Takes one option; returns -1 to go on, otherwise an exit status. */
static int take_option(struct options *options, int option, char **argv)
{
    switch (option) {
    case 'o':
        options->output = optarg;
        return -1;
    case 'l':
    case 'n':
        return qoq_cli_parse_size(option == 'l' ? &options->length : &options->sequences, optarg, 1,
                                  1 << 24) == 0
                   ? -1
                   : qoq_cli_misuse("tokenize", "option -%c: %s: not a number from 1 to 16777216",
                                    option, optarg);
    case OPTION_WIKITEXT:
        options->wikitext = 1;
        return -1;
    case OPTION_LINES:
        options->lines = 1;
        return -1;
    case OPTION_NO_FIRST:
        options->flags &= ~QOQ_ENCODE_BOS;
        return -1;
    case OPTION_SPECIAL:
        options->flags |= QOQ_ENCODE_SPECIAL;
        return -1;
    case 'h':
        return qoq_cli_help(help);
    default:
        return qoq_cli_bad_option("tokenize", argv);
    }
}

/* The rows of WikiText joined by two newlines, in place of the text. A row keeps its own newline; a
 * row of one space is empty. */
static enum qoq_status join_rows(char **text, size_t *bytes, struct qoq_error *error)
{
    size_t rows = 0, out = 0, length;
    char *joined;

    for (size_t i = 0; i < *bytes; i++) {
        rows += (*text)[i] == '\n';
    }
    joined = malloc(*bytes + 2 * rows + 1);
    if (joined == NULL) {
        return qoq_fail_memory(error, NULL, NULL, *bytes + 2 * rows + 1);
    }
    for (size_t at = 0; at < *bytes; at += length) {
        const char *row = *text + at, *end = memchr(row, '\n', *bytes - at);
        length = end != NULL ? (size_t)(end - row) + 1 : *bytes - at;
        if (at > 0) {
            memcpy(joined + out, "\n\n", 2);
            out += 2;
        }
        if (length != 2 || memcmp(row, " \n", 2) != 0) {
            memcpy(joined + out, row, length);
            out += length;
        }
    }
    free(*text);
    *text = joined;
    *bytes = out;
    return QOQ_OK;
}

/* Sequences of equal length out of one encoding; takes the tokens over. */
static enum qoq_status cut(struct qoq_token_file *out, int32_t *token, size_t count,
                           const struct options *options, struct qoq_error *error)
{
    size_t sequences = count / options->length;

    out->token = token;
    if (sequences == 0) {
        return qoq_fail(error, QOQ_ERR_SHAPE, NULL, "length", "the text has only %zu tokens",
                        count);
    }
    if (options->sequences > 0 && options->sequences < sequences) {
        sequences = options->sequences;
    }
    out->offset = malloc((sequences + 1) * sizeof *out->offset);
    if (out->offset == NULL) {
        return qoq_fail_memory(error, NULL, NULL, (sequences + 1) * sizeof *out->offset);
    }
    for (size_t i = 0; i <= sequences; i++) {
        out->offset[i] = (int64_t)(i * options->length);
    }
    out->sequences = sequences;
    return QOQ_OK;
}

/* Adds a line as a sequence; there must be room for its offset. */
static enum qoq_status add_line(struct qoq_token_file *out, const struct qoq_tokenizer *tokenizer,
                                const char *line, size_t bytes, const struct options *options,
                                struct qoq_error *error)
{
    size_t before = (size_t)out->offset[out->sequences], count;
    int32_t *token, *grown;
    enum qoq_status status =
        qoq_tokenizer_encode(&token, &count, tokenizer, line, bytes, options->flags, error);

    if (status != QOQ_OK) {
        return status;
    }
    if (count > options->length) {
        count = options->length;
    }
    grown = realloc(out->token, (before + count + 1) * sizeof *grown);
    if (grown == NULL) {
        free(token);
        return qoq_fail_memory(error, NULL, NULL, (before + count + 1) * sizeof *grown);
    }
    memcpy(grown + before, token, count * sizeof *grown);
    free(token);
    out->token = grown;
    out->offset[++out->sequences] = (int64_t)(before + count);
    return QOQ_OK;
}

static enum qoq_status add_lines(struct qoq_token_file *out, const struct qoq_tokenizer *tokenizer,
                                 const char *text, size_t bytes, const struct options *options,
                                 struct qoq_error *error)
{
    size_t lines = 1, most = options->sequences > 0 ? options->sequences : SIZE_MAX, length;
    enum qoq_status status = QOQ_OK;

    for (size_t i = 0; i < bytes; i++) {
        lines += text[i] == '\n';
    }
    out->offset = calloc(lines + 1, sizeof *out->offset);
    if (out->offset == NULL) {
        return qoq_fail_memory(error, NULL, NULL, (lines + 1) * sizeof *out->offset);
    }
    for (size_t at = 0; at < bytes && out->sequences < most && status == QOQ_OK; at += length + 1) {
        const char *end = memchr(text + at, '\n', bytes - at);
        length = end != NULL ? (size_t)(end - text) - at : bytes - at;
        if (length > 0) {
            status = add_line(out, tokenizer, text + at, length, options, error);
        }
    }
    if (status == QOQ_OK && out->sequences == 0) {
        status = qoq_fail(error, QOQ_ERR_SHAPE, NULL, "lines", "the text has none");
    }
    return status;
}

static char *copy(const char *text)
{
    char *out = malloc(strlen(text) + 1);

    return out != NULL ? strcpy(out, text) : NULL;
}

/* Where the tokens come from. */
static enum qoq_status describe(struct qoq_token_file *out, const struct qoq_tokenizer *tokenizer,
                                const char *path, const char *text, size_t bytes,
                                struct qoq_error *error)
{
    const char *slash = strrchr(path, '/');
    char sum[65];

    qoq_sha256_hex(sum, text, bytes);
    out->vocab = qoq_tokenizer_vocab(tokenizer);
    out->tokenizer = copy(qoq_tokenizer_sha256(tokenizer));
    out->source = copy(slash != NULL ? slash + 1 : path);
    out->source_sha256 = copy(sum);
    if (out->tokenizer == NULL || out->source == NULL || out->source_sha256 == NULL) {
        return qoq_fail_memory(error, NULL, NULL, sizeof sum);
    }
    return QOQ_OK;
}

static enum qoq_status make_tokens(struct qoq_token_file *out,
                                   const struct qoq_tokenizer *tokenizer, const char *path,
                                   const struct options *options, struct qoq_error *error)
{
    char *text;
    size_t bytes, count;
    int32_t *token;
    enum qoq_status status = qoq_file_read(&text, &bytes, path, MAX_TEXT, error);

    if (status != QOQ_OK) {
        return status;
    }
    if (options->wikitext) {
        status = join_rows(&text, &bytes, error);
    }
    if (status == QOQ_OK) {
        status = describe(out, tokenizer, path, text, bytes, error);
    }
    if (status == QOQ_OK && options->lines) {
        status = add_lines(out, tokenizer, text, bytes, options, error);
    } else if (status == QOQ_OK) {
        status =
            qoq_tokenizer_encode(&token, &count, tokenizer, text, bytes, options->flags, error);
        if (status == QOQ_OK) {
            status = cut(out, token, count, options, error);
        }
    }
    free(text);
    return status;
}

static int run(const struct options *options, const char *model, const char *path)
{
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_token_file tokens = {0};
    struct qoq_tokenizer *tokenizer;
    int status = QOQ_EXIT_GOOD;

    if (qoq_tokenizer_load(&tokenizer, model, &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    if (make_tokens(&tokens, tokenizer, path, options, &error) != QOQ_OK) {
        status = strstr(error.text, path) == error.text
                     ? qoq_cli_trouble("%s", error.text)
                     : qoq_cli_trouble("%s: %s", path, error.text);
    } else if (qoq_token_file_write(options->output, &tokens, &error) != QOQ_OK) {
        status = qoq_cli_trouble("%s", error.text);
    } else {
        fprintf(stderr, "%s: %zu sequences, %lld tokens\n", options->output, tokens.sequences,
                (long long)tokens.offset[tokens.sequences]);
    }
    qoq_token_file_free(&tokens);
    qoq_tokenizer_free(tokenizer);
    return status;
}

int qoq_cli_tokenize(int argc, char **argv)
{
    struct options options = {.length = 2048, .flags = QOQ_ENCODE_BOS};

    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "o:l:n:h", long_options, NULL)) != -1;) {
        int status = take_option(&options, option, argv);
        if (status >= 0) {
            return status;
        }
    }
    if (optind != argc - 2) {
        return qoq_cli_misuse("tokenize", "which model and which text?");
    }
    if (options.output == NULL) {
        return qoq_cli_misuse("tokenize", "where to? (--output FILE)");
    }
    if (options.wikitext && options.lines) {
        return qoq_cli_misuse("tokenize", "--wikitext or --lines, not both");
    }
    return qoq_cli_finish(run(&options, argv[optind], argv[optind + 1]));
}
