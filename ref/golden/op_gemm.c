/* SPDX-License-Identifier: Apache-2.0 */
/* Golden operators of N 6: integer products with their epilogue, ordered binary32 products. */
#include "golden/weight_inputs.h"
#include "numerics/half.h"

#include <stdlib.h>

static const struct qoq_golden_parameter_spec plain_parameters[] = {
    {"m", 0, 4, 1, 1 << 20, "tokens", 0},
    {"n", 0, 64, 1, 1 << 20, "output channels", 0},
    {"k", 0, 256, 1, 131072, "input channels", 0},
    {"bias", 0, 0, 0, 1, "1: add a bias", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec group_parameters[] = {
    {"m", 0, 4, 1, 1 << 20, "tokens", 0},
    {"n", 0, 64, 1, 1 << 20, "output channels", 0},
    {"k", 0, 256, 1, 131072, "input channels", 0},
    {"group", 0, 128, 32, 131072, "input channels in a group, a multiple of 32", 32},
    {"bias", 0, 0, 0, 1, "1: add a bias", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec half_parameters[] = {
    {"m", 0, 4, 1, 1 << 20, "tokens", 0},
    {"n", 0, 64, 1, 1 << 20, "output channels", 0},
    {"k", 0, 256, 1, 131072, "input channels", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

/* ---- Activations ---- */

static enum qoq_status quantize_bell(struct qoq_act *act, struct qoq_golden_case *c)
{
    struct qoq_recipe recipe = {QOQ_RECIPE_BELL, -16, 0};
    qoq_half *x = qoq_golden_draw_hidden(c, QOQ_F16, recipe, act->m, act->k);

    if (x == NULL)
        return QOQ_ERR_MEMORY;
    enum qoq_status status = qoq_act_quantize(act, x);
    free(x);
    return status;
}

/* Uniform codes; of four rows one is all 127 and one all -127. */
static void limit_codes(struct qoq_act *act, uint64_t seed)
{
    for (size_t m = 0; m < act->m; m++) {
        act->sum[m] = 0;
        for (size_t k = 0; k < act->k; k++) {
            int64_t any = qoq_gen_int(qoq_gen(seed, m * act->k + k), -127, 127);
            int64_t q = m % 4 == 0 ? 127 : m % 4 == 1 ? -127 : any;
            act->q[m * act->k + k] = (int8_t)q;
            act->sum[m] += (int32_t)q;
        }
    }
}

static enum qoq_status add_activations(struct qoq_golden_case *c)
{
    int rounded = qoq_golden_kind_is(c, "quantized");
    const char *from =
        rounded ? "bell -16 by N 3.1" : "uniform -127 127; rows 0 and 1 of four hold 127 and -127";
    int exponent = qoq_golden_kind_is(c, "overflow")    ? -1
                   : qoq_golden_kind_is(c, "subnormal") ? 8
                                                        : 6;
    struct qoq_recipe scales = {QOQ_RECIPE_SCALE, exponent, 0};
    struct qoq_act act = {qoq_golden_size(c, "m"), qoq_golden_size(c, "k"), NULL, NULL, NULL};

    act.q = qoq_golden_derive(c, "q", QOQ_I8, "m k", from, QOQ_SHAPE(act.m, act.k));
    act.scale = rounded ? qoq_golden_derive(c, "scale", QOQ_F32, "m", from, QOQ_SHAPE(act.m))
                        : qoq_golden_draw(c, "scale", QOQ_F32, "m", scales, QOQ_SHAPE(act.m));
    act.sum = qoq_golden_derive(c, "sum", QOQ_I32, "m", "sum of q", QOQ_SHAPE(act.m));
    if (act.q == NULL || act.scale == NULL || act.sum == NULL)
        return QOQ_ERR_MEMORY;
    if (rounded)
        return quantize_bell(&act, c);
    limit_codes(&act, qoq_gen((uint64_t)c->seed, (uint64_t)c->streams++));
    return QOQ_OK;
}

static enum qoq_status add_bias(struct qoq_golden_case *c)
{
    struct qoq_recipe recipe = {QOQ_RECIPE_BELL, -16, 0};

    if (qoq_golden_size(c, "bias") == 0)
        return QOQ_OK;
    return qoq_golden_draw(c, "bias", QOQ_F32, "n", recipe, QOQ_SHAPE(qoq_golden_size(c, "n")))
               ? QOQ_OK
               : QOQ_ERR_MEMORY;
}

/*
 * A bias that takes back the product of one row, m = n mod M, up to its roundings: what is left of
 * that row in channel n is those roundings, so that any other epilogue than that of N 6.3 shows.
 */
static enum qoq_status add_cancelling_bias(struct qoq_golden_case *c, const struct qoq_weight *w)
{
    struct qoq_act x = {qoq_golden_size(c, "m"), w->k, qoq_golden_in(c, "q"),
                        qoq_golden_in(c, "scale"), qoq_golden_in(c, "sum")};
    float *bias = qoq_golden_derive(c, "bias", QOQ_F32, "n", "-c * acc' (N 6.3) of row n mod m",
                                    QOQ_SHAPE(w->n));
    int32_t *acc = malloc(x.m * w->n * sizeof *acc);
    enum qoq_status status = QOQ_ERR_MEMORY;

    if (bias != NULL && acc != NULL)
        status = qoq_gemm_accumulate(acc, &x, w);
    for (size_t n = 0; status == QOQ_OK && n < w->n; n++) {
        size_t m = n % x.m;
        int64_t z = w->scheme == QOQ_W4_CHANNEL ? w->z[n] : 0;
        float factor = qoq_half_to_float(w->s[n]) * x.scale[m];

        bias[n] = -(factor * (float)(acc[m * w->n + n] - z * x.sum[m]));
    }
    free(acc);
    return status;
}

/* ---- Integer products ---- */

static enum qoq_status make_product(struct qoq_golden_case *c, enum qoq_scheme scheme)
{
    struct qoq_weight w;
    enum qoq_status status = add_activations(c);

    if (status == QOQ_OK)
        status = qoq_golden_add_weight(&w, c, scheme);
    if (status != QOQ_OK)
        return status;
    return qoq_golden_kind_is(c, "cancel") && qoq_golden_size(c, "bias") != 0
               ? add_cancelling_bias(c, &w)
               : add_bias(c);
}

/* Sums that are not those of the codes would let a file overflow N 6.2. */
static enum qoq_status check_sums(const struct qoq_act *x)
{
    for (size_t m = 0; m < x->m; m++) {
        int32_t sum = 0;
        for (size_t k = 0; k < x->k; k++)
            sum += x->q[m * x->k + k];
        if (sum != x->sum[m])
            return QOQ_ERR_RANGE;
    }
    return QOQ_OK;
}

static enum qoq_status run_product(struct qoq_golden_case *c, enum qoq_scheme scheme)
{
    struct qoq_act x = {qoq_golden_size(c, "m"), qoq_golden_size(c, "k"), qoq_golden_in(c, "q"),
                        qoq_golden_in(c, "scale"), qoq_golden_in(c, "sum")};
    struct qoq_weight w;

    qoq_golden_find_weight(&w, c, scheme);
    int32_t *acc = qoq_golden_result(c, "acc", QOQ_I32, "m n", "exact", QOQ_SHAPE(x.m, w.n));
    qoq_half *y = qoq_golden_result(c, "y", QOQ_F16, "m n", "exact", QOQ_SHAPE(x.m, w.n));
    if (acc == NULL || y == NULL)
        return QOQ_ERR_MEMORY;
    enum qoq_status status = qoq_weight_check(&w);
    if (status == QOQ_OK)
        status = check_sums(&x);
    if (status == QOQ_OK)
        status = qoq_gemm_accumulate(acc, &x, &w);
    return status == QOQ_OK ? qoq_gemm(y, &x, &w, qoq_golden_in(c, "bias")) : status;
}

static enum qoq_status make_w8(struct qoq_golden_case *c)
{
    return make_product(c, QOQ_W8);
}

static enum qoq_status make_channel(struct qoq_golden_case *c)
{
    return make_product(c, QOQ_W4_CHANNEL);
}

static enum qoq_status make_group(struct qoq_golden_case *c)
{
    return make_product(c, QOQ_W4_GROUP);
}

static enum qoq_status run_w8(struct qoq_golden_case *c)
{
    return run_product(c, QOQ_W8);
}

static enum qoq_status run_channel(struct qoq_golden_case *c)
{
    return run_product(c, QOQ_W4_CHANNEL);
}

static enum qoq_status run_group(struct qoq_golden_case *c)
{
    return run_product(c, QOQ_W4_GROUP);
}

/* ---- Ordered binary32 products ---- */

static enum qoq_status make_ordered(struct qoq_golden_case *c, enum qoq_dtype weights)
{
    size_t m = qoq_golden_size(c, "m"), n = qoq_golden_size(c, "n"), k = qoq_golden_size(c, "k");
    struct qoq_recipe recipe = qoq_golden_recipe(c, -16, 254);
    void *x = qoq_golden_draw(c, "x", QOQ_F32, "m k", recipe, QOQ_SHAPE(m, k));
    void *w = qoq_golden_draw(c, "w", weights, "n k", recipe, QOQ_SHAPE(n, k));

    return x != NULL && w != NULL ? add_bias(c) : QOQ_ERR_MEMORY;
}

static enum qoq_status make_f32(struct qoq_golden_case *c)
{
    return make_ordered(c, QOQ_F32);
}

static enum qoq_status make_f16(struct qoq_golden_case *c)
{
    return make_ordered(c, QOQ_F16);
}

static enum qoq_status run_ordered(struct qoq_golden_case *c, enum qoq_dtype weights)
{
    size_t m = qoq_golden_size(c, "m"), n = qoq_golden_size(c, "n"), k = qoq_golden_size(c, "k");
    float *y = qoq_golden_result(c, "y", QOQ_F32, "m n", "exact", QOQ_SHAPE(m, n));
    const void *x = qoq_golden_in(c, "x"), *w = qoq_golden_in(c, "w");

    if (y == NULL)
        return QOQ_ERR_MEMORY;
    return weights == QOQ_F32 ? qoq_gemm_f32(y, x, w, qoq_golden_in(c, "bias"), m, n, k)
                              : qoq_gemm_f16(y, x, w, m, n, k);
}

static enum qoq_status run_f32(struct qoq_golden_case *c)
{
    return run_ordered(c, QOQ_F32);
}

static enum qoq_status run_f16(struct qoq_golden_case *c)
{
    return run_ordered(c, QOQ_F16);
}

const struct qoq_golden_operator qoq_golden_gemm[] = {
    {"gemm_w8a8", "qoq", "6.1 6.2 6.3", "INT8 activations times INT8 weights",
     QOQ_WEIGHT_KINDS " cancel", plain_parameters, make_w8, run_w8},
    {"gemm_w4a8_channel", "qoq", "6.1 6.2 6.3", "INT8 activations times per-channel UINT4 weights",
     QOQ_WEIGHT_KINDS " cancel", plain_parameters, make_channel, run_channel},
    {"gemm_w4a8_group", "qoq", "6.1 6.2 6.3", "INT8 activations times per-group UINT4 weights",
     QOQ_WEIGHT_KINDS " cancel", group_parameters, make_group, run_group},
    {"gemm_f32", "qoq", "6.4", "binary32 product, k ascending with fma", "bell mixed cancel",
     plain_parameters, make_f32, run_f32},
    {"gemm_f16", "qoq", "6.4", "the same with binary16 weights", "bell mixed cancel",
     half_parameters, make_f16, run_f16},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
