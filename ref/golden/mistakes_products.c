/* SPDX-License-Identifier: Apache-2.0 */
/* Known other ways to end a matrix product (N 6, 24), and to read its codes. */
#include "golden/build.h"
#include "golden/mistakes.h"
#include "numerics/half.h"

#include <math.h>
#include <string.h>

enum {
    WEIGHT_FIRST,
    TOKEN_FIRST,
    BIAS_UNFUSED,
    BIAS_LATE,
    NO_ZERO,
    FLOAT_ZERO,
    SATURATED,
    TOWARDS_ZERO,
    UNFUSED,
    NO_BIAS
};

static int is_channel(const struct qoq_golden_case *c)
{
    return strstr(c->op, "w4a8_channel") != NULL;
}

/* Everything one output needs: accumulator after the zero point, both scales, the bias if any. */
struct end {
    int32_t acc, zero; /* zero: what the zero point takes off */
    float s, scale, bias;
    int has_bias;
};

static float product(const struct end *e, int variant)
{
    float acc = (float)(variant == NO_ZERO ? e->acc : e->acc - e->zero), c = e->s * e->scale;

    if (variant == WEIGHT_FIRST)
        return acc * e->s * e->scale;
    if (variant == TOKEN_FIRST)
        return acc * e->scale * e->s;
    if (variant == FLOAT_ZERO)
        return c * (float)e->acc - c * (float)e->zero;
    if (e->has_bias && variant != BIAS_UNFUSED && variant != BIAS_LATE && variant != NO_BIAS)
        return fmaf(c, acc, e->bias);
    return c * acc;
}

static qoq_half narrow(float y, int variant)
{
    qoq_half h = qoq_half_from_float(y);

    if (variant == SATURATED && (h & 0x7FFF) == QOQ_HALF_INF)
        return (qoq_half)(h - 1);
    if (variant == TOWARDS_ZERO && y == y && fabsf(qoq_half_to_float(h)) > fabsf(y))
        return (qoq_half)(h - 1);
    return h;
}

static qoq_half finish(const struct end *e, int variant)
{
    float y = product(e, variant);
    int plain = variant == WEIGHT_FIRST || variant == TOKEN_FIRST || variant == FLOAT_ZERO;

    if (e->has_bias && (plain || variant == BIAS_UNFUSED))
        y = y + e->bias;
    if (e->has_bias && variant == BIAS_LATE)
        return qoq_half_add(qoq_half_from_float(y), qoq_half_from_float(e->bias));
    return narrow(y, variant);
}

static enum qoq_status wrong_epilogue(struct qoq_golden_case *c, int variant)
{
    size_t m = qoq_golden_size(c, "m"), n = qoq_golden_size(c, "n");
    const int32_t *acc = qoq_golden_out(c, "acc"), *sum = qoq_golden_in(c, "sum");
    const float *scale = qoq_golden_in(c, "scale"), *bias = qoq_golden_in(c, "bias");
    const qoq_half *s = qoq_golden_in(c, "s");
    const uint8_t *z = is_channel(c) ? qoq_golden_in(c, "z") : NULL;
    qoq_half *y = qoq_golden_out(c, "y");

    for (size_t i = 0; i < m * n; i++) {
        struct end e = {
            acc[i],       z != NULL ? z[i % n] * sum[i / n] : 0, qoq_half_to_float(s[i % n]),
            scale[i / n], bias != NULL ? bias[i % n] : 0,        bias != NULL};
        y[i] = finish(&e, variant);
    }
    return QOQ_OK;
}

/* The product of QServe's per-channel kernel with every operation rounded by itself. */
static enum qoq_status wrong_qserve(struct qoq_golden_case *c, int variant)
{
    size_t m = qoq_golden_size(c, "m"), n = qoq_golden_size(c, "n"), k = qoq_golden_size(c, "k");
    const int8_t *q = qoq_golden_in(c, "q");
    const uint8_t *code = qoq_golden_in(c, "code");
    const qoq_half *scale = qoq_golden_in(c, "scale"), *sum = qoq_golden_in(c, "sum");
    const qoq_half *s = qoq_golden_in(c, "s"), *szeros = qoq_golden_in(c, "szeros");
    const qoq_half *bias = qoq_golden_in(c, "bias");
    qoq_half *y = qoq_golden_out(c, "y");

    (void)variant;
    for (size_t i = 0; i < m * n; i++) {
        const uint8_t *row = code + i % n * ((k + 1) / 2);
        int32_t acc = 0;
        for (size_t j = 0; j < k; j++)
            acc += q[i / n * k + j] * (row[j / 2] >> (j % 2 * 4) & 15);
        float t = (float)acc * qoq_half_to_float(s[i % n]);
        float b = qoq_half_to_float(szeros[i % n]) * qoq_half_to_float(sum[i / n]);
        y[i] = qoq_half_from_float(t * qoq_half_to_float(scale[i / n]) - b);
        if (bias != NULL)
            y[i] = qoq_half_add(y[i], bias[i % n]);
    }
    return QOQ_OK;
}

static enum qoq_status zero_in_accumulator(struct qoq_golden_case *c, int variant)
{
    size_t m = qoq_golden_size(c, "m"), n = qoq_golden_size(c, "n");
    const int32_t *sum = qoq_golden_in(c, "sum");
    const uint8_t *z = qoq_golden_in(c, "z");
    int32_t *acc = qoq_golden_out(c, "acc");

    (void)variant;
    for (size_t i = 0; i < m * n; i++)
        acc[i] -= z[i % n] * sum[i / n];
    return QOQ_OK;
}

/* Codes 8 to 15 read as -8 to -1. */
static enum qoq_status signed_codes(struct qoq_golden_case *c, int variant)
{
    size_t m = qoq_golden_size(c, "m"), n = qoq_golden_size(c, "n"), k = qoq_golden_size(c, "k");
    const int8_t *q = qoq_golden_in(c, "q");
    const uint8_t *code = qoq_golden_in(c, "code"), *s2 = qoq_golden_in(c, "s2");
    size_t group = is_channel(c) ? k : qoq_golden_size(c, "group"),
           groups = (k + group - 1) / group;
    int32_t *acc = qoq_golden_out(c, "acc");

    (void)variant;
    for (size_t i = 0; i < m * n; i++) {
        const uint8_t *row = code + i % n * ((k + 1) / 2);
        for (size_t j = 0; j < k; j++) {
            int32_t unit = is_channel(c) ? 1 : s2[i % n * groups + j / group];
            if ((row[j / 2] >> (j % 2 * 4) & 15) >= 8)
                acc[i] = (int32_t)((uint32_t)acc[i] - (uint32_t)(16 * unit * q[i / n * k + j]));
        }
    }
    return QOQ_OK;
}

/* A binary32 product in another order: products rounded by themselves, or leaves and a tree. */
static enum qoq_status wrong_ordered(struct qoq_golden_case *c, int variant)
{
    size_t m = qoq_golden_size(c, "m"), n = qoq_golden_size(c, "n"), k = qoq_golden_size(c, "k");
    const float *x = qoq_golden_in(c, "x"), *bias = qoq_golden_in(c, "bias");
    const void *w = qoq_golden_in(c, "w");
    int halves = strcmp(c->op, "gemm_f16") == 0;
    float *y = qoq_golden_out(c, "y");

    for (size_t i = 0; i < m * n; i++) {
        float acc = variant == NO_BIAS || bias == NULL || variant == UNFUSED ? 0.0f : bias[i % n];
        for (size_t j = 0; j < k; j++) {
            size_t at = i % n * k + j;
            float b =
                halves ? qoq_half_to_float(((const qoq_half *)w)[at]) : ((const float *)w)[at];
            acc = variant == UNFUSED ? acc + x[i / n * k + j] * b : fmaf(x[i / n * k + j], b, acc);
        }
        y[i] = variant == UNFUSED && bias != NULL ? acc + bias[i % n] : acc;
    }
    return QOQ_OK;
}

#define ALL "gemm_w8a8 gemm_w4a8_channel gemm_w4a8_group"

const struct qoq_golden_mistake qoq_golden_mistakes_products[] = {
    {ALL, "y", wrong_epilogue, WEIGHT_FIRST,
     "the epilogue is (acc * s) * scale instead of (s * scale) * acc"},
    {ALL, "y", wrong_epilogue, TOKEN_FIRST,
     "the epilogue is (acc * scale) * s instead of (s * scale) * acc"},
    {ALL, "y", wrong_epilogue, BIAS_UNFUSED,
     "the bias is added after the product was rounded to binary32: the epilogue is not fused"},
    {ALL, "y", wrong_epilogue, BIAS_LATE,
     "the bias is added after the output was rounded to binary16"},
    {ALL, "y", wrong_epilogue, NO_BIAS, "the bias is missing"},
    {ALL, "y", wrong_epilogue, SATURATED, "overflow saturates at 65504 instead of giving infinity"},
    {ALL, "y", wrong_epilogue, TOWARDS_ZERO, "the output is rounded towards zero"},
    {"gemm_w4a8_channel", "y", wrong_epilogue, NO_ZERO, "the zero point is not applied"},
    {"gemm_w4a8_channel", "y", wrong_epilogue, FLOAT_ZERO,
     "the zero point is applied in floating point instead of in integers"},
    {"gemm_w4a8_channel", "acc", zero_in_accumulator, 0,
     "the zero point is already taken off the accumulators"},
    {"gemm_w4a8_channel gemm_w4a8_group", "acc", signed_codes, 0,
     "4-bit codes are read as signed numbers"},
    {"gemm_f32 gemm_f16", "y", wrong_ordered, UNFUSED,
     "products are rounded before they are added: no fused multiply-add"},
    {"gemm_f32", "y", wrong_ordered, BIAS_LATE,
     "the sum starts from the bias instead of ending with it"},
    {"gemm_f32", "y", wrong_ordered, NO_BIAS, "the bias is missing"},
    {"qserve_gemm_w4a8_channel", "y", wrong_qserve, 0,
     "the epilogue's last multiply and subtract are not fused"},
    {NULL, NULL, NULL, 0, NULL},
};
