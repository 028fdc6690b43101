/* SPDX-License-Identifier: Apache-2.0 */
/* Reading QServe's cache (N 25.2), for its attention. */
#ifndef QOQ_OPS_QSERVE_KV_H
#define QOQ_OPS_QSERVE_KV_H

#include "qoq.h"

/* v [head_dim] = one dequantized head vector. */
void qoq_qserve_kv_get(qoq_half *v, const uint8_t *page, const struct qoq_kv_layout *layout,
                       size_t head, size_t slot);

#endif
