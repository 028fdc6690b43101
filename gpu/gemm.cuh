// SPDX-License-Identifier: Apache-2.0
// y = x W^T (N 6) with INT8 tensor cores: W8, W4 per channel and W4 per group, on the tiled layout
// of N 5.2 and 5.3.
//
// A block owns BM tokens x BN channels and a range of K; each of its warps owns BM / WARPS_M tokens
// x 32 channels, one block of the tiled layout. STAGES tiles of BK input channels are under way at
// once: while one is multiplied, copies fill the others. Tokens are the rows of the A fragment; the
// 16 bytes that a lane finds in the tiled layout are the B fragments of four 8-channel tiles as
// they are (gemm_operand.cuh). Integer sums are exact in any order, so neither the tile nor the
// number of splits moves a bit.
//
// The sizes are arbitrary: what lies outside of a tensor arrives as zeros. A zero activation annuls
// whatever weight it meets, so the padding of K needs no care on the weight's side, where a code of
// 0 is not the value 0.
#ifndef QOQ_GPU_GEMM_CUH
#define QOQ_GPU_GEMM_CUH

#include "gpu/gemm_finish.cuh"
#include "gpu/gemm_join.cuh"
#include "gpu/gemm_load.cuh"
#include "gpu/gemm_operand.cuh"

namespace qoq
{

// The products of one stage, added to acc.
template <class Tile, gemm_scheme SCHEME>
QOQ_DEVICE void gemm_multiply(int32_t (&acc)[Tile::mi][4][4], const gemm_params &p, uint32_t stage,
                              uint32_t tile)
{
    const uint32_t row = warp() % Tile::warps_m * (Tile::mi * 16) + (lane() & 15);
    gemm_operand<Tile, SCHEME> weight(p, stage, tile);

    QOQ_UNROLL
    for (int step = 0; step < Tile::steps; step++) {
        uint32_t a[Tile::mi][4], b[4][2];

        QOQ_UNROLL
        for (int i = 0; i < Tile::mi; i++) {
            load_matrix(a[i],
                        stage + gemm_swizzle<Tile::bk>(row + 16 * i, 2 * step + (lane() >> 4)));
        }
        weight.load(b, step);
        QOQ_UNROLL
        for (int j = 0; j < 4; j++) {
            QOQ_UNROLL
            for (int i = 0; i < Tile::mi; i++) {
                mma_s8(acc[i][j], a[i], b[j][0], b[j][1]);
            }
        }
    }
}

// acc = products over the tiles first .. last - 1 of K.
template <class Tile, gemm_scheme SCHEME>
QOQ_DEVICE void gemm_main_loop(int32_t (&acc)[Tile::mi][4][4], const gemm_params &p, uint32_t first,
                               uint32_t last)
{
    typedef gemm_stage<Tile, SCHEME> stage;

    QOQ_UNROLL
    for (int s = 0; s < Tile::stages - 1; s++) {
        if (first + s < last) {
            gemm_load<Tile, SCHEME>(p, s * stage::bytes, first + s);
        }
        copy_commit();
    }
    uint32_t now = 0, next = Tile::stages - 1;
    for (uint32_t tile = first; tile < last; tile++) {
        // Tile `tile` is there for this thread, then for all; and all have left the stage that is
        // filled next.
        copy_wait<Tile::stages - 2>();
        sync_block();
        if (tile + Tile::stages - 1 < last) {
            gemm_load<Tile, SCHEME>(p, next * stage::bytes, tile + Tile::stages - 1);
        }
        copy_commit();
        gemm_multiply<Tile, SCHEME>(acc, p, now * stage::bytes, tile);
        next = now;
        now = now + 1 == Tile::stages ? 0 : now + 1;
    }
}

// The sums of a thread, one after another.
template <class Tile> struct gemm_sums {
    static constexpr int count = Tile::mi * 16;
    int32_t (&acc)[Tile::mi][4][4];

    QOQ_MEMBER uint32_t get(int i)
    {
        return static_cast<uint32_t>(acc[i / 16][i / 4 % 4][i % 4]);
    }
    QOQ_MEMBER void set(int i, uint32_t v)
    {
        acc[i / 16][i / 4 % 4][i % 4] = static_cast<int32_t>(v);
    }
    QOQ_MEMBER void sync()
    {
        sync_block();
    }
};

// A lane has tokens r and r + 8 of each 16, channels 2c and 2c + 1 of each 8 (r = lane / 4, c =
// lane % 4).
template <class Tile, gemm_scheme SCHEME, bool INSIDE>
QOQ_DEVICE void gemm_store(const int32_t (&acc)[Tile::mi][4][4], const gemm_params &p)
{
    const uint32_t m0 =
        gemm_place_m(p) * Tile::bm + warp() % Tile::warps_m * (Tile::mi * 16) + (lane() >> 2);
    const uint32_t n0 = gemm_place_n() * Tile::bn + warp() / Tile::warps_m * 32 + 2 * (lane() & 3);
    gemm_channel channel[4][2];

    QOQ_UNROLL
    for (int j = 0; j < 8; j++) {
        channel[j / 2][j % 2] = gemm_get_channel<SCHEME>(p, n0 + 8 * (j / 2) + j % 2);
    }
    global<uint16_t> y = p.y + (static_cast<size_t>(m0) * p.n + n0);
    gemm_token token[Tile::mi * 2];

    gemm_get_tokens<SCHEME>(token, p, m0, 0);
    QOQ_UNROLL
    for (int i = 0; i < Tile::mi * 2; i++) {
        if (token[i].exists) {
            QOQ_UNROLL
            for (int j = 0; j < 4; j++) {
                gemm_store_pair<SCHEME, INSIDE>(p, y + 8 * j, token[i], channel[j],
                                                acc[i / 2][j][i % 2 * 2],
                                                acc[i / 2][j][i % 2 * 2 + 1]);
            }
        }
        y = y + 8 * static_cast<size_t>(p.n);
    }
}

template <class Tile, gemm_scheme SCHEME>
QOQ_DEVICE void gemm_epilogue(const int32_t (&acc)[Tile::mi][4][4], const gemm_params &p)
{
    if (gemm_is_inside(p, Tile::bn)) {
        gemm_store<Tile, SCHEME, true>(acc, p);
    } else {
        gemm_store<Tile, SCHEME, false>(acc, p);
    }
}

template <class Tile, gemm_scheme SCHEME>
QOQ_KERNEL(Tile::threads, Tile::blocks)
gemm(QOQ_PARAMETER gemm_params p)
{
    const uint32_t first = gemm_place_split(p) * p.tiles_per_split;
    const uint32_t last = first + p.tiles_per_split < p.tiles ? first + p.tiles_per_split : p.tiles;
    int32_t acc[Tile::mi][4][4] = {};

    if (gemm_place_m(p) * Tile::bm >= p.m) {
        return;
    }
    gemm_main_loop<Tile, SCHEME>(acc, p, first, last);
    if (p.splits > 1) {
        gemm_sums<Tile> sums = {acc};
        if (!gemm_join<Tile::threads>(sums, p, thread())) {
            return;
        }
    }
    gemm_epilogue<Tile, SCHEME>(acc, p);
}

} // namespace qoq

#endif
