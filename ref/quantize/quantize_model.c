/* SPDX-License-Identifier: Apache-2.0 */
/* A whole model in memory through the quantizer. */
#include "quantize/quantizer.h"

#include <stdlib.h>
#include <string.h>

/* Embedding, head and final gain of the result: in binary32, or narrowed. */
static enum qoq_status deliver_ends(struct qoq_model *out, const float *embed, const float *head,
                                    const float *norm)
{
    size_t hidden = out->config.hidden, count = out->config.vocab * hidden;

    memcpy(out->norm, norm, hidden * sizeof *norm);
    if (out->precision != QOQ_FP32) {
        QOQ_TRY(qoq_narrow(out->embed, embed, count));
        return head != NULL ? qoq_narrow(out->head, head, count) : QOQ_OK;
    }
    memcpy(out->embed_f32, embed, count * sizeof *embed);
    if (head != NULL) {
        memcpy(out->head_f32, head, count * sizeof *head);
    }
    return QOQ_OK;
}

static float *copy_floats(const float *in, size_t count)
{
    float *copy = malloc(count * sizeof *copy);

    if (copy != NULL) {
        memcpy(copy, in, count * sizeof *copy);
    }
    return copy;
}

static enum qoq_status quantize_ends(struct qoq_model *out, struct qoq_quantizer *quantizer,
                                     const struct qoq_model *baseline, const int32_t *token)
{
    size_t hidden = out->config.hidden, count = out->config.vocab * hidden;
    int tied = out->config.tie_embeddings;
    float *embed = copy_floats(baseline->embed_f32, count),
          *head = tied ? NULL : copy_floats(baseline->head_f32, count),
          *norm = copy_floats(baseline->norm, hidden);
    enum qoq_status status = QOQ_ERR_MEMORY;

    if (embed != NULL && norm != NULL && (tied || head != NULL)) {
        status = qoq_quantizer_ends(quantizer, embed, head, norm, token);
    }
    if (status == QOQ_OK) {
        status = deliver_ends(out, embed, head, norm);
    }
    free(embed);
    free(head);
    free(norm);
    return status;
}

static void copy_layer(struct qoq_layer *to, const struct qoq_layer *from,
                       const struct qoq_config *config)
{
    memcpy(to->input_norm, from->input_norm, config->hidden * sizeof *to->input_norm);
    memcpy(to->post_norm, from->post_norm, config->hidden * sizeof *to->post_norm);
    if (config->qk_norm) {
        memcpy(to->q_norm, from->q_norm, config->head_dim * sizeof *to->q_norm);
        memcpy(to->k_norm, from->k_norm, config->head_dim * sizeof *to->k_norm);
    }
    for (int id = 0; id < QOQ_LINEARS; id++) {
        const struct qoq_linear *linear = &from->linear[id];
        memcpy(to->linear[id].f32, linear->f32, linear->n * linear->k * sizeof *linear->f32);
        if (linear->bias != NULL) {
            memcpy(to->linear[id].bias, linear->bias, linear->n * sizeof *linear->bias);
        }
    }
}

/* Where one layer's progress goes. */
struct place {
    const struct qoq_progress *progress;
    size_t layer, layers;
};

static void report_layer(void *context, size_t done, size_t total)
{
    const struct place *place = context;

    (void)total;
    qoq_report(place->progress, 1000 * place->layer + done, 1000 * place->layers);
}

static enum qoq_status quantize_layers(struct qoq_model *out, struct qoq_quantizer *quantizer,
                                       const struct qoq_model *baseline,
                                       const struct qoq_progress *progress)
{
    struct place place = {progress, 0, out->config.layers};
    struct qoq_progress inner = {report_layer, &place};
    struct qoq_layer copy;
    enum qoq_status status = QOQ_OK;

    QOQ_TRY(qoq_layer_create(&copy, &baseline->config, QOQ_FP32, 0));
    for (; place.layer < place.layers && status == QOQ_OK; place.layer++) {
        copy_layer(&copy, &baseline->layer[place.layer], &baseline->config);
        status = qoq_quantizer_layer(quantizer, &out->layer[place.layer], &copy, NULL, &inner);
    }
    qoq_layer_free(&copy);
    return status;
}

static enum qoq_status run(struct qoq_model **out, struct qoq_quantizer *quantizer,
                           const struct qoq_model *baseline, const int32_t *token,
                           const struct qoq_progress *progress)
{
    const struct qoq_recipe *recipe = &quantizer->recipe;

    QOQ_TRY(qoq_model_create(out, &quantizer->result, qoq_recipe_precision(recipe), recipe->group));
    (*out)->simulation = qoq_recipe_simulation(recipe);
    QOQ_TRY(quantize_ends(*out, quantizer, baseline, token));
    qoq_report(progress, 0, 1000 * baseline->config.layers);
    return quantize_layers(*out, quantizer, baseline, progress);
}

enum qoq_status qoq_model_quantize(struct qoq_model **out, const struct qoq_model *baseline,
                                   const struct qoq_recipe *recipe, const int32_t *token,
                                   size_t sequences, size_t length,
                                   const struct qoq_progress *progress)
{
    struct qoq_quantizer *quantizer;

    if (out == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    *out = NULL;
    if (baseline == NULL || baseline->precision != QOQ_FP32) {
        return QOQ_ERR_ARGUMENT;
    }
    if (token == NULL && recipe != NULL && !qoq_recipe_needs_tokens(recipe)) {
        sequences = 0;
    }
    QOQ_TRY(qoq_quantizer_create(&quantizer, recipe, &baseline->config, sequences, length));
    enum qoq_status status = run(out, quantizer, baseline, token, progress);
    qoq_quantizer_free(quantizer);
    if (status != QOQ_OK) {
        qoq_model_free(*out);
        *out = NULL;
    }
    return status;
}

enum qoq_status qoq_model_quantize_rtn(struct qoq_model **out, const struct qoq_model *baseline,
                                       enum qoq_precision precision, size_t group,
                                       const struct qoq_progress *progress)
{
    static const enum qoq_grid_kind grids[] = {[QOQ_FP32] = QOQ_GRID_NONE,
                                               [QOQ_W8A8KV8] = QOQ_GRID_W8,
                                               [QOQ_W4A8KV4_CHANNEL] = QOQ_GRID_W4_CHANNEL,
                                               [QOQ_W4A8KV4_GROUP] = QOQ_GRID_W4_GROUP};
    struct qoq_recipe recipe = {.act_bits = 8};

    if (out == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    *out = NULL;
    if ((unsigned)precision >= QOQ_PRECISIONS || precision == QOQ_FP32) {
        return QOQ_ERR_ARGUMENT;
    }
    recipe.grid = grids[precision];
    recipe.group = precision == QOQ_W4A8KV4_GROUP ? group : 0;
    recipe.kv_bits = qoq_precision_kv_bits(precision);
    return qoq_model_quantize(out, baseline, &recipe, NULL, 0, 0, progress);
}
