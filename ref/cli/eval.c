/* SPDX-License-Identifier: Apache-2.0 */
/* qoq eval: perplexity, size and speed of models over a token file (N 12.4), and a digest over
 * their logits. */
#include <config.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/evaluate.h"
#include "cli/load.h"
#include "data/token_file.h"

static const char help[] =
    "Usage: qoq eval MODEL... --tokens FILE [OPTION]...\n"
    "Perplexity, size and speed of models. MODEL is a Hugging Face directory or a\n"
    "file made by 'qoq quantize'; FILE is a token file. One row a model.\n"
    "\n"
    "  -t, --tokens FILE     token file: each sequence is scored on its own\n"
    "  -n, --sequences N     only the first N sequences\n"
    "  -c, --chunk N         tokens of a sequence fed at once (default 256)\n"
    "  -b, --batch N         sequences fed side by side (default 1)\n"
    "  -p, --page N          tokens in a page of the KV cache (default 64)\n"
    "      --csv             comma-separated values with a header\n"
    "      --digest          only print a SHA-256 over all logits of each model\n"
    "  -h, --help            this text\n"
    "\n"
    "Results depend on the model and the tokens alone, to the last bit: not on chunk,\n"
    "batch, page, threads or machine.\n";

struct options {
    const char *tokens;
    size_t sequences; /* 0: all */
    struct qoq_evaluation_plan plan;
    int csv, digest;
};

enum { OPTION_CSV = 256, OPTION_DIGEST };

static const struct option long_options[] = {
    {"tokens", required_argument, NULL, 't'},
    {"sequences", required_argument, NULL, 'n'},
    {"chunk", required_argument, NULL, 'c'},
    {"batch", required_argument, NULL, 'b'},
    {"page", required_argument, NULL, 'p'},
    {"csv", no_argument, NULL, OPTION_CSV},
    {"digest", no_argument, NULL, OPTION_DIGEST},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Takes one option; returns -1 to go on, otherwise an exit status. */
static int take_option(struct options *options, int option, char **argv)
{
    size_t *number = option == 'n'   ? &options->sequences
                     : option == 'c' ? &options->plan.chunk
                     : option == 'b' ? &options->plan.batch
                                     : &options->plan.page_tokens;

    switch (option) {
    case 't':
        options->tokens = optarg;
        return -1;
    case OPTION_CSV:
        options->csv = 1;
        return -1;
    case OPTION_DIGEST:
        options->digest = options->plan.digest = 1;
        return -1;
    case 'n':
    case 'c':
    case 'b':
    case 'p':
        if (qoq_cli_parse_size(number, optarg, 1, 1 << 20) != 0) {
            return qoq_cli_misuse("eval", "option -%c: %s: not a number from 1 to 1048576", option,
                                  optarg);
        }
        return -1;
    case 'h':
        return qoq_cli_help(help);
    default:
        return qoq_cli_bad_option("eval", argv);
    }
}

static void print_header(const struct options *options)
{
    if (options->digest) {
        return;
    }
    if (options->csv) {
        puts("model,precision,group,tokens,scored,nll,perplexity,weight_bytes,linear_bytes,kv_"
             "bytes_per_token,tokens_per_second");
    } else {
        printf("%-28s %-15s %5s %8s %10s %10s %12s %12s %9s %10s\n", "model", "precision", "group",
               "tokens", "nll", "perplexity", "weight bytes", "linear bytes", "KV B/tok",
               "tokens/s");
    }
}

/* A field of a CSV row; quoted where it must be (RFC 4180). */
static void print_csv_text(const char *text)
{
    if (strpbrk(text, ",\"\n\r") == NULL) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            putchar('"');
        }
        putchar(*text);
    }
    putchar('"');
}

static void print_row(const struct options *options, const char *path,
                      const struct qoq_model *model, const struct qoq_evaluation *result)
{
    size_t linear, bytes = qoq_model_bytes(model, &linear);
    const char *precision = qoq_precision_name(model->precision);

    if (options->digest) {
        printf("%s  %s\n", result->digest, precision);
    } else if (options->csv) {
        print_csv_text(path);
        printf(",%s,%zu,%zu,%zu,%.9g,%.9g,%zu,%zu,%zu,%.1f\n", precision, model->group,
               result->tokens, result->scored, result->mean_nll, result->perplexity, bytes, linear,
               result->kv_bytes_per_token, result->tokens_per_second);
    } else {
        size_t length = strlen(path);
        const char *tail = length > 28 ? path + length - 25 : path;
        printf("%s%-*s %-15s %5zu %8zu %10.6f %10.5f %12zu %12zu %9zu %10.0f\n",
               length > 28 ? "..." : "", length > 28 ? 25 : 28, tail, precision, model->group,
               result->tokens, result->mean_nll, result->perplexity, bytes, linear,
               result->kv_bytes_per_token, result->tokens_per_second);
    }
    fflush(stdout);
}

static size_t longest_sequence(const struct qoq_token_file *tokens)
{
    int64_t most = 0;

    for (size_t s = 0; s < tokens->sequences; s++) {
        int64_t length = tokens->offset[s + 1] - tokens->offset[s];
        most = length > most ? length : most;
    }
    return (size_t)most;
}

static int evaluate_model(const struct options *options, const char *path,
                          const struct qoq_token_file *tokens)
{
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_loaded loaded;
    struct qoq_evaluation result;

    if (qoq_load(&loaded, path, &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    int status = QOQ_EXIT_GOOD;
    size_t longest = longest_sequence(tokens), positions = loaded.model->config.max_positions;
    if (longest > positions) {
        status = qoq_cli_trouble("%s: a sequence of %zu tokens, the model %s has %zu positions",
                                 options->tokens, longest, path, positions);
    } else if (tokens->vocab > loaded.model->config.vocab) {
        status =
            qoq_cli_trouble("%s: vocab: the tokens are from a vocabulary of %zu, the model has %zu",
                            options->tokens, tokens->vocab, loaded.model->config.vocab);
    } else {
        size_t sequences = options->sequences && options->sequences < tokens->sequences
                               ? options->sequences
                               : tokens->sequences;
        enum qoq_status evaluated =
            qoq_evaluate(&result, loaded.model, tokens, sequences, &options->plan);
        if (evaluated != QOQ_OK) {
            status =
                qoq_cli_trouble("%s: %s: %s", path, options->tokens, qoq_status_string(evaluated));
        } else {
            print_row(options, path, loaded.model, &result);
        }
    }
    qoq_loaded_free(&loaded);
    return status;
}

int qoq_cli_eval(int argc, char **argv)
{
    struct options options = {.tokens = NULL,
                              .plan = {.chunk = 256, .batch = 1, .page_tokens = 64}};
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_token_file tokens;

    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "t:n:c:b:p:h", long_options, NULL)) != -1;) {
        int status = take_option(&options, option, argv);
        if (status >= 0) {
            return status;
        }
    }
    if (optind == argc) {
        return qoq_cli_misuse("eval", "which model?");
    }
    if (options.tokens == NULL) {
        return qoq_cli_misuse("eval", "which tokens? (--tokens FILE)");
    }
    if (qoq_token_file_read(&tokens, options.tokens, &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    int status =
        longest_sequence(&tokens) < 2
            ? qoq_cli_trouble("%s: nothing to score: no sequence has two tokens", options.tokens)
            : QOQ_EXIT_GOOD;
    if (status == QOQ_EXIT_GOOD) {
        print_header(&options);
    }
    for (int i = optind; i < argc && status == QOQ_EXIT_GOOD; i++) {
        status = evaluate_model(&options, argv[i], &tokens);
    }
    qoq_token_file_free(&tokens);
    return qoq_cli_finish(status);
}
