// SPDX-License-Identifier: Apache-2.0
// The greedy choice (N 12.5): the lowest index among the largest logits, one block a row.
#ifndef QOQ_GPU_ARGMAX_CUH
#define QOQ_GPU_ARGMAX_CUH

#include "gpu/reduce.cuh"

namespace qoq
{

enum { ARGMAX_WARPS = 16, ARGMAX_THREADS = 32 * ARGMAX_WARPS, ARGMAX_SHARED = 8 * ARGMAX_WARPS };
enum : int32_t { ARGMAX_INF = 0x7f800000 };

struct argmax_params {
    global<const float> logits; // [rows][n]
    global<int32_t> token;      // [rows]
    uint32_t n;
};

// Orders like the number; both zeros have one key, a NaN the largest.
QOQ_DEVICE int32_t argmax_key(float x)
{
    return x != x ? INT32_MAX : order_key(fadd(x, 0.0f));
}

QOQ_KERNEL(ARGMAX_THREADS, 2) argmax_rows(QOQ_PARAMETER argmax_params p)
{
    const global<const float> row = p.logits + static_cast<size_t>(block_x()) * p.n;
    int32_t best = INT32_MIN, at = INT32_MAX;

    for (uint32_t i = thread(); i < p.n; i += ARGMAX_THREADS) {
        const int32_t key = argmax_key(load(row, i));

        at = key > best ? static_cast<int32_t>(i) : at;
        best = imax(best, key);
    }
    const int32_t top = block_reduce<ARGMAX_WARPS>(best, 0, reduce_max());
    at = block_reduce<ARGMAX_WARPS>(best == top ? at : INT32_MAX, 4 * ARGMAX_WARPS, reduce_min());
    if (thread() == 0) {
        // Neither infinity, no NaN.
        const bool good = top < ARGMAX_INF && top > order_key(-bits_float(ARGMAX_INF));

        store(p.token, block_x(), good ? at : -1);
    }
}

} // namespace qoq

#endif
