/* SPDX-License-Identifier: Apache-2.0 */
/* Running a model over the sequences of a token file: see evaluate.h. */
#include <config.h>

#include "cli/evaluate.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "data/sha256.h"
#include "numerics/bits.h"

/* The state of one evaluation. Arrays with a unit of `batch` have one element a slot of the
 * session. */
struct run {
    const struct qoq_model *model;
    const struct qoq_token_file *tokens;
    struct qoq_session *session;
    size_t chunk;
    int digest;
    struct qoq_segment *segment; /* [batch] */
    size_t *position;            /* [batch] tokens fed so far */
    struct qoq_sha256 *sum;      /* [batch] */
    float *logits;               /* [batch * chunk][vocab] */
    double *nll;                 /* [all tokens]: nll[i] is that of token i + 1 of the file */
    struct qoq_cli_progress progress;
    size_t fed;
};

static size_t length_of(const struct qoq_token_file *tokens, size_t sequence)
{
    return (size_t)(tokens->offset[sequence + 1] - tokens->offset[sequence]);
}

/* The next tokens of sequences first .. first + count - 1 that are not through, as segments. */
static size_t next_segments(struct run *run, size_t first, size_t count)
{
    size_t segments = 0;

    for (size_t slot = 0; slot < count; slot++) {
        size_t left = length_of(run->tokens, first + slot) - run->position[slot];
        if (left > 0) {
            size_t start = (size_t)run->tokens->offset[first + slot] + run->position[slot];
            run->segment[segments++] = (struct qoq_segment){
                slot, left < run->chunk ? left : run->chunk, run->tokens->token + start};
        }
    }
    return segments;
}

/* Little-endian patterns, every NaN the same, so that a digest too is the same on every machine. */
static void add_to_digest(struct qoq_sha256 *sum, const float *row, size_t vocab)
{
    uint8_t bytes[4 * 256];

    for (size_t first = 0; first < vocab; first += 256) {
        size_t count = vocab - first < 256 ? vocab - first : 256;
        for (size_t i = 0; i < count; i++) {
            float x = row[first + i];
            uint32_t u = qoq_float_bits(x == x ? x : qoq_nan());
            for (unsigned b = 0; b < 4; b++) {
                bytes[4 * i + b] = (uint8_t)(u >> 8 * b);
            }
        }
        qoq_sha256_add(sum, bytes, 4 * count);
    }
}

/* Scores and digests the rows of one segment; the logits are lost. */
static void take_rows(struct run *run, float *row, const struct qoq_segment *segment, size_t first)
{
    size_t vocab = run->model->config.vocab, slot = segment->sequence;
    size_t start = (size_t)run->tokens->offset[first + slot],
           length = length_of(run->tokens, first + slot);

    for (size_t i = 0; i < segment->count; i++, row += vocab) {
        size_t at = run->position[slot] + i;
        if (run->digest) {
            add_to_digest(&run->sum[slot], row, vocab);
        }
        if (at + 1 < length) {
            run->nll[start + at] =
                qoq_token_nll(row, row, vocab, run->tokens->token[start + at + 1]);
        }
    }
    run->position[slot] += segment->count;
    run->fed += segment->count;
}

/* Feeds sequences first .. first + count - 1 side by side to their ends. */
static enum qoq_status run_side_by_side(struct run *run, size_t first, size_t count)
{
    for (size_t slot = 0; slot < count; slot++) {
        qoq_session_reset(run->session, slot);
        qoq_sha256_begin(&run->sum[slot]);
        run->position[slot] = 0;
    }
    for (size_t segments; (segments = next_segments(run, first, count)) > 0;) {
        enum qoq_status status =
            qoq_session_step(run->session, run->logits, run->segment, segments, 1);
        if (status != QOQ_OK) {
            return status;
        }
        float *row = run->logits;
        for (size_t i = 0; i < segments; i++) {
            take_rows(run, row, &run->segment[i], first);
            row += run->segment[i].count * run->model->config.vocab;
        }
        qoq_cli_progress_update(&run->progress, (double)run->fed);
    }
    return QOQ_OK;
}

static enum qoq_status run_all(struct run *run, struct qoq_evaluation *out, size_t sequences,
                               size_t batch)
{
    struct qoq_sha256 all;
    char hex[65];

    qoq_sha256_begin(&all);
    for (size_t first = 0; first < sequences; first += batch) {
        size_t count = sequences - first < batch ? sequences - first : batch;
        enum qoq_status status = run_side_by_side(run, first, count);
        if (status != QOQ_OK) {
            return status;
        }
        for (size_t slot = 0; slot < count; slot++) {
            qoq_sha256_end(hex, &run->sum[slot]);
            qoq_sha256_add(&all, hex, 64);
        }
    }
    qoq_sha256_end(out->digest, &all);
    return QOQ_OK;
}

/* Mean over the scored tokens in file order (N 12.4). */
static void summarize(struct qoq_evaluation *out, const struct run *run, size_t sequences)
{
    double sum = 0;

    out->scored = 0;
    for (size_t s = 0; s < sequences; s++) {
        size_t start = (size_t)run->tokens->offset[s], length = length_of(run->tokens, s);
        for (size_t i = 0; i + 1 < length; i++) {
            sum += run->nll[start + i];
            out->scored++;
        }
    }
    out->tokens = (size_t)run->tokens->offset[sequences];
    out->mean_nll = out->scored ? sum / (double)out->scored : 0;
    out->perplexity = qoq_perplexity(out->mean_nll);
}

static size_t cache_bytes_per_token(const struct qoq_model *model)
{
    const struct qoq_config *config = &model->config;
    struct qoq_kv_layout layout = {qoq_precision_kv_bits(model->precision), 1, config->kv_heads,
                                   config->head_dim};
    size_t bytes = layout.bits == 32 ? config->kv_heads * config->head_dim * sizeof(float)
                                     : qoq_kv_page_bytes(&layout);

    return 2 * config->layers * bytes;
}

static size_t longest(const struct qoq_token_file *tokens, size_t sequences)
{
    size_t most = 1;

    for (size_t s = 0; s < sequences; s++) {
        most = length_of(tokens, s) > most ? length_of(tokens, s) : most;
    }
    return most;
}

static void release(struct run *run)
{
    qoq_session_free(run->session);
    free(run->segment);
    free(run->position);
    free(run->sum);
    free(run->logits);
    free(run->nll);
}

/* Session and arrays for `batch` sequences of up to `most` tokens, chunk cut to what can be used.
 */
static enum qoq_status prepare(struct run *run, size_t batch, size_t most, size_t total,
                               size_t page_tokens)
{
    size_t vocab = run->model->config.vocab;

    if (most > run->model->config.max_positions) {
        return QOQ_ERR_SHAPE;
    }
    run->chunk = run->chunk < most ? run->chunk : most;
    if (run->chunk > SIZE_MAX / sizeof(float) / vocab / batch) {
        return QOQ_ERR_MEMORY;
    }
    run->segment = calloc(batch, sizeof *run->segment);
    run->position = calloc(batch, sizeof *run->position);
    run->sum = calloc(batch, sizeof *run->sum);
    run->logits = malloc(batch * run->chunk * vocab * sizeof *run->logits);
    run->nll = calloc(total ? total : 1, sizeof *run->nll);
    if (!run->segment || !run->position || !run->sum || !run->logits || !run->nll) {
        return QOQ_ERR_MEMORY;
    }
    return qoq_session_create(&run->session, run->model, batch, most, page_tokens);
}

enum qoq_status qoq_evaluate(struct qoq_evaluation *out, const struct qoq_model *model,
                             const struct qoq_token_file *tokens, size_t sequences,
                             const struct qoq_evaluation_plan *plan)
{
    struct run run = {
        .model = model, .tokens = tokens, .chunk = plan->chunk, .digest = plan->digest};
    size_t total = (size_t)tokens->offset[sequences];
    size_t batch = plan->batch < sequences ? plan->batch : sequences ? sequences : 1;

    enum qoq_status status =
        prepare(&run, batch, longest(tokens, sequences), total, plan->page_tokens);
    if (status == QOQ_OK) {
        double began = qoq_cli_seconds();
        qoq_cli_progress_begin(&run.progress, qoq_precision_name(model->precision), "tokens",
                               (double)total);
        status = run_all(&run, out, sequences, batch);
        qoq_cli_progress_end(&run.progress);
        out->tokens_per_second = (double)total / (qoq_cli_seconds() - began);
        out->kv_bytes_per_token = cache_bytes_per_token(model);
        summarize(out, &run, sequences);
    }
    release(&run);
    return status;
}
