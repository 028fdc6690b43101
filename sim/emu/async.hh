// SPDX-License-Identifier: Apache-2.0
// What runs beside the lanes: barriers in shared memory that count bytes, bulk copies, products of
// warpgroups. doc/emulator.md says what is checked.
#ifndef QOQ_SIM_EMU_ASYNC_HH
#define QOQ_SIM_EMU_ASYNC_HH

#include <cstdint>
#include <vector>

#include "sim/emu/buffers.hh"
#include "sim/emu/site.hh"

namespace qoq_emu
{

enum { LANES = 32, MAX_WARPS = 32, BARRIERS = 16, MAX_MBARRIERS = 64, SECTOR = 32 };
// Happens-before counts the times of warps, and of each mbarrier: what its copies wrote is known to
// those who have waited for it and to whom they have told.
enum { CLOCKS = MAX_WARPS + MAX_MBARRIERS };

// Why a word of shared memory may not be touched now.
struct Flight {
    enum : uint8_t { none, copy, bulk, mbarrier };
};

// A fence.proxy.async of a lane: its writes up to `sequence` may be read by the asynchronous proxy.
struct ProxyFence {
    uint64_t sequence, time;
};

struct Mbarrier {
    uint32_t address, arrivals, pending, phase;
    int64_t bytes; // expected and not yet there; negative where they came first
    bool observed; // someone has waited for the phase before this one
    bool copied;   // bytes have come that no one has waited for
    uint32_t warp, lane;
    uint64_t time, sequence; // of its making
    Site at;
    uint64_t arriving[CLOCKS], released[CLOCKS]; // known to those that arrive; of the last phase
};

// A two-dimensional array of bytes in global memory and the box that is copied from it. Outside of
// the array there are zeros.
struct TensorMap {
    const Buffer *buffer;
    int64_t offset;
    const char *name;
    uint64_t width, rows, pitch; // bytes, rows, bytes
    uint32_t box_width, box_rows, unit, swizzle;
};

struct BulkCopy {
    TensorMap map;
    int64_t x, y; // bytes, rows
    uint32_t shared, mbarrier, phase;
    bool tiled;
    Site at;
};

// Registers of one lane that wgmma uses.
struct Registers {
    uint32_t pending = 0;
    uint64_t touched = 0; // how many wgmma_fence the lane had seen
};

// Operands of one lane.
struct WgmmaOperands {
    Registers *d_state, *a_state; // a_state: null where A is in shared memory
    int32_t *d;
    const uint32_t *a;
    uint64_t a_descriptor, b_descriptor;
    uint32_t n;
};

// Under way in one warp: its 16 rows of 64.
struct WgmmaIssue {
    WgmmaOperands lane[LANES];
    uint32_t a[LANES][4];
    std::vector<int32_t> sums; // [16][n], once computed
    uint32_t group;
    Site at;
};

// What the four warps of a warpgroup must call alike.
struct WgmmaCall {
    Site at;
    uint64_t a, b;
    uint32_t n;
};

} // namespace qoq_emu

#endif
