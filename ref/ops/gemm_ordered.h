/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ways to compute an ordered binary32 product (N 6.4), plain and with AVX2 and FMA. Panels
 * of weights are transposed so that QOQ_PANEL_WIDTH independent chains run side by side; the order
 * inside a chain does not change, so both give the same bits.
 */
#ifndef QOQ_OPS_GEMM_ORDERED_H
#define QOQ_OPS_GEMM_ORDERED_H

#include "numerics/target.h"
#include "qoq.h"

#include <math.h>
#include <string.h>

#define QOQ_PANEL_WIDTH 16
#define QOQ_PANEL_DEPTH 256

/* y [m][n] = x [m][k] times w [n][k] (floats, or binary16 where halves is set), plus bias [n]. */
struct qoq_product {
    float *y;
    const float *x, *bias;
    const void *w;
    size_t m, n, k;
    int halves;
};

/* Weights of width output channels from n0 and depth input channels from k0, transposed; columns
 * past the width hold anything. */
struct qoq_panel {
    size_t n0, k0, width, depth;
    float w[QOQ_PANEL_DEPTH][QOQ_PANEL_WIDTH];
};

struct qoq_product_path {
    /* out [count], exact */
    void (*widen)(float *out, const qoq_half *in, size_t count);
    /* panel->w from rows [width], each depth long and stride after the one before */
    void (*transpose)(struct qoq_panel *panel, const float *rows, size_t stride);
    /* Continues the chains of all tokens by the depth of the panel. */
    void (*multiply)(const struct qoq_product *p, const struct qoq_panel *panel);
};

extern const struct qoq_product_path qoq_product_plain;
#if QOQ_FMA_TARGET
/* Only for machines with qoq_machine_has_fma. */
extern const struct qoq_product_path qoq_product_avx2;
#endif

/* The faster of the two on this machine. */
const struct qoq_product_path *qoq_product_choose(void);

/* The whole product by one path; p has been checked. */
void qoq_product_run(const struct qoq_product *p, const struct qoq_product_path *path);

/* Continues the chains of token m; columns past the panel's width are computed and dropped. */
QOQ_INLINE void qoq_continue_chains(const struct qoq_product *p, const struct qoq_panel *panel,
                                    size_t m)
{
    const float *x = p->x + m * p->k + panel->k0;
    float *y = p->y + m * p->n + panel->n0;
    float acc[QOQ_PANEL_WIDTH] = {0.0f};

    if (panel->k0 != 0)
        memcpy(acc, y, panel->width * sizeof *y);
    for (size_t i = 0; i < panel->depth; i++) {
        for (size_t j = 0; j < QOQ_PANEL_WIDTH; j++)
            acc[j] = fmaf(x[i], panel->w[i][j], acc[j]);
    }
    memcpy(y, acc, panel->width * sizeof *y);
}

#endif
