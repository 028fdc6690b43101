/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ordered binary32 product (N 6.4) with AVX2 and FMA: a vector lane holds one chain, and the
 * chains of ROWS tokens and a whole panel stay in registers.
 */
#include "numerics/half.h"
#include "ops/gemm_ordered.h"

#if QOQ_FMA_TARGET
#include <immintrin.h>

/* 2 * ROWS accumulators, two vectors of weights and one of activations fill the 16 registers. */
#define ROWS 6

QOQ_WITH_FMA static void widen(float *out, const qoq_half *in, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        out[i] = qoq_half_to_float(in[i]);
}

/* Elements 0 .. 3 of two rows. */
QOQ_WITH_FMA QOQ_INLINE __m256 two_rows(const float *low, const float *high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}

/* out [4][8 of QOQ_PANEL_WIDTH] from in [8 of stride][4] */
QOQ_WITH_FMA QOQ_INLINE void transpose_4x8(float *out, const float *in, size_t stride)
{
    __m256 a = two_rows(in, in + 4 * stride), b = two_rows(in + stride, in + 5 * stride);
    __m256 c = two_rows(in + 2 * stride, in + 6 * stride);
    __m256 d = two_rows(in + 3 * stride, in + 7 * stride);
    __m256 ab0 = _mm256_unpacklo_ps(a, b), ab2 = _mm256_unpackhi_ps(a, b);
    __m256 cd0 = _mm256_unpacklo_ps(c, d), cd2 = _mm256_unpackhi_ps(c, d);

    _mm256_storeu_ps(out, _mm256_shuffle_ps(ab0, cd0, 0x44));
    _mm256_storeu_ps(out + QOQ_PANEL_WIDTH, _mm256_shuffle_ps(ab0, cd0, 0xee));
    _mm256_storeu_ps(out + 2 * QOQ_PANEL_WIDTH, _mm256_shuffle_ps(ab2, cd2, 0x44));
    _mm256_storeu_ps(out + 3 * QOQ_PANEL_WIDTH, _mm256_shuffle_ps(ab2, cd2, 0xee));
}

QOQ_WITH_FMA static void transpose(struct qoq_panel *panel, const float *rows, size_t stride)
{
    size_t whole = panel->width == QOQ_PANEL_WIDTH ? panel->depth / 4 * 4 : 0;

    for (size_t i = 0; i < whole; i += 4) {
        transpose_4x8(panel->w[i], rows + i, stride);
        transpose_4x8(panel->w[i] + 8, rows + 8 * stride + i, stride);
    }
    for (size_t i = whole; i < panel->depth; i++) {
        for (size_t j = 0; j < panel->width; j++)
            panel->w[i][j] = rows[j * stride + i];
    }
}

#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)

/* A row past the last stands for the last: it computes and stores the same numbers again. */
#define PLACE(r)                                                                                   \
    const float *x##r = x + (r < rows ? r : rows - 1) * p->k;                                      \
    float *y##r = y + (r < rows ? r : rows - 1) * p->n;

#define START(r)                                                                                   \
    __m256 low##r = panel->k0 == 0 ? _mm256_setzero_ps() : _mm256_loadu_ps(y##r);                  \
    __m256 high##r = panel->k0 == 0 ? _mm256_setzero_ps() : _mm256_loadu_ps(y##r + 8);

#define STEP(r)                                                                                    \
    {                                                                                              \
        __m256 a = _mm256_broadcast_ss(x##r + i);                                                  \
                                                                                                   \
        low##r = _mm256_fmadd_ps(a, low, low##r);                                                  \
        high##r = _mm256_fmadd_ps(a, high, high##r);                                               \
    }

#define STORE(r)                                                                                   \
    _mm256_storeu_ps(y##r, low##r);                                                                \
    _mm256_storeu_ps(y##r + 8, high##r);

/* Continues the chains of tokens m .. m + rows - 1, 1 <= rows <= ROWS, in a panel of full width. */
QOQ_WITH_FMA static void multiply_tile(const struct qoq_product *p, const struct qoq_panel *panel,
                                       size_t m, size_t rows)
{
    const float *x = p->x + m * p->k + panel->k0;
    float *y = p->y + m * p->n + panel->n0;

    EACH_ROW(PLACE)
    EACH_ROW(START)
    for (size_t i = 0; i < panel->depth; i++) {
        __m256 low = _mm256_loadu_ps(panel->w[i]), high = _mm256_loadu_ps(panel->w[i] + 8);

        EACH_ROW(STEP)
    }
    EACH_ROW(STORE)
}

QOQ_WITH_FMA static void multiply(const struct qoq_product *p, const struct qoq_panel *panel)
{
    for (size_t m = 0; m < p->m;) {
        size_t rows = p->m - m < ROWS ? p->m - m : ROWS;

        if (panel->width < QOQ_PANEL_WIDTH || rows == 1) {
            qoq_continue_chains(p, panel, m++);
            continue;
        }
        multiply_tile(p, panel, m, rows);
        m += rows;
    }
}

const struct qoq_product_path qoq_product_avx2 = {widen, transpose, multiply};

#endif
