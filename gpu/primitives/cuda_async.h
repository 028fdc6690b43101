/* SPDX-License-Identifier: Apache-2.0 */
/* primitives.h on sm_90a: mbarriers, bulk copies, wgmma. */
#ifndef QOQ_GPU_PRIMITIVES_CUDA_ASYNC_H
#define QOQ_GPU_PRIMITIVES_CUDA_ASYNC_H

#include <cuda.h>

/* wgmma exists in code for sm_90a alone. Elsewhere such a kernel has no body, and its bound of 32
 * threads tells launchers so. */
#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define QOQ_WGMMA 1
#define QOQ_KERNEL_WGMMA(threads, blocks) QOQ_KERNEL(threads, blocks)
#else
#define QOQ_WGMMA 0
#define QOQ_KERNEL_WGMMA(threads, blocks) __global__ void __launch_bounds__(32)
#endif

namespace qoq
{

struct tensor_map {
    CUtensorMap map;
};
static_assert(alignof(tensor_map) >= 64, "as a copy wants its map");

#if QOQ_WGMMA

/* ---- Barriers that count bytes, bulk copies ---- */

QOQ_DEVICE void mbarrier_init(uint32_t address, uint32_t arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_window(address)),
                 "r"(arrivals)
                 : "memory");
}

QOQ_DEVICE void mbarrier_arrive(uint32_t address)
{
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_window(address))
                 : "memory");
}

QOQ_DEVICE void mbarrier_expect(uint32_t address, uint32_t bytes)
{
    asm volatile(
        "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_window(address)),
        "r"(bytes)
        : "memory");
}

QOQ_DEVICE void mbarrier_wait(uint32_t address, uint32_t parity)
{
    uint32_t done;

    do {
        asm volatile("{\n"
                     ".reg .pred p;\n"
                     "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
                     "selp.u32 %0, 1, 0, p;\n"
                     "}"
                     : "=r"(done)
                     : "r"(shared_window(address)), "r"(parity)
                     : "memory");
    } while (done == 0);
}

QOQ_DEVICE void fence_async()
{
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

template <class T>
QOQ_DEVICE void copy_bulk(uint32_t address, global<T> p, size_t i, uint32_t bytes,
                          uint32_t mbarrier)
{
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes "
                 "[%0], [%1], %2, [%3];" ::"r"(shared_window(address)),
                 "l"(p.p + i), "r"(bytes), "r"(shared_window(mbarrier))
                 : "memory");
}

QOQ_DEVICE void copy_tile(uint32_t address, const tensor_map &map, int32_t x, int32_t y,
                          uint32_t mbarrier)
{
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
                 "[%0], [%1, {%2, %3}], [%4];" ::"r"(shared_window(address)),
                 "l"(&map.map), "r"(x), "r"(y), "r"(shared_window(mbarrier))
                 : "memory");
}

/* ---- Products of a warpgroup ---- */

template <int N> struct accumulator {
    int32_t x[N / 2];

    QOQ_MEMBER accumulator()
    {
        QOQ_UNROLL
        for (int i = 0; i < N / 2; i++) {
            x[i] = 0;
        }
    }
    QOQ_MEMBER int32_t get(int i)
    {
        return x[i];
    }
    QOQ_MEMBER void set(int i, int32_t v)
    {
        x[i] = v;
    }
};

struct fragment {
    uint32_t x[4];

    QOQ_MEMBER void set(int i, uint32_t v)
    {
        x[i] = v;
    }
};

QOQ_DEVICE uint64_t matrix_descriptor(uint32_t address, uint32_t stride, uint32_t swizzle)
{
    const uint64_t mode = swizzle == 128 ? 1 : swizzle == 64 ? 2 : 3;

    return (shared_window(address) & 0x3ffff) >> 4 | 1ull << 16 |
           static_cast<uint64_t>(stride >> 4) << 32 | mode << 62;
}

/* Lists of registers in the text, and of the operands that they are. */
#define QOQ_TEN(t)                                                                                 \
    "%" #t "0, %" #t "1, %" #t "2, %" #t "3, %" #t "4, %" #t "5, %" #t "6, %" #t "7, %" #t         \
    "8, %" #t "9, "
#define QOQ_D4(i) "+r"(d.x[i]), "+r"(d.x[i + 1]), "+r"(d.x[i + 2]), "+r"(d.x[i + 3])
#define QOQ_D8(i) QOQ_D4(i), QOQ_D4(i + 4)
#define QOQ_D16(i) QOQ_D8(i), QOQ_D8(i + 8)
#define QOQ_D32(i) QOQ_D16(i), QOQ_D16(i + 16)
#define QOQ_D64(i) QOQ_D32(i), QOQ_D32(i + 32)
#define QOQ_D128(i) QOQ_D64(i), QOQ_D64(i + 64)
#define QOQ_LIST4 "%0, %1, %2, %3"
#define QOQ_LIST8 QOQ_LIST4 ", %4, %5, %6, %7"
#define QOQ_LIST16 QOQ_LIST8 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define QOQ_LIST30 QOQ_LIST8 ", %8, %9, " QOQ_TEN(1) QOQ_TEN(2)
#define QOQ_LIST32 QOQ_LIST30 "%30, %31"
#define QOQ_LIST64 QOQ_LIST30 QOQ_TEN(3) QOQ_TEN(4) QOQ_TEN(5) "%60, %61, %62, %63"
#define QOQ_LIST128                                                                                \
    QOQ_LIST30 QOQ_TEN(3) QOQ_TEN(4) QOQ_TEN(5) QOQ_TEN(6) QOQ_TEN(7) QOQ_TEN(8) QOQ_TEN(9)        \
        QOQ_TEN(10) QOQ_TEN(11) "%120, %121, %122, %123, %124, %125, %126, %127"

/* a: the numbers of the fragment's registers; b, p, q: those of the descriptors. */
#define QOQ_WGMMA_SHAPE(n, list, operands, a, b, p, q)                                             \
    QOQ_DEVICE void wgmma_s8(accumulator<n> &d, fragment &f, uint64_t descriptor)                  \
    {                                                                                              \
        asm volatile("wgmma.mma_async.sync.aligned.m64n" #n "k32.s32.s8.s8 {" list "}, {" a        \
                     "}, " b ", 1;"                                                                \
                     : operands                                                                    \
                     : "r"(f.x[0]), "r"(f.x[1]), "r"(f.x[2]), "r"(f.x[3]), "l"(descriptor));       \
    }                                                                                              \
    QOQ_DEVICE void wgmma_s8(accumulator<n> &d, uint64_t left, uint64_t right)                     \
    {                                                                                              \
        asm volatile("wgmma.mma_async.sync.aligned.m64n" #n "k32.s32.s8.s8 {" list "}, " p ", " q  \
                     ", 1;"                                                                        \
                     : operands                                                                    \
                     : "l"(left), "l"(right));                                                     \
    }
QOQ_WGMMA_SHAPE(8, QOQ_LIST4, QOQ_D4(0), "%4, %5, %6, %7", "%8", "%4", "%5")
QOQ_WGMMA_SHAPE(16, QOQ_LIST8, QOQ_D8(0), "%8, %9, %10, %11", "%12", "%8", "%9")
QOQ_WGMMA_SHAPE(32, QOQ_LIST16, QOQ_D16(0), "%16, %17, %18, %19", "%20", "%16", "%17")
QOQ_WGMMA_SHAPE(64, QOQ_LIST32, QOQ_D32(0), "%32, %33, %34, %35", "%36", "%32", "%33")
QOQ_WGMMA_SHAPE(128, QOQ_LIST64, QOQ_D64(0), "%64, %65, %66, %67", "%68", "%64", "%65")
QOQ_WGMMA_SHAPE(256, QOQ_LIST128, QOQ_D128(0), "%128, %129, %130, %131", "%132", "%128", "%129")

QOQ_DEVICE void wgmma_fence()
{
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

QOQ_DEVICE void wgmma_commit()
{
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

template <int N> QOQ_DEVICE void wgmma_wait()
{
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}

template <int N> QOQ_DEVICE void registers_fewer()
{
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N));
}

template <int N> QOQ_DEVICE void registers_more()
{
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N));
}

#endif

} // namespace qoq

#endif
