/* SPDX-License-Identifier: Apache-2.0 */
/* Input channels of down_proj in the order of their salience (Q 3). */
#include "model/model.h"
#include "numerics/bits.h"
#include "quantize/transform.h"

#include <stdlib.h>

struct channel {
    uint32_t salience; /* a pattern: ordered like the number, which is not negative */
    size_t index;
};

static int by_salience(const void *a, const void *b)
{
    const struct channel *x = a, *y = b;

    if (x->salience != y->salience) {
        return x->salience < y->salience ? -1 : 1;
    }
    return x->index < y->index ? -1 : 1;
}

/* New channel i is old channel order[i]. */
static enum qoq_status sort(size_t *order, const float *most, size_t count)
{
    struct channel *channel = malloc(count * sizeof *channel);

    if (channel == NULL) {
        return QOQ_ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        channel[i] = (struct channel){qoq_float_bits(most[i]), i};
    }
    qsort(channel, count, sizeof *channel, by_salience);
    for (size_t i = 0; i < count; i++) {
        order[i] = channel[i].index;
    }
    free(channel);
    return QOQ_OK;
}

/* A permutation, and room to carry it out. */
struct permutation {
    size_t count, *order;
    double *room;   /* [count] */
    uint8_t *moved; /* [count] */
};

static void permute_floats(float *x, const struct permutation *p)
{
    float *old = (float *)p->room;

    memcpy(old, x, p->count * sizeof *x);
    for (size_t i = 0; i < p->count; i++) {
        x[i] = old[p->order[i]];
    }
}

static void permute_doubles(double *x, const struct permutation *p)
{
    memcpy(p->room, x, p->count * sizeof *x);
    for (size_t i = 0; i < p->count; i++) {
        x[i] = p->room[p->order[i]];
    }
}

/* Rows of `bytes` bytes along the cycle through row `first`; row: room for one. */
static void permute_cycle(uint8_t *rows, size_t bytes, size_t first, uint8_t *row,
                          const struct permutation *p)
{
    size_t to = first;

    memcpy(row, rows + first * bytes, bytes);
    for (; p->order[to] != first; to = p->order[to]) {
        memcpy(rows + to * bytes, rows + p->order[to] * bytes, bytes);
        p->moved[to] = 1;
    }
    memcpy(rows + to * bytes, row, bytes);
    p->moved[to] = 1;
}

static enum qoq_status permute_rows(void *rows, size_t bytes, const struct permutation *p)
{
    uint8_t *row = malloc(bytes);

    if (row == NULL) {
        return QOQ_ERR_MEMORY;
    }
    memset(p->moved, 0, p->count);
    for (size_t i = 0; i < p->count; i++) {
        if (!p->moved[i]) {
            permute_cycle(rows, bytes, i, row, p);
        }
    }
    free(row);
    return QOQ_OK;
}

static enum qoq_status permute_outputs(struct qoq_linear *linear, const struct permutation *p)
{
    if (linear->bias != NULL) {
        permute_floats(linear->bias, p);
    }
    return permute_rows(linear->f32, linear->k * sizeof *linear->f32, p);
}

static enum qoq_status permute_statistics(struct qoq_calibration *calibration,
                                          const struct permutation *p)
{
    double *gram = calibration->gram[QOQ_INPUT_DOWN];

    permute_floats(calibration->most[QOQ_INPUT_DOWN], p);
    permute_doubles(calibration->mean[QOQ_INPUT_DOWN], p);
    for (size_t i = 0; i < p->count; i++) {
        permute_doubles(gram + i * p->count, p);
    }
    return permute_rows(gram, p->count * sizeof *gram, p);
}

static enum qoq_status permute(struct qoq_layer *layer, struct qoq_calibration *calibration,
                               const struct permutation *p)
{
    struct qoq_linear *down = &layer->linear[QOQ_DOWN];

    QOQ_TRY(permute_outputs(&layer->linear[QOQ_GATE], p));
    QOQ_TRY(permute_outputs(&layer->linear[QOQ_UP], p));
    for (size_t n = 0; n < down->n; n++) {
        permute_floats(down->f32 + n * down->k, p);
    }
    return permute_statistics(calibration, p);
}

enum qoq_status qoq_reorder_down(struct qoq_layer *layer, struct qoq_calibration *calibration,
                                 const struct qoq_config *config, size_t *order)
{
    size_t count = config->intermediate;
    struct permutation p = {count, malloc(count * sizeof *p.order), malloc(count * sizeof *p.room),
                            malloc(count)};
    enum qoq_status status = p.order == NULL || p.room == NULL || p.moved == NULL
                                 ? QOQ_ERR_MEMORY
                                 : sort(p.order, calibration->most[QOQ_INPUT_DOWN], count);

    if (status == QOQ_OK) {
        status = permute(layer, calibration, &p);
    }
    if (status == QOQ_OK && order != NULL) {
        memcpy(order, p.order, count * sizeof *order);
    }
    free(p.order);
    free(p.room);
    free(p.moved);
    return status;
}
