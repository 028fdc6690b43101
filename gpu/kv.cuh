// SPDX-License-Identifier: Apache-2.0
// Pages of a KV cache (N 7.1) as kernels see them.
#ifndef QOQ_GPU_KV_CUH
#define QOQ_GPU_KV_CUH

#include "gpu/primitives/primitives.h"

namespace qoq
{

struct kv_cache {
    global<uint8_t> k, v;        // pools: page i begins at i * page_bytes
    global<const int32_t> table; // page of each sequence and page number: [sequence][table_pitch]
    size_t table_pitch, page_bytes;
    uint32_t bits, page_tokens, heads, head_dim;
    uint32_t page_inverse, page_log2; // kv_page
};

// A head vector in a page: byte offset of its page in the pool, and its rank in the page.
struct kv_place {
    size_t page;
    uint32_t rank;
};

// token / page_tokens for token < 2^31. With l = page_log2 the least l such that 2^l >= page_tokens
// and page_inverse = 2^(31 + l) / page_tokens + e, 0 <= e < 1, this is the floor of token /
// page_tokens + token e / 2^(31 + l); what is added is less than 1 / 2^l <= 1 / page_tokens, too
// little to reach the next integer.
QOQ_DEVICE uint32_t kv_page(const kv_cache &cache, uint32_t token)
{
    return static_cast<uint32_t>(static_cast<uint64_t>(2 * token) * cache.page_inverse >> 32) >>
           cache.page_log2;
}

QOQ_DEVICE kv_place kv_find(const kv_cache &cache, uint32_t sequence, uint32_t token, uint32_t head)
{
    const uint32_t number = kv_page(cache, token), slot = token - number * cache.page_tokens;
    const int32_t page = load(cache.table, sequence * cache.table_pitch + number);

    return {static_cast<size_t>(page) * cache.page_bytes, head * cache.page_tokens + slot};
}

QOQ_DEVICE uint32_t kv_vector_bytes(const kv_cache &cache)
{
    return cache.head_dim * cache.bits / 8;
}

QOQ_DEVICE size_t kv_codes(const kv_cache &cache, const kv_place &place)
{
    return place.page + static_cast<size_t>(place.rank) * kv_vector_bytes(cache);
}

// Where the scale lies; the zero is page_tokens * heads binary16 values further on.
QOQ_DEVICE size_t kv_scale(const kv_cache &cache, const kv_place &place)
{
    return place.page +
           static_cast<size_t>(cache.page_tokens) * cache.heads * kv_vector_bytes(cache) +
           2 * static_cast<size_t>(place.rank);
}

QOQ_DEVICE size_t kv_zero(const kv_cache &cache, const kv_place &place)
{
    return kv_scale(cache, place) + 2 * static_cast<size_t>(cache.page_tokens) * cache.heads;
}

// A binary16 value at any address, little endian.
QOQ_DEVICE float kv_half(global<const uint8_t> pool, size_t at)
{
    const uint32_t low = load(pool, at), high = load(pool, at + 1);

    return half_to_float(static_cast<uint16_t>(low | high << 8));
}

} // namespace qoq

#endif
