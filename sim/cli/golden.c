/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim golden: golden cases by the CUDA kernels, on the emulator. */
#include <config.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "sim/cli/options.h"

static const char help[] =
    "Usage: qoq sim golden [FILE | DIRECTORY]... [--schedule NAME] [--csv]\n"
    "Computes golden cases with the CUDA kernels on the emulator and compares every bit\n"
    "(also 'qoq golden check --on emulator'). Without a FILE: those that came with the\n"
    "program. A case whose operator has no kernel is skipped, and counted.\n"
    "\n"
    "      --schedule NAME  order of lanes, warps and blocks, as in 'qoq sim run'\n"
    "      --csv            for programs\n"
    "  -h, --help           this text\n"
    "\n"
    "Exit status: 0 all equal, 1 a difference or a fault of a kernel, 2 bad input.\n";

#if HAVE_EMULATOR

#include "data/file.h"
#include "data/golden_file.h"
#include "data/golden_manifest.h"
#include "golden/cases.h"
#include "sim/cli/golden_run.h"
#include "sim/emu/emu.h"

enum { SCHEDULE = 1000, CSV };

static const struct option long_options[] = {
    {"schedule", required_argument, NULL, SCHEDULE},
    {"csv", no_argument, NULL, CSV},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct golden {
    struct qoq_emu_options emu;
    int csv;
    size_t passed, failed, skipped;
    int status;
};

static void worsen(struct golden *it, int status)
{
    it->status = status > it->status ? status : it->status;
}

static void print_row(struct golden *it, const struct qoq_golden_case *c, size_t elements,
                      size_t differing, const char *verdict)
{
    printf(it->csv ? "%s,%zu,%zu,%s\n" : "%-44s %9zu %9zu  %s\n", c->name, elements, differing,
           verdict);
}

/* A case whose inputs are in order. */
static void run_case(struct golden *it, const struct qoq_golden_case *c, const char *path)
{
    size_t elements = 0, differing = 0;
    struct qoq_cuda *handle;
    enum qoq_status status = qoq_emu_create(&handle, &it->emu);

    if (status != QOQ_OK) {
        worsen(it, qoq_cli_trouble("sim golden: %s", qoq_status_string(status)));
        return;
    }
    status = qoq_sim_golden_run(handle, &elements, &differing, c);
    if (status == QOQ_ERR_UNSUPPORTED) {
        it->skipped++;
    } else if (status == QOQ_OK) {
        print_row(it, c, elements, differing, differing == 0 ? "ok" : "DIFFERS");
        it->passed += differing == 0;
        it->failed += differing != 0;
        worsen(it, differing == 0 ? QOQ_EXIT_GOOD : QOQ_EXIT_DIFFERS);
    } else {
        qoq_cli_trouble("%s: %s: %s", path, c->name,
                        status == QOQ_ERR_DEVICE ? qoq_cuda_message(handle)
                                                 : qoq_status_string(status));
        it->failed++;
        worsen(it, status == QOQ_ERR_DEVICE ? QOQ_EXIT_DIFFERS : QOQ_EXIT_TROUBLE);
    }
    qoq_cuda_destroy(handle);
}

static void read_case(struct golden *it, struct qoq_h5 *file, const char *name)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_golden_case c;
    enum qoq_status status = qoq_golden_file_read(&c, file, name, &err);
    int same;

    if (status == QOQ_OK) {
        status = qoq_golden_check_inputs(&same, &c, &err);
    }
    if (status == QOQ_OK) {
        run_case(it, &c, qoq_h5_path(file));
    } else {
        it->failed++;
        worsen(it, qoq_cli_trouble("%s: %s", qoq_h5_path(file), err.text));
    }
    qoq_golden_case_free(&c);
}

static void check_file(struct golden *it, const char *path)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_h5 *file = NULL;
    struct qoq_h5_names names = {0, NULL};
    enum qoq_status status = qoq_golden_file_open(&file, path, &err);

    if (status == QOQ_OK) {
        status = qoq_golden_file_names(&names, file, &err);
    }
    if (status != QOQ_OK) {
        it->failed++;
        worsen(it, qoq_cli_trouble("%s", err.text));
    }
    for (size_t i = 0; i < names.count; i++) {
        read_case(it, file, names.name[i]);
    }
    qoq_h5_names_free(&names);
    qoq_h5_close(&file);
}

static void check_directory(struct golden *it, const char *directory)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_golden_manifest manifest;
    char *path = qoq_file_join(directory, "MANIFEST");

    if (path == NULL || qoq_golden_manifest_read(&manifest, path, &err) != QOQ_OK) {
        it->failed++;
        worsen(it, qoq_cli_trouble("%s", path != NULL ? err.text : "not enough memory"));
        free(path);
        return;
    }
    free(path);
    for (size_t i = 0; i < manifest.count; i++) {
        path = qoq_file_join(directory, manifest.item[i].file);
        if (path != NULL) {
            check_file(it, path);
        }
        free(path);
    }
}

static void check_default(struct golden *it)
{
    const char *data = getenv("QOQ_DATADIR");
    char *directory = qoq_file_join(data != NULL ? data : QOQ_PKGDATADIR, "golden");

    if (directory != NULL) {
        check_directory(it, directory);
    }
    free(directory);
}

static int take(struct golden *it, int option, char **argv)
{
    int schedule;

    switch (option) {
    case SCHEDULE:
        schedule = qoq_emu_schedule_of(optarg);
        if (schedule < 0) {
            return qoq_cli_misuse("sim golden", "sim golden: --schedule: %s: no such schedule",
                                  optarg);
        }
        it->emu.schedule = (enum qoq_emu_schedule)schedule;
        return -1;
    case CSV:
        it->csv = 1;
        return -1;
    case 'h':
        return qoq_cli_help(help);
    default:
        return qoq_cli_bad_option("sim golden", argv);
    }
}

int qoq_sim_cli_golden(int argc, char **argv)
{
    struct golden it = {.status = QOQ_EXIT_GOOD, .emu = {.schedule = QOQ_EMU_FORWARD, .seed = 1}};

    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
        int status = take(&it, option, argv);

        if (status >= 0) {
            return status;
        }
    }
    if (it.csv) {
        puts("case,elements,differing,verdict");
    } else {
        printf("%-44s %9s %9s  %s\n", "case", "elements", "differing", "verdict");
    }
    for (int i = optind; i < argc; i++) {
        if (qoq_file_is_directory(argv[i])) {
            check_directory(&it, argv[i]);
        } else {
            check_file(&it, argv[i]);
        }
    }
    if (optind == argc) {
        check_default(&it);
    }
    if (!it.csv) {
        printf("%zu passed, %zu failed, %zu skipped\n", it.passed, it.failed, it.skipped);
    }
    return qoq_cli_finish(it.status);
}

#else

int qoq_sim_cli_golden(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        return qoq_cli_help(help);
    }
    return qoq_cli_trouble("sim golden: this program was built without a C++17 compiler");
}

#endif
