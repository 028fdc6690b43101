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

// One code of each of four bytes: of the low nibbles, or of the high ones.
QOQ_DEVICE uint32_t gemm_nibbles(uint32_t word, int high)
{
    return iand(high ? ishr(word, 4) : word, 0x0f0f0f0f);
}

// The group of K that the next step belongs to: s2 and C of COUNT channels of this lane. A channel
// has a byte in the lane's word of a row of parameters; the next group's row lies `pitch` further.
template <int COUNT> struct gemm_group {
    uint32_t s2, zeros, pitch, first; // shared addresses of the words; the first channel's byte
    uint32_t left, steps;             // until the next group begins, in all
    uint32_t scale[COUNT], offset[COUNT];

    QOQ_MEMBER void begin(const gemm_params &p, uint32_t first_step)
    {
        steps = p.group_steps;
        left = steps - first_step % steps;
        take();
    }

    QOQ_MEMBER void take()
    {
        const uint32_t scales = load_shared<uint32_t>(s2);
        const uint32_t offsets = ixor(load_shared<uint32_t>(zeros), 0x80808080);

        QOQ_UNROLL
        for (int j = 0; j < COUNT; j++) {
            scale[j] = permute(scales, 0, 0x4440 + first + j);
            offset[j] = permute(offsets, 0, 0x1111 * (first + j));
        }
    }

    // Comes before each step.
    QOQ_MEMBER void step()
    {
        if (left == 0) {
            s2 += pitch;
            zeros += pitch;
            left = steps;
            take();
        }
        left--;
    }

    // The same without a branch: takes the group at every step, and takes longer.
    QOQ_MEMBER void step_straight()
    {
        const bool next = left == 0;

        s2 += next ? pitch : 0;
        zeros += next ? pitch : 0;
        left = (next ? steps : left) - 1;
        take();
    }

    QOQ_MEMBER uint32_t weights(uint32_t codes, int j)
    {
        return ixor(imad(codes, scale[j], offset[j]), 0x80808080);
    }
};

template <class Tile, gemm_scheme SCHEME> struct gemm_operand {
    uint32_t codes; // shared address of this lane
    gemm_group<4> group;

    QOQ_MEMBER gemm_operand(const gemm_params &p, uint32_t stage, uint32_t tile)
    {
        const uint32_t column = warp() / Tile::warps_m;
        typedef gemm_stage<Tile, SCHEME> at;

        codes = stage + at::code + column * (Tile::steps * 512) + lane() * 16;
        if (SCHEME == gemm_scheme::w4_group) {
            group.s2 = stage + at::s2 + 32 * column + (lane() & ~3u);
            group.zeros = stage + at::zeros + 32 * column + (lane() & ~3u);
            group.pitch = Tile::bn;
            group.first = 0;
            group.begin(p, tile * Tile::steps);
        }
    }

    QOQ_MEMBER void load(uint32_t (&b)[4][2], int step)
    {
        const vec4 words = load_shared<vec4>(codes + step * 512);

        if (SCHEME == gemm_scheme::w4_group) {
            group.step();
        }
        QOQ_UNROLL
        for (int j = 0; j < 4; j++) {
            QOQ_UNROLL
            for (int half = 0; half < 2; half++) {
                b[j][half] = gemm_nibbles(words.x[j % 2 + 2 * half], j / 2);
                if (SCHEME == gemm_scheme::w4_group) {
                    b[j][half] = group.weights(b[j][half], j);
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
