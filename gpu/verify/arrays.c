/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays on both sides, seeded contents, comparison. */
#include "gpu/verify/arrays.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numerics/gen.h"
#include "numerics/half.h"

void qoq_verify_note(struct qoq_verify_arrays *arrays, enum qoq_status status, const char *what)
{
    if (arrays->status == QOQ_OK && status != QOQ_OK) {
        arrays->status = status;
        arrays->failed = what;
    }
}

enum { BAND = 256, BAND_BYTE = 0xc3 };

/* Fills the bands around a new array. */
static void make_bands(struct qoq_verify_arrays *arrays, const struct qoq_verify_array *array)
{
    unsigned char band[2 * BAND];

    memset(band, BAND_BYTE, sizeof band);
    qoq_verify_note(arrays, qoq_cuda_upload(arrays->handle, array->base, band, array->before),
                    array->name);
    qoq_verify_note(
        arrays, qoq_cuda_upload(arrays->handle, (char *)array->device + array->bytes, band, BAND),
        array->name);
}

struct qoq_verify_array *qoq_verify_new(struct qoq_verify_arrays *arrays, const char *name,
                                        size_t count, size_t size)
{
    struct qoq_verify_array *array = &arrays->array[arrays->count];
    size_t band = arrays->bands ? BAND : 0;

    if (arrays->status != QOQ_OK) {
        return NULL;
    }
    if (arrays->count == QOQ_VERIFY_ARRAYS || count > (SIZE_MAX >> 1) / size) {
        qoq_verify_note(arrays, QOQ_ERR_SHAPE, name);
        return NULL;
    }
    array->name = name;
    array->bytes = count * size;
    array->before = arrays->offset / size * size + band;
    array->host = calloc(count == 0 ? 1 : count, size);
    arrays->count++;
    if (array->host == NULL) {
        qoq_verify_note(arrays, QOQ_ERR_MEMORY, name);
        return NULL;
    }
    qoq_verify_note(
        arrays, qoq_cuda_alloc(arrays->handle, &array->base, array->before + array->bytes + band),
        name);
    array->device = arrays->status == QOQ_OK ? (char *)array->base + array->before : NULL;
    if (band != 0 && arrays->status == QOQ_OK) {
        make_bands(arrays, array);
    }
    return arrays->status == QOQ_OK ? array : NULL;
}

static int is_band(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != BAND_BYTE) {
            return 0;
        }
    }
    return 1;
}

void qoq_verify_check_bands(struct qoq_verify_arrays *arrays, char *text, size_t room)
{
    for (size_t i = 0; arrays->bands && arrays->status == QOQ_OK && i < arrays->count; i++) {
        const struct qoq_verify_array *array = &arrays->array[i];
        unsigned char before[2 * BAND], after[BAND];

        qoq_verify_note(arrays,
                        qoq_cuda_download(arrays->handle, before, array->base, array->before),
                        array->name);
        qoq_verify_note(
            arrays,
            qoq_cuda_download(arrays->handle, after, (char *)array->device + array->bytes, BAND),
            array->name);
        if (arrays->status == QOQ_OK && !(is_band(before, array->before) && is_band(after, BAND))) {
            snprintf(text, room, "%s: overwritten %s the array", array->name,
                     is_band(before, array->before) ? "behind" : "before");
            qoq_verify_note(arrays, QOQ_ERR_DIFFERS, array->name);
        }
    }
}

void qoq_verify_send(struct qoq_verify_arrays *arrays, const struct qoq_verify_array *array)
{
    if (arrays->status == QOQ_OK) {
        qoq_verify_note(arrays,
                        qoq_cuda_upload(arrays->handle, array->device, array->host, array->bytes),
                        array->name);
    }
}

void *qoq_verify_fetch(struct qoq_verify_arrays *arrays, const struct qoq_verify_array *array)
{
    void *copy;

    if (arrays->status != QOQ_OK) {
        return NULL;
    }
    copy = malloc(array->bytes == 0 ? 1 : array->bytes);
    if (copy == NULL) {
        qoq_verify_note(arrays, QOQ_ERR_MEMORY, array->name);
        return NULL;
    }
    qoq_verify_note(arrays, qoq_cuda_download(arrays->handle, copy, array->device, array->bytes),
                    array->name);
    return copy;
}

void qoq_verify_free(struct qoq_verify_arrays *arrays)
{
    for (size_t i = 0; i < arrays->count; i++) {
        free(arrays->array[i].host);
        qoq_cuda_free(arrays->handle, arrays->array[i].base);
    }
    arrays->count = 0;
}

/* ---- Comparison ---- */

static size_t element_bytes(enum qoq_dtype dtype)
{
    return dtype == QOQ_F16 ? 2 : dtype == QOQ_I8 || dtype == QOQ_U8 ? 1 : 4;
}

/* The pattern of element i, all NaNs made one. */
static uint32_t pattern(const void *data, size_t i, enum qoq_dtype dtype)
{
    uint32_t word = 0;
    uint16_t half;

    switch (dtype) {
    case QOQ_F16:
        memcpy(&half, (const char *)data + 2 * i, 2);
        return (half & 0x7fff) > QOQ_HALF_INF ? QOQ_HALF_NAN : half;
    case QOQ_I8:
    case QOQ_U8:
        return ((const uint8_t *)data)[i];
    default:
        memcpy(&word, (const char *)data + 4 * i, 4);
        return dtype == QOQ_F32 && (word & UINT32_C(0x7fffffff)) > QOQ_INF_BITS ? QOQ_NAN_BITS
                                                                                : word;
    }
}

void qoq_verify_compare(struct qoq_verify_arrays *arrays, const struct qoq_verify_array *array,
                        enum qoq_dtype dtype, size_t row, char *text, size_t room)
{
    void *have = qoq_verify_fetch(arrays, array);
    size_t count = array == NULL ? 0 : array->bytes / element_bytes(dtype), wrong = 0, first = 0;

    for (size_t i = 0; arrays->status == QOQ_OK && i < count; i++) {
        if (pattern(array->host, i, dtype) != pattern(have, i, dtype)) {
            first = wrong == 0 ? i : first;
            wrong++;
        }
    }
    if (wrong != 0) {
        snprintf(text, room,
                 "%s: %zu of %zu differ, the first at (%zu, %zu): 0x%" PRIx32
                 " where the reference has 0x%" PRIx32,
                 array->name, wrong, count, first / row, first % row, pattern(have, first, dtype),
                 pattern(array->host, first, dtype));
        qoq_verify_note(arrays, QOQ_ERR_DIFFERS, array->name);
    }
    free(have);
}

/* ---- Contents ---- */

size_t qoq_verify_number(uint64_t *state, size_t lo, size_t hi)
{
    return lo + (size_t)((qoq_gen_next(state) >> 32) * (uint64_t)(hi - lo + 1) >> 32);
}

/* Element i of a row of the given kind, from the draw u. */
static float element(unsigned kind, size_t i, size_t special, uint64_t u, float constant)
{
    float x = (float)qoq_bell(u) * 0x1p-16f;

    switch (kind) {
    case 1:
        return 0.0f;
    case 2:
        return x * 0x1p-22f;
    case 3:
        return i == special ? 65504.0f : x * 0x1p13f;
    case 4:
        return i == special ? x * 64.0f : x;
    case 5:
        return constant;
    case 6:
        return -fabsf(x);
    default:
        return x;
    }
}

static float wild_element(uint64_t u, int wild)
{
    uint16_t h = (uint16_t)(u >> 48);

    return qoq_half_to_float(wild || qoq_half_is_finite(h) ? h : (uint16_t)(h & 0xbfff));
}

static void fill_row(float *x, size_t row, size_t m, uint64_t seed, int wild)
{
    uint64_t state = qoq_gen(seed, m);
    unsigned kind = (unsigned)((m + (seed >> 5)) % 8);
    size_t special = qoq_verify_number(&state, 0, row - 1);
    float constant = (float)qoq_bell(qoq_gen_next(&state)) * 0x1p-16f;

    for (size_t i = 0; i < row; i++) {
        uint64_t u = qoq_gen_next(&state);

        x[i] = kind == 7 ? wild_element(u, wild) : element(kind, i, special, u, constant);
    }
}

void qoq_verify_fill_floats(float *x, size_t rows, size_t row, uint64_t seed, int wild)
{
    for (size_t m = 0; m < rows; m++) {
        fill_row(x + m * row, row, m, seed, wild);
    }
}

void qoq_verify_fill_halves(qoq_half *x, size_t rows, size_t row, uint64_t seed, int wild)
{
    float *y = malloc(row * sizeof *y);

    for (size_t m = 0; y != NULL && m < rows; m++) {
        fill_row(y, row, m, seed, wild);
        for (size_t i = 0; i < row; i++) {
            x[m * row + i] = qoq_half_from_float(y[i]);
        }
    }
    free(y);
}

void qoq_verify_fill_bell(float *x, size_t count, uint64_t seed, float scale)
{
    for (size_t i = 0; i < count; i++) {
        x[i] = (float)qoq_bell(qoq_gen(seed, i)) * (scale * 0x1p-16f);
    }
}
