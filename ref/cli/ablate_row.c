/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "cli/ablate_row.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/evaluate.h"
#include "cli/load.h"
#include "cli/quantize_job.h"
#include "data/file.h"
#include "data/sha256.h"
#include "model/arrays.h"

#define DIGITS 16 /* of a digest that identifies a model or a sequence */

struct run {
    const struct qoq_ablate_row *row;
    const struct qoq_ablate_job *job;
    struct qoq_error err;
    char *model, *results; /* paths */
    char digest[65];       /* of the model's arrays */
    double *nll;           /* [job->sequences], NAN: not known */
};

static char *path_of(const struct run *run, const char *suffix)
{
    char name[128];

    snprintf(name, sizeof name, "%.100s%s", run->row->name, suffix);
    return qoq_file_join(run->job->directory, name);
}

/* ---- Digests ---- */

static enum qoq_status add_array(void *context, const struct qoq_array *array)
{
    size_t element = array->dtype == QOQ_F32 ? 4 : array->dtype == QOQ_F16 ? 2 : 1;

    qoq_sha256_add(context, array->data,
                   array->dim[0] * (array->rank == 2 ? array->dim[1] : 1) * element);
    return QOQ_OK;
}

static enum qoq_status digest_model(struct run *run, const struct qoq_model *model)
{
    struct qoq_outline outline = qoq_model_outline(model);
    const unsigned char simulation[] = {(unsigned char)model->simulation.act_bits,
                                        (unsigned char)model->simulation.kv_bits};
    struct qoq_sha256 sum;

    qoq_sha256_begin(&sum);
    qoq_sha256_add(&sum, simulation, sizeof simulation);
    enum qoq_status status = qoq_arrays_visit(&outline, add_array, &sum);
    qoq_sha256_end(run->digest, &sum);
    return status;
}

static void digest_sequence(char hex[65], const struct qoq_token_file *tokens, size_t s)
{
    size_t start = (size_t)tokens->offset[s], end = (size_t)tokens->offset[s + 1];

    qoq_sha256_hex(hex, tokens->token + start, (end - start) * sizeof *tokens->token);
}

/* ---- Results on disk ---- */

/* Takes the value of one line if it is of this model and these tokens. */
static enum qoq_status take_result(struct run *run, const struct qoq_csv *csv, size_t row,
                                   const size_t column[4])
{
    double sequence, value;
    char hex[65];

    QOQ_TRY(qoq_csv_number(&sequence, csv, row, column[0], 0, 1e9, 0, &run->err));
    QOQ_TRY(qoq_csv_number(&value, csv, row, column[1], 0, 1e9, 0, &run->err));
    size_t s = (size_t)sequence;
    if (s >= run->job->sequences) {
        return QOQ_OK;
    }
    digest_sequence(hex, run->job->tokens, s);
    if (strncmp(qoq_csv_text(csv, row, column[2]), hex, DIGITS) == 0 &&
        strncmp(qoq_csv_text(csv, row, column[3]), run->digest, DIGITS) == 0) {
        run->nll[s] = value;
    }
    return QOQ_OK;
}

static enum qoq_status take_results(struct run *run, const struct qoq_csv *csv)
{
    static const char *const name[4] = {"sequence", "nll", "tokens", "model"};
    size_t column[4];

    for (int i = 0; i < 4; i++) {
        QOQ_TRY(qoq_csv_column(&column[i], csv, name[i], &run->err));
    }
    for (size_t row = 0; row < csv->rows; row++) {
        QOQ_TRY(take_result(run, csv, row, column));
    }
    return QOQ_OK;
}

static enum qoq_status read_results(struct run *run)
{
    struct qoq_csv csv;

    for (size_t s = 0; s < run->job->sequences; s++) {
        run->nll[s] = NAN;
    }
    if (!qoq_file_exists(run->results)) {
        return QOQ_OK;
    }
    enum qoq_status status = qoq_csv_read(&csv, run->results, &run->err);
    if (status == QOQ_OK) {
        status = take_results(run, &csv);
    }
    qoq_csv_free(&csv);
    return status;
}

static enum qoq_status write_lines(struct run *run, struct qoq_output *out)
{
    static const char head[] = "sequence,nll,tokens,model\n";
    char line[128], hex[65];

    QOQ_TRY(qoq_output_write(out, head, sizeof head - 1, &run->err));
    for (size_t s = 0; s < run->job->sequences; s++) {
        if (!isnan(run->nll[s])) {
            digest_sequence(hex, run->job->tokens, s);
            snprintf(line, sizeof line, "%zu,%.17g,%.*s,%.*s\n", s, run->nll[s], DIGITS, hex,
                     DIGITS, run->digest);
            QOQ_TRY(qoq_output_write(out, line, strlen(line), &run->err));
        }
    }
    return QOQ_OK;
}

/* After each sequence: what is known goes to disk. */
static enum qoq_status keep_result(void *context, size_t sequence, size_t scored, double nll)
{
    struct run *run = context;
    struct qoq_output out;

    (void)scored;
    run->nll[sequence] = nll;
    QOQ_TRY(qoq_output_begin(&out, run->results, &run->err));
    enum qoq_status status = write_lines(run, &out);
    if (status == QOQ_OK) {
        return qoq_output_commit(&out, &run->err);
    }
    qoq_output_discard(&out);
    return status;
}

/* ---- The row ---- */

static enum qoq_status evaluate_missing(struct run *run, const struct qoq_model *model)
{
    struct qoq_evaluation_plan plan = {
        .chunk = 256, .batch = 1, .page_tokens = 64, .sequence_done = keep_result, .context = run};
    struct qoq_evaluation result;

    QOQ_TRY(qoq_evaluate_check(model, run->model, run->job->tokens, run->job->tokens_name, NULL,
                               &run->err));
    while (plan.first < run->job->sequences && !isnan(run->nll[plan.first])) {
        plan.first++;
    }
    if (plan.first == run->job->sequences) {
        return QOQ_OK;
    }
    enum qoq_status status =
        qoq_evaluate(&result, model, run->job->tokens, run->job->sequences, &plan);
    return status == QOQ_OK || run->err.text[0] != '\0'
               ? status
               : qoq_fail(&run->err, status, run->model, run->job->tokens_name, "%s",
                          qoq_status_string(status));
}

static enum qoq_status evaluate(struct run *run)
{
    struct qoq_loaded loaded;

    QOQ_TRY(qoq_load(&loaded, run->model, &run->err));
    enum qoq_status status = digest_model(run, loaded.model);
    if (status == QOQ_OK) {
        status = read_results(run);
    }
    if (status == QOQ_OK) {
        status = evaluate_missing(run, loaded.model);
    }
    qoq_loaded_free(&loaded);
    return status;
}

static int quantize(const struct run *run)
{
    const struct qoq_ablate_job *job = run->job;
    struct qoq_quantize_job quantize = {.model = job->model,
                                        .output = run->model,
                                        .method = run->row->method,
                                        .recipe = run->row->recipe,
                                        .sequences = job->calibration_sequences,
                                        .length = job->calibration_length};

    if (qoq_recipe_needs_tokens(&quantize.recipe)) {
        quantize.tokens = job->calibration;
    }
    return qoq_quantize_job_run(&quantize);
}

static int run_row(struct run *run)
{
    if (run->model == NULL || run->results == NULL) {
        return qoq_cli_trouble("ablate: not enough memory");
    }
    if (!qoq_file_exists(run->model)) {
        int status = quantize(run);
        if (status != QOQ_EXIT_GOOD) {
            return status;
        }
    }
    return evaluate(run) == QOQ_OK ? QOQ_EXIT_GOOD : qoq_cli_trouble("%s", run->err.text);
}

int qoq_ablate_row_run(double *nll, const struct qoq_ablate_row *row,
                       const struct qoq_ablate_job *job)
{
    struct run run = {.row = row, .job = job, .err = {QOQ_OK, ""}, .nll = nll};

    run.model = row->original ? strdup(job->model) : path_of(&run, ".h5");
    run.results = path_of(&run, ".nll.csv");
    int status = run_row(&run);
    free(run.model);
    free(run.results);
    return status;
}
