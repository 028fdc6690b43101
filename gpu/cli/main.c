/* SPDX-License-Identifier: Apache-2.0 */
/* The program qoq-gpu, also started as `qoq gpu`: runs the command that it is given. */
#include <config.h>

#include <string.h>

#include "cli/cli.h"
#include "gpu/cli/commands.h"

static const char help[] =
    "Usage: qoq gpu COMMAND [OPTION]...\n"
    "The CUDA kernels on a GPU.\n"
    "\n"
    "  bench                  speed, beside cuBLASLt and what the chip reaches\n"
    "  eval MODEL...          perplexity, size and speed of models\n"
    "  generate MODEL         text from a model\n"
    "  golden [FILE]...       golden cases by the kernels, a row each\n"
    "  verify                 golden cases, then random shapes, every bit\n"
    "\n"
    "  -h, --help             this text, or 'qoq gpu COMMAND --help'\n"
    "  -V, --version          version\n"
    "\n"
    "Exit status: 0 good, 1 something differs, 2 wrong usage or no GPU.\n";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"bench", qoq_gpu_cli_bench},       {"eval", qoq_gpu_cli_eval},
    {"generate", qoq_gpu_cli_generate}, {"golden", qoq_gpu_cli_golden},
    {"verify", qoq_gpu_cli_verify},
};

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "(nothing)";

    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        return qoq_cli_version();
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        return qoq_cli_help(help);
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return qoq_cli_misuse("gpu", "gpu: %s: no such command", name);
}
