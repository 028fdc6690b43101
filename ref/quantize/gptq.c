/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding with error feedback: Q 6.3. */
#include "quantize/gptq.h"

#include "model/model.h"

#include <math.h>
#include <stdlib.h>

enum qoq_status qoq_gptq(int8_t *code, const struct qoq_grid *grid, const float *w, double *gram,
                         float damp, double *damped)
{
    struct qoq_feedback_column *column;
    enum qoq_status status;

    if (code == NULL || grid == NULL || grid->s == NULL || w == NULL || gram == NULL ||
        !(damp > 0.0f && damp < INFINITY))
        return QOQ_ERR_ARGUMENT;
    column = malloc(grid->k * sizeof *column);
    if (column == NULL)
        return QOQ_ERR_MEMORY;
    status = qoq_feedback_factor(column, gram, grid->k, damp, damped);
    if (status == QOQ_OK)
        status = qoq_feedback_round(code, grid, w, gram, column);
    free(column);
    return status;
}
