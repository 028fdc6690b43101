// SPDX-License-Identifier: Apache-2.0
// Queries in 16-bit block fixed point (N 11.1), one head vector by one warp.
#ifndef QOQ_GPU_ATTENTION_QUERY_CUH
#define QOQ_GPU_ATTENTION_QUERY_CUH

#include "gpu/reduce.cuh"

namespace qoq
{

enum { QUERY_MAX = 32767 };

// max(a, 2^-100); NaN stays NaN.
QOQ_DEVICE float attention_floor(float a)
{
    return a < 0x1p-100f ? 0x1p-100f : a;
}

struct attention_query_scale {
    float a, r;
};

QOQ_DEVICE attention_query_scale attention_query_scale_of(global<const float> x, uint32_t dim)
{
    int32_t most = 0;

    for (uint32_t d = lane(); d < dim; d += 32) {
        most = imax(most, magnitude_bits(load(x, d)));
    }
    const float a =
        attention_floor(bits_float(static_cast<uint32_t>(warp_reduce(most, reduce_max()))));

    return {a, fdiv(static_cast<float>(QUERY_MAX), a)};
}

// Q_d; 0 past the last dimension.
QOQ_DEVICE int32_t attention_query_code(global<const float> x, uint32_t d, uint32_t dim, float r)
{
    return d < dim ? round_clamp(fmul(load(x, d), r), -QUERY_MAX, QUERY_MAX) : 0;
}

// c of N 11.2.
QOQ_DEVICE float attention_query_factor(float a, uint32_t dim)
{
    const float scale = fmul(rsqrt_of(int_to_float(static_cast<int32_t>(dim))), 0x1.715476p+0f);

    return fmul(fdiv(a, static_cast<float>(QUERY_MAX)), scale);
}

} // namespace qoq

#endif
