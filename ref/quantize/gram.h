/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of products of the channels of an input over tokens (Q 7.2). */
#ifndef QOQ_QUANTIZE_GRAM_H
#define QOQ_QUANTIZE_GRAM_H

#include "qoq.h"

/* Tokens of a binary32 sum; rows of the product that is in memory at a time. */
#define QOQ_GRAM_TOKENS 512
#define QOQ_GRAM_PANEL 128

/* Adds the products over up to QOQ_GRAM_TOKENS tokens, x [channels][tokens], to the elements on and
 * above the diagonal of gram [channels][channels]; below it, only in squares along the diagonal.
 * work: [QOQ_GRAM_PANEL][channels]. */
QOQ_CHECKED enum qoq_status qoq_gram_add(double *gram, const float *x, size_t channels,
                                         size_t tokens, float *work);

/* Copies what is above the diagonal below it. */
void qoq_gram_mirror(double *gram, size_t channels);

#endif
