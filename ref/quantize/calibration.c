/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of a layer: creation, release, and which input is which. */
#include "model/model.h"
#include "quantize/calibration.h"

#include <stdlib.h>

size_t qoq_input_channels(const struct qoq_config *config, enum qoq_input_id id)
{
    switch (id) {
    case QOQ_INPUT_O:
        return qoq_query_channels(config);
    case QOQ_INPUT_DOWN:
        return config->intermediate;
    default:
        return config->hidden;
    }
}

enum qoq_input_id qoq_input_of(enum qoq_linear_id id)
{
    switch (id) {
    case QOQ_O:
        return QOQ_INPUT_O;
    case QOQ_GATE:
    case QOQ_UP:
        return QOQ_INPUT_MLP;
    case QOQ_DOWN:
        return QOQ_INPUT_DOWN;
    default:
        return QOQ_INPUT_ATTENTION;
    }
}

static enum qoq_status create_input(struct qoq_calibration *out, enum qoq_input_id id,
                                    size_t channels)
{
    out->gram[id] = calloc(qoq_size_mul(channels, channels), sizeof *out->gram[id]);
    out->most[id] = calloc(channels, sizeof *out->most[id]);
    out->mean[id] = calloc(channels, sizeof *out->mean[id]);
    return out->gram[id] != NULL && out->most[id] != NULL && out->mean[id] != NULL ? QOQ_OK
                                                                                   : QOQ_ERR_MEMORY;
}

static enum qoq_status create_sample(struct qoq_calibration *out, const struct qoq_config *config)
{
    size_t count = qoq_size_mul(qoq_size_mul(out->samples, out->sample_tokens), config->hidden);

    if (out->samples == 0) {
        return QOQ_OK;
    }
    out->sample = calloc(count, sizeof *out->sample);
    return out->sample != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status create_parts(struct qoq_calibration *out, const struct qoq_config *config)
{
    for (int id = 0; id < QOQ_INPUTS; id++) {
        QOQ_TRY(create_input(out, (enum qoq_input_id)id,
                             qoq_input_channels(config, (enum qoq_input_id)id)));
    }
    out->query_most = calloc(qoq_query_channels(config), sizeof *out->query_most);
    out->key_most = calloc(qoq_kv_channels(config), sizeof *out->key_most);
    if (out->query_most == NULL || out->key_most == NULL) {
        return QOQ_ERR_MEMORY;
    }
    return create_sample(out, config);
}

enum qoq_status qoq_calibration_create(struct qoq_calibration *out, const struct qoq_config *config,
                                       size_t samples, size_t sample_tokens)
{
    if (out == NULL || config == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    *out = (struct qoq_calibration){.samples = samples, .sample_tokens = sample_tokens};
    if (samples != 0 && sample_tokens == 0) {
        return QOQ_ERR_SHAPE;
    }
    enum qoq_status status = create_parts(out, config);
    if (status != QOQ_OK) {
        qoq_calibration_free(out);
    }
    return status;
}

void qoq_calibration_free(struct qoq_calibration *calibration)
{
    if (calibration == NULL) {
        return;
    }
    for (int id = 0; id < QOQ_INPUTS; id++) {
        free(calibration->gram[id]);
        free(calibration->most[id]);
        free(calibration->mean[id]);
    }
    free(calibration->query_most);
    free(calibration->key_most);
    free(calibration->sample);
    *calibration = (struct qoq_calibration){0};
}
