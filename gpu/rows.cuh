// SPDX-License-Identifier: Apache-2.0
// Kernels that end in INT8 activations, one block a token (N 3.1): from binary16 values, from
// RMSNorm (N 9.2), from SiLU times up (N 10.2). The row is produced twice, once for its maximum and
// once for its codes; between the two it stays in the caches.
#ifndef QOQ_GPU_ROWS_CUH
#define QOQ_GPU_ROWS_CUH

#include "gpu/reduce.cuh"

namespace qoq
{

enum { ROW_WARPS = 8, ROW_THREADS = 32 * ROW_WARPS, LEAF = 16 };

struct alignas(8) half4 {
    uint16_t h[4];
};

struct alignas(16) float4_ {
    float x[4];
};

struct row_output {
    global<int8_t> q; // row m at m * pitch
    global<float> scale;
    global<int32_t> sum;
    size_t pitch;
    uint32_t k;
    bool by_fours; // k, pitch and all rows are multiples of four elements
};

// Elements i .. i + 3 of a binary16 row, those beyond k as 0.
QOQ_DEVICE void row_get(float (&y)[4], global<const uint16_t> x, uint32_t i, const row_output &out)
{
    if (out.by_fours) {
        const half4 v = load_as<half4>(x, i);
        QOQ_UNROLL
        for (int j = 0; j < 4; j++) {
            y[j] = half_to_float(v.h[j]);
        }
        return;
    }
    QOQ_UNROLL
    for (int j = 0; j < 4; j++) {
        y[j] = i + j < out.k ? half_to_float(load(x, i + j)) : 0.0f;
    }
}

QOQ_DEVICE void row_get(float (&y)[4], global<const float> x, uint32_t i, const row_output &out)
{
    if (out.by_fours) {
        const float4_ v = load_as<float4_>(x, i);
        QOQ_UNROLL
        for (int j = 0; j < 4; j++) {
            y[j] = v.x[j];
        }
        return;
    }
    QOQ_UNROLL
    for (int j = 0; j < 4; j++) {
        y[j] = i + j < out.k ? load(x, i + j) : 0.0f;
    }
}

// ---- Where a row comes from: what it needs beforehand, and its elements ----

struct row_half {
    global<const uint16_t> x;

    struct state {
    };
    QOQ_MEMBER state prepare(const row_output &, uint32_t) const
    {
        return {};
    }
    QOQ_MEMBER void get(float (&y)[4], const state &, const row_output &out, uint32_t m,
                        uint32_t i) const
    {
        row_get(y, x + static_cast<size_t>(m) * out.k, i, out);
    }
};

struct row_silu {
    global<const uint16_t> gate, up;
    size_t pitch;

    struct state {
    };
    QOQ_MEMBER state prepare(const row_output &, uint32_t) const
    {
        return {};
    }
    // N 10.1.
    QOQ_MEMBER void get(float (&y)[4], const state &, const row_output &out, uint32_t m,
                        uint32_t i) const
    {
        float u[4];

        row_get(y, gate + m * pitch, i, out);
        row_get(u, up + m * pitch, i, out);
        QOQ_UNROLL
        for (int j = 0; j < 4; j++) {
            y[j] = fmul(fdiv(y[j], fadd(1.0f, exp_of(-y[j]))), u[j]);
        }
    }
};

struct row_norm {
    global<float> r;
    global<const uint16_t> o; // null, or added to r first
    global<const float> gamma;
    float eps;

    struct state {
        float s;
    };

    // One leaf of N 2.3: the squares of elements 16 leaf .., in ascending order. Adds o where it is
    // due.
    QOQ_MEMBER float leaf(const row_output &out, global<float> row, global<const uint16_t> other,
                          uint32_t number) const
    {
        float acc = 0.0f, x[4], y[4];

        QOQ_UNROLL
        for (uint32_t i = LEAF * number; i < LEAF * number + LEAF; i += 4) {
            if (i >= out.k) {
                continue;
            }
            row_get(x, global<const float>(row), i, out);
            if (other) {
                row_get(y, other, i, out);
            }
            QOQ_UNROLL
            for (int j = 0; j < 4; j++) {
                x[j] = other ? fadd(x[j], y[j]) : x[j];
                if (other && i + j < out.k) {
                    store(row, i + j, x[j]);
                }
                acc = ffma(x[j], x[j], acc);
            }
        }
        return acc;
    }

    // The tree over 2^n leaves from `first` on; leaves beyond the row are +0. part[b] is the sum of
    // 2^b leaves that waits for its right neighbour.
    QOQ_MEMBER float subtree(const row_output &out, uint32_t m, uint32_t first,
                             uint32_t leaves) const
    {
        const global<float> row = r + static_cast<size_t>(m) * out.k;
        const global<const uint16_t> other = o ? o + static_cast<size_t>(m) * out.k : o;
        float part[6], v = 0.0f;

        for (uint32_t i = 0; i < leaves; i++) {
            bool waiting = true;

            v = leaf(out, row, other, first + i);
            QOQ_UNROLL
            for (int b = 0; b < 6; b++) {
                if (waiting && (i >> b & 1) != 0) {
                    v = fadd(part[b], v);
                } else if (waiting) {
                    part[b] = v;
                    waiting = false;
                }
            }
        }
        return v;
    }

    // N 9.1.
    QOQ_MEMBER state prepare(const row_output &out, uint32_t m) const
    {
        uint32_t leaves = 1;

        while (leaves * LEAF * ROW_THREADS < out.k) {
            leaves *= 2;
        }
        const float v =
            fadd(block_tree_sum<ROW_WARPS>(subtree(out, m, thread() * leaves, leaves), 0), 0.0f);
        return {rsqrt_of(fadd(fdiv(v, int_to_float(static_cast<int32_t>(out.k))), eps))};
    }

    QOQ_MEMBER void get(float (&y)[4], const state &now, const row_output &out, uint32_t m,
                        uint32_t i) const
    {
        float g[4];

        row_get(y, global<const float>(r) + static_cast<size_t>(m) * out.k, i, out);
        row_get(g, gamma, i, out);
        QOQ_UNROLL
        for (int j = 0; j < 4; j++) {
            y[j] = fmul(fmul(y[j], now.s), g[j]);
        }
    }
};

// ---- The kernel ----

template <class Source> struct row_params {
    Source source;
    row_output out;
};

// Codes of four elements, of which those beyond k are 0 or NaN and become 0; returns their sum.
QOQ_DEVICE int32_t row_put(const row_output &out, global<int8_t> q, uint32_t i, const float (&y)[4],
                           float r)
{
    uint32_t word = 0;
    int32_t sum = 0;

    QOQ_UNROLL
    for (int j = 0; j < 4; j++) {
        const int32_t code = round_clamp(fmul(y[j], r), -127, 127);

        sum = reduce_sum()(sum, code);
        if (out.by_fours) {
            word = ior(word, ishl(iand(static_cast<uint32_t>(code), 255), 8 * j));
        } else if (i + j < out.k) {
            store(q, i + j, code);
        }
    }
    if (out.by_fours) {
        store_as<uint32_t>(q, i, word);
    }
    return sum;
}

template <class Source> QOQ_KERNEL(ROW_THREADS, 2) quantize_rows(QOQ_PARAMETER row_params<Source> p)
{
    const uint32_t m = block_x();
    const row_output &out = p.out;
    const typename Source::state state = p.source.prepare(out, m);
    const global<int8_t> q = out.q + m * out.pitch;
    int32_t most = 0, sum = 0;
    float y[4];

    for (uint32_t i = 4 * thread(); i < out.k; i += 4 * ROW_THREADS) {
        p.source.get(y, state, out, m, i);
        QOQ_UNROLL
        for (int j = 0; j < 4; j++) {
            most = imax(most, i + j < out.k ? magnitude_bits(y[j]) : 0);
        }
    }
    // 2^-100; a NaN stays.
    const float a = bits_float(static_cast<uint32_t>(
        imax(block_reduce<ROW_WARPS>(most, 4 * ROW_WARPS, reduce_max()), (127 - 100) << 23)));
    const float r = fdiv(127.0f, a);
    for (uint32_t i = 4 * thread(); i < out.k; i += 4 * ROW_THREADS) {
        p.source.get(y, state, out, m, i);
        sum = reduce_sum()(sum, row_put(out, q, i, y, r));
    }
    sum = block_reduce<ROW_WARPS>(sum, 8 * ROW_WARPS, reduce_sum());
    if (thread() == 0) {
        store(out.scale, m, fdiv(a, 127.0f));
        store(out.sum, m, sum);
    }
}

enum { ROW_SHARED = 12 * ROW_WARPS };

// r += o (N 9.3).
struct residual_params {
    global<float> r;
    global<const uint16_t> o;
    size_t count;
};

QOQ_KERNEL(ROW_THREADS, 2) residual_add(QOQ_PARAMETER residual_params p)
{
    for (size_t i = static_cast<size_t>(block_x()) * ROW_THREADS + thread(); i < p.count;
         i += static_cast<size_t>(grid_x()) * ROW_THREADS) {
        store(p.r, i, fadd(load(p.r, i), half_to_float(load(p.o, i))));
    }
}

} // namespace qoq

#endif
