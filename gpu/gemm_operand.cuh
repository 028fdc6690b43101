// SPDX-License-Identifier: Apache-2.0
// The B fragments of a warp's 32 channels: dequantization in registers.
//
// m16n8k32 wants of lane (r, c) = (lane / 4, lane % 4) for channel r of an 8-channel tile: register
// 0 the codes of k = 4c .. 4c + 3, register 1 those of k = 16 + 4c ... In the tiled layout (N 5.2)
// the lane's 16 bytes are four words; word w holds channels r + 8 (w % 2) in its low nibbles and r
// + 16 + 8 (w % 2) in its high ones, for k = 16 (w / 2) + 4c ... So tile j (channels 8j ..) takes
// words j % 2 and 2 + j % 2, low nibbles for j < 2, and nothing is moved between lanes.
//
// Per group four weights become (q - z) s2 in two instructions:
//
//     w8 = (q * s2 + C) ^ 0x80808080    with q = four codes, one a byte, and C = (128 - z s2) in
//     each byte.
//
// Proof. As integers q * s2 + C = sum over i of 256^i (q_i s2 + 128 - z s2) = sum of 256^i ((q_i -
// z) s2 + 128). N 4.4 admits only weights with -128 <= (q_i - z) s2 <= 127, so every coefficient
// lies in 0 .. 255: the coefficients are the digits of the sum in base 256, that is, its bytes. The
// sum is below 2^32, so the multiply-add does not wrap, and no digit has carried into its
// neighbour, whatever q_i s2 alone would be. Flipping the top bit of a byte v + 128 gives v modulo
// 256, which is v as int8. C comes from the stored zero Z = (-z s2) mod 256: N 4.4 demands z s2 <=
// 128, so 128 - z s2 lies in 0 .. 128 and equals (Z + 128) mod 256 = Z ^ 0x80. Padding channels
// have s2 = 1, Z = 0, codes 0, or come as zeros altogether: w8 = 0.
//
// Per channel the codes are the operand; the zero point is applied to the sums (N 6.2).
#ifndef QOQ_GPU_GEMM_OPERAND_CUH
#define QOQ_GPU_GEMM_OPERAND_CUH

#include "gpu/gemm_params.cuh"

namespace qoq
{

// Codes of tile j among the lane's four words: one nibble a byte.
QOQ_DEVICE uint32_t gemm_codes(const vec4 &words, int j, int half)
{
    const uint32_t word = words.x[j % 2 + 2 * half];

    return iand(j < 2 ? word : ishr(word, 4), 0x0f0f0f0f);
}

template <class Tile, gemm_scheme SCHEME> struct gemm_operand {
    uint32_t codes, s2, zeros;    // shared addresses of this lane
    uint32_t left, group_steps;   // steps until the next group begins
    uint32_t scale[4], offset[4]; // s2 and C of the group, by tile

    QOQ_MEMBER gemm_operand(const gemm_params &p, uint32_t stage, uint32_t tile)
    {
        const uint32_t column = warp() / Tile::warps_m;
        typedef gemm_stage<Tile, SCHEME> at;

        codes = stage + at::code + column * (Tile::steps * 512) + lane() * 16;
        if (SCHEME == gemm_scheme::w4_group) {
            s2 = stage + at::s2 + 32 * column + (lane() & ~3u);
            zeros = stage + at::zeros + 32 * column + (lane() & ~3u);
            group_steps = p.group_steps;
            left = group_steps - tile * Tile::steps % group_steps;
            take_group();
        }
    }

    // The lane's four channels of 32: one byte of s2 and of the zeros for each tile.
    QOQ_MEMBER void take_group()
    {
        const uint32_t scales = load_shared<uint32_t>(s2);
        const uint32_t offsets = ixor(load_shared<uint32_t>(zeros), 0x80808080);

        QOQ_UNROLL
        for (int j = 0; j < 4; j++) {
            scale[j] = permute(scales, 0, 0x4440 + j);
            offset[j] = permute(offsets, 0, 0x1111 * j);
        }
    }

    QOQ_MEMBER void load(uint32_t (&b)[4][2], int step)
    {
        const vec4 words = load_shared<vec4>(codes + step * 512);

        if (SCHEME == gemm_scheme::w4_group) {
            if (left == 0) {
                s2 += Tile::bn;
                zeros += Tile::bn;
                left = group_steps;
                take_group();
            }
            left--;
        }
        QOQ_UNROLL
        for (int j = 0; j < 4; j++) {
            QOQ_UNROLL
            for (int half = 0; half < 2; half++) {
                b[j][half] = gemm_codes(words, j, half);
                if (SCHEME == gemm_scheme::w4_group) {
                    b[j][half] = ixor(imad(b[j][half], scale[j], offset[j]), 0x80808080);
                }
            }
        }
    }
};

// W8: rows of bytes, like the activations.
template <class Tile> struct gemm_operand<Tile, gemm_scheme::w8> {
    uint32_t codes, row;

    QOQ_MEMBER gemm_operand(const gemm_params &, uint32_t stage, uint32_t)
    {
        codes = stage + gemm_stage<Tile, gemm_scheme::w8>::code;
        row = warp() / Tile::warps_m * 32 + (lane() & 7) + (lane() >> 4) * 8;
    }

    QOQ_MEMBER void load(uint32_t (&b)[4][2], int step)
    {
        QOQ_UNROLL
        for (int pair = 0; pair < 2; pair++) {
            uint32_t r[4];

            load_matrix(
                r, codes + gemm_swizzle<Tile::bk>(row + 16 * pair, 2 * step + (lane() >> 3 & 1)));
            b[2 * pair][0] = r[0];
            b[2 * pair][1] = r[1];
            b[2 * pair + 1][0] = r[2];
            b[2 * pair + 1][1] = r[3];
        }
    }
};

} // namespace qoq

#endif
