/* SPDX-License-Identifier: Apache-2.0 */
/* The transformations of one layer in the order of the recipe (Q 1.2). */
#include "quantize/quantizer.h"

#include <stdlib.h>

enum qoq_status qoq_prepare_layer(struct qoq_layer *layer, const struct qoq_quantizer *quantizer)
{
    const struct qoq_config *config = &quantizer->source;

    if (quantizer->rotation != NULL) {
        qoq_fold_norms(layer, config);
        QOQ_TRY(qoq_rotate_layer(layer, config, quantizer->rotation));
    }
    return quantizer->recipe.rotate_heads ? qoq_rotate_heads(layer, config) : QOQ_OK;
}

static enum qoq_status smooth_keys(struct qoq_layer *layer, struct qoq_calibration *calibration,
                                   const struct qoq_quantizer *quantizer,
                                   const struct qoq_progress *progress)
{
    const struct qoq_config *config = &quantizer->source;
    const struct qoq_recipe *recipe = &quantizer->recipe;
    float *lambda = malloc(qoq_kv_channels(config) * sizeof *lambda);

    if (lambda == NULL) {
        return QOQ_ERR_MEMORY;
    }
    enum qoq_status status =
        recipe->smooth_attention == QOQ_SEARCH_GRID
            ? qoq_attention_search(lambda, calibration, layer, config, recipe->kv_bits, progress)
            : qoq_attention_factors(lambda, calibration, config, recipe->attention_alpha);
    if (status == QOQ_OK) {
        qoq_smooth_attention(layer, calibration, config, lambda);
    }
    free(lambda);
    return status;
}

enum qoq_status qoq_smooth_layer(struct qoq_layer *layer, struct qoq_calibration *calibration,
                                 const struct qoq_quantizer *quantizer,
                                 const struct qoq_progress *progress)
{
    const struct qoq_recipe *recipe = &quantizer->recipe;
    const struct qoq_config *config = &quantizer->source;

    if (recipe->smooth_input == QOQ_INPUT_SMOOTHQUANT) {
        QOQ_TRY(qoq_smooth_input(layer, calibration, config, recipe->input_alpha));
    } else if (recipe->smooth_input == QOQ_INPUT_AWQ) {
        QOQ_TRY(qoq_smooth_awq(layer, calibration, config, recipe->grid, recipe->group));
    }
    if (recipe->reorder) {
        QOQ_TRY(qoq_reorder_down(layer, calibration, config, NULL));
    }
    if (recipe->smooth_attention != QOQ_SEARCH_OFF) {
        QOQ_TRY(smooth_keys(layer, calibration, quantizer, progress));
    }
    if (recipe->smooth_output) {
        QOQ_TRY(qoq_smooth_output(layer, calibration, config, recipe->output_alpha,
                                  recipe->rotate_heads));
    }
    return QOQ_OK;
}
