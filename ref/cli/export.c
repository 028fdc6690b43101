/* SPDX-License-Identifier: Apache-2.0 */
/* qoq export: a quantized model as a checkpoint directory of other programs. */
#include <config.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/checkpoint.h"
#include "cli/cli.h"

static const char help[] =
    "Usage: qoq export MODEL.h5 --to qserve DIR [OPTION]...\n"
    "Writes a quantized model as a directory that QServe, OmniServe and SGLang load:\n"
    "safetensors with packed 4-bit weights, config.json, tokenizer.json.\n"
    "\n"
    "  -t, --to FORMAT      qserve: the format (there is one so far)\n"
    "      --any-group      write groups other than 128 channels too; only this\n"
    "                       program reads them back\n"
    "      --shard-size N   bytes of weights in a file, with K, M or G for powers of\n"
    "                       1024 (default 4G); more go into several files\n"
    "  -f, --force          replace DIR if it is a checkpoint\n"
    "  -h, --help           this text\n"
    "\n"
    "Weights are carried exactly; gains and biases are rounded to binary16, and the\n"
    "rounding is reported. The other programs compute with their own arithmetic: the\n"
    "activation scale is rounded to binary16, sums are taken before quantization,\n"
    "QServe's norm subtracts the mean, its KV cache has another zero point, and\n"
    "SGLang keeps the KV cache in 16 bits.\n";

enum { OPTION_ANY_GROUP = 256, OPTION_SHARD_SIZE };

static const struct option long_options[] = {
    {"to", required_argument, NULL, 't'},
    {"any-group", no_argument, NULL, OPTION_ANY_GROUP},
    {"shard-size", required_argument, NULL, OPTION_SHARD_SIZE},
    {"force", no_argument, NULL, 'f'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct options {
    const char *format;
    int any_group, force;
    uint64_t shard_size;
};

/* "123", "64K", "2G"; -1 for anything else, 0 bytes and more than 2^50. */
static int parse_bytes(uint64_t *bytes, const char *text)
{
    static const char units[] = "KMG";
    size_t length = strlen(text);
    const char *unit = length == 0 ? NULL : strchr(units, text[length - 1]);
    char digits[24];
    uint64_t value;

    if (length == 0 || length >= sizeof digits) {
        return -1;
    }
    snprintf(digits, sizeof digits, "%.*s", (int)(length - (unit != NULL)), text);
    int shift = unit == NULL ? 0 : 10 * (int)(unit - units + 1);
    if (qoq_cli_parse_u64(&value, digits) != 0 || value < 1 ||
        value > (UINT64_C(1) << 50) >> shift) {
        return -1;
    }
    *bytes = value << shift;
    return 0;
}

/* Takes one option; returns -1 to go on, otherwise an exit status. */
static int take_option(struct options *options, int option, char **argv)
{
    switch (option) {
    case 't':
        options->format = optarg;
        return -1;
    case OPTION_ANY_GROUP:
        options->any_group = 1;
        return -1;
    case OPTION_SHARD_SIZE:
        if (parse_bytes(&options->shard_size, optarg) != 0) {
            return qoq_cli_misuse("export", "shard-size: %s: not a number of bytes", optarg);
        }
        return -1;
    case 'f':
        options->force = 1;
        return -1;
    case 'h':
        return qoq_cli_help(help);
    default:
        return qoq_cli_bad_option("export", argv);
    }
}

static void print_note(void *context, const char *text)
{
    fprintf(stderr, "%s: note: %s\n", (const char *)context, text);
}

static void print_rounding(const char *path, const char *what, const struct qoq_rounding *rounding)
{
    if (rounding->values > 0) {
        fprintf(stderr,
                "%s: %s: %zu of %zu rounded to binary16, by a factor of at most 1 +- %.2g\n", path,
                what, rounding->changed, rounding->values, rounding->worst);
    }
}

static int write_checkpoint(const struct qoq_loaded *loaded, const char *path, char *directory,
                            const struct options *options)
{
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_checkpoint_report report;

    if (qoq_checkpoint_fits(loaded->model, path, options->any_group, &error) != QOQ_OK ||
        qoq_checkpoint_write(&report, directory, loaded, options->force, options->shard_size,
                             &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    print_rounding(directory, "gains of norms", &report.norms);
    print_rounding(directory, "biases", &report.biases);
    qoq_checkpoint_notes(loaded->model, report.gains, print_note, directory);
    if (loaded->header.tokenizer == NULL) {
        print_note(directory, "the model has no tokenizer.json");
    }
    fprintf(stderr, "%s: %zu tensors, %" PRIu64 " bytes, %zu %s\n", directory, report.tensors,
            report.bytes, report.files, report.files == 1 ? "file" : "files");
    return QOQ_EXIT_GOOD;
}

int qoq_cli_export(int argc, char **argv)
{
    struct options options = {.shard_size = UINT64_C(4) << 30};
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_loaded loaded;

    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "t:fh", long_options, NULL)) != -1;) {
        int status = take_option(&options, option, argv);
        if (status >= 0) {
            return status;
        }
    }
    if (optind != argc - 2 || argv[optind + 1][0] == '\0') {
        return qoq_cli_misuse("export", "one model and one directory, please");
    }
    if (options.format == NULL) {
        return qoq_cli_misuse("export", "in which format? (--to qserve)");
    }
    if (strcmp(options.format, "qserve") != 0) {
        return qoq_cli_misuse("export", "to: %s: not a format; qserve is", options.format);
    }
    if (qoq_load(&loaded, argv[optind], &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    int status = write_checkpoint(&loaded, argv[optind], argv[optind + 1], &options);
    qoq_loaded_free(&loaded);
    return qoq_cli_finish(status);
}
