// SPDX-License-Identifier: Apache-2.0
// Kernels of 64 threads with one fault each, or with none where one might be suspected.
#include "tests/emu/faults.hh"

namespace
{

QOQ_KERNEL(64, 1) race_write_read(QOQ_PARAMETER fault_params p)
{
    store_shared(4 * thread(), thread());
    sync_warp();
    store(p.out, thread(), load_shared<uint32_t>(4 * (63 - thread())));
}

QOQ_KERNEL(64, 1) race_read_write(QOQ_PARAMETER fault_params p)
{
    store_shared(4 * thread(), thread());
    sync_block();
    store(p.out, thread(), load_shared<uint32_t>(4 * (63 - thread())));
    store_shared(4 * thread(), thread() + 1);
}

QOQ_KERNEL(64, 1) race_write_write(QOQ_PARAMETER fault_params)
{
    store_shared(4 * lane(), thread());
}

QOQ_KERNEL(64, 1) race_in_warp(QOQ_PARAMETER fault_params p)
{
    store_shared(4 * thread(), thread());
    store(p.out, thread(), load_shared<uint32_t>(4 * (thread() ^ 1)));
}

QOQ_KERNEL(64, 1) no_race(QOQ_PARAMETER fault_params p)
{
    store_shared(4 * thread(), load(p.ready, thread()));
    sync_block();
    const uint32_t x = load_shared<uint32_t>(4 * (63 - thread()));
    sync_block();
    store_shared(4 * thread(), x);
    sync_warp();
    store(p.out, thread(), load_shared<uint32_t>(4 * (thread() ^ 1)));
}

QOQ_KERNEL(64, 1) parted(QOQ_PARAMETER fault_params)
{
    if (lane() < 16) {
        (void)shuffle_xor(lane(), 1);
    } else {
        (void)shuffle_xor(lane(), 1);
    }
}

QOQ_KERNEL(64, 1) half_a_warp(QOQ_PARAMETER fault_params)
{
    if (lane() < 16) {
        (void)any(true);
    }
}

QOQ_KERNEL(64, 1) early_exit(QOQ_PARAMETER fault_params)
{
    if (thread() == 5) {
        return;
    }
    sync_block();
}

QOQ_KERNEL(64, 1) warp_exit(QOQ_PARAMETER fault_params)
{
    if (warp() == 0) {
        return;
    }
    sync_block();
}

QOQ_KERNEL(64, 1) deadlock(QOQ_PARAMETER fault_params)
{
    sync_named(1 + warp(), 64);
}

QOQ_KERNEL(64, 1) barrier_sizes(QOQ_PARAMETER fault_params)
{
    sync_named(1, warp() == 0 ? 64 : 32);
    sync_named(1, 64);
}

QOQ_KERNEL(64, 1) named_barriers(QOQ_PARAMETER fault_params p)
{
    // The warps meet at 1; then each has one of its own.
    store_shared(4 * thread(), thread());
    sync_named(1, 64);
    store(p.out, thread(), load_shared<uint32_t>(4 * (63 - thread())));
    sync_named(2 + warp(), 32);
}

template <int WAIT, bool COMMIT> QOQ_DEVICE void copy(const fault_params &p)
{
    if (thread() < 16) {
        copy_async(16 * thread(), p.ready, 4 * thread(), 16);
    }
    if (COMMIT) {
        copy_commit();
    }
    copy_wait<WAIT>();
    sync_block();
    store(p.out, thread(), load_shared<uint32_t>(4 * thread()));
    copy_commit();
    copy_wait<0>();
}

QOQ_KERNEL(64, 1) missing_wait(QOQ_PARAMETER fault_params p)
{
    copy<1, true>(p);
}

QOQ_KERNEL(64, 1) missing_commit(QOQ_PARAMETER fault_params p)
{
    copy<0, false>(p);
}

QOQ_KERNEL(64, 1) good_copy(QOQ_PARAMETER fault_params p)
{
    copy<0, true>(p);
}

QOQ_KERNEL(64, 1) copy_and_leave(QOQ_PARAMETER fault_params p)
{
    copy_async(16 * thread(), p.ready, 0, 16);
    copy_commit();
}

QOQ_KERNEL(64, 1) copy_without_barrier(QOQ_PARAMETER fault_params p)
{
    if (warp() == 1) {
        copy_async(16 * lane(), p.ready, 0, 16);
    }
    copy_commit();
    copy_wait<0>();
    store(p.out, thread(), load_shared<uint32_t>(4 * lane()));
}

QOQ_KERNEL(64, 1) read_beyond(QOQ_PARAMETER fault_params p)
{
    store(p.out, thread(), load(p.ready, ELEMENTS - 63 + thread()));
}

QOQ_KERNEL(64, 1) write_before(QOQ_PARAMETER fault_params p)
{
    store(p.out, static_cast<size_t>(0) - 1 + thread(), thread());
}

QOQ_KERNEL(64, 1) unaligned(QOQ_PARAMETER fault_params p)
{
    (void)load_as<vec4>(p.ready, thread());
}

QOQ_KERNEL(64, 1) shared_beyond(QOQ_PARAMETER fault_params)
{
    store_shared(4 * ELEMENTS - 252 + 4 * thread(), 0u);
}

QOQ_KERNEL(64, 1) fresh_shared(QOQ_PARAMETER fault_params)
{
    (void)load_shared<uint32_t>(4 * thread());
}

QOQ_KERNEL(64, 1) fresh_global(QOQ_PARAMETER fault_params p)
{
    (void)load(p.out, thread());
}

QOQ_KERNEL(64, 1) null_pointer(QOQ_PARAMETER fault_params)
{
    (void)load(global<const uint32_t>(), 0);
}

QOQ_KERNEL(64, 1) two_blocks_one_place(QOQ_PARAMETER fault_params p)
{
    store(p.out, thread(), thread());
}

QOQ_KERNEL(64, 1) reads_neighbour(QOQ_PARAMETER fault_params p)
{
    store(p.out, thread(), thread());
    (void)load(p.out, thread() ^ 32);
}

// Each block leaves a part; the last adds them up. F1, B1, B2, F2: whether the fences and barriers
// are there.
template <bool F1, bool B1, bool B2, bool F2> QOQ_DEVICE void last_block(const fault_params &p)
{
    store(p.out, 64 * block_x() + thread(), thread());
    if (F1) {
        fence_device();
    }
    if (B1) {
        sync_block();
    }
    if (thread() == 0) {
        store_shared<uint32_t>(0, atomic_inc(p.counter, 0, 1));
    }
    if (B2) {
        sync_block();
    }
    if (load_shared<uint32_t>(0) != 1) {
        return;
    }
    if (F2) {
        fence_device();
    }
    (void)load(p.out, 64 * (1 - block_x()) + thread());
}

QOQ_KERNEL(64, 1) last_good(QOQ_PARAMETER fault_params p)
{
    last_block<true, true, true, true>(p);
}

QOQ_KERNEL(64, 1) last_no_release(QOQ_PARAMETER fault_params p)
{
    last_block<false, true, true, true>(p);
}

QOQ_KERNEL(64, 1) last_no_barrier(QOQ_PARAMETER fault_params p)
{
    last_block<true, false, true, true>(p);
}

QOQ_KERNEL(64, 1) last_no_broadcast(QOQ_PARAMETER fault_params p)
{
    last_block<true, true, false, true>(p);
}

QOQ_KERNEL(64, 1) last_no_acquire(QOQ_PARAMETER fault_params p)
{
    last_block<true, true, true, false>(p);
}

} // namespace

#define FAULT(kernel, blocks, says) FAULT_OF(kernel, blocks, 64, 4 * ELEMENTS, says)

extern "C" const struct probe_fault probe_faults[] = {
    FAULT(race_write_read, 1, "shared address"),
    FAULT(race_read_write, 1, "race: shared address"),
    FAULT(race_write_write, 1, "race: shared address"),
    FAULT(race_in_warp, 1, "shared address"),
    FAULT(no_race, 1, nullptr),
    FAULT(parted, 1, "the warp has parted"),
    FAULT(half_a_warp, 1, "left the kernel"),
    FAULT(early_exit, 1, "left the kernel"),
    FAULT(warp_exit, 1, "deadlock"),
    FAULT(deadlock, 1, "deadlock"),
    FAULT(barrier_sizes, 1, "barrier 1"),
    FAULT(named_barriers, 1, nullptr),
    FAULT(missing_wait, 1, "has not been waited for"),
    FAULT(missing_commit, 1, "has not been waited for"),
    FAULT(good_copy, 1, nullptr),
    FAULT(copy_and_leave, 1, "before its asynchronous copy has arrived"),
    FAULT(copy_without_barrier, 1, "shared address"),
    FAULT(read_beyond, 1, "outside of the buffer"),
    FAULT(write_before, 1, "outside of the buffer"),
    FAULT(unaligned, 1, "not aligned"),
    FAULT(shared_beyond, 1, "the block has 1024"),
    FAULT(fresh_shared, 1, "before anything was written there"),
    FAULT(fresh_global, 1, "before anything was written there"),
    FAULT(null_pointer, 1, "null"),
    FAULT(two_blocks_one_place, 2, "race: byte"),
    FAULT(reads_neighbour, 1, "byte"),
    FAULT(last_good, 2, nullptr),
    FAULT(last_no_release, 2, "race: byte"),
    FAULT(last_no_barrier, 2, "race: byte"),
    FAULT(last_no_broadcast, 2, "shared address"),
    FAULT(last_no_acquire, 2, "race: byte"),
    {nullptr, nullptr, nullptr},
};
