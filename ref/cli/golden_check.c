/* SPDX-License-Identifier: Apache-2.0 */
/* qoq golden check: makes inputs and outputs of golden cases again and compares them bit by bit. */
#include <config.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/golden.h"
#include "cli/golden_walk.h"
#include "data/endian.h"
#include "data/sha256.h"
#include "golden/cases.h"
#include "golden/compare.h"

enum { OPTION_DIGEST = 256, OPTION_CSV, OPTION_ON };

static const struct option long_options[] = {
    {"digest", no_argument, NULL, OPTION_DIGEST},
    {"csv", no_argument, NULL, OPTION_CSV},
    {"case", required_argument, NULL, 'c'},
    {"on", required_argument, NULL, OPTION_ON}, /* those that exist are other programs': main.c */
    {NULL, 0, NULL, 0},
};

struct check {
    struct qoq_golden_walk walk;
    int digest, csv;
    struct qoq_sha256 sum;
};

/* What one case gave. */
struct outcome {
    size_t elements, differing;
    int same_inputs;
};

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

static void check_case(struct qoq_golden_walk *walk, const struct qoq_golden_case *stored,
                       const char *path, int same_inputs)
{
    struct check *check = (struct check *)walk;
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_golden_case fresh = {.seed = 0};
    struct outcome outcome = {0, 0, same_inputs};
    enum qoq_status status = qoq_golden_recompute(&fresh, stored, &err);

    if (status == QOQ_OK) {
        status = compare_outputs(&outcome, stored, &fresh, &err);
    }
    if (status == QOQ_OK) {
        int good = outcome.differing == 0 && same_inputs;

        print_row(check, stored->name, stored, &outcome, good);
        add_case(&check->sum, &fresh);
        walk->passed += (size_t)good;
        walk->failed += (size_t)!good;
        qoq_golden_walk_worsen(walk, good ? QOQ_EXIT_GOOD : QOQ_EXIT_DIFFERS);
    } else {
        qoq_golden_walk_fail(walk, path, err.text);
    }
    qoq_golden_case_free(&fresh);
}

static int finish(struct check *check)
{
    char hex[65];

    qoq_sha256_end(hex, &check->sum);
    if (check->digest) {
        printf("%s\n", hex);
    } else if (!check->csv) {
        printf("%zu passed, %zu failed, 0 skipped\n", check->walk.passed, check->walk.failed);
    }
    return qoq_cli_finish(check->walk.status);
}

int qoq_cli_golden_check(int argc, char **argv)
{
    struct check check = {.walk = {.visit = check_case, .status = QOQ_EXIT_GOOD}};
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":c:", long_options, NULL)) != -1) {
        if (option == OPTION_ON) {
            return qoq_cli_misuse(
                "golden", "golden: --on %s: 'emulator' and 'gpu' are what there is", optarg);
        }
        if (option == 'c') {
            check.walk.only = optarg;
            continue;
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
    qoq_golden_walk_paths(&check.walk, argc - optind, argv + optind);
    return finish(&check);
}
