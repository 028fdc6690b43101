/* SPDX-License-Identifier: Apache-2.0 */
/* Factors from mean activations, searched by the error of rounded weights, after AWQ (Q 8.2). */
#include "model/model.h"
#include "numerics/elementary.h"
#include "quantize/factors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 20

/* One input and the room to try factors on its readers. */
struct trial {
    const struct qoq_layer *layer;
    const struct qoq_calibration *calibration;
    enum qoq_input_id id;
    enum qoq_grid_kind kind;
    size_t group, channels;
    double *strength;     /* [channels] log2 of the mean activations; NaN for none */
    float *lambda, *best; /* [channels] */
    float *scaled, *work; /* as large as the largest reader */
    int8_t *code;
};

/* ---- Factors ---- */

/* x [heads][head_dim]: the sum over the query heads that share a key/value head, in all of them. */
static void share_heads(double *x, const struct qoq_config *config)
{
    size_t width = config->head_dim, shared = config->heads / config->kv_heads * width;

    for (size_t kv = 0; kv < config->kv_heads; kv++, x += shared) {
        for (size_t i = width; i < shared; i++) {
            x[i % width] += x[i];
        }
        for (size_t i = width; i < shared; i++) {
            x[i] = x[i % width];
        }
    }
}

static void measure(struct trial *t, const struct qoq_config *config)
{
    memcpy(t->strength, t->calibration->mean[t->id], t->channels * sizeof *t->strength);
    if (t->id == QOQ_INPUT_O) {
        share_heads(t->strength, config);
    }
    for (size_t i = 0; i < t->channels; i++) {
        t->strength[i] = qoq_log2(t->strength[i]);
    }
}

/* lambda = mean^u / sqrt(largest * smallest of these). */
static void form(const struct trial *t, double u)
{
    double lo = HUGE_VAL, hi = -HUGE_VAL;

    for (size_t i = 0; i < t->channels; i++) {
        double e = u * t->strength[i];
        lo = e < lo ? e : lo;
        hi = e > hi ? e : hi;
    }
    for (size_t i = 0; i < t->channels; i++) {
        t->lambda[i] = qoq_channel_factor(u * t->strength[i] - (lo + hi) / 2);
    }
}

/* ---- Error ---- */

static void divide_columns(float *w, size_t n, size_t k, const float *lambda)
{
    for (size_t row = 0; row < n; row++) {
        for (size_t i = 0; i < k; i++) {
            w[row * k + i] /= lambda[i];
        }
    }
}

/* *error += that of one reader with weights rounded after scaling. */
static enum qoq_status add_error(double *error, const struct trial *t,
                                 const struct qoq_linear *linear, struct qoq_grid *grid)
{
    size_t n = linear->n, k = linear->k;

    memcpy(t->scaled, linear->f32, n * k * sizeof *t->scaled);
    qoq_scale_columns(t->scaled, n, k, t->lambda);
    QOQ_TRY(qoq_grid_fit(grid, t->scaled, NULL));
    qoq_grid_round(t->code, grid, t->scaled);
    qoq_grid_values(t->scaled, grid, t->code);
    divide_columns(t->scaled, n, k, t->lambda);
    *error += qoq_output_error(linear->f32, t->scaled, t->calibration->gram[t->id], n, k, t->work);
    return QOQ_OK;
}

static enum qoq_status measure_error(double *error, const struct trial *t)
{
    struct qoq_readers readers = qoq_readers_of(t->id);

    *error = 0;
    for (size_t r = 0; r < readers.count; r++) {
        const struct qoq_linear *linear = &t->layer->linear[readers.first + r];
        struct qoq_grid grid;
        QOQ_TRY(qoq_grid_create(&grid, t->kind, linear->n, linear->k, t->group));
        enum qoq_status status = add_error(error, t, linear, &grid);
        qoq_grid_free(&grid);
        QOQ_TRY(status);
    }
    return QOQ_OK;
}

/* ---- Search ---- */

static enum qoq_status search(struct trial *t)
{
    double least = HUGE_VAL;

    for (int step = 0; step < STEPS; step++) {
        double error;
        form(t, (double)step / STEPS);
        QOQ_TRY(measure_error(&error, t));
        if (step == 0 || error < least) {
            least = error;
            memcpy(t->best, t->lambda, t->channels * sizeof *t->best);
        }
    }
    return QOQ_OK;
}

static size_t largest_reader(const struct qoq_layer *layer, enum qoq_input_id id)
{
    struct qoq_readers readers = qoq_readers_of(id);
    size_t most = 0;

    for (size_t r = 0; r < readers.count; r++) {
        size_t n = layer->linear[readers.first + r].n;
        most = n > most ? n : most;
    }
    return most * qoq_readers_channels(layer, id);
}

static enum qoq_status make_room(struct trial *t)
{
    size_t weights = largest_reader(t->layer, t->id);

    t->strength = malloc(t->channels * sizeof *t->strength);
    t->lambda = malloc(t->channels * sizeof *t->lambda);
    t->best = malloc(t->channels * sizeof *t->best);
    t->scaled = malloc(weights * sizeof *t->scaled);
    t->work = malloc(weights * sizeof *t->work);
    t->code = malloc(weights * sizeof *t->code);
    return t->strength != NULL && t->lambda != NULL && t->best != NULL && t->scaled != NULL &&
                   t->work != NULL && t->code != NULL
               ? QOQ_OK
               : QOQ_ERR_MEMORY;
}

static void free_room(struct trial *t)
{
    free(t->strength);
    free(t->lambda);
    free(t->best);
    free(t->scaled);
    free(t->work);
    free(t->code);
}

static enum qoq_status smooth(struct qoq_layer *layer, struct qoq_calibration *calibration,
                              const struct qoq_config *config, struct trial *t)
{
    t->channels = qoq_readers_channels(layer, t->id);
    enum qoq_status status = make_room(t);
    if (status == QOQ_OK) {
        measure(t, config);
        status = search(t);
    }
    if (status == QOQ_OK) {
        status = qoq_divide_input(layer, calibration, config, t->id, t->best);
    }
    free_room(t);
    return status;
}

enum qoq_status qoq_smooth_awq(struct qoq_layer *layer, struct qoq_calibration *calibration,
                               const struct qoq_config *config, enum qoq_grid_kind kind,
                               size_t group)
{
    static const enum qoq_input_id inputs[] = {QOQ_INPUT_ATTENTION, QOQ_INPUT_O, QOQ_INPUT_MLP,
                                               QOQ_INPUT_DOWN};

    for (size_t i = 0; kind != QOQ_GRID_NONE && i < sizeof inputs / sizeof inputs[0]; i++) {
        struct trial t = {.layer = layer,
                          .calibration = calibration,
                          .id = inputs[i],
                          .kind = kind,
                          .group = group};
        QOQ_TRY(smooth(layer, calibration, config, &t));
    }
    return QOQ_OK;
}
