/* SPDX-License-Identifier: Apache-2.0 */
/* The fit of the free constants, so that anybody can repeat it: C 10. */
#include <config.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "sim/cli/reproduce.h"

/* What is fitted, and within which plausible range. */
static const struct {
    const char *name;
    double lo, hi;
} fitted[] = {
    {"eta_hbm", 0.8, 1},           {"eta_library", 0.8, 1}, {"timer_us", 5, 30},
    {"eta_kernel", 0.6, 0.9},      {"eta_issue", 0.4, 0.9}, {"attention_overlap", 0, 1},
    {"attention_floor_us", 0, 50}, {"step_us", 0, 4000},
};
enum { FITTED = sizeof fitted / sizeof fitted[0] };

/* Mean errors in percent of the tables that the fit may see: A100 products, attention and QServe's
 * rows, these counted twice. Returns -1, or an exit status after a message. */
static int objective(double *out, const struct qoq_sim_options *options, const double value[FITTED])
{
    struct qoq_sim_options with = *options;
    struct qoq_sim_reproduction r = {.options = &with};
    struct qoq_sim_table table;
    int (*const fill[])(struct qoq_sim_table *, struct qoq_sim_reproduction *) = {
        qoq_sim_reproduce_gemm, qoq_sim_reproduce_attention, qoq_sim_reproduce_qserve_a100};
    int status = -1;

    for (size_t i = 0; i < FITTED; i++) {
        snprintf(with.made[i], sizeof with.made[i], "cal.%s=%.17g", fitted[i].name, value[i]);
        with.set[i] = with.made[i];
    }
    with.sets = FITTED;
    for (int i = 0; i < 3 && status < 0; i++) {
        status = fill[i](&table, &r);
        qoq_sim_table_free(&table);
    }
    *out = r.headlines.gemm_error + r.headlines.attention_error + 2 * r.headlines.qserve_error[0];
    return status;
}

/* One value moved by `step` of its range, if that helps. */
static int try_step(double *best, double value[FITTED], size_t i, double step, int *moved,
                    const struct qoq_sim_options *options)
{
    double kept = value[i], now;

    value[i] = fmin(fitted[i].hi, fmax(fitted[i].lo, kept + step * (fitted[i].hi - fitted[i].lo)));
    int status = objective(&now, options, value);
    if (status < 0 && now < *best) {
        *best = now;
        *moved = 1;
    } else {
        value[i] = kept;
    }
    return status;
}

/* Coordinate search from the values in use, with steps of 10 % of a range down to 0.3 %. */
static int search(double *best, double value[FITTED], const struct qoq_sim_options *options)
{
    int status = objective(best, options, value);

    for (double step = 0.1; step > 0.003 && status < 0;) {
        int moved = 0;
        for (size_t i = 0; i < 2 * FITTED && status < 0; i++) {
            status = try_step(best, value, i / 2, i % 2 ? -step : step, &moved, options);
        }
        step = moved ? step : step / 2;
    }
    return status;
}

static const struct qoq_sim_column columns[] = {
    {"constant", 4}, {"least", 4}, {"most", 4}, {"in_use", 4}, {"fitted", 4}};

int qoq_sim_calibrate(const struct qoq_sim_options *options)
{
    struct qoq_sim_case it;
    struct qoq_sim_table table;
    double value[FITTED], in_use[FITTED], before, after;
    int status = qoq_sim_options_load(&it, options);

    if (options->sets > 0) {
        return qoq_cli_misuse(options->command, "sim reproduce: --calibrate takes no --set");
    }
    for (size_t i = 0; i < FITTED && status < 0; i++) {
        const struct qoq_field *field = qoq_field_find(&qoq_sim_calibration_table, fitted[i].name);
        in_use[i] = value[i] = qoq_field_get(&it.cal, field);
    }
    if (status >= 0 || (status = objective(&before, options, in_use)) >= 0 ||
        (status = search(&after, value, options)) >= 0) {
        return status;
    }
    qoq_sim_table_begin(&table, "calibration", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < FITTED; i++) {
        const double number[] = {fitted[i].lo, fitted[i].hi, in_use[i], value[i]};
        qoq_sim_table_text(&table, fitted[i].name);
        for (int c = 0; c < 4; c++) {
            qoq_sim_table_number(&table, number[c]);
        }
    }
    qoq_sim_table_text(&table, "sum of errors, %");
    qoq_sim_table_empty(&table);
    qoq_sim_table_empty(&table);
    qoq_sim_table_number(&table, before);
    qoq_sim_table_number(&table, after);
    return qoq_sim_print(options, &table, 1);
}
