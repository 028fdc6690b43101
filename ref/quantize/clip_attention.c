/* SPDX-License-Identifier: Apache-2.0 */
/* The range of q_proj or k_proj by the error of the attention output: Q 4.5. */
#include "model/model.h"
#include "quantize/calibration.h"
#include "quantize/grid.h"

#include <math.h>
#include <stdlib.h>

#define CANDIDATES 21

struct trial {
    struct qoq_probe *probe;
    enum qoq_linear_id id;
    const struct qoq_linear *from;
    struct qoq_linear rounded;
    struct qoq_grid grid;
    float *ratio; /* [n], all the same */
    int8_t *code; /* [n][k] */
};

static enum qoq_status create_trial(struct trial *trial, enum qoq_grid_kind kind, size_t group)
{
    size_t n = trial->from->n, k = trial->from->k;

    trial->rounded = *trial->from;
    trial->rounded.f32 = malloc(n * k * sizeof(float));
    trial->ratio = malloc(n * sizeof *trial->ratio);
    trial->code = malloc(n * k);
    if (trial->rounded.f32 == NULL || trial->ratio == NULL || trial->code == NULL) {
        return QOQ_ERR_MEMORY;
    }
    return qoq_grid_create(&trial->grid, kind, n, k, group);
}

static void free_trial(struct trial *trial)
{
    qoq_grid_free(&trial->grid);
    free(trial->rounded.f32);
    free(trial->ratio);
    free(trial->code);
}

static enum qoq_status try_ratio(double *error, struct trial *trial, float ratio)
{
    for (size_t i = 0; i < trial->from->n; i++) {
        trial->ratio[i] = ratio;
    }
    QOQ_TRY(qoq_grid_fit(&trial->grid, trial->from->f32, trial->ratio));
    qoq_grid_round(trial->code, &trial->grid, trial->from->f32);
    qoq_grid_values(trial->rounded.f32, &trial->grid, trial->code);
    return qoq_probe_error(error, trial->probe, trial->id == QOQ_Q ? &trial->rounded : NULL,
                           trial->id == QOQ_K ? &trial->rounded : NULL, 16);
}

static enum qoq_status search(float *best, struct trial *trial)
{
    double least = INFINITY, error;

    *best = 1.0f;
    for (int i = 0; i < CANDIDATES; i++) {
        float ratio = (float)(25 - i) / 25.0f;
        QOQ_TRY(try_ratio(&error, trial, ratio));
        if (error < least) {
            least = error;
            *best = ratio;
        }
    }
    return QOQ_OK;
}

enum qoq_status qoq_clip_by_attention(float *ratio, struct qoq_probe *probe, enum qoq_linear_id id,
                                      const struct qoq_layer *layer, enum qoq_grid_kind kind,
                                      size_t group)
{
    if (ratio == NULL || probe == NULL || layer == NULL || (id != QOQ_Q && id != QOQ_K)) {
        return QOQ_ERR_ARGUMENT;
    }
    struct trial trial = {.probe = probe, .id = id, .from = &layer->linear[id]};
    enum qoq_status status = create_trial(&trial, kind, group);
    if (status == QOQ_OK) {
        status = search(ratio, &trial);
    }
    free_trial(&trial);
    return status;
}
