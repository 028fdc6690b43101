/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of golden cases: rounded to nearest (N 4.1, 4.2, 4.5), or any valid codes (N 4.4). */
#include "golden/weight_inputs.h"

#include <stdlib.h>

static void set_sizes(struct qoq_weight *w, const struct qoq_golden_case *c, enum qoq_scheme scheme)
{
    w->scheme = scheme;
    w->n = qoq_golden_size(c, "n");
    w->k = qoq_golden_size(c, "k");
    w->group = scheme == QOQ_W4_GROUP ? qoq_golden_size(c, "group") : 0;
}

void qoq_golden_find_weight(struct qoq_weight *w, const struct qoq_golden_case *c,
                            enum qoq_scheme scheme)
{
    set_sizes(w, c, scheme);
    w->code = qoq_golden_in(c, "code");
    w->s = qoq_golden_in(c, "s");
    w->s2 = qoq_golden_in(c, "s2");
    w->z = qoq_golden_in(c, "z");
}

/* ---- Any valid codes ---- */

static void put_code(struct qoq_weight *w, size_t n, size_t k, unsigned code)
{
    uint8_t *byte = &w->code[n * ((w->k + 1) / 2) + k / 2];

    *byte = (uint8_t)(*byte | code << (k % 2 * 4));
}

/* Zero and scale of one group, then codes that keep (q - z) s2 in [-128, 127]. */
static void any_group(struct qoq_weight *w, size_t n, size_t g, uint64_t seed)
{
    size_t groups = qoq_weight_groups(w), first = g * w->group;
    size_t last = first + w->group < w->k ? first + w->group : w->k;
    uint64_t own = qoq_gen(seed, w->n * w->k + 2 * (n * groups + g));
    uint64_t other = qoq_gen(seed, w->n * w->k + 2 * (n * groups + g) + 1);
    int s2 = n % 8 == 0 ? 16 : (int)qoq_gen_int(own, 1, 17);
    int most = 128 / s2 < 15 ? 128 / s2 : 15;
    int z = n % 8 == 0 ? 8 : (int)qoq_gen_int(other, 0, most);
    int lo = z - 128 / s2 > 0 ? z - 128 / s2 : 0, hi = z + 127 / s2 < 15 ? z + 127 / s2 : 15;

    w->s2[n * groups + g] = (uint8_t)s2;
    w->z[n * groups + g] = (uint8_t)z;
    for (size_t k = first; k < last; k++)
        put_code(w, n, k,
                 n % 8 == 0 ? 0 : (unsigned)qoq_gen_int(qoq_gen(seed, n * w->k + k), lo, hi));
}

static void any_channel(struct qoq_weight *w, size_t n, uint64_t seed)
{
    w->z[n] = (uint8_t)(n % 8 == 0 ? 0 : qoq_gen_int(qoq_gen(seed, w->n * w->k + n), 0, 15));
    for (size_t k = 0; k < w->k; k++)
        put_code(w, n, k,
                 n % 8 == 0 ? 15 : (unsigned)qoq_gen_int(qoq_gen(seed, n * w->k + k), 0, 15));
}

static void any_w8(struct qoq_weight *w, size_t n, uint64_t seed)
{
    for (size_t k = 0; k < w->k; k++) {
        uint64_t u = qoq_gen(seed, n * w->k + k);
        w->code[n * w->k + k] = (uint8_t)(n % 8 == 0 ? -128 : qoq_gen_int(u, -128, 127));
    }
}

static void any_codes(struct qoq_weight *w, uint64_t seed)
{
    for (size_t n = 0; n < w->n; n++) {
        if (w->scheme == QOQ_W8)
            any_w8(w, n, seed);
        else if (w->scheme == QOQ_W4_CHANNEL)
            any_channel(w, n, seed);
        else
            for (size_t g = 0; g < qoq_weight_groups(w); g++)
                any_group(w, n, g, seed);
    }
}

/* ---- Both kinds ---- */

static enum qoq_status round_bell(struct qoq_weight *w, struct qoq_golden_case *c)
{
    struct qoq_recipe recipe = {QOQ_RECIPE_BELL, -20, 0};
    float *real = qoq_golden_draw_hidden(c, QOQ_F32, recipe, w->n, w->k);

    if (real == NULL)
        return QOQ_ERR_MEMORY;
    enum qoq_status status = qoq_weight_quantize(w, real);
    free(real);
    return status;
}

static int add_code(struct qoq_weight *w, struct qoq_golden_case *c, const char *from)
{
    if (w->scheme == QOQ_W8)
        w->code = qoq_golden_derive(c, "code", QOQ_I8, "n k", from, QOQ_SHAPE(w->n, w->k));
    else
        w->code = qoq_golden_derive_packed(c, "code", QOQ_LAYOUT_NIBBLES, (size_t[]){w->n, w->k},
                                           from, QOQ_SHAPE(w->n, (w->k + 1) / 2));
    return w->code != NULL;
}

static int add_level_two(struct qoq_weight *w, struct qoq_golden_case *c, const char *from)
{
    size_t groups = qoq_weight_groups(w);

    if (w->scheme == QOQ_W8)
        return 1;
    if (w->scheme == QOQ_W4_CHANNEL) {
        w->z = qoq_golden_derive(c, "z", QOQ_U8, "n", from, QOQ_SHAPE(w->n));
        return w->z != NULL;
    }
    w->s2 = qoq_golden_derive(c, "s2", QOQ_U8, "n group", from, QOQ_SHAPE(w->n, groups));
    w->z = qoq_golden_derive(c, "z", QOQ_U8, "n group", from, QOQ_SHAPE(w->n, groups));
    return w->s2 != NULL && w->z != NULL;
}

/* The packed forms of what code, s2, z and s hold. */
static enum qoq_status add_packed(const struct qoq_weight *w, struct qoq_golden_case *c)
{
    size_t padded = (w->n + 31) / 32 * 32, groups = qoq_weight_groups(w);
    size_t bytes = qoq_tile_code_bytes(w->n, w->k);
    enum qoq_status status;

    if (w->scheme == QOQ_W8)
        return QOQ_OK;
    uint8_t *tiled = qoq_golden_derive_packed(c, "tiled", QOQ_LAYOUT_TILES, (size_t[]){w->n, w->k},
                                              "code in the order of N 5.2", QOQ_SHAPE(bytes));
    if (tiled == NULL)
        return QOQ_ERR_MEMORY;
    if ((status = qoq_tile_codes(tiled, w->code, w->n, w->k)) != QOQ_OK)
        return status;
    if (w->scheme == QOQ_W4_CHANNEL) {
        qoq_half *szeros =
            qoq_golden_derive(c, "szeros", QOQ_F16, "n", "z and s by N 5.4", QOQ_SHAPE(w->n));
        return szeros != NULL ? qoq_channel_szeros(szeros, w->s, w->z, w->n) : QOQ_ERR_MEMORY;
    }
    uint8_t *scales =
        qoq_golden_derive_packed(c, "s2_scales", QOQ_LAYOUT_COLUMNS, (size_t[]){groups, w->n},
                                 "s2 in the order of N 5.3", QOQ_SHAPE(groups, padded));
    uint8_t *zeros =
        qoq_golden_derive_packed(c, "s2_zeros", QOQ_LAYOUT_COLUMNS, (size_t[]){groups, w->n},
                                 "-z s2 in the order of N 5.3", QOQ_SHAPE(groups, padded));
    if (scales == NULL || zeros == NULL)
        return QOQ_ERR_MEMORY;
    return qoq_tile_groups(scales, zeros, w->s2, w->z, w->n, groups);
}

enum qoq_status qoq_golden_add_weight(struct qoq_weight *w, struct qoq_golden_case *c,
                                      enum qoq_scheme scheme)
{
    int rounded = qoq_golden_kind_is(c, "quantized");
    const char *from = rounded ? "bell -20 by N 4" : "any codes that N 4.4 allows";
    int exponent = qoq_golden_kind_is(c, "overflow")    ? -2
                   : qoq_golden_kind_is(c, "subnormal") ? 18
                                                        : 10;
    struct qoq_recipe scales = {QOQ_RECIPE_SCALE, exponent, 0};
    enum qoq_status status = QOQ_OK;

    set_sizes(w, c, scheme);
    w->s2 = w->z = NULL;
    w->s = rounded ? qoq_golden_derive(c, "s", QOQ_F16, "n", from, QOQ_SHAPE(w->n))
                   : qoq_golden_draw(c, "s", QOQ_F16, "n", scales, QOQ_SHAPE(w->n));
    if (w->s == NULL || !add_code(w, c, from) || !add_level_two(w, c, from))
        return QOQ_ERR_MEMORY;
    if (rounded)
        status = round_bell(w, c);
    else
        any_codes(w, qoq_gen((uint64_t)c->seed, (uint64_t)c->streams++));
    return status == QOQ_OK ? add_packed(w, c) : status;
}
