/* SPDX-License-Identifier: Apache-2.0 */
/* A decoder layer whose residual stream is x R instead of x (Q 2.3). */
#include "model/model.h"
#include "quantize/factors.h"

static int is_plain(const float *gain, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (gain[i] != 1.0f) {
            return 0;
        }
    }
    return 1;
}

static enum qoq_status rotate_input(struct qoq_linear *linear, const struct qoq_hadamard *rotation)
{
    return qoq_rotate_rows(linear->f32, linear->n, rotation);
}

static enum qoq_status rotate_output(struct qoq_linear *linear, const struct qoq_hadamard *rotation)
{
    QOQ_TRY(qoq_rotate_columns(linear->f32, linear->k, rotation));
    return linear->bias != NULL ? qoq_rotate_rows(linear->bias, 1, rotation) : QOQ_OK;
}

enum qoq_status qoq_rotate_layer(struct qoq_layer *layer, const struct qoq_config *config,
                                 const struct qoq_hadamard *rotation)
{
    static const enum qoq_linear_id inputs[] = {QOQ_Q, QOQ_K, QOQ_V, QOQ_GATE, QOQ_UP};

    if (qoq_hadamard_size(rotation) != config->hidden) {
        return QOQ_ERR_SHAPE;
    }
    if (!is_plain(layer->input_norm, config->hidden) ||
        !is_plain(layer->post_norm, config->hidden)) {
        return QOQ_ERR_ARGUMENT;
    }
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        QOQ_TRY(rotate_input(&layer->linear[inputs[i]], rotation));
    }
    QOQ_TRY(rotate_output(&layer->linear[QOQ_O], rotation));
    return rotate_output(&layer->linear[QOQ_DOWN], rotation);
}
