/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from dividing an input by factors (Q 5, 8). */
#include "quantize/factors.h"

#include "model/model.h"
#include "numerics/elementary.h"
#include "ops/shape.h"

#include <stdlib.h>

struct qoq_readers qoq_readers_of(enum qoq_input_id id)
{
    static const struct qoq_readers readers[QOQ_INPUTS] = {
        {QOQ_Q, 3}, {QOQ_O, 1}, {QOQ_GATE, 2}, {QOQ_DOWN, 1}};

    return readers[id];
}

size_t qoq_readers_channels(const struct qoq_layer *layer, enum qoq_input_id id)
{
    return layer->linear[qoq_readers_of(id).first].k;
}

float qoq_channel_factor(double e)
{
    double low = e > -QOQ_FACTOR_LIMIT ? e : -QOQ_FACTOR_LIMIT;

    return e == e ? (float)qoq_exp2d(low < QOQ_FACTOR_LIMIT ? low : QOQ_FACTOR_LIMIT) : 1.0f;
}

/* ---- Weights ---- */

void qoq_scale_columns(float *w, size_t n, size_t k, const float *factor)
{
#pragma omp parallel for schedule(static) if (n * k >= QOQ_PARALLEL_MIN)
    for (size_t row = 0; row < n; row++) {
        for (size_t i = 0; i < k; i++) {
            w[row * k + i] *= factor[i];
        }
    }
}

void qoq_scale_readers(struct qoq_layer *layer, enum qoq_input_id id, const float *factor)
{
    struct qoq_readers readers = qoq_readers_of(id);

    for (size_t r = 0; r < readers.count; r++) {
        struct qoq_linear *linear = &layer->linear[readers.first + r];
        qoq_scale_columns(linear->f32, linear->n, linear->k, factor);
    }
}

static void divide(float *x, const float *factor, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        x[i] /= factor[i];
    }
}

void qoq_divide_rows(struct qoq_linear *linear, const float *factor)
{
    size_t k = linear->k;

#pragma omp parallel for schedule(static) if (linear->n * k >= QOQ_PARALLEL_MIN)
    for (size_t n = 0; n < linear->n; n++) {
        for (size_t i = 0; i < k; i++) {
            linear->f32[n * k + i] /= factor[n];
        }
    }
    if (linear->bias != NULL) {
        divide(linear->bias, factor, linear->n);
    }
}

/* ---- Statistics ---- */

static void divide_gram(double *gram, const float *lambda, size_t count)
{
#pragma omp parallel for schedule(static) if (count * count >= QOQ_PARALLEL_MIN)
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            gram[i * count + j] /= (double)lambda[i] * (double)lambda[j];
        }
    }
}

static void divide_statistics(struct qoq_calibration *calibration, enum qoq_input_id id,
                              const float *lambda, size_t count)
{
    size_t rows = id == QOQ_INPUT_ATTENTION && calibration->sample != NULL
                      ? calibration->samples * calibration->sample_tokens
                      : 0;

    divide_gram(calibration->gram[id], lambda, count);
    divide(calibration->most[id], lambda, count);
    for (size_t i = 0; i < count; i++) {
        calibration->mean[id][i] /= (double)lambda[i];
    }
    for (size_t row = 0; row < rows; row++) {
        divide(calibration->sample + row * count, lambda, count);
    }
}

/* ---- Inputs ---- */

/* Rows of v_proj by the factors of the first query head that reads each. */
static enum qoq_status divide_values(struct qoq_linear *value, const struct qoq_config *config,
                                     const float *lambda)
{
    size_t width = config->head_dim, shared = config->heads / config->kv_heads * width;
    float *narrow = malloc(value->n * sizeof *narrow);

    if (narrow == NULL) {
        return QOQ_ERR_MEMORY;
    }
    for (size_t i = 0; i < value->n; i++) {
        narrow[i] = lambda[i / width * shared + i % width];
    }
    qoq_divide_rows(value, narrow);
    free(narrow);
    return QOQ_OK;
}

static enum qoq_status divide_producer(struct qoq_layer *layer, const struct qoq_config *config,
                                       enum qoq_input_id id, const float *lambda)
{
    if (id == QOQ_INPUT_O) {
        return divide_values(&layer->linear[QOQ_V], config, lambda);
    }
    if (id == QOQ_INPUT_DOWN) {
        qoq_divide_rows(&layer->linear[QOQ_UP], lambda);
    } else {
        divide(id == QOQ_INPUT_ATTENTION ? layer->input_norm : layer->post_norm, lambda,
               config->hidden);
    }
    return QOQ_OK;
}

enum qoq_status qoq_divide_input(struct qoq_layer *layer, struct qoq_calibration *calibration,
                                 const struct qoq_config *config, enum qoq_input_id id,
                                 const float *lambda)
{
    QOQ_TRY(divide_producer(layer, config, id, lambda));
    qoq_scale_readers(layer, id, lambda);
    if (calibration != NULL) {
        divide_statistics(calibration, id, lambda, qoq_readers_channels(layer, id));
    }
    return QOQ_OK;
}
