/* SPDX-License-Identifier: Apache-2.0 */
/* Pools of pages on both sides. */
#ifndef QOQ_GPU_VERIFY_CACHE_H
#define QOQ_GPU_VERIFY_CACHE_H

#include "gpu/verify/cases.h"

enum { QOQ_VERIFY_SEQUENCES = 3 };

/* Pools on both sides, and the pages of each sequence in the host's. */
struct qoq_verify_cache {
    struct qoq_kv_layout layout;
    struct qoq_verify_array *k, *v, *table;
    size_t pages, page_bytes;   /* pages: of one sequence */
    uint8_t **k_page, **v_page; /* [QOQ_VERIFY_SEQUENCES * pages] */
};

/* Room for `tokens` of each sequence, in pages of any order. Ends with qoq_verify_free_cache. */
void qoq_verify_new_cache(struct qoq_verify_cache *c, struct qoq_verify_arrays *arrays,
                          const struct qoq_verify_shape *s, size_t tokens, uint64_t seed);
void qoq_verify_free_cache(struct qoq_verify_cache *c);

struct qoq_cuda_cache qoq_verify_cache_on_device(const struct qoq_verify_cache *c);

/* Every slot of the first s->context positions of every sequence. */
enum qoq_status qoq_verify_fill_cache(struct qoq_verify_cache *c, const struct qoq_verify_shape *s,
                                      uint64_t seed);

/* A few scales and zeros that no quantizer of ours writes: negative, infinite, NaN. */
void qoq_verify_spoil_cache(struct qoq_verify_cache *c, const struct qoq_verify_shape *s,
                            uint64_t seed);

/* Bytes of a pool; in the scales and zeros of pages two NaNs are equal. */
void qoq_verify_compare_pool(struct qoq_verify_arrays *arrays, const struct qoq_verify_cache *c,
                             const struct qoq_verify_array *pool, char *text, size_t room);

#endif
