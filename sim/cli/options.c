/* SPDX-License-Identifier: Apache-2.0 */
/* Options that the subcommands of qoq-sim share. */
#include <config.h>

#include "sim/cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { WORK = 1000, SET, OVER, JSON, CSV, PLOT, TRACE, SENSITIVITY, CALIBRATE, PREFILL };

/* Options --NAME N that set a field of the workload. */
static const char *const work_options[] = {"batch",      "length",         "q-heads",  "kv-heads",
                                           "head-dim",   "input",          "output",   "max-batch",
                                           "tp",         "prefill-tokens", "requests", "rate",
                                           "input-most", "output-most",    "seed"};
enum { WORK_OPTIONS = sizeof work_options / sizeof work_options[0] };

static const struct option named_options[] = {
    {"gpu", required_argument, NULL, 'g'},
    {"scheme", required_argument, NULL, 's'},
    {"kv", required_argument, NULL, 'c'},
    {"model", required_argument, NULL, 'M'},
    {"set", required_argument, NULL, SET},
    {"over", required_argument, NULL, OVER},
    {"json", no_argument, NULL, JSON},
    {"csv", no_argument, NULL, CSV},
    {"plot", required_argument, NULL, PLOT},
    {"out", required_argument, NULL, 'o'},
    {"trace", required_argument, NULL, TRACE},
    {"prefill", no_argument, NULL, PREFILL},
    {"sensitivity", no_argument, NULL, SENSITIVITY},
    {"calibrate", no_argument, NULL, CALIBRATE},
    {"help", no_argument, NULL, 'h'},
};
enum { NAMED = sizeof named_options / sizeof named_options[0] };

static void all_options(struct option out[NAMED + WORK_OPTIONS + 1])
{
    memcpy(out, named_options, sizeof named_options);
    for (int i = 0; i < WORK_OPTIONS; i++) {
        out[NAMED + i] = (struct option){work_options[i], required_argument, NULL, WORK + 100 + i};
    }
    memset(&out[NAMED + WORK_OPTIONS], 0, sizeof out[0]);
}

/* "--q-heads 8" becomes the assignment "work.q_heads=8". */
static int add_work(struct qoq_sim_options *options, const char *name)
{
    if (options->sets == QOQ_SIM_MAX_REPEATS) {
        return qoq_cli_trouble("%s: more than %d settings", options->command, QOQ_SIM_MAX_REPEATS);
    }
    char *text = options->made[options->sets];
    int length = snprintf(text, sizeof options->made[0], "work.%s=%s", name, optarg);
    if (length < 0 || (size_t)length >= sizeof options->made[0]) {
        return qoq_cli_trouble("%s: --%s: \"%.20s...\" is not a number", options->command, name,
                               optarg);
    }
    for (char *dash = text; dash < strchr(text, '='); dash++) {
        *dash = *dash == '-' ? '_' : *dash;
    }
    options->set[options->sets++] = text;
    return -1;
}

static int add_text(const char **list, size_t *count, const char *command)
{
    if (*count == QOQ_SIM_MAX_REPEATS) {
        return qoq_cli_trouble("%s: more than %d settings", command, QOQ_SIM_MAX_REPEATS);
    }
    list[(*count)++] = optarg;
    return -1;
}

static int take_number_option(struct qoq_sim_options *options, int option)
{
    char letter[2] = {(char)option, '\0'};

    return add_work(options, option >= WORK + 100 ? work_options[option - WORK - 100] : letter);
}

static int take(struct qoq_sim_options *options, int option, const char *help, char **argv)
{
    switch (option) {
    case 'g':
        options->gpu = optarg;
        return -1;
    case 's':
        options->scheme = optarg;
        return -1;
    case 'c':
        options->kv = optarg;
        return -1;
    case 'M':
        options->model = optarg;
        return -1;
    case 'o':
        options->out = optarg;
        return -1;
    case SET:
        return add_text(options->set, &options->sets, options->command);
    case OVER:
        return add_text(options->over, &options->overs, options->command);
    case JSON:
        options->format = QOQ_SIM_JSON;
        return -1;
    case CSV:
        options->format = QOQ_SIM_CSV;
        return -1;
    case PLOT:
        options->plot = optarg;
        return -1;
    case TRACE:
        options->trace = optarg;
        return -1;
    case PREFILL:
        options->prefill = 1;
        return -1;
    case SENSITIVITY:
        options->sensitivity = 1;
        return -1;
    case CALIBRATE:
        options->calibrate = 1;
        return -1;
    case 'h':
        return qoq_cli_help(help);
    case '?':
    case ':':
        return qoq_cli_bad_option(options->command, argv);
    default:
        return take_number_option(options, option);
    }
}

int qoq_sim_options_read(struct qoq_sim_options *options, const char *command, const char *help,
                         int argc, char **argv)
{
    struct option table[NAMED + WORK_OPTIONS + 1];

    memset(options, 0, sizeof *options);
    options->format = QOQ_SIM_TEXT;
    options->command = command;
    options->gpu = "a100-80g-sxm";
    all_options(table);
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "g:s:c:M:m:n:k:o:h", table, NULL)) != -1;) {
        int status = take(options, option, help, argv);
        if (status >= 0) {
            return status;
        }
    }
    options->argument = optind;
    return -1;
}

int qoq_sim_options_load_as(struct qoq_sim_case *it, const struct qoq_sim_options *options,
                            const char *gpu, const char *scheme, const char *kv)
{
    struct qoq_error error;
    enum qoq_status status;
    const char *name[] = {gpu ? gpu : options->gpu, scheme ? scheme : options->scheme,
                          kv ? kv : options->kv, options->model};
    static const enum qoq_sim_kind kind[] = {QOQ_SIM_GPU, QOQ_SIM_SCHEME, QOQ_SIM_KV,
                                             QOQ_SIM_MODEL};

    qoq_sim_case_reset(it);
    it->work.batch = options->default_batch_fits ? 0 : it->work.batch;
    for (int i = 0; i < 4; i++) {
        if (name[i] && (status = qoq_sim_load(it, kind[i], name[i], &error)) != QOQ_OK) {
            return qoq_cli_trouble("%s", error.text);
        }
    }
    if (qoq_sim_load_scheme(&it->head, "fp16", &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    for (size_t i = 0; i < options->sets; i++) {
        if (qoq_sim_set(it, options->set[i], &error) != QOQ_OK) {
            return qoq_cli_trouble("%s", error.text);
        }
    }
    return -1;
}

int qoq_sim_options_load(struct qoq_sim_case *it, const struct qoq_sim_options *options)
{
    return qoq_sim_options_load_as(it, options, NULL, NULL, NULL);
}

int qoq_sim_split(char *names[QOQ_SIM_MAX_NAMES], char *list)
{
    int count = 0;

    for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
        if (count == QOQ_SIM_MAX_NAMES) {
            return -1;
        }
        names[count++] = name;
    }
    return count;
}

int qoq_sim_print(const struct qoq_sim_options *options, struct qoq_sim_table *table, size_t count)
{
    int status = qoq_sim_tables_print(table, count, options->format);

    for (size_t i = 0; i < count; i++) {
        qoq_sim_table_free(&table[i]);
    }
    return status != 0 ? qoq_cli_trouble("%s: out of memory", options->command)
                       : qoq_cli_finish(QOQ_EXIT_GOOD);
}
