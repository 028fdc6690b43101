/* SPDX-License-Identifier: Apache-2.0 */
/* The emulator as a machine for generate and eval. */
#ifndef QOQ_SIM_CLI_EMULATED_H
#define QOQ_SIM_CLI_EMULATED_H

#include "cli/machine.h"

/* Runs a command on the emulator, or says that there is none. */
int qoq_sim_emulated_run(int (*command)(struct qoq_machine *, int, char **), int argc, char **argv);

#endif
