/* SPDX-License-Identifier: Apache-2.0 */
/* primitives.h on a GPU: intrinsics and inline PTX. Rounding is always stated, never left to the
 * compiler. */
#ifndef QOQ_GPU_PRIMITIVES_CUDA_H
#define QOQ_GPU_PRIMITIVES_CUDA_H

#include <cuda_fp16.h>
#include <stddef.h>
#include <stdint.h>

#include "numerics/elementary.h"

#define QOQ_DEVICE static __device__ __forceinline__
#define QOQ_MEMBER __device__ __forceinline__
#define QOQ_KERNEL(threads, blocks) __global__ void __launch_bounds__(threads, blocks)
#define QOQ_PARAMETER const __grid_constant__
#define QOQ_UNROLL _Pragma("unroll")
#define QOQ_LOOP _Pragma("unroll 1")

namespace qoq
{

extern __shared__ __align__(1024) unsigned char qoq_shared[];

struct alignas(16) vec4 {
    uint32_t x[4];
};

/* ---- Who am I ---- */

QOQ_DEVICE uint32_t block_x()
{
    return blockIdx.x;
}

QOQ_DEVICE uint32_t block_y()
{
    return blockIdx.y;
}

QOQ_DEVICE uint32_t block_z()
{
    return blockIdx.z;
}

QOQ_DEVICE uint32_t grid_x()
{
    return gridDim.x;
}

QOQ_DEVICE uint32_t thread()
{
    return threadIdx.x;
}

QOQ_DEVICE uint32_t warp()
{
    return threadIdx.x >> 5;
}

QOQ_DEVICE uint32_t lane()
{
    return threadIdx.x & 31;
}

QOQ_DEVICE void warp_role(const char *)
{
}

/* ---- Global memory ---- */

template <class T> struct global {
    T *p;

    global() = default;
    __host__ __device__ global(T *pointer, const char *) : p(pointer)
    {
    }
    template <class U> __host__ __device__ global(const global<U> &other) : p(other.p)
    {
    }
    QOQ_MEMBER explicit operator bool() const
    {
        return p != nullptr;
    }
    QOQ_MEMBER global operator+(size_t i) const
    {
        return global(p + i, nullptr);
    }
};

template <class V, class T> QOQ_DEVICE V load_as(global<T> p, size_t i)
{
    return *reinterpret_cast<const V *>(p.p + i);
}

template <class T> QOQ_DEVICE auto load(global<T> p, size_t i)
{
    return p.p[i];
}

template <class T> QOQ_DEVICE vec4 load_once(global<T> p, size_t i)
{
    vec4 v;

    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x[0]), "=r"(v.x[1]), "=r"(v.x[2]), "=r"(v.x[3])
                 : "l"(p.p + i));
    return v;
}

template <class T, class V> QOQ_DEVICE void store(global<T> p, size_t i, V v)
{
    p.p[i] = static_cast<T>(v);
}

template <class V, class T> QOQ_DEVICE void store_as(global<T> p, size_t i, V v)
{
    *reinterpret_cast<V *>(p.p + i) = v;
}

QOQ_DEVICE uint32_t atomic_inc(global<uint32_t> p, size_t i, uint32_t bound)
{
    return atomicInc(p.p + i, bound);
}

QOQ_DEVICE void fence_device()
{
    __threadfence();
}

/* ---- Shared memory ---- */

template <class V> QOQ_DEVICE V load_shared(uint32_t address)
{
    return *reinterpret_cast<const V *>(qoq_shared + address);
}

template <class V> QOQ_DEVICE void store_shared(uint32_t address, V v)
{
    *reinterpret_cast<V *>(qoq_shared + address) = v;
}

QOQ_DEVICE uint32_t shared_window(uint32_t address)
{
    return static_cast<uint32_t>(__cvta_generic_to_shared(qoq_shared)) + address;
}

/* ---- Copies ---- */

template <class T>
QOQ_DEVICE void copy_async(uint32_t address, global<T> p, size_t i, uint32_t valid)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_window(address)),
                 "l"(p.p + i), "r"(valid)
                 : "memory");
}

QOQ_DEVICE void copy_commit()
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}

template <int N> QOQ_DEVICE void copy_wait()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

/* ---- Together ---- */

QOQ_DEVICE void sync_block()
{
    __syncthreads();
}

QOQ_DEVICE void sync_warp()
{
    __syncwarp();
}

QOQ_DEVICE void sync_named(uint32_t id, uint32_t threads)
{
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

template <class T> QOQ_DEVICE T shuffle_xor(T v, uint32_t mask)
{
    return __shfl_xor_sync(0xffffffffu, v, mask);
}

template <class T> QOQ_DEVICE T shuffle(T v, uint32_t source)
{
    return __shfl_sync(0xffffffffu, v, source);
}

QOQ_DEVICE bool any(bool p)
{
    return __any_sync(0xffffffffu, p);
}

QOQ_DEVICE bool all(bool p)
{
    return __all_sync(0xffffffffu, p);
}

QOQ_DEVICE uint32_t ballot(bool p)
{
    return __ballot_sync(0xffffffffu, p);
}

QOQ_DEVICE void load_matrix(uint32_t (&r)[4], uint32_t address)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_window(address))
                 : "memory");
}

QOQ_DEVICE void mma_s8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1)
{
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

QOQ_DEVICE void load_matrix_transposed(uint32_t (&r)[4], uint32_t address)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_window(address))
                 : "memory");
}

QOQ_DEVICE void mma_s8u8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1)
{
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.u8.s32 {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

QOQ_DEVICE void mma_u8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1)
{
    asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.u8.s32 {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

QOQ_DEVICE void mma_u8s8(int32_t (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1)
{
    asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/* ---- Arithmetic ---- */

QOQ_DEVICE float fadd(float a, float b)
{
    return __fadd_rn(a, b);
}

QOQ_DEVICE float fsub(float a, float b)
{
    return __fsub_rn(a, b);
}

QOQ_DEVICE float fmul(float a, float b)
{
    return __fmul_rn(a, b);
}

QOQ_DEVICE float ffma(float a, float b, float c)
{
    return __fmaf_rn(a, b, c);
}

QOQ_DEVICE float fdiv(float a, float b)
{
    return __fdiv_rn(a, b);
}

QOQ_DEVICE float fsqrt(float a)
{
    return __fsqrt_rn(a);
}

QOQ_DEVICE float fmax_nan(float a, float b)
{
    float d;

    asm("max.NaN.f32 %0, %1, %2;" : "=f"(d) : "f"(a), "f"(b));
    return d;
}

QOQ_DEVICE float fmagnitude(float a)
{
    return fabsf(a);
}

QOQ_DEVICE float fceil(float a)
{
    return ceilf(a);
}

QOQ_DEVICE uint32_t imad(uint32_t a, uint32_t b, uint32_t c)
{
    return a * b + c;
}

QOQ_DEVICE uint32_t iadd(uint32_t a, uint32_t b)
{
    return a + b;
}

QOQ_DEVICE uint32_t iand(uint32_t a, uint32_t b)
{
    return a & b;
}

QOQ_DEVICE uint32_t ior(uint32_t a, uint32_t b)
{
    return a | b;
}

QOQ_DEVICE uint32_t ixor(uint32_t a, uint32_t b)
{
    return a ^ b;
}

QOQ_DEVICE uint32_t ishl(uint32_t a, uint32_t n)
{
    return a << n;
}

QOQ_DEVICE uint32_t ishr(uint32_t a, uint32_t n)
{
    return a >> n;
}

QOQ_DEVICE int32_t imin(int32_t a, int32_t b)
{
    return min(a, b);
}

QOQ_DEVICE int32_t imax(int32_t a, int32_t b)
{
    return max(a, b);
}

QOQ_DEVICE uint32_t permute(uint32_t a, uint32_t b, uint32_t selector)
{
    return __byte_perm(a, b, selector);
}

/* c + the two int16 of a times bytes 0 and 1 (lo) or 2 and 3 (hi) of b, unsigned. */
QOQ_DEVICE int32_t dp2a_lo(uint32_t a, uint32_t b, int32_t c)
{
    int32_t d;

    asm("dp2a.lo.s32.u32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}

QOQ_DEVICE int32_t dp2a_hi(uint32_t a, uint32_t b, int32_t c)
{
    int32_t d;

    asm("dp2a.hi.s32.u32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}

QOQ_DEVICE float half_to_float(uint16_t h)
{
    return __half2float(__ushort_as_half(h));
}

QOQ_DEVICE uint16_t float_to_half(float x)
{
    return __half_as_ushort(__float2half_rn(x));
}

QOQ_DEVICE float int_to_float(int32_t i)
{
    return __int2float_rn(i);
}

QOQ_DEVICE int32_t round_int(float x)
{
    return __float2int_rn(x);
}

QOQ_DEVICE uint32_t float_bits(float x)
{
    return __float_as_uint(x);
}

QOQ_DEVICE float bits_float(uint32_t u)
{
    return __uint_as_float(u);
}

QOQ_DEVICE float exp_of(float x)
{
    return qoq_exp(x);
}

QOQ_DEVICE float exp2_of(float x)
{
    return qoq_exp2(x);
}

QOQ_DEVICE float exp2_below_of(float x)
{
    return qoq_exp2_below(x);
}

QOQ_DEVICE float rsqrt_of(float x)
{
    return qoq_rsqrt(x);
}

} // namespace qoq

#endif
