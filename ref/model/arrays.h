/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every array of a model, one after the other: what reads, writes and checks whole models goes
 * through this list, so that none is forgotten. The order is fixed: embedding, head (if not tied),
 * final norm, then layer by layer.
 */
#ifndef QOQ_MODEL_ARRAYS_H
#define QOQ_MODEL_ARRAYS_H

#include "model/model.h"

enum qoq_array_kind {
    QOQ_ARRAY_EMBED,
    QOQ_ARRAY_HEAD,
    QOQ_ARRAY_NORM,
    QOQ_ARRAY_INPUT_NORM,
    QOQ_ARRAY_POST_NORM,
    QOQ_ARRAY_Q_NORM, /* with qk_norm */
    QOQ_ARRAY_K_NORM,
    /* Of a linear layer. */
    QOQ_ARRAY_WEIGHT, /* baseline */
    QOQ_ARRAY_CODE,
    QOQ_ARRAY_S,
    QOQ_ARRAY_S2,
    QOQ_ARRAY_Z,
    QOQ_ARRAY_BIAS
};

struct qoq_array {
    enum qoq_array_kind kind;
    size_t layer;              /* from QOQ_ARRAY_INPUT_NORM on */
    enum qoq_linear_id linear; /* from QOQ_ARRAY_WEIGHT on */
    enum qoq_dtype dtype;
    int rank;
    size_t dim[2];
    void *data; /* the model's; NULL without one */
};

/* A model, or (model is NULL) what its arrays would be. */
struct qoq_outline {
    const struct qoq_config *config;
    enum qoq_precision precision;
    size_t group;
    const struct qoq_model *model;
};

/* The outline of an existing model. */
static inline struct qoq_outline qoq_model_outline(const struct qoq_model *model)
{
    struct qoq_outline outline = {&model->config, model->precision, model->group, model};

    return outline;
}

/* Calls visit for every array until it returns something else than QOQ_OK; returns that. config
 * must have been checked. */
typedef enum qoq_status (*qoq_array_visitor)(void *context, const struct qoq_array *array);
QOQ_CHECKED enum qoq_status qoq_arrays_visit(const struct qoq_outline *outline,
                                             qoq_array_visitor visit, void *context);

/* Its two parts: embedding, head and final norm; one layer, whose arrays are those of `data` (NULL:
 * only described). */
QOQ_CHECKED enum qoq_status qoq_arrays_visit_ends(const struct qoq_outline *outline,
                                                  qoq_array_visitor visit, void *context);
QOQ_CHECKED enum qoq_status qoq_arrays_visit_layer(const struct qoq_outline *outline, size_t layer,
                                                   const struct qoq_layer *data,
                                                   qoq_array_visitor visit, void *context);

/* Bytes of all arrays, and (if linear_bytes is not NULL) of codes, scales and zeros of the linear
 * layers. */
size_t qoq_outline_bytes(const struct qoq_outline *outline, size_t *linear_bytes);

#endif
