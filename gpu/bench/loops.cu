// SPDX-License-Identifier: Apache-2.0
// Loops that do nothing but read, copy or multiply, to know what the chip reaches.
#include "gpu/bench/loops.h"
#include "gpu/handle.cuh"
#include "gpu/primitives/peak_cuda.h"

namespace qoq
{

namespace
{

enum { THREADS = 256, ACCUMULATORS = 8, ROUNDS = 4096, BLOCKS = 4 };

struct stream_params {
    global<const vec4> from;
    global<vec4> to;
    global<uint32_t> sink;
    size_t all;
};

// Four loads are in flight before the first is used.
QOQ_DEVICE void load_four(vec4 (&v)[4], const stream_params &p, size_t i)
{
    QOQ_UNROLL
    for (int j = 0; j < 4; j++) {
        const size_t at = i + j * static_cast<size_t>(grid_x()) * THREADS;

        if (at < p.all) {
            v[j] = load_once(p.from, at);
        }
    }
}

QOQ_KERNEL(THREADS, BLOCKS) read_all(QOQ_PARAMETER stream_params p)
{
    uint32_t sum = 0;

    for (size_t i = static_cast<size_t>(block_x()) * THREADS + thread(); i < p.all;
         i += 4 * static_cast<size_t>(grid_x()) * THREADS) {
        vec4 v[4] = {};
        load_four(v, p, i);
        QOQ_UNROLL
        for (int j = 0; j < 4; j++) {
            sum |= v[j].x[0] ^ v[j].x[1] ^ v[j].x[2] ^ v[j].x[3];
        }
    }
    // Never true for random bytes, all of whose bits occur; the compiler cannot know.
    if (sum == 0x12345678u) {
        store(p.sink, 0, sum);
    }
}

QOQ_KERNEL(THREADS, BLOCKS) copy_all(QOQ_PARAMETER stream_params p)
{
    for (size_t i = static_cast<size_t>(block_x()) * THREADS + thread(); i < p.all;
         i += 4 * static_cast<size_t>(grid_x()) * THREADS) {
        vec4 v[4] = {};
        load_four(v, p, i);
        QOQ_UNROLL
        for (int j = 0; j < 4; j++) {
            const size_t at = i + j * static_cast<size_t>(grid_x()) * THREADS;

            if (at < p.all) {
                store(p.to, at, v[j]);
            }
        }
    }
}

struct tensor_params {
    global<uint32_t> sink;
    uint32_t seed;
};

QOQ_DEVICE void step(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b)
{
    mma_s8(d, a, b, b + 1);
}

QOQ_DEVICE void step(float (&d)[4], const uint32_t (&a)[4], uint32_t b)
{
    mma_f16(d, a, b, b + 1);
}

// Sums of their own keep the tensor cores from waiting for each other.
template <class T> QOQ_KERNEL(THREADS, BLOCKS) multiply(QOQ_PARAMETER tensor_params p)
{
    // Random digits, finite as binary16 too.
    const uint32_t bits = (p.seed * 2654435761u + thread() * 40503u) & 0x3bff3bffu;
    const uint32_t a[4] = {bits, bits ^ 0x01230321u, bits ^ 0x02210112u, bits ^ 0x03130231u};
    T d[ACCUMULATORS][4] = {};

    for (int i = 0; i < ROUNDS; i++) {
        QOQ_UNROLL
        for (int j = 0; j < ACCUMULATORS; j++) {
            step(d[j], a, bits + j);
        }
    }
    T sum = 0;
    QOQ_UNROLL
    for (int j = 0; j < ACCUMULATORS; j++) {
        sum += d[j][0] + d[j][1] + d[j][2] + d[j][3];
    }
    if (sum == static_cast<T>(p.seed)) {
        store(p.sink, 0, 1u);
    }
}

// The widest instruction of warpgroups: 64 x 256 x 32, A in registers as the product has it (and
// random there), B in shared memory.
enum { WIDE_GROUPS = 2, WIDE_THREADS = 128 * WIDE_GROUPS, WIDE_ROUNDS = 512, WIDE_STEPS = 4 };
enum { WIDE_SHARED = 256 * 32 * WIDE_STEPS };

QOQ_KERNEL_WGMMA(WIDE_THREADS, 1) multiply_wide(QOQ_PARAMETER tensor_params p)
{
#if QOQ_WGMMA
    for (uint32_t i = thread(); i < WIDE_SHARED / 4; i += WIDE_THREADS) {
        store_shared(4 * i, (p.seed + i) * 2654435761u);
    }
    fence_async();
    sync_block();
    const uint64_t b = matrix_descriptor(0, 1024, 128);
    accumulator<256> d;
    fragment a;

    QOQ_UNROLL
    for (int i = 0; i < 4; i++) {
        a.set(i, (p.seed + 4 * thread() + i) * 2246822519u);
    }
    for (int i = 0; i < WIDE_ROUNDS; i++) {
        wgmma_fence();
        QOQ_UNROLL
        for (int step = 0; step < WIDE_STEPS; step++) {
            wgmma_s8(d, a, b + 2 * step);
        }
        wgmma_commit();
        wgmma_wait<1>();
    }
    wgmma_wait<0>();
    int32_t sum = 0;
    QOQ_UNROLL
    for (int i = 0; i < 128; i++) {
        sum ^= d.get(i);
    }
    if (sum == static_cast<int32_t>(p.seed)) {
        store(p.sink, 0, 1u);
    }
#endif
}

enum qoq_status stream(struct qoq_cuda *handle, const char *name, void (*kernel)(stream_params),
                       const stream_params &p)
{
    return launch(handle, name, kernel,
                  {{static_cast<uint32_t>(handle->sms) * BLOCKS, 1, 1}, THREADS, 0}, p);
}

} // namespace

} // namespace qoq

using namespace qoq;

extern "C" enum qoq_status qoq_bench_read_loop(struct qoq_cuda *handle, const void *from,
                                               size_t bytes, void *sink)
{
    stream_params p = {};

    p.from = {static_cast<const vec4 *>(from), "from"};
    p.sink = {static_cast<uint32_t *>(sink), "sink"};
    p.all = bytes / sizeof(vec4);
    return stream(handle, "read_all", read_all, p);
}

extern "C" enum qoq_status qoq_bench_copy_loop(struct qoq_cuda *handle, void *to, const void *from,
                                               size_t bytes)
{
    stream_params p = {};

    p.from = {static_cast<const vec4 *>(from), "from"};
    p.to = {static_cast<vec4 *>(to), "to"};
    p.all = bytes / sizeof(vec4);
    return stream(handle, "copy_all", copy_all, p);
}

extern "C" enum qoq_status qoq_bench_tensor_loop(struct qoq_cuda *handle, int half_, void *sink,
                                                 double *ops, int *wide)
{
    const uint32_t blocks = static_cast<uint32_t>(handle->sms) * BLOCKS;
    const double mma = 2.0 * 16 * 8 * (half_ ? 16 : 32);
    tensor_params p = {};

    p.sink = {static_cast<uint32_t *>(sink), "sink"};
    p.seed = 12345;
    *wide = !half_ && can_run(handle, multiply_wide, WIDE_THREADS);
    if (*wide) {
        *ops = 2.0 * 64 * 256 * 32 * WIDE_STEPS * WIDE_ROUNDS * WIDE_GROUPS * handle->sms;
        return launch(handle, "multiply_wide", multiply_wide,
                      {{static_cast<uint32_t>(handle->sms), 1, 1}, WIDE_THREADS, WIDE_SHARED}, p);
    }
    *ops = mma * ACCUMULATORS * ROUNDS * (THREADS / 32) * blocks;
    return launch(handle, "multiply", half_ ? multiply<float> : multiply<int32_t>,
                  {{blocks, 1, 1}, THREADS, 0}, p);
}
