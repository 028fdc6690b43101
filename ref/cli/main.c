/* SPDX-License-Identifier: Apache-2.0 */
/* The program qoq: picks the subcommand. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"quantize", qoq_cli_quantize}, {"eval", qoq_cli_eval},       {"generate", qoq_cli_generate},
    {"tokenize", qoq_cli_tokenize}, {"inspect", qoq_cli_inspect}, {"golden", qoq_cli_golden},
    {"ablate", qoq_cli_ablate},     {"export", qoq_cli_export},   {"import", qoq_cli_import},
};

static const char help[] =
    "Usage: qoq COMMAND [OPTION]...\n"
    "W4A8KV4 quantization and inference (QServe, QoQ), the same bits everywhere.\n"
    "\n"
    "Commands:\n"
    "  quantize MODEL -o OUT.h5       quantize a Hugging Face model directory\n"
    "  eval MODEL... --tokens FILE    perplexity, size and speed of models\n"
    "  ablate MODEL -o DIRECTORY      what each step buys; methods side by side\n"
    "  generate MODEL                 text from a model\n"
    "  tokenize MODEL TEXT -o FILE    a text as tokens, for eval\n"
    "  inspect FILE                   what a file holds\n"
    "  export MODEL.h5 --to qserve D  a checkpoint that QServe and SGLang load\n"
    "  import DIR -o OUT.h5           a model from such a checkpoint, or lmquant's\n"
    "  golden make|check|diff|list    golden tensors: make, recompute, compare\n"
    "  sim COMMAND                    what it costs on a GPU (program qoq-sim)\n"
    "  gpu COMMAND                    the kernels on a GPU (program qoq-gpu)\n"
    "\n"
    "  -h, --help                     this text, or 'qoq COMMAND --help'\n"
    "  -V, --version                  version\n"
    "\n"
    "Exit status: 0 good, 1 something differs, 2 wrong usage, bad input or a failed\n"
    "read or write.\n";

/* `qoq sim` and `qoq gpu` are separate programs: beside this one (self is how it was called), or on
 * the path. */
static int run_companion(const char *self, char **argv)
{
    const char *program = strcmp(argv[0], "sim") == 0 ? "qoq-sim" : "qoq-gpu";
    const char *slash = strrchr(self, '/');
    char beside[4096];

    if (slash != NULL && (size_t)(slash - self) < sizeof beside - 16) {
        snprintf(beside, sizeof beside, "%.*s/%s", (int)(slash - self), self, program);
        execv(beside, argv);
    }
    execvp(program, argv);
    return qoq_cli_trouble("%s: this part of qoq is not installed (no %s on the path)", argv[0],
                           program);
}

/* The value of --on in `qoq golden check ...`, argv[*at] being the option and *words of its own;
 * NULL: there is none. */
static const char *golden_on(int argc, char **argv, int *at, int *words)
{
    if (argc < 4 || strcmp(argv[1], "golden") != 0 || strcmp(argv[2], "check") != 0) {
        return NULL;
    }
    for (*at = 3; *at < argc; ++*at) {
        *words = strcmp(argv[*at], "--on") == 0 ? 2 : 1;
        if (*words == 2) {
            return *at + 1 < argc ? argv[*at + 1] : NULL;
        }
        if (strncmp(argv[*at], "--on=", 5) == 0) {
            return argv[*at] + 5;
        }
    }
    return NULL;
}

/* `qoq golden check --on emulator ...` is `qoq sim golden ...`, --on gpu is `qoq gpu golden ...`.
 * Returns its arguments (malloc), or NULL for anything else. */
static char **golden_elsewhere(int argc, char **argv)
{
    static char sim[] = "sim", gpu[] = "gpu", golden[] = "golden";
    int at, words, count = 2;
    const char *on = golden_on(argc, argv, &at, &words);
    int emulator = on != NULL && strcmp(on, "emulator") == 0;
    char **list;

    if (on == NULL || (!emulator && strcmp(on, "gpu") != 0)) {
        return NULL;
    }
    list = calloc((size_t)argc + 1, sizeof *list);
    if (list != NULL) {
        list[0] = emulator ? sim : gpu;
        list[1] = golden;
        for (int i = 3; i < argc; i++) {
            if (i < at || i >= at + words) {
                list[count++] = argv[i];
            }
        }
    }
    return list;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs(help, stderr);
        return QOQ_EXIT_TROUBLE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        return qoq_cli_help(help);
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        return qoq_cli_version();
    }
    char **elsewhere = golden_elsewhere(argc, argv);
    if (elsewhere != NULL) {
        int status = run_companion(argv[0], elsewhere);
        free(elsewhere);
        return status;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (strcmp(name, "sim") == 0 || strcmp(name, "gpu") == 0) {
        return run_companion(argv[0], argv + 1);
    }
    qoq_cli_trouble("%s: no such command", name);
    fputs("Try 'qoq --help' for the commands.\n", stderr);
    return QOQ_EXIT_TROUBLE;
}
