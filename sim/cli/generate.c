/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim generate: text from a model by the CUDA kernels, on the emulator. */
#include "sim/cli/emulated.h"
#include "sim/cli/options.h"

int qoq_sim_cli_generate(int argc, char **argv)
{
    return qoq_sim_emulated_run(qoq_generate_on, argc, argv);
}
