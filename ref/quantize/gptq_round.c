/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rounding of rows with error feedback (Q 6.3): ROWS rows at a time, so that the factor passes
 * through the caches once for all of them, DEPTH columns at a time. Inside those columns the rows
 * lie side by side; what their errors do to the columns behind is an ordered matrix product.
 */
#include "quantize/grid_row.h"
#include "quantize/gptq.h"

#include "numerics/round.h"
#include "ops/gemm_ordered.h"

#include <stdlib.h>

#define ROWS 96
#define DEPTH 64
/* A panel at depth 0 would start the chains of a product; at this depth it continues them. */
#define PAST_START 16

struct problem {
    int8_t *code;
    const struct qoq_grid *grid;
    const float *w;
    const double *factor;
    const struct qoq_feedback_column *column;
};

/* Rows first .. first + rows - 1, `rows` at most ROWS. */
struct block {
    size_t first, rows;
    float *v;                              /* [rows][k], columns in their order */
    float (*step)[ROWS], (*zero)[ROWS];    /* [groups] */
    float error[ROWS][PAST_START + DEPTH]; /* negative, from PAST_START on */
    float v_column[DEPTH][ROWS];           /* of the DEPTH columns */
    float factor[DEPTH][DEPTH];            /* likewise */
    int8_t code[ROWS];                     /* of one column */
};

/* What all rows of one column share. */
struct rule {
    const float *step, *zero;
    float bound;
    int lo, hi, post;
};

/* code and error [rows] of the values v [rows]. */
QOQ_INLINE void round_text(int8_t *code, float *error, const float *v, size_t rows, struct rule r)
{
#pragma omp simd
    for (size_t m = 0; m < rows; m++) {
        float x = v[m] > r.bound ? r.bound : v[m] < -r.bound ? -r.bound : v[m];
        float step = r.step[m], zero = r.zero[m];
        float place = r.post ? (x + zero) / step : x / step + zero;
        int32_t q = qoq_round_clamp(place, r.lo, r.hi);
        float value = r.post ? (float)q * step - zero : ((float)q - zero) * step;

        code[m] = (int8_t)q;
        error[m] = value - v[m];
    }
}

/* What the errors of a column do to another. */
QOQ_INLINE void feed_text(float *v, const float *error, float factor, size_t rows)
{
#pragma omp simd
    for (size_t m = 0; m < rows; m++)
        v[m] = fmaf(error[m], factor, v[m]);
}

QOQ_INLINE void round_column_text(struct block *b, size_t c, size_t depth, struct rule r)
{
    float error[ROWS];

    round_text(b->code, error, b->v_column[c], b->rows, r);
    for (size_t j = c + 1; j < depth; j++)
        feed_text(b->v_column[j], error, b->factor[c][j], b->rows);
    for (size_t m = 0; m < b->rows; m++)
        b->error[m][PAST_START + c] = error[m];
}

static void round_column_plain(struct block *b, size_t c, size_t depth, struct rule r)
{
    round_column_text(b, c, depth, r);
}

#if QOQ_FMA_TARGET
QOQ_WITH_FMA static void round_column_fma(struct block *b, size_t c, size_t depth, struct rule r)
{
    round_column_text(b, c, depth, r);
}
#endif

static void round_column(struct block *b, size_t c, size_t depth, struct rule r)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma()) {
        round_column_fma(b, c, depth, r);
        return;
    }
#endif
    round_column_plain(b, c, depth, r);
}

/* The weights of the block in units of their scales, and its grid, group by group. */
static void load(struct block *b, const struct problem *p)
{
    const struct qoq_grid *grid = p->grid;
    size_t k = grid->k;

    for (size_t m = 0; m < b->rows; m++) {
        size_t n = b->first + m;

        for (size_t c = 0; c < k; c++)
            b->v[m * k + c] =
                p->column[c].dead ? 0.0f : p->w[n * k + p->column[c].index] / grid->s[n];
        for (size_t j = 0; j < grid->groups; j++) {
            b->step[j][m] = grid->step[n * grid->groups + j];
            b->zero[j][m] = grid->zero[n * grid->groups + j];
        }
    }
}

/* Rounds columns c0 .. c0 + depth - 1. */
static void round_columns(struct block *b, const struct problem *p, size_t c0, size_t depth)
{
    const struct qoq_grid *grid = p->grid;
    size_t k = grid->k;

    for (size_t c = 0; c < depth; c++) {
        for (size_t m = 0; m < b->rows; m++)
            b->v_column[c][m] = b->v[m * k + c0 + c];
        for (size_t j = c; j < depth; j++)
            b->factor[c][j] = (float)p->factor[(c0 + c) * k + c0 + j];
    }
    for (size_t c = 0; c < depth; c++) {
        size_t index = p->column[c0 + c].index, group = index / grid->group;
        struct rule rule = {b->step[group], b->zero[group], grid->bound,
                            grid->lo,       grid->hi,       grid->kind == QOQ_GRID_W4_POST};

        round_column(b, c, depth, rule);
        for (size_t m = 0; m < b->rows; m++)
            p->code[(b->first + m) * k + index] = b->code[m];
    }
}

/* Feeds the errors of columns c0 .. c0 + depth - 1 to all columns behind them. */
static void feed_rest(struct block *b, const struct problem *p, size_t c0, size_t depth)
{
    const struct qoq_product_path *path = qoq_product_choose();
    size_t k = p->grid->k;
    struct qoq_product product = {
        .y = b->v, .x = b->error[0], .m = b->rows, .n = k, .k = PAST_START + DEPTH};
    struct qoq_panel panel = {.k0 = PAST_START, .depth = depth};

    for (panel.n0 = c0 + depth; panel.n0 < k; panel.n0 += QOQ_PANEL_WIDTH) {
        panel.width = k - panel.n0 < QOQ_PANEL_WIDTH ? k - panel.n0 : QOQ_PANEL_WIDTH;
        for (size_t i = 0; i < depth; i++) {
            const double *row = p->factor + (c0 + i) * k + panel.n0;

#pragma omp simd
            for (size_t j = 0; j < panel.width; j++)
                panel.w[i][j] = (float)row[j];
        }
        path->multiply(&product, &panel);
    }
}

static void round_block(struct block *b, const struct problem *p)
{
    size_t k = p->grid->k;

    load(b, p);
    for (size_t c0 = 0; c0 < k; c0 += DEPTH) {
        size_t depth = k - c0 < DEPTH ? k - c0 : DEPTH;

        round_columns(b, p, c0, depth);
        feed_rest(b, p, c0, depth);
    }
}

static void block_free(struct block *b)
{
    if (b == NULL)
        return;
    free(b->v);
    free(b->step);
    free(b->zero);
    free(b);
}

static struct block *block_new(const struct qoq_grid *grid)
{
    struct block *b = calloc(1, sizeof *b);

    if (b == NULL)
        return NULL;
    b->v = malloc(ROWS * grid->k * sizeof *b->v);
    b->step = calloc(grid->groups, sizeof *b->step);
    b->zero = calloc(grid->groups, sizeof *b->zero);
    if (b->v != NULL && b->step != NULL && b->zero != NULL)
        return b;
    block_free(b);
    return NULL;
}

enum qoq_status qoq_feedback_round(int8_t *code, const struct qoq_grid *grid, const float *w,
                                   const double *factor, const struct qoq_feedback_column *column)
{
    struct problem p = {code, grid, w, factor, column};
    int failed = 0;

#pragma omp parallel reduction(| : failed)
    {
        struct block *b = block_new(grid);

        failed |= b == NULL;
#pragma omp for schedule(dynamic, 1)
        for (size_t first = 0; first < grid->n; first += ROWS) {
            if (b == NULL)
                continue;
            b->first = first;
            b->rows = grid->n - first < ROWS ? grid->n - first : ROWS;
            round_block(b, &p);
        }
        block_free(b);
    }
    return failed ? QOQ_ERR_MEMORY : QOQ_OK;
}
