/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paged KV caches as inputs of golden cases: pools of pages for K and V, a block table of int32
 * page numbers and the number of tokens of each sequence, as a kernel takes them (N 7.1).
 */
#ifndef QOQ_GOLDEN_CACHE_INPUTS_H
#define QOQ_GOLDEN_CACHE_INPUTS_H

#include "golden/build.h"

struct qoq_golden_cache {
    struct qoq_kv_layout layout;
    size_t sequences;   /* rows of the block table */
    size_t table_pages; /* its columns */
    size_t pool_pages;  /* pages of each pool */
    int32_t *tokens;    /* [sequences] tokens in the cache */
    int32_t *table;     /* [sequences][table_pages]; page of slot group i of a sequence */
    uint8_t *k, *v;     /* [pool_pages][page bytes] */
};

/* The layout that the parameters bits, page, heads and head_dim of a case describe. */
struct qoq_kv_layout qoq_golden_kv_layout(const struct qoq_golden_case *c);

/* The same as logical sizes of QOQ_LAYOUT_PAGES. */
void qoq_golden_kv_sizes(size_t sizes[4], const struct qoq_kv_layout *layout);

/* Adds tokens, block_table, k_pool, v_pool. Token counts are given; K and V of all tokens, [total]
 * [heads][head_dim] of type dtype (binary32: N 7.2, binary16: N 25.1), sequence after sequence.
 * With stale set, slots without a token hold random bytes; k and v NULL: all slots. */
enum qoq_status qoq_golden_add_cache(struct qoq_golden_case *c, const int32_t *tokens,
                                     size_t sequences, const void *k, const void *v,
                                     enum qoq_dtype dtype, int stale);

/* Points *cache at the inputs of a case. QOQ_ERR_RANGE: a count or page number is out of bounds. */
enum qoq_status qoq_golden_find_cache(struct qoq_golden_cache *cache,
                                      const struct qoq_golden_case *c, size_t sequences);

/* QOQ_ERR_RANGE: a new token (inputs sequence and position of a case of rope_write) is outside of
 * the cache or of the `positions` that have angles. */
enum qoq_status qoq_golden_check_places(const struct qoq_golden_cache *cache,
                                        const struct qoq_golden_case *c, size_t positions);

/* Page pointers of sequence b, K then V, [2 table_pages] (malloc; NULL: no memory). */
const uint8_t **qoq_golden_pages(const struct qoq_golden_cache *cache, size_t b);

#endif
