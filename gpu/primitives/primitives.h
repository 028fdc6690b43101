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
