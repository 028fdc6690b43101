// SPDX-License-Identifier: Apache-2.0
// The machine that kernels run on: lanes as fibers, warps, one block at a time. doc/emulator.md
// says what it checks.
#ifndef QOQ_SIM_EMU_MACHINE_HH
#define QOQ_SIM_EMU_MACHINE_HH

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "sim/emu/async.hh"
#include "sim/emu/buffers.hh"
#include "sim/emu/emu.h"
#include "sim/emu/fiber.hh"
#include "sim/emu/site.hh"

namespace qoq_emu
{

// What lanes do together. The immediate is whatever must be equal in all of them.
enum class Together : uint8_t {
    sync_warp,
    shuffle,
    vote,
    load_matrix,
    mma_s8,
    barrier,
    mbarrier_wait,
    wgmma,
    wgmma_fence,
    wgmma_commit,
    wgmma_wait,
    registers
};

// One access of one lane, kept until its warp meets again.
struct Access {
    enum Kind : uint8_t { shared_load, shared_store, global_load, global_store, copy };
    Kind kind;
    uint8_t bytes;
    uint8_t tensor;
    uint16_t site;
    uint32_t shared;
    uint64_t global;
};

// An asynchronous copy under way.
struct Copy {
    uint32_t shared, valid, group;
    const uint8_t *from;
    Site at;
};

struct Lane {
    Fiber fiber;
    uint32_t thread;
    bool arrived, done;
    Together what;
    uint32_t immediate;
    void *operands;
    Site at;
    std::vector<Access> log;
    std::vector<size_t> commits; // how long the log was at each copy_commit
    std::vector<Copy> copies;
    uint32_t group; // number of copy groups closed
    std::vector<ProxyFence> fences;
    uint64_t wgmma_fences;
};

enum class State : uint8_t { running, waiting, done };

struct Warp {
    Lane lane[LANES];
    uint32_t index, arrived, live, next; // next: where in the order the lane that runs stands
    State state;
    uint32_t barrier; // what it waits for: a barrier, or BARRIERS + that of an mbarrier
    uint32_t parity;
    uint64_t time,
        known[CLOCKS]; // happens-before: own time, last time of each clock that it has seen
    uint8_t order[LANES];
    size_t role;
    std::vector<WgmmaIssue> wgmmas; // under way, the oldest first
    uint32_t wgmma_groups, wgmma_count;
    uint32_t registers; // what it has asked for, or 0
};

// What the last warp that meets at a named barrier finds.
struct Barrier {
    uint32_t warps, needed;
    Site at;
};

// Release of global data to other blocks: one for each block that has run.
struct BlockRecord {
    uint64_t atomic_known[MAX_WARPS];
    uint32_t atomic_stamp;
    bool atomic;
    std::vector<uint32_t> fence_stamp;
    std::vector<uint64_t> fence_time;
};

struct Kernel {
    const char *name;
    void (*run)(const void *parameters);
    const void *parameters;
    uint32_t grid[3], threads, shared_bytes;
};

class Machine
{
  public:
    explicit Machine(const qoq_emu_options &options);
    Machine(const Machine &) = delete;
    Machine &operator=(const Machine &) = delete;

    // Runs a kernel to its end. QOQ_ERR_DEVICE: `message` says why it was stopped.
    qoq_status launch(const Kernel &kernel);

    // The lane that runs; only between the beginning and the end of launch.
    Lane &lane()
    {
        return *lane_;
    }
    Warp &warp()
    {
        return *warp_;
    }
    uint32_t block(int axis) const
    {
        return block_[axis];
    }
    uint32_t grid(int axis) const
    {
        return kernel_.grid[axis];
    }
    void count(qoq_emu_count what, uint64_t n = 1)
    {
        counts_[what] += n;
    }
    void role(const char *name);

    // Waits until all lanes of the warp are here, then runs execute(operands of the 32 lanes) once.
    void together(Together what, uint32_t immediate, void *operands,
                  void (*execute)(Machine &, void *const *), Site at);
    void barrier(uint32_t id, uint32_t threads, Site at);
    // The warp, whose lanes have all named a barrier, arrives there.
    void arrive();

    // Shared memory: bytes at an address after all checks. `aligned` is the alignment that the
    // access needs.
    uint8_t *shared_read(uint32_t address, uint32_t bytes, Site at);
    uint8_t *shared_write(uint32_t address, uint32_t bytes, Site at);
    // The same without an entry in the log, for another lane of this warp.
    uint8_t *shared_read_as(uint32_t lane, uint32_t address, uint32_t bytes, Site at);

    // Global memory.
    const uint8_t *global_read(const Buffer *buffer, int64_t offset, uint32_t bytes, uint8_t tensor,
                               Site at);
    uint8_t *global_write(Buffer *buffer, int64_t offset, uint32_t bytes, uint8_t tensor, Site at);
    uint32_t atomic_inc(Buffer *buffer, int64_t offset, uint32_t bound, uint8_t tensor, Site at);
    void fence_device();

    void copy_async(uint32_t address, const Buffer *buffer, int64_t offset, uint32_t valid,
                    uint8_t tensor, Site at);
    void copy_commit();
    void copy_wait(uint32_t newest);

    // Barriers in shared memory, and what completes on them (mbarrier.cc, bulk.cc). The wait is for
    // the warp, whose lanes have all named the barrier and the parity.
    void mbarrier_init(uint32_t address, uint32_t arrivals, Site at);
    void mbarrier_arrive(uint32_t address, uint32_t bytes, Site at);
    void mbarrier_wait(uint32_t address, uint32_t parity, Site at);
    void copy_bulk(uint32_t address, const TensorMap &map, int32_t x, int32_t y, uint32_t mbarrier,
                   Site at);
    void copy_bulk(uint32_t address, const Buffer *buffer, int64_t offset, uint32_t bytes,
                   const char *name, uint32_t mbarrier, Site at);
    void fence_async();

    // Products of a warpgroup that run by themselves (wgmma.cc): for the warp, all lanes have met.
    void wgmma_issue(void *const *operands);
    void wgmma_fence();
    void wgmma_commit();
    void wgmma_wait(uint32_t newest);
    void set_registers(uint32_t registers, bool more);

    // Index of a tensor's name in the table of this launch.
    uint8_t tensor(const char *name);

    [[noreturn]] void fail(Site at, const char *format, ...) __attribute__((format(printf, 3, 4)));

    Buffers buffers;
    qoq_emu_options options;
    std::string message;
    std::vector<std::unique_ptr<qoq_emu_launch>> launches;

    static void lane_main(void *lane);

  private:
    qoq_status run(const Kernel &kernel);
    void prepare();
    void begin_block(uint32_t linear);
    void run_block();
    void run_lane();
    void lane_ends();
    void meet(void (*execute)(Machine &, void *const *));
    void next_lane();
    void next_warp(bool leave);
    Warp *choose();
    bool is_ready(const Warp &warp) const;
    void order_lanes(Warp &warp);
    void change_warp();
    void release(uint32_t id);
    void stuck();
    void order_blocks(uint32_t blocks);
    void sort_names();
    uint64_t random();

    void count_accesses();
    void count_one(const Access *const *access);
    void count_parted();
    void check_shared(uint32_t lane, uint32_t address, uint32_t bytes, bool write, Site at);
    void check_flight(size_t word, uint32_t address, Site at);
    void check_written(uint32_t lane, size_t word, uint32_t address, Site at, bool write);
    void check_read(uint32_t lane, size_t word, uint32_t address, Site at);
    void check_global(const Buffer *buffer, size_t offset, uint32_t bytes, bool write, Site at);
    bool is_before(uint32_t lane, uint32_t warp, uint32_t other_lane, uint64_t time) const;
    bool is_released(const Stored &stored) const;
    bool forget_stores(Buffer &buffer) const;
    void land(const Copy &copy);

    Mbarrier &find_mbarrier(uint32_t address, Site at);
    void complete(Mbarrier &barrier);
    void acquire(Warp &warp, Mbarrier &barrier);
    void settle(Mbarrier &barrier);
    bool land_awaited();
    void land(const BulkCopy &copy);
    void begin_copy(const BulkCopy &copy);
    void check_source(const BulkCopy &copy);
    void check_overwritten(uint32_t lane, uint32_t address, uint32_t bytes, Site at);
    bool is_fenced(uint32_t lane, uint32_t warp, uint32_t other_lane, uint64_t sequence) const;
    void join(uint64_t *known, const uint64_t *other) const;
    void finish_block();
    void finish_registers();

    void wgmma_check(const WgmmaIssue &issue);
    void wgmma_compute(WgmmaIssue &issue);
    void wgmma_retire(WgmmaIssue &issue);
    void check_pending(uint32_t address, uint32_t bytes, Site at);
    void check_chunk(uint32_t address, Site at);

    Kernel kernel_ = {};
    uint32_t block_[3] = {}, linear_ = 0, warps_ = 0;
    Lane *lane_ = nullptr;
    Warp *warp_ = nullptr;
    std::vector<std::unique_ptr<Warp>> warp_store_;
    uint64_t *counts_ = nullptr;
    qoq_emu_launch *record_ = nullptr;
    Barrier barrier_[BARRIERS] = {};
    Fiber host_;
    std::string trouble_;

    uint64_t clock_ = 1, block_base_ = 0;
    std::vector<uint8_t> shared_, valid_, flight_; // flight_: a Flight for each word
    std::vector<uint64_t> write_, read_;           // read_: [warp][word]
    std::vector<uint64_t> write_sequence_;
    std::vector<uint16_t> write_site_, read_site_;
    size_t words_ = 0;

    uint64_t sequence_ = 0; // of writes and fences
    std::vector<Mbarrier> mbarrier_;
    std::vector<BulkCopy> bulk_;
    std::vector<WgmmaCall> wgmma_call_[MAX_WARPS / 4];
    uint32_t wgmma_pending_ = 0;

    uint32_t stamp_ = 1;
    std::vector<BlockRecord> block_record_;
    std::vector<uint32_t> block_order_;
    uint64_t random_ = 0;
};

// The machine of the kernel that is running.
extern Machine *machine;

} // namespace qoq_emu

#endif
