/* SPDX-License-Identifier: Apache-2.0 */
/* One baseline layer as a model of its own, with a step over one sequence: the graph of N 12.2 from
 * any residual stream. */
#ifndef QOQ_QUANTIZE_ONE_LAYER_H
#define QOQ_QUANTIZE_ONE_LAYER_H

#include "model/step.h"

/* Holds pointers into itself: does not move. */
struct qoq_one_layer {
    struct qoq_layer layer; /* whose arrays are the caller's */
    struct qoq_model model;
    struct qoq_session *session;
    int32_t *token; /* all 0, read by nobody */
    struct qoq_segment segment;
    struct qoq_step step; /* rows 0 .. length - 1, ready to run any number of times */
};

/* QOQ_ERR_SHAPE: length 0 or beyond max_positions. Holds nothing on failure. */
QOQ_CHECKED enum qoq_status qoq_one_layer_create(struct qoq_one_layer *out,
                                                 const struct qoq_layer *layer,
                                                 const struct qoq_config *config, size_t length,
                                                 const struct qoq_observer *observer);
void qoq_one_layer_free(struct qoq_one_layer *one);

#endif
