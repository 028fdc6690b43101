/* SPDX-License-Identifier: Apache-2.0 */
/* Smoothing of the layers that read the residual stream, after SmoothQuant (Q 8.1). */
#include "model/model.h"
#include "quantize/factors.h"

enum qoq_status qoq_smooth_input(struct qoq_layer *layer, struct qoq_calibration *calibration,
                                 const struct qoq_config *config, float alpha)
{
    QOQ_TRY(qoq_balance_input(layer, calibration, config, QOQ_INPUT_ATTENTION, alpha));
    return qoq_balance_input(layer, calibration, config, QOQ_INPUT_MLP, alpha);
}
