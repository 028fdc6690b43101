// SPDX-License-Identifier: Apache-2.0
// Weights as the A operand of wgmma: 4-bit codes become int8 in the registers that the instruction
// reads, and never go back to shared memory.
//
// m64k32 wants of lane (r, c) = (lane / 4, lane % 4) of a warp in register i row r + 8 (i % 2), k =
// 16 (i / 2) + 4c .. 4c + 3. In the tiled layout (N 5.2) the lane's 16 bytes of a block of 32
// channels are words i = 0 .. 3 for the same k and rows r + 8 (i % 2) of channels 0 .. 15 in their
// low nibbles, of channels 16 .. 31 in the high ones. So a warp takes one block of 32, and word i
// is register i of two products: that of the low nibbles and that of the high ones.
#ifndef QOQ_GPU_GEMM_SM90_OPERAND_CUH
#define QOQ_GPU_GEMM_SM90_OPERAND_CUH

#include "gpu/gemm_operand.cuh"
#include "gpu/gemm_sm90_tile.cuh"

namespace qoq
{

#if QOQ_WGMMA

// WHOLE: all steps of a stage belong to one group. No branch may stand between products under way
// (gemm_wgmma_release), so it is one or the other for a kernel's whole loop.
template <class Tile, gemm_scheme SCHEME, bool WHOLE> struct gemm_wgmma_operand {
    uint32_t codes, high; // shared address of this lane; Tile::halves: which nibbles
    vec4 words;
    gemm_group<2 * Tile::parts> group;

    QOQ_MEMBER gemm_wgmma_operand(const gemm_params &p, uint32_t stage, uint32_t tile,
                                  uint32_t consumer)
    {
        const uint32_t block = (Tile::halves ? 0 : 4 * consumer) + warp() % 4;
        typedef gemm_wgmma_stage<Tile, SCHEME> at;

        codes = stage + at::code + block * (Tile::steps * 512) + lane() * 16;
        high = Tile::halves ? consumer : 0;
        if (SCHEME == gemm_scheme::w4_group) {
            group.s2 = stage + at::s2 + 32 * block + (lane() & ~3u);
            group.zeros = stage + at::zeros + 32 * block + (lane() & ~3u);
            group.pitch = Tile::bn;
            group.first = 2 * high;
            group.begin(p, tile * Tile::steps);
        }
    }

    // The codes of a step on their way; what its group is.
    QOQ_MEMBER void fetch(int step)
    {
        words = load_shared<vec4>(codes + step * 512);
        if (SCHEME == gemm_scheme::w4_group && !WHOLE) {
            group.step_straight();
        }
    }

    QOQ_MEMBER void unpack(fragment (&a)[Tile::parts])
    {
        QOQ_UNROLL
        for (int part = 0; part < Tile::parts; part++) {
            QOQ_UNROLL
            for (int i = 0; i < 4; i++) {
                uint32_t w = Tile::halves ? iand(ishr(words.x[i], 4 * high), 0x0f0f0f0f)
                                          : gemm_nibbles(words.x[i], part);

                if (SCHEME == gemm_scheme::w4_group) {
                    w = group.weights(w, 2 * part + i % 2);
                }
                a[part].set(i, w);
            }
        }
    }
};

#endif

} // namespace qoq

#endif
