/* SPDX-License-Identifier: Apache-2.0 */
/* qoq golden make: one case of any operator and shape, or the committed set. */
#include <config.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/golden.h"
#include "data/file.h"
#include "data/golden_file.h"
#include "data/golden_manifest.h"
#include "golden/cases.h"

static const struct option long_options[] = {
    {"operator", required_argument, NULL, 'O'}, {"set", required_argument, NULL, 's'},
    {"inputs", required_argument, NULL, 'i'},   {"seed", required_argument, NULL, 'S'},
    {"name", required_argument, NULL, 'N'},     {"output", required_argument, NULL, 'o'},
    {"all", required_argument, NULL, 'a'},      {NULL, 0, NULL, 0},
};

enum { MAX_SETS = 32 };

struct options {
    const char *op, *inputs, *name, *output, *all;
    const char *set[MAX_SETS];
    size_t sets;
    uint64_t seed;
};

/* ---- One case ---- */

static enum qoq_status build(struct qoq_golden_case *c, const struct options *options,
                             struct qoq_error *err)
{
    enum qoq_status status = qoq_golden_begin(c, options->op, err);

    for (size_t i = 0; i < options->sets && status == QOQ_OK; i++) {
        status = qoq_golden_assign(c, options->set[i], err);
    }
    if (status != QOQ_OK) {
        return status;
    }
    if (options->inputs != NULL) {
        snprintf(c->kind, sizeof c->kind, "%s", options->inputs);
    }
    if (options->name != NULL) {
        if (!qoq_golden_name_ok(options->name)) {
            return qoq_fail(err, QOQ_ERR_ARGUMENT, NULL, options->name,
                            "a case name has letters, digits, '_', '-', '.', at most 63");
        }
        snprintf(c->name, sizeof c->name, "%s", options->name);
    }
    c->seed = (int64_t)options->seed;
    status = qoq_golden_make_inputs(c, err);
    return status == QOQ_OK ? qoq_golden_run(c, err) : status;
}

static int make_one(const struct options *options)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_golden_case c;
    struct qoq_h5 *file = NULL;
    enum qoq_status status = build(&c, options, &err);

    if (status == QOQ_OK) {
        status = qoq_golden_file_create(&file, options->output, &err);
    }
    if (status == QOQ_OK) {
        status = qoq_golden_file_add(file, &c, &err);
    }
    if (status == QOQ_OK) {
        status = qoq_h5_commit(&file, &err);
    }
    qoq_h5_close(&file);
    qoq_golden_case_free(&c);
    return status == QOQ_OK ? qoq_cli_finish(QOQ_EXIT_GOOD) : qoq_cli_trouble("%s", err.text);
}

/* ---- The committed set ---- */

/* Writes the cases of one file; returns how many, 0 on failure. */
static size_t make_file(const char *path, const struct qoq_golden_standard *first,
                        struct qoq_error *err)
{
    struct qoq_h5 *file = NULL;
    enum qoq_status status = qoq_golden_file_create(&file, path, err);
    size_t cases = 0;

    for (; status == QOQ_OK && first[cases].file != NULL &&
           strcmp(first[cases].file, first->file) == 0;
         cases++) {
        struct qoq_golden_case c;
        status = qoq_golden_make_standard(&c, &first[cases], err);
        if (status == QOQ_OK) {
            status = qoq_golden_file_add(file, &c, err);
        }
        qoq_golden_case_free(&c);
    }
    if (status == QOQ_OK) {
        status = qoq_h5_commit(&file, err);
    }
    qoq_h5_close(&file);
    return status == QOQ_OK ? cases : 0;
}

/* Adds the file that begins at entry *at of the set and moves *at behind it. */
static enum qoq_status make_entry(struct qoq_golden_manifest *manifest, const char *directory,
                                  size_t *at, struct qoq_error *err)
{
    const struct qoq_golden_standard *first = &qoq_golden_standard_set[*at];
    struct qoq_golden_entry *entry = &manifest->item[manifest->count];
    char *path = qoq_file_join(directory, first->file);
    enum qoq_status status = QOQ_ERR_MEMORY;

    if (path == NULL) {
        return qoq_fail_memory(err, directory, first->file, strlen(directory));
    }
    snprintf(entry->file, sizeof entry->file, "%s", first->file);
    entry->cases = make_file(path, first, err);
    entry->numerics = QOQ_NUMERICS_VERSION;
    status = entry->cases > 0 ? qoq_golden_measure(entry, path, err) : err->status;
    free(path);
    *at += entry->cases;
    manifest->count++;
    return status;
}

static int make_all(const char *directory)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_golden_manifest manifest = {0};
    enum qoq_status status = QOQ_OK;
    size_t at = 0;

    if (!qoq_file_is_directory(directory)) {
        return qoq_cli_trouble("%s: not a directory", directory);
    }
    while (status == QOQ_OK && qoq_golden_standard_set[at].file != NULL) {
        status = make_entry(&manifest, directory, &at, &err);
        if (status == QOQ_OK) {
            const struct qoq_golden_entry *entry = &manifest.item[manifest.count - 1];
            printf("%-16s %4zu cases %9zu bytes\n", entry->file, entry->cases, entry->bytes);
        }
    }
    char *path = status == QOQ_OK ? qoq_file_join(directory, "MANIFEST") : NULL;
    if (path != NULL) {
        status = qoq_golden_manifest_write(path, &manifest, &err);
    }
    free(path);
    return status == QOQ_OK ? qoq_cli_finish(QOQ_EXIT_GOOD) : qoq_cli_trouble("%s", err.text);
}

/* ---- Options ---- */

/* Takes one option; returns -1 to go on, otherwise an exit status. */
static int take_option(struct options *options, int option, char **argv)
{
    switch (option) {
    case 'O':
        options->op = optarg;
        return -1;
    case 's':
        if (options->sets == MAX_SETS) {
            return qoq_cli_misuse("golden", "--set: at most %d", MAX_SETS);
        }
        options->set[options->sets++] = optarg;
        return -1;
    case 'i':
        options->inputs = optarg;
        return -1;
    case 'S':
        if (qoq_cli_parse_u64(&options->seed, optarg) != 0 || options->seed > INT64_MAX) {
            return qoq_cli_misuse("golden", "--seed: %s: not a number from 0 to 2^63 - 1", optarg);
        }
        return -1;
    case 'N':
        options->name = optarg;
        return -1;
    case 'o':
        options->output = optarg;
        return -1;
    case 'a':
        options->all = optarg;
        return -1;
    default:
        return qoq_cli_bad_option("golden", argv);
    }
}

int qoq_cli_golden_make(int argc, char **argv)
{
    struct options options = {.seed = 1};
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":O:s:i:S:N:o:a:", long_options, NULL)) != -1) {
        int status = take_option(&options, option, argv);
        if (status >= 0) {
            return status;
        }
    }
    if (optind < argc) {
        return qoq_cli_misuse("golden", "make: %s: unexpected argument", argv[optind]);
    }
    if (options.all != NULL) {
        int alone = options.op == NULL && options.output == NULL && options.sets == 0;
        return alone ? make_all(options.all) : qoq_cli_misuse("golden", "make: --all goes alone");
    }
    if (options.op == NULL || options.output == NULL) {
        return qoq_cli_misuse("golden", "make: --operator and --output are needed, or --all");
    }
    return make_one(&options);
}
