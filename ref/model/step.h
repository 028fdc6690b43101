/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step: the new tokens of all segments as rows, and the scratch memory of their way through the
 * layers. Row m belongs to segment order; every linear layer runs over all rows, attention over
 * each row's own sequence.
 */
#ifndef QOQ_MODEL_STEP_H
#define QOQ_MODEL_STEP_H

#include "model/session.h"
#include "ops/shape.h"

/* Rows whose baseline attention runs at a time: bounds the scratch for logits of the context. */
#define QOQ_ATTENTION_ROWS 32

struct qoq_step {
    const struct qoq_session *session;
    const struct qoq_model *model;
    const struct qoq_segment *segment;
    size_t segments;
    size_t rows;    /* tokens of all segments */
    size_t longest; /* context of the longest sequence after the step */
    void *memory;   /* everything below */

    int32_t *token;           /* [rows] */
    size_t *first;            /* [segments] first row */
    struct qoq_cache **cache; /* [rows] of the row's sequence */
    size_t *position;         /* [rows] in that sequence */
    float *sine, *cosine;     /* [rows][head_dim / 2] */
    float *residual;          /* [rows][hidden] */
    float *last;              /* [segments][hidden] */
    float *query;             /* [rows][query channels], rotated */
    float *key, *value;       /* [rows][kv channels]; key rotated */

    /* Quantized: input of a product, and outputs of products. */
    struct qoq_act act;
    qoq_half *query16, *key16, *value16;
    qoq_half *mixed16;       /* [rows][query channels], output of attention */
    qoq_half *out16;         /* [rows][hidden] */
    qoq_half *gate16, *up16; /* [rows][intermediate] */

    /* Baseline. */
    float *norm;              /* [rows][hidden] */
    float *mixed;             /* [rows][query channels] */
    float *out;               /* [rows][hidden] */
    float *gate, *up;         /* [rows][intermediate] */
    float *gated;             /* [rows][intermediate], SiLU(gate) * up */
    float *logits_of_context; /* [QOQ_ATTENTION_ROWS][heads][longest] */
};

/* Whether to spread rows over threads when each takes about `work` operations. If not, operators
 * may still spread heads. */
static inline int qoq_step_spreads(const struct qoq_step *step, size_t work)
{
    return step->rows > 1 && step->rows >= QOQ_PARALLEL_MIN / work;
}

/* About how many operations it takes to rotate and store a row, and to attend from it. */
static inline size_t qoq_place_work(const struct qoq_step *step)
{
    return qoq_query_channels(&step->model->config) + 2 * qoq_kv_channels(&step->model->config);
}

static inline size_t qoq_attend_work(const struct qoq_step *step)
{
    return step->longest * qoq_query_channels(&step->model->config);
}

/* Whether to spread segments over threads when they attend. Where they are few, attention spreads
 * the rows and heads of each. */
static inline int qoq_step_spreads_segments(const struct qoq_step *step)
{
    return step->segments >= 4 && qoq_step_spreads(step, qoq_attend_work(step));
}

/* Allocates the scratch of a step whose session, segments, rows and longest are set, and places the
 * rows. */
QOQ_CHECKED enum qoq_status qoq_step_begin(struct qoq_step *step);
void qoq_step_end(struct qoq_step *step);

/* residual = one decoder layer of residual. The caches already have room. */
QOQ_CHECKED enum qoq_status qoq_layer_quantized(const struct qoq_step *step, size_t layer);
QOQ_CHECKED enum qoq_status qoq_layer_baseline(const struct qoq_step *step, size_t layer);

#endif
