/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step: checks, pages, then passes of as many tokens as the workspace holds, each from the
 * embedding to the logits that are wanted of it. The host waits where it takes results, once for a
 * step that decodes, and where it would overwrite what was not yet sent.
 */
#include "gpu/decoder/parts.h"

#include <string.h>

/* ---- Checks: those of a session ---- */

static enum qoq_status check_tokens(const struct qoq_segment *segment, size_t vocab)
{
    if (segment->token == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    for (size_t i = 0; i < segment->count; i++) {
        if (segment->token[i] < 0 || (size_t)segment->token[i] >= vocab) {
            return QOQ_ERR_RANGE;
        }
    }
    return QOQ_OK;
}

static enum qoq_status check_segments(const struct qoq_decoder *d,
                                      const struct qoq_segment *segment, size_t segments)
{
    if (d == NULL || segment == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    if (segments == 0 || segments > d->options.sequences) {
        return QOQ_ERR_SHAPE;
    }
    for (size_t i = 0; i < segments; i++) {
        size_t s = segment[i].sequence;

        if (s >= d->options.sequences || segment[i].count == 0 ||
            segment[i].count > d->options.max_tokens - d->length[s]) {
            return QOQ_ERR_SHAPE;
        }
        QOQ_TRY(check_tokens(&segment[i], d->config.vocab));
        for (size_t j = 0; j < i; j++) {
            if (segment[j].sequence == s) {
                return QOQ_ERR_SHAPE;
            }
        }
    }
    return QOQ_OK;
}

/* ---- Passes ---- */

/* A step on its way: where its next row comes from and where its next result goes. */
struct walk {
    const struct qoq_segment *segment;
    size_t segments, at, done; /* done: tokens of segment `at` */
    enum qoq_decoder_want want;
    int all;
    float *logits;
    int32_t *choice;
};

/* Rows of the next pass; 0: the step is through. */
static size_t next_rows(const struct qoq_decoder *d, const struct walk *walk)
{
    size_t rows = 0;

    for (size_t i = walk->at; i < walk->segments && rows < d->options.rows; i++) {
        rows += walk->segment[i].count - (i == walk->at ? walk->done : 0);
    }
    return rows < d->options.rows ? rows : d->options.rows;
}

/* Row m of a pass: the next token of the walk. */
static void fill_row(const struct qoq_decoder *d, struct walk *walk, struct qoq_decoder_pass *pass,
                     size_t m)
{
    const struct qoq_segment *segment = &walk->segment[walk->at];
    size_t rows = pass->rows, position = d->length[segment->sequence] + walk->done;
    int32_t *input = pass->input;
    int last = walk->done + 1 == segment->count;

    input[QOQ_INPUT_TOKEN * rows + m] = segment->token[walk->done];
    input[QOQ_INPUT_SEQUENCE * rows + m] = (int32_t)segment->sequence;
    input[QOQ_INPUT_POSITION * rows + m] = (int32_t)position;
    input[QOQ_INPUT_CONTEXT * rows + m] = (int32_t)position + 1;
    if (walk->want != QOQ_WANT_NOTHING && (walk->all || last)) {
        input[QOQ_INPUT_WANTED * rows + pass->wanted++] = (int32_t)m;
    }
    if (m == 0 || walk->done == 0) {
        input[QOQ_INPUT_RUN_START * rows + pass->runs++] = (int32_t)m;
    }
    input[QOQ_INPUT_RUN_SEQUENCE * rows + pass->runs - 1] = (int32_t)segment->sequence;
    input[QOQ_INPUT_RUN_CONTEXT * rows + pass->runs - 1] = (int32_t)position + 1;
    pass->max_context = position + 1 > pass->max_context ? position + 1 : pass->max_context;
    walk->done = last ? 0 : walk->done + 1;
    walk->at += (size_t)last;
}

/* Fills the input of a pass and moves on. */
static void fill(const struct qoq_decoder *d, struct walk *walk, struct qoq_decoder_pass *pass)
{
    memset(pass->input, 0, qoq_decoder_input_count(pass->rows) * sizeof *pass->input);
    pass->runs = pass->wanted = pass->max_context = 0;
    for (size_t m = 0; m < pass->rows; m++) {
        fill_row(d, walk, pass, m);
    }
    pass->input[QOQ_INPUT_RUN_START * pass->rows + pass->runs] = (int32_t)pass->rows;
}

/* Waits for `count` results and hands them out. */
static enum qoq_status take(struct qoq_decoder *d, struct walk *walk, size_t count)
{
    QOQ_TRY(qoq_cuda_sync(d->handle));
    if (walk->want == QOQ_WANT_LOGITS) {
        memcpy(walk->logits, d->logits, count * d->config.vocab * sizeof *d->logits);
        walk->logits += count * d->config.vocab;
    } else {
        memcpy(walk->choice, d->choice, count * sizeof *d->choice);
        walk->choice += count;
    }
    return QOQ_OK;
}

static enum qoq_status run_pass(struct qoq_decoder *d, struct walk *walk,
                                const struct qoq_decoder_pass *pass)
{
    QOQ_TRY(qoq_decoder_layers(d, pass));
    for (size_t first = 0; first < pass->wanted; first += d->head_rows) {
        size_t left = pass->wanted - first, count = left < d->head_rows ? left : d->head_rows;

        QOQ_TRY(qoq_decoder_head(d, pass, first, count));
        QOQ_TRY(take(d, walk, count));
    }
    return pass->wanted > 0 ? QOQ_OK : qoq_cuda_sync(d->handle);
}

/* A token for each segment, all in one pass, all wanted or none. */
static int decodes(const struct qoq_decoder *d, const struct walk *walk)
{
    for (size_t i = 0; i < walk->segments; i++) {
        if (walk->segment[i].count != 1) {
            return 0;
        }
    }
    return !d->options.eager && walk->segments <= d->options.rows &&
           (walk->want == QOQ_WANT_NOTHING || walk->segments <= d->head_rows);
}

static enum qoq_status run(struct qoq_decoder *d, struct walk *walk)
{
    int graph = decodes(d, walk);
    struct qoq_decoder_pass pass = {.input = d->input, .want = walk->want};

    while ((pass.rows = next_rows(d, walk)) > 0) {
        fill(d, walk, &pass);
        if (!graph) {
            QOQ_TRY(run_pass(d, walk, &pass));
            continue;
        }
        QOQ_TRY(qoq_decoder_replay(d, &pass));
        QOQ_TRY(pass.wanted > 0 ? take(d, walk, pass.wanted) : qoq_cuda_sync(d->handle));
    }
    return QOQ_OK;
}

static enum qoq_status step(struct qoq_decoder *d, struct walk *walk)
{
    QOQ_TRY(check_segments(d, walk->segment, walk->segments));
    enum qoq_status status = QOQ_OK;
    for (size_t i = 0; status == QOQ_OK && i < walk->segments; i++) {
        size_t s = walk->segment[i].sequence;
        status = qoq_decoder_reserve(d, s, d->length[s] + walk->segment[i].count);
    }
    if (status == QOQ_OK) {
        status = run(d, walk);
    }
    for (size_t i = 0; i < walk->segments; i++) {
        size_t s = walk->segment[i].sequence;
        d->length[s] += status == QOQ_OK ? walk->segment[i].count : 0;
        qoq_decoder_trim(d, s);
    }
    return status;
}

enum qoq_status qoq_decoder_step(struct qoq_decoder *decoder, float *logits,
                                 const struct qoq_segment *segment, size_t segments, int all)
{
    struct walk walk = {.segment = segment,
                        .segments = segments,
                        .want = logits == NULL ? QOQ_WANT_NOTHING : QOQ_WANT_LOGITS,
                        .all = all,
                        .logits = logits};

    return step(decoder, &walk);
}

enum qoq_status qoq_decoder_choose(struct qoq_decoder *decoder, int32_t *token,
                                   const struct qoq_segment *segment, size_t segments)
{
    struct walk walk = {
        .segment = segment, .segments = segments, .want = QOQ_WANT_CHOICE, .choice = token};

    return token == NULL ? QOQ_ERR_ARGUMENT : step(decoder, &walk);
}
