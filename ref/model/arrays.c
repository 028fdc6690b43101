/* SPDX-License-Identifier: Apache-2.0 */
/* The list of a model's arrays with their types and shapes (N 5.1, 12.1, 12.2). */
#include "model/arrays.h"

struct walk {
    const struct qoq_outline *outline;
    qoq_array_visitor visit;
    void *context;
    size_t layer;
    const struct qoq_layer *data; /* of the layer, or NULL */
    enum qoq_linear_id linear;
};

static enum qoq_status vector(const struct walk *walk, enum qoq_array_kind kind,
                              enum qoq_dtype dtype, void *data, size_t n)
{
    struct qoq_array array = {kind, walk->layer, walk->linear, dtype, 1, {n, 0}, data};

    return walk->visit(walk->context, &array);
}

static enum qoq_status matrix(const struct walk *walk, enum qoq_array_kind kind,
                              enum qoq_dtype dtype, void *data, size_t n, size_t k)
{
    struct qoq_array array = {kind, walk->layer, walk->linear, dtype, 2, {n, k}, data};

    return walk->visit(walk->context, &array);
}

static enum qoq_status visit_ends(const struct walk *walk)
{
    const struct qoq_outline *outline = walk->outline;
    const struct qoq_config *config = outline->config;
    const struct qoq_model *model = outline->model;
    void *embed = NULL, *head = NULL;
    enum qoq_dtype dtype = outline->precision == QOQ_FP32 ? QOQ_F32 : QOQ_F16;

    if (model != NULL) {
        embed = dtype == QOQ_F32 ? (void *)model->embed_f32 : (void *)model->embed;
        head = dtype == QOQ_F32 ? (void *)model->head_f32 : (void *)model->head;
    }
    QOQ_TRY(matrix(walk, QOQ_ARRAY_EMBED, dtype, embed, config->vocab, config->hidden));
    if (!config->tie_embeddings) {
        QOQ_TRY(matrix(walk, QOQ_ARRAY_HEAD, dtype, head, config->vocab, config->hidden));
    }
    return vector(walk, QOQ_ARRAY_NORM, QOQ_F32, model != NULL ? model->norm : NULL,
                  config->hidden);
}

static enum qoq_status visit_weight(const struct walk *walk, const struct qoq_weight *w)
{
    size_t groups = qoq_weight_groups(w);

    if (w->scheme == QOQ_W8) {
        QOQ_TRY(matrix(walk, QOQ_ARRAY_CODE, QOQ_I8, w->code, w->n, w->k));
    } else {
        QOQ_TRY(matrix(walk, QOQ_ARRAY_CODE, QOQ_U8, w->code, w->n, (w->k + 1) / 2));
    }
    QOQ_TRY(vector(walk, QOQ_ARRAY_S, QOQ_F16, w->s, w->n));
    if (w->scheme == QOQ_W4_GROUP) {
        QOQ_TRY(matrix(walk, QOQ_ARRAY_S2, QOQ_U8, w->s2, w->n, groups));
        return matrix(walk, QOQ_ARRAY_Z, QOQ_U8, w->z, w->n, groups);
    }
    return w->scheme == QOQ_W8 ? QOQ_OK : vector(walk, QOQ_ARRAY_Z, QOQ_U8, w->z, w->n);
}

/* The linear layer itself, or an empty one of its shape. */
static struct qoq_linear linear_of(const struct walk *walk)
{
    const struct qoq_outline *outline = walk->outline;
    struct qoq_linear linear = {0};

    if (walk->data != NULL) {
        return walk->data->linear[walk->linear];
    }
    qoq_linear_shape(&linear.n, &linear.k, outline->config, walk->linear);
    linear.w.scheme = qoq_precision_scheme(outline->precision);
    linear.w.n = linear.n;
    linear.w.k = linear.k;
    linear.w.group = outline->group;
    return linear;
}

static enum qoq_status visit_linear(const struct walk *walk)
{
    struct qoq_linear linear = linear_of(walk);

    if (walk->outline->precision == QOQ_FP32) {
        QOQ_TRY(matrix(walk, QOQ_ARRAY_WEIGHT, QOQ_F32, linear.f32, linear.n, linear.k));
    } else {
        QOQ_TRY(visit_weight(walk, &linear.w));
    }
    if (!qoq_linear_has_bias(walk->outline->config, walk->linear)) {
        return QOQ_OK;
    }
    return vector(walk, QOQ_ARRAY_BIAS, QOQ_F32, linear.bias, linear.n);
}

static enum qoq_status visit_head_norms(const struct walk *walk, const struct qoq_layer *layer)
{
    size_t head_dim = walk->outline->config->head_dim;

    QOQ_TRY(
        vector(walk, QOQ_ARRAY_Q_NORM, QOQ_F32, layer != NULL ? layer->q_norm : NULL, head_dim));
    return vector(walk, QOQ_ARRAY_K_NORM, QOQ_F32, layer != NULL ? layer->k_norm : NULL, head_dim);
}

static enum qoq_status visit_layer(struct walk *walk)
{
    const struct qoq_layer *layer = walk->data;
    size_t hidden = walk->outline->config->hidden;

    QOQ_TRY(vector(walk, QOQ_ARRAY_INPUT_NORM, QOQ_F32, layer != NULL ? layer->input_norm : NULL,
                   hidden));
    QOQ_TRY(vector(walk, QOQ_ARRAY_POST_NORM, QOQ_F32, layer != NULL ? layer->post_norm : NULL,
                   hidden));
    if (walk->outline->config->qk_norm) {
        QOQ_TRY(visit_head_norms(walk, layer));
    }
    for (int id = 0; id < QOQ_LINEARS; id++) {
        walk->linear = (enum qoq_linear_id)id;
        QOQ_TRY(visit_linear(walk));
    }
    return QOQ_OK;
}

enum qoq_status qoq_arrays_visit_ends(const struct qoq_outline *outline, qoq_array_visitor visit,
                                      void *context)
{
    struct walk walk = {.outline = outline, .visit = visit, .context = context};

    return visit_ends(&walk);
}

enum qoq_status qoq_arrays_visit_layer(const struct qoq_outline *outline, size_t layer,
                                       const struct qoq_layer *data, qoq_array_visitor visit,
                                       void *context)
{
    struct walk walk = {
        .outline = outline, .visit = visit, .context = context, .layer = layer, .data = data};

    return visit_layer(&walk);
}

enum qoq_status qoq_arrays_visit(const struct qoq_outline *outline, qoq_array_visitor visit,
                                 void *context)
{
    const struct qoq_model *model = outline->model;

    QOQ_TRY(qoq_arrays_visit_ends(outline, visit, context));
    for (size_t i = 0; i < outline->config->layers; i++) {
        QOQ_TRY(qoq_arrays_visit_layer(outline, i, model != NULL ? &model->layer[i] : NULL, visit,
                                       context));
    }
    return QOQ_OK;
}
