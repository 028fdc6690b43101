/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transformations that leave the function of a model as it is, but for rounding. Each changes
 * weights (baseline layers, binary32; products in binary64 with one rounding at the end) and, where
 * it acts on a channel that statistics were taken of, the statistics with it. One file a step.
 */
#ifndef QOQ_QUANTIZE_TRANSFORM_H
#define QOQ_QUANTIZE_TRANSFORM_H

#include "quantize/calibration.h"
#include "quantize/grid.h"

/* ---- Norm gains (Q 2.1) ---- */

/* Multiplies the gains into the columns of the linear layers that read the norm; gains become 1. */
void qoq_fold_norms(struct qoq_layer *layer, const struct qoq_config *config);

/* The final gain into the head, which must not be tied. */
void qoq_fold_final_norm(float *head, float *norm, const struct qoq_config *config);

/* ---- Rotation (Q 2.2, 2.3) ---- */

/* An orthogonal matrix R = diag(signs) (H_2^p (x) H_K) / sqrt(size), built without tables. */
struct qoq_hadamard;

/* size = K 2^p with K = 1 or the order of a matrix that Paley's constructions give, the smallest
 * there is (Q 2.2). QOQ_ERR_UNSUPPORTED: no such K; QOQ_ERR_SHAPE: size 0 or beyond N 1.6. random:
 * signs from the seed, otherwise all +1. *out is NULL on error. */
QOQ_CHECKED enum qoq_status qoq_hadamard_create(struct qoq_hadamard **out, size_t size, int random,
                                                uint64_t seed);
void qoq_hadamard_free(struct qoq_hadamard *rotation);
size_t qoq_hadamard_size(const struct qoq_hadamard *rotation);

/* rows [m][size] <- rows R; columns: w [size][k] <- R^T w. In place, binary64 inside, with little
 * scratch; after QOQ_ERR_MEMORY some vectors are rotated and some are not. */
QOQ_CHECKED enum qoq_status qoq_rotate_rows(float *rows, size_t m,
                                            const struct qoq_hadamard *rotation);
QOQ_CHECKED enum qoq_status qoq_rotate_columns(float *w, size_t k,
                                               const struct qoq_hadamard *rotation);

/* The residual stream becomes x R: inputs of q, k, v, gate, up and outputs (and biases) of o, down.
 * QOQ_ERR_ARGUMENT: a norm gain is not 1; QOQ_ERR_SHAPE: R is not of the hidden size. To be done
 * before statistics are taken. */
QOQ_CHECKED enum qoq_status qoq_rotate_layer(struct qoq_layer *layer,
                                             const struct qoq_config *config,
                                             const struct qoq_hadamard *rotation);

/* Values become v R_D in every head: rows (and bias) of v_proj, columns of o_proj (Q 2.4). To be
 * done before statistics are taken. QOQ_ERR_UNSUPPORTED: no R of the head width. */
QOQ_CHECKED enum qoq_status qoq_rotate_heads(struct qoq_layer *layer,
                                             const struct qoq_config *config);

/* ---- Channel order (Q 3) ---- */

/* Sorts the input channels of down_proj by ascending salience (max |x|, ties by index): its
 * columns, the rows of gate_proj and up_proj, and the statistics. order [intermediate] (may be
 * NULL): which old channel each new one is. */
QOQ_CHECKED enum qoq_status qoq_reorder_down(struct qoq_layer *layer,
                                             struct qoq_calibration *calibration,
                                             const struct qoq_config *config, size_t *order);

/* ---- Smoothing (Q 4, 5, 8) ---- */

/* Keys / lambda, queries * lambda, lambda [kv channels], equal for the two channels of a rotary
 * pair: rows and biases of q_proj and k_proj, or, where there are per-head gains, those (lambda is
 * then equal in all heads). Statistics of q and k follow; calibration may be NULL. */
void qoq_smooth_attention(struct qoq_layer *layer, struct qoq_calibration *calibration,
                          const struct qoq_config *config, const float *lambda);

/* Inputs of o_proj and down_proj divided by lambda = most^alpha / weight^(1 - alpha) (Q 5): v_proj
 * and up_proj rows (and biases) take the quotient. With grouped heads lambda is that of the
 * key/value channel. skip_o: o_proj is left alone (its heads are rotated). QOQ_ERR_ARGUMENT: alpha
 * is outside [0, 1]. */
QOQ_CHECKED enum qoq_status qoq_smooth_output(struct qoq_layer *layer,
                                              struct qoq_calibration *calibration,
                                              const struct qoq_config *config, float alpha,
                                              int skip_o);

/* Inputs of q, k, v and of gate, up divided by lambda = most^alpha / weight^(1 - alpha); the norm
 * gains take the quotient (SmoothQuant, Q 8.1). */
QOQ_CHECKED enum qoq_status qoq_smooth_input(struct qoq_layer *layer,
                                             struct qoq_calibration *calibration,
                                             const struct qoq_config *config, float alpha);

/* All four inputs divided by lambda = mean^u, u of 0, 1/20, ..., 19/20 by the least output error of
 * the linear layers that read the input, weights rounded to nearest (AWQ, Q 8.2); an earlier u wins
 * a tie. */
QOQ_CHECKED enum qoq_status qoq_smooth_awq(struct qoq_layer *layer,
                                           struct qoq_calibration *calibration,
                                           const struct qoq_config *config, enum qoq_grid_kind kind,
                                           size_t group);

#endif
