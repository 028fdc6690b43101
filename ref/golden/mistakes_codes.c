/* SPDX-License-Identifier: Apache-2.0 */
/* Known other ways to quantize activations and queries (N 3, 11.1). */
#include "golden/build.h"
#include "golden/mistakes.h"
#include "numerics/half.h"
#include "numerics/round.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AWAY, TRUNCATE, DIVIDE, HALF_SCALE, HALF_ROW, POWER };

/* x to an integer in the way of a variant, within [-limit, limit]. */
static int32_t round_as(int variant, float x, int32_t limit)
{
    double y = variant == TRUNCATE ? trunc((double)x)
               : variant == AWAY   ? copysign(floor(fabs((double)x) + 0.5), (double)x)
                                   : (double)x;

    return qoq_round_clamp((float)y, -limit, limit);
}

static float largest(const float *x, size_t k)
{
    float a = 0x1p-100f;

    for (size_t i = 0; i < k; i++)
        a = fabsf(x[i]) > a ? fabsf(x[i]) : a;
    return a;
}

static void wrong_row(int8_t *q, float *scale, const float *x, size_t k, int variant)
{
    float a = largest(x, k), r = 127.0f / a;

    *scale = a / 127.0f;
    if (variant == HALF_SCALE)
        *scale = qoq_half_to_float(qoq_half_from_float(*scale));
    for (size_t i = 0; i < k; i++) {
        float y = variant == DIVIDE || variant == HALF_SCALE ? x[i] / *scale : x[i] * r;
        q[i] = (int8_t)round_as(variant, y, 127);
    }
}

static void widen(float *y, const qoq_half *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = qoq_half_to_float(x[i]);
}

/* The binary32 rows that a quantizing operator quantizes. */
static enum qoq_status rows_of(float *y, const struct qoq_golden_case *c, size_t m, size_t k)
{
    enum qoq_status status = QOQ_OK;

    if (strcmp(c->op, "act_quantize") == 0) {
        widen(y, qoq_golden_in(c, "x"), m * k);
    } else if (strcmp(c->op, "rmsnorm_quantize") == 0) {
        status = qoq_rmsnorm(y, qoq_golden_in(c, "x"), qoq_golden_in(c, "gamma"), m, k,
                             (float)qoq_golden_real(c, "eps"));
    } else {
        float *gate = malloc(2 * m * k * sizeof *gate);
        if (gate == NULL)
            return QOQ_ERR_MEMORY;
        widen(gate, qoq_golden_in(c, "gate"), m * k);
        widen(gate + m * k, qoq_golden_in(c, "up"), m * k);
        status = qoq_silu_mul(y, gate, gate + m * k, m * k);
        free(gate);
    }
    return status;
}

static enum qoq_status wrong_activations(struct qoq_golden_case *c, int variant)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    int8_t *q = qoq_golden_out(c, "q");
    float *scale = qoq_golden_out(c, "scale"), *y = malloc(m * k * sizeof *y);
    enum qoq_status status = y != NULL ? rows_of(y, c, m, k) : QOQ_ERR_MEMORY;

    for (size_t i = 0; i < m * k && status == QOQ_OK && variant == HALF_ROW; i++)
        y[i] = qoq_half_to_float(qoq_half_from_float(y[i]));
    for (size_t i = 0; i < m && status == QOQ_OK; i++)
        wrong_row(q + i * k, scale + i, y + i * k, k, variant);
    free(y);
    return status;
}

/* The inputs added instead of the codes, rounded to an integer. */
static enum qoq_status wrong_sum(struct qoq_golden_case *c, int variant)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    const qoq_half *x = qoq_golden_in(c, "x");
    int32_t *sum = qoq_golden_out(c, "sum");

    (void)variant;
    for (size_t i = 0; i < m; i++) {
        float acc = 0;
        for (size_t j = 0; j < k; j++)
            acc += qoq_half_to_float(x[i * k + j]);
        sum[i] = qoq_round_clamp(acc, -(1 << 24), 1 << 24);
    }
    return QOQ_OK;
}

static enum qoq_status wrong_query(struct qoq_golden_case *c, int variant)
{
    size_t rows = qoq_golden_size(c, "rows"), d = qoq_golden_size(c, "head_dim");
    const float *x = qoq_golden_in(c, "x");
    int16_t *q = qoq_golden_out(c, "q");
    float *scale = qoq_golden_out(c, "scale"), unit = variant == POWER ? 32768.0f : 32767.0f;

    for (size_t i = 0; i < rows; i++) {
        float a = largest(x + i * d, d), r = unit / a;
        scale[i] = a / unit;
        for (size_t j = 0; j < d; j++) {
            float y = variant == DIVIDE ? x[i * d + j] / scale[i] : x[i * d + j] * r;
            q[i * d + j] = (int16_t)round_as(variant, y, 32767);
        }
    }
    return QOQ_OK;
}

#define ACTIVATIONS "act_quantize rmsnorm_quantize silu_mul_quantize"

const struct qoq_golden_mistake qoq_golden_mistakes_codes[] = {
    {"act_quantize", "q", wrong_activations, AWAY, "ties are rounded away from zero, not to even"},
    {ACTIVATIONS, "q", wrong_activations, TRUNCATE, "codes are truncated, not rounded"},
    {"act_quantize", "q", wrong_activations, DIVIDE,
     "x is divided by the scale instead of multiplied by rn32(127 / max)"},
    {ACTIVATIONS, "q", wrong_activations, HALF_SCALE,
     "x is divided by the scale rounded to binary16"},
    {"rmsnorm_quantize silu_mul_quantize", "q", wrong_activations, HALF_ROW,
     "the row is rounded to binary16 before it is quantized"},
    {ACTIVATIONS, "scale", wrong_activations, HALF_SCALE, "the scale is rounded to binary16"},
    {"rmsnorm_quantize silu_mul_quantize", "scale", wrong_activations, HALF_ROW,
     "the row is rounded to binary16 before it is quantized"},
    {"act_quantize", "sum", wrong_sum, 0, "the sum is over the inputs instead of the codes"},
    {"query_quantize", "q", wrong_query, AWAY, "ties are rounded away from zero, not to even"},
    {"query_quantize", "q", wrong_query, TRUNCATE, "codes are truncated, not rounded"},
    {"query_quantize", "q", wrong_query, DIVIDE,
     "x is divided by the scale instead of multiplied by rn32(32767 / max)"},
    {"query_quantize", "q", wrong_query, POWER, "the largest code is 32768 instead of 32767"},
    {"query_quantize", "scale", wrong_query, POWER, "the largest code is 32768 instead of 32767"},
    {NULL, NULL, NULL, 0, NULL},
};
