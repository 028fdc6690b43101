/* SPDX-License-Identifier: Apache-2.0 */
/* qoq generate: text from a model, greedy or sampled with a seed (N 12.5). */
#include <config.h>

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/load.h"
#include "cli/machine.h"

static const char usage[] =
    "Usage: qoq %sgenerate MODEL [OPTION]...\n"
    "Text from a model: a Hugging Face directory or a file made by 'qoq quantize'.\n"
    "%s\n"
    "  -p, --prompt TEXT      text to go on from (default: none)\n"
    "  -l, --length N         tokens to add at most (default 256)\n"
    "  -T, --temperature T    0: always the likeliest token (default); up to 100\n"
    "  -k, --top-k N          only the N likeliest tokens (default: all)\n"
    "  -s, --seed N           seed of the draws (default 1)\n"
    "      --special          special tokens spelled in the prompt count as such,\n"
    "                         e.g. <|im_end|>; otherwise they are text\n"
    "      --ids              print token ids instead of text\n";
static const char promise[] =
    "  -h, --help             this text\n"
    "\n"
    "The same model, prompt and seed give the same text on every machine.\n";

struct options {
    struct qoq_machine *machine;
    char command[16]; /* as in messages */
    const char *prompt;
    size_t length;
    struct qoq_sampling sampling;
    int ids, special;
};

enum { OPTION_IDS = 256, OPTION_SPECIAL };

static const struct option long_options[] = {
    {"prompt", required_argument, NULL, 'p'},
    {"length", required_argument, NULL, 'l'},
    {"temperature", required_argument, NULL, 'T'},
    {"top-k", required_argument, NULL, 'k'},
    {"seed", required_argument, NULL, 's'},
    {"ids", no_argument, NULL, OPTION_IDS},
    {"special", no_argument, NULL, OPTION_SPECIAL},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int print_help(const struct qoq_machine *machine)
{
    printf(usage, machine->prefix, machine->where);
    fputs(machine->help, stdout);
    return qoq_cli_help(promise);
}

static int misuse(const struct options *options, const char *what, const char *value,
                  const char *why)
{
    return qoq_cli_misuse(options->command, "%s: %s: %s", what, value, why);
}

/* Takes one option; returns -1 to go on, otherwise an exit status. */
static int take_option(struct options *options, int option, char **argv)
{
    switch (option) {
    case 'p':
        options->prompt = optarg;
        return -1;
    case 'l':
        return qoq_cli_parse_size(&options->length, optarg, 1, 1 << 24) == 0
                   ? -1
                   : misuse(options, "length", optarg, "not a number from 1 to 16777216");
    case 'T':
        return qoq_cli_parse_float(&options->sampling.temperature, optarg, 0, 100) == 0
                   ? -1
                   : misuse(options, "temperature", optarg, "not a number from 0 to 100");
    case 'k':
        return qoq_cli_parse_size(&options->sampling.top_k, optarg, 1, 1 << 24) == 0
                   ? -1
                   : misuse(options, "top-k", optarg, "not a number from 1 to 16777216");
    case 's':
        return qoq_cli_parse_u64(&options->sampling.seed, optarg) == 0
                   ? -1
                   : misuse(options, "seed", optarg, "not a number below 2^64");
    case OPTION_IDS:
        options->ids = 1;
        return -1;
    case OPTION_SPECIAL:
        options->special = 1;
        return -1;
    case 'h':
        return print_help(options->machine);
    default:
        return option >= 1000 ? options->machine->take(options->machine, option)
                              : qoq_cli_bad_option(options->command, argv);
    }
}

/* A text being made: ids so far, and whether anything was printed (the first space of a text is
 * not). */
struct text {
    const struct options *options;
    const struct qoq_tokenizer *tokenizer;
    int32_t *id;
    size_t count, printed;
};

static void print_token(struct text *text, int32_t id)
{
    const char *piece;
    size_t bytes;

    if (text->options->ids) {
        printf("%s%d", text->printed++ ? " " : "", (int)id);
        return;
    }
    qoq_tokenizer_piece(&piece, &bytes, text->tokenizer, id);
    if (bytes > 0 && text->printed == 0 && piece[0] == ' ' &&
        qoq_tokenizer_drops_space(text->tokenizer)) {
        piece++;
        bytes--;
    }
    text->printed += bytes;
    fwrite(piece, 1, bytes, stdout);
    fflush(stdout);
}

/* The prompt as tokens, with the model's first token in front, in an array with room for what is to
 * come: capacity becomes the length of the finished text. */
static enum qoq_status encode_prompt(struct text *text, const struct qoq_config *config,
                                     size_t *capacity, struct qoq_error *error)
{
    const char *prompt = text->options->prompt;
    int flags = QOQ_ENCODE_BOS | (text->options->special ? QOQ_ENCODE_SPECIAL : 0);
    int32_t *id = NULL;
    size_t count = 0;

    if (prompt != NULL && prompt[0] != '\0') {
        enum qoq_status status = qoq_tokenizer_encode(&id, &count, text->tokenizer, prompt,
                                                      strlen(prompt), flags, error);
        if (status != QOQ_OK) {
            return status;
        }
    }
    text->count = count > 0 ? count : 1;
    if (text->count >= config->max_positions) {
        free(id);
        return qoq_fail(error, QOQ_ERR_SHAPE, NULL, "prompt",
                        "%zu tokens, the model has %zu positions", count, config->max_positions);
    }
    size_t room = config->max_positions - text->count;
    *capacity = text->count + (text->options->length < room ? text->options->length : room);
    text->id = malloc(*capacity * sizeof *text->id);
    if (text->id == NULL) {
        free(id);
        return qoq_fail_memory(error, NULL, "prompt", *capacity * sizeof *text->id);
    }
    text->id[0] = config->bos >= 0 ? config->bos : 0;
    if (count > 0) {
        memcpy(text->id, id, count * sizeof *id);
    }
    free(id);
    return QOQ_OK;
}

/* The token after what is fed: *next. logits: [2][vocab]. */
static enum qoq_status next_token(int32_t *next, const struct text *text,
                                  const struct qoq_runner *runner, float *logits, size_t vocab,
                                  const struct qoq_segment *segment)
{
    const struct qoq_sampling *sampling = &text->options->sampling;
    enum qoq_status status;

    if (sampling->temperature == 0 && runner->choose != NULL) {
        return runner->choose(runner->self, next, segment, 1);
    }
    status = runner->step(runner->self, logits, segment, 1, 0);
    if (status == QOQ_OK) {
        *next = qoq_sample(logits + vocab, logits, vocab, text->count, sampling);
    }
    return status;
}

/* Decodes until the text is full or the model ends it. */
static enum qoq_status decode(struct text *text, const struct qoq_config *config,
                              const struct qoq_runner *runner, float *logits, size_t capacity)
{
    struct qoq_segment segment = {0, text->count, text->id};

    while (text->count < capacity) {
        int32_t next;
        enum qoq_status status = next_token(&next, text, runner, logits, config->vocab, &segment);
        if (status != QOQ_OK) {
            return status;
        }
        if (next < 0) {
            return QOQ_ERR_RANGE;
        }
        if (next == config->eos || next == config->bos) {
            return QOQ_OK;
        }
        text->id[text->count] = next;
        segment = (struct qoq_segment){0, 1, &text->id[text->count++]};
        print_token(text, next);
    }
    return QOQ_OK;
}

/* Prompt and what follows it. */
static int write_text(struct text *text, const struct qoq_config *config,
                      const struct qoq_runner *runner, float *logits, size_t capacity,
                      const char *path)
{
    double began = qoq_cli_seconds();

    for (size_t i = 0; i < text->count; i++) {
        print_token(text, text->id[i]);
    }
    enum qoq_status decoded = decode(text, config, runner, logits, capacity);
    putchar('\n');
    if (decoded != QOQ_OK) {
        return qoq_machine_failed(text->options->machine, path, decoded);
    }
    double seconds = qoq_cli_seconds() - began;
    fflush(stdout);
    fprintf(stderr, "%zu tokens, %.2f s, %.0f tokens/s\n", text->count, seconds,
            (double)text->count / seconds);
    return QOQ_EXIT_GOOD;
}

static int run(struct text *text, const struct qoq_model *model, const char *path)
{
    struct qoq_machine *machine = text->options->machine;
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_runner runner = {NULL, NULL, NULL, NULL, NULL};
    float *logits = malloc(2 * model->config.vocab * sizeof *logits);
    size_t capacity = 0;
    int status;

    if (encode_prompt(text, &model->config, &capacity, &error) != QOQ_OK) {
        status = qoq_cli_trouble("%s", error.text);
    } else if (logits == NULL) {
        status = qoq_cli_trouble("%s: not enough memory", path);
    } else {
        enum qoq_status opened = machine->open(&runner, machine, model, 1, capacity, 64);
        status = opened != QOQ_OK
                     ? qoq_machine_failed(machine, path, opened)
                     : write_text(text, &model->config, &runner, logits, capacity, path);
    }
    if (runner.self != NULL) {
        runner.close(runner.self);
    }
    free(text->id);
    free(logits);
    return status;
}

int qoq_cli_generate(int argc, char **argv)
{
    return qoq_generate_on(&qoq_machine_reference, argc, argv);
}

int qoq_generate_on(struct qoq_machine *machine, int argc, char **argv)
{
    struct options options = {
        .machine = machine, .length = 256, .sampling = {.temperature = 0, .top_k = 0, .seed = 1}};
    struct qoq_error error = {QOQ_OK, ""};
    struct option list[QOQ_MACHINE_OPTIONS];
    struct qoq_loaded loaded;

    snprintf(options.command, sizeof options.command, "%sgenerate", machine->prefix);
    qoq_machine_options(list, long_options, machine);
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "p:l:T:k:s:h", list, NULL)) != -1;) {
        int status = take_option(&options, option, argv);
        if (status >= 0) {
            return status;
        }
    }
    if (optind != argc - 1) {
        return qoq_cli_misuse(options.command, optind == argc ? "which model?" : "one model only");
    }
    const char *path = argv[optind];
    int ready = qoq_machine_ready(machine);
    if (ready >= 0) {
        return ready;
    }
    if (qoq_load(&loaded, path, &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    struct text text = {.options = &options, .tokenizer = loaded.tokenizer};
    int status = loaded.tokenizer == NULL ? qoq_cli_trouble("%s", loaded.tokenizer_trouble.text)
                                          : run(&text, loaded.model, path);
    qoq_loaded_free(&loaded);
    return qoq_cli_finish(status);
}
