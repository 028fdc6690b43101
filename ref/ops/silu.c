/* SPDX-License-Identifier: Apache-2.0 */
/* SiLU of the gate times up, alone and fused with quantization: N 10. */
#include "numerics/elementary.h"
#include "numerics/half.h"
#include "numerics/target.h"
#include "ops/act_fused.h"
#include "ops/shape.h"

/* N 10.1. Below -88.7 the exponential is infinite and the result a zero. */
QOQ_INLINE float silu_mul(float gate, float up)
{
    return gate / (1.0f + qoq_exp(-gate)) * up;
}

struct silu_row {
    const qoq_half *gate, *up;
};

/* The loops, compiled twice: numerics/target.h. */
QOQ_INLINE void multiply_floats(float *y, const float *gate, const float *up, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        y[i] = silu_mul(gate[i], up[i]);
}

QOQ_INLINE void multiply_halves(float *y, const qoq_half *gate, const qoq_half *up, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        y[i] = silu_mul(qoq_half_to_float(gate[i]), qoq_half_to_float(up[i]));
}

#if QOQ_FMA_TARGET
QOQ_WITH_FMA static void floats_fast(float *y, const float *gate, const float *up, size_t count)
{
    multiply_floats(y, gate, up, count);
}

QOQ_WITH_FMA static void halves_fast(float *y, const qoq_half *gate, const qoq_half *up,
                                     size_t count)
{
    multiply_halves(y, gate, up, count);
}
#endif

static void floats(float *y, const float *gate, const float *up, size_t count)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma()) {
        floats_fast(y, gate, up, count);
        return;
    }
#endif
    multiply_floats(y, gate, up, count);
}

static void produce(float *y, const void *row, size_t first, size_t count)
{
    const struct silu_row *r = row;

#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma()) {
        halves_fast(y, r->gate + first, r->up + first, count);
        return;
    }
#endif
    multiply_halves(y, r->gate + first, r->up + first, count);
}

/* Elements a thread takes at a time. */
#define PIECE 4096

enum qoq_status qoq_silu_mul(float *y, const float *gate, const float *up, size_t count)
{
    if (y == NULL || gate == NULL || up == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_array_fits(count, 1, sizeof *y))
        return QOQ_ERR_SHAPE;
#pragma omp parallel for if (count >= QOQ_PARALLEL_MIN)
    for (size_t i = 0; i < count; i += PIECE)
        floats(y + i, gate + i, up + i, count - i < PIECE ? count - i : PIECE);
    return QOQ_OK;
}

enum qoq_status qoq_silu_mul_quantize(struct qoq_act *out, const qoq_half *gate, const qoq_half *up)
{
    enum qoq_status status = qoq_act_shape(out);

    if (status != QOQ_OK)
        return status;
    if (gate == NULL || up == NULL)
        return QOQ_ERR_ARGUMENT;
#pragma omp parallel for if (out->m * out->k >= QOQ_PARALLEL_MIN)
    for (size_t m = 0; m < out->m; m++) {
        size_t k = out->k;
        struct silu_row row = {gate + m * k, up + m * k};

        qoq_act_quantize_produced(out->q + m * k, out->scale + m, out->sum + m, produce, &row, k);
    }
    return QOQ_OK;
}
