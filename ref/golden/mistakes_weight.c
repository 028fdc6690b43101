/* SPDX-License-Identifier: Apache-2.0 */
/* Known other ways to quantize weights (N 4). */
#include "golden/build.h"
#include "golden/mistakes.h"
#include "numerics/half.h"
#include "numerics/round.h"

#include <math.h>

enum { UNROUNDED, RECIPROCAL, AWAY, INTEGER_LEVEL, RANGE_127, TIGHT_RANGE };

/* One row being quantized: scale as stored and as used, and how. */
struct row {
    const float *w;
    size_t k;
    int variant;
    float s;
    qoq_half stored;
};

static void set_scale(struct row *row, float s)
{
    row->stored = qoq_half_from_float(s);
    if (row->stored == 0)
        row->stored = 0x3C00;
    row->s = row->variant == UNROUNDED && s > 0 ? s : qoq_half_to_float(row->stored);
}

static float unit(const struct row *row, size_t k)
{
    return row->variant == RECIPROCAL ? row->w[k] * (1.0f / row->s) : row->w[k] / row->s;
}

static uint8_t code(const struct row *row, float x, int lo, int hi)
{
    if (row->variant == AWAY)
        x = (float)copysign(floor(fabs((double)x) + 0.5), (double)x);
    return (uint8_t)qoq_round_clamp(x, lo, hi);
}

static float largest(const float *w, size_t k)
{
    float a = 0;

    for (size_t i = 0; i < k; i++)
        a = fabsf(w[i]) > a ? fabsf(w[i]) : a;
    return a;
}

static void put(uint8_t *codes, size_t k, uint8_t q)
{
    codes[k / 2] = (uint8_t)(k % 2 == 0 ? q : codes[k / 2] | q << 4);
}

static enum qoq_status wrong_w8(struct qoq_golden_case *c, int variant)
{
    size_t n = qoq_golden_size(c, "n"), k = qoq_golden_size(c, "k");
    uint8_t *codes = qoq_golden_out(c, "code");

    for (size_t i = 0; i < n; i++) {
        struct row row = {(const float *)qoq_golden_in(c, "w") + i * k, k, variant, 0, 0};
        set_scale(&row, largest(row.w, k) / 127.0f);
        for (size_t j = 0; j < k; j++)
            codes[i * k + j] = code(&row, unit(&row, j), -127, 127);
    }
    return QOQ_OK;
}

static enum qoq_status wrong_channel(struct qoq_golden_case *c, int variant)
{
    size_t n = qoq_golden_size(c, "n"), k = qoq_golden_size(c, "k");
    uint8_t *codes = qoq_golden_out(c, "code"), *z = qoq_golden_out(c, "z");
    qoq_half *s = qoq_golden_out(c, "s");

    for (size_t i = 0; i < n; i++) {
        struct row row = {(const float *)qoq_golden_in(c, "w") + i * k, k, variant, 0, 0};
        float lo = variant == TIGHT_RANGE ? INFINITY : 0, hi = -lo;
        for (size_t j = 0; j < k; j++) {
            lo = row.w[j] < lo ? row.w[j] : lo;
            hi = row.w[j] > hi ? row.w[j] : hi;
        }
        set_scale(&row, (hi - lo) / 15.0f);
        s[i] = row.stored;
        z[i] = code(&row, -lo / row.s, 0, 15);
        for (size_t j = 0; j < k; j++)
            put(codes + i * ((k + 1) / 2), j, code(&row, unit(&row, j) + (float)z[i], 0, 15));
    }
    return QOQ_OK;
}

static float level_one(const struct row *row, size_t k)
{
    float most = row->variant == RANGE_127 ? 127.0f : 119.0f, v = unit(row, k);

    v = v > most ? most : v < -most ? -most : v;
    return row->variant == INTEGER_LEVEL ? (float)qoq_round_clamp(v, -128, 128) : v;
}

static void wrong_group(uint8_t *codes, uint8_t *s2, uint8_t *z, const struct row *row,
                        size_t first, size_t end)
{
    float lo = row->variant == TIGHT_RANGE ? INFINITY : 0, hi = -lo;

    for (size_t k = first; k < end; k++) {
        float v = level_one(row, k);
        lo = v < lo ? v : lo;
        hi = v > hi ? v : hi;
    }
    *s2 = code(row, (hi - lo) / 15.0f, 1, row->variant == RANGE_127 ? 17 : 16);
    *z = code(row, -lo / (float)*s2, 0, 15);
    for (size_t k = first; k < end; k++)
        put(codes, k, code(row, level_one(row, k) / (float)*s2 + (float)*z, 0, 15));
}

static enum qoq_status wrong_groups(struct qoq_golden_case *c, int variant)
{
    size_t n = qoq_golden_size(c, "n"), k = qoq_golden_size(c, "k"),
           g = qoq_golden_size(c, "group");
    size_t groups = (k + g - 1) / g;
    uint8_t *codes = qoq_golden_out(c, "code");
    uint8_t *s2 = qoq_golden_out(c, "s2"), *z = qoq_golden_out(c, "z");
    qoq_half *s = qoq_golden_out(c, "s");

    for (size_t i = 0; i < n; i++) {
        struct row row = {(const float *)qoq_golden_in(c, "w") + i * k, k, variant, 0, 0};
        set_scale(&row, largest(row.w, k) / (variant == RANGE_127 ? 127.0f : 119.0f));
        s[i] = row.stored;
        for (size_t j = 0; j < groups; j++)
            wrong_group(codes + i * ((k + 1) / 2), s2 + i * groups + j, z + i * groups + j, &row,
                        j * g, (j + 1) * g < k ? (j + 1) * g : k);
    }
    return QOQ_OK;
}

#define W8 "weight_quantize_w8", "code", wrong_w8
#define CHANNEL(output) "weight_quantize_w4_channel", output, wrong_channel
#define GROUP(output) "weight_quantize_w4_group", output, wrong_groups

const struct qoq_golden_mistake qoq_golden_mistakes_weight[] = {
    {W8, UNROUNDED, "weights are divided by the scale before it is rounded to binary16"},
    {W8, RECIPROCAL, "weights are multiplied by a rounded reciprocal instead of divided"},
    {W8, AWAY, "ties are rounded away from zero, not to even"},
    {CHANNEL("code"), UNROUNDED,
     "weights are divided by the scale before it is rounded to binary16"},
    {CHANNEL("code"), RECIPROCAL,
     "weights are multiplied by a rounded reciprocal instead of divided"},
    {CHANNEL("code"), AWAY, "ties are rounded away from zero, not to even"},
    {CHANNEL("code"), TIGHT_RANGE, "the range of a row does not include zero"},
    {CHANNEL("s"), TIGHT_RANGE, "the range of a row does not include zero"},
    {GROUP("code"), UNROUNDED,
     "weights are divided by the level-1 scale before it is rounded to binary16"},
    {GROUP("code"), RECIPROCAL,
     "weights are multiplied by a rounded reciprocal instead of divided"},
    {GROUP("code"), AWAY, "ties are rounded away from zero, not to even"},
    {GROUP("code"), INTEGER_LEVEL, "level 1 is rounded to integers before level 2"},
    {GROUP("code"), RANGE_127, "level 1 reaches 127 instead of the protective range 119"},
    {GROUP("code"), TIGHT_RANGE, "the range of a group does not include zero"},
    {GROUP("s"), RANGE_127, "level 1 reaches 127 instead of the protective range 119"},
    {GROUP("s2"), RANGE_127, "level 1 reaches 127 instead of the protective range 119"},
    {GROUP("s2"), TIGHT_RANGE, "the range of a group does not include zero"},
    {GROUP("z"), INTEGER_LEVEL, "level 1 is rounded to integers before level 2"},
    {NULL, NULL, NULL, 0, NULL},
};
