/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest codes of a grid and their values: Q 6.1. */
#include "quantize/grid_row.h"

#include "numerics/round.h"
#include "numerics/target.h"
#include "ops/shape.h"

/* One group of a row. */
struct cell {
    float s, step, zero, bound;
    int lo, hi, post;
};

static struct cell cell_of(const struct qoq_grid *grid, size_t n, size_t j)
{
    size_t at = n * grid->groups + j;
    struct cell cell = {grid->s[n],
                        grid->step[at],
                        grid->zero[at],
                        grid->bound,
                        grid->lo,
                        grid->hi,
                        grid->kind == QOQ_GRID_W4_POST};

    return cell;
}

QOQ_INLINE void round_text(int8_t *code, const float *w, size_t count, struct cell c)
{
    if (c.post) {
#pragma omp simd
        for (size_t i = 0; i < count; i++) {
            float v = qoq_grid_level1(w[i], c.s, c.bound);

            code[i] = (int8_t)qoq_round_clamp((v + c.zero) / c.step, c.lo, c.hi);
        }
        return;
    }
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        float v = qoq_grid_level1(w[i], c.s, c.bound);

        code[i] = (int8_t)qoq_round_clamp(v / c.step + c.zero, c.lo, c.hi);
    }
}

static void round_plain(int8_t *code, const float *w, size_t count, struct cell c)
{
    round_text(code, w, count, c);
}

#if QOQ_FMA_TARGET
QOQ_WITH_FMA static void round_wide(int8_t *code, const float *w, size_t count, struct cell c)
{
    round_text(code, w, count, c);
}
#endif

static void round_cell(int8_t *code, const float *w, size_t count, struct cell c)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma()) {
        round_wide(code, w, count, c);
        return;
    }
#endif
    round_plain(code, w, count, c);
}

static void values(float *w, const int8_t *code, size_t count, struct cell c)
{
    if (c.post) {
#pragma omp simd
        for (size_t i = 0; i < count; i++)
            w[i] = ((float)code[i] * c.step - c.zero) * c.s;
        return;
    }
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        w[i] = ((float)code[i] - c.zero) * c.step * c.s;
}

static size_t cell_size(const struct qoq_grid *grid, size_t j)
{
    size_t left = grid->k - j * grid->group;

    return left < grid->group ? left : grid->group;
}

void qoq_grid_round_row(int8_t *code, const struct qoq_grid *grid, size_t n, const float *w)
{
    for (size_t j = 0; j < grid->groups; j++)
        round_cell(code + j * grid->group, w + j * grid->group, cell_size(grid, j),
                   cell_of(grid, n, j));
}

void qoq_grid_row_values(float *w, const struct qoq_grid *grid, size_t n, const int8_t *code)
{
    for (size_t j = 0; j < grid->groups; j++)
        values(w + j * grid->group, code + j * grid->group, cell_size(grid, j),
               cell_of(grid, n, j));
}

void qoq_grid_round(int8_t *code, const struct qoq_grid *grid, const float *w)
{
#pragma omp parallel for if (grid->n * grid->k >= QOQ_PARALLEL_MIN)
    for (size_t n = 0; n < grid->n; n++)
        qoq_grid_round_row(code + n * grid->k, grid, n, w + n * grid->k);
}

void qoq_grid_values(float *w, const struct qoq_grid *grid, const int8_t *code)
{
#pragma omp parallel for if (grid->n * grid->k >= QOQ_PARALLEL_MIN)
    for (size_t n = 0; n < grid->n; n++)
        qoq_grid_row_values(w + n * grid->k, grid, n, code + n * grid->k);
}
