/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim golden: golden cases by the CUDA kernels, on the emulator. */
#include <config.h>

#include <getopt.h>
#include <stdio.h>
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

#include "cli/golden_walk.h"
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
    struct qoq_golden_walk walk;
    struct qoq_emu_options emu;
    int csv;
};

static void print_row(struct golden *it, const struct qoq_golden_case *c, size_t elements,
                      size_t differing, const char *verdict)
{
    printf(it->csv ? "%s,%zu,%zu,%s\n" : "%-44s %9zu %9zu  %s\n", c->name, elements, differing,
           verdict);
}

static void run_case(struct qoq_golden_walk *walk, const struct qoq_golden_case *c,
                     const char *path, int same_inputs)
{
    struct golden *it = (struct golden *)walk;
    size_t elements = 0, differing = 0;
    struct qoq_cuda *handle;
    enum qoq_status status = qoq_emu_create(&handle, &it->emu);

    (void)same_inputs; /* kernels take anybody's */
    if (status != QOQ_OK) {
        qoq_golden_walk_fail(walk, path, qoq_status_string(status));
        return;
    }
    status = qoq_sim_golden_run(handle, &elements, &differing, c);
    if (status == QOQ_ERR_UNSUPPORTED) {
        walk->skipped++;
    } else if (status == QOQ_OK) {
        print_row(it, c, elements, differing, differing == 0 ? "ok" : "DIFFERS");
        walk->passed += differing == 0;
        walk->failed += differing != 0;
        qoq_golden_walk_worsen(walk, differing == 0 ? QOQ_EXIT_GOOD : QOQ_EXIT_DIFFERS);
    } else {
        qoq_cli_trouble("%s: %s: %s", path, c->name,
                        status == QOQ_ERR_DEVICE ? qoq_cuda_message(handle)
                                                 : qoq_status_string(status));
        walk->failed++;
        qoq_golden_walk_worsen(walk,
                               status == QOQ_ERR_DEVICE ? QOQ_EXIT_DIFFERS : QOQ_EXIT_TROUBLE);
    }
    qoq_cuda_destroy(handle);
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
    struct golden it = {.walk = {.visit = run_case, .status = QOQ_EXIT_GOOD},
                        .emu = {.schedule = QOQ_EMU_FORWARD, .seed = 1}};

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
    qoq_golden_walk_paths(&it.walk, argc - optind, argv + optind);
    if (!it.csv) {
        printf("%zu passed, %zu failed, %zu skipped\n", it.walk.passed, it.walk.failed,
               it.walk.skipped);
    }
    return qoq_cli_finish(it.walk.status);
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
