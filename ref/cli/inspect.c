/* SPDX-License-Identifier: Apache-2.0 */
/* qoq inspect: what a model, token or golden file holds. */
#include <config.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/load.h"
#include "cli/report.h"
#include "data/file.h"
#include "data/golden_file.h"
#include "data/h5.h"
#include "data/model_file.h"
#include "data/token_file.h"

static const char help[] =
    "Usage: qoq inspect FILE [OPTION]...\n"
    "What a file holds: a Hugging Face directory, a quantized model, a token file or\n"
    "a golden file.\n"
    "\n"
    "  -a, --against DIR    for a quantized model: error statistics of every linear\n"
    "                       layer against the original in DIR\n"
    "  -d, --datasets       list every dataset of an HDF5 file: type, shape, name\n"
    "  -h, --help           this text\n";

static const struct option long_options[] = {
    {"against", required_argument, NULL, 'a'},
    {"datasets", no_argument, NULL, 'd'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* 1: the linear layers of two models pair up. */
static int same_shape(const struct qoq_config *a, const struct qoq_config *b)
{
    return a->hidden == b->hidden && a->intermediate == b->intermediate && a->layers == b->layers &&
           a->heads == b->heads && a->kv_heads == b->kv_heads && a->head_dim == b->head_dim;
}

static int inspect_model(const char *path, const char *against)
{
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_loaded loaded, original;
    int status = QOQ_EXIT_GOOD;

    if (qoq_load(&loaded, path, &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    qoq_report_config(loaded.model);
    if (loaded.model->precision != QOQ_FP32) {
        putchar('\n');
        qoq_report_ranges(loaded.model);
    }
    if (against != NULL && qoq_load(&original, against, &error) != QOQ_OK) {
        status = qoq_cli_trouble("%s", error.text);
    } else if (against != NULL) {
        if (original.model->precision != QOQ_FP32 || loaded.model->precision == QOQ_FP32) {
            status = qoq_cli_trouble("%s: --against compares a quantized model with an original",
                                     against);
        } else if (!same_shape(&loaded.model->config, &original.model->config)) {
            status = qoq_cli_trouble("%s: config: not the shape of %s", against, path);
        } else {
            putchar('\n');
            status = qoq_report_linears(original.model, loaded.model);
        }
        qoq_loaded_free(&original);
    }
    qoq_loaded_free(&loaded);
    return status;
}

static int inspect_tokens(const char *path)
{
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_token_file tokens;
    int64_t shortest = INT64_MAX, longest = 0;

    if (qoq_token_file_read(&tokens, path, &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    for (size_t s = 0; s < tokens.sequences; s++) {
        int64_t length = tokens.offset[s + 1] - tokens.offset[s];
        shortest = length < shortest ? length : shortest;
        longest = length > longest ? length : longest;
    }
    printf("sequences            %zu\ntokens               %lld\n", tokens.sequences,
           (long long)tokens.offset[tokens.sequences]);
    if (tokens.sequences > 0) {
        printf("shortest, longest    %lld, %lld\n", (long long)shortest, (long long)longest);
    }
    printf("vocabulary           %zu\ntokenizer            %s\nsource               %s\nsource "
           "sha256        %s\n",
           tokens.vocab, tokens.tokenizer, tokens.source, tokens.source_sha256);
    qoq_token_file_free(&tokens);
    return QOQ_EXIT_GOOD;
}

static int list_datasets(struct qoq_h5 *file)
{
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_tensors list = {0, NULL};
    char shape[96];

    if (qoq_h5_walk(&list, file, "/", 1 << 20, &error) != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct qoq_tensor *t = &list.item[i];
        printf("%-5s %-20s %s\n", qoq_dtype_name(t->dtype),
               qoq_shape_text(shape, sizeof shape, t->dim, t->rank), t->name);
    }
    qoq_tensors_free(&list);
    return QOQ_EXIT_GOOD;
}

static void print_case(const struct qoq_golden_case *c)
{
    printf("%-36s %-6s %-24s seed=%lld inputs=%s", c->name, c->profile, c->clauses,
           (long long)c->seed, c->kind);
    for (size_t i = 0; i < c->parameters; i++) {
        const struct qoq_golden_parameter *p = &c->parameter[i];

        if (p->is_real) {
            printf(" %s=%g", p->name, p->real);
        } else {
            printf(" %s=%lld", p->name, (long long)p->integer);
        }
    }
    for (size_t i = 0; i < c->outputs.count; i++) {
        printf("%s%s: %s", i == 0 ? "; " : ", ", c->outputs.item[i].tensor.name,
               c->outputs.item[i].rule);
    }
    putchar('\n');
}

/* One line a case: profile, clauses, inputs, parameters, and the rule of each output. */
static int inspect_golden(const char *path)
{
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_h5_names names = {0, NULL};
    struct qoq_h5 *file = NULL;
    enum qoq_status status = qoq_golden_file_open(&file, path, &error);

    if (status == QOQ_OK) {
        status = qoq_golden_file_names(&names, file, &error);
    }
    for (size_t i = 0; status == QOQ_OK && i < names.count; i++) {
        struct qoq_golden_case c;

        status = qoq_golden_file_read(&c, file, names.name[i], &error);
        if (status == QOQ_OK) {
            print_case(&c);
        }
        qoq_golden_case_free(&c);
    }
    qoq_h5_names_free(&names);
    qoq_h5_close(&file);
    return status == QOQ_OK ? QOQ_EXIT_GOOD : qoq_cli_trouble("%s", error.text);
}

static int inspect_h5(const char *path, const char *against, int datasets)
{
    struct qoq_error error = {QOQ_OK, ""};
    struct qoq_h5 *file = NULL;
    char *format = NULL;
    int status;

    if (qoq_h5_open(&file, path, &error) != QOQ_OK ||
        qoq_h5_get_string(&format, file, "/", "format", &error) != QOQ_OK) {
        qoq_h5_close(&file);
        return qoq_cli_trouble("%s", error.text);
    }
    printf("format               %s\n", format);
    int is_model = strcmp(format, QOQ_MODEL_FORMAT) == 0;
    int is_tokens = strcmp(format, QOQ_TOKENS_FORMAT) == 0;
    int is_golden = strcmp(format, QOQ_GOLDEN_FORMAT) == 0;
    status =
        datasets || (!is_model && !is_tokens && !is_golden) ? list_datasets(file) : QOQ_EXIT_GOOD;
    free(format);
    qoq_h5_close(&file);
    if (status == QOQ_EXIT_GOOD && is_model) {
        status = inspect_model(path, against);
    } else if (status == QOQ_EXIT_GOOD && is_tokens) {
        status = inspect_tokens(path);
    } else if (status == QOQ_EXIT_GOOD && is_golden) {
        status = inspect_golden(path);
    }
    return status;
}

int qoq_cli_inspect(int argc, char **argv)
{
    const char *against = NULL;
    int datasets = 0;

    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "a:dh", long_options, NULL)) != -1;) {
        switch (option) {
        case 'a':
            against = optarg;
            break;
        case 'd':
            datasets = 1;
            break;
        case 'h':
            return qoq_cli_help(help);
        default:
            return qoq_cli_bad_option("inspect", argv);
        }
    }
    if (optind != argc - 1) {
        return qoq_cli_misuse("inspect", optind == argc ? "which file?" : "one file only");
    }
    const char *path = argv[optind];
    int status = qoq_file_is_directory(path) ? inspect_model(path, against)
                                             : inspect_h5(path, against, datasets);
    return qoq_cli_finish(status);
}
