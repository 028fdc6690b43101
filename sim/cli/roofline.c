/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim roofline: roofs of schemes over the number of tokens, ridges and crossovers. */
#include <config.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "sim/cli/help.h"
#include "sim/cli/kernels.h"
#include "sim/cli/options.h"
#include "sim/cli/plot.h"
#include "sim/cost/roofline.h"

static const char help[] =
    "Usage: qoq sim roofline [OPTION]...\n"
    "Attainable TOP/s of schemes over the number of tokens: the roofline, and the full model for n "
    "x k.\n"
    "\n" QOQ_SIM_HELP_WHAT
    "  -s, --scheme A,B,...     schemes (default w4a16,w8a8,w4a8-qserve,fp16)\n"
    "  -n N, -k K               weight matrix of the full model (default 4096 x 4096)\n"
    "      --plot FILE          also draws it (svg, png or pdf; needs "
    "gnuplot)\n" QOQ_SIM_HELP_COMMON;

static const struct qoq_sim_column columns[] = {
    {"scheme", 4}, {"m", 6}, {"roof_tops", 4}, {"model_tops", 4}, {"ridge_m", 4}, {"peak_tops", 4}};

static int add_scheme(struct qoq_sim_table *table, struct qoq_sim_case *it)
{
    static const double tokens[] = {1,  2,   4,   8,   16,  32,  48,  64,  78,
                                    96, 128, 156, 192, 256, 384, 512, 1024};
    struct qoq_sim_gemm_cost cost;

    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        it->work.m = tokens[i];
        const char *reason = qoq_sim_case_gemm(&cost, it);
        if (reason) {
            return qoq_cli_trouble("%s on %s: %s", it->scheme.head.name, it->gpu.head.name, reason);
        }
        qoq_sim_table_text(table, it->scheme.head.name);
        qoq_sim_table_number(table, tokens[i]);
        qoq_sim_table_number(table, qoq_sim_roof(&it->gpu, &it->scheme, tokens[i]) * 1e-12);
        qoq_sim_table_number(table, 2 * tokens[i] * it->work.n * it->work.k / cost.seconds * 1e-12);
        qoq_sim_table_number(table, qoq_sim_ridge(&it->gpu, &it->scheme));
        qoq_sim_table_number(table, qoq_sim_peak(&it->gpu, &it->scheme) * 1e-12);
    }
    return -1;
}

int qoq_sim_cli_roofline(int argc, char **argv)
{
    struct qoq_sim_options options;
    struct qoq_sim_table table;
    struct qoq_sim_case it;
    char list[2048], *name[QOQ_SIM_MAX_NAMES];
    int status = qoq_sim_options_read(&options, "sim roofline", help, argc, argv);

    if (status >= 0) {
        return status;
    }
    options.scheme = options.scheme ? options.scheme : "w4a16,w8a8,w4a8-qserve,fp16";
    if (strlen(options.scheme) >= sizeof list) {
        return qoq_cli_misuse("sim roofline", "sim roofline: list too long");
    }
    strcpy(list, options.scheme);
    int count = qoq_sim_split(name, list);
    if (count < 1) {
        return qoq_cli_misuse("sim roofline", "sim roofline: a list must have 1 to %d names",
                              QOQ_SIM_MAX_NAMES);
    }
    qoq_sim_table_begin(&table, "roofline", columns, sizeof columns / sizeof columns[0]);
    for (int i = 0; i < count; i++) {
        if ((status = qoq_sim_options_load_as(&it, &options, NULL, name[i], NULL)) >= 0 ||
            (status = add_scheme(&table, &it)) >= 0) {
            qoq_sim_table_free(&table);
            return status;
        }
    }
    struct qoq_sim_plot plot = {options.plot, "Roofline", "tokens m", "TOP/s", 1, 1, 0, 1, 3, 0};
    if (options.plot && (status = qoq_sim_plot(&plot, &table)) >= 0) {
        qoq_sim_table_free(&table);
        return status;
    }
    return qoq_sim_print(&options, &table, 1);
}
