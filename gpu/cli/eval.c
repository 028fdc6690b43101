/* SPDX-License-Identifier: Apache-2.0 */
/* qoq gpu eval: perplexity and speed of models on a GPU. */
#include "gpu/cli/commands.h"
#include "gpu/cli/gpu_machine.h"

int qoq_gpu_cli_eval(int argc, char **argv)
{
    return qoq_gpu_machine_run(qoq_eval_on, argc, argv);
}
