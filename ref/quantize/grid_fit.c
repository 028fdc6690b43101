/* SPDX-License-Identifier: Apache-2.0 */
/* Scales and zeros of a grid from the ranges of a matrix: Q 6.1. */
#include "quantize/grid_row.h"

#include "numerics/half.h"
#include "numerics/reduce.h"
#include "numerics/round.h"
#include "ops/shape.h"

/* A range that includes 0. */
struct range {
    float lo, hi;
};

/* 0 if the scale is no finite binary16; a scale of 0 becomes 1. */
static int scale_of(float *s, float x)
{
    qoq_half h = qoq_half_from_float(x);

    *s = h == 0 ? 1.0f : qoq_half_to_float(h);
    return qoq_half_is_finite(h);
}

static struct range range_of(const float *w, size_t count, float ratio)
{
    struct range r;

    qoq_min_max(&r.lo, &r.hi, w, count);
    r.lo = (r.lo > 0.0f ? 0.0f : r.lo) * ratio;
    r.hi = (r.hi < 0.0f ? 0.0f : r.hi) * ratio;
    return r;
}

static int fit_channel(float *s, float *zero, const float *w, size_t k, float ratio)
{
    struct range r = range_of(w, k, ratio);
    int good = scale_of(s, (r.hi - r.lo) / 15.0f);

    *zero = (float)qoq_round_clamp(-r.lo / *s, 0, 15);
    return good;
}

/* A group of the kinds whose scale of a group is a binary16. */
static int fit_half(enum qoq_grid_kind kind, float *step, float *zero, const float *w, size_t count,
                    float ratio)
{
    struct range r;
    qoq_half h;

    if (kind == QOQ_GRID_W4_SYMMETRIC) {
        *zero = 0.0f;
        return scale_of(step, qoq_max_abs(w, count) * ratio / 7.0f);
    }
    if (kind == QOQ_GRID_W4_HALF)
        return fit_channel(step, zero, w, count, ratio);
    r = range_of(w, count, ratio);
    h = qoq_half_from_float(0.0f - r.lo);
    *zero = qoq_half_to_float(h);
    return scale_of(step, (r.hi - r.lo) / 15.0f) && qoq_half_is_finite(h);
}

/* Division and clamping are monotonic, so the range of level 1 comes from that of the weights. */
static struct range level1_range(const float *w, size_t count, float s, float bound)
{
    struct range r = range_of(w, count, 1.0f);

    r.lo = qoq_grid_level1(r.lo, s, bound);
    r.hi = qoq_grid_level1(r.hi, s, bound);
    return r;
}

/* A group of the second of two levels. */
static void fit_level2(const struct qoq_grid *grid, float *step, float *zero, const float *w,
                       size_t count, float s)
{
    struct range r = level1_range(w, count, s, grid->bound);

    *step = (float)qoq_round_clamp((r.hi - r.lo) / 15.0f, 1, 16);
    *zero = grid->kind == QOQ_GRID_W4_POST ? (float)qoq_round_clamp(-r.lo, -128, 127)
                                           : (float)qoq_round_clamp(-r.lo / *step, 0, 15);
}

/* The scale of row n, and its zero where that belongs to the row. */
static int fit_whole(struct qoq_grid *grid, size_t n, const float *w, float ratio)
{
    float *s = grid->s + n, most = qoq_max_abs(w, grid->k) * ratio;

    if (qoq_grid_two_levels(grid))
        return scale_of(s, most / grid->bound);
    grid->step[n * grid->groups] = 1.0f;
    grid->zero[n * grid->groups] = 0.0f;
    if (grid->kind == QOQ_GRID_W8)
        return scale_of(s, most / 127.0f);
    if (grid->kind == QOQ_GRID_W4_CHANNEL)
        return fit_channel(s, grid->zero + n, w, grid->k, ratio);
    *s = 1.0f;
    return 1;
}

enum qoq_status qoq_grid_fit_row(struct qoq_grid *grid, size_t n, const float *w, float ratio)
{
    int good = fit_whole(grid, n, w, ratio);

    if (grid->kind == QOQ_GRID_W8 || grid->kind == QOQ_GRID_W4_CHANNEL)
        return good ? QOQ_OK : QOQ_ERR_RANGE;
    for (size_t j = 0; good && j < grid->groups; j++) {
        size_t first = j * grid->group, left = grid->k - first, at = n * grid->groups + j;
        size_t count = left < grid->group ? left : grid->group;

        if (qoq_grid_two_levels(grid))
            fit_level2(grid, grid->step + at, grid->zero + at, w + first, count, grid->s[n]);
        else
            good = fit_half(grid->kind, grid->step + at, grid->zero + at, w + first, count, ratio);
    }
    return good ? QOQ_OK : QOQ_ERR_RANGE;
}

enum qoq_status qoq_grid_fit(struct qoq_grid *grid, const float *w, const float *ratio)
{
    int bad = 0;

    if (grid == NULL || grid->s == NULL || w == NULL)
        return QOQ_ERR_ARGUMENT;
#pragma omp parallel for reduction(| : bad) if (grid->n * grid->k >= QOQ_PARALLEL_MIN)
    for (size_t n = 0; n < grid->n; n++)
        bad |=
            qoq_grid_fit_row(grid, n, w + n * grid->k, ratio == NULL ? 1.0f : ratio[n]) != QOQ_OK;
    return bad ? QOQ_ERR_RANGE : QOQ_OK;
}
