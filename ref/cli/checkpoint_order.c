/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two orders in which channels follow each other in s2_scales and s2_zeros. A file does not say
 * which one it has. Parameters read in the wrong order belong to other channels: their weights
 * mostly leave the range of N 4.4, and always stop resembling the original.
 */
#include "cli/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Column of channel n; QServe's is N 5.3, the other 0,8,1,9,...,7,15,16,24,17,25,...,23,31. */
static size_t column(size_t n, enum qoq_s2_order order)
{
    return order == QOQ_S2_QSERVE ? qoq_tile_column(n) : n - n % 16 + (n % 8 * 2 | n / 8 % 2);
}

static size_t channel(size_t c, enum qoq_s2_order order)
{
    return order == QOQ_S2_QSERVE ? qoq_tile_channel(c) : c - c % 16 + (c % 2 * 8 | c / 2 % 8);
}

static enum qoq_status reorder(uint8_t *rows, size_t n, size_t groups, enum qoq_s2_order from,
                               enum qoq_s2_order to)
{
    uint8_t *old = malloc(n * groups);

    if (old == NULL) {
        return QOQ_ERR_MEMORY;
    }
    memcpy(old, rows, n * groups);
    for (size_t i = 0; i < n; i++) {
        memcpy(rows + i * groups, old + channel(column(i, to), from) * groups, groups);
    }
    free(old);
    return QOQ_OK;
}

static enum qoq_status reorder_weight(struct qoq_weight *w, enum qoq_s2_order from,
                                      enum qoq_s2_order to)
{
    if (w->scheme != QOQ_W4_GROUP || from == to) {
        return QOQ_OK;
    }
    QOQ_TRY(reorder(w->s2, w->n, qoq_weight_groups(w), from, to));
    return reorder(w->z, w->n, qoq_weight_groups(w), from, to);
}

enum qoq_status qoq_checkpoint_reorder(struct qoq_model *model, enum qoq_s2_order from,
                                       enum qoq_s2_order to)
{
    for (size_t i = 0; i < model->config.layers; i++) {
        for (int id = 0; id < QOQ_LINEARS; id++) {
            QOQ_TRY(reorder_weight(&model->layer[i].linear[id].w, from, to));
        }
    }
    return QOQ_OK;
}

/* Adds the energies of one layer, its parameters taken to be in order `to`. */
static enum qoq_status add_noise(double *noise, double *signal, struct qoq_linear *linear,
                                 const struct qoq_linear *original, enum qoq_s2_order from,
                                 enum qoq_s2_order to)
{
    size_t count = linear->n * linear->k;
    struct qoq_error_stats stats;
    float *work = malloc(count * sizeof *work);

    if (work == NULL) {
        return QOQ_ERR_MEMORY;
    }
    enum qoq_status status = reorder_weight(&linear->w, from, to);
    if (status == QOQ_OK) {
        status = qoq_linear_stats(&stats, work, original, linear);
        enum qoq_status back = reorder_weight(&linear->w, to, from);
        status = status == QOQ_OK ? back : status;
    }
    free(work);
    if (status != QOQ_OK) {
        return status;
    }
    *noise += stats.mean_square * (double)count;
    for (size_t i = 0; i < count; i++) {
        *signal += (double)original->f32[i] * (double)original->f32[i];
    }
    return QOQ_OK;
}

enum qoq_status qoq_checkpoint_noise(double *noise, struct qoq_model *model,
                                     const struct qoq_model *original, enum qoq_s2_order from,
                                     enum qoq_s2_order to)
{
    double signal = 0;

    *noise = 0;
    for (size_t i = 0; i < model->config.layers; i++) {
        for (int id = 0; id < QOQ_LINEARS; id++) {
            QOQ_TRY(add_noise(noise, &signal, &model->layer[i].linear[id],
                              &original->layer[i].linear[id], from, to));
        }
    }
    *noise = signal > 0 ? *noise / signal : *noise;
    return QOQ_OK;
}

enum qoq_status qoq_checkpoint_check(const struct qoq_model *model, const char *path,
                                     struct qoq_error *err)
{
    for (size_t i = 0; i < model->config.layers; i++) {
        for (int id = 0; id < QOQ_LINEARS; id++) {
            const struct qoq_weight *w = &model->layer[i].linear[id].w;
            char name[QOQ_ARRAY_NAME];
            enum qoq_status status = qoq_weight_check(w);
            if (status != QOQ_OK) {
                snprintf(name, sizeof name, "layer %zu, %s", i,
                         qoq_linear_name((enum qoq_linear_id)id));
                return qoq_fail(err, status, path, name,
                                w->scheme == QOQ_W4_GROUP
                                    ? "weights outside [-128, 127] times the scale of their "
                                      "channel, or group scales outside 1 to 17 (in the other "
                                      "--s2-order?)"
                                    : "codes, scales or zero points outside the limits of "
                                      "quantized weights");
            }
        }
    }
    return QOQ_OK;
}
