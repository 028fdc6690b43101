/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim eval: perplexity of models by the CUDA kernels, on the emulator. */
#include "sim/cli/emulated.h"
#include "sim/cli/options.h"

int qoq_sim_cli_eval(int argc, char **argv)
{
    return qoq_sim_emulated_run(qoq_eval_on, argc, argv);
}
