/* SPDX-License-Identifier: Apache-2.0 */
/* Known other ways to compute sums, norms, SiLU and rotations (N 2.3, 8, 9, 10). */
#include "golden/build.h"
#include "golden/mistakes.h"
#include "numerics/elementary.h"
#include "numerics/half.h"
#include "numerics/reduce.h"

enum { ASCENDING, UNFUSED, MEAN, GAIN_FIRST, NO_EPS, DIVIDED, HALF_SILU, SIGMOID_FIRST, UP_FIRST };

static float add_up(const float *x, const float *y, size_t n, int variant)
{
    float acc = 0;

    for (size_t i = 0; i < n; i++)
        acc = y == NULL            ? acc + x[i]
              : variant == UNFUSED ? acc + x[i] * y[i]
                                   : fmaf(x[i], y[i], acc);
    return acc;
}

static enum qoq_status wrong_sums(struct qoq_golden_case *c, int variant)
{
    size_t m = qoq_golden_size(c, "m"), n = qoq_golden_size(c, "n");
    const float *x = qoq_golden_in(c, "x"), *y = qoq_golden_in(c, "y");
    float *sum = qoq_golden_out(c, "sum"), *sumsq = qoq_golden_out(c, "sumsq");
    float *sumprod = qoq_golden_out(c, "sumprod");

    for (size_t i = 0; i < m; i++) {
        sum[i] = add_up(x + i * n, NULL, n, variant);
        sumsq[i] = add_up(x + i * n, x + i * n, n, variant);
        sumprod[i] = add_up(x + i * n, y + i * n, n, variant);
    }
    return QOQ_OK;
}

static void wrong_norm_row(float *y, const float *x, const float *gamma, size_t n, float eps,
                           int variant)
{
    float mean = variant == MEAN ? qoq_sum(x, n) / (float)n : 0.0f, v = 0;

    if (variant == MEAN) {
        for (size_t i = 0; i < n; i++)
            v = fmaf(x[i] - mean, x[i] - mean, v);
    } else {
        v = variant == ASCENDING ? add_up(x, x, n, variant) : qoq_sum_squares(x, n);
    }
    float deviation = v / (float)n + (variant == NO_EPS ? 0.0f : eps), s = qoq_rsqrt(deviation);
    for (size_t i = 0; i < n; i++) {
        float d = x[i] - mean;
        y[i] = variant == GAIN_FIRST ? d * (s * gamma[i])
               : variant == DIVIDED  ? d / sqrtf(deviation) * gamma[i]
                                     : d * s * gamma[i];
    }
}

static enum qoq_status wrong_norm(struct qoq_golden_case *c, int variant)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    const float *x = qoq_golden_in(c, "x");
    float *y = qoq_golden_out(c, "y");

    for (size_t i = 0; i < m; i++)
        wrong_norm_row(y + i * k, x + i * k, qoq_golden_in(c, "gamma"), k,
                       (float)qoq_golden_real(c, "eps"), variant);
    return QOQ_OK;
}

static enum qoq_status wrong_silu(struct qoq_golden_case *c, int variant)
{
    size_t count = qoq_golden_size(c, "m") * qoq_golden_size(c, "k");
    const float *gate = qoq_golden_in(c, "gate"), *up = qoq_golden_in(c, "up");
    float *y = qoq_golden_out(c, "y");

    for (size_t i = 0; i < count; i++) {
        float below = 1.0f + qoq_exp(-gate[i]);
        float t = variant == SIGMOID_FIRST ? gate[i] * (1.0f / below) : gate[i] / below;
        if (variant == HALF_SILU)
            t = qoq_half_to_float(qoq_half_from_float(t));
        y[i] = variant == UP_FIRST ? gate[i] * up[i] / below : t * up[i];
    }
    return QOQ_OK;
}

void qoq_golden_wrong_rotation(float *y, const float *x, const float *sine, const float *cosine,
                               size_t d, enum qoq_wrong_rotation way)
{
    for (size_t j = 0; j < d / 2; j++) {
        size_t first = way == QOQ_ROTATION_INTERLEAVED ? 2 * j : j;
        size_t second = way == QOQ_ROTATION_INTERLEAVED ? 2 * j + 1 : j + d / 2;
        float a = x[first], b = x[second], s = way == QOQ_ROTATION_BACKWARDS ? -sine[j] : sine[j],
              c = cosine[j];
        y[first] = way == QOQ_ROTATION_NOT_FUSED      ? c * a - s * b
                   : way == QOQ_ROTATION_OTHER_FUSION ? fmaf(-s, b, c * a)
                                                      : fmaf(c, a, -(s * b));
        y[second] = way == QOQ_ROTATION_NOT_FUSED      ? c * b + s * a
                    : way == QOQ_ROTATION_OTHER_FUSION ? fmaf(s, a, c * b)
                                                       : fmaf(c, b, s * a);
    }
}

static enum qoq_status wrong_rope(struct qoq_golden_case *c, int variant)
{
    size_t tokens = qoq_golden_size(c, "tokens"), heads = qoq_golden_size(c, "heads");
    size_t d = qoq_golden_size(c, "head_dim");
    const float *x = qoq_golden_in(c, "x"), *sine = qoq_golden_in(c, "sine");
    const float *cosine = qoq_golden_in(c, "cosine");
    float *y = qoq_golden_out(c, "y");

    for (size_t i = 0; i < tokens * heads; i++)
        qoq_golden_wrong_rotation(y + i * d, x + i * d, sine + i / heads * (d / 2),
                                  cosine + i / heads * (d / 2), d,
                                  (enum qoq_wrong_rotation)variant);
    return QOQ_OK;
}

const struct qoq_golden_mistake qoq_golden_mistakes_floats[] = {
    {"sums", "sum", wrong_sums, ASCENDING,
     "one ascending sum instead of leaves of 16 and a tree (N 2.3)"},
    {"sums", "sumsq", wrong_sums, ASCENDING,
     "one ascending sum instead of leaves of 16 and a tree (N 2.3)"},
    {"sums", "sumprod", wrong_sums, ASCENDING,
     "one ascending sum instead of leaves of 16 and a tree (N 2.3)"},
    {"sums", "sumsq", wrong_sums, UNFUSED, "one ascending sum of rounded products"},
    {"sums", "sumprod", wrong_sums, UNFUSED, "one ascending sum of rounded products"},
    {"rmsnorm", "y", wrong_norm, MEAN, "the mean is subtracted, as QServe's kernel does (N 22.1)"},
    {"rmsnorm", "y", wrong_norm, GAIN_FIRST,
     "the factor is x * (s * gamma) instead of (x * s) * gamma"},
    {"rmsnorm", "y", wrong_norm, NO_EPS, "eps is not added"},
    {"rmsnorm", "y", wrong_norm, ASCENDING,
     "the sum of squares is ascending instead of leaves and a tree"},
    {"rmsnorm", "y", wrong_norm, DIVIDED,
     "x is divided by the square root instead of multiplied by s"},
    {"silu_mul", "y", wrong_silu, HALF_SILU,
     "SiLU is rounded to binary16 before the product (N 23.1)"},
    {"silu_mul", "y", wrong_silu, SIGMOID_FIRST,
     "the gate is multiplied by 1 / (1 + e) instead of divided"},
    {"silu_mul", "y", wrong_silu, UP_FIRST, "gate and up are multiplied before the division"},
    {"rope_apply", "y", wrong_rope, QOQ_ROTATION_INTERLEAVED,
     "pairs are (2j, 2j + 1) instead of (j, j + D/2)"},
    {"rope_apply", "y", wrong_rope, QOQ_ROTATION_BACKWARDS, "the rotation goes the other way"},
    {"rope_apply", "y", wrong_rope, QOQ_ROTATION_OTHER_FUSION,
     "the other product of each sum is the fused one"},
    {"rope_apply", "y", wrong_rope, QOQ_ROTATION_NOT_FUSED,
     "the products are rounded before they are added: not fused"},
    {NULL, NULL, NULL, 0, NULL},
};
