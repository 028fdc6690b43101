// SPDX-License-Identifier: Apache-2.0
// What launchers need of a cache.
#ifndef QOQ_GPU_CACHE_CUH
#define QOQ_GPU_CACHE_CUH

#include "gpu/attention_source.cuh"
#include "gpu/handle.cuh"

namespace qoq
{

inline bool cache_has_arrays(const struct qoq_cuda_cache *cache)
{
    return cache != nullptr && cache->k != nullptr && cache->v != nullptr &&
           cache->table != nullptr;
}

// N 1.6, and that sizes fit the kernels' 32 bits.
inline bool layout_fits(const struct qoq_kv_layout *l, size_t q_heads)
{
    return (l->bits == 4 || l->bits == 8) && l->head_dim >= 2 && l->head_dim <= 256 &&
           l->head_dim % 2 == 0 && l->page_tokens >= 1 && l->page_tokens <= 1 << 20 &&
           l->heads >= 1 && l->heads <= 65535 && q_heads >= 1 && q_heads <= 65535 &&
           q_heads % l->heads == 0;
}

inline kv_cache make_cache(const struct qoq_cuda_cache *cache)
{
    const struct qoq_kv_layout &l = cache->layout;
    kv_cache it;

    it.k = {cache->k, "k"};
    it.v = {cache->v, "v"};
    it.table = {cache->table, "table"};
    it.table_pitch = cache->table_pitch;
    it.page_bytes = l.page_tokens * l.heads * (l.head_dim * l.bits / 8 + 4);
    it.bits = l.bits;
    it.page_tokens = static_cast<uint32_t>(l.page_tokens);
    it.heads = static_cast<uint32_t>(l.heads);
    it.head_dim = static_cast<uint32_t>(l.head_dim);
    it.page_log2 = 0;
    while (uint32_t{1} << it.page_log2 < it.page_tokens) {
        it.page_log2++;
    }
    it.page_inverse = static_cast<uint32_t>(
        ((uint64_t{1} << (31 + it.page_log2)) + it.page_tokens - 1) / it.page_tokens);
    return it;
}

inline void make_source(attention_source &p, const struct qoq_cuda_cache *cache)
{
    const size_t row = cache->layout.head_dim * cache->layout.bits / 8;

    p.cache = make_cache(cache);
    p.copies = row % 16 == 0 && p.cache.page_bytes % 16 == 0 && is_aligned(cache->k, 16) &&
               is_aligned(cache->v, 16);
    p.halves = row * cache->layout.page_tokens * cache->layout.heads % 2 == 0 &&
               p.cache.page_bytes % 2 == 0 && is_aligned(cache->k, 2) && is_aligned(cache->v, 2);
}

} // namespace qoq

#endif
