// SPDX-License-Identifier: Apache-2.0
// From the sum of a token and a channel to the output (N 6.2, 6.3).
#ifndef QOQ_GPU_GEMM_FINISH_CUH
#define QOQ_GPU_GEMM_FINISH_CUH

#include "gpu/gemm_params.cuh"

namespace qoq
{

// What a channel brings to the epilogue. bias is -0 where there is none: x + -0 is x, zeros with
// their signs included, so that one fused operation serves both.
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
        c.bias = p.bias ? load(p.bias, n) : -0.0f;
    }
    return c;
}

// N 6.2, 6.3.
template <gemm_scheme SCHEME>
QOQ_DEVICE uint32_t gemm_finish(int32_t acc, const gemm_channel &channel, float scale, int32_t sum)
{
    float c = fmul(channel.s, scale);

    if (SCHEME == gemm_scheme::w4_channel) {
        acc = static_cast<int32_t>(
            imad(0u - channel.z, static_cast<uint32_t>(sum), static_cast<uint32_t>(acc)));
    }
    return float_to_half(ffma(c, int_to_float(acc), channel.bias));
}

// What a token brings.
struct gemm_token {
    float scale;
    int32_t sum;
    bool exists;
};

// The tokens m0, m0 + 8, ... of a lane, COUNT of them from number `first` on: all loads are under
// way before one is used.
template <gemm_scheme SCHEME, uint32_t COUNT>
QOQ_DEVICE void gemm_get_tokens(gemm_token (&token)[COUNT], const gemm_params &p, uint32_t m0,
                                uint32_t first)
{
    const uint32_t left = m0 < p.m ? p.m - m0 : 0;

    QOQ_UNROLL
    for (uint32_t i = 0; i < COUNT; i++) {
        token[i] = {0.0f, 0, 8 * (first + i) < left};
        if (token[i].exists) {
            token[i].scale = load(p.x_scale + m0, 8 * (first + i));
            token[i].sum =
                SCHEME == gemm_scheme::w4_channel ? load(p.x_sum + m0, 8 * (first + i)) : 0;
        }
    }
}

// Whether all channels of a block exist and go out in pairs.
QOQ_DEVICE bool gemm_is_inside(const gemm_params &p, uint32_t channels)
{
    return p.pairs && (gemm_place_n() + 1) * channels <= p.n;
}

// Two neighbouring channels of a token to y. INSIDE: gemm_is_inside.
template <gemm_scheme SCHEME, bool INSIDE>
QOQ_DEVICE void gemm_store_pair(const gemm_params &p, global<uint16_t> y, const gemm_token &token,
                                const gemm_channel (&channel)[2], int32_t even, int32_t odd)
{
    if (!INSIDE && !channel[0].exists) {
        return;
    }
    const uint32_t low = gemm_finish<SCHEME>(even, channel[0], token.scale, token.sum);
    if (!INSIDE && !channel[1].exists) {
        store(y, 0, low);
        return;
    }
    const uint32_t high = gemm_finish<SCHEME>(odd, channel[1], token.scale, token.sum);
    if (INSIDE || p.pairs) {
        store_as<uint32_t>(y, 0, low | high << 16);
    } else {
        store(y, 0, low);
        store(y, 1, high);
    }
}

} // namespace qoq

#endif
