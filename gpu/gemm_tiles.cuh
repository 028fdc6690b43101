// SPDX-License-Identifier: Apache-2.0
// The tiles of the product and what each asks of a launch.
#ifndef QOQ_GPU_GEMM_TILES_CUH
#define QOQ_GPU_GEMM_TILES_CUH

#include "gpu/gemm.cuh"
#include "gpu/gemm_sm90.cuh"

namespace qoq
{

namespace
{

//                 BM   BN   BK  WARPS_M STAGES BLOCKS
typedef gemm_tile<16, 128, 128, 1, 4, 2> tile_16;
typedef gemm_tile<32, 128, 128, 1, 4, 2> tile_32;
typedef gemm_tile<64, 128, 128, 1, 3, 2> tile_64;
typedef gemm_tile<128, 128, 64, 2, 4, 1> tile_128;
//                     TOKENS CONSUMERS PARTS BLOCKS
typedef gemm_wgmma_tile<8, 1, 2, 2> wide_8;
typedef gemm_wgmma_tile<16, 1, 2, 2> wide_16;
typedef gemm_wgmma_tile<32, 1, 2, 2> wide_32;
typedef gemm_wgmma_tile<64, 2, 2, 1> wide_64;
typedef gemm_wgmma_tile<128, 2, 2, 1> wide_128;
typedef gemm_wgmma_tile<256, 2, 1, 1> wide_256;

struct tile_row {
    uint32_t bm, bn, bk, threads;
    uint32_t blocks;    // of a multiprocessor
    uint32_t stages[3]; // under way in a block, by scheme
    uint32_t up_to[3];  // used for products of at most so many tokens
    uint32_t shared[3]; // bytes
    const char *name[3];
    void (*kernel[3])(gemm_params); // null where the tile is one of wgmma
    void (*wgmma[3])(gemm_wgmma_params);
};

// KIND: a word of the kernels' names, "m..n..k.." of the tile.
#define QOQ_TILE_NAMES(kind)                                                                       \
    {                                                                                              \
        "gemm_w8a8_" kind, "gemm_w4a8_channel_" kind, "gemm_w4a8_group_" kind                      \
    }

constexpr uint32_t MANY = UINT32_MAX;

template <class Tile> constexpr tile_row row(uint32_t up_to, const char *const (&name)[3])
{
    return {Tile::bm,
            Tile::bn,
            Tile::bk,
            Tile::threads,
            Tile::blocks,
            {Tile::stages, Tile::stages, Tile::stages},
            {up_to, up_to, up_to},
            {gemm_stage<Tile, gemm_scheme::w8>::block_bytes,
             gemm_stage<Tile, gemm_scheme::w4_channel>::block_bytes,
             gemm_stage<Tile, gemm_scheme::w4_group>::block_bytes},
            {name[0], name[1], name[2]},
            {gemm<Tile, gemm_scheme::w8>, gemm<Tile, gemm_scheme::w4_channel>,
             gemm<Tile, gemm_scheme::w4_group>},
            {}};
}

template <class Tile>
constexpr tile_row wide_row(uint32_t up_to_w8, uint32_t up_to_w4, const char *const (&name)[3])
{
    return {Tile::bm,
            Tile::bn,
            Tile::bk,
            Tile::threads,
            Tile::blocks,
            {gemm_wgmma_stage<Tile, gemm_scheme::w8>::stages,
             gemm_wgmma_stage<Tile, gemm_scheme::w4_channel>::stages,
             gemm_wgmma_stage<Tile, gemm_scheme::w4_group>::stages},
            {up_to_w8, up_to_w4, up_to_w4},
            {gemm_wgmma_stage<Tile, gemm_scheme::w8>::block_bytes,
             gemm_wgmma_stage<Tile, gemm_scheme::w4_channel>::block_bytes,
             gemm_wgmma_stage<Tile, gemm_scheme::w4_group>::block_bytes},
            {name[0], name[1], name[2]},
            {},
            {gemm_wgmma<Tile, gemm_scheme::w8>, gemm_wgmma<Tile, gemm_scheme::w4_channel>,
             gemm_wgmma<Tile, gemm_scheme::w4_group>}};
}

// In each half the first that admits a product's tokens is taken. Beyond 64 tokens 128 of them by
// 256 channels of 4 bits take the fewest bytes from the L2 cache, for 8 bits a square does as well
// (doc/gpu.md).
const tile_row tile_table[] = {
    row<tile_16>(16, QOQ_TILE_NAMES("m16n128k128")),
    row<tile_32>(32, QOQ_TILE_NAMES("m32n128k128")),
    row<tile_64>(64, QOQ_TILE_NAMES("m64n128k128")),
    row<tile_128>(MANY, QOQ_TILE_NAMES("m128n128k64")),
    wide_row<wide_8>(8, 8, QOQ_TILE_NAMES("wgmma_m8n128k128")),
    wide_row<wide_16>(16, 16, QOQ_TILE_NAMES("wgmma_m16n128k128")),
    wide_row<wide_32>(32, 32, QOQ_TILE_NAMES("wgmma_m32n128k128")),
    wide_row<wide_64>(64, 64, QOQ_TILE_NAMES("wgmma_m64n256k128")),
    wide_row<wide_128>(128, MANY, QOQ_TILE_NAMES("wgmma_m128n256k128")),
    wide_row<wide_256>(MANY, MANY, QOQ_TILE_NAMES("wgmma_m256n128k128")),
};
constexpr int TILES = sizeof tile_table / sizeof *tile_table;

inline bool is_wide(const tile_row &tile)
{
    return tile.wgmma[0] != nullptr;
}

// The tile that was asked for (-1: none), or the first that is meant for so many tokens; one of
// wgmma only where `wide`, and by itself only where it `prefers` them.
inline const tile_row &choose_tile(int asked, bool wide, bool prefers, uint32_t scheme, size_t m)
{
    int i = asked >= 0 && (wide || !is_wide(tile_table[asked])) ? asked : -1;

    for (int t = 0; i < 0; t++) {
        i = is_wide(tile_table[t]) == (wide && prefers) && m <= tile_table[t].up_to[scheme] ? t : i;
    }
    return tile_table[i];
}

} // namespace

} // namespace qoq

#endif
