// SPDX-License-Identifier: Apache-2.0
// Normalizes queries and keys where the model has head norms (N 9.4), rotates them (N 8.3) and
// quantizes keys and values into the cache (N 7.2), one warp a head vector, straight from the
// output of the product of queries, keys and values. A slot of the cache is written by one warp.
#ifndef QOQ_GPU_ROPE_WRITE_CUH
#define QOQ_GPU_ROPE_WRITE_CUH

#include "gpu/kv.cuh"
#include "gpu/reduce.cuh"

namespace qoq
{

enum { ROPE_WARPS = 4, ROPE_THREADS = 32 * ROPE_WARPS, ROPE_PAIRS = 4, ROPE_DIM = 256 };
enum { ROPE_SHARED = 4 * ROPE_DIM * ROPE_WARPS };

struct rope_params {
    kv_cache cache;
    global<const uint16_t> qkv;               // [tokens][q_heads + 2 heads][head_dim]
    global<const float> sine, cosine;         // [position][head_dim / 2]
    global<const int32_t> sequence, position; // [tokens]
    global<float> q;                          // [tokens][q_heads][head_dim]
    global<const float> q_norm, k_norm;       // [head_dim] gains, or null
    float eps;
    uint32_t q_heads;
};

// A lane's part of a head vector: elements j and j + head_dim / 2 for j = lane, lane + 32, ...
struct rope_vector {
    float low[ROPE_PAIRS], high[ROPE_PAIRS];
};

QOQ_DEVICE rope_vector rope_get(const rope_params &p, size_t at)
{
    const uint32_t pairs = p.cache.head_dim / 2;
    rope_vector v;

    QOQ_UNROLL
    for (int i = 0; i < ROPE_PAIRS; i++) {
        const uint32_t j = lane() + 32 * i;

        v.low[i] = j < pairs ? half_to_float(load(p.qkv, at + j)) : 0.0f;
        v.high[i] = j < pairs ? half_to_float(load(p.qkv, at + j + pairs)) : 0.0f;
    }
    return v;
}

// s of N 9.1 of this warp's vector: a leaf of 16 elements a lane, from its shared memory.
QOQ_DEVICE float rope_norm_factor(const rope_params &p, const rope_vector &v)
{
    const uint32_t dim = p.cache.head_dim, words = warp() * (4 * ROPE_DIM);
    float acc = 0.0f;

    QOQ_UNROLL
    for (uint32_t i = 0; i < ROPE_PAIRS; i++) {
        const uint32_t j = lane() + 32 * i;

        if (j < dim / 2) {
            store_shared(words + 4 * j, v.low[i]);
            store_shared(words + 4 * (j + dim / 2), v.high[i]);
        }
    }
    sync_warp();
    for (uint32_t i = 16 * lane(); i < 16 * lane() + 16 && i < dim; i++) {
        const float x = load_shared<float>(words + 4 * i);

        acc = ffma(x, x, acc);
    }
    // The shared memory is free for codes again.
    sync_warp();
    QOQ_UNROLL
    for (uint32_t mask = 1; mask < ROPE_DIM / 16; mask *= 2) {
        acc = fadd(acc, shuffle_xor(acc, mask));
    }
    acc = fadd(shuffle(acc, 0), 0.0f);
    return rsqrt_of(fadd(fdiv(acc, int_to_float(static_cast<int32_t>(dim))), p.eps));
}

// N 9.4.
QOQ_DEVICE void rope_norm(rope_vector &v, const rope_params &p, global<const float> gain)
{
    const float s = rope_norm_factor(p, v);
    const uint32_t pairs = p.cache.head_dim / 2;

    QOQ_UNROLL
    for (uint32_t i = 0; i < ROPE_PAIRS; i++) {
        const uint32_t j = lane() + 32 * i;

        if (j < pairs) {
            v.low[i] = fmul(fmul(v.low[i], s), load(gain, j));
            v.high[i] = fmul(fmul(v.high[i], s), load(gain, j + pairs));
        }
    }
}

QOQ_DEVICE void rope_rotate(rope_vector &v, const rope_params &p, uint32_t position)
{
    const uint32_t pairs = p.cache.head_dim / 2;

    QOQ_UNROLL
    for (int i = 0; i < ROPE_PAIRS; i++) {
        const uint32_t j = lane() + 32 * i;

        if (j < pairs) {
            const float s = load(p.sine, static_cast<size_t>(position) * pairs + j);
            const float c = load(p.cosine, static_cast<size_t>(position) * pairs + j);
            const float a = v.low[i], b = v.high[i];

            v.low[i] = ffma(c, a, -fmul(s, b));
            v.high[i] = ffma(c, b, fmul(s, a));
        }
    }
}

// Smallest and largest element; NaN twice where there is one.
QOQ_DEVICE void rope_extrema(float &lo, float &hi, const rope_vector &v, uint32_t pairs)
{
    int32_t least = INT32_MAX, most = INT32_MIN;
    bool bad = false;

    QOQ_UNROLL
    for (int i = 0; i < ROPE_PAIRS; i++) {
        if (lane() + 32 * i < pairs) {
            least = imin(least, imin(order_key(v.low[i]), order_key(v.high[i])));
            most = imax(most, imax(order_key(v.low[i]), order_key(v.high[i])));
            bad = bad || v.low[i] != v.low[i] || v.high[i] != v.high[i];
        }
    }
    lo = of_order_key(warp_reduce(least, reduce_min()));
    hi = of_order_key(warp_reduce(most, reduce_max()));
    if (any(bad)) {
        lo = hi = qoq_nan();
    }
}

// Codes, as words of this warp's shared memory, to the page: a byte each, or two nibbles a byte.
QOQ_DEVICE void rope_put_codes(const rope_params &p, global<uint8_t> pool, const kv_place &place,
                               uint32_t words)
{
    const size_t at = kv_codes(p.cache, place);

    for (uint32_t i = lane(); i < kv_vector_bytes(p.cache); i += 32) {
        if (p.cache.bits == 8) {
            store(pool, at + i, load_shared<uint32_t>(words + 4 * i));
        } else {
            const uint32_t even = load_shared<uint32_t>(words + 8 * i);
            const uint32_t odd = load_shared<uint32_t>(words + 8 * i + 4);

            store(pool, at + i, ior(even, ishl(odd, 4)));
        }
    }
}

// N 7.2.
QOQ_DEVICE void rope_quantize(const rope_params &p, global<uint8_t> pool, const kv_place &place,
                              const rope_vector &v)
{
    const uint32_t pairs = p.cache.head_dim / 2, words = warp() * (4 * ROPE_DIM);
    const int32_t top = p.cache.bits == 8 ? 255 : 15;
    float lo, hi;

    rope_extrema(lo, hi, v, pairs);
    const uint32_t stored_zero = float_to_half(lo);
    const float zero = half_to_float(static_cast<uint16_t>(stored_zero));
    const float distance = fsub(hi, zero);
    float range = (stored_zero & 0x7c00) == 0x7c00 ? qoq_nan() : distance;
    range = range < 0.0f ? 0.0f : range;
    const uint32_t stored_scale = float_to_half(fdiv(range, int_to_float(top)));
    const float scale = half_to_float(static_cast<uint16_t>(stored_scale));
    const float quotient = fdiv(1.0f, scale), inverse = scale == 0.0f ? 0.0f : quotient;

    QOQ_UNROLL
    for (int i = 0; i < ROPE_PAIRS; i++) {
        const uint32_t j = lane() + 32 * i;

        if (j < pairs) {
            const float low = fmul(fsub(v.low[i], zero), inverse);
            const float high = fmul(fsub(v.high[i], zero), inverse);

            store_shared(words + 4 * j, round_clamp(low, 0, top));
            store_shared(words + 4 * (j + pairs), round_clamp(high, 0, top));
        }
    }
    sync_warp();
    rope_put_codes(p, pool, place, words);
    if (lane() < 4) {
        const uint32_t half = lane() < 2 ? stored_scale : stored_zero;
        const size_t at = lane() < 2 ? kv_scale(p.cache, place) : kv_zero(p.cache, place);

        store(pool, at + (lane() & 1), half >> 8 * (lane() & 1) & 255);
    }
}

QOQ_KERNEL(ROPE_THREADS, 4) rope_write(QOQ_PARAMETER rope_params p)
{
    const uint32_t token = block_x(), head = block_y() * ROPE_WARPS + warp();
    const uint32_t heads = p.cache.heads, dim = p.cache.head_dim;

    // No barrier for the block follows.
    if (head >= p.q_heads + 2 * heads) {
        return;
    }
    const uint32_t position = static_cast<uint32_t>(load(p.position, token));
    const size_t row = static_cast<size_t>(token) * (p.q_heads + 2 * heads);
    rope_vector v = rope_get(p, (row + head) * dim);

    if (head < p.q_heads + heads) {
        if (p.q_norm) {
            rope_norm(v, p, head < p.q_heads ? p.q_norm : p.k_norm);
        }
        rope_rotate(v, p, position);
    }
    if (head >= p.q_heads) {
        const uint32_t sequence = static_cast<uint32_t>(load(p.sequence, token));
        const bool key = head < p.q_heads + heads;
        const uint32_t kv_head = head - p.q_heads - (key ? 0 : heads);

        rope_quantize(p, key ? p.cache.k : p.cache.v, kv_find(p.cache, sequence, position, kv_head),
                      v);
        return;
    }
    QOQ_UNROLL
    for (int i = 0; i < ROPE_PAIRS; i++) {
        const uint32_t j = lane() + 32 * i;
        const size_t at = (static_cast<size_t>(token) * p.q_heads + head) * dim + j;

        if (j < dim / 2) {
            store(p.q, at, v.low[i]);
            store(p.q, at + dim / 2, v.high[i]);
        }
    }
}

} // namespace qoq

#endif
