/* SPDX-License-Identifier: Apache-2.0 */
/* Profile qserve, SiLU of the gate times up: N 23. */
#include "numerics/half.h"
#include "ops/qserve_elementary.h"
#include "ops/shape.h"
#include "qoq_qserve.h"

enum qoq_status qoq_qserve_silu_mul(qoq_half *out, const qoq_half *gate, const qoq_half *up,
                                    size_t count)
{
    if (out == NULL || gate == NULL || up == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_array_fits(count, 1, sizeof *out))
        return QOQ_ERR_SHAPE;
#pragma omp parallel for if (count >= QOQ_PARALLEL_MIN)
    for (size_t i = 0; i < count; i++) {
        float g = qoq_half_to_float(gate[i]);

        out[i] =
            qoq_half_mul(qoq_half_from_float(g * qoq_qserve_rcp(1.0f + qoq_qserve_exp(-g))), up[i]);
    }
    return QOQ_OK;
}
