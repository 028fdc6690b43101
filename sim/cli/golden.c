/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim golden: golden cases by the CUDA kernels, on the emulator. */
#include <config.h>

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "sim/cli/options.h"

static const char help[] =
    "Usage: qoq sim golden [OPTION]... [FILE | DIRECTORY]...\n"
    "Computes golden cases with the CUDA kernels on the emulator and compares every bit\n"
    "(also 'qoq golden check --on emulator'). Without a FILE: those that came with the\n"
    "program. A case whose operator has no kernel is skipped, and counted.\n"
    "\n"
    "  -c, --case NAME      only this case\n"
    "      --schedule NAME  order of lanes, warps and blocks, as in 'qoq sim run'\n"
    "      --csv            for programs\n"
    "  -h, --help           this text\n"
    "\n"
    "Exit status: 0 all equal, 1 a difference or a fault of a kernel, 2 bad input.\n";

#if HAVE_EMULATOR

#include "gpu/cli/golden_cases.h"
#include "sim/emu/emu.h"

enum { SCHEDULE = 1000, CSV };

static const struct option long_options[] = {
    {"case", required_argument, NULL, 'c'},
    {"schedule", required_argument, NULL, SCHEDULE},
    {"csv", no_argument, NULL, CSV},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct golden {
    struct qoq_golden_cases cases; /* first, so that one is the other */
    struct qoq_emu_options emu;
    char on[40]; /* "emulator", with the schedule if it is not the usual one */
};

/* Another emulator for every case: a kernel that failed leaves nothing behind. */
static void renew(struct qoq_golden_cases *cases)
{
    struct golden *it = (struct golden *)cases;

    if (cases->handle != NULL) {
        qoq_cuda_destroy(cases->handle);
        cases->handle = NULL;
    }
    if (qoq_emu_create(&cases->handle, &it->emu) != QOQ_OK) {
        cases->handle = NULL;
        cases->walk.stop = 1;
        qoq_golden_walk_worsen(&cases->walk, qoq_cli_trouble("sim golden: not enough memory"));
    }
}

static int take(struct golden *it, int option, char **argv)
{
    int schedule;

    switch (option) {
    case 'c':
        it->cases.walk.only = optarg;
        return -1;
    case SCHEDULE:
        schedule = qoq_emu_schedule_of(optarg);
        if (schedule < 0) {
            return qoq_cli_misuse("sim golden", "sim golden: --schedule: %s: no such schedule",
                                  optarg);
        }
        it->emu.schedule = (enum qoq_emu_schedule)schedule;
        snprintf(it->on, sizeof it->on, "emulator --schedule %s", optarg);
        return -1;
    case CSV:
        it->cases.csv = 1;
        return -1;
    case 'h':
        return qoq_cli_help(help);
    default:
        return qoq_cli_bad_option("sim golden", argv);
    }
}

int qoq_sim_cli_golden(int argc, char **argv)
{
    struct golden it = {.cases = {.on = it.on, .rest = renew},
                        .on = "emulator",
                        .emu = {.schedule = QOQ_EMU_FORWARD, .seed = 1}};
    int status;

    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1;) {
        status = take(&it, option, argv);
        if (status >= 0) {
            return status;
        }
    }
    renew(&it.cases);
    status = qoq_golden_cases_print(&it.cases, argc - optind, argv + optind);
    if (it.cases.handle != NULL) {
        qoq_cuda_destroy(it.cases.handle);
    }
    return status;
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
