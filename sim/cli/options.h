/* SPDX-License-Identifier: Apache-2.0 */
/* Options that the subcommands of qoq-sim share, and the subcommands themselves. */
#ifndef QOQ_SIM_CLI_OPTIONS_H
#define QOQ_SIM_CLI_OPTIONS_H

#include "sim/cli/load.h"
#include "sim/cli/table.h"

/* Subcommands: argv[0] is the subcommand's name. Return an exit status. */
int qoq_sim_cli_gemm(int argc, char **argv);
int qoq_sim_cli_attention(int argc, char **argv);
int qoq_sim_cli_layer(int argc, char **argv);
int qoq_sim_cli_serve(int argc, char **argv);
int qoq_sim_cli_roofline(int argc, char **argv);
int qoq_sim_cli_sweep(int argc, char **argv);
int qoq_sim_cli_compare(int argc, char **argv);
int qoq_sim_cli_explain(int argc, char **argv);
int qoq_sim_cli_reproduce(int argc, char **argv);
int qoq_sim_cli_list(int argc, char **argv);
int qoq_sim_cli_run(int argc, char **argv);
int qoq_sim_cli_golden(int argc, char **argv);
int qoq_sim_cli_generate(int argc, char **argv);
int qoq_sim_cli_eval(int argc, char **argv);

enum { QOQ_SIM_MAX_REPEATS = 32, QOQ_SIM_MAX_NAMES = 64 };

struct qoq_sim_options {
    const char *command; /* "sim gemm" */
    const char *gpu, *scheme, *kv, *model;
    const char *set[QOQ_SIM_MAX_REPEATS], *over[QOQ_SIM_MAX_REPEATS];
    size_t sets, overs;
    char made[QOQ_SIM_MAX_REPEATS][64]; /* settings that options such as --batch stand for */
    const char *plot, *out, *trace;
    int sensitivity, calibrate, prefill;
    int default_batch_fits; /* 1: without --batch the largest batch that fits */
    enum qoq_sim_format format;
    int argument; /* index of the first positional argument */
};

/* Reads the options of a subcommand whose --help is `help`. Returns -1 to go on, or an exit status
 * to return. */
int qoq_sim_options_read(struct qoq_sim_options *options, const char *command, const char *help,
                         int argc, char **argv);

/* Loads what the options name into a fresh case and applies every --set. Returns -1, or an exit
 * status after a message. */
int qoq_sim_options_load(struct qoq_sim_case *it, const struct qoq_sim_options *options);

/* The same with one scheme or GPU in place of the options' own. NULL: the options'. */
int qoq_sim_options_load_as(struct qoq_sim_case *it, const struct qoq_sim_options *options,
                            const char *gpu, const char *scheme, const char *kv);

/* Splits "a,b,c" in place; returns the number of names, or -1 where there are more than
 * QOQ_SIM_MAX_NAMES. */
int qoq_sim_split(char *names[QOQ_SIM_MAX_NAMES], char *list);

/* Prints tables in the options' format and frees them; returns the exit status. */
int qoq_sim_print(const struct qoq_sim_options *options, struct qoq_sim_table *table, size_t count);

#endif
