// SPDX-License-Identifier: Apache-2.0
// y = x W^T (N 6) on Hopper: the transposed product by wgmma, weights as its rows and tokens as its
// columns. One warp of the first warpgroup keeps stages of K under way by tensor copies; the other
// warpgroups multiply.
//
// A box that leaves its tensor brings zeros, so M, N and K are arbitrary; a zero activation annuls
// whatever weight it meets. What bulk copies cannot take (rows that do not begin at multiples of 16
// bytes) goes to gemm.cuh.
#ifndef QOQ_GPU_GEMM_SM90_CUH
#define QOQ_GPU_GEMM_SM90_CUH

#include "gpu/gemm_finish.cuh"
#include "gpu/gemm_join.cuh"
#include "gpu/gemm_sm90_operand.cuh"

namespace qoq
{

#if QOQ_WGMMA

// ---- The producer ----

template <class Tile, gemm_scheme SCHEME>
QOQ_DEVICE void gemm_wgmma_produce(const gemm_wgmma_params &q, uint32_t first, uint32_t last)
{
    typedef gemm_wgmma_stage<Tile, SCHEME> at;
    constexpr bool w8 = SCHEME == gemm_scheme::w8;
    const uint32_t bytes =
        at::s2 + (SCHEME == gemm_scheme::w4_group ? 2 * q.group_rows * Tile::bn : 0);
    const int32_t m = static_cast<int32_t>(gemm_place_m(q.p) * Tile::bm),
                  n = static_cast<int32_t>(gemm_place_n() * Tile::bn);
    const uint32_t group_steps = SCHEME == gemm_scheme::w4_group ? q.p.group_steps : 1;
    uint32_t group = first * Tile::steps / group_steps, step = first * Tile::steps % group_steps;
    gemm_wgmma_ring<at> ring = {0, 1};

    for (uint32_t tile = first; tile < last; tile++) {
        mbarrier_wait(ring.empty(), ring.parity);
        if (lane() == 0) {
            const uint32_t to = ring.address();
            const int32_t k = static_cast<int32_t>(tile * Tile::bk);

            mbarrier_expect(ring.full(), bytes);
            copy_tile(to + at::x, q.x, k, m, ring.full());
            // A row of tiled codes has 512 bytes for 32 of K, and counts in eights.
            copy_tile(to + at::code, q.code, w8 ? k : 2 * k, w8 ? n : n / 32, ring.full());
            if (SCHEME == gemm_scheme::w4_group) {
                copy_tile(to + at::s2, q.s2, n, static_cast<int32_t>(group), ring.full());
                copy_tile(to + at::zeros, q.zeros, n, static_cast<int32_t>(group), ring.full());
            }
        }
        for (step += Tile::steps; step >= group_steps; step -= group_steps) {
            group++;
        }
        ring.next();
    }
}

// ---- The consumers ----

// This warp is done with a stage, if there was one. A predicate, not a branch: ptxas gives up the
// overlap of products where paths part while one runs.
QOQ_DEVICE void gemm_wgmma_release(uint32_t empty, bool exists)
{
    sync_warp();
    if (lane() == 0 && exists) {
        mbarrier_arrive(empty);
    }
}

// W4: while the products of one step run, the weights of the next are made. A fragment may be
// written again when the products of two steps ago are done; then, too, in step 1, those of the
// stage before.
template <class Tile, gemm_scheme SCHEME, bool WHOLE>
QOQ_DEVICE void gemm_wgmma_consume(accumulator<Tile::bm> (&acc)[Tile::parts],
                                   const gemm_wgmma_params &q, uint32_t first, uint32_t last,
                                   uint32_t consumer)
{
    typedef gemm_wgmma_stage<Tile, SCHEME> at;
    fragment a[2][Tile::parts];
    gemm_wgmma_ring<at> ring = {0, 0};
    uint32_t before = 0;

    for (uint32_t tile = first; tile < last; tile++) {
        mbarrier_wait(ring.full(), ring.parity);
        const uint64_t x = matrix_descriptor(ring.address() + at::x, 1024, 128);
        gemm_wgmma_operand<Tile, SCHEME, WHOLE> weight(q.p, ring.address(), tile, consumer);

        QOQ_UNROLL
        for (int step = 0; step < Tile::steps; step++) {
            weight.fetch(step);
            wgmma_wait<1>();
            if (step == 1) {
                gemm_wgmma_release(before, tile != first);
            }
            weight.unpack(a[step % 2]);
            wgmma_fence();
            QOQ_UNROLL
            for (int part = 0; part < Tile::parts; part++) {
                wgmma_s8(acc[part], a[step % 2][part], x + 2 * step);
            }
            wgmma_commit();
        }
        before = ring.empty();
        ring.next();
    }
    wgmma_wait<0>();
}

// W8: both operands lie in shared memory as they are.
template <class Tile>
QOQ_DEVICE void gemm_wgmma_consume_w8(accumulator<Tile::bm> (&acc)[Tile::parts], uint32_t first,
                                      uint32_t last, uint32_t consumer)
{
    typedef gemm_wgmma_stage<Tile, gemm_scheme::w8> at;
    gemm_wgmma_ring<at> ring = {0, 0};
    uint32_t before = 0;

    for (uint32_t tile = first; tile < last; tile++) {
        mbarrier_wait(ring.full(), ring.parity);
        const uint64_t x = matrix_descriptor(ring.address() + at::x, 1024, 128);
        const uint64_t w = matrix_descriptor(
            ring.address() + at::code + consumer * (Tile::parts * 64 * Tile::bk), 1024, 128);

        wgmma_fence();
        QOQ_UNROLL
        for (int step = 0; step < Tile::steps; step++) {
            QOQ_UNROLL
            for (int part = 0; part < Tile::parts; part++) {
                wgmma_s8(acc[part], w + part * (64 * Tile::bk / 16) + 2 * step, x + 2 * step);
            }
        }
        wgmma_commit();
        wgmma_wait<1>();
        gemm_wgmma_release(before, tile != first);
        before = ring.empty();
        ring.next();
    }
    wgmma_wait<0>();
}

// The sums of a consumer's thread, for gemm_join.
template <class Tile> struct gemm_wgmma_sums {
    static constexpr int each = Tile::bm / 2, count = each * Tile::parts;
    accumulator<Tile::bm> (&acc)[Tile::parts];

    QOQ_MEMBER uint32_t get(int i)
    {
        return static_cast<uint32_t>(acc[i / each].get(i % each));
    }
    QOQ_MEMBER void set(int i, uint32_t v)
    {
        acc[i / each].set(i % each, static_cast<int32_t>(v));
    }
    QOQ_MEMBER void sync()
    {
        sync_named(1, 128 * Tile::consumers);
    }
};

// A lane has channels r and r + 8 of each part and tokens 2c and 2c + 1 of each 8. Lanes of
// channels r and r + 1, r even, change sums: then one has the first token of both channels, the
// other the second, and neighbours go out together.
template <class Tile, gemm_scheme SCHEME, bool INSIDE>
QOQ_DEVICE void gemm_wgmma_store(accumulator<Tile::bm> (&acc)[Tile::parts], const gemm_params &p,
                                 uint32_t consumer)
{
    constexpr int pairs = 2 * Tile::parts, batch = Tile::bm < 64 ? Tile::bm / 8 : 8;
    const bool odd = (lane() >> 2 & 1) != 0;
    const uint32_t m0 = gemm_place_m(p) * Tile::bm + 2 * (lane() & 3) + (odd ? 1 : 0);
    const uint32_t n0 =
        gemm_place_n() * Tile::bn + (gemm_wgmma_channel<Tile, SCHEME>(consumer) & ~1u);
    global<uint16_t> y = p.y + (static_cast<size_t>(m0) * p.n + n0);
    gemm_channel channel[pairs][2];
    gemm_token token[batch];

    QOQ_UNROLL
    for (int j = 0; j < pairs; j++) {
        const uint32_t n = n0 + gemm_wgmma_part<SCHEME>(j / 2) + 8 * (j % 2);

        channel[j][0] = gemm_get_channel<SCHEME>(p, n);
        channel[j][1] = gemm_get_channel<SCHEME>(p, n + 1);
    }
    QOQ_UNROLL
    for (int i = 0; i < Tile::bm / 8; i++) {
        if (i % batch == 0) {
            gemm_get_tokens<SCHEME>(token, p, m0, i);
        }
        QOQ_UNROLL
        for (int j = 0; j < pairs; j++) {
            const int32_t one = acc[j / 2].get(4 * i + j % 2 * 2),
                          two = acc[j / 2].get(4 * i + j % 2 * 2 + 1);
            const int32_t got = shuffle_xor(odd ? one : two, 4), kept = odd ? two : one;

            if (token[i % batch].exists) {
                gemm_store_pair<SCHEME, INSIDE>(
                    p, y + (gemm_wgmma_part<SCHEME>(j / 2) + 8 * (j % 2)), token[i % batch],
                    channel[j], odd ? got : kept, odd ? kept : got);
            }
        }
        y = y + 8 * static_cast<size_t>(p.n);
    }
}

template <class Tile, gemm_scheme SCHEME>
QOQ_DEVICE void gemm_wgmma_epilogue(accumulator<Tile::bm> (&acc)[Tile::parts], const gemm_params &p,
                                    uint32_t consumer)
{
    if (gemm_is_inside(p, Tile::bn)) {
        gemm_wgmma_store<Tile, SCHEME, true>(acc, p, consumer);
    } else {
        gemm_wgmma_store<Tile, SCHEME, false>(acc, p, consumer);
    }
}

template <class Tile, gemm_scheme SCHEME>
QOQ_DEVICE void gemm_wgmma_consumer(const gemm_wgmma_params &q, uint32_t first, uint32_t last)
{
    const uint32_t consumer = warp() / 4 - 1;
    accumulator<Tile::bm> acc[Tile::parts];

    if constexpr (SCHEME == gemm_scheme::w8) {
        gemm_wgmma_consume_w8<Tile>(acc, first, last, consumer);
    } else if (SCHEME == gemm_scheme::w4_channel || q.p.group_steps % Tile::steps == 0) {
        gemm_wgmma_consume<Tile, SCHEME, true>(acc, q, first, last, consumer);
    } else {
        gemm_wgmma_consume<Tile, SCHEME, false>(acc, q, first, last, consumer);
    }
    if (q.p.splits > 1) {
        gemm_wgmma_sums<Tile> sums = {acc};
        if (!gemm_join<128 * Tile::consumers>(sums, q.p, thread() - 128)) {
            return;
        }
    }
    gemm_wgmma_epilogue<Tile, SCHEME>(acc, q.p, consumer);
}

template <class Stage, int WARPS> QOQ_DEVICE void gemm_wgmma_begin()
{
    if (thread() == 0) {
        for (uint32_t s = 0; s < Stage::stages; s++) {
            mbarrier_init(Stage::full + 8 * s, 1);
            mbarrier_init(Stage::empty + 8 * s, WARPS);
        }
        fence_async();
    }
    sync_block();
}

#endif

template <class Tile, gemm_scheme SCHEME>
QOQ_KERNEL_WGMMA(Tile::threads, Tile::blocks)
gemm_wgmma(QOQ_PARAMETER gemm_wgmma_params q)
{
#if QOQ_WGMMA
    const uint32_t first = gemm_place_split(q.p) * q.p.tiles_per_split;
    const uint32_t last =
        first + q.p.tiles_per_split < q.p.tiles ? first + q.p.tiles_per_split : q.p.tiles;

    if (gemm_place_m(q.p) * Tile::bm >= q.p.m) {
        return;
    }

    gemm_wgmma_begin<gemm_wgmma_stage<Tile, SCHEME>, 4 * Tile::consumers>();
    if (warp() < 4) {
        warp_role("producer");
        if constexpr (Tile::threads == 384) {
            registers_fewer<40>();
        }
        if (warp() == 0) {
            gemm_wgmma_produce<Tile, SCHEME>(q, first, last);
        }
    } else {
        warp_role("consumer");
        if constexpr (Tile::threads == 384) {
            registers_more<232>();
        }
        gemm_wgmma_consumer<Tile, SCHEME>(q, first, last);
    }
#endif
}

} // namespace qoq

#endif
