/* SPDX-License-Identifier: Apache-2.0 */
/* qoq import: a model file from a checkpoint directory of other programs. */
#include <config.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/checkpoint.h"
#include "cli/cli.h"
#include "cli/store.h"

static const char help[] =
    "Usage: qoq import DIR -o OUT.h5 [OPTION]...\n"
    "Makes a model file from a directory with config.json and safetensors that hold\n"
    "packed 4-bit weights (QServe, OmniServe, SGLang), or fake-quantized weights and\n"
    "their scales (lmquant, deepcompressor: model.pt and scale.pt, made into\n"
    "safetensors by the script convert-pt that comes with this program).\n"
    "\n"
    "  -o, --output FILE    the file to write; it appears only when complete\n"
    "      --s2-order NAME  packed weights in groups: order of the channels in\n"
    "                       s2_scales and s2_zeros; qserve (default), which every\n"
    "                       kernel reads, or deepcompressor, which newer versions\n"
    "                       of its converter write\n"
    "  -a, --against DIR    compare with the weights in DIR, a Hugging Face directory\n"
    "                       with the same transformations: tells the order, takes\n"
    "                       the right one if --s2-order is not given; exit status 1\n"
    "                       if it was given wrong, or the weights do not resemble\n"
    "      --zeros NAME     fake-quantized weights: zero points are stored unsigned\n"
    "                       (0 to 15), signed (-8 to 7), or auto (default): signed\n"
    "                       where a zero or a code of the tensor is negative\n"
    "  -h, --help           this text\n";

enum { OPTION_S2_ORDER = 256, OPTION_ZEROS };

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"s2-order", required_argument, NULL, OPTION_S2_ORDER},
    {"against", required_argument, NULL, 'a'},
    {"zeros", required_argument, NULL, OPTION_ZEROS},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char *const orders[] = {"qserve", "deepcompressor"};
static const char *const zeros[] = {"auto", "unsigned", "signed"};

/* Energy of the error over that of the weights: above the first, weights do not resemble; the other
 * order must be worse by the second factor to be ruled out. Rounding to 4 bits gives 0.003 to 0.03,
 * a wrong order about 0.2. */
#define RESEMBLES 0.1
#define RULED_OUT 2.0

struct options {
    const char *output, *against;
    int order_given;
    struct qoq_import_options import;
};

/* Index of text among names, or -1. */
static int find_name(const char *text, const char *const *name, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(text, name[i]) == 0) {
            return i;
        }
    }
    return -1;
}

/* Takes one option; returns -1 to go on, otherwise an exit status. */
static int take_option(struct options *options, int option, char **argv)
{
    int found;

    switch (option) {
    case 'o':
        options->output = optarg;
        return -1;
    case 'a':
        options->against = optarg;
        return -1;
    case OPTION_S2_ORDER:
        found = find_name(optarg, orders, 2);
        if (found < 0) {
            return qoq_cli_misuse("import", "s2-order: %s: not qserve or deepcompressor", optarg);
        }
        options->import.order = (enum qoq_s2_order)found;
        options->order_given = 1;
        return -1;
    case OPTION_ZEROS:
        found = find_name(optarg, zeros, 3);
        if (found < 0) {
            return qoq_cli_misuse("import", "zeros: %s: not auto, unsigned or signed", optarg);
        }
        options->import.zeros = (enum qoq_zeros)found;
        return -1;
    case 'h':
        return qoq_cli_help(help);
    default:
        return qoq_cli_bad_option("import", argv);
    }
}

/* 1: the linear layers of two models pair up. */
static int same_shape(const struct qoq_config *a, const struct qoq_config *b)
{
    return a->hidden == b->hidden && a->intermediate == b->intermediate && a->layers == b->layers &&
           a->heads == b->heads && a->kv_heads == b->kv_heads && a->head_dim == b->head_dim;
}

/* Decides on the order from the noise in either, and puts the model into it. */
static int choose_order(struct qoq_loaded *loaded, const char *path, const double noise[2],
                        const struct options *options)
{
    enum qoq_s2_order have = options->import.order;
    enum qoq_s2_order best =
        noise[1 - (int)have] * RULED_OUT < noise[have] ? (enum qoq_s2_order)(1 - (int)have) : have;

    if (!(noise[best] < RESEMBLES)) {
        qoq_cli_trouble("%s: the weights do not resemble those in %s (transformed otherwise?)",
                        path, options->against);
        return QOQ_EXIT_DIFFERS;
    }
    if (best == have) {
        return QOQ_EXIT_GOOD;
    }
    if (options->order_given) {
        qoq_cli_trouble("%s: s2_scales: the order is %s, not %s", path, orders[best], orders[have]);
        return QOQ_EXIT_DIFFERS;
    }
    fprintf(stderr,
            "%s: s2_scales are in the order of %s, which the kernels of QServe and SGLang "
            "misread\n",
            path, orders[best]);
    return qoq_checkpoint_reorder(loaded->model, have, best) == QOQ_OK
               ? QOQ_EXIT_GOOD
               : qoq_cli_trouble("%s: not enough memory", path);
}

static int compare(struct qoq_loaded *loaded, enum qoq_checkpoint_kind kind, const char *path,
                   const struct qoq_loaded *original, const struct options *options)
{
    enum qoq_s2_order have = options->import.order;
    int two = kind == QOQ_CHECKPOINT_PACKED && loaded->model->group != 0;
    double noise[2] = {0, 0};

    if (!same_shape(&loaded->model->config, &original->model->config)) {
        return qoq_cli_trouble("%s: config: not the shape of %s", options->against, path);
    }
    for (int i = 0; i < 2; i++) {
        enum qoq_status status = qoq_checkpoint_noise(&noise[i], loaded->model, original->model,
                                                      have, two ? (enum qoq_s2_order)i : have);
        if (status != QOQ_OK) {
            return qoq_cli_trouble("%s: %s", path, qoq_status_string(status));
        }
        if (two) {
            printf("noise over signal, order %-16s %.3g\n", orders[i], noise[i]);
        } else if (i == 0) {
            printf("noise over signal %.3g\n", noise[i]);
        }
    }
    return choose_order(loaded, path, noise, options);
}

/* Compares where asked to, then checks what was put off for that. */
static int check(struct qoq_loaded *loaded, enum qoq_checkpoint_kind kind, const char *path,
                 const struct options *options)
{
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_loaded original;

    if (options->against == NULL) {
        return QOQ_EXIT_GOOD;
    }
    if (qoq_load_hf(&original, options->against, &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    int status = compare(loaded, kind, path, &original, options);
    qoq_loaded_free(&original);
    if (status == QOQ_EXIT_GOOD && qoq_checkpoint_check(loaded->model, path, &error) != QOQ_OK) {
        status = qoq_cli_trouble("%s", error.text);
    }
    return status;
}

static int store_model(struct qoq_loaded *loaded, enum qoq_checkpoint_kind kind, const char *path,
                       const struct options *options)
{
    const char *method = kind == QOQ_CHECKPOINT_PACKED ? "import-qserve" : "import-lmquant";
    struct qoq_error error = {QOQ_OK, ""};

    if (kind == QOQ_CHECKPOINT_FAKE && options->order_given) {
        return qoq_cli_trouble("%s: s2-order: these weights are not packed", path);
    }
    int status = check(loaded, kind, path, options);
    if (status == QOQ_EXIT_GOOD &&
        qoq_store(options->output, loaded->model, loaded, method, &error) != QOQ_OK) {
        status = qoq_cli_trouble("%s", error.text);
    }
    if (status == QOQ_EXIT_GOOD) {
        fprintf(stderr, "%s: %s", options->output, qoq_precision_name(loaded->model->precision));
        if (loaded->model->group != 0) {
            fprintf(stderr, " of %zu", loaded->model->group);
        }
        fprintf(stderr, ", %zu bytes of weights\n", qoq_model_bytes(loaded->model, NULL));
    }
    return status;
}

int qoq_cli_import(int argc, char **argv)
{
    struct options options = {NULL, NULL, 0, {QOQ_S2_QSERVE, QOQ_ZEROS_AUTO, 0}};
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_import_report report;
    struct qoq_loaded loaded;

    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "o:a:h", long_options, NULL)) != -1;) {
        int status = take_option(&options, option, argv);
        if (status >= 0) {
            return status;
        }
    }
    if (optind != argc - 1) {
        return qoq_cli_misuse("import", optind == argc ? "which directory?" : "one directory only");
    }
    if (options.output == NULL || options.output[0] == '\0') {
        return qoq_cli_misuse("import", "where to? (--output FILE)");
    }
    options.import.unchecked = options.against != NULL;
    if (qoq_checkpoint_load(&loaded, &report, argv[optind], &options.import, &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    if (report.rounded > 0) {
        fprintf(stderr, "%s: note: %zu numbers of embedding and head rounded to binary16\n",
                argv[optind], report.rounded);
    }
    int status = store_model(&loaded, report.kind, argv[optind], &options);
    qoq_loaded_free(&loaded);
    return qoq_cli_finish(status);
}
