/* SPDX-License-Identifier: Apache-2.0 */
/* Golden operators of N 24: QServe's products, binary16 scales and sums. */
#include "golden/weight_inputs.h"
#include "qoq_qserve.h"

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

/* Codes, scales and input sums of bell rows as N 21 gives them; "limits" and the like: any codes,
 * scales and sums. */
static enum qoq_status add_activations(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    int rounded = qoq_golden_kind_is(c, "quantized");
    int exponent = qoq_golden_kind_is(c, "overflow")    ? -1
                   : qoq_golden_kind_is(c, "subnormal") ? 8
                                                        : 6;
    struct qoq_recipe codes = {QOQ_RECIPE_UNIFORM, -127, 127}, bell = {QOQ_RECIPE_BELL, -16, 0};
    struct qoq_recipe scales = {QOQ_RECIPE_SCALE, exponent, 0}, sums = {QOQ_RECIPE_BELL, -10, 0};

    if (!rounded)
        return qoq_golden_draw(c, "q", QOQ_I8, "m k", codes, QOQ_SHAPE(m, k)) != NULL &&
                       qoq_golden_draw(c, "scale", QOQ_F16, "m", scales, QOQ_SHAPE(m)) != NULL &&
                       qoq_golden_draw(c, "sum", QOQ_F16, "m", sums, QOQ_SHAPE(m)) != NULL
                   ? QOQ_OK
                   : QOQ_ERR_MEMORY;
    int8_t *q = qoq_golden_derive(c, "q", QOQ_I8, "m k", "bell -16 by N 21", QOQ_SHAPE(m, k));
    qoq_half *scale = qoq_golden_derive(c, "scale", QOQ_F16, "m", "bell -16 by N 21", QOQ_SHAPE(m));
    qoq_half *sum = qoq_golden_derive(c, "sum", QOQ_F16, "m", "bell -16 by N 21", QOQ_SHAPE(m));
    qoq_half *x = qoq_golden_draw_hidden(c, QOQ_F16, bell, m, k);
    enum qoq_status status = QOQ_ERR_MEMORY;
    if (q != NULL && scale != NULL && sum != NULL && x != NULL)
        status = qoq_qserve_act_quantize(q, scale, sum, x, m, k);
    free(x);
    return status;
}

static enum qoq_status make_product(struct qoq_golden_case *c, enum qoq_scheme scheme)
{
    struct qoq_recipe bell = {QOQ_RECIPE_BELL, -16, 0};
    struct qoq_weight w;
    enum qoq_status status = add_activations(c);

    if (status == QOQ_OK)
        status = qoq_golden_add_weight(&w, c, scheme);
    if (status != QOQ_OK || qoq_golden_size(c, "bias") == 0)
        return status;
    return qoq_golden_draw(c, "bias", QOQ_F16, "n", bell, QOQ_SHAPE(w.n)) ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_product(struct qoq_golden_case *c, enum qoq_scheme scheme)
{
    struct qoq_weight w;
    size_t m = qoq_golden_size(c, "m");

    qoq_golden_find_weight(&w, c, scheme);
    qoq_half *y = qoq_golden_result(c, "y", QOQ_F16, "m n", "exact", QOQ_SHAPE(m, w.n));
    enum qoq_status status = y != NULL ? qoq_weight_check(&w) : QOQ_ERR_MEMORY;
    if (status != QOQ_OK)
        return status;
    return qoq_qserve_gemm(y, qoq_golden_in(c, "q"), qoq_golden_in(c, "scale"),
                           scheme == QOQ_W4_CHANNEL ? qoq_golden_in(c, "sum") : NULL, &w,
                           qoq_golden_in(c, "bias"), m);
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

const struct qoq_golden_operator qoq_golden_qserve_products[] = {
    {"qserve_gemm_w8a8", "qserve", "24.1 24.2 24.4", "W8A8 product", QOQ_WEIGHT_KINDS,
     plain_parameters, make_w8, run_w8},
    {"qserve_gemm_w4a8_channel", "qserve", "24.1 24.3 24.4", "W4A8 product, per-channel weights",
     QOQ_WEIGHT_KINDS, plain_parameters, make_channel, run_channel},
    {"qserve_gemm_w4a8_group", "qserve", "24.1 24.2 24.4", "W4A8 product, per-group weights",
     QOQ_WEIGHT_KINDS, group_parameters, make_group, run_group},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
