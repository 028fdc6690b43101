// SPDX-License-Identifier: Apache-2.0
// Weights times values over a split (N 11.3), by tensor cores, and the merges (N 11.4, 11.5).
//
// W = 256 high + low, both unsigned bytes; codes are centred and signed, and those of 4 bits stand
// 16 times too large, in the high half of a byte, which their unit makes good exactly (a power of
// two times a normal number). The sums over a split are at most 127 * 128 * 128 < 2^21 for high,
// 255 * 128 * 128 < 2^23 for low, and in all 32767 * 128 * 128 < 2^30.
//
// The B fragment wants of lane (r, c) = (lane / 4, lane % 4) four tokens of dimension r. A
// transposed matrix gives the lane a pair of bytes of tokens 2c and 2c + 1, so two matrices and a
// permutation give one byte of tokens 2c + {0, 1, 8, 9}; the weights stand in that order where the
// logits were (prefill_weight). Which dimensions a lane ends up with: prefill_dim.
#ifndef QOQ_GPU_PREFILL_VALUES_CUH
#define QOQ_GPU_PREFILL_VALUES_CUH

#include "gpu/attention_pair.cuh"
#include "gpu/prefill_weights.cuh"

namespace qoq
{

// Partial results of a lane's two vectors: element i of tile t of step s of the output is vector i
// / 2, dimension prefill_dim(s, t, i % 2).
template <class Shape> struct prefill_partial {
    float max[2], sum[2], out[Shape::steps][4][4];
};

// Column 2 c + e of tile t of a step of 32 dimensions. Even t and t + 1 are neighbours.
template <int BITS> QOQ_DEVICE uint32_t prefill_dim(uint32_t step, uint32_t t, uint32_t e)
{
    const uint32_t column = 2 * (lane() % 4) + e;

    return BITS == 4 ? 32 * step + 4 * column + t : 32 * step + t / 2 * 16 + 2 * column + t % 2;
}

// Codes of a part's 32 tokens in the 4 tiles of a step.
template <class Shape>
QOQ_DEVICE void prefill_value_codes(uint32_t (&b)[4][2], const prefill_params &p, uint32_t part,
                                    uint32_t step)
{
    QOQ_UNROLL
    for (int column = 0; column < Shape::columns; column++) {
        uint32_t r[4];

        load_matrix_transposed(r, p.values.at + (PART * part + lane()) * p.values.pitch +
                                      16 * (Shape::columns * step + column));
        QOQ_UNROLL
        for (int h = 0; h < 2; h++) {
            const uint32_t even = permute(r[2 * h], r[2 * h + 1], 0x6420);
            const uint32_t odd = permute(r[2 * h], r[2 * h + 1], 0x7531);

            if (Shape::bits == 4) {
                b[0][h] = ixor(iand(ishl(even, 4), 0xf0f0f0f0), 0x80808080);
                b[1][h] = ixor(iand(even, 0xf0f0f0f0), 0x80808080);
                b[2][h] = ixor(iand(ishl(odd, 4), 0xf0f0f0f0), 0x80808080);
                b[3][h] = ixor(iand(odd, 0xf0f0f0f0), 0x80808080);
            } else {
                b[2 * column][h] = ixor(even, 0x80808080);
                b[2 * column + 1][h] = ixor(odd, 0x80808080);
            }
        }
    }
}

// O of a step of dimensions.
template <class Shape>
QOQ_DEVICE void prefill_mix(float (&out)[4][4], const prefill_params &p, const prefill_weight &w,
                            const prefill_view &view, uint32_t step)
{
    int32_t high[4][4] = {}, low[4][4] = {};

    QOQ_UNROLL
    for (uint32_t part = 0; part < PARTS; part++) {
        if (prefill_has(view, part)) {
            uint32_t b[4][2];

            prefill_value_codes<Shape>(b, p, part, step);
            QOQ_UNROLL
            for (int t = 0; t < 4; t++) {
                mma_u8s8(high[t], w.high[part], b[t][0], b[t][1]);
                mma_u8s8(low[t], w.low[part], b[t][0], b[t][1]);
            }
        }
    }
    QOQ_UNROLL
    for (int i = 0; i < 8 * Shape::per_lane; i++) {
        const int t = i % 4, e = i / 4;
        const uint32_t sum =
            imad(static_cast<uint32_t>(high[t][e]), 256, static_cast<uint32_t>(low[t][e]));

        out[t][e] = ffma(int_to_float(static_cast<int32_t>(sum)), w.unit[e / 2], w.common[e / 2]);
    }
}

// ---- Merges ----

// What leaves whatever is merged to its right as it is, signs of zeros included: its factor is 0,
// or 1 where the other maximum is -infinity too or NaN, and -0 + x = x.
template <class Shape> QOQ_DEVICE void prefill_begin_leaf(prefill_partial<Shape> &mine)
{
    mine.max[0] = mine.max[1] = -qoq_float_of_bits(QOQ_INF_BITS);
    mine.sum[0] = mine.sum[1] = -0.0f;
    QOQ_UNROLL
    for (uint32_t i = 0; i < 16 * Shape::steps; i++) {
        mine.out[i / 16][i / 4 % 4][i % 4] = -0.0f;
    }
}

// Merges the split that w is about to the right.
template <class Shape>
QOQ_DEVICE void prefill_add_split(prefill_partial<Shape> &mine, const prefill_params &p,
                                  const prefill_weight &w, const prefill_view &view)
{
    attention_pair pair[2];

    QOQ_UNROLL
    for (int v = 0; v < Shape::per_lane; v++) {
        pair[v] = attention_pair_of(mine.max[v], w.max[v]);
        mine.max[v] = pair[v].max;
        mine.sum[v] = attention_join(pair[v], mine.sum[v], w.sum[v]);
    }
    QOQ_UNROLL
    for (uint32_t step = 0; step < Shape::steps; step++) {
        if (step < p.out_steps) {
            float out[4][4];

            prefill_mix<Shape>(out, p, w, view, step);
            QOQ_UNROLL
            for (int i = 0; i < 8 * Shape::per_lane; i++) {
                float &x = mine.out[step][i % 4][i / 4];

                x = attention_join(pair[i / 8], x, out[i % 4][i / 4]);
            }
        }
    }
}

// Where element e of this thread's partial result of a level lies.
template <class Shape>
QOQ_DEVICE size_t prefill_stack_at(const prefill_params &p, uint32_t level, uint32_t e)
{
    return ((static_cast<size_t>(block_x()) * p.levels + level) * Shape::elements + e) *
               Shape::threads +
           thread();
}

template <class Shape>
QOQ_DEVICE void prefill_push(const prefill_params &p, const prefill_partial<Shape> &mine,
                             uint32_t level)
{
    QOQ_UNROLL
    for (int v = 0; v < 2; v++) {
        store(p.stack, prefill_stack_at<Shape>(p, level, v), mine.max[v]);
        store(p.stack, prefill_stack_at<Shape>(p, level, 2 + v), mine.sum[v]);
    }
    QOQ_UNROLL
    for (uint32_t step = 0; step < Shape::steps; step++) {
        QOQ_UNROLL
        for (int i = 0; i < 16; i++) {
            if (step < p.out_steps) {
                store(p.stack, prefill_stack_at<Shape>(p, level, 4 + 16 * step + i),
                      mine.out[step][i / 4][i % 4]);
            }
        }
    }
}

// `mine` becomes the merge of what was pushed at this level, on the left, and itself.
template <class Shape>
QOQ_DEVICE void prefill_pop(const prefill_params &p, prefill_partial<Shape> &mine, uint32_t level)
{
    attention_pair pair[2];

    QOQ_UNROLL
    for (int v = 0; v < 2; v++) {
        pair[v] =
            attention_pair_of(load(p.stack, prefill_stack_at<Shape>(p, level, v)), mine.max[v]);
        mine.max[v] = pair[v].max;
        mine.sum[v] = attention_join(
            pair[v], load(p.stack, prefill_stack_at<Shape>(p, level, 2 + v)), mine.sum[v]);
    }
    QOQ_UNROLL
    for (uint32_t step = 0; step < Shape::steps; step++) {
        QOQ_UNROLL
        for (int i = 0; i < 16; i++) {
            if (step < p.out_steps) {
                const size_t at = prefill_stack_at<Shape>(p, level, 4 + 16 * step + i);
                float &x = mine.out[step][i / 4][i % 4];

                x = attention_join(pair[i % 4 / 2], load(p.stack, at), x);
            }
        }
    }
}

// The tree over leaves (N 11.5) as a binary counter: `mine` is leaf number i. Bit k of i says that
// a complete subtree of 2^k leaves waits at level k. A leaf takes the trees that it completes, then
// waits; the last one takes all.
template <class Shape>
QOQ_DEVICE void prefill_end_leaf(const prefill_params &p, prefill_partial<Shape> &mine, uint32_t i,
                                 bool last)
{
    uint32_t level = 0;

    for (; last ? i >> level != 0 : (i >> level & 1) != 0; level++) {
        if ((i >> level & 1) != 0) {
            prefill_pop<Shape>(p, mine, level);
        }
    }
    if (!last) {
        prefill_push<Shape>(p, mine, level);
    }
}

} // namespace qoq

#endif
