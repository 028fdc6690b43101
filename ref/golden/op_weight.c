/* SPDX-License-Identifier: Apache-2.0 */
/* Golden operators of N 4: quantizing weights and what the codes mean. */
#include "golden/weight_inputs.h"

#define REAL_KINDS "bell mixed zero tiny large outlier ties sevenths constant offset bits"

static const struct qoq_golden_parameter_spec plain_parameters[] = {
    {"n", 0, 16, 1, 1 << 20, "output channels", 0},
    {"k", 0, 256, 1, 131072, "input channels", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec group_parameters[] = {
    {"n", 0, 16, 1, 1 << 20, "output channels", 0},
    {"k", 0, 256, 1, 131072, "input channels", 0},
    {"group", 0, 128, 32, 131072, "input channels in a group, a multiple of 32", 32},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

/* The row of `ties` has scale 1: its limits, doubled, are those of the codes of each scheme. */
static enum qoq_status make_real(struct qoq_golden_case *c, int ties)
{
    void *w = qoq_golden_draw(c, "w", QOQ_F32, "n k", qoq_golden_recipe(c, -20, ties),
                              QOQ_SHAPE(qoq_golden_size(c, "n"), qoq_golden_size(c, "k")));

    return w != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status make_real_w8(struct qoq_golden_case *c)
{
    return make_real(c, 254);
}

static enum qoq_status make_real_channel(struct qoq_golden_case *c)
{
    return make_real(c, 15);
}

static enum qoq_status make_real_group(struct qoq_golden_case *c)
{
    return make_real(c, 238);
}

static enum qoq_status run_quantize(struct qoq_golden_case *c, enum qoq_scheme scheme)
{
    struct qoq_weight w = {scheme,
                           qoq_golden_size(c, "n"),
                           qoq_golden_size(c, "k"),
                           qoq_golden_size(c, "group"),
                           NULL,
                           NULL,
                           NULL,
                           NULL};
    size_t groups = qoq_weight_groups(&w);

    w.s = qoq_golden_result(c, "s", QOQ_F16, "n", "exact", QOQ_SHAPE(w.n));
    if (scheme == QOQ_W8)
        w.code = qoq_golden_result(c, "code", QOQ_I8, "n k", "exact", QOQ_SHAPE(w.n, w.k));
    else
        w.code = qoq_golden_result_packed(c, "code", QOQ_LAYOUT_NIBBLES, (size_t[]){w.n, w.k},
                                          "exact", QOQ_SHAPE(w.n, (w.k + 1) / 2));
    if (scheme == QOQ_W4_CHANNEL)
        w.z = qoq_golden_result(c, "z", QOQ_U8, "n", "exact", QOQ_SHAPE(w.n));
    if (scheme == QOQ_W4_GROUP) {
        w.s2 = qoq_golden_result(c, "s2", QOQ_U8, "n group", "exact", QOQ_SHAPE(w.n, groups));
        w.z = qoq_golden_result(c, "z", QOQ_U8, "n group", "exact", QOQ_SHAPE(w.n, groups));
    }
    if (w.s == NULL || w.code == NULL || (scheme != QOQ_W8 && w.z == NULL) ||
        (scheme == QOQ_W4_GROUP && w.s2 == NULL))
        return QOQ_ERR_MEMORY;
    return qoq_weight_quantize(&w, qoq_golden_in(c, "w"));
}

static enum qoq_status run_quantize_w8(struct qoq_golden_case *c)
{
    return run_quantize(c, QOQ_W8);
}

static enum qoq_status run_quantize_channel(struct qoq_golden_case *c)
{
    return run_quantize(c, QOQ_W4_CHANNEL);
}

static enum qoq_status run_quantize_group(struct qoq_golden_case *c)
{
    return run_quantize(c, QOQ_W4_GROUP);
}

static enum qoq_status make_w8(struct qoq_golden_case *c)
{
    struct qoq_weight w;

    return qoq_golden_add_weight(&w, c, QOQ_W8);
}

static enum qoq_status make_channel(struct qoq_golden_case *c)
{
    struct qoq_weight w;

    return qoq_golden_add_weight(&w, c, QOQ_W4_CHANNEL);
}

static enum qoq_status make_group(struct qoq_golden_case *c)
{
    struct qoq_weight w;

    return qoq_golden_add_weight(&w, c, QOQ_W4_GROUP);
}

/* The operand of the product, and the real values. */
static enum qoq_status run_dequantize(struct qoq_golden_case *c, enum qoq_scheme scheme)
{
    struct qoq_weight w;

    qoq_golden_find_weight(&w, c, scheme);
    int8_t *b = qoq_golden_result(c, "operand", QOQ_I8, "n k", "exact", QOQ_SHAPE(w.n, w.k));
    float *x = qoq_golden_result(c, "x", QOQ_F32, "n k", "exact", QOQ_SHAPE(w.n, w.k));
    if (b == NULL || x == NULL)
        return QOQ_ERR_MEMORY;
    enum qoq_status status = qoq_weight_operand(b, &w);
    return status == QOQ_OK ? qoq_weight_dequantize(x, &w) : status;
}

static enum qoq_status run_dequantize_w8(struct qoq_golden_case *c)
{
    return run_dequantize(c, QOQ_W8);
}

static enum qoq_status run_dequantize_channel(struct qoq_golden_case *c)
{
    return run_dequantize(c, QOQ_W4_CHANNEL);
}

static enum qoq_status run_dequantize_group(struct qoq_golden_case *c)
{
    return run_dequantize(c, QOQ_W4_GROUP);
}

const struct qoq_golden_operator qoq_golden_weight[] = {
    {"weight_quantize_w8", "qoq", "4.5 5.1", "INT8 weights, symmetric per channel", REAL_KINDS,
     plain_parameters, make_real_w8, run_quantize_w8},
    {"weight_quantize_w4_channel", "qoq", "4.1 5.1", "UINT4 weights, asymmetric per channel",
     REAL_KINDS, plain_parameters, make_real_channel, run_quantize_channel},
    {"weight_quantize_w4_group", "qoq", "4.2 4.3 5.1", "UINT4 weights, progressive per group",
     REAL_KINDS, group_parameters, make_real_group, run_quantize_group},
    {"weight_dequantize_w8", "qoq", "4.4 4.6 6.1", "operand and values of INT8 weights",
     QOQ_WEIGHT_KINDS, plain_parameters, make_w8, run_dequantize_w8},
    {"weight_dequantize_w4_channel", "qoq", "4.4 4.6 5.2 5.4 6.1",
     "operand and values of per-channel weights", QOQ_WEIGHT_KINDS, plain_parameters, make_channel,
     run_dequantize_channel},
    {"weight_dequantize_w4_group", "qoq", "4.4 4.6 5.2 5.3 6.1",
     "operand and values of per-group weights", QOQ_WEIGHT_KINDS, group_parameters, make_group,
     run_dequantize_group},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
