/* SPDX-License-Identifier: Apache-2.0 */
/* Head vectors in the pages of a KV cache (N 7.1): what both profiles and attention share. */
#ifndef QOQ_OPS_KV_PAGE_H
#define QOQ_OPS_KV_PAGE_H

#include "ops/head.h"
#include "qoq.h"

/*
 * QOQ_ERR_ARGUMENT: null, or a width other than 4 and 8 bits. QOQ_ERR_SHAPE: limits of N 1.6, sizes
 * whose product overflows.
 */
enum qoq_status qoq_kv_check(const struct qoq_kv_layout *layout);

/* The layout, that slot is one of its slots, and pointers. */
enum qoq_status qoq_kv_check_slot(const void *v, const uint8_t *page,
                                  const struct qoq_kv_layout *layout, size_t slot);

/*
 * The layout, that q_heads is a multiple of its heads, and that tokens first .. first + count - 1
 * have pages.
 */
enum qoq_status qoq_kv_check_sequence(const struct qoq_kv_sequence *sequence, size_t first,
                                      size_t count, size_t q_heads,
                                      const struct qoq_kv_layout *layout);

/* Scale and zero of one head vector. */
struct qoq_kv_factors {
    qoq_half scale, zero;
};

struct qoq_kv_factors qoq_kv_get_factors(const uint8_t *page, const struct qoq_kv_layout *layout,
                                         size_t head, size_t slot);
void qoq_kv_put_factors(uint8_t *page, struct qoq_kv_factors factors,
                        const struct qoq_kv_layout *layout, size_t head, size_t slot);

/* Codes u [head_dim] of one head vector, one a byte. */
void qoq_kv_get_codes(uint8_t *u, const uint8_t *page, const struct qoq_kv_layout *layout,
                      size_t head, size_t slot);
void qoq_kv_put_codes(uint8_t *page, const uint8_t *u, const struct qoq_kv_layout *layout,
                      size_t head, size_t slot);

#endif
