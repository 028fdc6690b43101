/* SPDX-License-Identifier: Apache-2.0 */
/* Validity of weights that come from elsewhere: N 4.4, and the spare nibble of N 5.1. */
#include "ops/shape.h"
#include "ops/weight_row.h"

static int group_valid(const uint8_t *code, size_t first, size_t end, int32_t s2, int32_t z)
{
    if (s2 < 1 || s2 > 17 || z > 15 || z * s2 > 128)
        return 0;
    for (size_t k = first; k < end; k++) {
        int32_t w8 = ((int32_t)qoq_nibble_get(code, k) - z) * s2;

        if (w8 < -128 || w8 > 127)
            return 0;
    }
    return 1;
}

static int groups_valid(const struct qoq_weight *w, size_t n)
{
    const uint8_t *code = w->code + n * qoq_nibble_bytes(w->k);
    size_t groups = qoq_weight_groups(w);

    for (size_t j = 0; j < groups; j++) {
        size_t first = j * w->group;
        size_t end = w->k - first < w->group ? w->k : first + w->group;

        if (!group_valid(code, first, end, w->s2[n * groups + j], w->z[n * groups + j]))
            return 0;
    }
    return 1;
}

static int row_valid(const struct qoq_weight *w, size_t n)
{
    /* As a pattern: above +0, below +infinity. */
    if (w->s[n] == 0 || w->s[n] >= UINT16_C(0x7c00))
        return 0;
    if (w->scheme == QOQ_W8)
        return 1;
    if (w->k % 2 != 0 && w->code[(n + 1) * qoq_nibble_bytes(w->k) - 1] > 15)
        return 0;
    return w->scheme == QOQ_W4_GROUP ? groups_valid(w, n) : w->z[n] <= 15;
}

enum qoq_status qoq_weight_check(const struct qoq_weight *w)
{
    enum qoq_status status = qoq_weight_shape(w);
    int bad = 0;

    if (status != QOQ_OK)
        return status;
#pragma omp parallel for reduction(| : bad) if (w->n * w->k >= QOQ_PARALLEL_MIN)
    for (size_t n = 0; n < w->n; n++)
        bad |= !row_valid(w, n);
    return bad ? QOQ_ERR_RANGE : QOQ_OK;
}
