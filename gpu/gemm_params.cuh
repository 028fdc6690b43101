// SPDX-License-Identifier: Apache-2.0
// What the product kernel is told, and its tiles.
#ifndef QOQ_GPU_GEMM_PARAMS_CUH
#define QOQ_GPU_GEMM_PARAMS_CUH

#include "gpu/primitives/primitives.h"

namespace qoq
{

enum class gemm_scheme { w8, w4_channel, w4_group };

struct gemm_params {
    global<const int8_t> x; // codes, row m at m * x_pitch
    global<const float> x_scale;
    global<const int32_t> x_sum;
    global<const int8_t> code;       // W8: [n][k]; W4: tiled, N 5.2
    global<const uint16_t> s;        // [n]
    global<const uint8_t> z;         // per channel: [n]
    global<const uint8_t> s2, zeros; // per group: N 5.3
    global<const float> bias;        // [n] or null
    global<uint16_t> y;              // [m][n]
    global<int32_t> partial;         // splits > 1: [tile][split][BM * BN]
    global<uint32_t> counter;        // splits > 1: [tile], 0
    size_t x_pitch;
    uint32_t m, n, k;
    uint32_t n32, k32;                       // blocks of 32, rounded up
    uint32_t group_steps, groups;            // per group: 32s in a group, groups in a row
    uint32_t tiles, tiles_per_split, splits; // of BK input channels
    bool x_aligned,
        code_aligned; // rows begin at multiples of 16 bytes (code: W8 only, W4 always does)
    bool pairs;       // two outputs may be stored as one word
};

// BM x BN outputs of a block, BK input channels of a stage, WARPS_M warps along the tokens, one per
// 32 channels. BLOCKS: how many an SM must be able to hold.
template <int BM, int BN, int BK, int WARPS_M, int STAGES, int BLOCKS> struct gemm_tile {
    static constexpr int bm = BM, bn = BN, bk = BK, warps_m = WARPS_M, stages = STAGES,
                         blocks = BLOCKS;
    static constexpr int warps = WARPS_M * (BN / 32), threads = 32 * warps;
    static constexpr int steps = BK / 32, mi = BM / WARPS_M / 16;

    static_assert(BN % 32 == 0 && (BK == 64 || BK == 128) && BM % (16 * WARPS_M) == 0 &&
                      STAGES >= 2,
                  "a tile that fits");
};

// The place of a block. The grid has the tiles of tokens of a band along x, all tiles of channels
// along y and, along z, bands or parts of K, never both: blocks that run at the same time share a
// few rows of activations, which stay in the L2 cache while a band passes all weights (doc/gpu.md).
QOQ_DEVICE uint32_t gemm_place_m(const gemm_params &p)
{
    return (p.splits > 1 ? 0 : block_z() * grid_x()) + block_x();
}

QOQ_DEVICE uint32_t gemm_place_n()
{
    return block_y();
}

QOQ_DEVICE uint32_t gemm_place_split(const gemm_params &p)
{
    return p.splits > 1 ? block_z() : 0;
}

// Shared memory of a stage: activations, weights, group parameters.
template <class Tile, gemm_scheme SCHEME> struct gemm_stage {
    static constexpr uint32_t x = 0, code = Tile::bm * Tile::bk;
    static constexpr uint32_t code_bytes =
        SCHEME == gemm_scheme::w8 ? Tile::bn * Tile::bk : Tile::bn * Tile::bk / 2;
    // A row of a byte per channel for each group that a stage can touch.
    static constexpr uint32_t s2 = code + code_bytes, zeros = s2 + Tile::steps * Tile::bn;
    static constexpr uint32_t bytes =
        SCHEME == gemm_scheme::w4_group ? zeros + Tile::steps * Tile::bn : s2;
    static constexpr uint32_t block_bytes = bytes * Tile::stages;
};

// The 16-byte column of a row-major tile is moved so that eight rows of one column lie in eight
// different groups of banks.
template <int BK> QOQ_DEVICE uint32_t gemm_swizzle(uint32_t row, uint32_t column)
{
    return row * BK + 16 * (column ^ (BK == 128 ? row & 7 : row >> 1 & 3));
}

} // namespace qoq

#endif
