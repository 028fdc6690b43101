/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the calibration tokens say about one decoder layer, and the layer's attention as a function
 * of its query and key weights, for searches (Q 7). The bits do not depend on threads.
 */
#ifndef QOQ_QUANTIZE_CALIBRATION_H
#define QOQ_QUANTIZE_CALIBRATION_H

#include "qoq_quantize.h"

/* The four inputs of linear layers: of q, k and v; of o; of gate and up; of down. */
enum qoq_input_id { QOQ_INPUT_ATTENTION, QOQ_INPUT_O, QOQ_INPUT_MLP, QOQ_INPUT_DOWN, QOQ_INPUTS };

/* Channels of an input, and which input a linear layer reads. */
size_t qoq_input_channels(const struct qoq_config *config, enum qoq_input_id id);
enum qoq_input_id qoq_input_of(enum qoq_linear_id id);

struct qoq_calibration {
    size_t tokens;            /* seen so far */
    double *gram[QOQ_INPUTS]; /* [channels][channels], sum of x^T x; symmetric (Q 7.2) */
    float *most[QOQ_INPUTS];  /* [channels] max |x| */
    double *mean[QOQ_INPUTS]; /* [channels] sum of |x| (divide by tokens) */
    float *query_most;        /* [query channels] max |q| after the rotary embedding */
    float *key_most;          /* [kv channels] max |k| after the rotary embedding */
    /* Attention inputs (after the norm and its gain) of the first `samples` sequences, the first
     * `sample_tokens` of each, for searches by attention error. NULL where there are none. */
    size_t samples, sample_tokens;
    size_t sampled; /* sequences in it so far */
    float *sample;  /* [samples][sample_tokens][hidden] */
};

/* Zeroed statistics. samples = 0: no sample is kept. */
QOQ_CHECKED enum qoq_status qoq_calibration_create(struct qoq_calibration *out,
                                                   const struct qoq_config *config, size_t samples,
                                                   size_t sample_tokens);
void qoq_calibration_free(struct qoq_calibration *calibration);

/* Runs sequences of `length` tokens each through a baseline layer: hidden
 * [sequences][length][hidden] (the residual stream) is replaced by the layer's output, statistics
 * are added. config.layers is ignored. progress (may be NULL) counts sequences. QOQ_ERR_SHAPE: a
 * sequence is longer than max_positions, or shorter than sample_tokens while the sample is not
 * full. QOQ_ERR_RANGE: an input of a linear layer, its square, a query or a key is not finite. On
 * any error hidden and statistics are lost. */
QOQ_CHECKED enum qoq_status qoq_calibrate_layer(struct qoq_calibration *calibration, float *hidden,
                                                const struct qoq_layer *layer,
                                                const struct qoq_config *config, size_t sequences,
                                                size_t length, const struct qoq_progress *progress);

/* The attention block of a layer over the sample: from attention inputs to the output of o_proj
 * (Q 4.4). */
struct qoq_probe;

/* Evaluates the layer as it is and keeps its output. Keeps pointers to the weights of the layer and
 * to the sample, of which there must be one. */
QOQ_CHECKED enum qoq_status qoq_probe_create(struct qoq_probe **out, const struct qoq_layer *layer,
                                             const struct qoq_config *config,
                                             const struct qoq_calibration *calibration);
void qoq_probe_free(struct qoq_probe *probe);

/* *error = sum over the sample of the squared difference of the output with other query and key
 * layers (NULL: the layer's own). kv_bits 4 or 8: keys are quantized as the cache would (N 7.2),
 * 16: not. Binary64, fixed order. */
QOQ_CHECKED enum qoq_status qoq_probe_error(double *error, struct qoq_probe *probe,
                                            const struct qoq_linear *query,
                                            const struct qoq_linear *key, unsigned kv_bits);

/* The same with the query and key layers (and whatever else makes queries and keys) of another
 * layer of the same shapes. */
QOQ_CHECKED enum qoq_status qoq_probe_layer_error(double *error, struct qoq_probe *probe,
                                                  const struct qoq_layer *layer, unsigned kv_bits);

/* The factors of SmoothAttention (Q 4): lambda [kv channels], equal for the two channels of a
 * rotary pair. Fixed: key_most^alpha. Search: of the 39 candidates of Q 4.2 the one with the least
 * qoq_probe_error with keys of kv_bits; a later one wins a tie. With per-head gains of keys
 * (QK norm) all heads share their factors. */
QOQ_CHECKED enum qoq_status qoq_attention_factors(float *lambda,
                                                  const struct qoq_calibration *calibration,
                                                  const struct qoq_config *config, float alpha);
QOQ_CHECKED enum qoq_status qoq_attention_search(float *lambda,
                                                 const struct qoq_calibration *calibration,
                                                 const struct qoq_layer *layer,
                                                 const struct qoq_config *config, unsigned kv_bits,
                                                 const struct qoq_progress *progress);

/* *ratio: the one clip ratio of a whole q_proj or k_proj with the least qoq_probe_error, of 1,
 * 0.96, ..., 0.20, rounding to nearest on a grid of that kind (Q 4.5); the larger ratio wins a tie.
 */
QOQ_CHECKED enum qoq_status qoq_clip_by_attention(float *ratio, struct qoq_probe *probe,
                                                  enum qoq_linear_id id,
                                                  const struct qoq_layer *layer,
                                                  enum qoq_grid_kind kind, size_t group);

#endif
