/* SPDX-License-Identifier: Apache-2.0 */
/* qoq quantize: a Hugging Face directory to a quantized model file. */
#include <config.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/load.h"
#include "cli/report.h"
#include "cli/store.h"

static const char help[] =
    "Usage: qoq quantize MODEL -o OUT.h5 [OPTION]...\n"
    "Quantizes a Hugging Face model directory (config.json, safetensors) by rounding\n"
    "to nearest and writes one self-contained HDF5 file.\n"
    "\n"
    "  -o, --output FILE    the file to write; it appears only when complete\n"
    "  -s, --scheme NAME    w4a8kv4 (default) or w8a8kv8\n"
    "  -g, --group N        w4a8kv4: input channels in a group, a multiple of 32\n"
    "                       (default: one scale per output channel)\n"
    "  -v, --verbose        error statistics of every linear layer\n"
    "  -h, --help           this text\n";

struct options {
    const char *output, *scheme;
    size_t group;
    int verbose;
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'}, {"scheme", required_argument, NULL, 's'},
    {"group", required_argument, NULL, 'g'},  {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
};

/* Takes one option; returns -1 to go on, otherwise an exit status. */
static int take_option(struct options *options, int option, char **argv)
{
    switch (option) {
    case 'o':
        options->output = optarg;
        return -1;
    case 's':
        options->scheme = optarg;
        return -1;
    case 'g':
        if (qoq_cli_parse_size(&options->group, optarg, 32, 131072) != 0 ||
            options->group % 32 != 0) {
            return qoq_cli_misuse("quantize", "group: %s: not a multiple of 32 from 32 to 131072",
                                  optarg);
        }
        return -1;
    case 'v':
        options->verbose = 1;
        return -1;
    case 'h':
        return qoq_cli_help(help);
    default:
        return qoq_cli_bad_option("quantize", argv);
    }
}

/* The precision that scheme and group ask for; -1 where they make no sense. */
static int parse_precision(enum qoq_precision *precision, const struct options *options)
{
    if (strcmp(options->scheme, "w8a8kv8") == 0 && options->group == 0) {
        *precision = QOQ_W8A8KV8;
    } else if (strcmp(options->scheme, "w4a8kv4") == 0) {
        *precision = options->group ? QOQ_W4A8KV4_GROUP : QOQ_W4A8KV4_CHANNEL;
    } else {
        return -1;
    }
    return 0;
}

/* How far quantization is: linear layers done, or -1 before the first. */
struct watch {
    struct qoq_cli_progress bar;
    long long done;
};

static void show_progress(void *context, size_t done, size_t total)
{
    struct watch *watch = context;

    (void)total;
    watch->done = (long long)done;
    qoq_cli_progress_update(&watch->bar, (double)done);
}

/* Says which tensor could not be quantized. */
static int trouble_at(const char *path, long long done, enum qoq_status status)
{
    if (status != QOQ_ERR_RANGE) {
        return qoq_cli_trouble("%s: %s", path, qoq_status_string(status));
    }
    if (done < 0) {
        return qoq_cli_trouble("%s: embedding, head or final gain: a value overflows binary16",
                               path);
    }
    return qoq_cli_trouble("%s: layer %lld, %s: a scale overflows binary16", path,
                           done / QOQ_LINEARS,
                           qoq_linear_name((enum qoq_linear_id)(done % QOQ_LINEARS)));
}

/* Quantizes the loaded model and writes it. */
static int quantize(const struct qoq_loaded *loaded, const char *path, enum qoq_precision precision,
                    const struct options *options)
{
    struct qoq_error error = {QOQ_OK, ""};
    struct watch watch = {.done = -1};
    struct qoq_progress progress = {show_progress, &watch};
    struct qoq_model *model;
    size_t linear, before = qoq_model_bytes(loaded->model, NULL);

    qoq_cli_progress_begin(&watch.bar, "quantize", "layers",
                           (double)(loaded->model->config.layers * QOQ_LINEARS));
    enum qoq_status quantized =
        qoq_model_quantize_rtn(&model, loaded->model, precision, options->group, &progress);
    qoq_cli_progress_end(&watch.bar);
    if (quantized != QOQ_OK) {
        return trouble_at(path, watch.done, quantized);
    }
    int status = QOQ_EXIT_GOOD;
    if (options->verbose) {
        status = qoq_report_linears(loaded->model, model);
    }
    if (status == QOQ_EXIT_GOOD &&
        qoq_store(options->output, model, loaded, "rtn", &error) != QOQ_OK) {
        status = qoq_cli_trouble("%s", error.text);
    }
    if (status == QOQ_EXIT_GOOD) {
        size_t after = qoq_model_bytes(model, &linear);
        fprintf(stderr, "%s: %s, %zu bytes of weights (%zu before), %zu of them linear layers\n",
                options->output, qoq_precision_name(precision), after, before, linear);
    }
    qoq_model_free(model);
    return status;
}

int qoq_cli_quantize(int argc, char **argv)
{
    struct options options = {.scheme = "w4a8kv4"};
    struct qoq_error error = {QOQ_OK, ""};
    enum qoq_precision precision;
    struct qoq_loaded loaded;

    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "o:s:g:vh", long_options, NULL)) != -1;) {
        int status = take_option(&options, option, argv);
        if (status >= 0) {
            return status;
        }
    }
    if (optind != argc - 1) {
        return qoq_cli_misuse("quantize", optind == argc ? "which model?" : "one model only");
    }
    if (options.output == NULL || options.output[0] == '\0') {
        return qoq_cli_misuse("quantize", "where to? (--output FILE)");
    }
    if (parse_precision(&precision, &options) != 0) {
        return qoq_cli_misuse("quantize", "scheme: %s%s: not one of w4a8kv4 [--group N], w8a8kv8",
                              options.scheme, options.group ? " with --group" : "");
    }
    const char *path = argv[optind];
    if (qoq_load(&loaded, path, &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    int status = loaded.model->precision == QOQ_FP32
                     ? quantize(&loaded, path, precision, &options)
                     : qoq_cli_trouble("%s: the model is already quantized", path);
    qoq_loaded_free(&loaded);
    return qoq_cli_finish(status);
}
