/* SPDX-License-Identifier: Apache-2.0 */
/* The attention of a layer over the sample, and how far it moves: Q 4.4. */
#include "model/simulate.h"
#include "quantize/calibration.h"
#include "quantize/one_layer.h"

#include <stdlib.h>
#include <string.h>

struct qoq_probe {
    struct qoq_layer layer; /* as it was created with */
    struct qoq_one_layer one;
    struct qoq_observer observer;
    const float *sample; /* [samples][tokens][hidden] */
    float *reference;    /* the same shape: outputs */
    size_t samples;
    unsigned kv_bits; /* of the evaluation that runs */
};

/* Keys as the cache would return them. */
static enum qoq_status quantize_keys(const struct qoq_probe *probe, float *key, size_t rows)
{
    const struct qoq_config *config = &probe->one.model.config;
    const struct qoq_simulation simulation = {.kv_bits = probe->kv_bits};
    size_t narrow = qoq_kv_channels(config);
    int worst = QOQ_OK;

#pragma omp parallel for reduction(min : worst) if (rows * narrow >= QOQ_PARALLEL_MIN)
    for (size_t t = 0; t < rows; t++) {
        int status =
            qoq_simulate_cache(key + t * narrow, config->kv_heads, config->head_dim, &simulation);
        worst = status < worst ? status : worst;
    }
    return (enum qoq_status)worst;
}

static enum qoq_status see(void *context, enum qoq_seen what, float *x, size_t rows)
{
    struct qoq_probe *probe = context;

    return what == QOQ_SEEN_KEY && probe->kv_bits != 16 ? quantize_keys(probe, x, rows) : QOQ_OK;
}

static size_t sequence_floats(const struct qoq_probe *probe)
{
    return probe->one.step.rows * probe->one.model.config.hidden;
}

/* step.out = the output over sequence i of the sample. */
static enum qoq_status evaluate(struct qoq_probe *probe, size_t i)
{
    size_t count = sequence_floats(probe);

    memcpy(probe->one.step.norm, probe->sample + i * count, count * sizeof *probe->sample);
    return qoq_attention_baseline(&probe->one.step, 0);
}

static enum qoq_status keep_reference(struct qoq_probe *probe)
{
    size_t count = sequence_floats(probe);

    for (size_t i = 0; i < probe->samples; i++) {
        QOQ_TRY(evaluate(probe, i));
        memcpy(probe->reference + i * count, probe->one.step.out, count * sizeof(float));
    }
    return QOQ_OK;
}

static enum qoq_status create_parts(struct qoq_probe *probe, const struct qoq_layer *layer,
                                    const struct qoq_config *config, size_t tokens)
{
    QOQ_TRY(qoq_one_layer_create(&probe->one, layer, config, tokens, &probe->observer));
    probe->reference =
        malloc(qoq_size_mul(probe->samples, sequence_floats(probe) * sizeof *probe->reference));
    return probe->reference != NULL ? keep_reference(probe) : QOQ_ERR_MEMORY;
}

enum qoq_status qoq_probe_create(struct qoq_probe **out, const struct qoq_layer *layer,
                                 const struct qoq_config *config,
                                 const struct qoq_calibration *calibration)
{
    if (out == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    *out = NULL;
    if (layer == NULL || config == NULL || calibration == NULL || calibration->sampled == 0) {
        return QOQ_ERR_ARGUMENT;
    }
    struct qoq_probe *probe = calloc(1, sizeof *probe);
    if (probe == NULL) {
        return QOQ_ERR_MEMORY;
    }
    probe->layer = *layer;
    probe->observer = (struct qoq_observer){see, probe};
    probe->sample = calibration->sample;
    probe->samples = calibration->sampled;
    probe->kv_bits = 16;
    enum qoq_status status = create_parts(probe, layer, config, calibration->sample_tokens);
    if (status != QOQ_OK) {
        qoq_probe_free(probe);
        return status;
    }
    *out = probe;
    return QOQ_OK;
}

void qoq_probe_free(struct qoq_probe *probe)
{
    if (probe == NULL) {
        return;
    }
    qoq_one_layer_free(&probe->one);
    free(probe->reference);
    free(probe);
}

/* Sum of the squared differences of two rows. */
static double row_error(const float *x, const float *y, size_t count)
{
    double sum = 0.0;

    for (size_t i = 0; i < count; i++) {
        double difference = (double)x[i] - (double)y[i];
        sum += difference * difference;
    }
    return sum;
}

static enum qoq_status sum_errors(double *error, struct qoq_probe *probe)
{
    size_t hidden = probe->one.model.config.hidden;
    const float *reference = probe->reference;
    double sum = 0.0;

    for (size_t i = 0; i < probe->samples; i++) {
        QOQ_TRY(evaluate(probe, i));
        for (size_t t = 0; t < probe->one.step.rows; t++, reference += hidden) {
            sum += row_error(probe->one.step.out + t * hidden, reference, hidden);
        }
    }
    *error = sum;
    return QOQ_OK;
}

enum qoq_status qoq_probe_layer_error(double *error, struct qoq_probe *probe,
                                      const struct qoq_layer *layer, unsigned kv_bits)
{
    if (error == NULL || probe == NULL || layer == NULL ||
        (kv_bits != 4 && kv_bits != 8 && kv_bits != 16)) {
        return QOQ_ERR_ARGUMENT;
    }
    probe->one.layer = *layer;
    probe->kv_bits = kv_bits;
    return sum_errors(error, probe);
}

enum qoq_status qoq_probe_error(double *error, struct qoq_probe *probe,
                                const struct qoq_linear *query, const struct qoq_linear *key,
                                unsigned kv_bits)
{
    if (probe == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    struct qoq_layer layer = probe->layer;
    if (query != NULL) {
        layer.linear[QOQ_Q] = *query;
    }
    if (key != NULL) {
        layer.linear[QOQ_K] = *key;
    }
    return qoq_probe_layer_error(error, probe, &layer, kv_bits);
}
