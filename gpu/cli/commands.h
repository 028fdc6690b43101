/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of qoq-gpu, one a file: argv[0] is the command's name. They return an exit status.
 */
#ifndef QOQ_GPU_CLI_COMMANDS_H
#define QOQ_GPU_CLI_COMMANDS_H

int qoq_gpu_cli_bench(int argc, char **argv);
int qoq_gpu_cli_eval(int argc, char **argv);
int qoq_gpu_cli_generate(int argc, char **argv);
int qoq_gpu_cli_golden(int argc, char **argv);
int qoq_gpu_cli_verify(int argc, char **argv);

#endif
