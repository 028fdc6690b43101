/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `qoq golden`, one a file. argv[0] is the part's name; they return an exit status. */
#ifndef QOQ_CLI_GOLDEN_H
#define QOQ_CLI_GOLDEN_H

int qoq_cli_golden_make(int argc, char **argv);
int qoq_cli_golden_check(int argc, char **argv);
int qoq_cli_golden_diff(int argc, char **argv);

#endif
