/* SPDX-License-Identifier: Apache-2.0 */
/* The published throughput tables, predicted, and the order of the systems in them. */
#include <config.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "sim/cli/reproduce.h"
#include "sim/cost/serving.h"

static const struct qoq_sim_column columns[] = {
    {"system", 4},    {"model", 4},       {"scheme", 4},    {"kv", 4},        {"batch", 6},
    {"published", 5}, {"predicted", 5},   {"error_pct", 3}, {"prefill_s", 3}, {"decode_s", 3},
    {"gemm_s", 3},    {"attention_s", 3}, {"status", 4},
};

enum { SYSTEM, MODEL, SCHEME, KV, BATCH, PUBLISHED, STATUS, GPU, NAMES };
static const char *const names[NAMES] = {"system", "model",        "scheme", "kv",
                                         "batch",  "tokens_per_s", "status", "gpu"};

enum rows { QSERVE, TENSORRT, PROTOTYPE };

/* One cell of the published table; tokens 0: out of memory. */
struct cell {
    const char *model;
    double published, predicted;
    enum rows kind;
};

static void fill_row(struct qoq_sim_table *table, const struct qoq_csv *csv, size_t row,
                     const size_t *column, const struct cell *cell,
                     const struct qoq_sim_serving *out)
{
    const double value[] = {out->prefill, out->decode, out->decode_gemm, out->decode_attention};

    for (int i = SYSTEM; i <= KV; i++) {
        qoq_sim_table_text(table, qoq_csv_text(csv, row, column[i]));
    }
    qoq_sim_table_number(table, out->batch);
    qoq_sim_table_number(table, cell->published > 0 ? cell->published : NAN);
    qoq_sim_table_number(table, cell->predicted > 0 ? cell->predicted : NAN);
    qoq_sim_table_number(table, cell->published > 0 && cell->predicted > 0
                                    ? 100 * (cell->predicted / cell->published - 1)
                                    : NAN);
    for (int i = 0; i < 4; i++) {
        qoq_sim_table_number(table, cell->predicted > 0 ? value[i] : NAN);
    }
    qoq_sim_table_text(
        table, cell->published > 0
                   ? (cell->predicted > 0 ? "" : "predicted out of memory")
                   : (cell->predicted > 0 ? "published out of memory" : "out of memory, both"));
}

static enum rows kind_of(const char *system)
{
    return strncmp(system, "QServe", 6) == 0 ? QSERVE
           : strncmp(system, "TRT", 3) == 0  ? TENSORRT
                                             : PROTOTYPE;
}

/* Predicts one row; *used becomes 0 where nothing was published for it. */
static int predict(struct qoq_sim_table *table, const struct qoq_sim_reproduction *r,
                   const struct qoq_csv *csv, size_t row, const size_t *column, struct cell *cell,
                   int *used)
{
    struct qoq_sim_serving out;
    struct qoq_sim_case it;
    const char *state = qoq_csv_text(csv, row, column[STATUS]);
    int status = -1;

    *used = strcmp(state, "measured") == 0 || strcmp(state, "oom") == 0;
    if (!*used) {
        return -1;
    }
    cell->model = qoq_csv_text(csv, row, column[MODEL]);
    cell->published =
        state[0] == 'm' ? qoq_sim_paper_number(csv, row, column[PUBLISHED], &status) : 0;
    cell->kind = kind_of(qoq_csv_text(csv, row, column[SYSTEM]));
    double batch = *qoq_csv_text(csv, row, column[BATCH])
                       ? qoq_sim_paper_number(csv, row, column[BATCH], &status)
                       : 0;
    if (status >= 0 ||
        (status = qoq_sim_reproduce_case(&it, r, qoq_csv_text(csv, row, column[GPU]),
                                         qoq_csv_text(csv, row, column[SCHEME]),
                                         qoq_csv_text(csv, row, column[KV]), cell->model)) >= 0) {
        return status;
    }
    it.work.batch = batch;
    enum qoq_sim_outcome outcome = qoq_sim_serve(&out, &it);
    if (outcome == QOQ_SIM_CANNOT) {
        return qoq_cli_trouble("%s on %s: %s", it.scheme.head.name, it.gpu.head.name, out.reason);
    }
    cell->predicted = outcome == QOQ_SIM_SERVES ? out.tokens_per_second : 0;
    fill_row(table, csv, row, column, cell, &out);
    return -1;
}

/* Mean absolute error of one kind of rows, in percent, and mean ratio; NAN where there are none. */
static double mean_error(double *bias, const struct cell *cell, size_t cells, enum rows kind)
{
    double sum = 0, ratios = 0, count = 0;

    for (size_t i = 0; i < cells; i++) {
        if (cell[i].kind == kind && cell[i].published > 0 && cell[i].predicted > 0) {
            sum += fabs(cell[i].predicted / cell[i].published - 1);
            ratios += cell[i].predicted / cell[i].published;
            count++;
        }
    }
    *bias = count > 0 ? ratios / count : NAN;
    return count > 0 ? 100 * sum / count : NAN;
}

static void errors(struct qoq_sim_headlines *headlines, const struct cell *cell, size_t cells,
                   int gpu)
{
    double bias;

    headlines->qserve_error[gpu] = mean_error(&headlines->qserve_bias[gpu], cell, cells, QSERVE);
    headlines->baseline_error[gpu] = mean_error(&bias, cell, cells, TENSORRT);
    headlines->prototype_error[gpu] = mean_error(&bias, cell, cells, PROTOTYPE);
}

/* Pairs of systems on one model; an out-of-memory cell is slower than any other. Pairs within 2 %
 * of each other, and pairs where both ran out of memory, have no order. */
static void order(struct qoq_sim_headlines *headlines, const struct cell *cell, size_t cells)
{
    for (size_t i = 0; i < cells; i++) {
        for (size_t j = i + 1; j < cells; j++) {
            double a = cell[i].published, b = cell[j].published;
            if (strcmp(cell[i].model, cell[j].model) != 0 || fabs(a - b) <= 0.02 * fmax(a, b)) {
                continue;
            }
            int right = (a > b) == (cell[i].predicted > cell[j].predicted) &&
                        cell[i].predicted != cell[j].predicted;
            int servers = cell[i].kind != PROTOTYPE && cell[j].kind != PROTOTYPE;
            headlines->order_pairs++;
            headlines->order_right += right;
            headlines->server_pairs += servers;
            headlines->server_right += servers && right;
        }
    }
}

/* Rows of one GPU; with `only`, of the system whose name begins so. */
static int reproduce(struct qoq_sim_table *table, struct qoq_sim_reproduction *r, const char *name,
                     const char *gpu, int index, const char *only)
{
    struct qoq_csv csv;
    size_t column[NAMES], cells = 0;
    int status = qoq_sim_paper(&csv, column, "throughput", names, NAMES), used;
    struct cell *cell = calloc(csv.rows + 1, sizeof *cell);

    qoq_sim_table_begin(table, name, columns, sizeof columns / sizeof columns[0]);
    if (status < 0 && !cell) {
        status = qoq_cli_trouble("sim reproduce: out of memory");
    }
    for (size_t row = 0; status < 0 && row < csv.rows; row++) {
        if (strcmp(qoq_csv_text(&csv, row, column[GPU]), gpu) == 0 &&
            strncmp(qoq_csv_text(&csv, row, column[SYSTEM]), only, strlen(only)) == 0) {
            status = predict(table, r, &csv, row, column, &cell[cells], &used);
            cells += used != 0;
        }
    }
    if (status < 0) {
        errors(&r->headlines, cell, cells, index);
        order(&r->headlines, cell, cells);
    }
    free(cell);
    qoq_csv_free(&csv);
    return status;
}

int qoq_sim_reproduce_a100(struct qoq_sim_table *table, struct qoq_sim_reproduction *r)
{
    return reproduce(table, r, "throughput-a100", "a100-80g-sxm", 0, "");
}

int qoq_sim_reproduce_l40s(struct qoq_sim_table *table, struct qoq_sim_reproduction *r)
{
    return reproduce(table, r, "throughput-l40s", "l40s", 1, "");
}

int qoq_sim_reproduce_qserve_a100(struct qoq_sim_table *table, struct qoq_sim_reproduction *r)
{
    return reproduce(table, r, "throughput-a100", "a100-80g-sxm", 0, "QServe");
}
