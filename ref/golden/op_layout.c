/* SPDX-License-Identifier: Apache-2.0 */
/* Golden operators of N 5: tiled codes, tiled group parameters, scaled zeros. */
#include "golden/build.h"

static const struct qoq_golden_parameter_spec code_parameters[] = {
    {"n", 0, 64, 1, 1 << 20, "output channels", 0},
    {"k", 0, 96, 1, 131072, "input channels", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec group_parameters[] = {
    {"n", 0, 64, 1, 1 << 20, "output channels", 0},
    {"groups", 0, 4, 1, 4096, "groups of input channels", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec channel_parameters[] = {
    {"n", 0, 256, 1, 1 << 24, "output channels", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static enum qoq_status make_codes(struct qoq_golden_case *c)
{
    size_t n = qoq_golden_size(c, "n"), k = qoq_golden_size(c, "k"), stride = (k + 1) / 2;
    uint64_t seed = qoq_gen((uint64_t)c->seed, (uint64_t)c->streams++);
    uint8_t *code =
        qoq_golden_derive_packed(c, "code", QOQ_LAYOUT_NIBBLES, (size_t[]){n, k},
                                 "bytes uniform 0 255, the spare nibble 0", QOQ_SHAPE(n, stride));

    if (code == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t i = 0; i < n * stride; i++) {
        int64_t byte = qoq_gen_int(qoq_gen(seed, i), 0, 255);
        code[i] = (uint8_t)(k % 2 == 1 && i % stride == stride - 1 ? byte & 15 : byte);
    }
    return QOQ_OK;
}

static enum qoq_status run_codes(struct qoq_golden_case *c)
{
    size_t n = qoq_golden_size(c, "n"), k = qoq_golden_size(c, "k");
    uint8_t *tiled = qoq_golden_result_packed(c, "tiled", QOQ_LAYOUT_TILES, (size_t[]){n, k},
                                              "exact", QOQ_SHAPE(qoq_tile_code_bytes(n, k)));

    return tiled != NULL ? qoq_tile_codes(tiled, qoq_golden_in(c, "code"), n, k) : QOQ_ERR_MEMORY;
}

static enum qoq_status make_groups(struct qoq_golden_case *c)
{
    size_t n = qoq_golden_size(c, "n"), groups = qoq_golden_size(c, "groups");
    uint64_t seed = qoq_gen((uint64_t)c->seed, (uint64_t)c->streams++);
    struct qoq_recipe scales = {QOQ_RECIPE_UNIFORM, 1, 17};
    uint8_t *s2 = qoq_golden_draw(c, "s2", QOQ_U8, "n group", scales, QOQ_SHAPE(n, groups));
    uint8_t *z =
        qoq_golden_derive(c, "z", QOQ_U8, "n group",
                          "uniform in 0..min(15, 128 / s2), input number 0", QOQ_SHAPE(n, groups));

    if (s2 == NULL || z == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t i = 0; i < n * groups; i++) {
        int most = 128 / s2[i];
        z[i] = (uint8_t)qoq_gen_int(qoq_gen(seed, i), 0, most < 15 ? most : 15);
    }
    return QOQ_OK;
}

static enum qoq_status run_groups(struct qoq_golden_case *c)
{
    size_t n = qoq_golden_size(c, "n"), groups = qoq_golden_size(c, "groups");
    size_t sizes[2] = {groups, n}, padded = (n + 31) / 32 * 32;
    uint8_t *scales = qoq_golden_result_packed(c, "s2_scales", QOQ_LAYOUT_COLUMNS, sizes, "exact",
                                               QOQ_SHAPE(groups, padded));
    uint8_t *zeros = qoq_golden_result_packed(c, "s2_zeros", QOQ_LAYOUT_COLUMNS, sizes, "exact",
                                              QOQ_SHAPE(groups, padded));

    if (scales == NULL || zeros == NULL)
        return QOQ_ERR_MEMORY;
    return qoq_tile_groups(scales, zeros, qoq_golden_in(c, "s2"), qoq_golden_in(c, "z"), n, groups);
}

static enum qoq_status make_channel(struct qoq_golden_case *c)
{
    size_t n = qoq_golden_size(c, "n");
    struct qoq_recipe scales = {QOQ_RECIPE_SCALE, 10, 0}, zeros = {QOQ_RECIPE_UNIFORM, 0, 15};
    void *s = qoq_golden_draw(c, "s", QOQ_F16, "n", scales, QOQ_SHAPE(n));
    void *z = qoq_golden_draw(c, "z", QOQ_U8, "n", zeros, QOQ_SHAPE(n));

    return s != NULL && z != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_channel(struct qoq_golden_case *c)
{
    size_t n = qoq_golden_size(c, "n");
    qoq_half *szeros = qoq_golden_result(c, "szeros", QOQ_F16, "n", "exact", QOQ_SHAPE(n));

    if (szeros == NULL)
        return QOQ_ERR_MEMORY;
    return qoq_channel_szeros(szeros, qoq_golden_in(c, "s"), qoq_golden_in(c, "z"), n);
}

const struct qoq_golden_operator qoq_golden_layout[] = {
    {"tile_codes", "qoq", "5.1 5.2", "plain 4-bit codes to QServe's tiles", "uniform",
     code_parameters, make_codes, run_codes},
    {"tile_groups", "qoq", "5.3", "group parameters to QServe's columns", "uniform",
     group_parameters, make_groups, run_groups},
    {"channel_szeros", "qoq", "5.4", "zeros times scales in binary16", "uniform",
     channel_parameters, make_channel, run_channel},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
