// SPDX-License-Identifier: Apache-2.0
// Blocks that share an output tile along K add their sums up. Sums of integers are the same in any
// order of blocks.
#ifndef QOQ_GPU_GEMM_JOIN_CUH
#define QOQ_GPU_GEMM_JOIN_CUH

#include "gpu/gemm_params.cuh"

namespace qoq
{

// Leaves this block's sums in the workspace. True in the block that finishes the tile last: there
// they become the whole sums. Counters are 0 before and after. All THREADS threads that hold sums
// take part, this one as number `me`; shared memory is theirs. Sums: count, a multiple of 4;
// get(i), set(i, v), sync() of these threads.
template <int THREADS, class Sums>
QOQ_DEVICE bool gemm_join(Sums &sums, const gemm_params &p, uint32_t me)
{
    const uint32_t tile = gemm_place_n() * grid_x() + gemm_place_m(p), size = THREADS * Sums::count;
    const size_t base = static_cast<size_t>(tile) * p.splits * size + me * 4;

    QOQ_UNROLL
    for (int i = 0; i < Sums::count; i += 4) {
        vec4 v;
        QOQ_UNROLL
        for (int r = 0; r < 4; r++) {
            v.x[r] = sums.get(i + r);
        }
        store_as<vec4>(p.partial,
                       base + static_cast<size_t>(gemm_place_split(p)) * size + i * THREADS, v);
    }
    fence_device();
    sums.sync();
    if (me == 0) {
        store_shared<uint32_t>(0, atomic_inc(p.counter, tile, p.splits - 1));
    }
    sums.sync();
    if (load_shared<uint32_t>(0) != p.splits - 1) {
        return false;
    }
    fence_device();
    for (uint32_t split = 0; split < p.splits; split++) {
        if (split == gemm_place_split(p)) {
            continue;
        }
        QOQ_UNROLL
        for (int i = 0; i < Sums::count; i += 4) {
            vec4 v =
                load_as<vec4>(p.partial, base + static_cast<size_t>(split) * size + i * THREADS);
            QOQ_UNROLL
            for (int r = 0; r < 4; r++) {
                sums.set(i + r, iadd(sums.get(i + r), v.x[r]));
            }
        }
    }
    return true;
}

} // namespace qoq

#endif
