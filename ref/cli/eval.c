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
#include "cli/machine.h"
#include "data/token_file.h"

static const char usage[] =
    "Usage: qoq %seval MODEL... --tokens FILE [OPTION]...\n"
    "Perplexity, size and speed of models. MODEL is a Hugging Face directory or a\n"
    "file made by 'qoq quantize'; FILE is a token file. One row a model.\n"
    "%s\n"
    "  -t, --tokens FILE     token file: each sequence is scored on its own\n"
    "  -n, --sequences N     only the first N sequences\n"
    "  -c, --chunk N         tokens of a sequence fed at once (default 256)\n"
    "  -b, --batch N         sequences fed side by side (default 1)\n"
    "  -p, --page N          tokens in a page of the KV cache (default 64)\n"
    "  -r, --reference MODEL compare logits with those of this model: mean divergence\n"
    "                        (nats), share of equal first choices, largest difference\n"
    "                        relative to the largest logit of its row\n"
    "      --csv             comma-separated values with a header\n"
    "      --digest          only print a SHA-256 over all logits of each model\n";
static const char promise[] =
    "  -h, --help            this text\n"
    "\n"
    "Results depend on the model and the tokens alone, to the last bit: not on chunk,\n"
    "batch, page, threads or machine.\n";

struct options {
    struct qoq_machine *machine;
    char command[16]; /* as in messages */
    const char *tokens, *reference;
    size_t sequences; /* 0: all */
    struct qoq_evaluation_plan plan;
    int csv, digest;
};

enum { OPTION_CSV = 256, OPTION_DIGEST };

static const struct option long_options[] = {
    {"tokens", required_argument, NULL, 't'}, {"sequences", required_argument, NULL, 'n'},
    {"chunk", required_argument, NULL, 'c'},  {"batch", required_argument, NULL, 'b'},
    {"page", required_argument, NULL, 'p'},   {"reference", required_argument, NULL, 'r'},
    {"csv", no_argument, NULL, OPTION_CSV},   {"digest", no_argument, NULL, OPTION_DIGEST},
    {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
};

static int print_help(const struct qoq_machine *machine)
{
    printf(usage, machine->prefix, machine->where);
    fputs(machine->help, stdout);
    return qoq_cli_help(promise);
}

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
    case 'r':
        options->reference = optarg;
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
            return qoq_cli_misuse(options->command,
                                  "option -%c: %s: not a number from 1 to 1048576", option, optarg);
        }
        return -1;
    case 'h':
        return print_help(options->machine);
    default:
        return option >= 1000 ? options->machine->take(options->machine, option)
                              : qoq_cli_bad_option(options->command, argv);
    }
}

static void print_header(const struct options *options)
{
    if (options->digest) {
        return;
    }
    if (options->csv) {
        printf("model,precision,group,tokens,scored,nll,perplexity,weight_bytes,linear_bytes,kv_"
               "bytes_per_token,tokens_per_second%s\n",
               options->reference != NULL ? ",divergence,agreement,worst_logit" : "");
    } else {
        printf("%-28s %-15s %5s %8s %10s %10s %12s %12s %9s %10s%s\n", "model", "precision",
               "group", "tokens", "nll", "perplexity", "weight bytes", "linear bytes", "KV B/tok",
               "tokens/s", options->reference != NULL ? " divergence  agreement worst logit" : "");
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

static void print_divergence(const struct options *options, const struct qoq_divergence *d)
{
    if (options->reference != NULL) {
        printf(options->csv ? ",%.9g,%.6f,%.3g" : " %10.6f %10.5f %11.3g", d->kl, d->agreement,
               d->worst);
    }
    putchar('\n');
}

/* The precision, or what a binary32 model imitates. */
static const char *precision_of(char text[32], const struct qoq_model *model)
{
    const struct qoq_simulation *s = &model->simulation;

    if (s->act_bits == 0 && s->kv_bits == 0) {
        return qoq_precision_name(model->precision);
    }
    snprintf(text, 32, "fp32~a%ukv%u", s->act_bits ? s->act_bits : 16,
             s->kv_bits ? s->kv_bits : 16);
    return text;
}

static void print_row(const struct options *options, const char *path,
                      const struct qoq_model *model, const struct qoq_evaluation *result)
{
    size_t linear, bytes = qoq_model_bytes(model, &linear);
    char text[32];
    const char *precision = precision_of(text, model);

    if (options->digest) {
        printf("%s  %s\n", result->digest, precision);
    } else if (options->csv) {
        print_csv_text(path);
        printf(",%s,%zu,%zu,%zu,%.9g,%.9g,%zu,%zu,%zu,%.1f", precision, model->group,
               result->tokens, result->scored, result->mean_nll, result->perplexity, bytes, linear,
               result->kv_bytes_per_token, result->tokens_per_second);
    } else {
        size_t length = strlen(path);
        const char *tail = length > 28 ? path + length - 25 : path;
        printf("%s%-*s %-15s %5zu %8zu %10.6f %10.5f %12zu %12zu %9zu %10.0f",
               length > 28 ? "..." : "", length > 28 ? 25 : 28, tail, precision, model->group,
               result->tokens, result->mean_nll, result->perplexity, bytes, linear,
               result->kv_bytes_per_token, result->tokens_per_second);
    }
    if (!options->digest) {
        print_divergence(options, &result->divergence);
    }
    fflush(stdout);
}

static int evaluate_model(const struct options *options, const char *path,
                          const struct qoq_token_file *tokens, const struct qoq_model *reference)
{
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_evaluation_plan plan = options->plan;
    struct qoq_evaluation result;
    struct qoq_loaded loaded;
    size_t sequences = options->sequences && options->sequences < tokens->sequences
                           ? options->sequences
                           : tokens->sequences;

    if (qoq_load(&loaded, path, &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    plan.reference = reference;
    plan.machine = options->machine;
    enum qoq_status status =
        qoq_evaluate_check(loaded.model, path, tokens, options->tokens, reference, &error);
    if (status == QOQ_OK) {
        status = qoq_evaluate(&result, loaded.model, tokens, sequences, &plan);
        if (status == QOQ_OK) {
            print_row(options, path, loaded.model, &result);
        } else {
            qoq_fail(&error, status, path, options->tokens, "%s",
                     qoq_machine_trouble(options->machine, status));
        }
    }
    qoq_loaded_free(&loaded);
    if (status == QOQ_OK) {
        return QOQ_EXIT_GOOD;
    }
    qoq_cli_trouble("%s", error.text);
    return status == QOQ_ERR_DIFFERS ? QOQ_EXIT_DIFFERS : QOQ_EXIT_TROUBLE;
}

/* Loads the reference, if there is one. */
static int load_reference(struct qoq_loaded *reference, const struct options *options)
{
    struct qoq_error error = {QOQ_OK, ""};

    memset(reference, 0, sizeof *reference);
    return options->reference == NULL || qoq_load(reference, options->reference, &error) == QOQ_OK
               ? QOQ_EXIT_GOOD
               : qoq_cli_trouble("%s", error.text);
}

static int evaluate_models(const struct options *options, const struct qoq_token_file *tokens,
                           char **path, int paths)
{
    struct qoq_loaded reference;
    int status =
        qoq_longest_sequence(tokens) < 2
            ? qoq_cli_trouble("%s: nothing to score: no sequence has two tokens", options->tokens)
            : load_reference(&reference, options);

    if (status != QOQ_EXIT_GOOD) {
        return status;
    }
    print_header(options);
    for (int i = 0; i < paths && status == QOQ_EXIT_GOOD; i++) {
        status = evaluate_model(options, path[i], tokens, reference.model);
    }
    qoq_loaded_free(&reference);
    return status;
}

int qoq_cli_eval(int argc, char **argv)
{
    return qoq_eval_on(&qoq_machine_reference, argc, argv);
}

int qoq_eval_on(struct qoq_machine *machine, int argc, char **argv)
{
    struct options options = {
        .machine = machine, .tokens = NULL, .plan = {.chunk = 256, .batch = 1, .page_tokens = 64}};
    struct qoq_error error = {QOQ_OK, ""};
    struct option list[QOQ_MACHINE_OPTIONS];
    struct qoq_token_file tokens;

    snprintf(options.command, sizeof options.command, "%seval", machine->prefix);
    qoq_machine_options(list, long_options, machine);
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "t:n:c:b:p:r:h", list, NULL)) != -1;) {
        int status = take_option(&options, option, argv);
        if (status >= 0) {
            return status;
        }
    }
    if (optind == argc) {
        return qoq_cli_misuse(options.command, "which model?");
    }
    if (options.tokens == NULL) {
        return qoq_cli_misuse(options.command, "which tokens? (--tokens FILE)");
    }
    int ready = qoq_machine_ready(machine);
    if (ready >= 0) {
        return ready;
    }
    if (qoq_token_file_read(&tokens, options.tokens, &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    int status = evaluate_models(&options, &tokens, argv + optind, argc - optind);
    qoq_token_file_free(&tokens);
    return qoq_cli_finish(status);
}
