// SPDX-License-Identifier: Apache-2.0
// Kernels of 128 threads with one fault each around mbarriers, bulk copies and wgmma, or with none.
#include "tests/emu/faults.hh"

#include <new>

namespace
{

// Matrices from 0 on, a buffer for copies, barriers.
enum { MATRIX = 0, BUFFER = 4096, FULL = 8000, EMPTY = 8008 };

QOQ_DEVICE void make_barriers(uint32_t arrivals, bool fence, bool sync)
{
    if (thread() == 0) {
        mbarrier_init(FULL, arrivals);
        mbarrier_init(EMPTY, 3);
        if (fence) {
            fence_async();
        }
    }
    if (sync) {
        sync_block();
    }
}

// Thread 0 copies 1024 bytes in two halves, of which `expected` are expected; everyone reads them.
template <int EXPECTED, bool FENCE, bool SYNC, bool WAIT, int PARITY>
QOQ_DEVICE void bulk(const fault_params &p)
{
    make_barriers(1, FENCE, SYNC);
    if (thread() == 0) {
        mbarrier_expect(FULL, EXPECTED);
        copy_bulk(BUFFER, p.ready, 0, 512, FULL);
        copy_bulk(BUFFER + 512, p.ready, 128, 512, FULL);
    }
    if (WAIT) {
        mbarrier_wait(FULL, PARITY);
    }
    store(p.out, thread(), load_shared<uint32_t>(BUFFER + 4 * thread()));
    mbarrier_wait(FULL, 0);
}

QOQ_KERNEL(128, 1) bulk_good(QOQ_PARAMETER fault_params p)
{
    bulk<1024, true, true, true, 0>(p);
}

QOQ_KERNEL(128, 1) bulk_without_wait(QOQ_PARAMETER fault_params p)
{
    bulk<1024, true, true, false, 0>(p);
}

QOQ_KERNEL(128, 1) bulk_wrong_phase(QOQ_PARAMETER fault_params p)
{
    bulk<1024, true, true, true, 1>(p);
}

QOQ_KERNEL(128, 1) bulk_without_fence(QOQ_PARAMETER fault_params p)
{
    bulk<1024, false, true, true, 0>(p);
}

QOQ_KERNEL(128, 1) bulk_without_barrier(QOQ_PARAMETER fault_params p)
{
    bulk<1024, true, false, true, 0>(p);
}

QOQ_KERNEL(128, 1) bulk_fewer_bytes(QOQ_PARAMETER fault_params p)
{
    bulk<1040, true, true, true, 0>(p);
}

QOQ_KERNEL(128, 1) bulk_more_bytes(QOQ_PARAMETER fault_params p)
{
    bulk<512, true, true, true, 0>(p);
}

QOQ_KERNEL(128, 1) bulk_and_leave(QOQ_PARAMETER fault_params p)
{
    make_barriers(1, true, true);
    if (thread() == 0) {
        mbarrier_expect(FULL, 16);
        copy_bulk(BUFFER, p.ready, 0, 16, FULL);
    }
}

template <int TO, int FROM, int BYTES> QOQ_DEVICE void one_copy(const fault_params &p)
{
    make_barriers(1, true, true);
    if (thread() == 0) {
        mbarrier_expect(FULL, BYTES);
        copy_bulk(TO, p.ready, FROM, BYTES, FULL);
    }
    mbarrier_wait(FULL, 0);
}

QOQ_KERNEL(128, 1) bulk_to_misaligned(QOQ_PARAMETER fault_params p)
{
    one_copy<BUFFER + 8, 0, 16>(p);
}

QOQ_KERNEL(128, 1) bulk_from_misaligned(QOQ_PARAMETER fault_params p)
{
    one_copy<BUFFER, 1, 16>(p);
}

QOQ_KERNEL(128, 1) bulk_odd_bytes(QOQ_PARAMETER fault_params p)
{
    one_copy<BUFFER, 0, 24>(p);
}

QOQ_KERNEL(128, 1) bulk_beyond(QOQ_PARAMETER fault_params p)
{
    one_copy<BUFFER, ELEMENTS - 4, 32>(p);
}

QOQ_KERNEL(128, 1) bulk_over_a_store(QOQ_PARAMETER fault_params p)
{
    make_barriers(1, true, false);
    store_shared(BUFFER + 4 * thread(), thread());
    sync_block();
    if (thread() == 0) {
        mbarrier_expect(FULL, 512);
        copy_bulk(BUFFER, p.ready, 0, 512, FULL);
    }
    mbarrier_wait(FULL, 0);
}

template <int TO> QOQ_DEVICE void one_tile(const fault_params &p)
{
    make_barriers(1, true, true);
    if (thread() == 0) {
        mbarrier_expect(FULL, 512);
        copy_tile(TO, p.rows, 160, -2, FULL);
    }
    mbarrier_wait(FULL, 0);
    store(p.out, thread(), load_shared<uint32_t>(BUFFER + 4 * thread()));
}

QOQ_KERNEL(128, 1) tile_good(QOQ_PARAMETER fault_params p)
{
    one_tile<BUFFER>(p);
}

QOQ_KERNEL(128, 1) tile_misaligned(QOQ_PARAMETER fault_params p)
{
    one_tile<BUFFER + 128>(p);
}

// ---- Barriers ----

QOQ_KERNEL(128, 1) mbarrier_twice(QOQ_PARAMETER fault_params)
{
    make_barriers(1, true, true);
    if (thread() == 0) {
        mbarrier_init(FULL, 1);
    }
}

QOQ_KERNEL(128, 1) mbarrier_misaligned(QOQ_PARAMETER fault_params)
{
    if (thread() == 0) {
        mbarrier_init(FULL + 4, 1);
    }
}

QOQ_KERNEL(128, 1) mbarrier_missing(QOQ_PARAMETER fault_params)
{
    mbarrier_wait(FULL, 0);
}

QOQ_KERNEL(128, 1) mbarrier_overwritten(QOQ_PARAMETER fault_params)
{
    make_barriers(1, true, true);
    store_shared(FULL + 4 * (thread() & 1), 0u);
}

QOQ_KERNEL(128, 1) mbarrier_deadlock(QOQ_PARAMETER fault_params)
{
    make_barriers(4, true, true);
    if (lane() == 0 && warp() != 2) {
        mbarrier_arrive(FULL);
    }
    mbarrier_wait(FULL, 0);
}

QOQ_KERNEL(128, 1) mbarrier_next_phase(QOQ_PARAMETER fault_params)
{
    make_barriers(2, true, true);
    if (lane() == 0) {
        mbarrier_arrive(FULL);
    }
    sync_block();
    mbarrier_wait(FULL, 0);
}

QOQ_KERNEL(128, 1) mbarrier_too_many(QOQ_PARAMETER fault_params)
{
    make_barriers(3, true, true);
    if (lane() == 0) {
        mbarrier_expect(FULL, 16);
    }
}

// Warp 0 fills the buffer twice, the others read it: a ring of one stage, but for a barrier
// for each time.
template <bool RELEASE_LATE, bool SYNC_WARP, bool WAIT_EMPTY>
QOQ_DEVICE void ring(const fault_params &p)
{
    if (thread() == 0) {
        mbarrier_init(FULL - 8, 1);
    }
    make_barriers(1, true, true);
    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t full = FULL - 8 * i;

        if (warp() == 0) {
            if (WAIT_EMPTY) {
                mbarrier_wait(EMPTY, (i & 1) ^ 1);
            }
            if (lane() == 0) {
                mbarrier_expect(full, 512);
                copy_bulk(BUFFER, p.ready, 128 * i, 512, full);
            }
            continue;
        }
        mbarrier_wait(full, 0);
        if (!RELEASE_LATE && lane() == 0) {
            mbarrier_arrive(EMPTY);
        }
        (void)load_shared<uint32_t>(BUFFER + 4 * lane());
        if (SYNC_WARP) {
            sync_warp();
        }
        if (RELEASE_LATE && lane() == 0) {
            mbarrier_arrive(EMPTY);
        }
    }
}

QOQ_KERNEL(128, 1) ring_good(QOQ_PARAMETER fault_params p)
{
    ring<true, true, true>(p);
}

QOQ_KERNEL(128, 1) ring_released_early(QOQ_PARAMETER fault_params p)
{
    ring<false, true, true>(p);
}

QOQ_KERNEL(128, 1) ring_without_sync_warp(QOQ_PARAMETER fault_params p)
{
    ring<true, false, true>(p);
}

QOQ_KERNEL(128, 1) ring_not_awaited(QOQ_PARAMETER fault_params p)
{
    ring<true, true, false>(p);
}

// ---- wgmma ----

enum class flaw {
    none,
    no_fence,
    no_async_fence,
    no_barrier,
    no_wait,
    no_commit,
    read_early,
    fragment_early,
    fragment_given_up,
    operand_overwritten,
    operand_copied_over,
    operand_released_early,
    leaves,
    parted,
    one_warp_less,
    descriptor
};

// d = a b with b of 8 rows of 128 bytes from MATRIX on, written by the lanes.
template <flaw F> QOQ_DEVICE void product(const fault_params &p)
{
    accumulator<8> d;
    fragment a;
    uint64_t b = matrix_descriptor(MATRIX + (F == flaw::descriptor ? 128 : 0), 1024, 128);

    make_barriers(1, true, true);
    store_shared<vec4>(MATRIX + 16 * thread(), vec4{{thread(), 1, 2, 3}});
    if (F != flaw::no_async_fence) {
        fence_async();
    }
    if (F != flaw::no_barrier) {
        sync_block();
    }
    for (int i = 0; i < 4; i++) {
        a.set(i, thread() + i);
    }
    if (F != flaw::no_fence) {
        wgmma_fence();
    }
    if (F == flaw::parted && warp() == 2) {
        wgmma_s8(d, a, b + 2);
    } else if (F != flaw::one_warp_less || warp() != 1) {
        wgmma_s8(d, a, b);
    }
    if (F == flaw::fragment_given_up) {
        fragment c;
        c.set(0, 1);
        wgmma_fence();
        wgmma_s8(d, c, b);
    }
    if (F != flaw::no_commit) {
        wgmma_commit();
    }
    if (F == flaw::read_early) {
        store(p.out, thread(), d.get(1));
    }
    if (F == flaw::fragment_early) {
        a.set(2, 0);
    }
    if (F == flaw::operand_overwritten) {
        sync_block();
        store_shared<vec4>(MATRIX + 16 * thread(), vec4{});
    }
    if (F == flaw::operand_copied_over || F == flaw::operand_released_early) {
        sync_block();
        if (F == flaw::operand_released_early) {
            wgmma_wait<0>();
        }
        if (thread() == 0) {
            mbarrier_expect(FULL, 16);
            copy_bulk(MATRIX, p.ready, 0, 16, FULL);
        }
    }
    if (F != flaw::no_wait) {
        wgmma_wait<0>();
    }
    if (F != flaw::leaves) {
        store(p.out, thread(), d.get(0));
    }
}

QOQ_KERNEL(128, 1) wgmma_good(QOQ_PARAMETER fault_params p)
{
    product<flaw::none>(p);
}

QOQ_KERNEL(128, 1) wgmma_no_fence(QOQ_PARAMETER fault_params p)
{
    product<flaw::no_fence>(p);
}

QOQ_KERNEL(128, 1) wgmma_no_async_fence(QOQ_PARAMETER fault_params p)
{
    product<flaw::no_async_fence>(p);
}

QOQ_KERNEL(128, 1) wgmma_no_barrier(QOQ_PARAMETER fault_params p)
{
    product<flaw::no_barrier>(p);
}

QOQ_KERNEL(128, 1) wgmma_no_wait(QOQ_PARAMETER fault_params p)
{
    product<flaw::no_wait>(p);
}

QOQ_KERNEL(128, 1) wgmma_no_commit(QOQ_PARAMETER fault_params p)
{
    product<flaw::no_commit>(p);
}

QOQ_KERNEL(128, 1) wgmma_read_early(QOQ_PARAMETER fault_params p)
{
    product<flaw::read_early>(p);
}

QOQ_KERNEL(128, 1) wgmma_fragment_early(QOQ_PARAMETER fault_params p)
{
    product<flaw::fragment_early>(p);
}

QOQ_KERNEL(128, 1) wgmma_fragment_given_up(QOQ_PARAMETER fault_params p)
{
    product<flaw::fragment_given_up>(p);
}

QOQ_KERNEL(128, 1) wgmma_operand_overwritten(QOQ_PARAMETER fault_params p)
{
    product<flaw::operand_overwritten>(p);
}

QOQ_KERNEL(128, 1) wgmma_operand_copied_over(QOQ_PARAMETER fault_params p)
{
    product<flaw::operand_copied_over>(p);
}

QOQ_KERNEL(128, 1) wgmma_operand_released_early(QOQ_PARAMETER fault_params p)
{
    product<flaw::operand_released_early>(p);
}

QOQ_KERNEL(128, 1) wgmma_parted(QOQ_PARAMETER fault_params p)
{
    product<flaw::parted>(p);
}

QOQ_KERNEL(128, 1) wgmma_one_warp_less(QOQ_PARAMETER fault_params p)
{
    product<flaw::one_warp_less>(p);
}

QOQ_KERNEL(128, 1) wgmma_descriptor(QOQ_PARAMETER fault_params p)
{
    product<flaw::descriptor>(p);
}

QOQ_KERNEL(128, 1) wgmma_and_leave(QOQ_PARAMETER fault_params p)
{
    // Registers that are never given up.
    alignas(16) static unsigned char place[128][sizeof(accumulator<8>) + sizeof(fragment)];
    accumulator<8> *d = new (place[thread()]) accumulator<8>;
    fragment *a = new (place[thread()] + sizeof *d) fragment;

    product<flaw::none>(p);
    wgmma_fence();
    wgmma_s8(*d, *a, matrix_descriptor(MATRIX, 1024, 128));
    wgmma_commit();
}

QOQ_KERNEL(256, 1) registers_good(QOQ_PARAMETER fault_params)
{
    if (warp() < 4) {
        registers_fewer<152>();
        registers_fewer<40>();
    } else {
        registers_more<256>();
    }
}

QOQ_KERNEL(384, 1) registers_too_many(QOQ_PARAMETER fault_params)
{
    if (warp() < 4) {
        registers_fewer<40>();
    } else {
        registers_more<240>();
    }
}

QOQ_KERNEL(128, 1) registers_odd(QOQ_PARAMETER fault_params)
{
    registers_fewer<44>();
}

QOQ_KERNEL(384, 1) registers_wrong_way(QOQ_PARAMETER fault_params)
{
    registers_fewer<176>();
}

} // namespace

#define FAULT(kernel, says) FAULT_OF(kernel, 1, 128, SHARED, says)

extern "C" const struct probe_fault probe_async_faults[] = {
    FAULT(bulk_good, nullptr),
    FAULT(bulk_without_wait, "shared address"),
    FAULT(bulk_wrong_phase, "shared address"),
    FAULT(bulk_without_fence, "no fence_async between the making of the mbarrier"),
    FAULT(bulk_without_barrier, "mbarrier at 8000"),
    FAULT(bulk_fewer_bytes, "lacks 0 of 1 arrivals and 16 bytes"),
    FAULT(bulk_more_bytes, "has ended without them"),
    FAULT(bulk_and_leave, "before its bulk copy has been waited for"),
    FAULT(bulk_to_misaligned, "not aligned to 16"),
    FAULT(bulk_from_misaligned, "not aligned to 16"),
    FAULT(bulk_odd_bytes, "not aligned to 16"),
    FAULT(bulk_beyond, "outside of the buffer"),
    FAULT(bulk_over_a_store, "no fence_async keeps that apart"),
    FAULT(tile_good, nullptr),
    FAULT(tile_misaligned, "not aligned to 512"),
    FAULT(mbarrier_twice, "has been initialised before"),
    FAULT(mbarrier_misaligned, "not a multiple of 8"),
    FAULT(mbarrier_missing, "no mbarrier at 8000"),
    FAULT(mbarrier_overwritten, "belongs to an mbarrier"),
    FAULT(mbarrier_deadlock, "lacks 1 of 4 arrivals"),
    FAULT(mbarrier_next_phase, "no one has waited for phase 0"),
    FAULT(mbarrier_too_many, "more than the 3 arrivals"),
    FAULT(ring_good, nullptr),
    FAULT(ring_released_early, "race: shared address"),
    FAULT(ring_without_sync_warp, "race: shared address"),
    FAULT(ring_not_awaited, "shared address"),
    FAULT(wgmma_good, nullptr),
    FAULT(wgmma_no_fence, "no wgmma_fence since"),
    FAULT(wgmma_no_async_fence, "without a fence_async"),
    FAULT(wgmma_no_barrier, "shared address"),
    FAULT(wgmma_no_wait, "registers are read before"),
    FAULT(wgmma_no_commit, "registers are read before"),
    FAULT(wgmma_read_early, "registers are read before"),
    FAULT(wgmma_fragment_early, "registers are written before"),
    FAULT(wgmma_fragment_given_up, "registers are given up before"),
    FAULT(wgmma_operand_overwritten, "may still read it"),
    FAULT(wgmma_operand_copied_over, "may still read it"),
    FAULT(wgmma_operand_released_early, "shared address"),
    FAULT(wgmma_parted, "the warpgroup has parted"),
    FAULT(wgmma_one_warp_less, "of a warpgroup has issued"),
    FAULT(wgmma_descriptor, "does not begin with its pattern"),
    FAULT(wgmma_and_leave, "before its wgmma is done"),
    FAULT_OF(registers_good, 1, 256, SHARED, nullptr),
    FAULT_OF(registers_too_many, 1, 384, SHARED, "registers a lane in all"),
    FAULT(registers_odd, "a multiple of 8"),
    FAULT_OF(registers_wrong_way, 1, 384, SHARED, "by the wrong instruction"),
    {nullptr, nullptr, nullptr},
};
