/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share: sizes derived from a description, and early return on a failed
 * status.
 */
#ifndef QOQ_MODEL_MODEL_H
#define QOQ_MODEL_MODEL_H

#include "qoq_model.h"

/* Returns from the caller with the status of `call` unless it is QOQ_OK. */
#define QOQ_TRY(call)                                                                              \
    do {                                                                                           \
        enum qoq_status status_ = (call);                                                          \
        if (status_ != QOQ_OK) {                                                                   \
            return status_;                                                                        \
        }                                                                                          \
    } while (0)

/* N 1.6: input channels of a product, and dimensions of a head. */
#define QOQ_MAX_CHANNELS 131072
#define QOQ_MAX_HEAD_DIM 256

/* Channels of all query heads and of all key/value heads. */
static inline size_t qoq_query_channels(const struct qoq_config *config)
{
    return config->heads * config->head_dim;
}

static inline size_t qoq_kv_channels(const struct qoq_config *config)
{
    return config->kv_heads * config->head_dim;
}

/* a * b, or SIZE_MAX if that overflows: a size that no allocation grants. */
static inline size_t qoq_size_mul(size_t a, size_t b)
{
    return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

/* a + b, or SIZE_MAX if that overflows. */
static inline size_t qoq_size_add(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

/* out [count] = in in binary16. QOQ_ERR_RANGE: a number that is no finite binary16, which files
 * never hold (N 1.4). */
QOQ_CHECKED enum qoq_status qoq_narrow(qoq_half *out, const float *in, size_t count);
/* progress and its report may be NULL. */
static inline void qoq_report(const struct qoq_progress *progress, size_t done, size_t total)
{
    if (progress != NULL && progress->report != NULL) {
        progress->report(progress->context, done, total);
    }
}

#endif
