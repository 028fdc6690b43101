/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim attention: one decode attention. */
#include <config.h>

#include "cli/cli.h"
#include "sim/cli/help.h"
#include "sim/cli/kernels.h"
#include "sim/cli/options.h"

static const char help[] =
    "Usage: qoq sim attention [OPTION]...\n"
    "Time of one decode step of attention over a quantized cache in one layer, and what binds it.\n"
    "\n" QOQ_SIM_HELP_WHAT QOQ_SIM_HELP_ATTENTION QOQ_SIM_HELP_COMMON;

int qoq_sim_cli_attention(int argc, char **argv)
{
    struct qoq_sim_options options;
    struct qoq_sim_case it;
    struct qoq_sim_attention_cost cost;
    struct qoq_sim_table table;
    int status = qoq_sim_options_read(&options, "sim attention", help, argc, argv);

    if (status >= 0) {
        return status;
    }
    options.kv = options.kv ? options.kv : "kv4-qserve";
    if ((status = qoq_sim_options_load(&it, &options)) >= 0) {
        return status;
    }
    if (it.work.batch < 1) {
        return qoq_cli_misuse("sim attention", "sim attention: --batch must be at least 1");
    }
    qoq_sim_case_attention(&cost, &it, options.model != NULL);
    it.work.q_heads = options.model ? it.model.q_heads : it.work.q_heads;
    qoq_sim_table_begin(&table, "attention", qoq_sim_attention_columns, QOQ_SIM_ATTENTION_COLUMNS);
    qoq_sim_attention_row(&table, &it, &cost);
    return qoq_sim_print(&options, &table, 1);
}
