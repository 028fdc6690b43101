/* SPDX-License-Identifier: Apache-2.0 */
/* Per-token INT8 activations: N 3. */
#include "numerics/half.h"
#include "numerics/reduce.h"
#include "numerics/round.h"
#include "numerics/target.h"
#include "ops/act_row.h"
#include "ops/shape.h"

/* Elements widened at a time; a row may be too long for the stack. */
#define CHUNK 1024

float qoq_act_max(float a, const float *x, size_t count)
{
    float b = qoq_max_abs(x, count);

    return b > a || b != b ? b : a;
}

/* N 3.1, 3.2. A NaN fails the comparison and stays. */
struct qoq_act_factors qoq_act_factors(float a)
{
    float b = a < 0x1p-100f ? 0x1p-100f : a;

    return (struct qoq_act_factors){b / 127.0f, 127.0f / b};
}

/* The loops, compiled twice: numerics/target.h. */
QOQ_INLINE int32_t round_codes(int8_t *q, const float *x, size_t count, float r)
{
    int32_t sum = 0;

#pragma omp simd reduction(+ : sum)
    for (size_t k = 0; k < count; k++) {
        int32_t code = qoq_round_clamp(x[k] * r, -127, 127);

        q[k] = (int8_t)code;
        sum += code;
    }
    return sum;
}

QOQ_INLINE void widen_halves(float *y, const qoq_half *x, size_t count)
{
#pragma omp simd
    for (size_t k = 0; k < count; k++)
        y[k] = qoq_half_to_float(x[k]);
}

#if QOQ_FMA_TARGET
QOQ_WITH_FMA static int32_t round_codes_fast(int8_t *q, const float *x, size_t count, float r)
{
    return round_codes(q, x, count, r);
}

QOQ_WITH_FMA static void widen_fast(float *y, const qoq_half *x, size_t count)
{
    widen_halves(y, x, count);
}
#endif

int32_t qoq_act_codes(int8_t *q, const float *x, size_t count, float r)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma())
        return round_codes_fast(q, x, count, r);
#endif
    return round_codes(q, x, count, r);
}

static void widen(float *y, const qoq_half *x, size_t count)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma()) {
        widen_fast(y, x, count);
        return;
    }
#endif
    widen_halves(y, x, count);
}

void qoq_act_quantize_row(int8_t *q, float *scale, int32_t *sum, const float *x, size_t k)
{
    struct qoq_act_factors f = qoq_act_factors(qoq_act_max(0.0f, x, k));

    *scale = f.scale;
    *sum = qoq_act_codes(q, x, k, f.r);
}

enum qoq_status qoq_act_shape(const struct qoq_act *act)
{
    if (act == NULL || act->q == NULL || act->scale == NULL || act->sum == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_rows_fit(act->m, act->k, sizeof(float)))
        return QOQ_ERR_SHAPE;
    return QOQ_OK;
}

static size_t chunk_size(size_t left)
{
    return left < CHUNK ? left : CHUNK;
}

static void quantize_half_row(int8_t *q, float *scale, int32_t *sum, const qoq_half *x, size_t k)
{
    float buffer[CHUNK], a = 0.0f;
    struct qoq_act_factors f;

    for (size_t i = 0; i < k; i += CHUNK) {
        widen(buffer, x + i, chunk_size(k - i));
        a = qoq_act_max(a, buffer, chunk_size(k - i));
    }
    f = qoq_act_factors(a);
    *scale = f.scale;
    *sum = 0;
    for (size_t i = 0; i < k; i += CHUNK) {
        widen(buffer, x + i, chunk_size(k - i));
        *sum += qoq_act_codes(q + i, buffer, chunk_size(k - i), f.r);
    }
}

enum qoq_status qoq_act_quantize(struct qoq_act *out, const qoq_half *x)
{
    enum qoq_status status = qoq_act_shape(out);

    if (status != QOQ_OK)
        return status;
    if (x == NULL)
        return QOQ_ERR_ARGUMENT;
#pragma omp parallel for if (out->m * out->k >= QOQ_PARALLEL_MIN)
    for (size_t m = 0; m < out->m; m++)
        quantize_half_row(out->q + m * out->k, out->scale + m, out->sum + m, x + m * out->k,
                          out->k);
    return QOQ_OK;
}

enum qoq_status qoq_act_dequantize(float *x, const struct qoq_act *act)
{
    enum qoq_status status = qoq_act_shape(act);

    if (status != QOQ_OK)
        return status;
    if (x == NULL)
        return QOQ_ERR_ARGUMENT;
#pragma omp parallel for if (act->m * act->k >= QOQ_PARALLEL_MIN)
    for (size_t m = 0; m < act->m; m++) {
        for (size_t k = m * act->k; k < (m + 1) * act->k; k++)
            x[k] = act->scale[m] * (float)act->q[k];
    }
    return QOQ_OK;
}
