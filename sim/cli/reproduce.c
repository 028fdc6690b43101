/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim reproduce: the tables and figures of the QServe paper beside the published values. */
#include <config.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/data_directory.h"
#include "sim/cli/help.h"
#include "sim/cli/plot.h"
#include "sim/cli/reproduce.h"

static const char help[] =
    "Usage: qoq sim reproduce [TABLE]... [OPTION]...\n"
    "The tables of the QServe paper (arXiv 2405.04532) predicted, beside the published values. "
    "TABLE is\n"
    "roofline, overhead, attention, ratios, gemm, ablation, throughput-a100, throughput-l40s or "
    "summary; "
    "without\n"
    "one, all.\n"
    "\n"
    "  -o, --out DIR            also draws every figure into DIR (svg; needs gnuplot)\n"
    "      --sensitivity        instead: how the headlines move with each uncertain input, 10 % "
    "either way\n"
    "      --calibrate          instead: fits the constants again and shows them beside those in "
    "use\n" QOQ_SIM_HELP_COMMON;

static const struct {
    const char *name;
    int (*fill)(struct qoq_sim_table *table, struct qoq_sim_reproduction *r);
    struct qoq_sim_plot plot; /* file: the name in --out DIR */
    int stacked_first, stacked_last;
} tables[] = {
    {"roofline",
     qoq_sim_reproduce_roofline,
     {"roofline.svg", "Roofline: published against predicted", "published", "predicted", 1, 0, 0, 3,
      4, 1},
     0,
     0},
    {"overhead",
     qoq_sim_reproduce_overhead,
     {"overhead.svg", "Dequantization, share of the main loop on A100", "tokens m", "%", 1, 0, 1, 2,
      3, 0},
     0,
     0},
    {"attention",
     qoq_sim_reproduce_attention,
     {"attention.svg", "Decode attention on A100", "published ms", "predicted ms", 0, 0, 1, 3, 4,
      1},
     0,
     0},
    {"ratios",
     qoq_sim_reproduce_ratios,
     {"ratios.svg", "Ratios of speed", "published", "predicted", 0, 0, 0, 2, 3, 1},
     0,
     0},
    {"gemm",
     qoq_sim_reproduce_gemm,
     {"gemm.svg", "FP16 products on A100", "published us", "predicted us", 1, 1, 0, 4, 5, 1},
     0,
     0},
    {"ablation",
     qoq_sim_reproduce_ablation,
     {"ablation.svg", "Ablations", "published", "predicted", 0, 0, 0, 6, 7, 1},
     0,
     0},
    {"throughput-a100",
     qoq_sim_reproduce_a100,
     {"throughput-a100.svg", "Tokens/s on A100", "published", "predicted", 0, 0, 0, 5, 6, 1},
     10,
     11},
    {"throughput-l40s",
     qoq_sim_reproduce_l40s,
     {"throughput-l40s.svg", "Tokens/s on L40S", "published", "predicted", 0, 0, 0, 5, 6, 1},
     10,
     11},
};
enum { TABLES = sizeof tables / sizeof tables[0] };

int qoq_sim_reproduce_case(struct qoq_sim_case *it, const struct qoq_sim_reproduction *r,
                           const char *gpu, const char *scheme, const char *kv, const char *model)
{
    struct qoq_sim_options options = *r->options;

    options.gpu = gpu ? gpu : options.gpu;
    options.scheme = scheme;
    options.kv = kv;
    options.model = model;
    int status = qoq_sim_options_load(it, &options);
    for (size_t i = 0; status < 0 && i < r->nudge.target.count; i++) {
        const struct qoq_field *field = r->nudge.target.field[i];
        void *part = (char *)it + r->nudge.target.offset[i];
        double value =
            fmin(field->hi, fmax(field->lo, r->nudge.factor * qoq_field_get(part, field)));
        if (qoq_field_set(part, field, value)) {
            return qoq_cli_trouble("sim reproduce: %s cannot be changed", field->name);
        }
    }
    return status;
}

int qoq_sim_paper(struct qoq_csv *csv, size_t *column, const char *name, const char *const *columns,
                  size_t count)
{
    char path[QOQ_SIM_PATH];
    struct qoq_error error;

    snprintf(path, sizeof path, "%s/paper/%s.csv", qoq_data_directory(), name);
    if (qoq_csv_read(csv, path, &error) != QOQ_OK) {
        qoq_csv_free(csv);
        return qoq_cli_trouble("%s", error.text);
    }
    for (size_t i = 0; i < count; i++) {
        if (qoq_csv_column(&column[i], csv, columns[i], &error) != QOQ_OK) {
            qoq_csv_free(csv);
            return qoq_cli_trouble("%s", error.text);
        }
    }
    return -1;
}

double qoq_sim_paper_number(const struct qoq_csv *csv, size_t row, size_t column, int *status)
{
    struct qoq_error error;
    double value = NAN;

    if (qoq_csv_number(&value, csv, row, column, 0, 1e12, 0, &error) != QOQ_OK) {
        *status = qoq_cli_trouble("%s", error.text);
    }
    return value;
}

static const struct qoq_sim_column summary_columns[] = {
    {"what", 4}, {"value", 4}, {"target", 4}, {"met", 4}};

static void summary_row(struct qoq_sim_table *table, const char *what, double value,
                        const char *target, int met)
{
    qoq_sim_table_text(table, what);
    qoq_sim_table_number(table, value);
    qoq_sim_table_text(table, target);
    qoq_sim_table_text(table, met ? "yes" : "no");
}

static void summary(struct qoq_sim_table *table, const struct qoq_sim_headlines *h)
{
    double order = 100 * h->order_right / h->order_pairs,
           servers = 100 * h->server_right / h->server_pairs;

    qoq_sim_table_begin(table, "summary", summary_columns, 4);
    summary_row(table, "A100 QServe rows, mean absolute error %", h->qserve_error[0], "at most 5",
                h->qserve_error[0] <= 5);
    summary_row(table, "L40S QServe rows, mean absolute error %", h->qserve_error[1], "at most 10",
                h->qserve_error[1] <= 10);
    summary_row(table, "A100 TensorRT-LLM rows, mean absolute error %", h->baseline_error[0],
                "at most 30", h->baseline_error[0] <= 30);
    summary_row(table, "L40S TensorRT-LLM rows, mean absolute error %", h->baseline_error[1],
                "at most 30", h->baseline_error[1] <= 30);
    summary_row(table, "A100 Atom and QuaRot rows, mean absolute error %", h->prototype_error[0],
                "at most 30", h->prototype_error[0] <= 30);
    summary_row(table, "L40S Atom and QuaRot rows, mean absolute error %", h->prototype_error[1],
                "at most 30", h->prototype_error[1] <= 30);
    summary_row(table, "pairs of systems in the right order %", order, "at least 90", order >= 90);
    summary_row(table, "the same, TensorRT-LLM and QServe alone %", servers, "at least 90",
                servers >= 90);
    summary_row(table, "A100 FP16 products, mean absolute error %", h->gemm_error, "at most 5",
                h->gemm_error <= 5);
    summary_row(table, "A100 KV4 attention, worst error %", h->attention_worst, "at most 15",
                h->attention_worst <= 15);
    summary_row(table, "crossover of W4A16 and W8A8, tokens", h->crossover, "78 within 2 %",
                fabs(h->crossover / 78 - 1) <= 0.02);
    summary_row(table, "naive KV4 over KV8 on A100, speed", h->naive_over_kv8[0], "below 1",
                h->naive_over_kv8[0] < 1);
    summary_row(table, "naive KV4 over KV8 on L40S, speed", h->naive_over_kv8[1], "above 1",
                h->naive_over_kv8[1] > 1);
    summary_row(table, "Atom W4A4 over W8A8 on A100, speed", h->atom_over_w8a8[0], "below 1",
                h->atom_over_w8a8[0] < 1);
    summary_row(table, "Atom W4A4 over W8A8 on RTX 4090, speed", h->atom_over_w8a8[1], "above 1",
                h->atom_over_w8a8[1] > 1);
    summary_row(table, "dequantization overhead, largest % of the main loop", h->overhead_most,
                "20 to 90", h->overhead_most >= 20 && h->overhead_most <= 90);
}

static int wanted(const char *name, int argc, char **argv, int first)
{
    if (first == argc) {
        return 1;
    }
    for (int i = first; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return 1;
        }
    }
    return 0;
}

static int unknown(int argc, char **argv, int first)
{
    for (int i = first; i < argc; i++) {
        int known = strcmp(argv[i], "summary") == 0;
        for (int t = 0; t < TABLES; t++) {
            known |= strcmp(argv[i], tables[t].name) == 0;
        }
        if (!known) {
            return qoq_cli_misuse("sim reproduce", "sim reproduce: %s: no such table", argv[i]);
        }
    }
    return -1;
}

/* The figure of a table, and the breakdown of a throughput table. */
static int draw(const struct qoq_sim_table *table, int index, const char *directory)
{
    char path[QOQ_SIM_PATH];
    struct qoq_sim_plot plot = tables[index].plot;
    int status;

    snprintf(path, sizeof path, "%s/%s", directory, plot.file);
    plot.file = path;
    if ((status = qoq_sim_plot(&plot, table)) >= 0 || tables[index].stacked_last == 0) {
        return status;
    }
    snprintf(path, sizeof path, "%s/%s-breakdown.svg", directory, tables[index].name);
    plot.title = "Seconds of decode, products and attention";
    plot.x_label = "";
    plot.y_label = "s";
    return qoq_sim_plot_stacked(&plot, table, 1, tables[index].stacked_first,
                                tables[index].stacked_last);
}

static int reproduce(const struct qoq_sim_options *options, int argc, char **argv)
{
    struct qoq_sim_reproduction r = {.options = options};
    struct qoq_sim_table made[TABLES + 1];
    size_t count = 0;
    int status = -1, sum = wanted("summary", argc, argv, options->argument);

    for (int i = 0; i < TABLES && status < 0; i++) {
        int shown = wanted(tables[i].name, argc, argv, options->argument);
        if (shown || sum) {
            status = tables[i].fill(&made[count], &r);
            status =
                status < 0 && shown && options->out ? draw(&made[count], i, options->out) : status;
            if (shown || status >= 0) {
                count++;
            } else {
                qoq_sim_table_free(&made[count]);
            }
        }
    }
    if (status < 0 && sum) {
        summary(&made[count++], &r.headlines);
    }
    if (status < 0) {
        return qoq_sim_print(options, made, count);
    }
    while (count > 0) {
        qoq_sim_table_free(&made[--count]);
    }
    return status;
}

/* All headlines with one input nudged; nothing is printed. */
static int headlines(struct qoq_sim_headlines *out, const struct qoq_sim_options *options,
                     const struct qoq_sim_nudge *nudge)
{
    struct qoq_sim_reproduction r = {.options = options, .nudge = *nudge};
    struct qoq_sim_table table;
    int status = -1;

    for (int i = 0; i < TABLES && status < 0; i++) {
        status = tables[i].fill(&table, &r);
        qoq_sim_table_free(&table);
    }
    *out = r.headlines;
    return status;
}

static const struct qoq_sim_column sensitivity_columns[] = {
    {"input", 4},          {"factor", 3},         {"a100_bias", 4},      {"a100_error_pct", 3},
    {"l40s_bias", 4},      {"l40s_error_pct", 3}, {"gemm_error_pct", 3}, {"attention_worst_pct", 3},
    {"naive_kv4_a100", 3}, {"naive_kv4_l40s", 3}, {"atom_a100", 3},      {"atom_4090", 3},
};

static void sensitivity_row(struct qoq_sim_table *table, const char *input, double factor,
                            const struct qoq_sim_headlines *h)
{
    const double value[] = {factor,
                            h->qserve_bias[0],
                            h->qserve_error[0],
                            h->qserve_bias[1],
                            h->qserve_error[1],
                            h->gemm_error,
                            h->attention_worst,
                            h->naive_over_kv8[0],
                            h->naive_over_kv8[1],
                            h->atom_over_w8a8[0],
                            h->atom_over_w8a8[1]};

    qoq_sim_table_text(table, input);
    for (size_t i = 0; i < sizeof value / sizeof value[0]; i++) {
        qoq_sim_table_number(table, value[i]);
    }
}

static int sensitivity(const struct qoq_sim_options *options)
{
    static const char *const inputs[] = {
        "cal.eta_hbm",
        "cal.eta_l2",
        "cal.eta_library",
        "cal.eta_kernel",
        "cal.eta_issue",
        "cal.eta_flash",
        "cal.eta_elementwise",
        "cal.overlap",
        "cal.sync_clk",
        "cal.attention_overlap",
        "cal.attention_floor_us",
        "cal.launch_us",
        "cal.timer_us",
        "cal.step_us",
        "gpu.sustained_clock",
        "gpu.hbm_stream_share",
        "gpu.latency_ns",
        "gpu.l2_gbps",
        "gpu.i2f",
        "gpu.hfma2",
        "gpu.int32",
        "gpu.issue_lanes",
    };
    static const double factors[] = {0.9, 1.1};
    struct qoq_sim_nudge nudge = {.factor = 1};
    struct qoq_sim_headlines h;
    struct qoq_sim_table table;
    struct qoq_error error;
    int status = headlines(&h, options, &nudge);

    qoq_sim_table_begin(&table, "sensitivity", sensitivity_columns,
                        sizeof sensitivity_columns / sizeof sensitivity_columns[0]);
    sensitivity_row(&table, "none", 1, &h);
    for (size_t i = 0; status < 0 && i < 2 * sizeof inputs / sizeof inputs[0]; i++) {
        if (qoq_sim_target(&nudge.target, inputs[i / 2], &error) != QOQ_OK) {
            status = qoq_cli_trouble("%s", error.text);
            break;
        }
        nudge.factor = factors[i % 2];
        status = headlines(&h, options, &nudge);
        sensitivity_row(&table, inputs[i / 2], nudge.factor, &h);
    }
    if (status >= 0) {
        qoq_sim_table_free(&table);
        return status;
    }
    return qoq_sim_print(options, &table, 1);
}

int qoq_sim_cli_reproduce(int argc, char **argv)
{
    struct qoq_sim_options options;
    struct stat entry;
    int status = qoq_sim_options_read(&options, "sim reproduce", help, argc, argv);

    if (status >= 0 || (status = unknown(argc, argv, options.argument)) >= 0) {
        return status;
    }
    options.default_batch_fits = 0;
    if (options.out && (stat(options.out, &entry) != 0 || !S_ISDIR(entry.st_mode))) {
        return qoq_cli_trouble("--out: %s: no such directory", options.out);
    }
    if (options.calibrate) {
        return qoq_sim_calibrate(&options);
    }
    return options.sensitivity ? sensitivity(&options) : reproduce(&options, argc, argv);
}
