/* SPDX-License-Identifier: Apache-2.0 */
/* From a grid and codes to a weight of N 4. */
#include "quantize/grid.h"

#include "numerics/half.h"
#include "ops/shape.h"
#include "ops/weight_row.h"

#include <string.h>

static int scheme_of(enum qoq_scheme *scheme, enum qoq_grid_kind kind)
{
    switch (kind) {
    case QOQ_GRID_W8:
        *scheme = QOQ_W8;
        return 1;
    case QOQ_GRID_W4_CHANNEL:
        *scheme = QOQ_W4_CHANNEL;
        return 1;
    case QOQ_GRID_W4_GROUP:
        *scheme = QOQ_W4_GROUP;
        return 1;
    default:
        return 0;
    }
}

static void store_row(struct qoq_weight *out, const struct qoq_grid *grid, size_t n,
                      const int8_t *code)
{
    out->s[n] = qoq_half_from_float(grid->s[n]);
    if (out->scheme == QOQ_W8) {
        memcpy(out->code + n * out->k, code, out->k);
        return;
    }
    for (size_t k = 0; k < out->k; k++)
        qoq_nibble_append(out->code + n * qoq_nibble_bytes(out->k), k, (unsigned)code[k]);
    for (size_t at = n * grid->groups; at < (n + 1) * grid->groups; at++) {
        out->z[at] = (uint8_t)grid->zero[at];
        if (out->scheme == QOQ_W4_GROUP)
            out->s2[at] = (uint8_t)grid->step[at];
    }
}

enum qoq_status qoq_grid_store(struct qoq_weight *out, const struct qoq_grid *grid,
                               const int8_t *code)
{
    enum qoq_status status = qoq_weight_shape(out);
    enum qoq_scheme scheme;

    if (status != QOQ_OK)
        return status;
    if (grid == NULL || grid->s == NULL || code == NULL || !scheme_of(&scheme, grid->kind) ||
        scheme != out->scheme)
        return QOQ_ERR_ARGUMENT;
    if (out->n != grid->n || out->k != grid->k ||
        (scheme == QOQ_W4_GROUP && out->group != grid->group))
        return QOQ_ERR_SHAPE;
#pragma omp parallel for if (grid->n * grid->k >= QOQ_PARALLEL_MIN)
    for (size_t n = 0; n < grid->n; n++)
        store_row(out, grid, n, code + n * grid->k);
    return QOQ_OK;
}
