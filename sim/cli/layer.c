/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim layer: the kernels of one layer of a model. */
#include <config.h>

#include "cli/cli.h"
#include "sim/cli/help.h"
#include "sim/cli/kernels.h"
#include "sim/cli/options.h"
#include "sim/cli/plot.h"
#include "sim/cost/layer.h"

static const char help[] =
    "Usage: qoq sim layer --model NAME [OPTION]...\n"
    "The kernels of one layer in a decode step of --batch sequences with --length cached tokens, "
    "or in\n"
    "the prefill of --batch prompts of --length tokens.\n"
    "\n" QOQ_SIM_HELP_WHAT "  -M, --model NAME         model (default llama-2-7b)\n"
    "  -s, --scheme NAME        scheme of the products (default w4a8-qserve)\n"
    "  -c, --kv NAME            cache (default kv4-qserve)\n"
    "      --batch N, --length N, --tp N\n"
    "      --prefill            prefill instead of decode\n"
    "      --plot FILE          also draws it (svg, png or pdf; needs "
    "gnuplot)\n" QOQ_SIM_HELP_COMMON;

static const struct qoq_sim_column columns[] = {
    {"kernel", 4}, {"count", 4}, {"n", 9}, {"k", 9}, {"time_us", 4}, {"share_pct", 3}, {"bound", 4},
};

static void row(struct qoq_sim_table *table, const char *name, double seconds, double whole,
                const char *bound)
{
    qoq_sim_table_text(table, name);
    qoq_sim_table_empty(table);
    qoq_sim_table_empty(table);
    qoq_sim_table_empty(table);
    qoq_sim_table_number(table, seconds * 1e6);
    qoq_sim_table_number(table, 100 * seconds / whole);
    qoq_sim_table_text(table, bound);
}

static void gemm_rows(struct qoq_sim_table *table, const struct qoq_sim_case *it,
                      const struct qoq_sim_layer *layer, double tokens, double whole)
{
    struct qoq_sim_layer_gemm gemm[QOQ_SIM_MAX_GEMMS];

    qoq_sim_layer_gemms(gemm, &it->model, it->work.tp, tokens, it->scheme.fused_products != 0);
    for (int i = 0; i < layer->gemms; i++) {
        qoq_sim_table_text(table, layer->name[i]);
        qoq_sim_table_number(table, layer->count[i]);
        qoq_sim_table_number(table, gemm[i].n);
        qoq_sim_table_number(table, gemm[i].k);
        qoq_sim_table_number(table, layer->count[i] * layer->gemm[i].seconds * 1e6);
        qoq_sim_table_number(table, 100 * layer->count[i] * layer->gemm[i].seconds / whole);
        qoq_sim_table_text(table, qoq_sim_gemm_bound(&layer->gemm[i]));
    }
}

/* Fills the table; returns -1 or an exit status. */
static int fill(struct qoq_sim_table *table, const struct qoq_sim_case *it, int prefill)
{
    struct qoq_sim_engine engine;
    struct qoq_sim_layer layer;
    struct qoq_sim_attention_cost decode;
    double tokens = it->work.batch * (prefill ? it->work.length : 1);
    const char *reason = qoq_sim_engine_prepare(&engine, it);

    if (!reason && qoq_sim_layer_cost(&layer, &engine, tokens) != 0) {
        reason = "no tile of the scheme fits the GPU's registers and shared memory";
    }
    if (reason) {
        return qoq_cli_trouble("%s on %s: %s", it->scheme.head.name, it->gpu.head.name, reason);
    }
    qoq_sim_attention_decode(&decode, &it->gpu, &it->kv, &it->cal, &engine.heads, it->work.batch,
                             it->work.length);
    double attention = prefill
                           ? qoq_sim_attention_prefill(&it->gpu, &it->kv, &it->cal, &engine.heads,
                                                       it->work.batch, it->work.length)
                           : decode.seconds;
    double whole = layer.gemm_seconds + layer.elementwise + layer.exchange + attention;
    gemm_rows(table, it, &layer, tokens, whole);
    row(table, "attention", attention, whole,
        prefill ? "tensor cores" : qoq_sim_attention_bound(&decode));
    row(table, "elementwise", layer.elementwise, whole, "main memory");
    if (it->work.tp > 1) {
        row(table, "all-reduce", layer.exchange, whole, "interconnect");
    }
    row(table, "layer", whole, whole, "");
    return -1;
}

int qoq_sim_cli_layer(int argc, char **argv)
{
    struct qoq_sim_options options;
    struct qoq_sim_case it;
    struct qoq_sim_table table;
    int status = qoq_sim_options_read(&options, "sim layer", help, argc, argv);

    if (status >= 0) {
        return status;
    }
    options.scheme = options.scheme ? options.scheme : "w4a8-qserve";
    options.kv = options.kv ? options.kv : "kv4-qserve";
    options.model = options.model ? options.model : "llama-2-7b";
    if ((status = qoq_sim_options_load(&it, &options)) >= 0) {
        return status;
    }
    if (it.work.batch < 1) {
        return qoq_cli_misuse("sim layer", "sim layer: --batch must be at least 1");
    }
    qoq_sim_table_begin(&table, "layer", columns, sizeof columns / sizeof columns[0]);
    status = fill(&table, &it, options.prefill);
    struct qoq_sim_plot plot = {
        options.plot, "Time of the kernels of a layer", "", "us", 0, 0, 0, 0, 4, 0};
    if (status < 0 && options.plot) {
        status = qoq_sim_plot_stacked(&plot, &table, 0, 4, 4);
    }
    if (status >= 0) {
        qoq_sim_table_free(&table);
        return status;
    }
    return qoq_sim_print(&options, &table, 1);
}
