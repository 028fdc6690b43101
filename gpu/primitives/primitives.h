/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hardware as kernels see it. Kernels (the .cuh files of gpu/) touch the machine through these
 * names only, so that one text is compiled by nvcc over primitives/cuda.h and by a host C++17
 * compiler over sim/emu/primitives.hh, which runs it on the CPU, checks it and counts it.
 *
 * Who am I
 *   block_x() block_y() block_z() grid_x() thread() warp() lane()
 *   warp_role("name")            what counts are filed under from here on
 *
 * Global memory: global<T>(pointer, "name") is made on the host, p + i moves it, a null one is
 * false. i counts elements of T; a V must lie at a multiple of its size.
 *   load(p, i)  load_as<V>(p, i)  store(p, i, v)  store_as<V>(p, i, v)
 *   load_once(p, i)              16 bytes that no one reads again
 *   atomic_inc(p, i, bound)      adds 1, wraps to 0 after bound; returns what was there
 *   fence_device()               who sees a later write of this thread sees its earlier ones
 *
 * Shared memory: byte addresses from 0, all of it dynamic. Between two barriers an aligned word of
 * 4 bytes belongs to one warp, and between two sync_warp() to one lane, unless all only read it.
 *   load_shared<V>(address)  store_shared(address, v)
 *
 * Copies that run by themselves; groups are those of a thread
 *   copy_async(address, p, i, valid)   16 bytes, of which `valid` are read and the rest is 0
 *   copy_commit()                closes a group
 *   copy_wait<N>()               all groups but the newest N have arrived, for this thread
 *
 * Barriers in shared memory that count bytes: 8 bytes at a multiple of 8. A phase ends when all
 * arrivals and all bytes that they expect are there; then the next begins. The first is phase 0.
 *   mbarrier_init(address, arrivals)   one lane; then fence_async() and a barrier
 *   mbarrier_arrive(address)           one lane, for what the warp did before its last sync_warp
 *   mbarrier_expect(address, bytes)    the same, and the phase lacks so many bytes more
 *   mbarrier_wait(address, parity)     the warp, until the phase of this parity has ended; parity 1
 *                                      of a new one has
 * Copies by one lane that complete on such a barrier; only who has waited there sees them
 *   copy_bulk(address, p, i, bytes, mbarrier)  all multiples of 16
 *   copy_tile(address, map, x, y, mbarrier)    the box of a tensor_map (launch.h) from (x, y) on,
 *                                      zeros where it leaves the array; to a multiple of 128, of
 *                                      1024 where rows of 128 bytes are swizzled
 *   fence_async()                keeps what this lane wrote to shared memory apart from the copies
 *                                and products below that come after the next barrier
 *
 * Products of a warpgroup, four warps from a multiple of four on; they run by themselves. Where
 * QOQ_WGMMA is 0 there are none, and a QOQ_KERNEL_WGMMA has no body.
 *   accumulator<N> d             m64nN, this lane's N / 2 sums, 0: d.get(i) d.set(i, v)
 *   fragment a                   m64k32, this lane's four registers: a.set(i, v)
 *   wgmma_s8(d, a, b)            d += a b: int8; b a matrix_descriptor, a too or a fragment
 *   matrix_descriptor(address, stride, swizzle)  rows of `swizzle` bytes (32, 64, 128), each chunk
 *                                of 16 moved as copy_tile does; eight rows every `stride` bytes
 *   wgmma_fence()                after registers were touched, before wgmma uses them
 *   wgmma_commit() wgmma_wait<N>()  groups, as above; until then hands off registers and matrices
 *   registers_fewer<N>() registers_more<N>()   the warpgroup's share
 *
 * Together: all lanes of the warp, or all threads of the block, from one line
 *   sync_block() sync_warp() sync_named(id, threads)
 *   shuffle_xor(v, mask)  shuffle(v, source lane)  any(p)  all(p)  ballot(p)
 *   load_matrix(r, address)      four 8x8 matrices of 16 bits, a row address from each lane
 *   load_matrix_transposed(r, address)   the same, each matrix transposed
 *   mma_s8(d, a, b0, b1)         d[16x8] += a[16x32] b[32x8]: int8, int32 sums modulo 2^32
 *   mma_s8u8 mma_u8 mma_u8s8     the same with b, both, or a of uint8
 *
 * Arithmetic that is counted; address arithmetic and loop control are plain C++ and are not
 *   fadd fsub fmul ffma fdiv fsqrt fceil      one IEEE operation each
 *   fmax_nan(a, b)               NaN if either is
 *   fmagnitude(a)                |a|; not counted, operands have it for nothing
 *   imad iadd iand ior ixor ishl ishr imin imax permute dp2a_lo dp2a_hi
 *   half_to_float float_to_half int_to_float float_bits bits_float
 *   round_int                    nearest even, saturating; NaN is 0
 *   exp_of exp2_of exp2_below_of rsqrt_of     ref/numerics/elementary.h
 */
#ifndef QOQ_GPU_PRIMITIVES_H
#define QOQ_GPU_PRIMITIVES_H

#if defined(__CUDACC__)
#include "gpu/primitives/cuda.h"
#else
#include "sim/emu/primitives.hh"
#endif

#endif
