/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codes from fake-quantized weights and their scales, as lmquant and deepcompressor store them
 * (doc/formats.md 7.3). Every step must land on an integer: what does not was not made with these
 * scales, or has a zero point that our format does not have.
 */
#include "cli/checkpoint_source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "numerics/half.h"
#include "numerics/round.h"

/* How far from an integer a binary16 weight may be, in steps of its last and its first level: half
 * an ulp of the largest multiple, 15 and 127, or of the subnormal numbers. */
#define NEAR_CODE 0.01f
#define NEAR_LEVEL 0.07f

static int is_near(float x, float integer, float near, float scale)
{
    float tolerance = near + 0x1p-25f / scale;

    return fabsf(x - integer) <= (tolerance < 0.25f ? tolerance : 0.25f);
}

struct recovery {
    struct qoq_source *source;
    const struct qoq_array *array;
    struct qoq_weight *w;
    const char *zero_name;
    int scaled;    /* zeros are multiples of the scale of their level */
    size_t groups; /* of a row; 1 per channel */
    float *x, *s0, *s1, *zero;
    int8_t *code, *z; /* before what is added to signed ones */
};

static struct qoq_part weight_part(const struct qoq_weight *w)
{
    struct qoq_part part = {"weight", 2, {w->n, w->k}, 0, 0};

    return part;
}

/* One number a channel or, for the last level, a group. */
static struct qoq_part level_part(const struct qoq_weight *w, const char *suffix, size_t groups)
{
    struct qoq_part part = {suffix, 2, {w->n, groups}, 0, 1};

    return part;
}

/* "weight.zero" of lmquant or "weight.scaled_zero" of deepcompressor. */
static const char *zero_suffix(struct qoq_source *source, const struct qoq_array *array)
{
    char name[QOQ_ARRAY_NAME];

    qoq_checkpoint_name(name, array, source->prefix, "weight.zero", 0);
    return qoq_safetensors_find(source->set, name) != NULL ? "weight.zero" : "weight.scaled_zero";
}

enum qoq_status qoq_fake_check(struct qoq_source *source, const struct qoq_array *array,
                               const struct qoq_weight *shape)
{
    size_t groups = qoq_weight_groups(shape);
    struct qoq_part part = weight_part(shape);
    struct qoq_place place;

    QOQ_TRY(qoq_source_place(&place, source, array, &part));
    if (shape->scheme == QOQ_W4_GROUP && shape->k % shape->group != 0) {
        return qoq_fail(source->err, QOQ_ERR_FORMAT, source->directory, place.name,
                        "%zu input channels are no multiple of the group size %zu", shape->k,
                        shape->group);
    }
    part = level_part(shape, "weight.scale.0", 1);
    QOQ_TRY(qoq_source_place(&place, source, array, &part));
    if (shape->scheme == QOQ_W4_GROUP) {
        part = level_part(shape, "weight.scale.1", groups);
        QOQ_TRY(qoq_source_place(&place, source, array, &part));
    }
    part = level_part(shape, zero_suffix(source, array), groups);
    return qoq_source_place(&place, source, array, &part);
}

static enum qoq_status fail_at(const struct recovery *r, const char *part, size_t n, size_t k,
                               const char *what, double value)
{
    char name[QOQ_ARRAY_NAME];

    qoq_checkpoint_name(name, r->array, r->source->prefix, part, 0);
    return qoq_fail(r->source->err, QOQ_ERR_RANGE, r->source->directory, name,
                    "[%zu, %zu]: %.4g %s", n, k, value, what);
}

/* Scales of the first level are positive binary16 numbers, of the second integers from 1 to 17. */
static enum qoq_status take_scales(struct recovery *r)
{
    for (size_t n = 0; n < r->w->n; n++) {
        r->w->s[n] = qoq_half_from_float(r->s0[n]);
        if (!(r->s0[n] > 0) || qoq_half_to_float(r->w->s[n]) != r->s0[n]) {
            return fail_at(r, "weight.scale.0", n, 0, "is not a positive binary16 number",
                           (double)r->s0[n]);
        }
        for (size_t j = 0; j < r->groups && r->s1 != NULL; j++) {
            float s2 = r->s1[n * r->groups + j];
            if (!(s2 >= 1 && s2 <= 17) || s2 != floorf(s2)) {
                return fail_at(r, "weight.scale.1", n, j, "is not an integer from 1 to 17",
                               (double)s2);
            }
            r->w->s2[n * r->groups + j] = (uint8_t)s2;
        }
    }
    return QOQ_OK;
}

/* Scale that a zero of this group is measured in. */
static float zero_scale(const struct recovery *r, size_t n, size_t j)
{
    return r->s1 != NULL ? r->s1[n * r->groups + j] : r->s0[n];
}

static float rounded(float x)
{
    return qoq_half_to_float(qoq_half_from_float(x));
}

/* 1: the zero is a whole number of its unit; *z is the nearest one. */
static int take_zero(int8_t *z, const struct recovery *r, size_t n, size_t j)
{
    float zero = r->zero[n * r->groups + j];
    float unit = r->scaled ? zero_scale(r, n, j) : 1.0f;

    *z = (int8_t)qoq_round_clamp(zero / unit, -64, 63);
    float product = (float)*z * unit;
    /* Of a channel the product was stored, perhaps rounded to binary16. */
    return product == zero || (r->scaled && r->s1 == NULL && rounded(product) == rounded(zero));
}

static enum qoq_status take_zeros(struct recovery *r)
{
    size_t count = r->w->n * r->groups, bad = 0, first = 0;
    float worst = 0;

    for (size_t i = count; i-- > 0;) {
        size_t n = i / r->groups, j = i % r->groups;
        if (!take_zero(&r->z[i], r, n, j)) {
            float off = fabsf(r->zero[i] / (r->scaled ? zero_scale(r, n, j) : 1.0f) - r->z[i]);
            worst = off > worst ? off : worst;
            first = i;
            bad++;
        }
    }
    if (bad == 0) {
        return QOQ_OK;
    }
    char name[QOQ_ARRAY_NAME];
    qoq_checkpoint_name(name, r->array, r->source->prefix, r->zero_name, 0);
    return qoq_fail(r->source->err, QOQ_ERR_RANGE, r->source->directory, name,
                    "[%zu, %zu]: %.4g is no whole zero point%s, which this format needs; rounding "
                    "would move weights by up to %.2g of a step (%zu of %zu zeros)",
                    first / r->groups, first % r->groups, (double)r->zero[first],
                    r->scaled ? " times its scale" : "", (double)worst, bad, count);
}

/* The weight in units of the last scale, without its zero: an integer but for rounding. */
static enum qoq_status steps(float *t, const struct recovery *r, size_t n, size_t k)
{
    size_t i = n * r->groups + (r->s1 != NULL ? k / r->w->group : 0);
    float x = r->x[n * r->w->k + k], zero = r->scaled ? r->zero[i] : 0.0f;

    if (r->s1 == NULL) {
        *t = (x + zero) / r->s0[n];
        return QOQ_OK;
    }
    float level = x / r->s0[n];
    int32_t w8 = qoq_round_clamp(level, -1000, 1000);
    if (!is_near(level, (float)w8, NEAR_LEVEL, r->s0[n])) {
        return fail_at(r, "weight", n, k, "steps of scale.0: the weight is not on that grid",
                       (double)level);
    }
    *t = ((float)w8 + zero) / r->s1[i];
    return QOQ_OK;
}

static enum qoq_status take_codes(struct recovery *r)
{
    for (size_t n = 0; n < r->w->n; n++) {
        for (size_t k = 0; k < r->w->k; k++) {
            size_t i = n * r->groups + (r->s1 != NULL ? k / r->w->group : 0);
            float t = 0;
            QOQ_TRY(steps(&t, r, n, k));
            int32_t q = qoq_round_clamp(t, -1000, 1000);
            if (!is_near(t, (float)q, NEAR_CODE, r->s1 != NULL ? 1.0f : r->s0[n])) {
                return fail_at(r, "weight", n, k, "steps of its scale: the weight is not quantized",
                               (double)t);
            }
            q += r->scaled ? 0 : r->z[i];
            if (q < -8 || q > 15) {
                return fail_at(r, "weight", n, k, "is no 4-bit code", (double)q);
            }
            r->code[n * r->w->k + k] = (int8_t)q;
        }
    }
    return QOQ_OK;
}

/* Whether zeros and codes of this tensor are stored 8 lower. */
static int is_signed(const struct recovery *r)
{
    int low = 0;

    if (r->source->options->zeros != QOQ_ZEROS_AUTO) {
        return r->source->options->zeros == QOQ_ZEROS_SIGNED;
    }
    for (size_t i = 0; i < r->w->n * r->groups; i++) {
        low |= r->z[i] < 0;
    }
    for (size_t i = 0; i < r->w->n * r->w->k; i++) {
        low |= r->code[i] < 0;
    }
    return low;
}

static enum qoq_status store(struct recovery *r)
{
    struct qoq_weight *w = r->w;
    int add = is_signed(r) ? 8 : 0;
    size_t row = (w->k + 1) / 2;

    for (size_t i = 0; i < w->n * r->groups; i++) {
        int z = r->z[i] + add;
        if (z < 0 || z > 15) {
            return fail_at(r, r->zero_name, i / r->groups, i % r->groups,
                           add ? "is no zero point, stored from -8 to 7"
                               : "is no zero point, stored from 0 to 15",
                           r->z[i]);
        }
        w->z[i] = (uint8_t)z;
    }
    memset(w->code, 0, qoq_weight_code_bytes(w));
    for (size_t i = 0; i < w->n * w->k; i++) {
        int q = r->code[i] + add;
        size_t n = i / w->k, k = i % w->k;
        if (q < 0 || q > 15) {
            return fail_at(r, "weight", n, k,
                           add ? "is no code, stored from -8 to 7"
                               : "is no code, stored from 0 to 15",
                           r->code[i]);
        }
        uint8_t *byte = &w->code[n * row + k / 2];
        *byte = (uint8_t)(*byte | q << 4 * (k % 2));
    }
    return QOQ_OK;
}

static enum qoq_status recover(struct recovery *r)
{
    struct qoq_part part = weight_part(r->w);

    QOQ_TRY(qoq_source_floats(r->x, r->source, r->array, &part));
    part = level_part(r->w, "weight.scale.0", 1);
    QOQ_TRY(qoq_source_floats(r->s0, r->source, r->array, &part));
    if (r->s1 != NULL) {
        part = level_part(r->w, "weight.scale.1", r->groups);
        QOQ_TRY(qoq_source_floats(r->s1, r->source, r->array, &part));
    }
    part = level_part(r->w, r->zero_name, r->groups);
    QOQ_TRY(qoq_source_floats(r->zero, r->source, r->array, &part));
    QOQ_TRY(take_scales(r));
    QOQ_TRY(take_zeros(r));
    QOQ_TRY(take_codes(r));
    return store(r);
}

enum qoq_status qoq_fake_read(struct qoq_source *source, const struct qoq_array *array,
                              struct qoq_weight *w)
{
    size_t groups = qoq_weight_groups(w), count = w->n * w->k;
    int grouped = w->scheme == QOQ_W4_GROUP;
    const char *suffix = zero_suffix(source, array);
    struct recovery r = {.source = source,
                         .array = array,
                         .w = w,
                         .zero_name = suffix,
                         .scaled = strcmp(suffix, "weight.scaled_zero") == 0,
                         .groups = groups,
                         .x = malloc(count * sizeof(float)),
                         .s0 = malloc(w->n * sizeof(float)),
                         .s1 = grouped ? malloc(w->n * groups * sizeof(float)) : NULL,
                         .zero = malloc(w->n * groups * sizeof(float)),
                         .code = malloc(count),
                         .z = malloc(w->n * groups)};
    enum qoq_status status;

    if (r.x == NULL || r.s0 == NULL || r.zero == NULL || r.code == NULL || r.z == NULL ||
        (grouped && r.s1 == NULL)) {
        status = qoq_fail_memory(source->err, source->directory, NULL, count * sizeof(float));
    } else {
        status = recover(&r);
    }
    free(r.x);
    free(r.s0);
    free(r.s1);
    free(r.zero);
    free(r.code);
    free(r.z);
    return status;
}
