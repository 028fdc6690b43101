// SPDX-License-Identifier: Apache-2.0
// The output head (N 6.4): each output one chain of fused multiply-adds over ascending k, so the
// order leaves no choice but the outputs that a thread owns: TM tokens x TN channels of a block of
// TM x 128 TN. Weights and tokens come to shared memory by asynchronous copies, STAGES tiles of BK
// input channels ahead; a thread reads eight channels of a row at a time. Rows of weights are
// padded by 16 bytes: an odd number of vectors, so that eight lanes meet all banks.
//
// What lies beyond K must not join a chain: zero times zero would turn -0 into +0.
#ifndef QOQ_GPU_ORDERED_CUH
#define QOQ_GPU_ORDERED_CUH

#include "gpu/primitives/primitives.h"

namespace qoq
{

enum { ORDERED_THREADS = 128 };

struct ordered_params {
    global<const float> x;    // [m][k]
    global<const uint16_t> w; // [n][k]
    global<float> y;          // [m][n]
    uint32_t m, n, k, tiles;
    bool x_aligned, w_aligned; // rows begin at multiples of 16 bytes
};

template <int TM, int TN, int BK, int STAGES> struct ordered_tile {
    static constexpr uint32_t tm = TM, tn = TN, bk = BK, stages = STAGES;
    static constexpr uint32_t bn = TN * ORDERED_THREADS;
    static constexpr uint32_t pitch = 2 * BK + 16; // bytes of a row of weights
    static constexpr uint32_t at_x = bn * pitch;   // tokens lie behind the weights
    static constexpr uint32_t bytes = at_x + TM * BK * 4;
    static constexpr uint32_t shared = STAGES * bytes;
};

// 16 bytes, of which `valid` exist, of a row that is not aligned.
template <class T> QOQ_DEVICE vec4 ordered_gather(global<const T> p, size_t at, uint32_t valid)
{
    vec4 v = {{0, 0, 0, 0}};

    QOQ_UNROLL
    for (uint32_t i = 0; i < 16 / sizeof(T); i++) {
        if (i * sizeof(T) < valid) {
            const T one = load(p, at + i);

            if constexpr (sizeof(T) == 4) {
                v.x[i] = float_bits(one);
            } else {
                v.x[i / 2] |= static_cast<uint32_t>(one) << 16 * (i % 2);
            }
        }
    }
    return v;
}

// ROWS rows of BK elements; those beyond `rows` and k are 0.
template <class Tile, uint32_t ROWS, uint32_t PITCH, class T>
QOQ_DEVICE void ordered_load(uint32_t to, global<const T> p, bool aligned, uint32_t first,
                             uint32_t rows, uint32_t first_k, uint32_t k)
{
    constexpr uint32_t each = 16 / sizeof(T), columns = Tile::bk / each;

    for (uint32_t i = thread(); i < ROWS * columns; i += ORDERED_THREADS) {
        const uint32_t row = i / columns, column = i % columns, at_k = first_k + each * column;
        const uint32_t left = first + row < rows && at_k < k ? k - at_k : 0;
        const uint32_t valid = (left < each ? left : each) * static_cast<uint32_t>(sizeof(T));
        const size_t from = valid == 0 ? 0 : static_cast<size_t>(first + row) * k + at_k;

        if (aligned) {
            copy_async(to + row * PITCH + 16 * column, p, from, valid);
        } else {
            store_shared(to + row * PITCH + 16 * column, ordered_gather(p, from, valid));
        }
    }
}

template <class Tile>
QOQ_DEVICE void ordered_fill(const ordered_params &p, uint32_t stage, uint32_t tile)
{
    ordered_load<Tile, Tile::bn, Tile::pitch>(stage, p.w, p.w_aligned, block_x() * Tile::bn, p.n,
                                              tile * Tile::bk, p.k);
    ordered_load<Tile, Tile::tm, Tile::bk * 4>(stage + Tile::at_x, p.x, p.x_aligned,
                                               block_y() * Tile::tm, p.m, tile * Tile::bk, p.k);
}

// Links of all chains for the `count` input channels of a stage.
template <class Tile>
QOQ_DEVICE void ordered_multiply(float (&acc)[Tile::tm][Tile::tn], uint32_t stage, uint32_t count)
{
    for (uint32_t k = 0; k < count; k += 8) {
        vec4 w[Tile::tn];

        QOQ_UNROLL
        for (uint32_t n = 0; n < Tile::tn; n++) {
            w[n] =
                load_shared<vec4>(stage + (thread() + n * ORDERED_THREADS) * Tile::pitch + 2 * k);
        }
        QOQ_UNROLL
        for (uint32_t half = 0; half < 2; half++) {
            vec4 x[Tile::tm];

            QOQ_UNROLL
            for (uint32_t m = 0; m < Tile::tm; m++) {
                x[m] = load_shared<vec4>(stage + Tile::at_x + 4 * (m * Tile::bk + k + 4 * half));
            }
            QOQ_UNROLL
            for (uint32_t j = 0; j < 4; j++) {
                if (k + 4 * half + j >= count) {
                    continue;
                }
                QOQ_UNROLL
                for (uint32_t n = 0; n < Tile::tn; n++) {
                    const float value = half_to_float(
                        static_cast<uint16_t>(w[n].x[2 * half + j / 2] >> 16 * (j % 2)));

                    QOQ_UNROLL
                    for (uint32_t m = 0; m < Tile::tm; m++) {
                        acc[m][n] = ffma(bits_float(x[m].x[j]), value, acc[m][n]);
                    }
                }
            }
        }
    }
}

template <class Tile> QOQ_KERNEL(ORDERED_THREADS, 1) ordered(QOQ_PARAMETER ordered_params p)
{
    float acc[Tile::tm][Tile::tn] = {};

    QOQ_UNROLL
    for (uint32_t s = 0; s < Tile::stages - 1; s++) {
        if (s < p.tiles) {
            ordered_fill<Tile>(p, s * Tile::bytes, s);
        }
        copy_commit();
    }
    for (uint32_t tile = 0; tile < p.tiles; tile++) {
        const uint32_t next = tile + Tile::stages - 1, left = p.k - tile * Tile::bk;

        copy_wait<static_cast<int>(Tile::stages) - 2>();
        // The tile has arrived for every thread, and everyone has left the one before.
        sync_block();
        if (next < p.tiles) {
            ordered_fill<Tile>(p, next % Tile::stages * Tile::bytes, next);
        }
        copy_commit();
        ordered_multiply<Tile>(acc, tile % Tile::stages * Tile::bytes,
                               left < Tile::bk ? left : Tile::bk);
    }
    copy_wait<0>();
    QOQ_UNROLL
    for (uint32_t m = 0; m < Tile::tm; m++) {
        const uint32_t row = block_y() * Tile::tm + m;

        QOQ_UNROLL
        for (uint32_t n = 0; n < Tile::tn; n++) {
            const uint32_t column = block_x() * Tile::bn + n * ORDERED_THREADS + thread();

            if (row < p.m && column < p.n) {
                store(p.y, static_cast<size_t>(row) * p.n + column, acc[m][n]);
            }
        }
    }
}

} // namespace qoq

#endif
