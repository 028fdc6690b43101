// SPDX-License-Identifier: Apache-2.0
// Kernels that show what tensor copies and wgmma do.
#include "tests/emu/probe.h"

#include "tests/emu/probe_array.hh"

namespace
{

using namespace qoq;
using probe::device_array;

enum { MBARRIER = 16 * 256 };

struct tile_params {
    tensor_map map;
    global<uint32_t> out;
    int32_t x, y;
    uint32_t bytes;
};

QOQ_KERNEL(32, 1) tile_kernel(QOQ_PARAMETER tile_params p)
{
    if (lane() == 0) {
        mbarrier_init(MBARRIER, 1);
        fence_async();
    }
    sync_warp();
    if (lane() == 0) {
        mbarrier_expect(MBARRIER, p.bytes);
        copy_tile(0, p.map, p.x, p.y, MBARRIER);
    }
    mbarrier_wait(MBARRIER, 0);
    for (uint32_t i = lane(); i < p.bytes / 4; i += 32) {
        store(p.out, i, load_shared<uint32_t>(4 * i));
    }
}

struct wgmma_params {
    global<int32_t> d;
    global<const int8_t> a, b;
    uint32_t swizzle, step;
};

// Row-major bytes [rows][32] into rows of `swizzle` bytes, each 16 where wgmma looks for them; the
// other columns of the rows hold something else.
QOQ_DEVICE void spread(const wgmma_params &p, uint32_t to, global<const int8_t> from, uint32_t rows)
{
    for (uint32_t i = thread(); i < rows * p.swizzle / 16; i += 128) {
        const uint32_t row = i / (p.swizzle / 16), chunk = i % (p.swizzle / 16);
        const uint32_t linear = 16 * i, at = linear ^ ((linear >> 7 & (p.swizzle / 16 - 1)) << 4);
        vec4 v = {{i, i, i, i}};

        if (chunk / 2 == p.step) {
            v = load_as<vec4>(from, row * 32 + chunk % 2 * 16);
        }
        store_shared(to + at, v);
    }
}

template <int N, bool REGISTERS> QOQ_DEVICE void product(const wgmma_params &p)
{
    const uint32_t r = lane() / 4, c = lane() % 4, row = 16 * warp() + r;
    const uint32_t left = 256 * 128;
    accumulator<N> d;
    fragment a;

    spread(p, 0, p.b, N);
    spread(p, left, p.a, 64);
    fence_async();
    sync_block();
    for (uint32_t j = 0; j < N / 2; j++) {
        d.set(j, load(p.d, (row + 8 * (j / 2 % 2)) * N + 8 * (j / 4) + 2 * c + j % 2));
    }
    for (uint32_t i = 0; i < 4; i++) {
        a.set(i, load_as<uint32_t>(p.a, (row + 8 * (i % 2)) * 32 + 16 * (i / 2) + 4 * c));
    }
    const uint64_t right = matrix_descriptor(0, 8 * p.swizzle, p.swizzle) + 2 * p.step;
    wgmma_fence();
    if (REGISTERS) {
        wgmma_s8(d, a, right);
    } else {
        wgmma_s8(d, matrix_descriptor(left, 8 * p.swizzle, p.swizzle) + 2 * p.step, right);
    }
    wgmma_commit();
    wgmma_wait<0>();
    for (uint32_t j = 0; j < N / 2; j++) {
        store(p.d, (row + 8 * (j / 2 % 2)) * N + 8 * (j / 4) + 2 * c + j % 2, d.get(j));
    }
}

template <int N, bool REGISTERS> QOQ_KERNEL(128, 1) wgmma_kernel(QOQ_PARAMETER wgmma_params p)
{
    product<N, REGISTERS>(p);
}

template <int N> void (*choose(int registers))(wgmma_params)
{
    return registers ? wgmma_kernel<N, true> : wgmma_kernel<N, false>;
}

} // namespace

extern "C" enum qoq_status probe_tile(struct qoq_cuda *handle, uint8_t *out, const uint8_t *array,
                                      uint32_t columns, uint32_t rows, uint32_t swizzle, int32_t x,
                                      int32_t y)
{
    device_array<uint8_t> device_out(handle, columns * rows, nullptr),
        device_array_(handle, 1024, array);
    tile_params p;

    enter(handle);
    p.out = {reinterpret_cast<uint32_t *>(device_out.data), "out"};
    p.x = x;
    p.y = y;
    p.bytes = columns * rows;
    if (!make_tensor_map(handle, &p.map, device_array_.data, "array",
                         {250, 4, 256, columns, rows, swizzle})) {
        return QOQ_ERR_ARGUMENT;
    }
    return device_out.read(out,
                           launch(handle, "tile", tile_kernel, {{1, 1, 1}, 32, MBARRIER + 8}, p));
}

extern "C" enum qoq_status probe_wgmma(struct qoq_cuda *handle, int32_t *d, const int8_t *a,
                                       const int8_t *b, uint32_t n, int registers, uint32_t swizzle,
                                       uint32_t step)
{
    device_array<int32_t> device_d(handle, size_t{64} * n, d);
    device_array<int8_t> device_a(handle, 64 * 32, a), device_b(handle, size_t{32} * n, b);
    void (*kernel)(wgmma_params) = n == 8     ? choose<8>(registers)
                                   : n == 16  ? choose<16>(registers)
                                   : n == 32  ? choose<32>(registers)
                                   : n == 64  ? choose<64>(registers)
                                   : n == 128 ? choose<128>(registers)
                                              : choose<256>(registers);
    wgmma_params p;

    enter(handle);
    p.d = {device_d.data, "d"};
    p.a = {device_a.data, "a"};
    p.b = {device_b.data, "b"};
    p.swizzle = swizzle;
    p.step = step;
    return device_d.read(d, launch(handle, "wgmma", kernel, {{1, 1, 1}, 128, (256 + 64) * 128}, p));
}
