// SPDX-License-Identifier: Apache-2.0
// What the product on wgmma is told, and its tiles.
#ifndef QOQ_GPU_GEMM_SM90_TILE_CUH
#define QOQ_GPU_GEMM_SM90_TILE_CUH

#include "gpu/gemm_params.cuh"

namespace qoq
{

struct gemm_wgmma_params {
    gemm_params p;
    // Boxes of a stage: activations; weights (W4: rows of 32 channels, tiled; W8: rows of K);
    // parameters of groups.
    tensor_map x, code, s2, zeros;
    uint32_t group_rows; // rows of parameters that a stage may touch
};

// TOKENS of a block; CONSUMERS warpgroups, each with PARTS products of 64 channels under way at
// once. BLOCKS: how many an SM must be able to hold.
template <int TOKENS, int CONSUMERS, int PARTS, int BLOCKS> struct gemm_wgmma_tile {
    static constexpr int bm = TOKENS, bn = 64 * CONSUMERS * PARTS, bk = 128, steps = bk / 32,
                         consumers = CONSUMERS, parts = PARTS, blocks = BLOCKS;
    static constexpr int threads = 128 * (1 + CONSUMERS);
    // Where one warpgroup has one product, two of them share 128 channels of the tiled layout: the
    // first takes the low nibbles, the second the high ones.
    static constexpr bool halves = PARTS == 1;

    static_assert(!halves || CONSUMERS == 2, "128 channels are whole");
};

// Shared memory: stages of activations, weights, group parameters; behind them, for each stage, a
// barrier that it is full and one that it is empty.
template <class Tile, gemm_scheme SCHEME> struct gemm_wgmma_stage {
    static constexpr uint32_t x = 0, code = Tile::bm * Tile::bk;
    static constexpr uint32_t code_bytes =
        SCHEME == gemm_scheme::w8 ? Tile::bn * Tile::bk : Tile::bn * Tile::bk / 2;
    static constexpr uint32_t s2 = code + code_bytes, zeros = s2 + Tile::steps * Tile::bn;
    static constexpr uint32_t bytes =
        SCHEME == gemm_scheme::w4_group ? zeros + Tile::steps * Tile::bn : s2;

    // As many as fit, up to 8: 227 KB for a block alone, 113 KB for one of two.
    static constexpr uint32_t room = (Tile::blocks == 1 ? 232448 : 115712) - 128;
    static constexpr uint32_t stages = room / bytes < 8 ? room / bytes : 8;
    static constexpr uint32_t full = stages * bytes, empty = full + 8 * stages;
    static constexpr uint32_t block_bytes = empty + 8 * stages;

    static_assert(bytes % 1024 == 0 && code % 1024 == 0 && stages >= 3, "swizzled rows in place");
};

// The stage that a role is at, and the parity of the phase that it waits for.
template <class Stage> struct gemm_wgmma_ring {
    uint32_t stage, parity;

    QOQ_MEMBER uint32_t address() const
    {
        return stage * Stage::bytes;
    }
    QOQ_MEMBER uint32_t full() const
    {
        return Stage::full + 8 * stage;
    }
    QOQ_MEMBER uint32_t empty() const
    {
        return Stage::empty + 8 * stage;
    }
    QOQ_MEMBER void next()
    {
        stage = stage + 1 == Stage::stages ? 0 : stage + 1;
        parity ^= stage == 0 ? 1 : 0;
    }
};

// From a part's channels to the next part's.
template <gemm_scheme SCHEME> QOQ_DEVICE uint32_t gemm_wgmma_part(uint32_t part)
{
    return (SCHEME == gemm_scheme::w8 ? 64 : 16) * part;
}

// Of the block's channels, that of row 0 of a lane's first part: rows r and r + 8 of the 64 (PTX:
// wgmma fragments). W4: the tiled layout gives a warp 32 channels in a row
// (gemm_sm90_operand.cuh).
template <class Tile, gemm_scheme SCHEME> QOQ_DEVICE uint32_t gemm_wgmma_channel(uint32_t group)
{
    const uint32_t row = lane() >> 2, w = warp() % 4;

    if (SCHEME == gemm_scheme::w8) {
        return 64 * (group * Tile::parts) + 16 * w + row;
    }
    return Tile::halves ? 32 * w + 16 * group + row : 128 * group + 32 * w + row;
}

} // namespace qoq

#endif
