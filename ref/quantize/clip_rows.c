/* SPDX-License-Identifier: Apache-2.0 */
/* The clip ratio of each row with the least error of the layer's outputs: Q 6.2. */
#include "quantize/grid_row.h"

#include "model/model.h"
#include "quantize/quadratic.h"

#include <stdlib.h>

#define RATIOS 81
#define ROWS 3 /* at a time: ROWS * RATIOS <= QOQ_FORM_ROWS */

static float ratio_at(size_t t)
{
    return (float)(100 - t) / 100.0f;
}

struct problem {
    const float *w;
    const double *gram;
    size_t n, k;
};

/* What one thread works with: a row of the grid and of d for each candidate. */
struct room {
    struct qoq_grid grid;
    float *d, *value;
    int8_t *code;
};

static void room_free(struct room *room)
{
    qoq_grid_free(&room->grid);
    free(room->d);
    free(room->value);
    free(room->code);
}

static enum qoq_status room_create(struct room *room, enum qoq_grid_kind kind, size_t k,
                                   size_t group)
{
    *room = (struct room){.d = malloc(ROWS * RATIOS * k * sizeof *room->d),
                          .value = malloc(k * sizeof *room->value),
                          .code = malloc(k)};
    if (room->d == NULL || room->value == NULL || room->code == NULL)
        return QOQ_ERR_MEMORY;
    return qoq_grid_create(&room->grid, kind, ROWS * RATIOS, k, group);
}

/* The error of a weight row [k] under one candidate, as row m of `rows` of d. */
static enum qoq_status place_candidate(struct room *room, size_t rows, size_t m, const float *w,
                                       float ratio)
{
    size_t k = room->grid.k;

    QOQ_TRY(qoq_grid_fit_row(&room->grid, m, w, ratio));
    qoq_grid_round_row(room->code, &room->grid, m, w);
    qoq_grid_row_values(room->value, &room->grid, m, room->code);
#pragma omp simd
    for (size_t i = 0; i < k; i++)
        room->value[i] = w[i] - room->value[i];
    qoq_form_place(room->d, rows, m, room->value, k);
    return QOQ_OK;
}

static float best_ratio(const double *error)
{
    size_t best = 0;

    for (size_t t = 1; t < RATIOS; t++) {
        if (error[t] < error[best])
            best = t;
    }
    return ratio_at(best);
}

static enum qoq_status clip(float *ratio, struct room *room, const struct problem *p, size_t first)
{
    size_t count = p->n - first < ROWS ? p->n - first : ROWS, rows = count * RATIOS;
    double error[ROWS * RATIOS];

    for (size_t m = 0; m < rows; m++)
        QOQ_TRY(place_candidate(room, rows, m, p->w + (first + m / RATIOS) * p->k,
                                ratio_at(m % RATIOS)));
    QOQ_TRY(qoq_form_rows(error, room->d, p->gram, rows, p->k));
    for (size_t i = 0; i < count; i++)
        ratio[first + i] = best_ratio(error + i * RATIOS);
    return QOQ_OK;
}

/* One thread's share of the rows. Returns the first status that is not QOQ_OK. */
static enum qoq_status clip_share(float *ratio, enum qoq_grid_kind kind, size_t group,
                                  const struct problem *p)
{
    struct room room;
    enum qoq_status status = room_create(&room, kind, p->k, group);

#pragma omp for schedule(dynamic, 1)
    for (size_t first = 0; first < p->n; first += ROWS) {
        if (status == QOQ_OK)
            status = clip(ratio, &room, p, first);
    }
    room_free(&room);
    return status;
}

enum qoq_status qoq_clip_rows(float *ratio, const float *w, const double *gram,
                              enum qoq_grid_kind kind, size_t n, size_t k, size_t group)
{
    struct problem p = {w, gram, n, k};
    struct qoq_grid grid;
    int status = QOQ_OK;

    if (ratio == NULL || w == NULL || gram == NULL)
        return QOQ_ERR_ARGUMENT;
    QOQ_TRY(qoq_grid_create(&grid, kind, n, k, group));
    qoq_grid_free(&grid);
    /* The most negative of all, whichever thread failed first. */
#pragma omp parallel reduction(min : status)
    {
        int mine = (int)clip_share(ratio, kind, group, &p);

        status = mine < status ? mine : status;
    }
    return (enum qoq_status)status;
}
