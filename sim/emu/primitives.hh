// SPDX-License-Identifier: Apache-2.0
// gpu/primitives/primitives.h on this CPU: every primitive tells the machine (machine.hh) from
// which line it was called.
#ifndef QOQ_SIM_EMU_PRIMITIVES_HH
#define QOQ_SIM_EMU_PRIMITIVES_HH

#include <cstring>
#include <type_traits>

#include "numerics/elementary.h"
#include "sim/emu/arithmetic.hh"
#include "sim/emu/machine.hh"

#define QOQ_DEVICE [[maybe_unused]] static inline
#define QOQ_MEMBER inline
#define QOQ_KERNEL(threads, blocks) static void
#define QOQ_PARAMETER const
#define QOQ_UNROLL
#define QOQ_LOOP

namespace qoq
{

using qoq_emu::machine;
using qoq_emu::Site;
using qoq_emu::Together;

struct alignas(16) vec4 {
    uint32_t x[4];
};

// ---- Who am I ----

QOQ_DEVICE uint32_t block_x()
{
    return machine->block(0);
}

QOQ_DEVICE uint32_t block_y()
{
    return machine->block(1);
}

QOQ_DEVICE uint32_t block_z()
{
    return machine->block(2);
}

QOQ_DEVICE uint32_t grid_x()
{
    return machine->grid(0);
}

QOQ_DEVICE uint32_t thread()
{
    return machine->lane().thread;
}

QOQ_DEVICE uint32_t warp()
{
    return machine->lane().thread / qoq_emu::LANES;
}

QOQ_DEVICE uint32_t lane()
{
    return machine->lane().thread % qoq_emu::LANES;
}

QOQ_DEVICE void warp_role(const char *name)
{
    machine->role(name);
}

// ---- Global memory ----

// The buffer that holds a pointer of the host's view, looked up once, when parameters are made.
template <class T> struct global {
    qoq_emu::Buffer *buffer;
    int64_t offset; // bytes
    const char *name;

    global() = default;
    global(T *pointer, const char *tensor) : buffer(nullptr), offset(0), name(tensor)
    {
        if (pointer != nullptr) {
            buffer = machine->buffers.find(pointer);
            offset =
                buffer == nullptr ? 0 : reinterpret_cast<const uint8_t *>(pointer) - buffer->data;
        }
    }
    template <class U>
    global(const global<U> &other) : buffer(other.buffer), offset(other.offset), name(other.name)
    {
        static_assert(std::is_convertible_v<U *, T *>);
    }
    explicit operator bool() const
    {
        return buffer != nullptr;
    }
    global operator+(size_t i) const
    {
        global moved = *this;
        moved.offset += static_cast<int64_t>(i * sizeof(T));
        return moved;
    }
};

template <class V, class T> QOQ_DEVICE V load_as(global<T> p, size_t i, Site at = Site::here())
{
    V v;
    p = p + i;
    memcpy(&v, machine->global_read(p.buffer, p.offset, sizeof v, machine->tensor(p.name), at),
           sizeof v);
    return v;
}

template <class T>
QOQ_DEVICE std::remove_const_t<T> load(global<T> p, size_t i, Site at = Site::here())
{
    return load_as<std::remove_const_t<T>>(p, i, at);
}

template <class T> QOQ_DEVICE vec4 load_once(global<T> p, size_t i, Site at = Site::here())
{
    return load_as<vec4>(p, i, at);
}

template <class V, class T>
QOQ_DEVICE void store_as(global<T> p, size_t i, V v, Site at = Site::here())
{
    static_assert(!std::is_const_v<T>);
    p = p + i;
    memcpy(machine->global_write(p.buffer, p.offset, sizeof v, machine->tensor(p.name), at), &v,
           sizeof v);
}

template <class T, class V>
QOQ_DEVICE void store(global<T> p, size_t i, V v, Site at = Site::here())
{
    store_as<T>(p, i, static_cast<T>(v), at);
}

QOQ_DEVICE uint32_t atomic_inc(global<uint32_t> p, size_t i, uint32_t bound, Site at = Site::here())
{
    p = p + i;
    return machine->atomic_inc(p.buffer, p.offset, bound, machine->tensor(p.name), at);
}

QOQ_DEVICE void fence_device()
{
    machine->fence_device();
}

// ---- Shared memory ----

template <class V> QOQ_DEVICE V load_shared(uint32_t address, Site at = Site::here())
{
    V v;
    memcpy(&v, machine->shared_read(address, sizeof v, at), sizeof v);
    return v;
}

template <class V> QOQ_DEVICE void store_shared(uint32_t address, V v, Site at = Site::here())
{
    memcpy(machine->shared_write(address, sizeof v, at), &v, sizeof v);
}

// ---- Copies ----

template <class T>
QOQ_DEVICE void copy_async(uint32_t address, global<T> p, size_t i, uint32_t valid,
                           Site at = Site::here())
{
    p = p + i;
    machine->copy_async(address, p.buffer, p.offset, valid, machine->tensor(p.name), at);
}

QOQ_DEVICE void copy_commit()
{
    machine->copy_commit();
}

template <int N> QOQ_DEVICE void copy_wait()
{
    machine->copy_wait(N);
}

// ---- Together ----

QOQ_DEVICE void sync_block(Site at = Site::here())
{
    machine->barrier(0, 0, at);
}

QOQ_DEVICE void sync_named(uint32_t id, uint32_t threads, Site at = Site::here())
{
    machine->barrier(id, threads, at);
}

QOQ_DEVICE void sync_warp(Site at = Site::here())
{
    machine->together(Together::sync_warp, 0, nullptr, qoq_emu::count_sync_warp, at);
}

template <class T> QOQ_DEVICE T shuffle(T v, uint32_t source, Site at = Site::here())
{
    static_assert(sizeof(T) == 4);
    qoq_emu::Shuffle operands = {0, source % qoq_emu::LANES, 0};

    memcpy(&operands.value, &v, sizeof v);
    machine->together(Together::shuffle, 0, &operands, qoq_emu::shuffle, at);
    memcpy(&v, &operands.result, sizeof v);
    return v;
}

template <class T> QOQ_DEVICE T shuffle_xor(T v, uint32_t mask, Site at = Site::here())
{
    return shuffle(v, lane() ^ mask, at);
}

QOQ_DEVICE uint32_t ballot(bool p, Site at = Site::here())
{
    qoq_emu::Vote operands = {p, 0};

    machine->together(Together::vote, 0, &operands, qoq_emu::vote, at);
    return operands.result;
}

QOQ_DEVICE bool any(bool p, Site at = Site::here())
{
    return ballot(p, at) != 0;
}

QOQ_DEVICE bool all(bool p, Site at = Site::here())
{
    return ballot(p, at) == 0xffffffffu;
}

QOQ_DEVICE void load_matrix(uint32_t (&r)[4], uint32_t address, Site at = Site::here())
{
    qoq_emu::LoadMatrix operands = {r, address};

    machine->together(Together::load_matrix, 0, &operands, qoq_emu::load_matrix, at);
}

QOQ_DEVICE void mma_s8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1,
                       Site at = Site::here())
{
    qoq_emu::Mma operands = {d, a, {b0, b1}};

    machine->together(Together::mma_s8, 0, &operands, qoq_emu::mma_s8, at);
}

QOQ_DEVICE void load_matrix_transposed(uint32_t (&r)[4], uint32_t address, Site at = Site::here())
{
    qoq_emu::LoadMatrix operands = {r, address};

    machine->together(Together::load_matrix, 1, &operands, qoq_emu::load_matrix_transposed, at);
}

QOQ_DEVICE void mma_s8u8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1,
                         Site at = Site::here())
{
    qoq_emu::Mma operands = {d, a, {b0, b1}};

    machine->together(Together::mma_s8, 1, &operands, qoq_emu::mma_s8u8, at);
}

QOQ_DEVICE void mma_u8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1,
                       Site at = Site::here())
{
    qoq_emu::Mma operands = {d, a, {b0, b1}};

    machine->together(Together::mma_s8, 2, &operands, qoq_emu::mma_u8, at);
}

QOQ_DEVICE void mma_u8s8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1,
                         Site at = Site::here())
{
    qoq_emu::Mma operands = {d, a, {b0, b1}};

    machine->together(Together::mma_s8, 3, &operands, qoq_emu::mma_u8s8, at);
}

// ---- Arithmetic ----

QOQ_DEVICE float fadd(float a, float b)
{
    machine->count(QOQ_EMU_FP32);
    return a + b;
}

QOQ_DEVICE float fsub(float a, float b)
{
    machine->count(QOQ_EMU_FP32);
    return a - b;
}

QOQ_DEVICE float fmul(float a, float b)
{
    machine->count(QOQ_EMU_FP32);
    return a * b;
}

QOQ_DEVICE float ffma(float a, float b, float c)
{
    machine->count(QOQ_EMU_FP32);
    return fmaf(a, b, c);
}

QOQ_DEVICE float fdiv(float a, float b)
{
    machine->count(QOQ_EMU_SPECIAL);
    return a / b;
}

QOQ_DEVICE float fsqrt(float a)
{
    machine->count(QOQ_EMU_SPECIAL);
    return sqrtf(a);
}

QOQ_DEVICE float fmax_nan(float a, float b)
{
    machine->count(QOQ_EMU_INTEGER_ADD);
    return a != a || b != b ? qoq_nan() : a > b ? a : b;
}

QOQ_DEVICE float fmagnitude(float a)
{
    return fabsf(a);
}

QOQ_DEVICE float fceil(float a)
{
    machine->count(QOQ_EMU_CONVERSION);
    return ceilf(a);
}

QOQ_DEVICE uint32_t imad(uint32_t a, uint32_t b, uint32_t c)
{
    machine->count(QOQ_EMU_INTEGER_MULTIPLY);
    return a * b + c;
}

QOQ_DEVICE uint32_t iadd(uint32_t a, uint32_t b)
{
    machine->count(QOQ_EMU_INTEGER_ADD);
    return a + b;
}

QOQ_DEVICE uint32_t iand(uint32_t a, uint32_t b)
{
    machine->count(QOQ_EMU_LOGIC);
    return a & b;
}

QOQ_DEVICE uint32_t ior(uint32_t a, uint32_t b)
{
    machine->count(QOQ_EMU_LOGIC);
    return a | b;
}

QOQ_DEVICE uint32_t ixor(uint32_t a, uint32_t b)
{
    machine->count(QOQ_EMU_LOGIC);
    return a ^ b;
}

QOQ_DEVICE uint32_t ishl(uint32_t a, uint32_t n)
{
    machine->count(QOQ_EMU_SHIFT);
    return n > 31 ? 0 : a << n;
}

QOQ_DEVICE uint32_t ishr(uint32_t a, uint32_t n)
{
    machine->count(QOQ_EMU_SHIFT);
    return n > 31 ? 0 : a >> n;
}

QOQ_DEVICE int32_t imin(int32_t a, int32_t b)
{
    machine->count(QOQ_EMU_INTEGER_ADD);
    return a < b ? a : b;
}

QOQ_DEVICE int32_t imax(int32_t a, int32_t b)
{
    machine->count(QOQ_EMU_INTEGER_ADD);
    return a > b ? a : b;
}

QOQ_DEVICE uint32_t permute(uint32_t a, uint32_t b, uint32_t selector)
{
    machine->count(QOQ_EMU_SHIFT);
    return qoq_emu::permute(a, b, selector);
}

QOQ_DEVICE int32_t dp2a_lo(uint32_t a, uint32_t b, int32_t c)
{
    machine->count(QOQ_EMU_INTEGER_MULTIPLY);
    return qoq_emu::dp2a(a, b & 0xffff, c);
}

QOQ_DEVICE int32_t dp2a_hi(uint32_t a, uint32_t b, int32_t c)
{
    machine->count(QOQ_EMU_INTEGER_MULTIPLY);
    return qoq_emu::dp2a(a, b >> 16, c);
}

QOQ_DEVICE float half_to_float(uint16_t h)
{
    machine->count(QOQ_EMU_CONVERSION);
    return qoq_emu::widen(h);
}

QOQ_DEVICE uint16_t float_to_half(float x)
{
    machine->count(QOQ_EMU_CONVERSION);
    return qoq_emu::narrow(x);
}

QOQ_DEVICE float int_to_float(int32_t i)
{
    machine->count(QOQ_EMU_CONVERSION);
    return static_cast<float>(i);
}

QOQ_DEVICE int32_t round_int(float x)
{
    machine->count(QOQ_EMU_CONVERSION);
    return qoq_emu::round_int(x);
}

QOQ_DEVICE uint32_t float_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

QOQ_DEVICE float bits_float(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

// The operations of ref/numerics/elementary.h; tests/gpu/ptx.sh holds them against PTX.
QOQ_DEVICE float exp_of(float x)
{
    machine->count(QOQ_EMU_FP32, 18);
    machine->count(QOQ_EMU_INTEGER_ADD, 4);
    machine->count(QOQ_EMU_SHIFT, 3);
    return qoq_exp(x);
}

QOQ_DEVICE float exp2_of(float x)
{
    machine->count(QOQ_EMU_FP32, 15);
    machine->count(QOQ_EMU_INTEGER_ADD, 4);
    machine->count(QOQ_EMU_SHIFT, 3);
    return qoq_exp2(x);
}

QOQ_DEVICE float exp2_below_of(float x)
{
    machine->count(QOQ_EMU_FP32, 14);
    machine->count(QOQ_EMU_INTEGER_ADD, 2);
    machine->count(QOQ_EMU_SHIFT, 1);
    return qoq_exp2_below(x);
}

QOQ_DEVICE float rsqrt_of(float x)
{
    machine->count(QOQ_EMU_SPECIAL, 2);
    return qoq_rsqrt(x);
}

} // namespace qoq

#endif
