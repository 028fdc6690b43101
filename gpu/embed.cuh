// SPDX-License-Identifier: Apache-2.0
// Rows of the embedding as the residual stream begins (N 12.1), one block a token.
#ifndef QOQ_GPU_EMBED_CUH
#define QOQ_GPU_EMBED_CUH

#include "gpu/primitives/primitives.h"

namespace qoq
{

enum { EMBED_THREADS = 256 };

struct embed_params {
    global<float> r;              // [tokens][k]
    global<const uint16_t> table; // [vocab][k]
    global<const int32_t> token;  // [tokens]
    uint32_t vocab, k;
};

QOQ_KERNEL(EMBED_THREADS, 4) embed_rows(QOQ_PARAMETER embed_params p)
{
    const uint32_t token = static_cast<uint32_t>(load(p.token, block_x()));
    const bool exists = token < p.vocab;
    const global<const uint16_t> from = p.table + static_cast<size_t>(exists ? token : 0) * p.k;
    const global<float> to = p.r + static_cast<size_t>(block_x()) * p.k;

    for (uint32_t i = thread(); i < p.k; i += EMBED_THREADS) {
        store(to, i, exists ? half_to_float(load(from, i)) : qoq_nan());
    }
}

} // namespace qoq

#endif
