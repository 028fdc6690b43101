/* SPDX-License-Identifier: Apache-2.0 */
/* Golden operators of N 21 to 23: QServe's activation kernels. */
#include "golden/build.h"
#include "numerics/half.h"
#include "qoq_qserve.h"

#include <math.h>

#define ROW_KINDS "bell mixed zero tiny large outlier ties constant bits"

static const struct qoq_golden_parameter_spec row_parameters[] = {
    {"m", 0, 4, 1, 1 << 20, "tokens", 0},
    {"k", 0, 256, 1, 131072, "channels", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec norm_parameters[] = {
    {"m", 0, 4, 1, 1 << 20, "tokens", 0},
    {"k", 0, 256, 1, 131072, "channels", 0},
    {"eps", 1, 1e-5, 0, 1, "added to the variance, rounded to binary32", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

/* The outputs of both quantizing kernels. */
struct codes {
    int8_t *q;
    qoq_half *scale, *sum;
};

static int add_codes(struct codes *out, struct qoq_golden_case *c, const char *q_rule,
                     const char *scale_rule, const char *sum_rule)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");

    out->q = qoq_golden_result(c, "q", QOQ_I8, "m k", q_rule, QOQ_SHAPE(m, k));
    out->scale = qoq_golden_result(c, "scale", QOQ_F16, "m", scale_rule, QOQ_SHAPE(m));
    out->sum = qoq_golden_result(c, "sum", QOQ_F16, "m", sum_rule, QOQ_SHAPE(m));
    return out->q != NULL && out->scale != NULL && out->sum != NULL;
}

static enum qoq_status make_rows(struct qoq_golden_case *c)
{
    void *x = qoq_golden_draw(c, "x", QOQ_F16, "m k", qoq_golden_recipe(c, -16, 254),
                              QOQ_SHAPE(qoq_golden_size(c, "m"), qoq_golden_size(c, "k")));

    return x != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_quantize(struct qoq_golden_case *c)
{
    struct codes out;

    if (!add_codes(&out, c, "code 1 rate 0.001", "exact", "exact"))
        return QOQ_ERR_MEMORY;
    return qoq_qserve_act_quantize(out.q, out.scale, out.sum, qoq_golden_in(c, "x"),
                                   qoq_golden_size(c, "m"), qoq_golden_size(c, "k"));
}

static enum qoq_status make_norm(struct qoq_golden_case *c)
{
    struct qoq_recipe gains = {QOQ_RECIPE_SCALE, -1, 0};
    size_t k = qoq_golden_size(c, "k");
    void *x = qoq_golden_draw(c, "x", QOQ_F16, "m k", qoq_golden_recipe(c, -15, 254),
                              QOQ_SHAPE(qoq_golden_size(c, "m"), k));
    void *gamma = qoq_golden_draw(c, "gamma", QOQ_F16, "k", gains, QOQ_SHAPE(k));

    return x != NULL && gamma != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

/* 2^-10 times the sum of |y| of one row, everything in binary64 and ascending. */
static float sum_bound(const qoq_half *x, const qoq_half *gamma, size_t k, double eps)
{
    double mean = 0, variance = 0, total = 0;

    for (size_t i = 0; i < k; i++)
        mean += (double)qoq_half_to_float(x[i]);
    mean /= (double)k;
    for (size_t i = 0; i < k; i++) {
        double d = (double)qoq_half_to_float(x[i]) - mean;
        variance += d * d;
    }
    double deviation = sqrt(variance / (double)k + eps);
    for (size_t i = 0; i < k && deviation > 0; i++) {
        double d = (double)qoq_half_to_float(x[i]) - mean;
        total += fabs(d / deviation * (double)qoq_half_to_float(gamma[i]));
    }
    return (float)(total * 0x1p-10);
}

static enum qoq_status run_norm(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    const qoq_half *x = qoq_golden_in(c, "x"), *gamma = qoq_golden_in(c, "gamma");
    float eps = (float)qoq_golden_real(c, "eps");
    float *bound = qoq_golden_bound(c, "sum", QOQ_SHAPE(m));
    struct codes out;

    if (!add_codes(&out, c, "code 1 rate 0.002", "ulp16 1", "abs bound") || bound == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t i = 0; i < m; i++)
        bound[i] = sum_bound(x + i * k, gamma, k, (double)eps);
    return qoq_qserve_norm_quantize(out.q, out.scale, out.sum, x, gamma, m, k, eps);
}

static enum qoq_status run_rmsnorm(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    qoq_half *y = qoq_golden_result(c, "y", QOQ_F16, "m k", "ulp16 2", QOQ_SHAPE(m, k));

    if (y == NULL)
        return QOQ_ERR_MEMORY;
    return qoq_qserve_rmsnorm(y, qoq_golden_in(c, "x"), qoq_golden_in(c, "gamma"), m, k,
                              (float)qoq_golden_real(c, "eps"));
}

static enum qoq_status make_silu(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    struct qoq_recipe recipe = qoq_golden_recipe(c, -14, 40);
    void *gate = qoq_golden_draw(c, "gate", QOQ_F16, "m k", recipe, QOQ_SHAPE(m, k));
    void *up = qoq_golden_draw(c, "up", QOQ_F16, "m k", recipe, QOQ_SHAPE(m, k));

    return gate != NULL && up != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_silu(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    qoq_half *y = qoq_golden_result(c, "y", QOQ_F16, "m k", "ulp16 2", QOQ_SHAPE(m, k));

    if (y == NULL)
        return QOQ_ERR_MEMORY;
    return qoq_qserve_silu_mul(y, qoq_golden_in(c, "gate"), qoq_golden_in(c, "up"), m * k);
}

const struct qoq_golden_operator qoq_golden_qserve_rows[] = {
    {"qserve_act_quantize", "qserve", "21.1 21.2", "per-token quantization with input sum",
     ROW_KINDS, row_parameters, make_rows, run_quantize},
    {"qserve_norm_quantize", "qserve", "22.1 22.2", "mean-subtracting norm and quantization",
     ROW_KINDS, norm_parameters, make_norm, run_norm},
    {"qserve_rmsnorm", "qserve", "22.3", "final RMSNorm", ROW_KINDS, norm_parameters, make_norm,
     run_rmsnorm},
    {"qserve_silu_mul", "qserve", "23.1", "SiLU of the gate times up", ROW_KINDS, row_parameters,
     make_silu, run_silu},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
