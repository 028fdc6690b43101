/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim sweep: any field over lists and ranges, in parallel. */
#include <config.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "data/file.h"
#include "data/h5.h"
#include "sim/cli/axis.h"
#include "sim/cli/help.h"
#include "sim/cli/kernels.h"
#include "sim/cli/options.h"
#include "sim/cli/plot.h"
#include "sim/cost/serving.h"

static const char help[] =
    "Usage: qoq sim sweep gemm|attention|serve --over KIND.FIELD=VALUES... [OPTION]...\n"
    "Predictions over every combination of the values of all axes; the last axis runs fastest. "
    "VALUES is\n"
    "a list (1,16,256), a range FIRST:LAST:STEP, or FIRST:LAST:xFACTOR.\n"
    "\n" QOQ_SIM_HELP_WHAT QOQ_SIM_HELP_GEMM "  -c, --kv NAME            cache (attention, serve)\n"
    "  -M, --model NAME         model (serve; attention: its heads)\n"
    "      --over K.F=VALUES    one axis; up to 8\n"
    "  -o, --out FILE           writes FILE (.csv or .h5) instead of a table\n"
    "      --plot FILE          draws the first result over the last axis (svg, png or "
    "pdf)\n" QOQ_SIM_HELP_COMMON "\nThe column bound counts: 0 tensor cores, 1 CUDA cores, 2 "
    "shared memory, 3 main memory, 4 L2,\n"
    "5 memory latency, 6 fixed costs. Points that cannot be computed are empty (CSV) or NaN "
    "(HDF5).\n";

enum { MAX_AXES = 8, MAX_RESULTS = 4, MAX_POINTS = 1 << 24 };

enum what { GEMM, ATTENTION, SERVE };
static const struct {
    const char *name, *result[MAX_RESULTS];
    size_t results;
} kinds[] = {
    {"gemm", {"time_us", "tops", "dequant_pct", "bound"}, 4},
    {"attention", {"time_us", "cuda_us", "hbm_us", "bound"}, 4},
    {"serve", {"tokens_per_s", "batch", "prefill_s", "decode_s"}, 4},
};

struct sweep {
    enum what what;
    int heads_of_model;
    struct qoq_sim_case base;
    struct qoq_sim_axis axis[MAX_AXES];
    size_t axes, points, results;
    double *result; /* [points][results] */
};

static void evaluate(double *out, const struct sweep *sweep, const struct qoq_sim_case *it)
{
    struct qoq_sim_gemm_cost gemm;
    struct qoq_sim_attention_cost attention;
    struct qoq_sim_serving serving;

    out[0] = out[1] = out[2] = out[3] = NAN;
    if (sweep->what == GEMM && qoq_sim_case_gemm(&gemm, it) == NULL) {
        out[0] = gemm.seconds * 1e6;
        out[1] = 2 * it->work.m * it->work.n * it->work.k / gemm.seconds * 1e-12;
        out[2] = 100 * gemm.dequantization;
        out[3] = gemm.bound;
    } else if (sweep->what == ATTENTION && it->work.batch >= 1) {
        qoq_sim_case_attention(&attention, it, sweep->heads_of_model);
        out[0] = attention.seconds * 1e6;
        out[1] = attention.cuda * 1e6;
        out[2] = attention.hbm * 1e6;
        out[3] = attention.bound;
    } else if (sweep->what == SERVE && qoq_sim_serve(&serving, it) == QOQ_SIM_SERVES) {
        out[0] = serving.tokens_per_second;
        out[1] = serving.batch;
        out[2] = serving.prefill;
        out[3] = serving.decode;
    }
}

/* The value of an axis at a point. */
static double coordinate(const struct sweep *sweep, size_t point, size_t axis)
{
    for (size_t a = sweep->axes; a-- > axis + 1;) {
        point /= sweep->axis[a].count;
    }
    return sweep->axis[axis].value[point % sweep->axis[axis].count];
}

static void evaluate_point(struct sweep *sweep, struct qoq_sim_case *it, size_t point)
{
    struct qoq_error ignored;
    int good = 1;

    for (size_t a = 0; a < sweep->axes; a++) {
        good &= qoq_sim_assign(it, &sweep->axis[a].target, coordinate(sweep, point, a), 0,
                               &ignored) == QOQ_OK;
    }
    double *out = &sweep->result[point * sweep->results];
    if (good) {
        evaluate(out, sweep, it);
    } else {
        out[0] = out[1] = out[2] = out[3] = NAN;
    }
}

static void run(struct sweep *sweep)
{
    struct qoq_cli_progress progress;
    size_t blocks = (sweep->points + 511) / 512;
    size_t done = 0;

    qoq_cli_progress_begin(&progress, "sweep", "points", (double)sweep->points);
#pragma omp parallel
    {
        struct qoq_sim_case it = sweep->base;
#pragma omp for schedule(dynamic)
        for (size_t block = 0; block < blocks; block++) {
            for (size_t point = block * 512; point < sweep->points && point < (block + 1) * 512;
                 point++) {
                evaluate_point(sweep, &it, point);
            }
#pragma omp critical(qoq_sim_sweep_progress)
            {
                done += 512;
                qoq_cli_progress_update(&progress, fmin((double)done, (double)sweep->points));
            }
        }
    }
    qoq_cli_progress_end(&progress);
}

static const char *column_name(const struct sweep *sweep, size_t column)
{
    return column < sweep->axes ? sweep->axis[column].name
                                : kinds[sweep->what].result[column - sweep->axes];
}

static double cell(const struct sweep *sweep, size_t point, size_t column)
{
    return column < sweep->axes ? coordinate(sweep, point, column)
                                : sweep->result[point * sweep->results + column - sweep->axes];
}

static enum qoq_status write_csv(const struct sweep *sweep, const char *path, struct qoq_error *err)
{
    struct qoq_output out;
    char text[32];
    size_t columns = sweep->axes + sweep->results;
    enum qoq_status status = qoq_output_begin(&out, path, err);

    for (size_t c = 0; status == QOQ_OK && c < columns; c++) {
        status = qoq_output_write(&out, column_name(sweep, c), strlen(column_name(sweep, c)), err);
        status = status == QOQ_OK ? qoq_output_write(&out, c + 1 < columns ? "," : "\n", 1, err)
                                  : status;
    }
    for (size_t i = 0; status == QOQ_OK && i < sweep->points * columns; i++) {
        double value = cell(sweep, i / columns, i % columns);
        int length = snprintf(text, sizeof text, "%.9g%s", value, (i + 1) % columns ? "," : "\n");
        const char *start = isfinite(value) ? text : text + length - 1;
        status = qoq_output_write(&out, start, (size_t)(text + length - start), err);
    }
    if (status == QOQ_OK) {
        return qoq_output_commit(&out, err);
    }
    qoq_output_discard(&out);
    return status;
}

static enum qoq_status write_h5(const struct sweep *sweep, const char *path, struct qoq_error *err)
{
    struct qoq_h5 *file = NULL;
    double *column = malloc(sweep->points * sizeof *column);
    enum qoq_status status = column
                                 ? qoq_h5_create(&file, path, err)
                                 : qoq_fail_memory(err, path, NULL, sweep->points * sizeof *column);

    if (status == QOQ_OK) {
        status = qoq_h5_put_format(file, "qoq-sweep", 1, err);
    }
    if (status == QOQ_OK) {
        status = qoq_h5_put_string(file, "/", "what", kinds[sweep->what].name, err);
    }
    for (size_t c = 0; status == QOQ_OK && c < sweep->axes + sweep->results; c++) {
        char name[64];
        struct qoq_tensor tensor = {.name = name};
        snprintf(name, sizeof name, "%s", column_name(sweep, c));
        tensor.dtype = QOQ_F64;
        tensor.rank = 1;
        tensor.dim[0] = sweep->points;
        tensor.data = column;
        for (size_t point = 0; point < sweep->points; point++) {
            column[point] = cell(sweep, point, c);
        }
        status = qoq_h5_write(file, &tensor, err);
    }
    if (status == QOQ_OK) {
        status = qoq_h5_commit(&file, err);
    }
    qoq_h5_close(&file);
    free(column);
    return status;
}

static int show(const struct sweep *sweep, const struct qoq_sim_options *options)
{
    struct qoq_sim_column columns[MAX_AXES + MAX_RESULTS];
    struct qoq_sim_table table;
    size_t count = sweep->axes + sweep->results;
    int status = -1;

    for (size_t c = 0; c < count; c++) {
        columns[c] = (struct qoq_sim_column){column_name(sweep, c), c < sweep->axes ? 8 : 5};
    }
    qoq_sim_table_begin(&table, "sweep", columns, count);
    for (size_t i = 0; i < sweep->points * count; i++) {
        qoq_sim_table_number(&table, cell(sweep, i / count, i % count));
    }
    int last = (int)sweep->axes - 1;
    struct qoq_sim_plot plot = {options->plot,
                                "Sweep",
                                column_name(sweep, (size_t)last),
                                column_name(sweep, sweep->axes),
                                0,
                                0,
                                last > 0 ? last - 1 : -1,
                                last,
                                last + 1,
                                0};
    if (options->plot) {
        status = qoq_sim_plot(&plot, &table);
    }
    if (status >= 0) {
        qoq_sim_table_free(&table);
        return status;
    }
    if (options->out) {
        qoq_sim_table_free(&table);
        return qoq_cli_finish(QOQ_EXIT_GOOD);
    }
    return qoq_sim_print(options, &table, 1);
}

static int deliver(const struct sweep *sweep, const struct qoq_sim_options *options)
{
    struct qoq_error error;
    enum qoq_status status = QOQ_OK;
    const char *dot = options->out ? strrchr(options->out, '.') : NULL;

    if (options->out && (!dot || (strcmp(dot, ".csv") != 0 && strcmp(dot, ".h5") != 0))) {
        return qoq_cli_trouble("--out: %s: the name must end in .csv or .h5", options->out);
    }
    if (options->out) {
        status = strcmp(dot, ".h5") == 0 ? write_h5(sweep, options->out, &error)
                                         : write_csv(sweep, options->out, &error);
    }
    if (status != QOQ_OK) {
        return qoq_cli_trouble("%s", error.text);
    }
    return options->out && !options->plot ? QOQ_EXIT_GOOD : show(sweep, options);
}

/* Reads the axes and makes room for the results. Returns -1, or an exit status after a message. */
static int prepare(struct sweep *sweep, const struct qoq_sim_options *options)
{
    struct qoq_error error;

    if (options->overs < 1 || options->overs > MAX_AXES) {
        return qoq_cli_misuse("sim sweep", "sim sweep: give 1 to %d axes with --over", MAX_AXES);
    }
    sweep->points = 1;
    for (size_t i = 0; i < options->overs; i++) {
        sweep->axes = i + 1;
        if (qoq_sim_axis_parse(&sweep->axis[i], options->over[i], &error) != QOQ_OK) {
            return qoq_cli_trouble("%s", error.text);
        }
        if (sweep->axis[i].count > MAX_POINTS / sweep->points) {
            return qoq_cli_trouble("sim sweep: more than %d points", MAX_POINTS);
        }
        sweep->points *= sweep->axis[i].count;
    }
    sweep->results = kinds[sweep->what].results;
    sweep->result = malloc(sweep->points * sweep->results * sizeof *sweep->result);
    return sweep->result ? -1 : qoq_cli_trouble("sim sweep: out of memory");
}

static int sweep_kind(enum what *what, const char *name)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            *what = (enum what)i;
            return -1;
        }
    }
    return qoq_cli_misuse("sim sweep", "sim sweep: %s: expected gemm, attention or serve", name);
}

int qoq_sim_cli_sweep(int argc, char **argv)
{
    struct qoq_sim_options options;
    struct sweep sweep = {.axes = 0};
    int status = qoq_sim_options_read(&options, "sim sweep", help, argc, argv);

    if (status >= 0) {
        return status;
    }
    if (argc - options.argument != 1) {
        return qoq_cli_misuse("sim sweep", "sim sweep: sweep what? (gemm, attention or serve)");
    }
    if ((status = sweep_kind(&sweep.what, argv[options.argument])) >= 0) {
        return status;
    }
    options.scheme = options.scheme ? options.scheme : "w4a8-qserve";
    options.kv = options.kv ? options.kv : "kv4-qserve";
    sweep.heads_of_model = options.model != NULL;
    options.model = options.model ? options.model : "llama-2-7b";
    options.default_batch_fits = sweep.what == SERVE;
    if ((status = qoq_sim_options_load(&sweep.base, &options)) < 0 &&
        (status = prepare(&sweep, &options)) < 0) {
        run(&sweep);
        status = deliver(&sweep, &options);
    }
    for (size_t i = 0; i < sweep.axes; i++) {
        qoq_sim_axis_free(&sweep.axis[i]);
    }
    free(sweep.result);
    return status;
}
