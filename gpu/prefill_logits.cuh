// SPDX-License-Identifier: Apache-2.0
// Logits of 16 query vectors over a split (N 11.2), by tensor cores.
//
// Q = 256 high + low with high = floor(Q / 256) in -128 .. 127 and low in 0 .. 255, so I = 256 sum
// of high u + sum of low u. With u <= 255 and D <= 256 the two sums are below 128 * 255 * 256 <
// 2^23 and 255 * 255 * 256 < 2^24; 256 times the first and the total wrap, if at all, modulo 2^32,
// and |I| < 2^31 (N 11.2), so what is left is I.
//
// The B fragment wants of lane (r, c) = (lane / 4, lane % 4) for token r of 8: register 0 four
// codes of k = 4c .., register 1 of k = 16 + 4c ... A word of 4-bit codes holds dimensions 8c .. 8c
// + 7: low nibbles, the even ones, are taken as register 0, high ones as register 1, and the query
// has its dimensions in that order (prefill_query_dim).
#ifndef QOQ_GPU_PREFILL_LOGITS_CUH
#define QOQ_GPU_PREFILL_LOGITS_CUH

#include "gpu/prefill_load.cuh"

namespace qoq
{

// A split is 4 parts of 32 tokens; a part is 4 tiles of 8. A lane has in element i of tile j of its
// two vectors: vector i / 2, token 8 j + 2 c + i % 2.
enum { PART = 32, PARTS = SPLIT / PART };

// Codes of a part's 32 tokens in 32 dimensions.
template <class Shape>
QOQ_DEVICE void prefill_key_codes(uint32_t (&b)[4][2], const prefill_params &p, uint32_t part,
                                  uint32_t step)
{
    if (Shape::bits == 4) {
        uint32_t r[4];

        load_matrix(r, p.keys.at + (PART * part + lane()) * p.keys.pitch + 16 * step);
        QOQ_UNROLL
        for (int j = 0; j < 4; j++) {
            b[j][0] = iand(r[j], 0x0f0f0f0f);
            b[j][1] = iand(ishr(r[j], 4), 0x0f0f0f0f);
        }
    } else {
        QOQ_UNROLL
        for (int j = 0; j < 4; j += 2) {
            const uint32_t token = PART * part + 8 * j + lane() / 16 * 8 + lane() % 8;
            uint32_t r[4];

            load_matrix(r, p.keys.at + token * p.keys.pitch + 32 * step + lane() / 8 % 2 * 16);
            b[j][0] = r[0];
            b[j][1] = r[1];
            b[j + 1][0] = r[2];
            b[j + 1][1] = r[3];
        }
    }
}

// I for the tokens of a part.
template <class Shape>
QOQ_DEVICE void prefill_dot(int32_t (&dot)[4][4], const prefill_params &p, uint32_t part)
{
    const uint32_t row = 16 * warp() + lane() % (8 * Shape::per_lane);
    const uint32_t query = p.at_q + row * p.query_pitch + lane() / 16 * 16;
    int32_t high[4][4] = {};

    QOQ_UNROLL
    for (int j = 0; j < 16; j++) {
        dot[j / 4][j % 4] = 0;
    }
    QOQ_LOOP
    for (uint32_t step = 0; step < p.steps; step++) {
        uint32_t a_high[4], a_low[4], b[4][2];

        load_matrix(a_high, query + 32 * step);
        load_matrix(a_low, query + Shape::vectors * p.query_pitch + 32 * step);
        prefill_key_codes<Shape>(b, p, part, step);
        QOQ_UNROLL
        for (int j = 0; j < 4; j++) {
            mma_s8u8(high[j], a_high, b[j][0], b[j][1]);
            mma_u8(dot[j], a_low, b[j][0], b[j][1]);
        }
    }
    QOQ_UNROLL
    for (int j = 0; j < 4; j++) {
        QOQ_UNROLL
        for (int i = 0; i < 2 * Shape::per_lane; i++) {
            dot[j][i] = static_cast<int32_t>(
                imad(static_cast<uint32_t>(high[j][i]), 256, static_cast<uint32_t>(dot[j][i])));
        }
    }
}

// How many tokens of a split a lane's two vectors see, at least one each, and how many anyone in
// the tile. last: only in the last split do they differ.
struct prefill_view {
    uint32_t seen[2], count;
    bool last;
};

// Whether anyone sees tokens of a part. All have the first.
QOQ_DEVICE bool prefill_has(const prefill_view &view, uint32_t part)
{
    return part == 0 || PART * part < view.count;
}

// The logits of a part.
template <class Shape>
QOQ_DEVICE void prefill_part_logits(float (&l)[16][4], const prefill_params &p,
                                    const prefill_query &q, uint32_t part, uint32_t factors)
{
    int32_t dot[4][4];

    prefill_dot<Shape>(dot, p, part);
    QOQ_UNROLL
    for (int j = 0; j < 4; j++) {
        const vec4 k = load_shared<vec4>(factors + 8 * (PART * part + 8 * j + 2 * (lane() % 4)));

        QOQ_UNROLL
        for (int i = 0; i < 2 * Shape::per_lane; i++) {
            const float scale = bits_float(k.x[i % 2 * 2]), zero = bits_float(k.x[i % 2 * 2 + 1]);

            l[4 * part + j][i] =
                fmul(q.c[i / 2], ffma(scale, int_to_float(dot[j][i]), fmul(zero, q.sum[i / 2])));
        }
    }
}

// Logits of a split; -infinity for tokens that a vector does not see.
template <class Shape>
QOQ_DEVICE void prefill_logits(float (&l)[16][4], const prefill_params &p, const prefill_query &q,
                               const prefill_view &view, uint32_t split)
{
    const float none = -qoq_float_of_bits(QOQ_INF_BITS);

    QOQ_UNROLL
    for (uint32_t part = 0; part < PARTS; part++) {
        if (prefill_has(view, part)) {
            prefill_part_logits<Shape>(l, p, q, part, prefill_factors_at(p, split));
        } else {
            QOQ_UNROLL
            for (uint32_t i = 0; i < 8 * Shape::per_lane; i++) {
                l[4 * part + i % 4][i / 4] = none;
            }
        }
    }
    if (view.last) {
        QOQ_UNROLL
        for (int j = 0; j < 16; j++) {
            QOQ_UNROLL
            for (int i = 0; i < 2 * Shape::per_lane; i++) {
                const uint32_t token = 8 * j + 2 * (lane() % 4) + i % 2;

                l[j][i] = token < view.seen[i / 2] ? l[j][i] : none;
            }
        }
    }
}

} // namespace qoq

#endif
