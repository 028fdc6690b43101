/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of checkpoints by name, fused or not. */
#include "cli/checkpoint_source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "numerics/half.h"

static enum qoq_status fail(const struct qoq_source *source, enum qoq_status status,
                            const char *name, const char *what, const char *value)
{
    return qoq_fail(source->err, status, source->directory, name, "%s%s", what, value);
}

const struct qoq_safetensors_entry *qoq_source_find(struct qoq_source *source, const char *name)
{
    const struct qoq_safetensors_entry *entry = qoq_safetensors_find(source->set, name);

    if (entry != NULL) {
        source->expected[entry - qoq_safetensors_entry(source->set, 0)] = 1;
    }
    return entry;
}

/* Dimensions other than 1; returns how many. */
static int squeeze(size_t *out, const size_t *dim, int rank)
{
    int kept = 0;

    for (int i = 0; i < rank; i++) {
        if (dim[i] != 1) {
            out[kept++] = dim[i];
        }
    }
    return kept;
}

static int same_shape(const size_t *a, int a_rank, const size_t *b, int b_rank)
{
    return a_rank == b_rank && memcmp(a, b, (size_t)a_rank * sizeof *a) == 0;
}

static enum qoq_status check_shape(const struct qoq_source *source,
                                   const struct qoq_safetensors_entry *entry, const size_t *dim,
                                   int rank, int loose)
{
    size_t a[QOQ_MAX_RANK], b[QOQ_MAX_RANK];
    char wanted[64], found[128];

    if (same_shape(entry->dim, entry->rank, dim, rank) ||
        (loose && same_shape(a, squeeze(a, entry->dim, entry->rank), b, squeeze(b, dim, rank)))) {
        return QOQ_OK;
    }
    return qoq_fail(source->err, QOQ_ERR_FORMAT, source->directory, entry->name,
                    "shape %s, config.json asks for %s",
                    qoq_shape_text(found, sizeof found, entry->dim, entry->rank),
                    qoq_shape_text(wanted, sizeof wanted, dim, rank));
}

/* Output channels of the fused matrix, and of the layers before this one in it. */
static void fused_extent(struct qoq_place *place, const struct qoq_config *config,
                         enum qoq_linear_id id)
{
    enum qoq_linear_id first;
    int count;

    qoq_checkpoint_fused(&first, &count, id);
    place->first = place->total = 0;
    for (int i = 0; i < count; i++) {
        size_t n, k;
        qoq_linear_shape(&n, &k, config, (enum qoq_linear_id)((int)first + i));
        place->first += (int)first + i < (int)id ? n : 0;
        place->total += n;
    }
}

enum qoq_status qoq_source_place(struct qoq_place *place, struct qoq_source *source,
                                 const struct qoq_array *array, const struct qoq_part *part)
{
    char alone[QOQ_ARRAY_NAME];
    size_t dim[2] = {part->dim[0], part->dim[1]};

    qoq_checkpoint_name(alone, array, source->prefix, part->suffix, 0);
    memcpy(place->name, alone, sizeof alone);
    place->entry = qoq_source_find(source, alone);
    place->first = 0;
    place->total = dim[part->axis];
    if (place->entry == NULL &&
        qoq_checkpoint_name(place->name, array, source->prefix, part->suffix, 1) != NULL) {
        place->entry = qoq_source_find(source, place->name);
        fused_extent(place, source->config, array->linear);
        /* Packed codes have half as many columns, never other rows. */
        dim[part->axis] = place->total;
    }
    if (place->entry == NULL) {
        return fail(source, QOQ_ERR_FORMAT, alone, "missing", "");
    }
    return check_shape(source, place->entry, dim, part->rank, part->loose);
}

/* The slice of a fused tensor, in place: rows for axis 0, columns for axis 1. */
static void keep_slice(struct qoq_tensor *tensor, const struct qoq_place *place,
                       const struct qoq_part *part)
{
    size_t size = qoq_dtype_size(tensor->dtype);
    size_t rows = part->rank == 2 ? part->dim[0] : 1;
    size_t width = (part->rank == 2 ? part->dim[1] : part->dim[0]) * size;
    char *data = tensor->data;

    if (part->axis == 0) {
        size_t row = part->rank == 2 ? width : size;
        memmove(data, data + place->first * row, part->dim[0] * row);
    } else {
        for (size_t i = 0; i < rows; i++) {
            memmove(data + i * width, data + (i * place->total + place->first) * size, width);
        }
    }
    tensor->rank = part->rank;
    memcpy(tensor->dim, part->dim, sizeof part->dim);
}

static enum qoq_status read_part(struct qoq_tensor *out, struct qoq_source *source,
                                 const struct qoq_array *array, const struct qoq_part *part)
{
    struct qoq_place place;

    memset(out, 0, sizeof *out);
    QOQ_TRY(qoq_source_place(&place, source, array, part));
    QOQ_TRY(qoq_safetensors_read(out, source->set, place.entry->name, source->err));
    keep_slice(out, &place, part);
    return QOQ_OK;
}

static int is_byte(enum qoq_dtype dtype)
{
    return dtype == QOQ_I8 || dtype == QOQ_U8;
}

enum qoq_status qoq_source_part(struct qoq_tensor *out, struct qoq_source *source,
                                const struct qoq_array *array, const struct qoq_part *part,
                                enum qoq_dtype dtype)
{
    QOQ_TRY(read_part(out, source, array, part));
    if (out->dtype == dtype || (is_byte(out->dtype) && is_byte(dtype))) {
        return QOQ_OK;
    }
    enum qoq_status status =
        qoq_fail(source->err, QOQ_ERR_FORMAT, source->directory, out->name, "type %s, not %s",
                 qoq_dtype_name(out->dtype), qoq_dtype_name(dtype));
    qoq_tensor_free(out);
    return status;
}

static float element(const struct qoq_tensor *tensor, size_t i)
{
    const void *data = tensor->data;

    switch (tensor->dtype) {
    case QOQ_F32:
        return ((const float *)data)[i];
    case QOQ_F16:
        return qoq_half_to_float(((const uint16_t *)data)[i]);
    case QOQ_BF16:
        return qoq_bfloat_to_float(((const uint16_t *)data)[i]);
    case QOQ_I8:
        return ((const int8_t *)data)[i];
    case QOQ_U8:
        return ((const uint8_t *)data)[i];
    case QOQ_I16:
        return ((const int16_t *)data)[i];
    case QOQ_I32:
        return (float)((const int32_t *)data)[i];
    case QOQ_I64:
        return (float)((const int64_t *)data)[i];
    case QOQ_F64:
        return (float)((const double *)data)[i];
    default:
        return NAN;
    }
}

/* All elements as binary32. */
static enum qoq_status widen(float *out, const struct qoq_source *source,
                             const struct qoq_tensor *tensor)
{
    size_t count = qoq_tensor_elements(tensor);

    for (size_t i = 0; i < count; i++) {
        out[i] = element(tensor, i);
        if (!isfinite(out[i])) {
            return qoq_fail(source->err, QOQ_ERR_RANGE, source->directory, tensor->name,
                            "element %zu is NaN or infinite", i);
        }
    }
    return QOQ_OK;
}

enum qoq_status qoq_source_floats(float *out, struct qoq_source *source,
                                  const struct qoq_array *array, const struct qoq_part *part)
{
    struct qoq_tensor tensor;

    QOQ_TRY(read_part(&tensor, source, array, part));
    enum qoq_status status = widen(out, source, &tensor);
    qoq_tensor_free(&tensor);
    return status;
}

/* ---- Arrays that are not quantized ---- */

static struct qoq_part bias_part(const struct qoq_array *array)
{
    struct qoq_part part = {"bias", 1, {array->dim[0], 0}, 0, 0};

    return part;
}

enum qoq_status qoq_source_check_plain(struct qoq_source *source, const struct qoq_array *array)
{
    char name[QOQ_ARRAY_NAME];

    if (array->kind == QOQ_ARRAY_BIAS) {
        struct qoq_part part = bias_part(array);
        struct qoq_place place;
        return qoq_source_place(&place, source, array, &part);
    }
    const struct qoq_safetensors_entry *entry =
        qoq_source_find(source, qoq_array_hf_name(name, array, source->prefix));
    if (entry == NULL) {
        return fail(source, QOQ_ERR_FORMAT, name, "missing", "");
    }
    return check_shape(source, entry, array->dim, array->rank, 0);
}

/* binary16 where the file holds wider numbers: rounded, never to infinity. */
static enum qoq_status narrow(qoq_half *out, const struct qoq_source *source,
                              const struct qoq_tensor *tensor)
{
    size_t count = qoq_tensor_elements(tensor);

    for (size_t i = 0; i < count; i++) {
        float x = element(tensor, i);
        out[i] = qoq_half_from_float(x);
        source->report->rounded += qoq_half_to_float(out[i]) != x;
        if (!qoq_half_is_finite(out[i])) {
            return qoq_fail(source->err, QOQ_ERR_RANGE, source->directory, tensor->name,
                            "element %zu is not a finite binary16 number", i);
        }
    }
    return QOQ_OK;
}

enum qoq_status qoq_source_read_plain(struct qoq_source *source, const struct qoq_array *array)
{
    char name[QOQ_ARRAY_NAME];
    struct qoq_tensor tensor;

    if (array->kind == QOQ_ARRAY_BIAS) {
        struct qoq_part part = bias_part(array);
        return qoq_source_floats(array->data, source, array, &part);
    }
    qoq_array_hf_name(name, array, source->prefix);
    QOQ_TRY(qoq_safetensors_read(&tensor, source->set, name, source->err));
    enum qoq_status status = array->dtype == QOQ_F16 ? narrow(array->data, source, &tensor)
                                                     : widen(array->data, source, &tensor);
    qoq_tensor_free(&tensor);
    return status;
}
