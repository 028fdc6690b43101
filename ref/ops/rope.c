/* SPDX-License-Identifier: Apache-2.0 */
/* Rotary embedding: frequencies, tables of sines and cosines, rotation. N 8. */
#include "numerics/elementary.h"
#include "numerics/target.h"
#include "ops/head.h"
#include "ops/shape.h"

/* Beyond this position the angle of the fastest pair is outside sincos. */
#define POSITION_MAX ((size_t)1 << 24)

/* 2 pi rounded to binary64. */
#define TWO_PI 0x1.921fb54442d18p+2

static int is_in(double x, double lo, double hi)
{
    return x >= lo && x <= hi;
}

static int is_valid(const struct qoq_rope *rope)
{
    if (!is_in(rope->theta, 1.0, DBL_MAX) || rope->theta == 1.0)
        return 0;
    switch (rope->kind) {
    case QOQ_ROPE_PLAIN:
        return 1;
    case QOQ_ROPE_LINEAR:
        return is_in(rope->factor, 1.0, DBL_MAX);
    case QOQ_ROPE_LLAMA3:
        return is_in(rope->factor, 1.0, DBL_MAX) && rope->low_freq > 0.0 &&
               rope->low_freq < rope->high_freq && rope->high_freq <= DBL_MAX &&
               rope->original_positions > 0.0 && rope->original_positions <= DBL_MAX;
    }
    return 0;
}

static double scale_llama3(double f, const struct qoq_rope *rope)
{
    double wavelength = TWO_PI / f, slow = f / rope->factor, sigma;

    if (wavelength < rope->original_positions / rope->high_freq)
        return f;
    if (wavelength > rope->original_positions / rope->low_freq)
        return slow;
    sigma = (rope->original_positions / wavelength - rope->low_freq) /
            (rope->high_freq - rope->low_freq);
    sigma = sigma < 1.0 ? sigma : 1.0;
    return (1.0 - sigma) * slow + sigma * f;
}

enum qoq_status qoq_rope_frequencies(double *f, size_t head_dim, const struct qoq_rope *rope)
{
    if (f == NULL || rope == NULL || !is_valid(rope))
        return QOQ_ERR_ARGUMENT;
    if (!qoq_head_dim_fits(head_dim))
        return QOQ_ERR_SHAPE;
    for (size_t j = 0; j < head_dim / 2; j++) {
        f[j] = qoq_exp2d(-2.0 * (double)j * qoq_log2(rope->theta) / (double)head_dim);
        if (rope->kind == QOQ_ROPE_LINEAR)
            f[j] = f[j] / rope->factor;
        if (rope->kind == QOQ_ROPE_LLAMA3)
            f[j] = scale_llama3(f[j], rope);
    }
    return QOQ_OK;
}

static enum qoq_status check_table(const double *f, size_t head_dim, size_t first, size_t positions)
{
    if (!qoq_head_dim_fits(head_dim) || !qoq_array_fits(positions, head_dim / 2, sizeof(float)))
        return QOQ_ERR_SHAPE;
    if (first > POSITION_MAX || positions - 1 > POSITION_MAX - first)
        return QOQ_ERR_SHAPE;
    for (size_t j = 0; j < head_dim / 2; j++) {
        if (!is_in(f[j], 0.0, 1.0))
            return QOQ_ERR_RANGE;
    }
    return QOQ_OK;
}

enum qoq_status qoq_rope_table(float *sine, float *cosine, const double *f, size_t head_dim,
                               size_t first, size_t positions)
{
    size_t pairs = head_dim / 2;
    enum qoq_status status;

    if (sine == NULL || cosine == NULL || f == NULL)
        return QOQ_ERR_ARGUMENT;
    status = check_table(f, head_dim, first, positions);
    if (status != QOQ_OK)
        return status;
#pragma omp parallel for if (positions * pairs >= QOQ_PARALLEL_MIN)
    for (size_t i = 0; i < positions; i++) {
        for (size_t j = 0; j < pairs; j++)
            qoq_sincos(sine + i * pairs + j, cosine + i * pairs + j, (double)(first + i) * f[j]);
    }
    return QOQ_OK;
}

/* Both elements of a pair are read before either is written, so y may be x. Compiled twice:
 * numerics/target.h. */
QOQ_INLINE void rotate_head(float *y, const float *x, const float *sine, const float *cosine,
                            size_t pairs)
{
#pragma omp simd
    for (size_t j = 0; j < pairs; j++) {
        float a = x[j], b = x[j + pairs];

        y[j] = fmaf(cosine[j], a, -(sine[j] * b));
        y[j + pairs] = fmaf(cosine[j], b, sine[j] * a);
    }
}

#if QOQ_FMA_TARGET
QOQ_WITH_FMA static void rotate_head_fast(float *y, const float *x, const float *sine,
                                          const float *cosine, size_t pairs)
{
    rotate_head(y, x, sine, cosine, pairs);
}
#endif

static void rotate(float *y, const float *x, const float *sine, const float *cosine, size_t pairs)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma()) {
        rotate_head_fast(y, x, sine, cosine, pairs);
        return;
    }
#endif
    rotate_head(y, x, sine, cosine, pairs);
}

enum qoq_status qoq_rope_apply(float *y, const float *x, const float *sine, const float *cosine,
                               size_t heads, size_t head_dim)
{
    if (y == NULL || x == NULL || sine == NULL || cosine == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_head_dim_fits(head_dim) || !qoq_array_fits(heads, head_dim, sizeof *x))
        return QOQ_ERR_SHAPE;
    for (size_t h = 0; h < heads; h++)
        rotate(y + h * head_dim, x + h * head_dim, sine, cosine, head_dim / 2);
    return QOQ_OK;
}
