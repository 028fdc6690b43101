/* SPDX-License-Identifier: Apache-2.0 */
/* The arrays of a model: allocation, release, size. */
#include "model/arrays.h"

#include <stdlib.h>
#include <string.h>

static float *new_floats(size_t count)
{
    return calloc(count, sizeof(float));
}

static int create_weight(struct qoq_weight *w, enum qoq_precision precision, size_t group, size_t n,
                         size_t k)
{
    *w = (struct qoq_weight){
        .scheme = qoq_precision_scheme(precision), .n = n, .k = k, .group = group};
    size_t params = n * qoq_weight_groups(w);
    w->code = calloc(qoq_weight_code_bytes(w), 1);
    w->s = calloc(n, sizeof *w->s);
    if (w->scheme == QOQ_W4_GROUP) {
        w->s2 = calloc(params, 1);
    }
    if (w->scheme != QOQ_W8) {
        w->z = calloc(params, 1);
    }
    return w->code != NULL && w->s != NULL && (w->s2 != NULL || w->scheme != QOQ_W4_GROUP) &&
           (w->z != NULL || w->scheme == QOQ_W8);
}

static int create_linear(struct qoq_linear *linear, const struct qoq_config *config,
                         enum qoq_precision precision, size_t group, enum qoq_linear_id id)
{
    int good = 1;

    qoq_linear_shape(&linear->n, &linear->k, config, id);
    if (precision == QOQ_FP32) {
        linear->f32 = new_floats(linear->n * linear->k);
        good = linear->f32 != NULL;
    } else {
        good = create_weight(&linear->w, precision, group, linear->n, linear->k);
    }
    if (good && qoq_linear_has_bias(config, id)) {
        linear->bias = new_floats(linear->n);
        good = linear->bias != NULL;
    }
    return good;
}

enum qoq_status qoq_layer_create(struct qoq_layer *layer, const struct qoq_config *config,
                                 enum qoq_precision precision, size_t group)
{
    int good;

    memset(layer, 0, sizeof *layer);
    layer->input_norm = new_floats(config->hidden);
    layer->post_norm = new_floats(config->hidden);
    good = layer->input_norm != NULL && layer->post_norm != NULL;
    if (config->qk_norm) {
        layer->q_norm = new_floats(config->head_dim);
        layer->k_norm = new_floats(config->head_dim);
        good = good && layer->q_norm != NULL && layer->k_norm != NULL;
    }
    for (int id = 0; good && id < QOQ_LINEARS; id++) {
        good = create_linear(&layer->linear[id], config, precision, group, (enum qoq_linear_id)id);
    }
    if (!good) {
        qoq_layer_free(layer);
        return QOQ_ERR_MEMORY;
    }
    return QOQ_OK;
}

static int create_ends(struct qoq_model *model)
{
    size_t count = model->config.vocab * model->config.hidden;
    int tied = model->config.tie_embeddings;

    model->norm = new_floats(model->config.hidden);
    if (model->precision == QOQ_FP32) {
        model->embed_f32 = new_floats(count);
        model->head_f32 = tied ? model->embed_f32 : new_floats(count);
        return model->norm != NULL && model->embed_f32 != NULL && model->head_f32 != NULL;
    }
    model->embed = calloc(count, sizeof *model->embed);
    model->head = tied ? model->embed : calloc(count, sizeof *model->head);
    return model->norm != NULL && model->embed != NULL && model->head != NULL;
}

static int create_arrays(struct qoq_model *model)
{
    int good = create_ends(model);

    model->layer = calloc(model->config.layers, sizeof *model->layer);
    good = good && model->layer != NULL;
    for (size_t i = 0; good && i < model->config.layers; i++) {
        good = qoq_layer_create(&model->layer[i], &model->config, model->precision, model->group) ==
               QOQ_OK;
    }
    return good;
}

enum qoq_status qoq_model_create(struct qoq_model **model, const struct qoq_config *config,
                                 enum qoq_precision precision, size_t group)
{
    struct qoq_model *made;

    if (model == NULL) {
        return QOQ_ERR_ARGUMENT;
    }
    *model = NULL;
    QOQ_TRY(qoq_config_check(config, NULL));
    if ((unsigned)precision >= QOQ_PRECISIONS) {
        return QOQ_ERR_ARGUMENT;
    }
    if (precision == QOQ_W4A8KV4_GROUP &&
        (group == 0 || group % 32 != 0 || group > QOQ_MAX_CHANNELS)) {
        return QOQ_ERR_SHAPE;
    }
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        return QOQ_ERR_MEMORY;
    }
    made->config = *config;
    made->precision = precision;
    made->group = precision == QOQ_W4A8KV4_GROUP ? group : 0;
    if (!create_arrays(made)) {
        qoq_model_free(made);
        return QOQ_ERR_MEMORY;
    }
    *model = made;
    return QOQ_OK;
}

void qoq_layer_free(struct qoq_layer *layer)
{
    free(layer->input_norm);
    free(layer->post_norm);
    free(layer->q_norm);
    free(layer->k_norm);
    for (int id = 0; id < QOQ_LINEARS; id++) {
        struct qoq_linear *linear = &layer->linear[id];
        free(linear->f32);
        free(linear->bias);
        free(linear->w.code);
        free(linear->w.s);
        free(linear->w.s2);
        free(linear->w.z);
    }
    memset(layer, 0, sizeof *layer);
}

void qoq_model_free(struct qoq_model *model)
{
    if (model == NULL) {
        return;
    }
    for (size_t i = 0; model->layer != NULL && i < model->config.layers; i++) {
        qoq_layer_free(&model->layer[i]);
    }
    free(model->layer);
    free(model->norm);
    if (model->head_f32 != model->embed_f32) {
        free(model->head_f32);
    }
    if (model->head != model->embed) {
        free(model->head);
    }
    free(model->embed_f32);
    free(model->embed);
    free(model);
}

struct size_count {
    size_t linears, rest;
};

static enum qoq_status count_bytes(void *context, const struct qoq_array *array)
{
    struct size_count *count = context;
    size_t element = array->dtype == QOQ_F32   ? sizeof(float)
                     : array->dtype == QOQ_F16 ? sizeof(qoq_half)
                                               : 1;
    size_t bytes = array->dim[0] * (array->rank == 2 ? array->dim[1] : 1) * element;

    *(array->kind >= QOQ_ARRAY_WEIGHT && array->kind <= QOQ_ARRAY_Z ? &count->linears
                                                                    : &count->rest) += bytes;
    return QOQ_OK;
}

size_t qoq_outline_bytes(const struct qoq_outline *outline, size_t *linear_bytes)
{
    struct size_count count = {0, 0};
    enum qoq_status status = qoq_arrays_visit(outline, count_bytes, &count);

    (void)status;
    if (linear_bytes != NULL) {
        *linear_bytes = count.linears;
    }
    return count.linears + count.rest;
}

size_t qoq_model_bytes(const struct qoq_model *model, size_t *linear_bytes)
{
    struct qoq_outline outline = qoq_model_outline(model);

    return qoq_outline_bytes(&outline, linear_bytes);
}
