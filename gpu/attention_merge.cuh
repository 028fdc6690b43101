// SPDX-License-Identifier: Apache-2.0
// Merges the partial results of one query head (N 11.4 to 11.6), one block a head: warps take
// leaves of 16 splits, then pairs of neighbours level by level. A merged pair takes the place of
// its left one.
#ifndef QOQ_GPU_ATTENTION_MERGE_CUH
#define QOQ_GPU_ATTENTION_MERGE_CUH

#include "gpu/attention_pair.cuh"

namespace qoq
{

enum { MERGE_WARPS = 4, MERGE_THREADS = 32 * MERGE_WARPS, MERGE_LEAF = 16, MERGE_DIMS = 8 };

struct merge_params {
    global<float> partial;         // [rows][q_heads][splits][head_dim + 2]
    global<const int32_t> context; // [rows]
    global<uint16_t> out;          // [rows][q_heads][head_dim]
    uint32_t q_heads, splits, head_dim;
    bool merged; // leaves are there already, each in the place of its first split
};

// One partial result in a warp: dimensions lane, lane + 32, ...
struct merge_partial {
    float max, sum, out[MERGE_DIMS];
};

QOQ_DEVICE merge_partial merge_get(const merge_params &p, size_t at)
{
    merge_partial v = {load(p.partial, at), load(p.partial, at + 1), {}};

    QOQ_UNROLL
    for (int i = 0; i < MERGE_DIMS; i++) {
        const uint32_t d = lane() + 32 * i;

        v.out[i] = d < p.head_dim ? load(p.partial, at + 2 + d) : 0.0f;
    }
    return v;
}

// All lanes have read before any writes.
QOQ_DEVICE void merge_put(const merge_params &p, size_t at, const merge_partial &v)
{
    sync_warp();
    if (lane() == 0) {
        store(p.partial, at, v.max);
        store(p.partial, at + 1, v.sum);
    }
    QOQ_UNROLL
    for (int i = 0; i < MERGE_DIMS; i++) {
        const uint32_t d = lane() + 32 * i;

        if (d < p.head_dim) {
            store(p.partial, at + 2 + d, v.out[i]);
        }
    }
}

// N 11.4.
QOQ_DEVICE void merge_two(merge_partial &left, const merge_partial &right)
{
    const attention_pair pair = attention_pair_of(left.max, right.max);

    left.max = pair.max;
    left.sum = attention_join(pair, left.sum, right.sum);
    QOQ_UNROLL
    for (int i = 0; i < MERGE_DIMS; i++) {
        left.out[i] = attention_join(pair, left.out[i], right.out[i]);
    }
}

// N 11.6.
QOQ_DEVICE void merge_finish(const merge_params &p, const merge_partial &v)
{
    const size_t at = static_cast<size_t>(block_x()) * p.head_dim;

    QOQ_UNROLL
    for (int i = 0; i < MERGE_DIMS; i++) {
        const uint32_t d = lane() + 32 * i;

        if (d < p.head_dim) {
            store(p.out, at + d, float_to_half(fdiv(v.out[i], v.sum)));
        }
    }
}

QOQ_KERNEL(MERGE_THREADS, 4) attention_merge(QOQ_PARAMETER merge_params p)
{
    const uint32_t context = static_cast<uint32_t>(load(p.context, block_x() / p.q_heads));
    const uint32_t splits = (context - 1) / 128 + 1, leaves = (splits - 1) / MERGE_LEAF + 1;
    const size_t pitch = p.head_dim + 2, base = static_cast<size_t>(block_x()) * p.splits * pitch;

    for (uint32_t leaf = warp(); leaf < leaves && !(p.merged && leaves > 1); leaf += MERGE_WARPS) {
        const uint32_t first = leaf * MERGE_LEAF;
        const uint32_t last = p.merged                      ? first + 1
                              : first + MERGE_LEAF < splits ? first + MERGE_LEAF
                                                            : splits;
        merge_partial v = merge_get(p, base + first * pitch);

        for (uint32_t split = first + 1; split < last; split++) {
            merge_two(v, merge_get(p, base + split * pitch));
        }
        if (leaves == 1) {
            merge_finish(p, v);
        } else {
            merge_put(p, base + first * pitch, v);
        }
    }
    for (uint32_t distance = 1; distance < leaves; distance *= 2) {
        sync_block();
        for (uint32_t i = 2 * distance * warp(); i + distance < leaves;
             i += 2 * distance * MERGE_WARPS) {
            const size_t left = base + static_cast<size_t>(i) * MERGE_LEAF * pitch;
            merge_partial v = merge_get(p, left);

            merge_two(v, merge_get(p, left + static_cast<size_t>(distance) * MERGE_LEAF * pitch));
            if (2 * distance < leaves) {
                merge_put(p, left, v);
            } else {
                merge_finish(p, v);
            }
        }
    }
}

} // namespace qoq

#endif
