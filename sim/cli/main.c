/* SPDX-License-Identifier: Apache-2.0 */
/* The program qoq-sim, also started as `qoq sim`: picks the subcommand. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "sim/cli/options.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"gemm", qoq_sim_cli_gemm},
    {"attention", qoq_sim_cli_attention},
    {"layer", qoq_sim_cli_layer},
    {"serve", qoq_sim_cli_serve},
    {"roofline", qoq_sim_cli_roofline},
    {"sweep", qoq_sim_cli_sweep},
    {"compare", qoq_sim_cli_compare},
    {"explain", qoq_sim_cli_explain},
    {"reproduce", qoq_sim_cli_reproduce},
    {"list", qoq_sim_cli_list},
    {"run", qoq_sim_cli_run},
    {"golden", qoq_sim_cli_golden},
    {"generate", qoq_sim_cli_generate},
    {"eval", qoq_sim_cli_eval},
};

static const char help[] =
    "Usage: qoq sim COMMAND [OPTION]...\n"
    "Predicts what quantized inference costs on GPUs that exist and GPUs that do not, and why.\n"
    "\n"
    "Commands:\n"
    "  gemm         one matrix product: time and breakdown\n"
    "  attention    one decode attention over a quantized cache\n"
    "  layer        the kernels of one layer of a model\n"
    "  serve        a server: batch that fits, tokens per second, dollars and joules\n"
    "  roofline     roofs of schemes, ridges and crossovers\n"
    "  compare      schemes or GPUs side by side\n"
    "  explain      one prediction as a derivation\n"
    "  sweep        any field over lists and ranges\n"
    "  reproduce    the tables of the QServe paper beside the published values\n"
    "  run          a CUDA kernel on this CPU: checked against the reference, counted\n"
    "  golden       golden tensors by the CUDA kernels on this CPU\n"
    "  generate     text from a model by the CUDA kernels on this CPU, compared\n"
    "  eval         perplexity of models, likewise\n"
    "  list         the GPUs, schemes, caches and models at hand, and the fields of --set\n"
    "\n"
    "  -h, --help      this text, or 'qoq sim COMMAND --help'\n"
    "  -V, --version   version\n"
    "\n"
    "The derivation is doc/cost-model.md. Descriptions are looked for in $QOQ_DATADIR, else where "
    "they\n"
    "were installed. Exit status: 0 good, 1 a check failed, 2 wrong usage, bad input or a failed "
    "write.\n";

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
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    qoq_cli_trouble("sim: %s: no such command", name);
    fputs("Try 'qoq sim --help' for the commands.\n", stderr);
    return QOQ_EXIT_TROUBLE;
}
