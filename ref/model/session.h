/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session holds: one cache per sequence, paged and quantized, or binary32 for the baseline
 * (N 7.1, 12.2).
 */
#ifndef QOQ_MODEL_SESSION_H
#define QOQ_MODEL_SESSION_H

#include "model/model.h"

enum qoq_cache_side { QOQ_CACHE_K, QOQ_CACHE_V, QOQ_CACHE_SIDES };

/* The cache of one sequence. A table is that of one layer and side, number 2 * layer + side. */
struct qoq_cache {
    size_t length; /* tokens held */
    /* Quantized: block i is the memory of page i of all tables; page [table][blocks_max] points
     * into it. */
    uint8_t **page;
    uint8_t **block;
    size_t blocks;
    /* Baseline: rows [table][capacity][kv channels]. */
    float **rows;
    size_t capacity;
};

struct qoq_session {
    const struct qoq_model *model;
    size_t sequences, max_tokens, page_tokens;
    size_t blocks_max;           /* pages of a full sequence */
    struct qoq_kv_layout layout; /* quantized */
    double *frequency;           /* [head_dim / 2] (N 8.1) */
    struct qoq_cache *cache;     /* [sequences] */
};

static inline size_t qoq_table_number(size_t layer, enum qoq_cache_side side)
{
    return QOQ_CACHE_SIDES * layer + side;
}

/* Makes an empty cache / releases everything in it. */
QOQ_CHECKED enum qoq_status qoq_cache_create(struct qoq_cache *cache,
                                             const struct qoq_session *session);
void qoq_cache_free(struct qoq_cache *cache, const struct qoq_session *session);

/* Makes room for `tokens` (at most max_tokens) tokens. On failure there may be more room than
 * before, never less. */
QOQ_CHECKED enum qoq_status qoq_cache_reserve(struct qoq_cache *cache,
                                              const struct qoq_session *session, size_t tokens);

/* Releases what `length` tokens do not need. */
void qoq_cache_trim(struct qoq_cache *cache, const struct qoq_session *session);

/* Bytes of pages or rows held. */
size_t qoq_cache_bytes(const struct qoq_cache *cache, const struct qoq_session *session);

/* Pages of one table of a quantized cache. */
static inline uint8_t **qoq_cache_pages(const struct qoq_cache *cache,
                                        const struct qoq_session *session, size_t layer,
                                        enum qoq_cache_side side)
{
    return cache->page + qoq_table_number(layer, side) * session->blocks_max;
}

#endif
