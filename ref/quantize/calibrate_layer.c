/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences through a baseline layer, whose inputs, queries and keys are measured on the way: Q 7.
 */
#include "quantize/calibration.h"
#include "quantize/gram.h"
#include "quantize/one_layer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Channels that are transposed side by side. */
#define STRIP 16

struct collector {
    struct qoq_calibration *into;
    const struct qoq_config *config;
    size_t length;  /* of every sequence */
    float *across;  /* [channels][tokens of a chunk] */
    float *product; /* [QOQ_GRAM_PANEL][channels] */
};

/* The larger; NaN if either is. */
static float larger(float most, float x)
{
    return x > most || x != x ? x : most;
}

static void raise_most(float *most, const float *x, size_t rows, size_t channels)
{
    for (size_t m = 0; m < rows; m++) {
        for (size_t c = 0; c < channels; c++) {
            most[c] = larger(most[c], fabsf(x[m * channels + c]));
        }
    }
}

/* across [channels][tokens] = x [tokens][channels] transposed. */
static void transpose(float *across, const float *x, size_t tokens, size_t channels)
{
#pragma omp parallel for if (tokens * channels >= QOQ_PARALLEL_MIN)
    for (size_t first = 0; first < channels; first += STRIP) {
        size_t end = first + STRIP < channels ? first + STRIP : channels;
        for (size_t t = 0; t < tokens; t++) {
            for (size_t c = first; c < end; c++) {
                across[c * tokens + t] = x[t * channels + c];
            }
        }
    }
}

static void measure(float *most, double *mean, const float *across, size_t tokens, size_t channels)
{
#pragma omp parallel for if (tokens * channels >= QOQ_PARALLEL_MIN)
    for (size_t c = 0; c < channels; c++) {
        for (size_t t = 0; t < tokens; t++) {
            float size = fabsf(across[c * tokens + t]);
            most[c] = larger(most[c], size);
            mean[c] += (double)size;
        }
    }
}

static enum qoq_status see_input(struct collector *collector, enum qoq_input_id id, const float *x,
                                 size_t rows)
{
    struct qoq_calibration *into = collector->into;
    size_t channels = qoq_input_channels(collector->config, id);

    for (size_t m = 0; m < rows; m += QOQ_GRAM_TOKENS) {
        size_t tokens = rows - m < QOQ_GRAM_TOKENS ? rows - m : QOQ_GRAM_TOKENS;
        transpose(collector->across, x + m * channels, tokens, channels);
        measure(into->most[id], into->mean[id], collector->across, tokens, channels);
        QOQ_TRY(
            qoq_gram_add(into->gram[id], collector->across, channels, tokens, collector->product));
    }
    return QOQ_OK;
}

static void keep_sample(struct collector *collector, const float *x)
{
    struct qoq_calibration *into = collector->into;
    size_t count = into->sample_tokens * collector->config->hidden;

    if (into->sampled < into->samples) {
        memcpy(into->sample + into->sampled++ * count, x, count * sizeof *x);
    }
}

static enum qoq_status see(void *context, enum qoq_seen what, float *x, size_t rows)
{
    struct collector *collector = context;
    struct qoq_calibration *into = collector->into;

    switch (what) {
    case QOQ_SEEN_ATTENTION_INPUT:
        keep_sample(collector, x);
        return see_input(collector, QOQ_INPUT_ATTENTION, x, rows);
    case QOQ_SEEN_QUERY:
        raise_most(into->query_most, x, rows, qoq_query_channels(collector->config));
        return QOQ_OK;
    case QOQ_SEEN_KEY:
        raise_most(into->key_most, x, rows, qoq_kv_channels(collector->config));
        return QOQ_OK;
    case QOQ_SEEN_O_INPUT:
        return see_input(collector, QOQ_INPUT_O, x, rows);
    case QOQ_SEEN_MLP_INPUT:
        return see_input(collector, QOQ_INPUT_MLP, x, rows);
    case QOQ_SEEN_DOWN_INPUT:
        return see_input(collector, QOQ_INPUT_DOWN, x, rows);
    }
    return QOQ_OK;
}

static int all_finite(const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(x[i])) {
            return 0;
        }
    }
    return 1;
}

/* The diagonal bounds what is beside it. */
static int input_is_finite(const struct qoq_calibration *calibration, enum qoq_input_id id,
                           size_t channels)
{
    for (size_t i = 0; i < channels; i++) {
        if (!isfinite(calibration->gram[id][i * channels + i])) {
            return 0;
        }
    }
    return all_finite(calibration->most[id], channels);
}

static enum qoq_status check_finite(const struct qoq_calibration *calibration,
                                    const struct qoq_config *config)
{
    int finite = all_finite(calibration->query_most, qoq_query_channels(config)) &&
                 all_finite(calibration->key_most, qoq_kv_channels(config));

    for (int i = 0; i < QOQ_INPUTS; i++) {
        enum qoq_input_id id = (enum qoq_input_id)i;
        finite = finite && input_is_finite(calibration, id, qoq_input_channels(config, id));
    }
    return finite ? QOQ_OK : QOQ_ERR_RANGE;
}

static enum qoq_status run_sequences(float *hidden, struct qoq_one_layer *one, size_t sequences,
                                     const struct qoq_progress *progress)
{
    size_t count = one->step.rows * one->model.config.hidden;

    qoq_report(progress, 0, sequences);
    for (size_t i = 0; i < sequences; i++) {
        memcpy(one->step.residual, hidden + i * count, count * sizeof *hidden);
        QOQ_TRY(qoq_layer_baseline(&one->step, 0));
        memcpy(hidden + i * count, one->step.residual, count * sizeof *hidden);
        qoq_report(progress, i + 1, sequences);
    }
    return QOQ_OK;
}

static enum qoq_status create_scratch(struct collector *collector)
{
    size_t widest = 0, tokens = collector->length;

    for (int id = 0; id < QOQ_INPUTS; id++) {
        size_t channels = qoq_input_channels(collector->config, (enum qoq_input_id)id);
        widest = channels > widest ? channels : widest;
    }
    tokens = tokens < QOQ_GRAM_TOKENS ? tokens : QOQ_GRAM_TOKENS;
    collector->across = malloc(qoq_size_mul(qoq_size_mul(widest, tokens), sizeof(float)));
    collector->product = malloc(qoq_size_mul(widest, QOQ_GRAM_PANEL * sizeof(float)));
    return collector->across != NULL && collector->product != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status calibrate(struct collector *collector, float *hidden,
                                 const struct qoq_layer *layer, size_t sequences,
                                 const struct qoq_progress *progress)
{
    const struct qoq_observer observer = {see, collector};
    struct qoq_one_layer one;

    QOQ_TRY(create_scratch(collector));
    QOQ_TRY(qoq_one_layer_create(&one, layer, collector->config, collector->length, &observer));
    enum qoq_status status = run_sequences(hidden, &one, sequences, progress);
    qoq_one_layer_free(&one);
    return status;
}

enum qoq_status qoq_calibrate_layer(struct qoq_calibration *calibration, float *hidden,
                                    const struct qoq_layer *layer, const struct qoq_config *config,
                                    size_t sequences, size_t length,
                                    const struct qoq_progress *progress)
{
    struct collector collector = {calibration, config, length, NULL, NULL};

    if (calibration == NULL || hidden == NULL || layer == NULL || config == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    if (sequences == 0 ||
        (calibration->sampled < calibration->samples && length < calibration->sample_tokens)) {
        return QOQ_ERR_SHAPE;
    }
    enum qoq_status status = calibrate(&collector, hidden, layer, sequences, progress);
    free(collector.across);
    free(collector.product);
    QOQ_TRY(status);
    calibration->tokens += sequences * length;
    for (int id = 0; id < QOQ_INPUTS; id++) {
        qoq_gram_mirror(calibration->gram[id], qoq_input_channels(config, (enum qoq_input_id)id));
    }
    return check_finite(calibration, config);
}
