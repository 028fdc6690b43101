/* SPDX-License-Identifier: Apache-2.0 */
/* How far a linear layer moved by quantization (N 4.7). */
#include "model/model.h"

enum qoq_status qoq_linear_stats(struct qoq_error_stats *out, float *work,
                                 const struct qoq_linear *baseline,
                                 const struct qoq_linear *quantized)
{
    if (out == NULL || work == NULL || baseline == NULL || quantized == NULL ||
        baseline->f32 == NULL || quantized->w.code == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    if (baseline->n != quantized->n || baseline->k != quantized->k) {
        return QOQ_ERR_SHAPE;
    }
    QOQ_TRY(qoq_weight_dequantize(work, &quantized->w));
    return qoq_error_stats(out, baseline->f32, work, baseline->n * baseline->k);
}
