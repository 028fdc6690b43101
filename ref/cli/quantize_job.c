/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A quantization from files to a file. One layer is in memory at a time; each layer done is on disk
 * (partial.h), so a run that was killed goes on where it was.
 */
#include <config.h>

#include "cli/quantize_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/calibration_text.h"
#include "cli/cli.h"
#include "cli/partial.h"
#include "cli/quantize_report.h"
#include "cli/source.h"
#include "data/sha256.h"

struct run {
    const struct qoq_quantize_job *job;
    struct qoq_error err;
    struct qoq_source source;
    struct qoq_calibration_text text;
    struct qoq_quantizer *quantizer;
    struct qoq_partial partial;
    struct qoq_layer_report *report; /* [layers] */
    struct qoq_cli_progress bar;
    size_t layer; /* at work */
};

/* A failure of the library, told with what it was about. */
static enum qoq_status fail_at(struct run *run, const char *what, enum qoq_status status)
{
    return status == QOQ_OK ? QOQ_OK
                            : qoq_fail(&run->err, status, run->job->model, what, "%s",
                                       status == QOQ_ERR_RANGE
                                           ? "a value that is not finite or overflows binary16"
                                           : qoq_status_string(status));
}

/* ---- What identifies the job ---- */

static void add_text(struct qoq_sha256 *sum, const char *text)
{
    qoq_sha256_add(sum, text, strlen(text) + 1);
}

static void add_numbers(struct qoq_sha256 *sum, const double *number, size_t count)
{
    char text[64];

    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "%a", number[i]);
        add_text(sum, text);
    }
}

static void digest_job(char hex[65], const struct run *run)
{
    const struct qoq_recipe *r = &run->job->recipe;
    const struct qoq_config *c = &run->source.header.config;
    const double number[] = {QOQ_NUMERICS_VERSION,
                             r->grid,
                             (double)r->group,
                             r->act_bits,
                             (double)r->act_group,
                             r->kv_bits,
                             r->rotation,
                             (double)(r->seed >> 32),
                             (double)(r->seed & 0xFFFFFFFF),
                             r->rotate_heads,
                             r->smooth_input,
                             (double)r->input_alpha,
                             r->reorder,
                             r->smooth_attention,
                             (double)r->attention_alpha,
                             r->smooth_output,
                             (double)r->output_alpha,
                             r->clip,
                             r->gptq,
                             (double)r->damp,
                             (double)run->text.sequences,
                             (double)run->text.length,
                             (double)c->vocab,
                             (double)c->hidden,
                             (double)c->intermediate,
                             (double)c->layers,
                             (double)c->heads,
                             (double)c->kv_heads,
                             (double)c->head_dim,
                             (double)c->rms_eps,
                             c->tie_embeddings,
                             c->rope.kind,
                             c->rope.theta,
                             c->rope.factor,
                             c->rope.low_freq,
                             c->rope.high_freq,
                             c->rope.original_positions};
    struct qoq_sha256 sum;

    qoq_sha256_begin(&sum);
    add_text(&sum, PACKAGE_VERSION);
    add_numbers(&sum, number, sizeof number / sizeof number[0]);
    if (run->text.token != NULL) {
        qoq_sha256_add(&sum, run->text.token,
                       run->text.sequences * run->text.length * sizeof *run->text.token);
    }
    qoq_sha256_end(hex, &sum);
}

static enum qoq_status add_array(void *context, const struct qoq_array *array)
{
    size_t count = array->dim[0] * (array->rank == 2 ? array->dim[1] : 1);

    qoq_sha256_add(context, array->data, count * sizeof(float));
    return QOQ_OK;
}

/* ---- Embedding, head, final gain ---- */

/* Binary32 and binary16 arrays of the ends of the result; those that a precision has not are NULL.
 */
struct ends {
    struct qoq_model model;
    float *embed, *head, *norm;
    char made_from[65];
};

static void free_ends(struct ends *ends)
{
    free(ends->embed);
    free(ends->head);
    free(ends->norm);
    free(ends->model.embed);
    free(ends->model.head);
}

static void digest_ends(char hex[65], const struct qoq_outline *outline)
{
    struct qoq_sha256 sum;

    qoq_sha256_begin(&sum);
    enum qoq_status status = qoq_arrays_visit_ends(outline, add_array, &sum);
    (void)status; /* add_array cannot fail */
    qoq_sha256_end(hex, &sum);
}

static enum qoq_status read_ends(struct run *run, struct ends *ends)
{
    const struct qoq_config *config = &run->source.header.config;
    size_t count = config->vocab * config->hidden;
    int tied = qoq_quantizer_config(run->quantizer)->tie_embeddings;

    ends->embed = malloc(count * sizeof *ends->embed);
    ends->norm = malloc(config->hidden * sizeof *ends->norm);
    ends->head = tied ? NULL : malloc(count * sizeof *ends->head);
    if (ends->embed == NULL || ends->norm == NULL || (!tied && ends->head == NULL)) {
        return qoq_fail_memory(&run->err, run->job->model, "embedding", count * sizeof(float));
    }
    struct qoq_model view = {.config = *config,
                             .embed_f32 = ends->embed,
                             .head_f32 = config->tie_embeddings ? ends->embed : ends->head,
                             .norm = ends->norm};
    struct qoq_outline outline = {config, QOQ_FP32, 0, &view};
    QOQ_TRY(qoq_arrays_visit_ends(&outline, qoq_source_read, &run->source));
    QOQ_TRY(qoq_source_check_tied_head(&run->source, ends->embed));
    digest_ends(ends->made_from, &outline);
    if (config->tie_embeddings && ends->head != NULL) {
        memcpy(ends->head, ends->embed, count * sizeof *ends->head);
    }
    return QOQ_OK;
}

static enum qoq_status narrow_array(struct run *run, qoq_half **out, float **in, const char *what)
{
    const struct qoq_config *config = &run->source.header.config;
    size_t count = config->vocab * config->hidden;

    *out = malloc(count * sizeof **out);
    if (*out == NULL) {
        return qoq_fail_memory(&run->err, run->job->model, what, count * sizeof **out);
    }
    QOQ_TRY(fail_at(run, what, qoq_narrow(*out, *in, count)));
    free(*in);
    *in = NULL;
    return QOQ_OK;
}

static enum qoq_status store_ends(struct run *run, struct ends *ends)
{
    struct qoq_model *model = &ends->model;

    model->config = *qoq_quantizer_config(run->quantizer);
    model->norm = ends->norm;
    model->embed_f32 = ends->embed;
    model->head_f32 = ends->head;
    if (run->partial.outline.precision != QOQ_FP32) {
        QOQ_TRY(narrow_array(run, &model->embed, &ends->embed, "embedding"));
        if (ends->head != NULL) {
            QOQ_TRY(narrow_array(run, &model->head, &ends->head, "head"));
        }
    }
    return qoq_partial_put_ends(&run->partial, model, ends->made_from);
}

static enum qoq_status quantize_ends(struct run *run)
{
    struct ends ends = {.embed = NULL};
    enum qoq_status status = read_ends(run, &ends);

    if (status == QOQ_OK) {
        status = fail_at(
            run, "embedding",
            qoq_quantizer_ends(run->quantizer, ends.embed, ends.head, ends.norm, run->text.token));
    }
    if (status == QOQ_OK) {
        status = run->layer == 0 ? store_ends(run, &ends)
                                 : qoq_partial_check_ends(&run->partial, ends.made_from);
    }
    free_ends(&ends);
    return status;
}

/* ---- Layers ---- */

static void show_progress(void *context, size_t done, size_t total)
{
    struct run *run = context;

    (void)total;
    qoq_cli_progress_update(&run->bar, (double)run->layer + (double)done / 1000);
}

/* Reads layer i of the source and takes its digest. */
static enum qoq_status read_layer(struct run *run, struct qoq_layer *layer, size_t i, char hex[65])
{
    struct qoq_outline outline = {&run->source.header.config, QOQ_FP32, 0, NULL};
    struct qoq_sha256 sum;

    qoq_sha256_begin(&sum);
    QOQ_TRY(qoq_arrays_visit_layer(&outline, i, layer, qoq_source_read, &run->source));
    QOQ_TRY(qoq_arrays_visit_layer(&outline, i, layer, add_array, &sum));
    qoq_sha256_end(hex, &sum);
    return QOQ_OK;
}

static enum qoq_status store_layer(struct run *run, const struct qoq_layer *out, const char *hex)
{
    size_t count;
    const float *hidden = qoq_quantizer_hidden(run->quantizer, &count);

    QOQ_TRY(qoq_partial_put_layer(&run->partial, run->layer, out, &run->report[run->layer], hex));
    return hidden != NULL ? qoq_partial_put_hidden(&run->partial, run->layer, hidden, count)
                          : QOQ_OK;
}

static enum qoq_status quantize_layer(struct run *run, struct qoq_layer *layer,
                                      struct qoq_layer *out)
{
    struct qoq_progress progress = {show_progress, run};
    char hex[65], what[32];

    snprintf(what, sizeof what, "layer %zu", run->layer);
    QOQ_TRY(read_layer(run, layer, run->layer, hex));
    QOQ_TRY(fail_at(
        run, what,
        qoq_quantizer_layer(run->quantizer, out, layer, &run->report[run->layer], &progress)));
    return store_layer(run, out, hex);
}

/* The layers that an earlier run finished: their weights must be the same still. */
static enum qoq_status take_up(struct run *run, struct qoq_layer *layer)
{
    size_t done = qoq_partial_layers(&run->partial, run->job->tokens != NULL), count;
    float *hidden = qoq_quantizer_hidden(run->quantizer, &count);
    char hex[65];

    for (run->layer = 0; run->layer < done; run->layer++) {
        QOQ_TRY(read_layer(run, layer, run->layer, hex));
        QOQ_TRY(qoq_partial_get_report(&run->report[run->layer], &run->partial, run->layer, hex));
    }
    QOQ_TRY(quantize_ends(run));
    if (done > 0) {
        fprintf(stderr, "%s: going on after layer %zu of %zu\n", run->job->output, done,
                run->source.header.config.layers);
    }
    return done > 0 && hidden != NULL
               ? qoq_partial_get_hidden(hidden, &run->partial, done - 1, count)
               : QOQ_OK;
}

static enum qoq_status quantize_layers(struct run *run, struct qoq_layer *layer,
                                       struct qoq_layer *out)
{
    size_t layers = run->source.header.config.layers;
    enum qoq_status status = take_up(run, layer);

    qoq_cli_progress_begin(&run->bar, "quantize", "layers", (double)layers);
    for (; status == QOQ_OK && run->layer < layers; run->layer++) {
        status = quantize_layer(run, layer, out);
    }
    qoq_cli_progress_end(&run->bar);
    return status;
}

static enum qoq_status with_layers(struct run *run)
{
    const struct qoq_config *config = &run->source.header.config;
    const struct qoq_outline *outline = &run->partial.outline;
    struct qoq_layer layer, out;
    size_t bytes = config->layers * sizeof *run->report;

    run->report = calloc(config->layers, sizeof *run->report);
    if (run->report == NULL || qoq_layer_create(&layer, config, QOQ_FP32, 0) != QOQ_OK) {
        return qoq_fail_memory(&run->err, run->job->model, "layer", bytes);
    }
    enum qoq_status status =
        qoq_layer_create(&out, config, outline->precision, outline->group) == QOQ_OK
            ? QOQ_OK
            : qoq_fail_memory(&run->err, run->job->model, "layer", bytes);
    if (status == QOQ_OK) {
        status = quantize_layers(run, &layer, &out);
        qoq_layer_free(&out);
    }
    qoq_layer_free(&layer);
    return status;
}

/* ---- The whole ---- */

static enum qoq_status write_model(struct run *run)
{
    const struct qoq_model_header *from = &run->source.header;
    const struct qoq_outline *outline = &run->partial.outline;
    struct qoq_model_header header = *from;
    char precision[32], method[32];

    snprintf(precision, sizeof precision, "%s", qoq_precision_name(outline->precision));
    snprintf(method, sizeof method, "%s", run->job->method);
    header.config = *outline->config;
    header.precision = precision;
    header.method = method;
    header.group = outline->precision == QOQ_FP32 ? 0 : outline->group;
    header.simulation = qoq_recipe_simulation(&run->job->recipe);
    QOQ_TRY(qoq_partial_finish(&run->partial, run->job->output, &header));
    size_t linear, bytes = qoq_outline_bytes(outline, &linear);
    fprintf(stderr, "%s: %s by %s, %zu bytes of weights, %zu of them linear layers\n",
            run->job->output, precision, method, bytes, linear);
    return QOQ_OK;
}

static enum qoq_status prepare(struct run *run)
{
    const struct qoq_quantize_job *job = run->job;
    char hex[65];

    QOQ_TRY(qoq_source_open(&run->source, job->model, &run->err));
    if (job->tokens != NULL) {
        QOQ_TRY(qoq_calibration_text_read(&run->text, job->tokens, job->sequences, job->length,
                                          &run->source.header.config, &run->err));
    }
    enum qoq_status status =
        qoq_quantizer_create(&run->quantizer, &job->recipe, &run->source.header.config,
                             run->text.sequences, run->text.length);
    if (status == QOQ_ERR_UNSUPPORTED) {
        return qoq_fail(&run->err, status, job->model, "hidden_size",
                        "no Hadamard matrix of this size is known to this program: quantize "
                        "without rotation");
    }
    QOQ_TRY(fail_at(run, NULL, status));
    struct qoq_outline outline = {qoq_quantizer_config(run->quantizer),
                                  qoq_recipe_precision(&job->recipe), job->recipe.group, NULL};
    digest_job(hex, run);
    return qoq_partial_open(&run->partial, job->output, hex, &outline, job->restart, &run->err);
}

int qoq_quantize_job_run(const struct qoq_quantize_job *job)
{
    struct run run = {.job = job, .err = {QOQ_OK, ""}};
    int exit_status = QOQ_EXIT_GOOD;
    enum qoq_status status = prepare(&run);

    if (status == QOQ_OK) {
        status = with_layers(&run);
    }
    if (status == QOQ_OK && job->report != NULL) {
        status = qoq_quantize_report_write(job->report, run.report, run.source.header.config.layers,
                                           &run.err);
    }
    if (status == QOQ_OK) {
        status = write_model(&run);
    }
    if (status != QOQ_OK) {
        exit_status = qoq_cli_trouble("%s", run.err.text);
    }
    free(run.report);
    qoq_partial_close(&run.partial);
    qoq_quantizer_free(run.quantizer);
    qoq_calibration_text_free(&run.text);
    qoq_source_close(&run.source);
    return exit_status;
}
