/* SPDX-License-Identifier: Apache-2.0 */
/* Smoothing of the layers that write the residual stream (Q 5). */
#include "model/model.h"
#include "quantize/factors.h"

enum qoq_status qoq_smooth_output(struct qoq_layer *layer, struct qoq_calibration *calibration,
                                  const struct qoq_config *config, float alpha, int skip_o)
{
    if (!skip_o) {
        QOQ_TRY(qoq_balance_input(layer, calibration, config, QOQ_INPUT_O, alpha));
    }
    return qoq_balance_input(layer, calibration, config, QOQ_INPUT_DOWN, alpha);
}
