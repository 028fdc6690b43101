// SPDX-License-Identifier: Apache-2.0
// Kernels that show what primitives do.
#include "tests/emu/probe.h"

#include "gpu/handle.cuh"
#include "gpu/primitives/primitives.h"

namespace
{

using namespace qoq;

// Device copy of a host array; freed by its owner's end.
template <class T> struct device_array {
    qoq_cuda *handle;
    T *data;
    size_t count;

    device_array(qoq_cuda *h, size_t n, const T *host) : handle(h), data(nullptr), count(n)
    {
        void *p;

        if (qoq_cuda_alloc(h, &p, n * sizeof(T)) == QOQ_OK) {
            data = static_cast<T *>(p);
        }
        if (host != nullptr && qoq_cuda_upload(h, data, host, n * sizeof(T)) != QOQ_OK) {
            abort();
        }
    }
    ~device_array()
    {
        qoq_cuda_free(handle, data);
    }
    enum qoq_status read(T *host, enum qoq_status status) const
    {
        return status == QOQ_OK ? qoq_cuda_download(handle, host, data, count * sizeof(T)) : status;
    }
};

struct mma_params {
    global<int32_t> d;
    global<const int8_t> a, b;
};

// a at shared address 0 (rows of 32 bytes), b transposed behind it (columns of 32 bytes).
template <bool A_SIGNED, bool B_SIGNED> QOQ_KERNEL(32, 1) mma_kernel(QOQ_PARAMETER mma_params p)
{
    uint32_t a[4], b[4];
    int32_t d[4];
    const uint32_t r = lane() / 4, c = lane() % 4;

    for (uint32_t i = lane(); i < 128; i += 32) {
        store_shared<uint32_t>(4 * i, load_as<uint32_t>(p.a, 4 * i));
    }
    for (uint32_t i = lane(); i < 64; i += 32) {
        uint32_t word = 0;

        for (uint32_t k = 0; k < 4; k++) {
            word |=
                static_cast<uint32_t>(static_cast<uint8_t>(load(p.b, (i % 8 * 4 + k) * 8 + i / 8)))
                << 8 * k;
        }
        store_shared<uint32_t>(512 + 4 * i, word);
    }
    sync_warp();
    load_matrix(a, (lane() % 16) * 32 + lane() / 16 * 16);
    load_matrix(b, 512 + lane() % 8 * 32 + lane() / 8 % 2 * 16);
    for (uint32_t i = 0; i < 4; i++) {
        d[i] = load(p.d, (r + i / 2 * 8) * 8 + 2 * c + i % 2);
    }
    if (A_SIGNED) {
        B_SIGNED ? mma_s8(d, a, b[0], b[1]) : mma_s8u8(d, a, b[0], b[1]);
    } else {
        B_SIGNED ? mma_u8s8(d, a, b[0], b[1]) : mma_u8(d, a, b[0], b[1]);
    }
    for (uint32_t i = 0; i < 4; i++) {
        store(p.d, (r + i / 2 * 8) * 8 + 2 * c + i % 2, d[i]);
    }
}

struct matrix_params {
    global<uint32_t> registers;
    global<const uint16_t> x;
};

template <bool TRANSPOSED> QOQ_KERNEL(32, 1) matrix_kernel(QOQ_PARAMETER matrix_params p)
{
    uint32_t r[4];

    store_shared(16 * lane(), load_as<vec4>(p.x, 8 * lane()));
    sync_warp();
    TRANSPOSED ? load_matrix_transposed(r, 16 * lane()) : load_matrix(r, 16 * lane());
    for (uint32_t i = 0; i < 4; i++) {
        store(p.registers, 4 * lane() + i, r[i]);
    }
}

struct shuffle_params {
    global<uint32_t> out;
    global<const uint32_t> x, source;
};

QOQ_KERNEL(32, 1) shuffle_kernel(QOQ_PARAMETER shuffle_params p)
{
    store(p.out, lane(), shuffle(load(p.x, lane()), load(p.source, lane())));
}

struct stride_params {
    global<const uint32_t> x;
    uint32_t stride;
};

QOQ_KERNEL(32, 1) stride_kernel(QOQ_PARAMETER stride_params p)
{
    store_shared<uint32_t>(4 * p.stride * lane(), 1);
    sync_warp();
    (void)load_shared<uint32_t>(4 * p.stride * lane());
    (void)load(p.x, p.stride * lane());
}

} // namespace

extern "C" enum qoq_status probe_mma(struct qoq_cuda *handle, int32_t *d, const int8_t *a,
                                     const int8_t *b, int a_signed, int b_signed)
{
    void (*const kernel[4])(mma_params) = {mma_kernel<false, false>, mma_kernel<false, true>,
                                           mma_kernel<true, false>, mma_kernel<true, true>};
    device_array<int32_t> device_d(handle, 128, d);
    device_array<int8_t> device_a(handle, 512, a), device_b(handle, 256, b);
    mma_params p;

    enter(handle);
    p.d = {device_d.data, "d"};
    p.a = {device_a.data, "a"};
    p.b = {device_b.data, "b"};
    return device_d.read(d, launch(handle, "mma", kernel[2 * (a_signed != 0) + (b_signed != 0)],
                                   {{1, 1, 1}, 32, 768}, p));
}

extern "C" enum qoq_status probe_matrix(struct qoq_cuda *handle, uint32_t *registers,
                                        const uint16_t *x, int transposed)
{
    device_array<uint32_t> device_registers(handle, 128, nullptr);
    device_array<uint16_t> device_x(handle, 256, x);
    matrix_params p;

    enter(handle);
    p.registers = {device_registers.data, "registers"};
    p.x = {device_x.data, "x"};
    return device_registers.read(
        registers, launch(handle, "matrix", transposed ? matrix_kernel<true> : matrix_kernel<false>,
                          {{1, 1, 1}, 32, 512}, p));
}

extern "C" enum qoq_status probe_shuffle(struct qoq_cuda *handle, uint32_t *out, const uint32_t *x,
                                         const uint32_t *source)
{
    device_array<uint32_t> device_out(handle, 32, nullptr), device_x(handle, 32, x),
        device_source(handle, 32, source);
    shuffle_params p;

    enter(handle);
    p.out = {device_out.data, "out"};
    p.x = {device_x.data, "x"};
    p.source = {device_source.data, "source"};
    return device_out.read(out, launch(handle, "shuffle", shuffle_kernel, {{1, 1, 1}, 32, 0}, p));
}

extern "C" enum qoq_status probe_stride(struct qoq_cuda *handle, uint32_t stride)
{
    std::vector<uint32_t> zeros(32 * stride);
    device_array<uint32_t> x(handle, zeros.size(), zeros.data());
    stride_params p;

    enter(handle);
    p.x = {x.data, "x"};
    p.stride = stride;
    return launch(handle, "stride", stride_kernel, {{1, 1, 1}, 32, 4 * 32 * stride}, p);
}

extern "C" float probe_widen(uint16_t h)
{
    return qoq_emu::widen(h);
}

extern "C" uint16_t probe_narrow(float x)
{
    return qoq_emu::narrow(x);
}

extern "C" int32_t probe_round(float x)
{
    return qoq_emu::round_int(x);
}

extern "C" uint32_t probe_permute(uint32_t a, uint32_t b, uint32_t selector)
{
    return qoq_emu::permute(a, b, selector);
}

extern "C" int32_t probe_dp2a_lo(uint32_t a, uint32_t b, int32_t c)
{
    return qoq_emu::dp2a(a, b & 0xffff, c);
}

extern "C" int32_t probe_dp2a_hi(uint32_t a, uint32_t b, int32_t c)
{
    return qoq_emu::dp2a(a, b >> 16, c);
}
