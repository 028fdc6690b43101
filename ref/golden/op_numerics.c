/* SPDX-License-Identifier: Apache-2.0 */
/* Golden operators of N 2: conversions, elementary functions, fixed-order sums. */
#include "golden/build.h"
#include "numerics/elementary.h"
#include "numerics/half.h"
#include "numerics/reduce.h"

static const struct qoq_golden_parameter_spec vector_parameters[] = {
    {"n", 0, 1024, 1, 1 << 24, "elements", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec sum_parameters[] = {
    {"m", 0, 8, 1, 1 << 20, "rows", 0},
    {"n", 0, 100, 1, 1 << 20, "elements to add in each row", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static enum qoq_status make_floats(struct qoq_golden_case *c)
{
    void *x = qoq_golden_draw(c, "x", QOQ_F32, "n", qoq_golden_recipe(c, -11, 254),
                              QOQ_SHAPE(qoq_golden_size(c, "n")));

    return x != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status make_halves(struct qoq_golden_case *c)
{
    void *x = qoq_golden_draw(c, "x", QOQ_F16, "n", qoq_golden_recipe(c, -16, 254),
                              QOQ_SHAPE(qoq_golden_size(c, "n")));

    return x != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status make_angles(struct qoq_golden_case *c)
{
    struct qoq_recipe angle = {QOQ_RECIPE_ANGLE, 0, 0};
    void *x = qoq_golden_draw(c, "x", QOQ_F64, "n", angle, QOQ_SHAPE(qoq_golden_size(c, "n")));

    return x != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_half_from_float(struct qoq_golden_case *c)
{
    size_t n = qoq_golden_size(c, "n");
    const float *x = qoq_golden_in(c, "x");
    qoq_half *y = qoq_golden_result(c, "y", QOQ_F16, "n", "exact", QOQ_SHAPE(n));

    if (y == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t i = 0; i < n; i++)
        y[i] = qoq_half_from_float(x[i]);
    return QOQ_OK;
}

static enum qoq_status run_half_to_float(struct qoq_golden_case *c)
{
    size_t n = qoq_golden_size(c, "n");
    const qoq_half *x = qoq_golden_in(c, "x");
    float *y = qoq_golden_result(c, "y", QOQ_F32, "n", "exact", QOQ_SHAPE(n));

    if (y == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t i = 0; i < n; i++)
        y[i] = qoq_half_to_float(x[i]);
    return QOQ_OK;
}

static enum qoq_status run_unary(struct qoq_golden_case *c, float (*function)(float))
{
    size_t n = qoq_golden_size(c, "n");
    const float *x = qoq_golden_in(c, "x");
    float *y = qoq_golden_result(c, "y", QOQ_F32, "n", "exact", QOQ_SHAPE(n));

    if (y == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t i = 0; i < n; i++)
        y[i] = function(x[i]);
    return QOQ_OK;
}

static enum qoq_status run_exp(struct qoq_golden_case *c)
{
    return run_unary(c, qoq_exp);
}

static enum qoq_status run_exp2(struct qoq_golden_case *c)
{
    return run_unary(c, qoq_exp2);
}

static enum qoq_status run_rsqrt(struct qoq_golden_case *c)
{
    return run_unary(c, qoq_rsqrt);
}

static enum qoq_status run_sincos(struct qoq_golden_case *c)
{
    size_t n = qoq_golden_size(c, "n");
    const double *x = qoq_golden_in(c, "x");
    float *sine = qoq_golden_result(c, "sine", QOQ_F32, "n", "exact", QOQ_SHAPE(n));
    float *cosine = qoq_golden_result(c, "cosine", QOQ_F32, "n", "exact", QOQ_SHAPE(n));

    if (sine == NULL || cosine == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t i = 0; i < n; i++)
        qoq_sincos(&sine[i], &cosine[i], x[i]);
    return QOQ_OK;
}

static enum qoq_status make_sums(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), n = qoq_golden_size(c, "n");
    struct qoq_recipe recipe = qoq_golden_recipe(c, -16, 254);
    void *x = qoq_golden_draw(c, "x", QOQ_F32, "m n", recipe, QOQ_SHAPE(m, n));
    void *y = qoq_golden_draw(c, "y", QOQ_F32, "m n", recipe, QOQ_SHAPE(m, n));

    return x != NULL && y != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_sums(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), n = qoq_golden_size(c, "n");
    const float *x = qoq_golden_in(c, "x"), *y = qoq_golden_in(c, "y");
    float *sum = qoq_golden_result(c, "sum", QOQ_F32, "m", "exact", QOQ_SHAPE(m));
    float *sumsq = qoq_golden_result(c, "sumsq", QOQ_F32, "m", "exact", QOQ_SHAPE(m));
    float *sumprod = qoq_golden_result(c, "sumprod", QOQ_F32, "m", "exact", QOQ_SHAPE(m));

    if (sum == NULL || sumsq == NULL || sumprod == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t i = 0; i < m; i++) {
        sum[i] = qoq_sum(x + i * n, n);
        sumsq[i] = qoq_sum_squares(x + i * n, n);
        sumprod[i] = qoq_sum_products(x + i * n, y + i * n, n);
    }
    return QOQ_OK;
}

const struct qoq_golden_operator qoq_golden_numerics[] = {
    {"half_from_float", "qoq", "2.1", "binary32 to binary16, nearest even",
     "near16 bell bits bits32 inf nan", vector_parameters, make_floats, run_half_from_float},
    {"half_to_float", "qoq", "2.1", "binary16 to binary32, exact", "bits bell", vector_parameters,
     make_halves, run_half_to_float},
    {"exp", "qoq", "2.4", "exp in binary32", "bell bits bits32 near16 inf nan", vector_parameters,
     make_floats, run_exp},
    {"exp2", "qoq", "2.4", "2^x in binary32", "bell bits bits32 near16 ties inf nan",
     vector_parameters, make_floats, run_exp2},
    {"rsqrt", "qoq", "2.5", "1 / sqrt(x), two roundings", "bits32 bell bits inf nan",
     vector_parameters, make_floats, run_rsqrt},
    {"sincos", "qoq", "2.6", "sine and cosine of a binary64 angle, rounded to binary32", "angle",
     vector_parameters, make_angles, run_sincos},
    {"sums", "qoq", "2.3", "sum, sum of squares and sum of products over leaves and a tree",
     "bell cancel mixed", sum_parameters, make_sums, run_sums},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
