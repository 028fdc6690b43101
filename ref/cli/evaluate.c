/* SPDX-License-Identifier: Apache-2.0 */
/* Running a model over the sequences of a token file: see evaluate.h. */
#include <config.h>

#include "cli/evaluate.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/divergence.h"
#include "data/sha256.h"
#include "numerics/bits.h"

/* The state of one evaluation. Arrays with a unit of `batch` have one element a slot of the
 * session. */
struct run {
    const struct qoq_model *model;
    const struct qoq_token_file *tokens;
    const struct qoq_evaluation_plan *plan;
    struct qoq_runner runner; /* self is NULL until it is open */
    size_t chunk;
    struct qoq_segment *segment;           /* [batch] */
    size_t *position;                      /* [batch] tokens fed so far */
    struct qoq_sha256 *sum;                /* [batch] */
    float *logits;                         /* [batch * chunk][vocab] */
    struct qoq_session *reference_session; /* and the next: NULL without a reference */
    float *reference_logits;
    struct qoq_divergence_sum divergence;
    double *nll; /* [all tokens]: nll[i] is that of token i + 1 of the file */
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
        if (run->plan->digest) {
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

/* Feeds one step to the model, and to the reference if there is one. */
static enum qoq_status feed(struct run *run, size_t segments)
{
    enum qoq_status status =
        run->runner.step(run->runner.self, run->logits, run->segment, segments, 1);

    if (status != QOQ_OK || run->reference_session == NULL) {
        return status;
    }
    size_t vocab = run->model->config.vocab, rows = 0;
    status =
        qoq_session_step(run->reference_session, run->reference_logits, run->segment, segments, 1);
    for (size_t i = 0; i < segments; i++) {
        rows += run->segment[i].count;
    }
    if (status == QOQ_OK) {
        qoq_divergence_add(&run->divergence, run->reference_logits, run->logits, rows, vocab);
    }
    return status;
}

/* Feeds sequences first .. first + count - 1 side by side to their ends. */
static enum qoq_status run_side_by_side(struct run *run, size_t first, size_t count)
{
    for (size_t slot = 0; slot < count; slot++) {
        run->runner.reset(run->runner.self, slot);
        qoq_session_reset(run->reference_session, slot);
        qoq_sha256_begin(&run->sum[slot]);
        run->position[slot] = 0;
    }
    for (size_t segments; (segments = next_segments(run, first, count)) > 0;) {
        enum qoq_status status = feed(run, segments);
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

/* Sum of the nll of a sequence in order; *scored of them. */
static double sequence_sum(const struct run *run, size_t sequence, size_t *scored)
{
    size_t start = (size_t)run->tokens->offset[sequence], length = length_of(run->tokens, sequence);
    double sum = 0;

    for (size_t i = 0; i + 1 < length; i++) {
        sum += run->nll[start + i];
    }
    *scored = length > 0 ? length - 1 : 0;
    return sum;
}

static enum qoq_status tell_done(const struct run *run, size_t first, size_t count)
{
    for (size_t s = first; run->plan->sequence_done != NULL && s < first + count; s++) {
        size_t scored;
        double sum = sequence_sum(run, s, &scored);
        enum qoq_status status = run->plan->sequence_done(run->plan->context, s, scored,
                                                          scored ? sum / (double)scored : 0);
        if (status != QOQ_OK) {
            return status;
        }
    }
    return QOQ_OK;
}

static enum qoq_status run_all(struct run *run, struct qoq_evaluation *out, size_t sequences,
                               size_t batch)
{
    struct qoq_sha256 all;
    char hex[65];

    qoq_sha256_begin(&all);
    for (size_t first = run->plan->first; first < sequences; first += batch) {
        size_t count = sequences - first < batch ? sequences - first : batch;
        enum qoq_status status = run_side_by_side(run, first, count);
        if (status == QOQ_OK) {
            status = tell_done(run, first, count);
        }
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
    for (size_t s = run->plan->first; s < sequences; s++) {
        size_t start = (size_t)run->tokens->offset[s], length = length_of(run->tokens, s);
        for (size_t i = 0; i + 1 < length; i++) {
            sum += run->nll[start + i];
            out->scored++;
        }
    }
    out->tokens = (size_t)(run->tokens->offset[sequences] - run->tokens->offset[run->plan->first]);
    out->divergence = qoq_divergence_mean(&run->divergence);
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

static size_t longest(const struct qoq_token_file *tokens, size_t first, size_t sequences)
{
    size_t most = 1;

    for (size_t s = first; s < sequences; s++) {
        most = length_of(tokens, s) > most ? length_of(tokens, s) : most;
    }
    return most;
}

size_t qoq_longest_sequence(const struct qoq_token_file *tokens)
{
    return longest(tokens, 0, tokens->sequences);
}

enum qoq_status qoq_evaluate_check(const struct qoq_model *model, const char *name,
                                   const struct qoq_token_file *tokens, const char *file,
                                   const struct qoq_model *reference, struct qoq_error *err)
{
    size_t most = qoq_longest_sequence(tokens), positions = model->config.max_positions;

    if (reference != NULL && reference->config.max_positions < positions) {
        positions = reference->config.max_positions;
    }
    if (most > positions) {
        return qoq_fail(err, QOQ_ERR_SHAPE, file, NULL,
                        "a sequence of %zu tokens, the model %s has %zu positions", most, name,
                        positions);
    }
    if (tokens->vocab > model->config.vocab) {
        return qoq_fail(err, QOQ_ERR_SHAPE, file, "vocab",
                        "the tokens are from a vocabulary of %zu, the model has %zu", tokens->vocab,
                        model->config.vocab);
    }
    if (reference != NULL && reference->config.vocab != model->config.vocab) {
        return qoq_fail(err, QOQ_ERR_SHAPE, name, "vocab", "%zu, the reference has %zu",
                        model->config.vocab, reference->config.vocab);
    }
    return QOQ_OK;
}

static void release(struct run *run)
{
    if (run->runner.self != NULL) {
        run->runner.close(run->runner.self);
    }
    qoq_session_free(run->reference_session);
    free(run->reference_logits);
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
    struct qoq_machine *machine =
        run->plan->machine != NULL ? run->plan->machine : &qoq_machine_reference;
    enum qoq_status status =
        machine->open(&run->runner, machine, run->model, batch, most, page_tokens);
    if (status != QOQ_OK || run->plan->reference == NULL) {
        return status;
    }
    run->reference_logits = malloc(batch * run->chunk * vocab * sizeof *run->reference_logits);
    return run->reference_logits == NULL
               ? QOQ_ERR_MEMORY
               : qoq_session_create(&run->reference_session, run->plan->reference, batch, most,
                                    page_tokens);
}

enum qoq_status qoq_evaluate(struct qoq_evaluation *out, const struct qoq_model *model,
                             const struct qoq_token_file *tokens, size_t sequences,
                             const struct qoq_evaluation_plan *plan)
{
    struct run run = {.model = model, .tokens = tokens, .plan = plan, .chunk = plan->chunk};
    size_t all = (size_t)tokens->offset[sequences],
           total = all - (size_t)tokens->offset[plan->first];
    size_t batch = plan->batch < sequences ? plan->batch : sequences ? sequences : 1;

    enum qoq_status status =
        prepare(&run, batch, longest(tokens, plan->first, sequences), all, plan->page_tokens);
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
