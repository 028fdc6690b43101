// SPDX-License-Identifier: Apache-2.0
// What both attention kernels do with a cache: rows of codes to shared memory, scales and zeros to
// registers.
#ifndef QOQ_GPU_ATTENTION_SOURCE_CUH
#define QOQ_GPU_ATTENTION_SOURCE_CUH

#include "gpu/kv.cuh"

namespace qoq
{

enum { SPLIT = 128, WEIGHT_MAX = 32767, UNIT = 1 << 22 }; // N 11.3

struct attention_source {
    kv_cache cache;
    bool copies; // rows of codes lie at multiples of 16 bytes
    bool halves; // scales and zeros lie at multiples of 2 bytes
};

// 16 bytes of a token's codes, from byte `column` of the row that begins at `row`; bytes behind the
// row, and all of a row that does not exist, are 0.
QOQ_DEVICE void attention_load_vector(const attention_source &p, global<const uint8_t> pool,
                                      uint32_t to, size_t row, uint32_t column, bool exists)
{
    const uint32_t bytes = kv_vector_bytes(p.cache);
    const uint32_t left = exists && column < bytes ? bytes - column : 0;
    const uint32_t valid = left < 16 ? left : 16;
    const size_t from = valid == 0 ? 0 : row + column;

    if (p.copies) {
        copy_async(to, pool, from, valid);
        return;
    }
    vec4 v = {{0, 0, 0, 0}};
    QOQ_UNROLL
    for (uint32_t b = 0; b < 16; b++) {
        if (b < valid) {
            v.x[b / 4] |= static_cast<uint32_t>(load(pool, from + b)) << 8 * (b % 4);
        }
    }
    store_shared(to, v);
}

struct alignas(8) attention_factors {
    float scale, zero;
};

QOQ_DEVICE attention_factors attention_get_factors(const attention_source &p,
                                                   global<const uint8_t> pool,
                                                   const kv_place &place)
{
    const size_t scale = kv_scale(p.cache, place), zero = kv_zero(p.cache, place);

    if (p.halves) {
        return {half_to_float(load_as<uint16_t>(pool, scale)),
                half_to_float(load_as<uint16_t>(pool, zero))};
    }
    return {kv_half(pool, scale), kv_half(pool, zero)};
}

} // namespace qoq

#endif
