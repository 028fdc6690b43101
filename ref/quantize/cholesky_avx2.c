/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loops of the factorization with AVX2 and FMA: Q 6.4. A vector lane holds one chain. */
#include "quantize/cholesky_path.h"

#if QOQ_FMA_TARGET
#include <immintrin.h>

#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)

/* A row past the last stands for the last: it computes and stores the same numbers again. */
#define PLACE(r)                                                                                   \
    const double *a##r = a + (r < rows ? r : rows - 1) * a_stride;                                 \
    double *c##r = c + (r < rows ? r : rows - 1) * c_stride;

#define START(r) __m256d low##r = _mm256_loadu_pd(c##r), high##r = _mm256_loadu_pd(c##r + 4);

#define STEP(r)                                                                                    \
    {                                                                                              \
        __m256d f = _mm256_broadcast_sd(a##r + d);                                                 \
                                                                                                   \
        low##r = _mm256_fnmadd_pd(f, low, low##r);                                                 \
        high##r = _mm256_fnmadd_pd(f, high, high##r);                                              \
    }

#define STORE(r)                                                                                   \
    _mm256_storeu_pd(c##r, low##r);                                                                \
    _mm256_storeu_pd(c##r + 4, high##r);

QOQ_WITH_FMA static void tile(double *c, size_t c_stride, const double *a, size_t a_stride,
                              size_t rows, const double *b, size_t depth)
{
    EACH_ROW(PLACE)
    EACH_ROW(START)
    for (size_t d = depth; d-- > 0;) {
        __m256d low = _mm256_loadu_pd(b + d * QOQ_TILE_WIDTH);
        __m256d high = _mm256_loadu_pd(b + d * QOQ_TILE_WIDTH + 4);

        EACH_ROW(STEP)
    }
    EACH_ROW(STORE)
}

QOQ_WITH_FMA static int factor(double *a, size_t stride, size_t size, qoq_factor_columns column)
{
    return qoq_factor_text(a, stride, size, column);
}

QOQ_WITH_FMA static void solve(double *row, const qoq_factor_columns column, size_t size)
{
    qoq_solve_text(row, column, size);
}

QOQ_WITH_FMA static void divide(qoq_invert_panel x, const double *r, size_t stride, size_t size)
{
    qoq_divide_text(x, r, stride, size);
}

const struct qoq_factor_path qoq_factor_avx2 = {tile, factor, solve, divide};

#endif
