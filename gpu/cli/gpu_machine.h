/* SPDX-License-Identifier: Apache-2.0 */
/* The GPU as a machine for generate and eval: its options, and its handle. */
#ifndef QOQ_GPU_CLI_GPU_MACHINE_H
#define QOQ_GPU_CLI_GPU_MACHINE_H

#include "gpu/cli/device_machine.h"

/* Runs a command on the GPU that its options name. */
int qoq_gpu_machine_run(int (*command)(struct qoq_machine *, int, char **), int argc, char **argv);

#endif
