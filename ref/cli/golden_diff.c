/* SPDX-License-Identifier: Apache-2.0 */
/* qoq golden diff: compares someone's outputs with golden ones and says what is probably wrong. */
#include <config.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/golden.h"
#include "data/golden_file.h"
#include "golden/cases.h"
#include "golden/diagnose.h"

enum { OPTION_ALL = 256 };

static const struct option long_options[] = {
    {"case", required_argument, NULL, 'c'},
    {"require-all", no_argument, NULL, OPTION_ALL},
    {NULL, 0, NULL, 0},
};

struct diff {
    struct qoq_h5 *ours, *theirs;
    const char *only; /* the one case to compare, or NULL */
    int require_all;
    size_t passed, failed, skipped;
    int status;
};

static void worsen(struct diff *diff, int status)
{
    diff->status = status > diff->status ? status : diff->status;
}

/* ---- Printing ---- */

static void print_first(const struct qoq_golden_tensor *t, const struct qoq_golden_report *r)
{
    char ours[64], theirs[64];

    qoq_golden_element_text(ours, sizeof ours, t, &r->ours);
    qoq_golden_element_text(theirs, sizeof theirs, t, &r->theirs);
    printf("    first difference at ");
    for (int a = 0; a < r->where.axes; a++) {
        printf("%s%s %zu", a > 0 ? ", " : "", r->where.axis[a].name, r->where.axis[a].at);
    }
    printf(" (element %zu", r->first);
    if (r->where.packed[0] != 0) {
        printf("; %s", r->where.packed);
    }
    printf(")\n      ours  %s\n      yours %s\n", ours, theirs);
}

static void print_histogram(const struct qoq_golden_report *r)
{
    const char *before = "";

    printf("    yours - ours: ");
    for (int i = 0; i < QOQ_CODE_BUCKETS; i++) {
        if (r->code[i] > 0) {
            printf("%s%s: %zu", before, qoq_golden_code_bucket(i), r->code[i]);
            before = ", ";
        }
    }
    for (int i = 0; i < QOQ_STEP_BUCKETS; i++) {
        if (r->step[i] > 0) {
            printf("%s%s: %zu", before, qoq_golden_step_bucket(i), r->step[i]);
            before = ", ";
        }
    }
    printf("; largest %.6g\n", r->most);
}

static void print_hints(const struct qoq_golden_case *c, const struct qoq_golden_tensor *output,
                        const struct qoq_golden_report *report, const void *theirs)
{
    struct qoq_golden_hints hints;

    qoq_golden_diagnose(&hints, c, output, report, theirs);
    for (size_t i = 0; i < hints.count; i++) {
        printf("    hint: %s\n", hints.item[i].text);
    }
}

/* ---- Comparing ---- */

static void compare_output(struct diff *diff, const struct qoq_golden_case *c, int usable,
                           const struct qoq_golden_tensor *output, const struct qoq_tensor *theirs)
{
    struct qoq_golden_report report;
    const struct qoq_tensor *bound = qoq_tensors_find(&c->bounds, output->tensor.name);

    if (qoq_golden_compare(&report, output, bound, theirs->data) != QOQ_OK) {
        worsen(diff, qoq_cli_trouble("%s: %s/outputs/%s: rule '%s' cannot be read",
                                     qoq_h5_path(diff->ours), c->name, output->tensor.name,
                                     output->rule));
        diff->failed++;
        return;
    }
    printf("%s %s: %zu of %zu elements differ, rule %s: %s\n", c->name, output->tensor.name,
           report.differing, report.elements, output->rule,
           report.differing == 0 ? "equal"
           : report.within       ? "within its rule"
                                 : "DIFFERS");
    if (report.differing > 0) {
        print_first(output, &report);
        print_histogram(&report);
    }
    if (!report.within) {
        print_hints(usable ? c : NULL, output, &report, theirs->data);
    }
    diff->passed += (size_t)report.within;
    diff->failed += (size_t)!report.within;
    worsen(diff, report.within ? QOQ_EXIT_GOOD : QOQ_EXIT_DIFFERS);
}

static void diff_output(struct diff *diff, const struct qoq_golden_case *c, int usable,
                        const struct qoq_golden_tensor *output)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_tensor theirs;

    if (qoq_golden_file_theirs(&theirs, diff->theirs, c->name, output, &err) != QOQ_OK) {
        diff->failed++;
        worsen(diff, qoq_cli_trouble("%s", err.text));
    } else if (theirs.data == NULL) {
        printf("%s %s: missing in %s\n", c->name, output->tensor.name, qoq_h5_path(diff->theirs));
        diff->skipped += (size_t)!diff->require_all;
        diff->failed += (size_t)diff->require_all;
        worsen(diff, diff->require_all ? QOQ_EXIT_DIFFERS : QOQ_EXIT_GOOD);
    } else {
        compare_output(diff, c, usable, output, &theirs);
        qoq_tensor_free(&theirs);
    }
}

/* 1: theirs has the group, or it was asked for; other cases are skipped in one line at the end. */
static int is_wanted(const struct diff *diff, const char *name)
{
    return diff->only != NULL ? strcmp(diff->only, name) == 0
                              : diff->require_all || qoq_h5_exists(diff->theirs, name);
}

static void diff_case(struct diff *diff, const char *name)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_golden_case c;
    int same = 0;

    if (qoq_golden_file_read(&c, diff->ours, name, &err) != QOQ_OK) {
        diff->failed++;
        worsen(diff, qoq_cli_trouble("%s", err.text));
        qoq_golden_case_free(&c);
        return;
    }
    int usable = qoq_golden_check_inputs(&same, &c, NULL) == QOQ_OK;
    for (size_t i = 0; i < c.outputs.count; i++) {
        diff_output(diff, &c, usable, &c.outputs.item[i]);
    }
    qoq_golden_case_free(&c);
}

static void diff_cases(struct diff *diff, const struct qoq_h5_names *names)
{
    size_t compared = 0, absent = 0;

    for (size_t i = 0; i < names->count; i++) {
        if (is_wanted(diff, names->name[i])) {
            diff_case(diff, names->name[i]);
            compared++;
        } else {
            absent += diff->only == NULL;
        }
    }
    diff->skipped += absent;
    if (absent > 0) {
        printf("%zu cases of %s are not in %s\n", absent, qoq_h5_path(diff->ours),
               qoq_h5_path(diff->theirs));
    }
    if (compared == 0 && diff->only != NULL) {
        worsen(diff, qoq_cli_trouble("%s: %s: no such case", qoq_h5_path(diff->ours), diff->only));
    } else if (diff->passed + diff->failed == 0) {
        worsen(diff, qoq_cli_trouble("%s: holds no output of %s", qoq_h5_path(diff->theirs),
                                     qoq_h5_path(diff->ours)));
    }
}

static int run(struct diff *diff, const char *ours, const char *theirs)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_h5_names names = {0, NULL};
    enum qoq_status status = qoq_golden_file_open(&diff->ours, ours, &err);

    if (status == QOQ_OK) {
        status = qoq_h5_open(&diff->theirs, theirs, &err);
    }
    if (status == QOQ_OK) {
        status = qoq_golden_file_names(&names, diff->ours, &err);
    }
    if (status == QOQ_OK) {
        diff_cases(diff, &names);
        printf("%zu passed, %zu failed, %zu skipped\n", diff->passed, diff->failed, diff->skipped);
    } else {
        worsen(diff, qoq_cli_trouble("%s", err.text));
    }
    qoq_h5_names_free(&names);
    qoq_h5_close(&diff->ours);
    qoq_h5_close(&diff->theirs);
    return qoq_cli_finish(diff->status);
}

int qoq_cli_golden_diff(int argc, char **argv)
{
    struct diff diff = {.status = QOQ_EXIT_GOOD};
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":c:", long_options, NULL)) != -1) {
        if (option == 'c') {
            diff.only = optarg;
        } else if (option == OPTION_ALL) {
            diff.require_all = 1;
        } else {
            return qoq_cli_bad_option("golden", argv);
        }
    }
    if (argc - optind != 2) {
        return qoq_cli_misuse("golden", "diff: a golden file and yours are needed");
    }
    return run(&diff, argv[optind], argv[optind + 1]);
}
