/* SPDX-License-Identifier: Apache-2.0 */
/* qoq sim serve: a server under equal requests, or under a trace with in-flight batching. */
#include <config.h>

#include <stdlib.h>

#include "cli/cli.h"
#include "data/csv.h"
#include "sim/cli/help.h"
#include "sim/cli/options.h"
#include "sim/cost/inflight.h"

static const char help[] =
    "Usage: qoq sim serve --model NAME [OPTION]...\n"
    "Batch that fits in memory, time of prefill and decode, tokens per second, energy and cost.\n"
    "\n" QOQ_SIM_HELP_WHAT "  -M, --model NAME         model (default llama-2-7b)\n"
    "  -s, --scheme NAME        scheme of the products (default w4a8-qserve)\n"
    "  -c, --kv NAME            cache (default kv4-qserve)\n"
    "      --input N, --output N    tokens of a request (default 1024 and 512)\n"
    "      --batch N            sequences; 0, the default here: as many as fit, up to --max-batch\n"
    "      --prefill-tokens N   prompt tokens of one pass; 0: the whole batch\n"
    "      --tp N               GPUs that share every layer\n"
    "      --requests N         a random mix with in-flight batching: --rate N requests a second, "
    "prompts\n"
    "                           up to --input-most, answers up to --output-most, --seed N\n"
    "      --trace FILE.csv     plays requests (columns arrival_s, input_tokens, output_tokens) "
    "with\n"
    "                           in-flight batching\n" QOQ_SIM_HELP_COMMON;

static const struct qoq_sim_column columns[] = {
    {"gpu", 4},
    {"model", 4},
    {"scheme", 4},
    {"kv", 4},
    {"batch", 6},
    {"fits", 6},
    {"prefill_s", 4},
    {"decode_s", 4},
    {"gemm_s", 4},
    {"attention_s", 4},
    {"elementwise_s", 3},
    {"head_s", 3},
    {"host_s", 3},
    {"exchange_s", 3},
    {"tokens_per_s", 4},
    {"first_token_s", 4},
    {"joule_per_mtoken", 4},
    {"usd_per_mtoken", 4},
    {"weights_gb", 4},
    {"status", 4},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static const struct qoq_sim_column trace_columns[] = {
    {"gpu", 4},
    {"model", 4},
    {"scheme", 4},
    {"kv", 4},
    {"requests", 9},
    {"refused", 9},
    {"seconds", 4},
    {"tokens_per_s", 4},
    {"first_token_mean_s", 4},
    {"first_token_p95_s", 4},
    {"token_mean_ms", 4},
    {"batch_mean", 4},
    {"batch_most", 6},
};

static void names(struct qoq_sim_table *table, const struct qoq_sim_case *it)
{
    qoq_sim_table_text(table, it->gpu.head.name);
    qoq_sim_table_text(table, it->model.head.name);
    qoq_sim_table_text(table, it->scheme.head.name);
    qoq_sim_table_text(table, it->kv.head.name);
}

static void serve_row(struct qoq_sim_table *table, const struct qoq_sim_case *it,
                      const struct qoq_sim_serving *out, enum qoq_sim_outcome outcome)
{
    const double value[] = {out->batch,
                            out->memory.batch,
                            out->prefill,
                            out->decode,
                            out->decode_gemm,
                            out->decode_attention,
                            out->decode_elementwise,
                            out->decode_head,
                            out->decode_host,
                            out->decode_exchange,
                            out->tokens_per_second,
                            out->first_token,
                            out->joules_per_million};

    names(table, it);
    for (size_t i = 0; i < sizeof value / sizeof value[0]; i++) {
        if (outcome == QOQ_SIM_SERVES || i == 1) {
            qoq_sim_table_number(table, value[i]);
        } else {
            qoq_sim_table_empty(table);
        }
    }
    if (out->dollars_per_million > 0) {
        qoq_sim_table_number(table, out->dollars_per_million);
    } else {
        qoq_sim_table_empty(table);
    }
    qoq_sim_table_number(table, out->memory.weights * 1e-9);
    qoq_sim_table_text(table, outcome == QOQ_SIM_SERVES ? "ok" : "out of memory");
}

static int serve_equal(const struct qoq_sim_options *options, const struct qoq_sim_case *it)
{
    struct qoq_sim_serving out;
    struct qoq_sim_table table;
    enum qoq_sim_outcome outcome = qoq_sim_serve(&out, it);

    if (outcome == QOQ_SIM_CANNOT) {
        return qoq_cli_trouble("%s on %s: %s", it->scheme.head.name, it->gpu.head.name, out.reason);
    }
    qoq_sim_table_begin(&table, "serve", columns, COLUMNS);
    serve_row(&table, it, &out, outcome);
    return qoq_sim_print(options, &table, 1);
}

/* Reads a trace; *request is malloced. Arrivals must not go back. */
static enum qoq_status read_trace(struct qoq_sim_request **request, size_t *count, const char *path,
                                  struct qoq_error *err)
{
    struct qoq_csv csv;
    size_t arrival, input, output;
    enum qoq_status status = qoq_csv_read(&csv, path, err);

    *request = NULL;
    *count = 0;
    if (status == QOQ_OK && (status = qoq_csv_column(&arrival, &csv, "arrival_s", err)) == QOQ_OK &&
        (status = qoq_csv_column(&input, &csv, "input_tokens", err)) == QOQ_OK &&
        (status = qoq_csv_column(&output, &csv, "output_tokens", err)) == QOQ_OK) {
        *request = calloc(csv.rows + 1, sizeof **request);
        if (!*request) {
            status = qoq_fail_memory(err, path, NULL, csv.rows * sizeof **request);
        }
        double least = 0;
        for (size_t i = 0; i < csv.rows && status == QOQ_OK; i++) {
            struct qoq_sim_request *r = &(*request)[i];
            if ((status = qoq_csv_number(&r->arrival, &csv, i, arrival, least, 1e9, 0, err)) ==
                    QOQ_OK &&
                (status = qoq_csv_number(&r->input, &csv, i, input, 1, 1e7, 0, err)) == QOQ_OK) {
                status = qoq_csv_number(&r->output, &csv, i, output, 1, 1e7, 0, err);
            }
            least = r->arrival;
        }
        *count = csv.rows;
    }
    qoq_csv_free(&csv);
    return status;
}

static void trace_row(struct qoq_sim_table *table, const struct qoq_sim_case *it,
                      const struct qoq_sim_inflight *out, size_t count)
{
    const double value[] = {(double)count,          out->refused,          out->seconds,
                            out->tokens_per_second, out->first_token_mean, out->first_token_p95,
                            out->token_mean * 1e3,  out->batch_mean,       out->batch_most};

    names(table, it);
    for (size_t i = 0; i < sizeof value / sizeof value[0]; i++) {
        qoq_sim_table_number(table, value[i]);
    }
}

static int play(const struct qoq_sim_options *options, const struct qoq_sim_case *it,
                struct qoq_sim_request *request, size_t count)
{
    size_t most = (size_t)it->work.max_batch;
    struct qoq_sim_inflight_scratch scratch = {calloc(most, sizeof(size_t)),
                                               calloc(most + 1, sizeof(double)),
                                               calloc(count + 1, sizeof(double))};
    struct qoq_sim_inflight out;
    struct qoq_sim_table table;
    const char *reason = "out of memory";

    if (scratch.active && scratch.step && scratch.sorted) {
        reason = qoq_sim_inflight(&out, request, count, it, &scratch);
    }
    free(scratch.active);
    free(scratch.step);
    free(scratch.sorted);
    if (reason) {
        return qoq_cli_trouble("%s on %s: %s", it->scheme.head.name, it->gpu.head.name, reason);
    }
    qoq_sim_table_begin(&table, "trace", trace_columns,
                        sizeof trace_columns / sizeof trace_columns[0]);
    trace_row(&table, it, &out, count);
    return qoq_sim_print(options, &table, 1);
}

static int serve_mix(const struct qoq_sim_options *options, const struct qoq_sim_case *it)
{
    size_t count = (size_t)it->work.requests;
    struct qoq_sim_request *request = calloc(count, sizeof *request);

    if (!request) {
        return qoq_cli_trouble("sim serve: out of memory");
    }
    qoq_sim_request_mix(request, &it->work);
    int status = play(options, it, request, count);
    free(request);
    return status;
}

int qoq_sim_cli_serve(int argc, char **argv)
{
    struct qoq_sim_options options;
    struct qoq_sim_case it;
    struct qoq_sim_request *request = NULL;
    struct qoq_error error;
    size_t count = 0;
    int status = qoq_sim_options_read(&options, "sim serve", help, argc, argv);

    if (status >= 0) {
        return status;
    }
    options.scheme = options.scheme ? options.scheme : "w4a8-qserve";
    options.kv = options.kv ? options.kv : "kv4-qserve";
    options.model = options.model ? options.model : "llama-2-7b";
    options.default_batch_fits = 1;
    if ((status = qoq_sim_options_load(&it, &options)) >= 0) {
        return status;
    }
    if (!options.trace && it.work.requests < 1) {
        return serve_equal(&options, &it);
    }
    if (!options.trace) {
        return serve_mix(&options, &it);
    }
    if (read_trace(&request, &count, options.trace, &error) != QOQ_OK) {
        free(request);
        return qoq_cli_trouble("%s", error.text);
    }
    status = play(&options, &it, request, count);
    free(request);
    return status;
}
