// SPDX-License-Identifier: Apache-2.0
// Fills one stage of a product: each byte is copied once per block, by whichever thread.
#ifndef QOQ_GPU_GEMM_LOAD_CUH
#define QOQ_GPU_GEMM_LOAD_CUH

#include "gpu/gemm_params.cuh"

namespace qoq
{

// 16 bytes from any address, the last 16 - valid of them 0.
QOQ_DEVICE vec4 gemm_gather(global<const int8_t> p, size_t at, uint32_t valid)
{
    vec4 v = {{0, 0, 0, 0}};

    QOQ_UNROLL
    for (uint32_t i = 0; i < 16; i++) {
        if (i < valid) {
            v.x[i / 4] |= static_cast<uint32_t>(static_cast<uint8_t>(load(p, at + i)))
                          << 8 * (i % 4);
        }
    }
    return v;
}

// ROWS rows of BK bytes from row-major bytes [rows][pitch]; the tile begins at (first_row,
// first_k).
template <class Tile, int ROWS>
QOQ_DEVICE void gemm_load_rows(uint32_t to, global<const int8_t> p, size_t pitch, bool aligned,
                               uint32_t first_row, uint32_t rows, uint32_t first_k, uint32_t k)
{
    constexpr uint32_t columns = Tile::bk / 16;

    for (uint32_t i = thread(); i < ROWS * columns; i += Tile::threads) {
        const uint32_t row = i / columns, at_k = first_k + 16 * (i % columns);
        const uint32_t left = first_row + row < rows && at_k < k ? k - at_k : 0,
                       valid = left < 16 ? left : 16;
        const uint32_t address = to + gemm_swizzle<Tile::bk>(row, i % columns);
        const size_t from = valid == 0 ? 0 : (first_row + row) * pitch + at_k;

        if (aligned) {
            copy_async(address, p, from, valid);
        } else {
            store_shared(address, gemm_gather(p, from, valid));
        }
    }
}

// Tiled codes: [32 channels][step][512 bytes], as they lie in memory.
template <class Tile>
QOQ_DEVICE void gemm_load_tiled(const gemm_params &p, uint32_t to, uint32_t tile)
{
    for (uint32_t i = thread(); i < Tile::bn / 32 * Tile::steps * 32; i += Tile::threads) {
        const uint32_t block = gemm_place_n() * (Tile::bn / 32) + i / (Tile::steps * 32);
        const uint32_t step = tile * Tile::steps + i / 32 % Tile::steps;
        const bool exists = block < p.n32 && step < p.k32;

        copy_async(to + 16 * i, p.code,
                   exists ? (static_cast<size_t>(block) * p.k32 + step) * 512 + i % 32 * 16 : 0,
                   exists ? 16 : 0);
    }
}

// The rows of s2_scales and s2_zeros that the stage touches, the first of them in row 0.
template <class Tile>
QOQ_DEVICE void gemm_load_groups(const gemm_params &p, uint32_t to, global<const uint8_t> from,
                                 uint32_t tile)
{
    constexpr uint32_t columns = Tile::bn / 16;
    const uint32_t first = tile * Tile::steps / p.group_steps,
                   last = (tile * Tile::steps + Tile::steps - 1) / p.group_steps;

    for (uint32_t i = thread(); i < Tile::steps * columns; i += Tile::threads) {
        const uint32_t group = first + i / columns,
                       n = gemm_place_n() * Tile::bn + 16 * (i % columns);
        const bool exists = group <= last && group < p.groups && n < 32 * p.n32;

        copy_async(to + 16 * i, from, exists ? static_cast<size_t>(group) * (32 * p.n32) + n : 0,
                   exists ? 16 : 0);
    }
}

template <class Tile, gemm_scheme SCHEME>
QOQ_DEVICE void gemm_load(const gemm_params &p, uint32_t to, uint32_t tile)
{
    typedef gemm_stage<Tile, SCHEME> stage;

    gemm_load_rows<Tile, Tile::bm>(to + stage::x, p.x, p.x_pitch, p.x_aligned,
                                   gemm_place_m(p) * Tile::bm, p.m, tile * Tile::bk, p.k);
    if (SCHEME == gemm_scheme::w8) {
        gemm_load_rows<Tile, Tile::bn>(to + stage::code, p.code, p.k, p.code_aligned,
                                       gemm_place_n() * Tile::bn, p.n, tile * Tile::bk, p.k);
    } else {
        gemm_load_tiled<Tile>(p, to + stage::code, tile);
    }
    if (SCHEME == gemm_scheme::w4_group) {
        gemm_load_groups<Tile>(p, to + stage::s2, p.s2, tile);
        gemm_load_groups<Tile>(p, to + stage::zeros, p.zeros, tile);
    }
}

} // namespace qoq

#endif
