/* SPDX-License-Identifier: Apache-2.0 */
/* Norm gains into the linear layers that read the norm (Q 2.1). */
#include "model/model.h"
#include "quantize/factors.h"

static void make_plain(float *gain, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        gain[i] = 1.0f;
    }
}

void qoq_fold_norms(struct qoq_layer *layer, const struct qoq_config *config)
{
    qoq_scale_readers(layer, QOQ_INPUT_ATTENTION, layer->input_norm);
    qoq_scale_readers(layer, QOQ_INPUT_MLP, layer->post_norm);
    make_plain(layer->input_norm, config->hidden);
    make_plain(layer->post_norm, config->hidden);
}

void qoq_fold_final_norm(float *head, float *norm, const struct qoq_config *config)
{
    qoq_scale_columns(head, config->vocab, config->hidden, norm);
    make_plain(norm, config->hidden);
}
