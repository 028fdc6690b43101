// SPDX-License-Identifier: Apache-2.0
// From the logits of a split to integer weights (N 11.3): all that CUDA cores do for each pair of a
// query vector and a token.
//
// Integers come out of additions, not conversions: x + 2^23, or x + 3 * 2^22 where x may be
// negative, lies in [2^23, 2^24], where the spacing is 1; so the addition rounds x to the nearest
// integer, halves to even, and leaves it in the low bits. The ranges need no clamping:
//
//   P   p <= 1, for p = exp2 of at most 0: p 2^22 <= 2^22. A fused operation rounds once what N
//       rounds to binary32 first, which is exact for a product with 2^22.
//   W   0 <= w <= a and r <= (32767 / a)(1 + 2^-24): w r <= 32767 (1 + 2^-24), which is rounded
//       to binary32 at most 32767.004, and then to at most 32767.
//   Y   likewise |y r| <= 2^22 (1 + 2^-24), which rounds to 2^22.
//
// Sums of the words minus as many times the word of the addend are sums of the integers, modulo
// 2^32, and N 11.3 bounds them below 2^31.
#ifndef QOQ_GPU_PREFILL_WEIGHTS_CUH
#define QOQ_GPU_PREFILL_WEIGHTS_CUH

#include "gpu/prefill_logits.cuh"

namespace qoq
{

// What is known of a lane's two vectors after a split, and W of its tokens as A fragments of u8: of
// part k, register 2 h + v holds vector v, tokens 16 h + 2 c + {0, 1, 8, 9}.
struct prefill_weight {
    float max[2], sum[2], unit[2], common[2];
    uint32_t high[PARTS][4], low[PARTS][4]; // W = 256 high + low
};

// Over the four lanes that share vectors.
QOQ_DEVICE float prefill_quad_max(float x)
{
    x = fmax_nan(x, shuffle_xor(x, 1));
    return fmax_nan(x, shuffle_xor(x, 2));
}

QOQ_DEVICE int32_t prefill_quad_sum(uint32_t x)
{
    x = iadd(x, shuffle_xor(x, 1));
    return static_cast<int32_t>(iadd(x, shuffle_xor(x, 2)));
}

// Scale and middle of V of two neighbouring tokens of a lane in tile j of a split.
QOQ_DEVICE vec4 prefill_value_factors(uint32_t factors, uint32_t j)
{
    return load_shared<vec4>(factors + 8 * SPLIT + 64 * j + 16 * (lane() % 4));
}

// Words of rounded integers, summed.
struct prefill_sum {
    uint32_t word;

    QOQ_MEMBER void add(float rounded)
    {
        word = iadd(word, float_bits(rounded));
    }
    // Over the vector, after `count` additions with this addend in each lane.
    QOQ_MEMBER int32_t take(uint32_t count, float addend) const
    {
        return prefill_quad_sum(word - count * float_bits(addend));
    }
};

// M; l becomes p; L, and the largest w and |y|.
template <class Shape>
QOQ_DEVICE void prefill_numerators(prefill_weight &w, float (&a)[2], float (&b)[2],
                                   float (&l)[16][4], const prefill_view &view, uint32_t factors)
{
    float top[2];
    prefill_sum sum[2] = {{0}, {0}};

    QOQ_UNROLL
    for (int j = 0; j < 16; j++) {
        QOQ_UNROLL
        for (int i = 0; i < 2 * Shape::per_lane; i++) {
            top[i / 2] = fmax_nan(j == 0 && i % 2 == 0 ? l[j][i] : top[i / 2], l[j][i]);
        }
    }
    QOQ_UNROLL
    for (int v = 0; v < Shape::per_lane; v++) {
        w.max[v] = fadd(fceil(prefill_quad_max(top[v])), 0.0f);
        a[v] = b[v] = 0.0f;
    }
    QOQ_UNROLL
    for (uint32_t j = 0; j < 16; j++) {
        if (prefill_has(view, j / 4)) {
            const vec4 f = prefill_value_factors(factors, j);

            QOQ_UNROLL
            for (int i = 0; i < 2 * Shape::per_lane; i++) {
                const int v = i / 2;
                const float p = exp2_below_of(fsub(l[j][i], w.max[v]));

                l[j][i] = p;
                sum[v].add(ffma(p, 0x1p22f, 0x1p23f));
                a[v] = fmax_nan(a[v], fmul(p, bits_float(f.x[i % 2 * 2])));
                b[v] = fmax_nan(b[v], fmagnitude(fmul(p, bits_float(f.x[i % 2 * 2 + 1]))));
            }
        }
    }
    const uint32_t parts = (view.count + PART - 1) / PART;
    QOQ_UNROLL
    for (int v = 0; v < Shape::per_lane; v++) {
        w.sum[v] = fmul(int_to_float(sum[v].take(8 * parts, 0x1p23f)), 0x1p-22f);
        a[v] = attention_floor(prefill_quad_max(a[v]));
        b[v] = attention_floor(prefill_quad_max(b[v]));
    }
}

// High and low bytes of four rounded integers below 2^16.
QOQ_DEVICE void prefill_pack(uint32_t &high, uint32_t &low, const float (&x)[4])
{
    const uint32_t first = permute(float_bits(x[0]), float_bits(x[1]), 0x5140);
    const uint32_t second = permute(float_bits(x[2]), float_bits(x[3]), 0x5140);

    low = permute(first, second, 0x5410);
    high = permute(first, second, 0x7632);
}

// W of a lane's four tokens in tiles j and j + 1, as register 2 (j / 2 % 2) + v of part j / 4;
// their Y to the sum.
QOQ_DEVICE void prefill_round(prefill_weight &w, prefill_sum &sum, const float (&p)[16][4],
                              uint32_t j, int v, const vec4 (&f)[2], float r, float r_common)
{
    float x[4];

    QOQ_UNROLL
    for (int i = 0; i < 4; i++) {
        const float numerator = p[j + i / 2][2 * v + i % 2];

        x[i] = fadd(fmul(fmul(numerator, bits_float(f[i / 2].x[i % 2 * 2])), r), 0x1p23f);
        sum.add(fadd(fmul(fmul(numerator, bits_float(f[i / 2].x[i % 2 * 2 + 1])), r_common),
                     0x1.8p23f));
    }
    prefill_pack(w.high[j / 4][j / 2 % 2 * 2 + v], w.low[j / 4][j / 2 % 2 * 2 + v], x);
}

// All of N 11.3 but the products with the codes of V. unit is for products with codes times 16
// where they have 4 bits.
template <class Shape>
QOQ_DEVICE void prefill_weigh(prefill_weight &w, float (&l)[16][4], const prefill_params &p,
                              const prefill_view &view, uint32_t split)
{
    const uint32_t factors = prefill_factors_at(p, split), bad = prefill_first_bad(p, split);
    const uint32_t parts = (view.count + PART - 1) / PART;
    prefill_sum sum[2] = {{0}, {0}};
    float a[2], b[2], r[2], r_common[2];

    prefill_numerators<Shape>(w, a, b, l, view, factors);
    QOQ_UNROLL
    for (int v = 0; v < Shape::per_lane; v++) {
        r[v] = fdiv(static_cast<float>(WEIGHT_MAX), a[v]);
        r_common[v] = fdiv(static_cast<float>(UNIT), b[v]);
    }
    QOQ_UNROLL
    for (uint32_t j = 0; j < 16; j += 2) {
        if (prefill_has(view, j / 4)) {
            const vec4 f[2] = {prefill_value_factors(factors, j),
                               prefill_value_factors(factors, j + 1)};

            QOQ_UNROLL
            for (int v = 0; v < Shape::per_lane; v++) {
                prefill_round(w, sum[v], l, j, v, f, r[v], r_common[v]);
            }
        }
    }
    QOQ_UNROLL
    for (int v = 0; v < Shape::per_lane; v++) {
        const float unit = fdiv(a[v], static_cast<float>(WEIGHT_MAX));
        const int32_t total = sum[v].take(8 * parts, 0x1.8p23f);
        const float common = fmul(int_to_float(total), fmul(b[v], 0x1p-22f));

        w.unit[v] = Shape::bits == 4 ? fmul(unit, 0x1p-4f) : unit;
        w.common[v] = prefill_is_finite(w.max[v]) && view.seen[v] <= bad ? common : qoq_nan();
    }
}

} // namespace qoq

#endif
