/* SPDX-License-Identifier: Apache-2.0 */
/* Steps on a device, and beside them those of the reference. */
#include <config.h>

#include "gpu/cli/device_machine.h"

#include <inttypes.h>
#include <stdlib.h>

#include "gpu/decoder/decoder.h"
#include "numerics/bits.h"

struct device_runner {
    struct qoq_device_machine *it;
    struct qoq_decoder *decoder;
    struct qoq_session *reference; /* NULL: no one checks */
    size_t vocab;
    float *logits; /* of the reference */
    size_t logits_max;
};

/* Notes what a failed call of the decoder left behind. */
static enum qoq_status noted(struct device_runner *r, enum qoq_status status)
{
    if (r->it->rest != NULL) {
        r->it->rest(r->it->handle);
    }
    if (status == QOQ_ERR_DEVICE) {
        qoq_fail(&r->it->machine.trouble, status, NULL, NULL, "%s",
                 qoq_cuda_message(r->it->handle));
    }
    return status;
}

/* ---- The reference beside ---- */

static enum qoq_status reference_step(struct device_runner *r, const struct qoq_segment *segment,
                                      size_t segments, size_t rows, int all)
{
    if (rows > r->logits_max) {
        free(r->logits);
        r->logits_max = 0;
        r->logits = rows <= SIZE_MAX / sizeof(float) / r->vocab
                        ? malloc(rows * r->vocab * sizeof *r->logits)
                        : NULL;
        if (r->logits == NULL) {
            return QOQ_ERR_MEMORY;
        }
        r->logits_max = rows;
    }
    return qoq_session_step(r->reference, rows == 0 ? NULL : r->logits, segment, segments, all);
}

static enum qoq_status compare(struct device_runner *r, const float *logits, size_t rows)
{
    for (size_t i = 0; i < rows * r->vocab; i++) {
        uint32_t have = qoq_float_bits(logits[i]), want = qoq_float_bits(r->logits[i]);
        int both_nan = logits[i] != logits[i] && r->logits[i] != r->logits[i];

        if (have != want && !both_nan) {
            return qoq_fail(&r->it->machine.trouble, QOQ_ERR_DIFFERS, NULL, NULL,
                            "row %zu, logit %zu: 0x%08" PRIx32
                            " where the reference has 0x%08" PRIx32,
                            i / r->vocab, i % r->vocab, have, want);
        }
    }
    return QOQ_OK;
}

static enum qoq_status compare_choices(struct device_runner *r, const int32_t *token, size_t rows)
{
    const struct qoq_sampling greedy = {0, 0, 0};

    for (size_t i = 0; i < rows; i++) {
        int32_t want = qoq_sample(NULL, r->logits + i * r->vocab, r->vocab, 0, &greedy);

        if (token[i] != want) {
            return qoq_fail(&r->it->machine.trouble, QOQ_ERR_DIFFERS, NULL, NULL,
                            "row %zu: token %" PRId32 " where the reference has %" PRId32, i,
                            token[i], want);
        }
    }
    return QOQ_OK;
}

/* ---- Steps ---- */

static enum qoq_status step(void *self, float *logits, const struct qoq_segment *segment,
                            size_t segments, int all)
{
    struct device_runner *r = self;
    enum qoq_status status = noted(r, qoq_decoder_step(r->decoder, logits, segment, segments, all));
    size_t rows = segments;

    if (status != QOQ_OK || r->reference == NULL) {
        return status;
    }
    for (size_t i = 0; all && i < segments; i++) {
        rows += segment[i].count - 1;
    }
    rows = logits == NULL ? 0 : rows;
    status = reference_step(r, segment, segments, rows, all);
    return status == QOQ_OK ? compare(r, logits, rows) : status;
}

static enum qoq_status choose(void *self, int32_t *token, const struct qoq_segment *segment,
                              size_t segments)
{
    struct device_runner *r = self;
    enum qoq_status status = noted(r, qoq_decoder_choose(r->decoder, token, segment, segments));

    if (status != QOQ_OK || r->reference == NULL) {
        return status;
    }
    status = reference_step(r, segment, segments, segments, 0);
    return status == QOQ_OK ? compare_choices(r, token, segments) : status;
}

static void reset(void *self, size_t sequence)
{
    struct device_runner *r = self;

    qoq_decoder_reset(r->decoder, sequence);
    qoq_session_reset(r->reference, sequence);
}

static void close_runner(void *self)
{
    struct device_runner *r = self;

    qoq_decoder_free(r->decoder);
    qoq_session_free(r->reference);
    free(r->logits);
    free(r);
}

enum qoq_status qoq_device_machine_open(struct qoq_runner *out, struct qoq_machine *machine,
                                        const struct qoq_model *model, size_t sequences,
                                        size_t max_tokens, size_t page_tokens)
{
    struct qoq_device_machine *it = (struct qoq_device_machine *)machine;
    const struct qoq_decoder_options options = {sequences, max_tokens, page_tokens,
                                                it->rows,  0,          it->eager};
    struct device_runner *r = calloc(1, sizeof *r);
    const char *reason;

    *out = (struct qoq_runner){NULL, step, choose, reset, close_runner};
    if (r == NULL) {
        return QOQ_ERR_MEMORY;
    }
    r->it = it;
    r->vocab = model->config.vocab;
    enum qoq_status status = qoq_decoder_create(&r->decoder, it->handle, model, &options, &reason);
    if (status != QOQ_OK) {
        qoq_fail(&machine->trouble, status, NULL, NULL, "%s", reason);
    } else if (it->check) {
        status = qoq_session_create(&r->reference, model, sequences, max_tokens, page_tokens);
    }
    if (status != QOQ_OK) {
        close_runner(r);
        return status;
    }
    out->self = r;
    return QOQ_OK;
}
