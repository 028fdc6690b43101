/* SPDX-License-Identifier: Apache-2.0 */
/* Values rotated head by head (Q 2.4). Attention mixes tokens, not channels, of the values. */
#include "model/model.h"
#include "quantize/transform.h"

/* Heads of the values: rows of v_proj, and its bias. */
static enum qoq_status rotate_values(struct qoq_linear *value, const struct qoq_config *config,
                                     const struct qoq_hadamard *rotation)
{
    for (size_t h = 0; h < config->kv_heads; h++) {
        float *rows = value->f32 + h * config->head_dim * value->k;
        QOQ_TRY(qoq_rotate_columns(rows, value->k, rotation));
    }
    return value->bias != NULL ? qoq_rotate_rows(value->bias, config->kv_heads, rotation) : QOQ_OK;
}

enum qoq_status qoq_rotate_heads(struct qoq_layer *layer, const struct qoq_config *config)
{
    struct qoq_linear *out = &layer->linear[QOQ_O];
    struct qoq_hadamard *rotation;

    QOQ_TRY(qoq_hadamard_create(&rotation, config->head_dim, 0, 0));
    enum qoq_status status = rotate_values(&layer->linear[QOQ_V], config, rotation);
    if (status == QOQ_OK) {
        status = qoq_rotate_rows(out->f32, out->n * config->heads, rotation);
    }
    qoq_hadamard_free(rotation);
    return status;
}
