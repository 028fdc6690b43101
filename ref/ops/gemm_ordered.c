/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix products in binary32, each output a chain of fused multiply-adds over ascending k: N 6.4.
 * Panels of weights are transposed so that WIDTH independent chains run side by side; the order
 * inside a chain does not change.
 */
#include "numerics/half.h"
#include "numerics/target.h"
#include "ops/shape.h"

#include <math.h>
#include <string.h>

#define WIDTH 16
#define DEPTH 256

/* One product; w points to floats or halves. */
struct product {
    float *y;
    const float *x, *bias;
    const void *w;
    size_t m, n, k;
};

/* Weights [depth][WIDTH] of width output channels from n0 and depth input channels from k0. */
struct panel {
    size_t n0, k0, width, depth;
    float w[DEPTH][WIDTH];
};

typedef void fill_panel(struct panel *panel, const void *w, size_t k);

static void fill_f32(struct panel *panel, const void *w, size_t k)
{
    for (size_t j = 0; j < panel->width; j++) {
        const float *row = (const float *)w + (panel->n0 + j) * k + panel->k0;

        for (size_t i = 0; i < panel->depth; i++)
            panel->w[i][j] = row[i];
    }
}

static void fill_f16(struct panel *panel, const void *w, size_t k)
{
    for (size_t j = 0; j < panel->width; j++) {
        const qoq_half *row = (const qoq_half *)w + (panel->n0 + j) * k + panel->k0;

        for (size_t i = 0; i < panel->depth; i++)
            panel->w[i][j] = qoq_half_to_float(row[i]);
    }
}

/* Continues the chains of one token; columns past the panel's width are computed and dropped. */
QOQ_INLINE void continue_chains(float *y, const float *x, const struct panel *panel)
{
    float acc[WIDTH] = {0.0f};

    if (panel->k0 != 0)
        memcpy(acc, y, panel->width * sizeof *y);
    for (size_t i = 0; i < panel->depth; i++) {
        for (size_t j = 0; j < WIDTH; j++)
            acc[j] = fmaf(x[i], panel->w[i][j], acc[j]);
    }
    memcpy(y, acc, panel->width * sizeof *y);
}

typedef void multiply(float *y, const float *x, const struct panel *panel);

static void multiply_portable(float *y, const float *x, const struct panel *panel)
{
    continue_chains(y, x, panel);
}

#if QOQ_FMA_TARGET
QOQ_WITH_FMA static void multiply_fma(float *y, const float *x, const struct panel *panel)
{
    continue_chains(y, x, panel);
}
#endif

/* The same text compiled for the machine's fma instructions, where it has them: one rounding either
 * way. */
static multiply *choose_multiply(void)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma())
        return multiply_fma;
#endif
    return multiply_portable;
}

static void multiply_columns(const struct product *p, size_t n0, fill_panel *fill)
{
    multiply *multiply_rows = choose_multiply();
    struct panel panel = {.n0 = n0, .width = p->n - n0 < WIDTH ? p->n - n0 : WIDTH};

    for (panel.k0 = 0; panel.k0 < p->k; panel.k0 += DEPTH) {
        panel.depth = p->k - panel.k0 < DEPTH ? p->k - panel.k0 : DEPTH;
        fill(&panel, p->w, p->k);
        for (size_t m = 0; m < p->m; m++)
            multiply_rows(p->y + m * p->n + n0, p->x + m * p->k + panel.k0, &panel);
    }
    for (size_t m = 0; p->bias != NULL && m < p->m; m++) {
        for (size_t n = n0; n < n0 + panel.width; n++)
            p->y[m * p->n + n] += p->bias[n];
    }
}

static enum qoq_status run(const struct product *p, fill_panel *fill)
{
    if (p->y == NULL || p->x == NULL || p->w == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_rows_fit(p->m, p->k, sizeof(float)) || !qoq_rows_fit(p->n, p->k, sizeof(float)) ||
        !qoq_array_fits(p->m, p->n, sizeof(float)))
        return QOQ_ERR_SHAPE;
#pragma omp parallel for if (p->m * p->n >= QOQ_PARALLEL_MIN / p->k)
    for (size_t n0 = 0; n0 < p->n; n0 += WIDTH)
        multiply_columns(p, n0, fill);
    return QOQ_OK;
}

enum qoq_status qoq_gemm_f32(float *y, const float *x, const float *w, const float *bias, size_t m,
                             size_t n, size_t k)
{
    return run(&(struct product){y, x, bias, w, m, n, k}, fill_f32);
}

enum qoq_status qoq_gemm_f16(float *y, const float *x, const qoq_half *w, size_t m, size_t n,
                             size_t k)
{
    return run(&(struct product){y, x, NULL, w, m, n, k}, fill_f16);
}
