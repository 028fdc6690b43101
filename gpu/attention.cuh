// SPDX-License-Identifier: Apache-2.0
// Attention over one split of 128 tokens (N 11.1 to 11.3), one block for all query heads that share
// a key/value head, so that the cache is read once. Thread t is token t for logits and weights, and
// a column of codes for the sum over tokens. All sums are integer sums.
//
// The codes of K and V come to shared memory by asynchronous copies; V's arrive while logits are
// computed. A row of codes is padded with zeros to 16 bytes; the query is zero there too. Products
// are dp2a: two int16 of the query, or the weights of two neighbouring tokens, times two codes.
#ifndef QOQ_GPU_ATTENTION_CUH
#define QOQ_GPU_ATTENTION_CUH

#include "gpu/attention_query.cuh"
#include "gpu/attention_source.cuh"

namespace qoq
{

enum { ATTENTION_WARPS = 4, ATTENTION_THREADS = 32 * ATTENTION_WARPS };

struct attention_params : attention_source {
    global<const float> q;                   // [rows][q_heads][head_dim]
    global<const int32_t> sequence, context; // [rows]
    global<float> partial;                   // [rows][q_heads][splits][head_dim + 2]: M, L, O
    uint32_t q_heads, group, splits;         // group: query heads to one key/value head
    uint32_t vectors, pitch;                 // of a row of codes: 16-byte vectors, bytes
    uint32_t inverse;                        // 2^16 / vectors, rounded up
    uint32_t at_v, at_q, at_head, at_scratch, at_weight, at_sum; // in shared memory; K is at 0
};

// Dimensions of a word of codes.
template <int BITS> struct code_word {
    static constexpr int dims = 32 / BITS;
    static constexpr float mid = BITS == 4 ? 8.0f : 128.0f;
    // Words of the query, two int16 each, for a 16-byte vector of codes.
    static constexpr int query_words = 2 * dims;
};

// Query word i of a vector: its two dimensions. Codes of a 4-bit word are taken as even dimensions,
// then odd ones, four at a time.
template <int BITS> QOQ_DEVICE void query_dims(uint32_t &a, uint32_t &b, uint32_t i)
{
    if (BITS == 8) {
        a = 2 * i;
        b = a + 1;
    } else {
        a = i / 4 * 8 + i % 2 * 4 + i / 2 % 2;
        b = a + 2;
    }
}

// ---- Loading ----

// Codes of the split's tokens, one row each; rows and bytes that do not exist are 0.
QOQ_DEVICE void attention_load(const attention_params &p, global<const uint8_t> pool, uint32_t to,
                               uint32_t first, uint32_t count, uint32_t sequence)
{
    for (uint32_t i = thread(); i < SPLIT * p.vectors; i += ATTENTION_THREADS) {
        // i / vectors, for i < 2^11 and vectors <= 16: the inverse adds less than 2^-5.
        const uint32_t t = i * p.inverse >> 16, column = 16 * (i - t * p.vectors);
        const size_t row =
            t < count ? kv_codes(p.cache, kv_find(p.cache, sequence, first + t, block_y())) : 0;

        attention_load_vector(p, pool, to + t * p.pitch + column, row, column, t < count);
    }
}

// ---- Query (N 11.1) ----

// One head vector x by one warp: words of the query to shared memory; c and qsum of N 11.2 beside.
template <int BITS>
QOQ_DEVICE void attention_query(const attention_params &p, global<const float> x, uint32_t head)
{
    const uint32_t dim = p.cache.head_dim, words = p.vectors * code_word<BITS>::query_words;
    const attention_query_scale scale = attention_query_scale_of(x, dim);
    int32_t sum = 0;

    for (uint32_t i = lane(); i < words; i += 32) {
        uint32_t da, db;

        query_dims<BITS>(da, db, i);
        const int32_t qa = attention_query_code(x, da, dim, scale.r);
        const int32_t qb = attention_query_code(x, db, dim, scale.r);
        sum = reduce_sum()(sum, reduce_sum()(qa, qb));
        store_shared(p.at_q + 4 * (head * words + i),
                     permute(static_cast<uint32_t>(qa), static_cast<uint32_t>(qb), 0x5410));
    }
    sum = warp_reduce(sum, reduce_sum());
    if (lane() == 0) {
        store_shared(p.at_head + 8 * head, attention_query_factor(scale.a, dim));
        store_shared(p.at_head + 8 * head + 4, int_to_float(sum));
    }
}

// ---- Logits (N 11.2) ----

// dot += query words times the codes of a vector.
template <int BITS> QOQ_DEVICE int32_t attention_dot(int32_t dot, const vec4 &codes, uint32_t query)
{
    QOQ_UNROLL
    for (int w = 0; w < 4; w += BITS / 4) {
        const vec4 q = load_shared<vec4>(query + 16 * (w * 4 / BITS));
        const uint32_t first = BITS == 4 ? iand(codes.x[w], 0x0f0f0f0f) : codes.x[w];
        const uint32_t second =
            BITS == 4 ? iand(ishr(codes.x[w], 4), 0x0f0f0f0f) : codes.x[w + BITS / 8];

        dot = dp2a_lo(q.x[0], first, dot);
        dot = dp2a_hi(q.x[1], first, dot);
        dot = dp2a_lo(q.x[2], second, dot);
        dot = dp2a_hi(q.x[3], second, dot);
    }
    return dot;
}

// l of this thread's token for R heads.
template <int BITS, int R>
QOQ_DEVICE void attention_logits(float (&l)[R], const attention_params &p, uint32_t heads,
                                 const attention_factors &k)
{
    const uint32_t words = p.vectors * code_word<BITS>::query_words;
    int32_t dot[R] = {};

    for (uint32_t v = 0; v < p.vectors; v++) {
        const vec4 codes = load_shared<vec4>(thread() * p.pitch + 16 * v);

        QOQ_UNROLL
        for (uint32_t h = 0; h < R; h++) {
            if (h < heads) {
                dot[h] = attention_dot<BITS>(
                    dot[h], codes, p.at_q + 4 * (h * words + v * code_word<BITS>::query_words));
            }
        }
    }
    QOQ_UNROLL
    for (uint32_t h = 0; h < R; h++) {
        if (h < heads) {
            const float c = load_shared<float>(p.at_head + 8 * h);
            const float sum = load_shared<float>(p.at_head + 8 * h + 4);

            l[h] = fmul(c, ffma(k.scale, int_to_float(dot[h]), fmul(k.zero, sum)));
        }
    }
}

// ---- Weights (N 11.3) ----

// Maxima that keep a NaN: it becomes the largest key.
QOQ_DEVICE int32_t attention_key(float x)
{
    return x != x ? INT32_MAX : order_key(x);
}

QOQ_DEVICE float attention_of_key(int32_t key)
{
    return key == INT32_MAX ? qoq_nan() : of_order_key(key);
}

// What is known of a head after the weights.
struct attention_head {
    float max, sum, unit, common;
    int32_t weights; // the sum of W
};

// Weights of this thread's token for R heads to shared memory: [R][64] pairs of neighbouring
// tokens.
template <int BITS, int R>
QOQ_DEVICE void attention_weights(attention_head (&head)[R], const float (&l)[R],
                                  const attention_params &p, uint32_t heads, bool exists,
                                  const attention_factors &v)
{
    const float mid = code_word<BITS>::mid;
    int32_t top[R], most[2 * R], sums[3 * R];
    float w[R], y[R];

    QOQ_UNROLL
    for (uint32_t h = 0; h < R; h++) {
        top[h] = exists && h < heads ? attention_key(l[h]) : INT32_MIN;
    }
    block_reduce_all<ATTENTION_WARPS>(top, p.at_scratch, reduce_max());
    QOQ_UNROLL
    for (uint32_t h = 0; h < R; h++) {
        most[h] = INT32_MIN;
        most[R + h] = sums[h] = 0;
        w[h] = y[h] = 0.0f;
        head[h].max = fadd(fceil(attention_of_key(top[h])), 0.0f);
        if (exists && h < heads) {
            const float e = exp2_of(fsub(l[h], head[h].max));

            sums[h] = round_clamp(fmul(e, static_cast<float>(UNIT)), 0, UNIT);
            w[h] = fmul(e, v.scale);
            y[h] = fmul(e, ffma(v.scale, mid, v.zero));
            most[h] = attention_key(w[h]);
            most[R + h] = magnitude_bits(y[h]);
        }
    }
    block_reduce_all<ATTENTION_WARPS>(most, p.at_scratch + 4 * ATTENTION_WARPS * R, reduce_max());
    QOQ_UNROLL
    for (uint32_t h = 0; h < R; h++) {
        const float a = attention_floor(attention_of_key(most[h]));
        const float b = attention_floor(bits_float(static_cast<uint32_t>(most[R + h])));
        const int32_t weight =
            round_clamp(fmul(w[h], fdiv(static_cast<float>(WEIGHT_MAX), a)), 0, WEIGHT_MAX);

        sums[R + h] = weight;
        sums[2 * R + h] = round_clamp(fmul(y[h], fdiv(static_cast<float>(UNIT), b)), -UNIT, UNIT);
        head[h].unit = fdiv(a, static_cast<float>(WEIGHT_MAX));
        head[h].common = fmul(b, 0x1p-22f);
        const int32_t next = shuffle_xor(weight, 1);
        if ((thread() & 1) == 0) {
            store_shared(
                p.at_weight + 4 * (h * (SPLIT / 2) + thread() / 2),
                permute(static_cast<uint32_t>(weight), static_cast<uint32_t>(next), 0x5410));
        }
    }
    block_reduce_all<ATTENTION_WARPS>(sums, p.at_scratch + 12 * ATTENTION_WARPS * R, reduce_sum());
    QOQ_UNROLL
    for (uint32_t h = 0; h < R; h++) {
        head[h].sum = fmul(int_to_float(sums[h]), 0x1p-22f);
        head[h].weights = sums[R + h];
        head[h].common = fmul(int_to_float(sums[2 * R + h]), head[h].common);
    }
}

// ---- Values (N 11.3) ----

// acc[dimension of the word] += weights of two tokens times their codes.
template <int BITS>
QOQ_DEVICE void attention_accumulate(int32_t (&acc)[32 / BITS], uint32_t weights, uint32_t even,
                                     uint32_t odd)
{
    QOQ_UNROLL
    for (int nibble = 0; nibble < 8 / BITS; nibble++) {
        const uint32_t a = BITS == 4 ? iand(nibble == 0 ? even : ishr(even, 4), 0x0f0f0f0f) : even;
        const uint32_t b = BITS == 4 ? iand(nibble == 0 ? odd : ishr(odd, 4), 0x0f0f0f0f) : odd;
        const uint32_t low = permute(a, b, 0x5140), high = permute(a, b, 0x7362);
        constexpr int step = 8 / BITS;

        acc[nibble] = dp2a_lo(weights, low, acc[nibble]);
        acc[nibble + step] = dp2a_hi(weights, low, acc[nibble + step]);
        acc[nibble + 2 * step] = dp2a_lo(weights, high, acc[nibble + 2 * step]);
        acc[nibble + 3 * step] = dp2a_hi(weights, high, acc[nibble + 3 * step]);
    }
}

// Where a thread's sums for dimension i of its word lie, so that neither this nor the reading by
// dimensions meets a bank twice.
template <int BITS>
QOQ_DEVICE uint32_t attention_sum_at(const attention_params &p, uint32_t i, uint32_t who)
{
    return p.at_sum + 4 * (i * (ATTENTION_THREADS + BITS) + who);
}

// O of one head from the threads' sums, and its partial result.
template <int BITS>
QOQ_DEVICE void attention_store(const attention_params &p, const attention_head &head, size_t at,
                                uint32_t columns, uint32_t groups)
{
    constexpr uint32_t dims = code_word<BITS>::dims;

    for (uint32_t d = thread(); d < p.cache.head_dim; d += ATTENTION_THREADS) {
        int32_t sum = static_cast<int32_t>(
            imad(static_cast<uint32_t>(-static_cast<int32_t>(code_word<BITS>::mid)),
                 static_cast<uint32_t>(head.weights), 0));

        for (uint32_t g = 0; g < groups; g++) {
            sum = reduce_sum()(sum, load_shared<int32_t>(attention_sum_at<BITS>(
                                        p, d % dims, g * columns + d / dims)));
        }
        store(p.partial, at + 2 + d, ffma(int_to_float(sum), head.unit, head.common));
    }
    if (thread() == 0) {
        store(p.partial, at, head.max);
        store(p.partial, at + 1, head.sum);
    }
}

template <int BITS, int R>
QOQ_DEVICE void attention_values(const attention_params &p, const attention_head (&head)[R],
                                 uint32_t heads, size_t at, size_t stride)
{
    constexpr int dims = code_word<BITS>::dims;
    const uint32_t columns = 4 * p.vectors, groups = ATTENTION_THREADS / columns;
    const uint32_t column = thread() % columns, group = thread() / columns;
    int32_t acc[R][dims] = {};

    for (uint32_t pair = group; group < groups && pair < SPLIT / 2; pair += groups) {
        const uint32_t from = p.at_v + 2 * pair * p.pitch + 4 * column;
        const uint32_t even = load_shared<uint32_t>(from);
        const uint32_t odd = load_shared<uint32_t>(from + p.pitch);

        QOQ_UNROLL
        for (uint32_t h = 0; h < R; h++) {
            if (h < heads) {
                attention_accumulate<BITS>(
                    acc[h], load_shared<uint32_t>(p.at_weight + 4 * (h * (SPLIT / 2) + pair)), even,
                    odd);
            }
        }
    }
    QOQ_UNROLL
    for (uint32_t h = 0; h < R; h++) {
        if (h >= heads) {
            continue;
        }
        QOQ_UNROLL
        for (int i = 0; i < dims; i++) {
            store_shared(attention_sum_at<BITS>(p, i, thread()), acc[h][i]);
        }
        sync_block();
        attention_store<BITS>(p, head[h], at + h * stride, columns, groups);
        sync_block();
    }
}

// ---- The kernel: x is row * splits + split, y the key/value head ----

template <int BITS, int R>
QOQ_KERNEL(ATTENTION_THREADS, 2)
attention_split(QOQ_PARAMETER attention_params p)
{
    const uint32_t row = block_x() / p.splits, split = block_x() % p.splits;
    const uint32_t context = static_cast<uint32_t>(load(p.context, row)), first = split * SPLIT;

    // The whole block leaves.
    if (first >= context) {
        return;
    }
    const uint32_t count = context - first < SPLIT ? context - first : static_cast<uint32_t>(SPLIT);
    const uint32_t sequence = static_cast<uint32_t>(load(p.sequence, row));
    const bool exists = thread() < count;
    attention_factors k = {0.0f, 0.0f}, v = {0.0f, 0.0f};

    attention_load(p, p.cache.k, 0, first, count, sequence);
    copy_commit();
    attention_load(p, p.cache.v, p.at_v, first, count, sequence);
    copy_commit();
    if (exists) {
        const kv_place place = kv_find(p.cache, sequence, first + thread(), block_y());

        k = attention_get_factors(p, p.cache.k, place);
        v = attention_get_factors(p, p.cache.v, place);
    }
    for (uint32_t h0 = 0; h0 < p.group; h0 += R) {
        const uint32_t heads = p.group - h0 < R ? p.group - h0 : static_cast<uint32_t>(R);
        const size_t head0 = static_cast<size_t>(row) * p.q_heads + block_y() * p.group + h0;
        const size_t stride = static_cast<size_t>(p.splits) * (p.cache.head_dim + 2);
        attention_head head[R];
        float l[R];

        for (uint32_t h = warp(); h < heads; h += ATTENTION_WARPS) {
            attention_query<BITS>(p, p.q + (head0 + h) * p.cache.head_dim, h);
        }
        copy_wait<1>();
        sync_block();
        attention_logits<BITS, R>(l, p, heads, k);
        copy_wait<0>();
        attention_weights<BITS, R>(head, l, p, heads, exists, v);
        attention_values<BITS, R>(
            p, head, heads, head0 * stride + static_cast<size_t>(split) * (p.cache.head_dim + 2),
            stride);
    }
}

} // namespace qoq

#endif
