/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantization layer by layer (Q 1.1). One pass over the model: the calibration tokens run through
 * a layer before it is rounded, so that the next layer sees what the unquantized model would give
 * it.
 */
#include "quantize/quantizer.h"

#include "numerics/half.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int keeps_ties(const struct qoq_recipe *recipe)
{
    return recipe->rotation == QOQ_ROTATION_NONE;
}

static enum qoq_status create_parts(struct qoq_quantizer *q)
{
    if (q->recipe.rotation != QOQ_ROTATION_NONE) {
        QOQ_TRY(qoq_hadamard_create(&q->rotation, q->source.hidden,
                                    q->recipe.rotation == QOQ_ROTATION_RANDOM_SIGNS,
                                    q->recipe.seed));
    }
    if (q->sequences > 0) {
        size_t rows = qoq_size_mul(q->sequences, q->length);
        size_t bytes = qoq_size_mul(qoq_size_mul(rows, q->source.hidden), sizeof *q->hidden);
        q->hidden = bytes < SIZE_MAX ? malloc(bytes) : NULL;
        return q->hidden != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
    }
    return QOQ_OK;
}

enum qoq_status qoq_quantizer_create(struct qoq_quantizer **out, const struct qoq_recipe *recipe,
                                     const struct qoq_config *config, size_t sequences,
                                     size_t length)
{
    if (out == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    *out = NULL;
    if (config == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    QOQ_TRY(qoq_recipe_check(recipe, config, NULL));
    if (sequences == 0 ? qoq_recipe_needs_tokens(recipe)
                       : length < 2 || length > config->max_positions) {
        return QOQ_ERR_SHAPE;
    }
    struct qoq_quantizer *q = calloc(1, sizeof *q);
    if (q == NULL) {
        return QOQ_ERR_MEMORY;
    }
    *q = (struct qoq_quantizer){.recipe = *recipe,
                                .source = *config,
                                .result = *config,
                                .sequences = sequences,
                                .length = length};
    if (!keeps_ties(recipe)) {
        q->result.tie_embeddings = 0;
    }
    enum qoq_status status = create_parts(q);
    if (status != QOQ_OK) {
        qoq_quantizer_free(q);
        return status;
    }
    *out = q;
    return QOQ_OK;
}

void qoq_quantizer_free(struct qoq_quantizer *quantizer)
{
    if (quantizer != NULL) {
        qoq_hadamard_free(quantizer->rotation);
        free(quantizer->hidden);
        free(quantizer);
    }
}

const struct qoq_config *qoq_quantizer_config(const struct qoq_quantizer *quantizer)
{
    return &quantizer->result;
}

float *qoq_quantizer_hidden(struct qoq_quantizer *quantizer, size_t *count)
{
    *count = quantizer->hidden != NULL
                 ? quantizer->sequences * quantizer->length * quantizer->source.hidden
                 : 0;
    return quantizer->hidden;
}

/* ---- Finite numbers ---- */

static int are_finite(const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(x[i])) {
            return 0;
        }
    }
    return 1;
}

static int is_finite_layer(const struct qoq_layer *layer, const struct qoq_config *config)
{
    int finite = are_finite(layer->input_norm, config->hidden) &&
                 are_finite(layer->post_norm, config->hidden);

    if (config->qk_norm) {
        finite = finite && are_finite(layer->q_norm, config->head_dim) &&
                 are_finite(layer->k_norm, config->head_dim);
    }
    for (int id = 0; id < QOQ_LINEARS && finite; id++) {
        const struct qoq_linear *linear = &layer->linear[id];
        finite = are_finite(linear->f32, linear->n * linear->k) &&
                 (linear->bias == NULL || are_finite(linear->bias, linear->n));
    }
    return finite;
}

static enum qoq_status look_up(const struct qoq_quantizer *q, const float *embed,
                               const int32_t *token)
{
    size_t hidden = q->source.hidden;

    for (size_t i = 0; i < q->sequences * q->length; i++) {
        if (token[i] < 0 || (size_t)token[i] >= q->source.vocab) {
            return QOQ_ERR_RANGE;
        }
        memcpy(q->hidden + i * hidden, embed + (size_t)token[i] * hidden, hidden * sizeof *embed);
    }
    return QOQ_OK;
}

enum qoq_status qoq_quantizer_ends(struct qoq_quantizer *quantizer, float *embed, float *head,
                                   float *norm, const int32_t *token)
{
    const struct qoq_config *config = &quantizer->source;

    if (embed == NULL || norm == NULL ||
        (head == NULL) != (quantizer->result.tie_embeddings != 0) ||
        (quantizer->hidden != NULL && token == NULL)) {
        return QOQ_ERR_ARGUMENT;
    }
    size_t count = config->vocab * config->hidden;
    if (!are_finite(norm, config->hidden) || !are_finite(embed, count) ||
        (head != NULL && !are_finite(head, count))) {
        return QOQ_ERR_RANGE;
    }
    if (quantizer->rotation != NULL) {
        qoq_fold_final_norm(head, norm, config);
        QOQ_TRY(qoq_rotate_rows(embed, config->vocab, quantizer->rotation));
        QOQ_TRY(qoq_rotate_rows(head, config->vocab, quantizer->rotation));
    }
    return quantizer->hidden != NULL ? look_up(quantizer, embed, token) : QOQ_OK;
}

/* ---- Progress ---- */

static void report_share(void *context, size_t done, size_t total)
{
    const struct qoq_share *share = context;

    if (total > 0) {
        qoq_report(share->progress, share->first + share->count * done / total, 1000);
    }
}

struct qoq_progress qoq_share_progress(struct qoq_share *share)
{
    return (struct qoq_progress){report_share, share};
}

/* ---- A layer ---- */

static enum qoq_status with_statistics(struct qoq_quantizer *q, struct qoq_layer *out,
                                       struct qoq_layer *layer, struct qoq_layer_report *report,
                                       struct qoq_calibration *calibration,
                                       const struct qoq_progress *progress)
{
    struct qoq_share share[] = {{progress, 0, 450}, {progress, 450, 150}, {progress, 600, 400}};
    struct qoq_progress calibrating = qoq_share_progress(&share[0]),
                        smoothing = qoq_share_progress(&share[1]),
                        rounding = qoq_share_progress(&share[2]);

    QOQ_TRY(qoq_calibrate_layer(calibration, q->hidden, layer, &q->source, q->sequences, q->length,
                                &calibrating));
    QOQ_TRY(qoq_smooth_layer(layer, calibration, q, &smoothing));
    return qoq_round_layer(out, report, layer, calibration, q, &rounding);
}

/* Searches by attention error look at a sample. */
static int needs_sample(const struct qoq_recipe *recipe)
{
    return recipe->smooth_attention == QOQ_SEARCH_GRID || recipe->clip;
}

static size_t at_most(size_t value, size_t limit)
{
    return value < limit ? value : limit;
}

enum qoq_status qoq_quantizer_layer(struct qoq_quantizer *quantizer, struct qoq_layer *out,
                                    struct qoq_layer *layer, struct qoq_layer_report *report,
                                    const struct qoq_progress *progress)
{
    struct qoq_layer_report unread;
    struct qoq_calibration calibration;
    struct qoq_share all = {progress, 0, 1000};
    struct qoq_progress whole = qoq_share_progress(&all);
    size_t samples =
        needs_sample(&quantizer->recipe) ? at_most(quantizer->sequences, QOQ_SAMPLE_SEQUENCES) : 0;

    report = report != NULL ? report : &unread;
    memset(report, 0, sizeof *report);
    if (!is_finite_layer(layer, &quantizer->source)) {
        return QOQ_ERR_RANGE;
    }
    QOQ_TRY(qoq_prepare_layer(layer, quantizer));
    if (quantizer->hidden == NULL) {
        return qoq_round_layer(out, report, layer, NULL, quantizer, &whole);
    }
    QOQ_TRY(qoq_calibration_create(&calibration, &quantizer->source, samples,
                                   at_most(quantizer->length, QOQ_SAMPLE_TOKENS)));
    enum qoq_status status = with_statistics(quantizer, out, layer, report, &calibration, progress);
    qoq_calibration_free(&calibration);
    return status;
}
