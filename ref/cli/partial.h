/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work done so far on a quantized model, in a directory OUTPUT.work, so that a run that was
 * killed can go on: one HDF5 file for embedding, head and final gain, one for each layer done, and
 * the hidden states after the last of them. Each appears only when complete and names the job it
 * belongs to and the weights it was made from.
 */
#ifndef QOQ_CLI_PARTIAL_H
#define QOQ_CLI_PARTIAL_H

#include "data/model_file.h"
#include "model/arrays.h"
#include "qoq_quantize.h"

struct qoq_partial {
    char *directory;
    char job[65];
    struct qoq_outline outline; /* of the result; outline.model is NULL */
    struct qoq_error *err;
};

/* Makes or finds the directory. job: digest of everything but the weights. restart: what is there
 * is removed first. Work of another job is QOQ_ERR_DIFFERS. */
QOQ_CHECKED enum qoq_status qoq_partial_open(struct qoq_partial *partial, const char *output,
                                             const char job[65], const struct qoq_outline *outline,
                                             int restart, struct qoq_error *err);

/* Releases memory; the directory stays. */
void qoq_partial_close(struct qoq_partial *partial);

/* Layers that are done, counted from the first; with hidden: and whose hidden states are there. */
size_t qoq_partial_layers(const struct qoq_partial *partial, int hidden);

/* Stores the three arrays of ends, or the arrays of a layer with its report; made_from: the digest
 * of the weights they were made from. */
QOQ_CHECKED enum qoq_status qoq_partial_put_ends(struct qoq_partial *partial,
                                                 const struct qoq_model *ends,
                                                 const char made_from[65]);
QOQ_CHECKED enum qoq_status qoq_partial_put_layer(struct qoq_partial *partial, size_t layer,
                                                  const struct qoq_layer *data,
                                                  const struct qoq_layer_report *report,
                                                  const char made_from[65]);

/* Of a stored part: one that was made from other weights is QOQ_ERR_DIFFERS. */
QOQ_CHECKED enum qoq_status qoq_partial_check_ends(struct qoq_partial *partial,
                                                   const char made_from[65]);
QOQ_CHECKED enum qoq_status qoq_partial_get_report(struct qoq_layer_report *report,
                                                   struct qoq_partial *partial, size_t layer,
                                                   const char made_from[65]);

/* Hidden states [count] after a layer; putting them removes those after the layer before. */
QOQ_CHECKED enum qoq_status qoq_partial_put_hidden(struct qoq_partial *partial, size_t layer,
                                                   const float *hidden, size_t count);
QOQ_CHECKED enum qoq_status qoq_partial_get_hidden(float *hidden, struct qoq_partial *partial,
                                                   size_t layer, size_t count);

/* Copies everything into a model file in the order of qoq_arrays_visit, and removes the directory.
 */
QOQ_CHECKED enum qoq_status qoq_partial_finish(struct qoq_partial *partial, const char *output,
                                               const struct qoq_model_header *header);

#endif
