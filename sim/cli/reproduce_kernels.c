/* SPDX-License-Identifier: Apache-2.0 */
/* Published results about kernels, predicted: roofline, dequantization overhead, decode attention,
 * FP16 products. */
#include <config.h>

#include <math.h>
#include <string.h>

#include "cli/cli.h"
#include "sim/cli/kernels.h"
#include "sim/cli/reproduce.h"
#include "sim/cost/roofline.h"

static const struct qoq_sim_column roofline_columns[] = {
    {"what", 4}, {"early", 4}, {"late", 4}, {"published", 4}, {"predicted", 4}, {"error_pct", 3}};
static const struct qoq_sim_column overhead_columns[] = {
    {"gpu", 4}, {"scheme", 4}, {"m", 6}, {"share_pct", 3}, {"added_pct", 3}, {"bound", 4}};
static const struct qoq_sim_column attention_columns[] = {
    {"gpu", 4},          {"kv", 4},        {"length", 6}, {"published_ms", 4},
    {"predicted_ms", 3}, {"error_pct", 3}, {"bound", 4}};
static const struct qoq_sim_column ratio_columns[] = {
    {"what", 4}, {"gpu", 4}, {"published", 3}, {"predicted", 3}, {"direction", 4}};
static const struct qoq_sim_column gemm_columns[] = {
    {"scheme", 4},       {"m", 6},         {"n", 6},    {"k", 6}, {"published_us", 6},
    {"predicted_us", 5}, {"error_pct", 3}, {"bound", 4}};

#define BEGIN(table, name, columns)                                                                \
    qoq_sim_table_begin(table, name, columns, sizeof(columns) / sizeof(columns)[0])

static double error(double predicted, double published)
{
    return 100 * (predicted / published - 1);
}

static void roofline_row(struct qoq_sim_table *table, const char *what, const char *early,
                         const char *late, double published, double predicted)
{
    qoq_sim_table_text(table, what);
    qoq_sim_table_text(table, early);
    qoq_sim_table_text(table, late);
    qoq_sim_table_number(table, published);
    qoq_sim_table_number(table, predicted);
    qoq_sim_table_number(table, error(predicted, published));
}

/* The smallest m from which W8A8 stays faster than W4A16 in the full model, tiles and all, for n =
 * k = 8192. C 9.4 */
static int full_crossover(double *m, const struct qoq_sim_reproduction *r)
{
    struct qoq_sim_case early, late;
    struct qoq_sim_gemm_cost a, b;
    int status;

    if ((status = qoq_sim_reproduce_case(&early, r, "a100-80g-sxm", "w4a16", NULL, NULL)) >= 0 ||
        (status = qoq_sim_reproduce_case(&late, r, "a100-80g-sxm", "w8a8", NULL, NULL)) >= 0) {
        return status;
    }
    *m = 1;
    early.work.n = early.work.k = late.work.n = late.work.k = 8192;
    for (double tokens = 512; tokens >= 1; tokens--) {
        early.work.m = late.work.m = tokens;
        if (qoq_sim_case_gemm(&a, &early) || qoq_sim_case_gemm(&b, &late) ||
            b.seconds >= a.seconds) {
            *m = tokens + 1;
            break;
        }
    }
    return -1;
}

static double roofline_value(const struct qoq_sim_case *early, const struct qoq_sim_case *late,
                             const char *what)
{
    if (strcmp(what, "crossover") == 0) {
        return qoq_sim_crossover(&early->gpu, &early->scheme, &late->scheme);
    }
    return strcmp(what, "ridge") == 0 ? qoq_sim_ridge(&early->gpu, &early->scheme)
                                      : qoq_sim_peak(&early->gpu, &early->scheme) * 1e-12;
}

int qoq_sim_reproduce_roofline(struct qoq_sim_table *table, struct qoq_sim_reproduction *r)
{
    static const char *const names[] = {"what", "early", "late", "published"};
    struct qoq_csv csv;
    size_t column[4];
    struct qoq_sim_case early, late;
    double tiles;
    int status = qoq_sim_paper(&csv, column, "roofline", names, 4);

    BEGIN(table, "roofline", roofline_columns);
    for (size_t row = 0; status < 0 && row < csv.rows; row++) {
        const char *what = qoq_csv_text(&csv, row, column[0]),
                   *a = qoq_csv_text(&csv, row, column[1]);
        const char *b = qoq_csv_text(&csv, row, column[2]);
        double published = qoq_sim_paper_number(&csv, row, column[3], &status);
        if (status >= 0 ||
            (status = qoq_sim_reproduce_case(&early, r, "a100-80g-sxm", a, NULL, NULL)) >= 0 ||
            (status = qoq_sim_reproduce_case(&late, r, "a100-80g-sxm", *b ? b : a, NULL, NULL)) >=
                0) {
            break;
        }
        early.gpu.hbm_gbps = 2000; /* the figure's own bandwidth */
        double predicted = roofline_value(&early, &late, what);
        roofline_row(table, what, a, b, published, predicted);
        if (strcmp(what, "crossover") == 0) {
            r->headlines.crossover = predicted;
        }
    }
    qoq_csv_free(&csv);
    if (status < 0 && (status = full_crossover(&tiles, r)) < 0) {
        roofline_row(table, "crossover in the full model", "w4a16", "w8a8", NAN, tiles);
    }
    return status;
}

int qoq_sim_reproduce_overhead(struct qoq_sim_table *table, struct qoq_sim_reproduction *r)
{
    static const char *const scheme[] = {
        "w4a16", "w4a4-atom", "w4a8-naive", "w4a8-qserve-g128", "w4a8-qserve", "w4a8-qoq-g128"};
    static const double m[] = {16, 32, 64, 128, 256};
    struct qoq_sim_gemm_cost cost;
    struct qoq_sim_case it;
    int status;

    BEGIN(table, "overhead", overhead_columns);
    r->headlines.overhead_least = INFINITY;
    for (int i = 0; i < 6 * 5; i++) {
        if ((status = qoq_sim_reproduce_case(&it, r, "a100-80g-sxm", scheme[i / 5], NULL, NULL)) >=
            0) {
            return status;
        }
        it.work.m = m[i % 5];
        it.work.n = it.work.k = 4096;
        if (qoq_sim_case_gemm(&cost, &it)) {
            continue;
        }
        qoq_sim_table_text(table, it.gpu.head.name);
        qoq_sim_table_text(table, it.scheme.head.name);
        qoq_sim_table_number(table, it.work.m);
        qoq_sim_table_number(table, 100 * cost.dequantization);
        qoq_sim_table_number(table, 100 * cost.dequantization / (1 - cost.dequantization));
        qoq_sim_table_text(table, qoq_sim_gemm_bound(&cost));
        if (i / 5 < 3) {
            r->headlines.overhead_least =
                fmin(r->headlines.overhead_least, 100 * cost.dequantization);
            r->headlines.overhead_most =
                fmax(r->headlines.overhead_most, 100 * cost.dequantization);
        }
    }
    return -1;
}

/* Reads the shape of a row of kv4_attention.csv into the case. */
static double attention_shape(struct qoq_sim_case *it, const struct qoq_csv *csv, size_t row,
                              const size_t *column, int *status)
{
    it->work.length = qoq_sim_paper_number(csv, row, column[2], status);
    it->work.batch = qoq_sim_paper_number(csv, row, column[3], status);
    it->work.q_heads = qoq_sim_paper_number(csv, row, column[4], status);
    it->work.kv_heads = qoq_sim_paper_number(csv, row, column[5], status);
    it->work.head_dim = qoq_sim_paper_number(csv, row, column[6], status);
    return qoq_sim_paper_number(csv, row, column[7], status);
}

int qoq_sim_reproduce_attention(struct qoq_sim_table *table, struct qoq_sim_reproduction *r)
{
    static const char *const names[] = {"gpu",     "kv",       "length",   "batch",
                                        "q_heads", "kv_heads", "head_dim", "ms"};
    struct qoq_csv csv;
    size_t column[8];
    struct qoq_sim_case it;
    struct qoq_sim_attention_cost cost;
    int status = qoq_sim_paper(&csv, column, "kv4_attention", names, 8);
    double sum = 0;

    BEGIN(table, "attention", attention_columns);
    for (size_t row = 0; status < 0 && row < csv.rows; row++) {
        const char *gpu = qoq_csv_text(&csv, row, column[0]),
                   *kv = qoq_csv_text(&csv, row, column[1]);
        if ((status = qoq_sim_reproduce_case(&it, r, gpu, NULL, kv, NULL)) >= 0) {
            break;
        }
        double published = attention_shape(&it, &csv, row, column, &status);
        if (status >= 0) {
            break;
        }
        qoq_sim_case_attention(&cost, &it, 0);
        double wrong = error(cost.seconds * 1e3, published);
        qoq_sim_table_text(table, gpu);
        qoq_sim_table_text(table, kv);
        qoq_sim_table_number(table, it.work.length);
        qoq_sim_table_number(table, published);
        qoq_sim_table_number(table, cost.seconds * 1e3);
        qoq_sim_table_number(table, wrong);
        qoq_sim_table_text(table, qoq_sim_attention_bound(&cost));
        sum += fabs(wrong);
        r->headlines.attention_worst = fmax(r->headlines.attention_worst, fabs(wrong));
        r->headlines.attention_error = sum / (double)(row + 1);
    }
    qoq_csv_free(&csv);
    return status;
}

/* Speed of cache `fast` over cache `slow` at 1536 tokens. */
static int attention_ratio(double *ratio, const struct qoq_sim_reproduction *r, const char *gpu,
                           const char *fast, const char *slow)
{
    struct qoq_sim_case it;
    struct qoq_sim_attention_cost a, b;
    int status;

    if ((status = qoq_sim_reproduce_case(&it, r, gpu, NULL, fast, NULL)) >= 0) {
        return status;
    }
    it.work.length = 1536;
    qoq_sim_case_attention(&a, &it, 0);
    if ((status = qoq_sim_reproduce_case(&it, r, gpu, NULL, slow, NULL)) >= 0) {
        return status;
    }
    it.work.length = 1536;
    qoq_sim_case_attention(&b, &it, 0);
    *ratio = b.seconds / a.seconds;
    return -1;
}

/* Speed of scheme `fast` over scheme `slow` for m tokens and a matrix of n x 4096. */
static int gemm_ratio(double *ratio, const struct qoq_sim_reproduction *r, const char *gpu,
                      const char *fast, const char *slow, double m, double n)
{
    const char *const scheme[] = {fast, slow};
    struct qoq_sim_gemm_cost cost[2];
    struct qoq_sim_case it;
    int status;

    *ratio = NAN;
    for (int i = 0; i < 2; i++) {
        if ((status = qoq_sim_reproduce_case(&it, r, gpu, scheme[i], NULL, NULL)) >= 0) {
            return status;
        }
        it.work.m = m;
        it.work.n = n;
        it.work.k = 4096;
        if (qoq_sim_case_gemm(&cost[i], &it)) {
            return -1;
        }
    }
    *ratio = cost[1].seconds / cost[0].seconds;
    return -1;
}

static void ratio_row(struct qoq_sim_table *table, const char *what, const char *gpu,
                      double published, double predicted, int should_be_faster)
{
    qoq_sim_table_text(table, what);
    qoq_sim_table_text(table, gpu);
    qoq_sim_table_number(table, published);
    qoq_sim_table_number(table, predicted);
    qoq_sim_table_text(table, (predicted > 1) == should_be_faster ? "right" : "wrong");
}

int qoq_sim_reproduce_ratios(struct qoq_sim_table *table, struct qoq_sim_reproduction *r)
{
    double *naive = r->headlines.naive_over_kv8, *atom = r->headlines.atom_over_w8a8;
    double qserve, product, published[4];
    static const char *const names[] = {"published"};
    struct qoq_csv csv;
    size_t column[1];
    int status = qoq_sim_paper(&csv, column, "ratios", names, 1);

    BEGIN(table, "ratios", ratio_columns);
    for (size_t row = 0; status < 0 && row < 4; row++) {
        published[row] = row < csv.rows ? qoq_sim_paper_number(&csv, row, column[0], &status) : NAN;
    }
    qoq_csv_free(&csv);
    if (status >= 0 ||
        (status = attention_ratio(&naive[0], r, "a100-80g-sxm", "kv4-naive", "kv8")) >= 0 ||
        (status = attention_ratio(&naive[1], r, "l40s", "kv4-naive", "kv8")) >= 0 ||
        (status = attention_ratio(&qserve, r, "a100-80g-sxm", "kv4-qserve", "kv8")) >= 0 ||
        (status = gemm_ratio(&product, r, "a100-80g-sxm", "w4a8-qserve-g128", "w8a8", 16, 22016)) >=
            0 ||
        (status = gemm_ratio(&atom[0], r, "a100-80g-sxm", "w4a4-atom", "w8a8", 256, 12288)) >= 0 ||
        (status = gemm_ratio(&atom[1], r, "rtx4090", "w4a4-atom", "w8a8", 256, 12288)) >= 0) {
        return status;
    }
    ratio_row(table, "attention, kv4-naive over kv8", "a100-80g-sxm", published[0], naive[0], 0);
    ratio_row(table, "attention, kv4-naive over kv8", "l40s", published[1], naive[1], 1);
    ratio_row(table, "attention, kv4-qserve over kv8", "a100-80g-sxm", published[2], qserve, 1);
    ratio_row(table, "product of 16 tokens, w4a8-qserve-g128 over w8a8", "a100-80g-sxm",
              published[3], product, 1);
    ratio_row(table, "product of 256 tokens, w4a4-atom over w8a8", "a100-80g-sxm", NAN, atom[0], 0);
    ratio_row(table, "product of 256 tokens, w4a4-atom over w8a8", "rtx4090", NAN, atom[1], 1);
    return -1;
}

int qoq_sim_reproduce_gemm(struct qoq_sim_table *table, struct qoq_sim_reproduction *r)
{
    static const char *const names[] = {"scheme", "m", "n", "k", "us"};
    struct qoq_csv csv;
    size_t column[5];
    struct qoq_sim_case it;
    struct qoq_sim_gemm_cost cost;
    int status = qoq_sim_paper(&csv, column, "gemm_a100", names, 5);
    double sum = 0;

    BEGIN(table, "gemm", gemm_columns);
    for (size_t row = 0; status < 0 && row < csv.rows; row++) {
        if ((status = qoq_sim_reproduce_case(
                 &it, r, "a100-80g-sxm", qoq_csv_text(&csv, row, column[0]), NULL, NULL)) >= 0) {
            break;
        }
        it.work.m = qoq_sim_paper_number(&csv, row, column[1], &status);
        it.work.n = qoq_sim_paper_number(&csv, row, column[2], &status);
        it.work.k = qoq_sim_paper_number(&csv, row, column[3], &status);
        double published = qoq_sim_paper_number(&csv, row, column[4], &status);
        if (status >= 0 || qoq_sim_case_gemm(&cost, &it)) {
            break;
        }
        double predicted = (cost.seconds - cost.launch) * 1e6 + it.cal.timer_us;
        const double number[] = {it.work.m, it.work.n, it.work.k,
                                 published, predicted, error(predicted, published)};
        qoq_sim_table_text(table, it.scheme.head.name);
        for (int i = 0; i < 6; i++) {
            qoq_sim_table_number(table, number[i]);
        }
        qoq_sim_table_text(table, qoq_sim_gemm_bound(&cost));
        sum += fabs(number[5]);
        r->headlines.gemm_error = sum / (double)(row + 1);
    }
    qoq_csv_free(&csv);
    return status;
}
