/* SPDX-License-Identifier: Apache-2.0 */
/* qoq golden check: makes inputs and outputs of golden cases again and compares them bit by bit. */
#include <config.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/data_directory.h"
#include "cli/golden.h"
#include "data/endian.h"
#include "data/file.h"
#include "data/golden_file.h"
#include "data/golden_manifest.h"
#include "data/sha256.h"
#include "golden/cases.h"
#include "golden/compare.h"

enum { OPTION_DIGEST = 256, OPTION_CSV, OPTION_ON };

static const struct option long_options[] = {
    {"digest", no_argument, NULL, OPTION_DIGEST},
    {"csv", no_argument, NULL, OPTION_CSV},
    {"on", required_argument, NULL, OPTION_ON}, /* "emulator" is another program's: main.c */
    {NULL, 0, NULL, 0},
};

struct check {
    int digest, csv;
    size_t passed, failed;
    int status; /* the worst exit status so far */
    struct qoq_sha256 sum;
};

/* What one case gave. */
struct outcome {
    size_t elements, differing;
    int same_inputs;
};

static void worsen(struct check *check, int status)
{
    check->status = status > check->status ? status : check->status;
}

/* Elements as they lie in the file, so that the digest is the same on every machine. */
static void add_elements(struct qoq_sha256 *sum, const struct qoq_tensor *t)
{
    const unsigned char *at = t->data;
    size_t size = qoq_dtype_size(t->dtype), bytes = qoq_tensor_bytes(t);

    if (qoq_host_is_little_endian()) {
        qoq_sha256_add(sum, at, bytes);
        return;
    }
    for (size_t i = 0; i < bytes; i++) {
        qoq_sha256_add(sum, at + i / size * size + (size - 1 - i % size), 1);
    }
}

static void add_case(struct qoq_sha256 *sum, const struct qoq_golden_case *c)
{
    qoq_sha256_add(sum, c->name, strlen(c->name) + 1);
    for (size_t i = 0; i < c->outputs.count; i++) {
        const struct qoq_tensor *t = &c->outputs.item[i].tensor;
        qoq_sha256_add(sum, t->name, strlen(t->name) + 1);
        add_elements(sum, t);
    }
}

static int by_name(const void *a, const void *b)
{
    const struct qoq_golden_tensor *x = a, *y = b;

    return strcmp(x->tensor.name, y->tensor.name);
}

static int same_bounds(const struct qoq_tensor *want, const struct qoq_tensors *stored)
{
    const struct qoq_tensor *have = qoq_tensors_find(stored, want->name);
    size_t bytes = qoq_tensor_bytes(want);

    return have != NULL && qoq_tensor_bytes(have) == bytes &&
           memcmp(have->data, want->data, bytes) == 0;
}

/* Compares the stored outputs with recomputed ones, which get the order of the file: by name. */
static enum qoq_status compare_outputs(struct outcome *outcome,
                                       const struct qoq_golden_case *stored,
                                       struct qoq_golden_case *fresh, struct qoq_error *err)
{
    if (stored->outputs.count != fresh->outputs.count) {
        return qoq_fail(err, QOQ_ERR_FORMAT, NULL, stored->name, "has %zu outputs instead of %zu",
                        stored->outputs.count, fresh->outputs.count);
    }
    qsort(fresh->outputs.item, fresh->outputs.count, sizeof fresh->outputs.item[0], by_name);
    for (size_t i = 0; i < fresh->outputs.count; i++) {
        const struct qoq_golden_tensor *want = &fresh->outputs.item[i];
        const struct qoq_golden_tensor *have =
            qoq_golden_tensors_find(&stored->outputs, want->tensor.name);
        if (have == NULL || have->tensor.dtype != want->tensor.dtype ||
            have->tensor.rank != want->tensor.rank ||
            memcmp(have->tensor.dim, want->tensor.dim,
                   (size_t)want->tensor.rank * sizeof want->tensor.dim[0]) != 0 ||
            strcmp(have->rule, want->rule) != 0) {
            return qoq_fail(err, QOQ_ERR_FORMAT, NULL, stored->name,
                            "output %s is missing or has another type, shape or rule",
                            want->tensor.name);
        }
        outcome->elements += qoq_golden_elements(want);
        outcome->differing += qoq_golden_count(want, want->tensor.data, have->tensor.data);
    }
    for (size_t i = 0; i < fresh->bounds.count; i++) {
        outcome->differing += (size_t)!same_bounds(&fresh->bounds.item[i], &stored->bounds);
    }
    return QOQ_OK;
}

static void print_row(const struct check *check, const char *name, const struct qoq_golden_case *c,
                      const struct outcome *outcome, int good)
{
    const char *verdict = good ? "ok" : outcome->same_inputs ? "DIFFERS" : "INPUTS DIFFER";

    if (check->csv) {
        printf("%s,%zu,%zu,%zu,%s\n", name, c->outputs.count, outcome->elements, outcome->differing,
               verdict);
    } else if (!check->digest) {
        printf("%-44s %3zu %9zu %9zu  %s\n", name, c->outputs.count, outcome->elements,
               outcome->differing, verdict);
    }
}

/* The registry's messages do not know the file. */
static int complain(const char *path, const char *text)
{
    int told = strncmp(text, path, strlen(path)) == 0;

    return told ? qoq_cli_trouble("%s", text) : qoq_cli_trouble("%s: %s", path, text);
}

static void check_case(struct check *check, struct qoq_h5 *file, const char *name)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_golden_case stored, fresh = {.seed = 0};
    struct outcome outcome = {0, 0, 1};
    enum qoq_status status = qoq_golden_file_read(&stored, file, name, &err);

    if (status == QOQ_OK) {
        status = qoq_golden_check_inputs(&outcome.same_inputs, &stored, &err);
    }
    if (status == QOQ_OK) {
        status = qoq_golden_recompute(&fresh, &stored, &err);
    }
    if (status == QOQ_OK) {
        status = compare_outputs(&outcome, &stored, &fresh, &err);
    }
    int good = status == QOQ_OK && outcome.differing == 0 && outcome.same_inputs;
    if (status == QOQ_OK) {
        print_row(check, name, &stored, &outcome, good);
        add_case(&check->sum, &fresh);
        worsen(check, good ? QOQ_EXIT_GOOD : QOQ_EXIT_DIFFERS);
    } else {
        worsen(check, complain(qoq_h5_path(file), err.text));
    }
    check->passed += (size_t)good;
    check->failed += (size_t)!good;
    qoq_golden_case_free(&stored);
    qoq_golden_case_free(&fresh);
}

/* Checks all cases of a file; returns how many there are. */
static size_t check_file(struct check *check, const char *path)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_h5 *file = NULL;
    struct qoq_h5_names names = {0, NULL};
    enum qoq_status status = qoq_golden_file_open(&file, path, &err);

    if (status == QOQ_OK) {
        status = qoq_golden_file_names(&names, file, &err);
    }
    if (status != QOQ_OK) {
        check->failed++;
        worsen(check, qoq_cli_trouble("%s", err.text));
    }
    for (size_t i = 0; i < names.count; i++) {
        check_case(check, file, names.name[i]);
    }
    size_t count = names.count;
    qoq_h5_names_free(&names);
    qoq_h5_close(&file);
    return count;
}

/* One file of a manifest: its digest, its number of cases, and the cases. */
static void check_entry(struct check *check, const char *directory,
                        const struct qoq_golden_entry *entry)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_golden_entry found;
    char *path = qoq_file_join(directory, entry->file);

    if (path == NULL || qoq_golden_measure(&found, path, &err) != QOQ_OK) {
        check->failed++;
        worsen(check, qoq_cli_trouble("%s", path != NULL ? err.text : "not enough memory"));
    } else if (found.bytes != entry->bytes || strcmp(found.sha256, entry->sha256) != 0) {
        qoq_cli_trouble("%s: its digest is not the one in MANIFEST", path);
        check->failed++;
        worsen(check, QOQ_EXIT_DIFFERS);
        check_file(check, path);
    } else if (check_file(check, path) != entry->cases) {
        check->failed++;
        worsen(check,
               qoq_cli_trouble("%s: does not hold the %zu cases of MANIFEST", path, entry->cases));
    }
    free(path);
}

static void check_directory(struct check *check, const char *directory)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_golden_manifest manifest;
    char *path = qoq_file_join(directory, "MANIFEST");

    if (path == NULL || qoq_golden_manifest_read(&manifest, path, &err) != QOQ_OK) {
        check->failed++;
        worsen(check, qoq_cli_trouble("%s", path != NULL ? err.text : "not enough memory"));
    } else {
        for (size_t i = 0; i < manifest.count; i++) {
            check_entry(check, directory, &manifest.item[i]);
        }
    }
    free(path);
}

/* The directory of the golden files that come with the program. */
static void check_default(struct check *check)
{
    char *directory = qoq_file_join(qoq_data_directory(), "golden");

    if (directory == NULL) {
        check->failed++;
        worsen(check, qoq_cli_trouble("golden: not enough memory"));
        return;
    }
    check_directory(check, directory);
    free(directory);
}

static int finish(struct check *check)
{
    char hex[65];

    qoq_sha256_end(hex, &check->sum);
    if (check->digest) {
        printf("%s\n", hex);
    } else if (!check->csv) {
        printf("%zu passed, %zu failed, 0 skipped\n", check->passed, check->failed);
    }
    return qoq_cli_finish(check->status);
}

int qoq_cli_golden_check(int argc, char **argv)
{
    struct check check = {.status = QOQ_EXIT_GOOD};
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (option == OPTION_ON) {
            return qoq_cli_misuse("golden", "golden: --on %s: 'emulator' is what there is", optarg);
        }
        if (option != OPTION_DIGEST && option != OPTION_CSV) {
            return qoq_cli_bad_option("golden", argv);
        }
        check.digest = check.digest || option == OPTION_DIGEST;
        check.csv = check.csv || option == OPTION_CSV;
    }
    qoq_sha256_begin(&check.sum);
    if (check.csv && !check.digest) {
        puts("case,outputs,elements,differing,verdict");
    } else if (!check.digest) {
        printf("%-44s %3s %9s %9s  %s\n", "case", "out", "elements", "differing", "verdict");
    }
    for (int i = optind; i < argc; i++) {
        if (qoq_file_is_directory(argv[i])) {
            check_directory(&check, argv[i]);
        } else {
            check_file(&check, argv[i]);
        }
    }
    if (optind == argc) {
        check_default(&check);
    }
    return finish(&check);
}
