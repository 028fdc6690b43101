/* SPDX-License-Identifier: Apache-2.0 */
/* Weight matrices of any scheme (N 4, 5.1): sizes, quantization, operand (N 6.1), values. */
#include "numerics/half.h"
#include "ops/shape.h"
#include "ops/weight_row.h"

#include <string.h>

size_t qoq_weight_groups(const struct qoq_weight *w)
{
    if (w->scheme == QOQ_W4_CHANNEL)
        return 1;
    if (w->scheme != QOQ_W4_GROUP || w->group == 0)
        return 0;
    return w->k / w->group + (w->k % w->group != 0);
}

size_t qoq_weight_code_bytes(const struct qoq_weight *w)
{
    size_t row = w->scheme == QOQ_W8 ? w->k : qoq_nibble_bytes(w->k);

    return qoq_array_fits(w->n, row, 1) ? w->n * row : 0;
}

enum qoq_status qoq_weight_shape(const struct qoq_weight *w)
{
    if (w == NULL || (unsigned)w->scheme >= QOQ_SCHEMES || w->code == NULL || w->s == NULL)
        return QOQ_ERR_ARGUMENT;
    if ((w->scheme != QOQ_W8 && w->z == NULL) || (w->scheme == QOQ_W4_GROUP && w->s2 == NULL))
        return QOQ_ERR_ARGUMENT;
    if (w->scheme == QOQ_W4_GROUP ? w->group == 0 || w->group % 32 != 0 : w->group != 0)
        return QOQ_ERR_SHAPE;
    if (!qoq_rows_fit(w->n, w->k, sizeof(float)))
        return QOQ_ERR_SHAPE;
    return QOQ_OK;
}

enum qoq_status qoq_weight_quantize(struct qoq_weight *out, const float *w)
{
    enum qoq_status (*const quantize_row[QOQ_SCHEMES])(struct qoq_weight *, size_t,
                                                       const float *) = {
        [QOQ_W8] = qoq_weight_row_w8,
        [QOQ_W4_CHANNEL] = qoq_weight_row_channel,
        [QOQ_W4_GROUP] = qoq_weight_row_group,
    };
    enum qoq_status status = qoq_weight_shape(out);
    int bad = 0;

    if (status != QOQ_OK)
        return status;
    if (w == NULL)
        return QOQ_ERR_ARGUMENT;
#pragma omp parallel for reduction(| : bad) if (out->n * out->k >= QOQ_PARALLEL_MIN)
    for (size_t n = 0; n < out->n; n++)
        bad |= quantize_row[out->scheme](out, n, w + n * out->k) != QOQ_OK;
    return bad ? QOQ_ERR_RANGE : QOQ_OK;
}

static void unpack(int8_t *b, const uint8_t *code, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count / 2; i++) {
        b[2 * i] = (int8_t)(code[i] & 15);
        b[2 * i + 1] = (int8_t)(code[i] >> 4);
    }
    if (count % 2 != 0)
        b[count - 1] = (int8_t)(code[count / 2] & 15);
}

static void scale(int8_t *b, size_t count, int s2, int z)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        b[i] = (int8_t)((b[i] - z) * s2);
}

/* The second level of channels first .. first + count - 1 of row n, in place. */
static void scale_groups(int8_t *b, const struct qoq_weight *w, size_t n, size_t first,
                         size_t count)
{
    size_t row = n * qoq_weight_groups(w);

    for (size_t i = 0; i < count;) {
        size_t j = (first + i) / w->group;
        size_t left = (j + 1) * w->group - (first + i);
        size_t run = count - i < left ? count - i : left;

        scale(b + i, run, w->s2[row + j], w->z[row + j]);
        i += run;
    }
}

void qoq_weight_operand_run(int8_t *b, const struct qoq_weight *w, size_t n, size_t first,
                            size_t count)
{
    if (w->scheme == QOQ_W8) {
        memcpy(b, w->code + n * w->k + first, count);
        return;
    }
    unpack(b, w->code + n * qoq_nibble_bytes(w->k) + first / 2, count);
    if (w->scheme == QOQ_W4_GROUP)
        scale_groups(b, w, n, first, count);
}

enum qoq_status qoq_weight_operand(int8_t *b, const struct qoq_weight *w)
{
    enum qoq_status status = qoq_weight_shape(w);

    if (status != QOQ_OK)
        return status;
    if (b == NULL)
        return QOQ_ERR_ARGUMENT;
#pragma omp parallel for if (w->n * w->k >= QOQ_PARALLEL_MIN)
    for (size_t n = 0; n < w->n; n++)
        qoq_weight_operand_run(b + n * w->k, w, n, 0, w->k);
    return QOQ_OK;
}

/* N 4.6, in pieces that fit the stack. */
static void dequantize_row(float *x, const struct qoq_weight *w, size_t n)
{
    float s = qoq_half_to_float(w->s[n]);
    int32_t z = w->scheme == QOQ_W4_CHANNEL ? w->z[n] : 0;
    int8_t b[256];

    for (size_t first = 0; first < w->k; first += sizeof b) {
        size_t count = w->k - first < sizeof b ? w->k - first : sizeof b;

        qoq_weight_operand_run(b, w, n, first, count);
        for (size_t i = 0; i < count; i++)
            x[first + i] = s * (float)(b[i] - z);
    }
}

enum qoq_status qoq_weight_dequantize(float *x, const struct qoq_weight *w)
{
    enum qoq_status status = qoq_weight_shape(w);

    if (status != QOQ_OK)
        return status;
    if (x == NULL)
        return QOQ_ERR_ARGUMENT;
#pragma omp parallel for if (w->n * w->k >= QOQ_PARALLEL_MIN)
    for (size_t n = 0; n < w->n; n++)
        dequantize_row(x + n * w->k, w, n);
    return QOQ_OK;
}
