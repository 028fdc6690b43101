/* SPDX-License-Identifier: Apache-2.0 */
/* Packed matrices of QServe's checkpoints into our plain layout (N 5). */
#include "cli/checkpoint_source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "numerics/half.h"

static struct qoq_part code_part(const struct qoq_weight *w)
{
    struct qoq_part part = {"qweight", 2, {w->n, w->k / 2}, 0, 0};

    return part;
}

static struct qoq_part row_part(const struct qoq_weight *w, const char *suffix)
{
    struct qoq_part part = {suffix, 1, {w->n, 0}, 0, 0};

    return part;
}

static struct qoq_part group_part(const struct qoq_weight *w, const char *suffix)
{
    struct qoq_part part = {suffix, 2, {qoq_weight_groups(w), w->n}, 1, 0};

    return part;
}

enum qoq_status qoq_packed_check(struct qoq_source *source, const struct qoq_array *array,
                                 const struct qoq_weight *shape)
{
    struct qoq_part part = code_part(shape);
    struct qoq_place place;

    QOQ_TRY(qoq_source_place(&place, source, array, &part));
    if (shape->n % 32 != 0 || shape->k % 32 != 0) {
        return qoq_fail(source->err, QOQ_ERR_UNSUPPORTED, source->directory, place.name,
                        "%zu x %zu: packed matrices have multiples of 32 channels", shape->n,
                        shape->k);
    }
    part = row_part(shape, "s1_scales");
    QOQ_TRY(qoq_source_place(&place, source, array, &part));
    if (shape->scheme == QOQ_W4_CHANNEL) {
        part = row_part(shape, "s1_szeros");
        return qoq_source_place(&place, source, array, &part);
    }
    part = group_part(shape, "s2_scales");
    QOQ_TRY(qoq_source_place(&place, source, array, &part));
    part = group_part(shape, "s2_zeros");
    return qoq_source_place(&place, source, array, &part);
}

static enum qoq_status read_codes(struct qoq_source *source, const struct qoq_array *array,
                                  struct qoq_weight *w)
{
    struct qoq_part part = code_part(w);
    struct qoq_tensor tensor;

    QOQ_TRY(qoq_source_part(&tensor, source, array, &part, QOQ_I8));
    enum qoq_status status = qoq_untile_codes(w->code, tensor.data, w->n, w->k);
    qoq_tensor_free(&tensor);
    return status;
}

static enum qoq_status read_scales(struct qoq_source *source, const struct qoq_array *array,
                                   struct qoq_weight *w)
{
    struct qoq_part part = row_part(w, "s1_scales");
    struct qoq_tensor tensor;
    enum qoq_status status = QOQ_OK;

    QOQ_TRY(qoq_source_part(&tensor, source, array, &part, QOQ_F16));
    memcpy(w->s, tensor.data, w->n * sizeof *w->s);
    for (size_t i = 0; i < w->n && status == QOQ_OK; i++) {
        float s = qoq_half_to_float(w->s[i]);
        if (!(s > 0) || !isfinite(s)) {
            status = qoq_fail(source->err, QOQ_ERR_RANGE, source->directory, tensor.name,
                              "channel %zu: %g is not a positive finite number", i, (double)s);
        }
    }
    qoq_tensor_free(&tensor);
    return status;
}

/* Says which zero is no multiple of its scale, and what rounding it would do. */
static enum qoq_status fail_channel(const struct qoq_source *source, const struct qoq_weight *w,
                                    const struct qoq_tensor *szeros)
{
    const qoq_half *stored = szeros->data;
    size_t bad = 0, first = 0;

    for (size_t i = w->n; i-- > 0;) {
        if (qoq_channel_zeros(&w->z[i], &w->s[i], &stored[i], 1) != QOQ_OK) {
            bad++;
            first = i;
        }
    }
    float zero = qoq_half_to_float(stored[first]);
    return qoq_fail(source->err, QOQ_ERR_RANGE, source->directory, szeros->name,
                    "channel %zu: %g is %.3g times its scale, not a whole zero point from 0 to 15 "
                    "(%zu such channels)",
                    first, (double)zero, (double)(zero / qoq_half_to_float(w->s[first])), bad);
}

static enum qoq_status read_channel_zeros(struct qoq_source *source, const struct qoq_array *array,
                                          struct qoq_weight *w)
{
    struct qoq_part part = row_part(w, "s1_szeros");
    struct qoq_tensor tensor;

    QOQ_TRY(qoq_source_part(&tensor, source, array, &part, QOQ_F16));
    enum qoq_status status = qoq_channel_zeros(w->z, w->s, tensor.data, w->n);
    if (status != QOQ_OK) {
        status = fail_channel(source, w, &tensor);
    }
    qoq_tensor_free(&tensor);
    return status;
}

/* The same for groups; columns are named as they lie in the file. */
static enum qoq_status fail_groups(const struct qoq_source *source, const struct qoq_tensor *scales,
                                   const struct qoq_tensor *zeros)
{
    const uint8_t *s2 = scales->data, *stored = zeros->data;
    size_t count = qoq_tensor_elements(scales), columns = scales->dim[1], bad = 0, first = 0;

    for (size_t i = count; i-- > 0;) {
        uint8_t product = (uint8_t)-stored[i];
        if (s2[i] == 0 || product % s2[i] != 0 || product / s2[i] > 15) {
            bad++;
            first = i;
        }
    }
    if (s2[first] == 0) {
        return qoq_fail(source->err, QOQ_ERR_RANGE, source->directory, scales->name,
                        "group %zu, column %zu: the scale is 0", first / columns, first % columns);
    }
    double zero = (uint8_t)-stored[first] / (double)s2[first];
    return qoq_fail(source->err, QOQ_ERR_RANGE, source->directory, zeros->name,
                    "group %zu, column %zu: %d is -%.3g times its scale, not a whole zero point "
                    "from 0 to 15; rounding would move those weights by %.2g of a step (%zu such "
                    "groups)",
                    first / columns, first % columns, (int)(int8_t)stored[first], zero,
                    fabs(zero - floor(zero + 0.5)), bad);
}

static enum qoq_status read_groups(struct qoq_source *source, const struct qoq_array *array,
                                   struct qoq_weight *w)
{
    struct qoq_part part = group_part(w, "s2_scales");
    struct qoq_tensor scales, zeros;

    QOQ_TRY(qoq_source_part(&scales, source, array, &part, QOQ_I8));
    part = group_part(w, "s2_zeros");
    enum qoq_status status = qoq_source_part(&zeros, source, array, &part, QOQ_I8);
    if (status == QOQ_OK) {
        status =
            qoq_untile_groups(w->s2, w->z, scales.data, zeros.data, w->n, qoq_weight_groups(w));
        if (status != QOQ_OK) {
            status = fail_groups(source, &scales, &zeros);
        }
        qoq_tensor_free(&zeros);
    }
    qoq_tensor_free(&scales);
    return status;
}

enum qoq_status qoq_packed_read(struct qoq_source *source, const struct qoq_array *array,
                                struct qoq_weight *w)
{
    QOQ_TRY(read_codes(source, array, w));
    QOQ_TRY(read_scales(source, array, w));
    return w->scheme == QOQ_W4_GROUP ? read_groups(source, array, w)
                                     : read_channel_zeros(source, array, w);
}
