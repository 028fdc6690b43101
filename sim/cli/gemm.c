/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim gemm: one matrix product. */
#include <config.h>

#include "cli/cli.h"
#include "sim/cli/help.h"
#include "sim/cli/kernels.h"
#include "sim/cli/options.h"

static const char help[] =
    "Usage: qoq sim gemm [OPTION]...\n"
    "Time of one quantized matrix product, what binds it, and how busy each resource is.\n"
    "\n" QOQ_SIM_HELP_WHAT QOQ_SIM_HELP_GEMM QOQ_SIM_HELP_COMMON;

int qoq_sim_cli_gemm(int argc, char **argv)
{
    struct qoq_sim_options options;
    struct qoq_sim_case it;
    struct qoq_sim_gemm_cost cost;
    struct qoq_sim_table table;
    int status = qoq_sim_options_read(&options, "sim gemm", help, argc, argv);

    if (status >= 0) {
        return status;
    }
    options.scheme = options.scheme ? options.scheme : "w4a8-qserve";
    if ((status = qoq_sim_options_load(&it, &options)) >= 0) {
        return status;
    }
    const char *reason = qoq_sim_case_gemm(&cost, &it);
    if (reason) {
        return qoq_cli_trouble("%s on %s: %s", it.scheme.head.name, it.gpu.head.name, reason);
    }
    qoq_sim_table_begin(&table, "gemm", qoq_sim_gemm_columns, QOQ_SIM_GEMM_COLUMNS);
    qoq_sim_gemm_row(&table, &it, &cost);
    return qoq_sim_print(&options, &table, 1);
}
