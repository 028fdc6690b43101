/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products in binary32, each output a chain of fused multiply-adds over ascending k: N 6.4.
 */
#include "numerics/half.h"
#include "ops/gemm_ordered.h"
#include "ops/shape.h"

static void widen(float *out, const qoq_half *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = qoq_half_to_float(in[i]);
}

static void transpose(struct qoq_panel *panel, const float *rows, size_t stride)
{
    for (size_t j = 0; j < panel->width; j++) {
        for (size_t i = 0; i < panel->depth; i++)
            panel->w[i][j] = rows[j * stride + i];
    }
}

static void multiply(const struct qoq_product *p, const struct qoq_panel *panel)
{
    for (size_t m = 0; m < p->m; m++)
        qoq_continue_chains(p, panel, m);
}

const struct qoq_product_path qoq_product_plain = {widen, transpose, multiply};

const struct qoq_product_path *qoq_product_choose(void)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma())
        return &qoq_product_avx2;
#endif
    return &qoq_product_plain;
}

static void fill(struct qoq_panel *panel, const struct qoq_product *p,
                 const struct qoq_product_path *path)
{
    size_t first = panel->n0 * p->k + panel->k0;
    float wide[QOQ_PANEL_WIDTH][QOQ_PANEL_DEPTH];

    if (!p->halves) {
        path->transpose(panel, (const float *)p->w + first, p->k);
        return;
    }
    for (size_t j = 0; j < panel->width; j++)
        path->widen(wide[j], (const qoq_half *)p->w + first + j * p->k, panel->depth);
    path->transpose(panel, wide[0], QOQ_PANEL_DEPTH);
}

static void multiply_columns(const struct qoq_product *p, size_t n0,
                             const struct qoq_product_path *path)
{
    size_t left = p->n - n0;
    struct qoq_panel panel = {.n0 = n0, .width = left < QOQ_PANEL_WIDTH ? left : QOQ_PANEL_WIDTH};

    for (panel.k0 = 0; panel.k0 < p->k; panel.k0 += QOQ_PANEL_DEPTH) {
        panel.depth = p->k - panel.k0 < QOQ_PANEL_DEPTH ? p->k - panel.k0 : QOQ_PANEL_DEPTH;
        fill(&panel, p, path);
        path->multiply(p, &panel);
    }
    for (size_t m = 0; p->bias != NULL && m < p->m; m++) {
        for (size_t n = n0; n < n0 + panel.width; n++)
            p->y[m * p->n + n] += p->bias[n];
    }
}

void qoq_product_run(const struct qoq_product *p, const struct qoq_product_path *path)
{
#pragma omp parallel for if (p->m * p->n >= QOQ_PARALLEL_MIN / p->k)
    for (size_t n0 = 0; n0 < p->n; n0 += QOQ_PANEL_WIDTH)
        multiply_columns(p, n0, path);
}

static enum qoq_status run(const struct qoq_product *p)
{
    if (p->y == NULL || p->x == NULL || p->w == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_rows_fit(p->m, p->k, sizeof(float)) || !qoq_rows_fit(p->n, p->k, sizeof(float)) ||
        !qoq_array_fits(p->m, p->n, sizeof(float)))
        return QOQ_ERR_SHAPE;
    qoq_product_run(p, qoq_product_choose());
    return QOQ_OK;
}

enum qoq_status qoq_gemm_f32(float *y, const float *x, const float *w, const float *bias, size_t m,
                             size_t n, size_t k)
{
    return run(&(struct qoq_product){y, x, bias, w, m, n, k, 0});
}

enum qoq_status qoq_gemm_f16(float *y, const float *x, const qoq_half *w, size_t m, size_t n,
                             size_t k)
{
    return run(&(struct qoq_product){y, x, NULL, w, m, n, k, 1});
}
