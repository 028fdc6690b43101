/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dividing an input of linear layers by one factor per channel: which layers read it, what produces
 * it, how the statistics follow. Shared by the smoothing steps (Q 5, 8).
 */
#ifndef QOQ_QUANTIZE_FACTORS_H
#define QOQ_QUANTIZE_FACTORS_H

#include "quantize/transform.h"

/* log2 of a factor is kept within this. */
#define QOQ_FACTOR_LIMIT 60

/* The linear layers that read an input: count of them, from first on. */
struct qoq_readers {
    enum qoq_linear_id first;
    size_t count;
};
struct qoq_readers qoq_readers_of(enum qoq_input_id id);

/* 2^e within the limit, rounded to binary32: positive, finite; 1 where e is NaN. */
float qoq_channel_factor(double e);

/* Channels of an input. */
size_t qoq_readers_channels(const struct qoq_layer *layer, enum qoq_input_id id);

/* w [n][k], columns times factor [k]; the weights of every reader. */
void qoq_scale_columns(float *w, size_t n, size_t k, const float *factor);
void qoq_scale_readers(struct qoq_layer *layer, enum qoq_input_id id, const float *factor);

/* Rows and bias of a linear layer divided by factor [n]. */
void qoq_divide_rows(struct qoq_linear *linear, const float *factor);

/* The input becomes x / lambda: columns of its readers times lambda; norm gains, or rows of v_proj
 * or up_proj, divided by it; statistics (calibration may be NULL) as of the new input. lambda
 * [channels of the input], of QOQ_INPUT_O equal over the query heads that share a key/value head.
 */
QOQ_CHECKED enum qoq_status qoq_divide_input(struct qoq_layer *layer,
                                             struct qoq_calibration *calibration,
                                             const struct qoq_config *config, enum qoq_input_id id,
                                             const float *lambda);

/* The same by lambda = most^alpha / weight^(1 - alpha), weight the largest |w| of a channel over
 * all readers; 1 where a magnitude with a positive exponent is zero or not finite. Of QOQ_INPUT_O
 * both are the largest over the query heads that share a key/value head. */
QOQ_CHECKED enum qoq_status qoq_balance_input(struct qoq_layer *layer,
                                              struct qoq_calibration *calibration,
                                              const struct qoq_config *config, enum qoq_input_id id,
                                              float alpha);

#endif
