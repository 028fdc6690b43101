// SPDX-License-Identifier: Apache-2.0
// What the prefill kernel brings to shared memory: the queries of a tile, and of each split the
// codes, scales and zeros of its tokens.
#ifndef QOQ_GPU_PREFILL_LOAD_CUH
#define QOQ_GPU_PREFILL_LOAD_CUH

#include "gpu/attention_query.cuh"
#include "gpu/prefill_tile.cuh"

namespace qoq
{

// A lane of a warp has two of its 16 query vectors: lane / 4 and lane / 4 + 8.
struct prefill_query {
    float c[2], sum[2]; // N 11.2; sum: qsum, exact
};

// Dimension of byte b of word k of the 32 query codes of a step. 4-bit codes are taken as even
// dimensions, then odd ones.
template <int BITS> QOQ_DEVICE uint32_t prefill_query_dim(uint32_t k, uint32_t b)
{
    return BITS == 8 ? 4 * k + b : k % 4 * 8 + 2 * b + k / 4;
}

// One vector to shared memory, Q = 256 high + low, high signed, low unsigned: a row of bytes each.
// Returns the sum of Q over the warp.
template <class Shape>
QOQ_DEVICE int32_t prefill_store_query(const prefill_params &p, global<const float> x, float r,
                                       uint32_t dim, uint32_t vector)
{
    const uint32_t at = p.at_q + vector * p.query_pitch;
    int32_t sum = 0;

    for (uint32_t w = lane(); w < 8 * p.steps; w += 32) {
        uint32_t code[4];

        QOQ_UNROLL
        for (uint32_t b = 0; b < 4; b++) {
            const uint32_t d = w / 8 * 32 + prefill_query_dim<Shape::bits>(w % 8, b);

            code[b] = static_cast<uint32_t>(attention_query_code(x, d, dim, r));
            sum = reduce_sum()(sum, static_cast<int32_t>(code[b]));
        }
        const uint32_t first = permute(code[0], code[1], 0x5140);
        const uint32_t second = permute(code[2], code[3], 0x5140);
        store_shared(at + 4 * w, permute(first, second, 0x7632));
        store_shared(at + Shape::vectors * p.query_pitch + 4 * w, permute(first, second, 0x5410));
    }
    return warp_reduce(sum, reduce_sum());
}

// The warp's vectors, 16 or 8; those that do not exist are 0.
template <class Shape>
QOQ_DEVICE prefill_query prefill_load_queries(const prefill_params &p, const prefill_tile &tile)
{
    prefill_query mine = {{0.0f, 0.0f}, {0.0f, 0.0f}};

    QOQ_LOOP
    for (uint32_t i = 0; i < 8 * Shape::per_lane; i++) {
        const uint32_t v = 16 * warp() + i, dim = p.cache.head_dim;
        const bool exists = v < tile.vectors();
        const global<const float> x = p.q + (exists ? tile.output(v, p.q_heads) * dim : 0);
        attention_query_scale scale = {0.0f, 0.0f};

        if (exists) {
            scale = attention_query_scale_of(x, dim);
        }
        const int32_t sum = prefill_store_query<Shape>(p, x, scale.r, exists ? dim : 0, v);
        if (i % 8 == lane() / 4) {
            const float c = attention_query_factor(scale.a, dim);

            mine.c[0] = i < 8 ? c : mine.c[0];
            mine.c[1] = i < 8 ? mine.c[1] : c;
            mine.sum[0] = i < 8 ? int_to_float(sum) : mine.sum[0];
            mine.sum[1] = i < 8 ? mine.sum[1] : int_to_float(sum);
        }
    }
    return mine;
}

// ---- Tokens ----

// Scale and zero of K for each token, then scale and middle, f(s) mid + f(o), of V: pairs of
// floats. Two buffers: split j uses number j % 2.
QOQ_DEVICE uint32_t prefill_factors_at(const prefill_params &p, uint32_t split)
{
    return p.at_factors + split % 2 * (16 * SPLIT);
}

QOQ_DEVICE bool prefill_is_finite(float x)
{
    return fmagnitude(x) < qoq_float_of_bits(QOQ_INF_BITS);
}

// Where the codes of the split's tokens lie, and their factors. A scale of V below 0 becomes 0, as
// W would (N 11.3). A token of V that is not finite gives every vector that sees it a NaN for O; it
// enters the sums as 0, and the first one is noted, so that others can be told apart.
template <class Shape>
QOQ_DEVICE void prefill_prepare(const prefill_params &p, const prefill_tile &tile, uint32_t split)
{
    const uint32_t factors = prefill_factors_at(p, split);
    const float mid = Shape::bits == 4 ? 8.0f : 128.0f;

    QOQ_UNROLL
    for (uint32_t t = thread(); t < SPLIT; t += Shape::threads) {
        const uint32_t token = split * SPLIT + t;
        attention_factors k = {0.0f, 0.0f}, v = {0.0f, 0.0f};
        size_t codes = 0;
        bool bad = false;

        if (token < tile.end()) {
            const kv_place place = kv_find(p.cache, tile.sequence, token, tile.kv_head);

            codes = kv_codes(p.cache, place);
            k = attention_get_factors(p, p.cache.k, place);
            v = attention_get_factors(p, p.cache.v, place);
            const float middle = ffma(v.scale, mid, v.zero);
            bad = !prefill_is_finite(v.scale) || !prefill_is_finite(middle);
            v = {bad || v.scale < 0.0f ? 0.0f : v.scale, bad ? 0.0f : middle};
        }
        store_shared(p.at_place + 8 * t, codes);
        store_shared(factors + 8 * t, k);
        store_shared(factors + 8 * SPLIT + 8 * t, v);
        int32_t first = SPLIT;
        if (any(bad)) {
            first = warp_reduce(static_cast<int32_t>(bad ? t : uint32_t{SPLIT}), reduce_min());
        }
        if (lane() == 0) {
            store_shared(p.at_bad + split % 2 * 16 + 4 * (t / 32), first);
        }
    }
}

// The split's first token of V that is not finite.
QOQ_DEVICE uint32_t prefill_first_bad(const prefill_params &p, uint32_t split)
{
    const vec4 first = load_shared<vec4>(p.at_bad + split % 2 * 16);
    uint32_t least = first.x[0];

    QOQ_UNROLL
    for (int w = 1; w < 4; w++) {
        least = first.x[w] < least ? first.x[w] : least;
    }
    return least;
}

// The codes of the split's tokens from a 16-byte column on; what does not exist is 0.
template <class Shape>
QOQ_DEVICE void prefill_load_codes(const prefill_params &p, const prefill_tile &tile,
                                   global<const uint8_t> pool, const prefill_rows &rows,
                                   uint32_t first, uint32_t split)
{
    QOQ_LOOP
    for (uint32_t i = thread(); i < uint32_t{SPLIT} << rows.log2; i += Shape::threads) {
        const uint32_t t = i >> rows.log2, column = i & ((1u << rows.log2) - 1);

        if (column < rows.vectors) {
            attention_load_vector(p, pool, rows.at + t * rows.pitch + 16 * column,
                                  load_shared<size_t>(p.at_place + 8 * t), 16 * (first + column),
                                  split * SPLIT + t < tile.end());
        }
    }
}

template <class Shape>
QOQ_DEVICE void prefill_load_keys(const prefill_params &p, const prefill_tile &tile, uint32_t split)
{
    prefill_load_codes<Shape>(p, tile, p.cache.k, p.keys, 0, split);
}

template <class Shape>
QOQ_DEVICE void prefill_load_values(const prefill_params &p, const prefill_tile &tile,
                                    uint32_t split)
{
    prefill_load_codes<Shape>(p, tile, p.cache.v, p.values, Shape::columns * tile.out_step, split);
}

} // namespace qoq

#endif
