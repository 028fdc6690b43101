/* SPDX-License-Identifier: Apache-2.0 */
/* The published ablations, predicted: one system against another. */
#include <config.h>

#include <math.h>
#include <string.h>

#include "cli/cli.h"
#include "sim/cli/reproduce.h"
#include "sim/cost/serving.h"

static const struct qoq_sim_column columns[] = {
    {"what", 4}, {"gpu", 4},       {"model", 4},     {"batch_a", 6},   {"batch_b", 6},
    {"unit", 4}, {"published", 4}, {"predicted", 4}, {"error_pct", 3},
};

enum { WHAT, GPU, MODEL, SCHEME_A, KV_A, SCHEME_B, KV_B, UNIT };
static const char *const names[] = {"what", "gpu",      "model", "scheme_a",
                                    "kv_a", "scheme_b", "kv_b",  "unit"};
static const char *const numbers[] = {"batch", "published"};

/* Serves the row's system whose scheme is in column `scheme`. */
static int serve(struct qoq_sim_serving *out, const struct qoq_sim_reproduction *r,
                 const struct qoq_csv *csv, size_t row, const size_t *column, int scheme,
                 double batch)
{
    struct qoq_sim_case it;
    int status = qoq_sim_reproduce_case(
        &it, r, qoq_csv_text(csv, row, column[GPU]), qoq_csv_text(csv, row, column[scheme]),
        qoq_csv_text(csv, row, column[scheme + 1]), qoq_csv_text(csv, row, column[MODEL]));

    if (status >= 0) {
        return status;
    }
    it.work.batch = batch;
    if (qoq_sim_serve(out, &it) != QOQ_SIM_SERVES) {
        return qoq_cli_trouble("ablation: row %zu does not fit the GPU", row + 1);
    }
    return -1;
}

static int add_row(struct qoq_sim_table *table, const struct qoq_sim_reproduction *r,
                   const struct qoq_csv *csv, size_t row, const size_t *text, const size_t *number)
{
    struct qoq_sim_serving a, b;
    int status = -1;
    double batch = qoq_sim_paper_number(csv, row, number[0], &status);
    double published = qoq_sim_paper_number(csv, row, number[1], &status);

    if (status >= 0 || (status = serve(&a, r, csv, row, text, SCHEME_A, batch)) >= 0 ||
        (status = serve(&b, r, csv, row, text, SCHEME_B, batch)) >= 0) {
        return status;
    }
    int ratio = strcmp(qoq_csv_text(csv, row, text[UNIT]), "ratio") == 0;
    double predicted = ratio ? b.tokens_per_second / a.tokens_per_second
                             : (a.memory.weights - b.memory.weights) * 1e-9;
    for (int i = WHAT; i <= MODEL; i++) {
        qoq_sim_table_text(table, qoq_csv_text(csv, row, text[i]));
    }
    qoq_sim_table_number(table, a.batch);
    qoq_sim_table_number(table, b.batch);
    qoq_sim_table_text(table, qoq_csv_text(csv, row, text[UNIT]));
    qoq_sim_table_number(table, published);
    qoq_sim_table_number(table, predicted);
    qoq_sim_table_number(table, 100 * (predicted / published - 1));
    return -1;
}

int qoq_sim_reproduce_ablation(struct qoq_sim_table *table, struct qoq_sim_reproduction *r)
{
    struct qoq_csv csv;
    size_t text[QOQ_SIM_MAX_PAPER_COLUMNS], number[2];
    struct qoq_error error;
    int status = qoq_sim_paper(&csv, text, "ablation", names, sizeof names / sizeof names[0]);

    qoq_sim_table_begin(table, "ablation", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; status < 0 && i < 2; i++) {
        if (qoq_csv_column(&number[i], &csv, numbers[i], &error) != QOQ_OK) {
            status = qoq_cli_trouble("%s", error.text);
        }
    }
    for (size_t row = 0; status < 0 && row < csv.rows; row++) {
        status = add_row(table, r, &csv, row, text, number);
    }
    qoq_csv_free(&csv);
    return status;
}
