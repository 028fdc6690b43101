// SPDX-License-Identifier: Apache-2.0
// Reductions over a warp and over a block. Integers in any order; floating sums along the tree of
// N 2.3.
#ifndef QOQ_GPU_REDUCE_CUH
#define QOQ_GPU_REDUCE_CUH

#include "gpu/primitives/primitives.h"

namespace qoq
{

struct reduce_max {
    QOQ_MEMBER int32_t operator()(int32_t a, int32_t b) const
    {
        return imax(a, b);
    }
};

struct reduce_min {
    QOQ_MEMBER int32_t operator()(int32_t a, int32_t b) const
    {
        return imin(a, b);
    }
};

struct reduce_sum {
    QOQ_MEMBER int32_t operator()(int32_t a, int32_t b) const
    {
        return static_cast<int32_t>(iadd(static_cast<uint32_t>(a), static_cast<uint32_t>(b)));
    }
};

// Over the lanes of a warp, for every lane.
template <class Op> QOQ_DEVICE int32_t warp_reduce(int32_t v, Op op)
{
    QOQ_UNROLL
    for (uint32_t mask = 16; mask > 0; mask /= 2) {
        v = op(v, shuffle_xor(v, mask));
    }
    return v;
}

// Over the block, for every thread. scratch: WARPS words of shared memory that no one else uses
// until the next barrier after this one.
template <int WARPS, class Op> QOQ_DEVICE int32_t block_reduce(int32_t v, uint32_t scratch, Op op)
{
    v = warp_reduce(v, op);
    if (lane() == 0) {
        store_shared(scratch + 4 * warp(), v);
    }
    sync_block();
    v = load_shared<int32_t>(scratch);
    QOQ_UNROLL
    for (int w = 1; w < WARPS; w++) {
        v = op(v, load_shared<int32_t>(scratch + 4 * w));
    }
    return v;
}

// Each of N values over the block, with one barrier. scratch: N * WARPS words, as above.
template <int WARPS, int N, class Op>
QOQ_DEVICE void block_reduce_all(int32_t (&v)[N], uint32_t scratch, Op op)
{
    QOQ_UNROLL
    for (int i = 0; i < N; i++) {
        v[i] = warp_reduce(v[i], op);
        if (lane() == 0) {
            store_shared(scratch + 4 * (i * WARPS + warp()), v[i]);
        }
    }
    sync_block();
    QOQ_UNROLL
    for (int i = 0; i < N; i++) {
        v[i] = load_shared<int32_t>(scratch + 4 * i * WARPS);
        QOQ_UNROLL
        for (int w = 1; w < WARPS; w++) {
            v[i] = op(v[i], load_shared<int32_t>(scratch + 4 * (i * WARPS + w)));
        }
    }
}

// The tree over the threads' values in their order: neighbours 2i and 2i + 1 at each level.
// Addition commutes, so both of a pair compute the same bits.
template <int WARPS> QOQ_DEVICE float block_tree_sum(float v, uint32_t scratch)
{
    float part[WARPS];

    QOQ_UNROLL
    for (uint32_t mask = 1; mask < 32; mask *= 2) {
        v = fadd(v, shuffle_xor(v, mask));
    }
    if (lane() == 0) {
        store_shared(scratch + 4 * warp(), v);
    }
    sync_block();
    QOQ_UNROLL
    for (int w = 0; w < WARPS; w++) {
        part[w] = load_shared<float>(scratch + 4 * w);
    }
    QOQ_UNROLL
    for (int distance = 1; distance < WARPS; distance *= 2) {
        QOQ_UNROLL
        for (int w = 0; w < WARPS; w += 2 * distance) {
            part[w] = fadd(part[w], part[w + distance]);
        }
    }
    return part[0];
}

// Numbers without a sign order like their patterns, and a NaN lies above infinity.
QOQ_DEVICE int32_t magnitude_bits(float x)
{
    return static_cast<int32_t>(iand(float_bits(x), 0x7fffffff));
}

// A pattern as an integer that orders like the number, -0 below +0; it is its own inverse.
QOQ_DEVICE int32_t order_key(float x)
{
    const int32_t u = static_cast<int32_t>(float_bits(x));

    return u ^ (u >> 31 & 0x7fffffff);
}

QOQ_DEVICE float of_order_key(int32_t key)
{
    return bits_float(static_cast<uint32_t>(key ^ (key >> 31 & 0x7fffffff)));
}

// rc of N 2.2.
QOQ_DEVICE int32_t round_clamp(float x, int32_t lo, int32_t hi)
{
    return imin(imax(round_int(x), lo), hi);
}

} // namespace qoq

#endif
