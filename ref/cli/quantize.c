/* SPDX-License-Identifier: Apache-2.0 */
/* qoq quantize: a Hugging Face directory to a quantized model file. */
#include <config.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/load.h"
#include "cli/quantize_job.h"
#include "cli/recipe_options.h"
#include "cli/report.h"

static const char help[] =
    "Usage: qoq quantize MODEL -o OUT.h5 [OPTION]...\n"
    "Quantizes a model (Hugging Face directory, or a binary32 file of ours) and\n"
    "writes one self-contained HDF5 file. Layer by layer: memory holds one layer, and\n"
    "a run that was killed goes on from OUT.h5.work.\n"
    "\n"
    "  -o, --output FILE    the file to write; it appears only when complete\n"
    "  -s, --scheme NAME    w4a8kv4 (default) or w8a8kv8, run in integers; other\n"
    "                       widths of 4, 8 and 16 bits with W4 or W16, such as\n"
    "                       w4a16, are imitated in binary32\n"
    "  -g, --group N        4-bit weights: input channels in a group, a multiple of\n"
    "                       32 (default: one scale per output channel)\n"
    "  -c, --calibration F  token file with the calibration text\n"
    "  -m, --method NAME    qoq (default with --calibration), rtn (default without),\n"
    "                       smoothquant, gptq, awq, quarot, atom\n"
    "      --steps LIST     instead of a method, any of: rotate[=signs],\n"
    "                       rotate-heads, smooth-input[=ALPHA|=awq], reorder,\n"
    "                       smooth-attention[=ALPHA|=search], smooth-output[=ALPHA],\n"
    "                       clip, gptq[=DAMP]; or none\n"
    "      --seed N         of the signs of rotate=signs (default 0)\n"
    "      --post-zero      w4a8kv4: zero points after the scale (imitated)\n"
    "  -n, --sequences N    calibration: at most N pieces of text (default 32)\n"
    "  -l, --length N       calibration: tokens in a piece (default 512)\n"
    "      --restart        forget what an earlier run left in OUT.h5.work\n"
    "      --report FILE    error of every linear layer before and after, CSV\n"
    "  -v, --verbose        error statistics of every linear layer\n"
    "  -h, --help           this text\n";

enum { OPTION_STEPS = 256, OPTION_SEED, OPTION_POST, OPTION_RESTART, OPTION_REPORT };

struct options {
    struct qoq_quantize_job job;
    const char *scheme, *steps;
    size_t group;
    uint64_t seed;
    int post_zero, verbose;
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"scheme", required_argument, NULL, 's'},
    {"group", required_argument, NULL, 'g'},
    {"calibration", required_argument, NULL, 'c'},
    {"method", required_argument, NULL, 'm'},
    {"steps", required_argument, NULL, OPTION_STEPS},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"post-zero", no_argument, NULL, OPTION_POST},
    {"sequences", required_argument, NULL, 'n'},
    {"length", required_argument, NULL, 'l'},
    {"restart", no_argument, NULL, OPTION_RESTART},
    {"report", required_argument, NULL, OPTION_REPORT},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int take_number(struct options *options, int option)
{
    switch (option) {
    case 'g':
        if (qoq_cli_parse_size(&options->group, optarg, 32, 131072) != 0 ||
            options->group % 32 != 0) {
            return qoq_cli_misuse("quantize", "group: %s: not a multiple of 32 from 32 to 131072",
                                  optarg);
        }
        return -1;
    case OPTION_SEED:
        return qoq_cli_parse_u64(&options->seed, optarg) == 0
                   ? -1
                   : qoq_cli_misuse("quantize", "seed: %s: not a number", optarg);
    default:
        return qoq_cli_parse_size(option == 'n' ? &options->job.sequences : &options->job.length,
                                  optarg, option == 'n' ? 1 : 2, 1 << 20) == 0
                   ? -1
                   : qoq_cli_misuse("quantize", "%s: %s: not a number up to 1048576",
                                    option == 'n' ? "sequences" : "length", optarg);
    }
}

/* Takes one option; returns -1 to go on, otherwise an exit status. */
static int take_option(struct options *options, int option, char **argv)
{
    switch (option) {
    case 'o':
        options->job.output = optarg;
        return -1;
    case 's':
        options->scheme = optarg;
        return -1;
    case 'c':
        options->job.tokens = optarg;
        return -1;
    case 'm':
        options->job.method = optarg;
        return -1;
    case OPTION_STEPS:
        options->steps = optarg;
        return -1;
    case OPTION_POST:
        options->post_zero = 1;
        return -1;
    case OPTION_RESTART:
        options->job.restart = 1;
        return -1;
    case OPTION_REPORT:
        options->job.report = optarg;
        return -1;
    case 'g':
    case OPTION_SEED:
    case 'n':
    case 'l':
        return take_number(options, option);
    case 'v':
        options->verbose = 1;
        return -1;
    case 'h':
        return qoq_cli_help(help);
    default:
        return qoq_cli_bad_option("quantize", argv);
    }
}

static int set_scheme(struct options *options)
{
    struct qoq_recipe *recipe = &options->job.recipe;

    if (qoq_recipe_set_scheme(recipe, options->scheme, options->group) != 0) {
        return qoq_cli_misuse("quantize", "scheme: %s%s: not one that this program knows",
                              options->scheme, options->group ? " with --group" : "");
    }
    if (options->post_zero) {
        if (recipe->grid != QOQ_GRID_W4_GROUP && recipe->grid != QOQ_GRID_W4_CHANNEL) {
            return qoq_cli_misuse("quantize", "--post-zero: only with scheme w4a8kv4");
        }
        recipe->grid = QOQ_GRID_W4_POST;
    }
    return -1;
}

static int set_steps(struct options *options)
{
    struct qoq_recipe *recipe = &options->job.recipe;
    size_t length;

    if (options->steps != NULL && options->job.method != NULL) {
        return qoq_cli_misuse("quantize", "--method or --steps, not both");
    }
    if (options->steps != NULL) {
        const char *bad = qoq_recipe_set_steps(recipe, options->steps, &length);
        if (bad != NULL) {
            return qoq_cli_misuse("quantize", "steps: %.*s: no such step or value", (int)length,
                                  bad);
        }
        options->job.method = "steps";
    } else {
        if (options->job.method == NULL) {
            options->job.method = options->job.tokens != NULL ? "qoq" : "rtn";
        }
        if (qoq_recipe_method(recipe, options->job.method) != QOQ_OK) {
            return qoq_cli_misuse("quantize", "method: %s: no such method", options->job.method);
        }
    }
    recipe->seed = options->seed;
    return -1;
}

/* Whether weights can be compared one by one with those of the model. */
static int keeps_weights(const struct qoq_recipe *recipe)
{
    return !qoq_recipe_needs_tokens(recipe) && recipe->rotation == QOQ_ROTATION_NONE &&
           !recipe->rotate_heads && qoq_recipe_precision(recipe) != QOQ_FP32;
}

/* The recipe of the options; returns -1 to go on, otherwise an exit status. */
static int make_recipe(struct options *options)
{
    const char *reason;
    int status = set_scheme(options);

    status = status >= 0 ? status : set_steps(options);
    if (status >= 0) {
        return status;
    }
    if (qoq_recipe_check(&options->job.recipe, NULL, &reason) != QOQ_OK) {
        return qoq_cli_misuse("quantize", "%s", reason);
    }
    if (options->verbose && !keeps_weights(&options->job.recipe)) {
        return qoq_cli_misuse("quantize",
                              "--verbose: %s changes the weights before it rounds "
                              "them: see --report",
                              options->job.method);
    }
    int report = options->job.report != NULL;
    if (!report && !qoq_recipe_needs_tokens(&options->job.recipe)) {
        options->job.tokens = NULL;
    } else if (options->job.tokens == NULL) {
        return qoq_cli_misuse("quantize", "%s needs a text (--calibration TOKENS)",
                              report ? "--report" : options->job.method);
    }
    return -1;
}

static int compare_weights(const struct qoq_quantize_job *job)
{
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_loaded made, original;

    if (qoq_load_file(&made, job->output, &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    int status = qoq_load(&original, job->model, &error) == QOQ_OK
                     ? QOQ_EXIT_GOOD
                     : qoq_cli_trouble("%s", error.text);
    if (status == QOQ_EXIT_GOOD) {
        status = qoq_report_linears(original.model, made.model);
        qoq_loaded_free(&original);
    }
    qoq_loaded_free(&made);
    return status;
}

int qoq_cli_quantize(int argc, char **argv)
{
    struct options options = {.scheme = "w4a8kv4", .job = {.sequences = 32, .length = 512}};

    opterr = 0;
    for (int option;
         (option = getopt_long(argc, argv, "o:s:g:c:m:n:l:vh", long_options, NULL)) != -1;) {
        int status = take_option(&options, option, argv);
        if (status >= 0) {
            return status;
        }
    }
    if (optind != argc - 1) {
        return qoq_cli_misuse("quantize", optind == argc ? "which model?" : "one model only");
    }
    if (options.job.output == NULL || options.job.output[0] == '\0') {
        return qoq_cli_misuse("quantize", "where to? (--output FILE)");
    }
    options.job.model = argv[optind];
    int status = make_recipe(&options);
    if (status >= 0) {
        return status;
    }
    status = qoq_quantize_job_run(&options.job);
    if (status == QOQ_EXIT_GOOD && options.verbose) {
        status = compare_weights(&options.job);
    }
    return qoq_cli_finish(status);
}
