/* SPDX-License-Identifier: Apache-2.0 */
/* Golden operators of N 3, 9 and 10: activations, normalization, residual, SiLU. */
#include "golden/build.h"

#define ROW_KINDS "bell mixed zero tiny large outlier ties sevenths constant bits inf nan"

static const struct qoq_golden_parameter_spec row_parameters[] = {
    {"m", 0, 4, 1, 1 << 20, "tokens", 0},
    {"k", 0, 256, 1, 131072, "channels", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

const struct qoq_golden_parameter_spec qoq_golden_norm_parameters[] = {
    {"m", 0, 4, 1, 1 << 20, "tokens", 0},
    {"k", 0, 256, 1, 131072, "channels", 0},
    {"eps", 1, 1e-5, 0, 1, "added to the mean square, rounded to binary32", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

/* The outputs q, scale, sum of N 3.1 as a struct qoq_act; 0 where memory is short. */
static int add_act(struct qoq_act *act, struct qoq_golden_case *c)
{
    act->m = qoq_golden_size(c, "m");
    act->k = qoq_golden_size(c, "k");
    act->q = qoq_golden_result(c, "q", QOQ_I8, "m k", "exact", QOQ_SHAPE(act->m, act->k));
    act->scale = qoq_golden_result(c, "scale", QOQ_F32, "m", "exact", QOQ_SHAPE(act->m));
    act->sum = qoq_golden_result(c, "sum", QOQ_I32, "m", "exact", QOQ_SHAPE(act->m));
    return act->q != NULL && act->scale != NULL && act->sum != NULL;
}

static enum qoq_status make_rows(struct qoq_golden_case *c)
{
    void *x = qoq_golden_draw(c, "x", QOQ_F16, "m k", qoq_golden_recipe(c, -16, 254),
                              QOQ_SHAPE(qoq_golden_size(c, "m"), qoq_golden_size(c, "k")));

    return x != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_quantize(struct qoq_golden_case *c)
{
    struct qoq_act act;

    if (!add_act(&act, c))
        return QOQ_ERR_MEMORY;
    return qoq_act_quantize(&act, qoq_golden_in(c, "x"));
}

static enum qoq_status make_codes(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    struct qoq_recipe codes = {QOQ_RECIPE_UNIFORM, -127, 127}, scales = {QOQ_RECIPE_SCALE, 6, 0};
    void *q = qoq_golden_draw(c, "q", QOQ_I8, "m k", codes, QOQ_SHAPE(m, k));
    void *scale = qoq_golden_draw(c, "scale", QOQ_F32, "m", scales, QOQ_SHAPE(m));

    return q != NULL && scale != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_dequantize(struct qoq_golden_case *c)
{
    struct qoq_act act = {qoq_golden_size(c, "m"), qoq_golden_size(c, "k"), qoq_golden_in(c, "q"),
                          qoq_golden_in(c, "scale"), NULL};
    float *x = qoq_golden_result(c, "x", QOQ_F32, "m k", "exact", QOQ_SHAPE(act.m, act.k));
    int32_t *sum = qoq_golden_result(c, "sum", QOQ_I32, "m", "exact", QOQ_SHAPE(act.m));

    if (x == NULL || sum == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t m = 0; m < act.m; m++) {
        for (size_t k = 0; k < act.k; k++)
            sum[m] += act.q[m * act.k + k];
    }
    act.sum = sum;
    return qoq_act_dequantize(x, &act);
}

static enum qoq_status make_norm(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    struct qoq_recipe gains = {QOQ_RECIPE_SCALE, -1, 0};
    void *x =
        qoq_golden_draw(c, "x", QOQ_F32, "m k", qoq_golden_recipe(c, -15, 254), QOQ_SHAPE(m, k));
    void *gamma = qoq_golden_draw(c, "gamma", QOQ_F32, "k", gains, QOQ_SHAPE(k));

    return x != NULL && gamma != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_rmsnorm(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    float *y = qoq_golden_result(c, "y", QOQ_F32, "m k", "exact", QOQ_SHAPE(m, k));

    if (y == NULL)
        return QOQ_ERR_MEMORY;
    return qoq_rmsnorm(y, qoq_golden_in(c, "x"), qoq_golden_in(c, "gamma"), m, k,
                       (float)qoq_golden_real(c, "eps"));
}

static enum qoq_status run_rmsnorm_quantize(struct qoq_golden_case *c)
{
    struct qoq_act act;

    if (!add_act(&act, c))
        return QOQ_ERR_MEMORY;
    return qoq_rmsnorm_quantize(&act, qoq_golden_in(c, "x"), qoq_golden_in(c, "gamma"),
                                (float)qoq_golden_real(c, "eps"));
}

static enum qoq_status make_residual(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    void *r =
        qoq_golden_draw(c, "r", QOQ_F32, "m k", qoq_golden_recipe(c, -14, 254), QOQ_SHAPE(m, k));
    void *o =
        qoq_golden_draw(c, "o", QOQ_F16, "m k", qoq_golden_recipe(c, -16, 254), QOQ_SHAPE(m, k));

    return r != NULL && o != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_residual(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    const float *r = qoq_golden_in(c, "r");
    float *y = qoq_golden_result(c, "y", QOQ_F32, "m k", "exact", QOQ_SHAPE(m, k));

    if (y == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t i = 0; i < m * k; i++)
        y[i] = r[i];
    return qoq_residual_add(y, qoq_golden_in(c, "o"), m * k);
}

static enum qoq_status make_gated(struct qoq_golden_case *c, enum qoq_dtype dtype)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    struct qoq_recipe recipe = qoq_golden_recipe(c, -14, 40);
    void *gate = qoq_golden_draw(c, "gate", dtype, "m k", recipe, QOQ_SHAPE(m, k));
    void *up = qoq_golden_draw(c, "up", dtype, "m k", recipe, QOQ_SHAPE(m, k));

    return gate != NULL && up != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status make_silu(struct qoq_golden_case *c)
{
    return make_gated(c, QOQ_F32);
}

static enum qoq_status make_silu_quantize(struct qoq_golden_case *c)
{
    return make_gated(c, QOQ_F16);
}

static enum qoq_status run_silu(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    float *y = qoq_golden_result(c, "y", QOQ_F32, "m k", "exact", QOQ_SHAPE(m, k));

    if (y == NULL)
        return QOQ_ERR_MEMORY;
    return qoq_silu_mul(y, qoq_golden_in(c, "gate"), qoq_golden_in(c, "up"), m * k);
}

static enum qoq_status run_silu_quantize(struct qoq_golden_case *c)
{
    struct qoq_act act;

    if (!add_act(&act, c))
        return QOQ_ERR_MEMORY;
    return qoq_silu_mul_quantize(&act, qoq_golden_in(c, "gate"), qoq_golden_in(c, "up"));
}

const struct qoq_golden_operator qoq_golden_activation[] = {
    {"act_quantize", "qoq", "3.1 3.2", "per-token INT8 quantization", ROW_KINDS, row_parameters,
     make_rows, run_quantize},
    {"act_dequantize", "qoq", "3.3", "scale times code, and the sum of the codes", "bell",
     row_parameters, make_codes, run_dequantize},
    {"rmsnorm", "qoq", "9.1", "RMSNorm in binary32", ROW_KINDS, qoq_golden_norm_parameters,
     make_norm, run_rmsnorm},
    {"rmsnorm_quantize", "qoq", "9.2 3.1", "RMSNorm fused with quantization", ROW_KINDS,
     qoq_golden_norm_parameters, make_norm, run_rmsnorm_quantize},
    {"residual_add", "qoq", "9.3", "residual stream plus a binary16 output", ROW_KINDS,
     row_parameters, make_residual, run_residual},
    {"silu_mul", "qoq", "10.1", "SiLU of the gate times up, binary32", ROW_KINDS, row_parameters,
     make_silu, run_silu},
    {"silu_mul_quantize", "qoq", "10.2 3.1", "SiLU times up, fused with quantization", ROW_KINDS,
     row_parameters, make_silu_quantize, run_silu_quantize},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
