// SPDX-License-Identifier: Apache-2.0
// From the sum of a token and a channel to the output (N 6.2, 6.3).
#ifndef QOQ_GPU_GEMM_FINISH_CUH
#define QOQ_GPU_GEMM_FINISH_CUH

#include "gpu/gemm_params.cuh"

namespace qoq
{

// What a channel brings to the epilogue.
struct gemm_channel {
    float s, bias;
    uint32_t z;
    bool exists;
};

template <gemm_scheme SCHEME>
QOQ_DEVICE gemm_channel gemm_get_channel(const gemm_params &p, uint32_t n)
{
    gemm_channel c = {0.0f, 0.0f, 0, n < p.n};

    if (c.exists) {
        c.s = half_to_float(load(p.s, n));
        c.z = SCHEME == gemm_scheme::w4_channel ? load(p.z, n) : 0;
        c.bias = p.bias ? load(p.bias, n) : 0.0f;
    }
    return c;
}

// N 6.2, 6.3.
template <gemm_scheme SCHEME>
QOQ_DEVICE uint32_t gemm_finish(int32_t acc, const gemm_params &p, const gemm_channel &channel,
                                float scale, int32_t sum)
{
    float c = fmul(channel.s, scale);

    if (SCHEME == gemm_scheme::w4_channel) {
        acc = static_cast<int32_t>(
            imad(0u - channel.z, static_cast<uint32_t>(sum), static_cast<uint32_t>(acc)));
    }
    return float_to_half(p.bias ? ffma(c, int_to_float(acc), channel.bias)
                                : fmul(c, int_to_float(acc)));
}

// What a token brings.
struct gemm_token {
    uint32_t m;
    float scale;
    int32_t sum;
};

template <gemm_scheme SCHEME>
QOQ_DEVICE void gemm_store_pair(const gemm_params &p, const gemm_token &token, uint32_t n,
                                const gemm_channel (&channel)[2], int32_t even, int32_t odd)
{
    const size_t at = static_cast<size_t>(token.m) * p.n + n;

    if (!channel[0].exists) {
        return;
    }
    const uint32_t low = gemm_finish<SCHEME>(even, p, channel[0], token.scale, token.sum);
    if (!channel[1].exists) {
        store(p.y, at, low);
        return;
    }
    const uint32_t high = gemm_finish<SCHEME>(odd, p, channel[1], token.scale, token.sum);
    if (p.pairs) {
        store_as<uint32_t>(p.y, at, low | high << 16);
    } else {
        store(p.y, at, low);
        store(p.y, at + 1, high);
    }
}

} // namespace qoq

#endif
