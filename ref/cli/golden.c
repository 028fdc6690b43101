/* SPDX-License-Identifier: Apache-2.0 */
/* qoq golden: golden tensors. Picks the part; lists operators. */
#include <config.h>

#include "cli/golden.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "golden/operator.h"

static const char help[] =
    "Usage: qoq golden make --operator NAME [OPTION]... -o OUT.h5\n"
    "       qoq golden make --all DIRECTORY\n"
    "       qoq golden check [OPTION]... [FILE|DIRECTORY]...\n"
    "       qoq golden diff GOLDEN.h5 YOURS.h5 [--case NAME] [--require-all]\n"
    "       qoq golden list [OPERATOR]...\n"
    "Golden tensors: inputs and the outputs that the specification demands.\n"
    "\n"
    "make:\n"
    "  -O, --operator NAME     operator of a new case; 'qoq golden list' shows all\n"
    "  -s, --set NAME=VALUE    a parameter of it; may be repeated\n"
    "  -i, --inputs KIND       the kind of inputs, a word of 'qoq golden list'\n"
    "  -S, --seed N            seed of the inputs (default 1)\n"
    "  -N, --name NAME         name of the case (default: the operator)\n"
    "  -o, --output FILE       the file to write\n"
    "  -a, --all DIRECTORY     the committed cases and their MANIFEST instead\n"
    "\n"
    "check: makes inputs and outputs again on this machine and compares, bit by bit.\n"
    "  Without files: the golden files of the installation, or of $QOQ_DATADIR.\n"
    "  A directory is checked against its MANIFEST.\n"
    "      --digest            only print one SHA-256 over all recomputed outputs\n"
    "      --csv               comma-separated values with a header\n"
    "  -c, --case NAME         only this case\n"
    "      --on emulator       by the CUDA kernels on this CPU: 'qoq sim golden'\n"
    "      --on gpu            by the CUDA kernels on a GPU: 'qoq gpu golden'\n"
    "\n"
    "diff: YOURS.h5 holds your outputs under the names of GOLDEN.h5,\n"
    "  CASE/outputs/NAME.\n"
    "  Says where the first difference is, how large differences are, and what\n"
    "  they usually mean. What YOURS.h5 lacks is skipped.\n"
    "  -c, --case NAME         only this case\n"
    "      --require-all       a missing output is a failure\n"
    "\n"
    "  -h, --help              this text\n"
    "\n"
    "Exit status: 0 equal, 1 something differs, 2 wrong usage, bad input or a failed\n"
    "read or write.\n";

static void print_operator(const struct qoq_golden_operator *op)
{
    printf("%s\n    %s (profile %s, N %s)\n    inputs: %s\n", op->name, op->description,
           op->profile, op->clauses, op->kinds);
    for (const struct qoq_golden_parameter_spec *p = op->parameters; p->name != NULL; p++) {
        printf("    %-10s default %-8.10g %.10g to %.10g  %s\n", p->name, p->value, p->lo, p->hi,
               p->help);
    }
}

static int list(int argc, char **argv)
{
    const struct qoq_golden_operator *op;

    for (int i = 1; i < argc; i++) {
        op = qoq_golden_operator_find(argv[i]);
        if (op == NULL) {
            return qoq_cli_misuse("golden", "%s: no such operator", argv[i]);
        }
        print_operator(op);
    }
    for (size_t i = 0; argc == 1 && (op = qoq_golden_operator_at(i)) != NULL; i++) {
        print_operator(op);
    }
    return qoq_cli_finish(QOQ_EXIT_GOOD);
}

int qoq_cli_golden(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } parts[] = {{"make", qoq_cli_golden_make},
                 {"check", qoq_cli_golden_check},
                 {"diff", qoq_cli_golden_diff},
                 {"list", list}};

    if (argc < 2) {
        return qoq_cli_misuse("golden", "golden: make, check, diff or list?");
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return qoq_cli_help(help);
        }
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(argv[1], parts[i].name) == 0) {
            return parts[i].run(argc - 1, argv + 1);
        }
    }
    return qoq_cli_misuse("golden", "golden: %s: not one of make, check, diff, list", argv[1]);
}
