/* SPDX-License-Identifier: Apache-2.0 */
/* A decoder's beginning and end. */
#include "gpu/decoder/parts.h"

#include <stdlib.h>

enum { ROWS = 512 };
/* Logits that are made at once, unless the sequences are more. */
static const size_t LOGITS_SHARE = (size_t)32 << 20;

enum qoq_status qoq_decoder_new(struct qoq_decoder *d, void **data, size_t bytes)
{
    if (d->arrays == d->arrays_max) {
        size_t most = 2 * d->arrays_max + 64;
        void **more = realloc(d->array, most * sizeof *more);

        if (more == NULL) {
            return QOQ_ERR_MEMORY;
        }
        d->array = more;
        d->arrays_max = most;
    }
    QOQ_TRY(qoq_cuda_alloc(d->handle, data, bytes));
    d->array[d->arrays++] = *data;
    return QOQ_OK;
}

static const char *refusal(const struct qoq_model *model, const struct qoq_decoder_options *options)
{
    if (qoq_precision_scheme(model->precision) >= QOQ_SCHEMES) {
        return "precision: fp32 has no integer path, quantize the model first";
    }
    return options->sequences == 0 || options->max_tokens == 0 || options->page_tokens == 0 ||
                   options->max_tokens > model->config.max_positions
               ? "sequences, tokens and pages: outside what the model has"
               : NULL;
}

/* Rows of the workspace; how many of them have logits at once. */
static void choose_rows(struct qoq_decoder *d)
{
    struct qoq_decoder_options *o = &d->options;
    size_t row = d->config.vocab * sizeof(float), most;

    most = o->sequences > SIZE_MAX / o->max_tokens ? SIZE_MAX : o->sequences * o->max_tokens;
    o->rows = o->rows == 0 ? ROWS : o->rows;
    o->rows = o->rows < most ? o->rows : most;
    d->head_rows = LOGITS_SHARE / row > o->sequences ? LOGITS_SHARE / row : o->sequences;
    d->head_rows = d->head_rows < o->rows ? d->head_rows : o->rows;
}

static enum qoq_status host_arrays(struct qoq_decoder *d)
{
    void *input, *logits, *choice;

    d->length = calloc(d->options.sequences, sizeof *d->length);
    if (d->length == NULL) {
        return QOQ_ERR_MEMORY;
    }
    QOQ_TRY(qoq_cuda_host_alloc(d->handle, &input,
                                qoq_decoder_input_count(d->options.rows) * sizeof *d->input));
    d->input = input;
    QOQ_TRY(qoq_cuda_host_alloc(d->handle, &logits,
                                d->head_rows * d->config.vocab * sizeof *d->logits));
    d->logits = logits;
    QOQ_TRY(qoq_cuda_host_alloc(d->handle, &choice, d->head_rows * sizeof *d->choice));
    d->choice = choice;
    return QOQ_OK;
}

/* The parts in order; *part is the one that failed. */
static enum qoq_status create_parts(struct qoq_decoder *d, const struct qoq_model *model,
                                    const char **part)
{
    *part = "model: does not fit the device's memory";
    d->layer = calloc(d->config.layers, sizeof *d->layer);
    if (d->layer == NULL) {
        return QOQ_ERR_MEMORY;
    }
    QOQ_TRY(qoq_decoder_upload(d, model));
    *part = "cache: does not fit the device's memory beside the model";
    QOQ_TRY(qoq_decoder_pages_create(d));
    *part = "workspace: does not fit the device's memory beside model and cache";
    QOQ_TRY(host_arrays(d));
    return qoq_decoder_work_create(d);
}

static const char *describe(const struct qoq_decoder *d, enum qoq_status status, const char *part)
{
    return status == QOQ_ERR_MEMORY   ? part
           : status == QOQ_ERR_DEVICE ? qoq_cuda_message(d->handle)
           : status == QOQ_ERR_SHAPE  ? "sizes: beyond what the kernels take"
                                      : "model: not one that can be run";
}

enum qoq_status qoq_decoder_create(struct qoq_decoder **decoder, struct qoq_cuda *handle,
                                   const struct qoq_model *model,
                                   const struct qoq_decoder_options *options, const char **reason)
{
    const char *ignored, *part, **why = reason == NULL ? &ignored : reason;
    struct qoq_decoder *d;

    *why = "decoder: an argument is missing";
    if (decoder == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    *decoder = NULL;
    if (handle == NULL || model == NULL || options == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    *why = refusal(model, options);
    if (*why != NULL) {
        return qoq_precision_scheme(model->precision) >= QOQ_SCHEMES ? QOQ_ERR_UNSUPPORTED
                                                                     : QOQ_ERR_SHAPE;
    }
    d = calloc(1, sizeof *d);
    if (d == NULL) {
        *why = "decoder: not enough memory";
        return QOQ_ERR_MEMORY;
    }
    d->handle = handle;
    d->config = model->config;
    d->options = *options;
    d->layout =
        (struct qoq_kv_layout){qoq_precision_kv_bits(model->precision), options->page_tokens,
                               d->config.kv_heads, d->config.head_dim};
    choose_rows(d);
    enum qoq_status status = create_parts(d, model, &part);
    if (status != QOQ_OK) {
        *why = describe(d, status, part);
        qoq_decoder_free(d);
        return status;
    }
    *decoder = d;
    return QOQ_OK;
}

void qoq_decoder_free(struct qoq_decoder *d)
{
    if (d == NULL) {
        return;
    }
    qoq_decoder_graphs_free(d);
    for (size_t i = 0; i < d->arrays; i++) {
        qoq_cuda_free(d->handle, d->array[i]);
    }
    qoq_cuda_free(d->handle, d->work.memory);
    qoq_cuda_host_free(d->handle, d->input);
    qoq_cuda_host_free(d->handle, d->logits);
    qoq_cuda_host_free(d->handle, d->choice);
    qoq_cuda_host_free(d->handle, d->pages.table);
    free(d->pages.free);
    free(d->pages.held);
    free(d->array);
    free(d->layer);
    free(d->length);
    free(d);
}

void qoq_decoder_reset(struct qoq_decoder *d, size_t sequence)
{
    if (d != NULL && sequence < d->options.sequences) {
        d->length[sequence] = 0;
        qoq_decoder_trim(d, sequence);
    }
}

size_t qoq_decoder_length(const struct qoq_decoder *d, size_t sequence)
{
    return d != NULL && sequence < d->options.sequences ? d->length[sequence] : 0;
}

size_t qoq_decoder_free_pages(const struct qoq_decoder *d)
{
    return d->pages.frees;
}
