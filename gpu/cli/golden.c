/* SPDX-License-Identifier: Apache-2.0 */
/* qoq gpu golden: golden cases by the CUDA kernels, on a GPU. */
#include <config.h>

#include <getopt.h>

#include "cli/cli.h"
#include "gpu/cli/commands.h"
#include "gpu/cli/golden_cases.h"

static const char help[] =
    "Usage: qoq gpu golden [OPTION]... [FILE | DIRECTORY]...\n"
    "Computes golden cases with the CUDA kernels on a GPU and compares every bit\n"
    "(also 'qoq golden check --on gpu'). Without a FILE: those that came with the\n"
    "program. A case whose operator has no kernel is skipped, and counted.\n"
    "\n"
    "  -c, --case NAME      only this case\n"
    "      --device N       which GPU (default 0)\n"
    "      --csv            for programs\n"
    "  -h, --help           this text\n"
    "\n"
    "Exit status: 0 all equal, 1 a difference or a kernel that failed, 2 bad input or\n"
    "no GPU.\n";

enum { DEVICE = 1000, CSV };

static const struct option long_options[] = {
    {"case", required_argument, NULL, 'c'},
    {"device", required_argument, NULL, DEVICE},
    {"csv", no_argument, NULL, CSV},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int take(struct qoq_golden_cases *it, size_t *device, int option, char **argv)
{
    switch (option) {
    case 'c':
        it->walk.only = optarg;
        return -1;
    case DEVICE:
        return qoq_cli_parse_size(device, optarg, 0, 1000) == 0
                   ? -1
                   : qoq_cli_misuse("gpu golden", "gpu: --device: %s is not a number", optarg);
    case CSV:
        it->csv = 1;
        return -1;
    case 'h':
        return qoq_cli_help(help);
    default:
        return qoq_cli_bad_option("gpu golden", argv);
    }
}

int qoq_gpu_cli_golden(int argc, char **argv)
{
    struct qoq_golden_cases it = {.on = "gpu"};
    size_t device = 0;
    int exit_status;
    enum qoq_status status;

    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1;) {
        exit_status = take(&it, &device, option, argv);
        if (exit_status >= 0) {
            return exit_status;
        }
    }
    status = qoq_cuda_create(&it.handle, (int)device, NULL);
    if (status != QOQ_OK) {
        return qoq_cli_trouble("gpu: %s: %s", qoq_status_string(status), qoq_cuda_message(NULL));
    }
    exit_status = qoq_golden_cases_print(&it, argc - optind, argv + optind);
    qoq_cuda_destroy(it.handle);
    return exit_status;
}
