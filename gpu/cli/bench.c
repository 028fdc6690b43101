/* SPDX-License-Identifier: Apache-2.0 */
/* qoq gpu bench: speed of the kernels, beside cuBLASLt and what the chip reaches. */
#include <config.h>

#include "gpu/cli/bench.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "gpu/bench/ceilings.h"
#include "gpu/bench/peer.h"
#include "gpu/bench/predict.h"
#include "gpu/bench/report.h"
#include "gpu/bench/run.h"
#include "gpu/bench/tiles.h"
#include "gpu/cli/commands.h"
#include "sim/cli/load.h"

/* Descriptions of the simulator for what the driver calls a GPU. */
static const char *simulated_gpu(const char *name)
{
    static const char *const known[][2] = {
        {"B200", "b200"},
        {"H200", "h200-sxm"},
        {"H100", "h100-sxm"},
        {"H800", "h800-sxm"},
        {"H20", "h20"},
        {"A100-SXM4-80", "a100-80g-sxm"},
        {"A100-SXM4-40", "a100-40g-sxm"},
        {"L40S", "l40s"},
        {"A10G", "a10g"},
        {"4090", "rtx4090"},
        {"3090", "rtx3090"},
        {"6000 Ada", "rtx6000-ada"},
        {"RTX A6000", "rtx-a6000"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strstr(name, known[i][0]) != NULL) {
            return known[i][1];
        }
    }
    return NULL;
}

/* One description for each kernel that names one, then the prediction. */
static double predict(struct qoq_sim_case *it, const char *loaded[2],
                      const struct qoq_bench_case *what, struct qoq_error *err)
{
    const char *scheme = what->kernel->scheme;
    int product = what->kernel->family == QOQ_BENCH_PRODUCT;

    if (product && scheme == NULL) {
        return NAN;
    }
    if (scheme != NULL && scheme != loaded[product]) {
        if (qoq_sim_load(it, product ? QOQ_SIM_SCHEME : QOQ_SIM_KV, scheme, err) != QOQ_OK) {
            return NAN;
        }
        loaded[product] = scheme;
    }
    return qoq_bench_predict(it, what);
}

struct bench {
    const struct qoq_bench_options *options;
    struct qoq_bench_plan plan;
    struct qoq_bench_header header;
    struct qoq_bench_runner runner;
    struct qoq_sim_case simulated;
    const char *loaded[2];
    FILE *csv;
    double began;
    size_t measured, skipped, failed;
    int status;
};

static void take_date(struct bench *it)
{
    time_t now = time(NULL);
    struct tm utc;

    if (gmtime_r(&now, &utc) == NULL ||
        strftime(it->header.date, sizeof it->header.date, "%Y-%m-%d %H:%M UTC", &utc) == 0) {
        it->header.date[0] = '\0';
    }
}

static int open_csv(struct bench *it)
{
    if (it->options->csv == NULL) {
        return 0;
    }
    it->csv = fopen(it->options->csv, "w");
    if (it->csv == NULL) {
        qoq_cli_trouble("gpu: --csv: %s: %s", it->options->csv, strerror(errno));
        return -1;
    }
    qoq_bench_print_header(it->csv, "# ", &it->header);
    qoq_bench_csv_columns(it->csv);
    return 0;
}

/* Rows go out one by one, so that a run that is stopped leaves what it has. */
static void put(struct bench *it, const struct qoq_bench_result *r)
{
    qoq_bench_print_line(stdout, r, &it->header.ceilings);
    fflush(stdout);
    if (it->csv != NULL) {
        qoq_bench_csv_row(it->csv, r, &it->header.ceilings);
        fflush(it->csv);
    }
    it->measured += r->outcome == QOQ_BENCH_MEASURED;
    it->skipped += r->outcome == QOQ_BENCH_SKIPPED;
    it->failed += r->outcome == QOQ_BENCH_FAILED;
}

/* Without a GPU: whether the arrays would fit the simulator's, and what it expects. */
static void plan_case(struct bench *it, struct qoq_bench_result *r)
{
    double room = it->simulated.gpu.hbm_gb * 1e9;

    r->cost = r->what->kernel->cost(&r->what->shape, r->what->kernel->variant);
    r->bytes = qoq_bench_bytes(r->what->kernel, &r->what->shape);
    if ((double)r->bytes > room) {
        r->outcome = QOQ_BENCH_SKIPPED;
        snprintf(r->reason, sizeof r->reason, "needs %.1f GB, %s has %.0f GB",
                 (double)r->bytes * 1e-9, it->header.simulated, room * 1e-9);
    }
}

static int run_all(struct bench *it)
{
    struct qoq_error err = {0};
    int dry = it->options->dry_run;
    enum qoq_status status = QOQ_OK;

    qoq_bench_print_columns(stdout, dry);
    for (size_t i = 0; i < it->plan.count && status == QOQ_OK; i++) {
        struct qoq_bench_result r = {.what = &it->plan.list[i], .predicted = NAN};

        if (it->header.simulated != NULL) {
            r.predicted = predict(&it->simulated, it->loaded, r.what, &err);
        }
        if (dry) {
            plan_case(it, &r);
        } else if (it->options->seconds > 0 &&
                   qoq_cli_seconds() - it->began > (double)it->options->seconds) {
            r.outcome = QOQ_BENCH_SKIPPED;
            snprintf(r.reason, sizeof r.reason, "no time left of %zu s", it->options->seconds);
        } else {
            status = qoq_bench_run_case(&it->runner, &r);
        }
        put(it, &r);
    }
    if (err.text[0] != '\0') {
        qoq_cli_trouble("gpu: no prediction: %s", err.text);
    }
    return status == QOQ_OK && it->failed == 0 ? QOQ_EXIT_GOOD : QOQ_EXIT_DIFFERS;
}

static void finish_all(struct bench *it)
{
    if (it->options->dry_run) {
        printf("%zu cases, %zu would be skipped\n", it->plan.count, it->skipped);
    } else {
        printf("%zu measured, %zu skipped, %zu failed\n", it->measured, it->skipped, it->failed);
    }
    if (it->csv != NULL && (ferror(it->csv) | fclose(it->csv)) != 0) {
        it->status = qoq_cli_trouble("gpu: --csv: %s: %s", it->options->csv, strerror(errno));
    }
    it->status = qoq_cli_finish(it->status);
}

static int load_simulated(struct bench *it, const char *name)
{
    struct qoq_error err;

    if (name == NULL) {
        return 0;
    }
    if (qoq_sim_load(&it->simulated, QOQ_SIM_GPU, name, &err) != QOQ_OK) {
        qoq_cli_trouble("gpu: %s", err.text);
        return -1;
    }
    it->header.simulated = name;
    return 0;
}

static int start(struct bench *it)
{
    take_date(it);
    if (open_csv(it) != 0) {
        return QOQ_EXIT_TROUBLE;
    }
    qoq_bench_print_header(stdout, "", &it->header);
    it->began = qoq_cli_seconds();
    it->status = run_all(it);
    finish_all(it);
    return it->status;
}

static int on_gpu(struct bench *it)
{
    struct qoq_bench_device *device;
    char library[160], peer[200];
    enum qoq_status status = qoq_bench_open(&device, (int)it->options->device);
    int result = QOQ_EXIT_TROUBLE;

    if (status != QOQ_OK) {
        return qoq_cli_trouble("gpu: %s: %s", qoq_status_string(status), qoq_cuda_message(NULL));
    }
    if (qoq_bench_peer_load(it->options->peer, device, peer, sizeof peer) != QOQ_OK) {
        qoq_bench_close(device);
        return qoq_cli_trouble("gpu: --peer: %s", peer);
    }
    it->header.tile = it->options->tile_asked ? (int)it->options->tile : -1;
    it->header.splits = (int)it->options->splits;
    qoq_cuda_gemm_choose(qoq_bench_handle(device), it->header.tile, it->header.splits);
    it->header.info = qoq_bench_info(device);
    it->header.clocks = qoq_bench_clocks(device);
    it->header.library = library;
    it->runner.device = device;
    it->runner.budget = it->options->quick ? 0.02 : 0.1;
    it->runner.library =
        it->options->alone ? NULL : qoq_bench_library_open(device, library, sizeof library);
    if (it->options->alone) {
        snprintf(library, sizeof library, "not compared: --alone");
    }
    status =
        qoq_bench_measure_ceilings(&it->header.ceilings, device, qoq_bench_free_bytes(device) / 2);
    if (status == QOQ_ERR_DEVICE) {
        qoq_cli_trouble("gpu: ceilings: %s", qoq_cuda_message(qoq_bench_handle(device)));
    } else if (load_simulated(it, it->options->gpu != NULL
                                      ? it->options->gpu
                                      : simulated_gpu(it->header.info->name)) == 0) {
        result = start(it);
    }
    qoq_bench_library_close(it->runner.library);
    qoq_bench_close(device);
    return result;
}

static int add_kernels(struct bench *it, const struct qoq_bench_kernel *list, int all)
{
    const struct qoq_bench_options *o = it->options;

    for (const struct qoq_bench_kernel *k = list; k->name != NULL; k++) {
        for (size_t m = 0; (all || qoq_bench_is_asked(o, k->name)) && m < o->models; m++) {
            if (qoq_bench_plan_add(&it->plan, k, o->model_name[m], &o->model[m], &o->rows,
                                   &o->batches, &o->contexts) != 0) {
                return qoq_cli_trouble("gpu: %s", qoq_status_string(QOQ_ERR_MEMORY));
            }
        }
    }
    return -1;
}

static int fill_plan(struct bench *it)
{
    int status = add_kernels(it, qoq_bench_kernels, 0);

    return status < 0 && it->options->peer != NULL && !it->options->tiles
               ? add_kernels(it, qoq_bench_peers, 1)
               : status;
}

/* Instructions of warpgroups are those of compute capability 9.0 alone. */
static int print_tiles(struct bench *it)
{
    const struct qoq_sim_gpu *gpu = &it->simulated.gpu;
    enum qoq_status status = qoq_bench_print_tiles(
        stdout, &it->plan, (int)gpu->sms, gpu->cc >= 9 && gpu->cc < 10, qoq_sim_stream(gpu));

    return status == QOQ_OK ? qoq_cli_finish(QOQ_EXIT_GOOD)
                            : qoq_cli_trouble("gpu: %s", qoq_status_string(status));
}

int qoq_gpu_cli_bench(int argc, char **argv)
{
    struct qoq_bench_options options;
    struct bench it = {.options = &options};
    int status = qoq_bench_read_options(&options, argc, argv);

    if (status >= 0) {
        return status;
    }
    qoq_sim_case_reset(&it.simulated);
    status = fill_plan(&it);
    if (status < 0 && (options.dry_run || options.tiles)) {
        it.header.library = "not asked";
        status = load_simulated(&it, options.gpu != NULL ? options.gpu : "h200-sxm") != 0
                     ? QOQ_EXIT_TROUBLE
                 : options.tiles ? print_tiles(&it)
                                 : start(&it);
    } else if (status < 0) {
        status = on_gpu(&it);
    }
    qoq_bench_plan_free(&it.plan);
    return status;
}
