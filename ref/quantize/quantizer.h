/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a quantization that goes layer by layer, and the two halves of the work on one
 * layer. */
#ifndef QOQ_QUANTIZE_QUANTIZER_H
#define QOQ_QUANTIZE_QUANTIZER_H

#include "model/model.h"
#include "quantize/calibration.h"
#include "quantize/transform.h"

/* Of the calibration text, what searches by attention error look at (Q 4.4). */
#define QOQ_SAMPLE_SEQUENCES 8
#define QOQ_SAMPLE_TOKENS 512

struct qoq_quantizer {
    struct qoq_recipe recipe;
    struct qoq_config source, result;
    size_t sequences, length;
    struct qoq_hadamard *rotation; /* NULL: none */
    float *hidden;                 /* [sequences][length][hidden]; NULL without tokens */
};

/* Progress within one layer, in thousandths; work reports its own share of them. */
struct qoq_share {
    const struct qoq_progress *progress;
    size_t first, count;
};

/* A qoq_progress that reports into a share; valid as long as *share. */
struct qoq_progress qoq_share_progress(struct qoq_share *share);

/* The transformations of the recipe that need no statistics (before calibration), and those that
 * do. */
QOQ_CHECKED enum qoq_status qoq_prepare_layer(struct qoq_layer *layer,
                                              const struct qoq_quantizer *quantizer);
QOQ_CHECKED enum qoq_status qoq_smooth_layer(struct qoq_layer *layer,
                                             struct qoq_calibration *calibration,
                                             const struct qoq_quantizer *quantizer,
                                             const struct qoq_progress *progress);

/* Rounds the seven linear layers into out; calibration NULL: none was needed. */
QOQ_CHECKED enum qoq_status qoq_round_layer(struct qoq_layer *out, struct qoq_layer_report *report,
                                            const struct qoq_layer *layer,
                                            const struct qoq_calibration *calibration,
                                            const struct qoq_quantizer *quantizer,
                                            const struct qoq_progress *progress);

#endif
