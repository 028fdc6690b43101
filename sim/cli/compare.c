/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim compare: schemes or GPUs side by side, for one product or for a whole server. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "sim/cli/help.h"
#include "sim/cli/kernels.h"
#include "sim/cli/options.h"
#include "sim/cost/serving.h"

static const char help[] =
    "Usage: qoq sim compare [OPTION]...\n"
    "Schemes and GPUs side by side; both take lists, as in --scheme fp16,w8a8 --gpu "
    "l40s,h100-sxm.\n"
    "Without --model one matrix product; with it a server with the cache --kv.\n"
    "\n" QOQ_SIM_HELP_WHAT QOQ_SIM_HELP_GEMM "  -M, --model NAME         model to serve\n"
    "  -c, --kv NAME            its cache (default kv8)\n"
    "      --batch N            sequences; 0: as many as fit\n" QOQ_SIM_HELP_COMMON;

static const struct qoq_sim_column columns[] = {
    {"gpu", 4},         {"scheme", 4}, {"time_us", 4},     {"tops", 4},
    {"speed_ratio", 3}, {"bound", 4},  {"dequant_pct", 3}, {"note", 4},
};
static const struct qoq_sim_column serve_columns[] = {
    {"gpu", 4},       {"scheme", 4},        {"kv", 4},
    {"batch", 4},     {"tokens_per_s", 4},  {"speed_ratio", 3},
    {"prefill_s", 3}, {"decode_gemm_s", 3}, {"decode_attention_s", 3},
    {"note", 4},
};

/* Returns the speed for the ratio of the rows that follow; 0: none. */
static double gemm_row(struct qoq_sim_table *table, const struct qoq_sim_case *it, double first)
{
    struct qoq_sim_gemm_cost cost;
    const char *reason = qoq_sim_case_gemm(&cost, it);

    qoq_sim_table_text(table, it->gpu.head.name);
    qoq_sim_table_text(table, it->scheme.head.name);
    if (reason) {
        for (int i = 0; i < 5; i++) {
            qoq_sim_table_empty(table);
        }
        qoq_sim_table_text(table, reason);
        return 0;
    }
    qoq_sim_table_number(table, cost.seconds * 1e6);
    qoq_sim_table_number(table, 2 * it->work.m * it->work.n * it->work.k / cost.seconds * 1e-12);
    qoq_sim_table_number(table, first > 0 ? 1 / cost.seconds / first : 1);
    qoq_sim_table_text(table, qoq_sim_gemm_bound(&cost));
    qoq_sim_table_number(table, 100 * cost.dequantization);
    qoq_sim_table_empty(table);
    return 1 / cost.seconds;
}

static double serve_row(struct qoq_sim_table *table, const struct qoq_sim_case *it, double first)
{
    struct qoq_sim_serving out;
    enum qoq_sim_outcome outcome = qoq_sim_serve(&out, it);

    qoq_sim_table_text(table, it->gpu.head.name);
    qoq_sim_table_text(table, it->scheme.head.name);
    qoq_sim_table_text(table, it->kv.head.name);
    if (outcome != QOQ_SIM_SERVES) {
        for (int i = 0; i < 6; i++) {
            qoq_sim_table_empty(table);
        }
        qoq_sim_table_text(table, outcome == QOQ_SIM_OUT_OF_MEMORY ? "out of memory" : out.reason);
        return 0;
    }
    qoq_sim_table_number(table, out.batch);
    qoq_sim_table_number(table, out.tokens_per_second);
    qoq_sim_table_number(table, first > 0 ? out.tokens_per_second / first : 1);
    qoq_sim_table_number(table, out.prefill);
    qoq_sim_table_number(table, out.decode_gemm);
    qoq_sim_table_number(table, out.decode_attention);
    qoq_sim_table_empty(table);
    return out.tokens_per_second;
}

static int fill(struct qoq_sim_table *table, const struct qoq_sim_options *options,
                char *const *gpu, int gpus, char *const *scheme, int schemes)
{
    double first = 0;

    for (int i = 0; i < gpus * schemes; i++) {
        struct qoq_sim_case it;
        int status =
            qoq_sim_options_load_as(&it, options, gpu[i / schemes], scheme[i % schemes], NULL);
        if (status >= 0) {
            return status;
        }
        double speed = options->model ? serve_row(table, &it, first) : gemm_row(table, &it, first);
        first = first > 0 ? first : speed;
    }
    return -1;
}

int qoq_sim_cli_compare(int argc, char **argv)
{
    struct qoq_sim_options options;
    struct qoq_sim_table table;
    char gpu_list[2048], scheme_list[2048], *gpu[QOQ_SIM_MAX_NAMES], *scheme[QOQ_SIM_MAX_NAMES];
    int status = qoq_sim_options_read(&options, "sim compare", help, argc, argv);

    if (status >= 0) {
        return status;
    }
    if (!options.scheme) {
        options.scheme =
            "fp16,w8a8,w4a16,w4a4-atom,w4a8-naive,w4a8-qserve-g128,w4a8-qserve,w4a8-qoq-g128";
    }
    if (options.model && !options.kv) {
        options.kv = "kv8";
    }
    options.default_batch_fits = 1;
    if (strlen(options.gpu) >= sizeof gpu_list || strlen(options.scheme) >= sizeof scheme_list) {
        return qoq_cli_misuse("sim compare", "sim compare: a list is too long");
    }
    strcpy(gpu_list, options.gpu);
    strcpy(scheme_list, options.scheme);
    int gpus = qoq_sim_split(gpu, gpu_list), schemes = qoq_sim_split(scheme, scheme_list);
    if (gpus < 1 || schemes < 1) {
        return qoq_cli_misuse("sim compare", "sim compare: a list must have 1 to %d names",
                              QOQ_SIM_MAX_NAMES);
    }
    qoq_sim_table_begin(&table, "compare", options.model ? serve_columns : columns,
                        options.model ? sizeof serve_columns / sizeof serve_columns[0]
                                      : sizeof columns / sizeof columns[0]);
    if ((status = fill(&table, &options, gpu, gpus, scheme, schemes)) >= 0) {
        qoq_sim_table_free(&table);
        return status;
    }
    return qoq_sim_print(&options, &table, 1);
}
