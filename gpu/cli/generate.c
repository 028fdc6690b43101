/* SPDX-License-Identifier: Apache-2.0 */
/* qoq gpu generate: text from a model on a GPU. */
#include "gpu/cli/commands.h"
#include "gpu/cli/gpu_machine.h"

int qoq_gpu_cli_generate(int argc, char **argv)
{
    return qoq_gpu_machine_run(qoq_generate_on, argc, argv);
}
