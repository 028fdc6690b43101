// SPDX-License-Identifier: Apache-2.0
// Barriers in shared memory that count arrivals and bytes, and who knows what through them.
#include "sim/emu/machine.hh"
#include "sim/emu/records.hh"

#include <cinttypes>
#include <cstring>

namespace qoq_emu
{

// More bytes than one phase can count.
enum : int64_t { MOST_BYTES = (1 << 20) - 1 };

// ---- Who knows what ----

void Machine::join(uint64_t *known, const uint64_t *other) const
{
    for (uint32_t v = 0; v < warps_; v++) {
        known[v] = std::max(known[v], other[v]);
    }
    for (size_t v = MAX_WARPS; v < MAX_WARPS + mbarrier_.size(); v++) {
        known[v] = std::max(known[v], other[v]);
    }
}

// Whether a lane has put a fence between what it wrote and the asynchronous proxy, and `lane` of
// this warp knows of it.
bool Machine::is_fenced(uint32_t lane, uint32_t warp, uint32_t other_lane, uint64_t sequence) const
{
    for (const ProxyFence &fence : warp_store_[warp]->lane[other_lane].fences) {
        if (fence.sequence >= sequence && is_before(lane, warp, other_lane, fence.time)) {
            return true;
        }
    }
    return false;
}

void Machine::fence_async()
{
    count(QOQ_EMU_FENCE);
    lane_->fences.push_back({++sequence_, warp_->time});
}

// ---- Barriers ----

void Machine::mbarrier_init(uint32_t address, uint32_t arrivals, Site at)
{
    if (address % 8 != 0 || address + 8 > kernel_.shared_bytes) {
        fail(at, "mbarrier at %u: not a multiple of 8 in the %u bytes of the block", address,
             kernel_.shared_bytes);
    }
    for (const Mbarrier &b : mbarrier_) {
        if (b.address == address) {
            fail(at, "the mbarrier at %u has been initialised before, at %s:%d", address,
                 tail(b.at), b.at.line);
        }
    }
    if (arrivals == 0 || arrivals > MOST_BYTES || mbarrier_.size() == MAX_MBARRIERS) {
        fail(at, "mbarrier for %u arrivals, with %zu others", arrivals, mbarrier_.size());
    }
    check_shared(lane_->thread % LANES, address, 8, true, at);
    flight_[address / 4] = flight_[address / 4 + 1] = Flight::mbarrier;

    Mbarrier b = {};
    b.address = address;
    b.arrivals = b.pending = arrivals;
    b.warp = warp_->index;
    b.lane = lane_->thread % LANES;
    b.time = warp_->time;
    b.sequence = ++sequence_;
    b.at = at;
    mbarrier_.push_back(b);
}

Mbarrier &Machine::find_mbarrier(uint32_t address, Site at)
{
    for (Mbarrier &b : mbarrier_) {
        if (b.address != address) {
            continue;
        }
        if (!is_before(lane_->thread % LANES, b.warp, b.lane, b.time)) {
            fail(at, "race: the mbarrier at %u, made by warp %u lane %u at %s:%d, is used here",
                 address, b.warp, b.lane, tail(b.at), b.at.line);
        }
        return b;
    }
    fail(at, "there is no mbarrier at %u", address);
}

// A phase that has all its arrivals and bytes ends; those that wait for it go on.
void Machine::complete(Mbarrier &b)
{
    uint32_t index = static_cast<uint32_t>(&b - mbarrier_.data());

    if (b.pending != 0 || b.bytes != 0) {
        return;
    }
    memcpy(b.released, b.arriving, sizeof b.released);
    memset(b.arriving, 0, sizeof b.arriving);
    b.released[MAX_WARPS + index] = clock_;
    b.phase++;
    b.pending = b.arrivals;
    b.observed = false;
    for (uint32_t w = 0; w < warps_; w++) {
        Warp &warp = *warp_store_[w];

        if (warp.state == State::waiting && warp.barrier == BARRIERS + index &&
            (b.phase & 1) != warp.parity) {
            warp.state = State::running;
            acquire(warp, b);
        }
    }
}

void Machine::acquire(Warp &warp, Mbarrier &b)
{
    if (b.phase != 0) {
        b.observed = true;
        b.copied = false;
        join(warp.known, b.released);
    }
}

void Machine::mbarrier_arrive(uint32_t address, uint32_t bytes, Site at)
{
    Mbarrier &b = find_mbarrier(address, at);

    count(QOQ_EMU_MBARRIER_ARRIVE);
    if (b.phase != 0 && !b.observed) {
        fail(at,
             "the mbarrier at %u is arrived at for phase %u, but no one has waited for phase %u",
             address, b.phase, b.phase - 1);
    }
    if (b.pending == 0) {
        fail(at, "more than the %u arrivals that the mbarrier at %u was made for", b.arrivals,
             address);
    }
    b.bytes += bytes;
    if (b.bytes > MOST_BYTES) {
        fail(at, "%" PRId64 " bytes expected at one mbarrier", b.bytes);
    }
    join(b.arriving, warp_->known);
    b.arriving[warp_->index] = std::max(b.arriving[warp_->index], warp_->time - 1);
    b.pending--;
    complete(b);
}

// A lane that acts for its warp has no other at its side: time is compared as for the warp.
void Machine::mbarrier_wait(uint32_t address, uint32_t parity, Site at)
{
    Mbarrier &b = find_mbarrier(address, at);

    count(QOQ_EMU_MBARRIER_WAIT);
    if ((b.phase & 1) == parity && options.schedule == QOQ_EMU_RANDOM && random() % 2 == 0) {
        settle(b);
    }
    if ((b.phase & 1) != parity) {
        acquire(*warp_, b);
        return;
    }
    warp_->state = State::waiting;
    warp_->barrier = BARRIERS + static_cast<uint32_t>(&b - mbarrier_.data());
    warp_->parity = parity;
}

// The copies of this phase arrive, where they are all that it lacks.
void Machine::settle(Mbarrier &b)
{
    uint32_t index = static_cast<uint32_t>(&b - mbarrier_.data()), phase = b.phase;

    if (b.pending != 0) {
        return;
    }
    for (size_t i = 0; i < bulk_.size();) {
        if (bulk_[i].mbarrier != index || bulk_[i].phase != phase) {
            i++;
            continue;
        }
        const BulkCopy copy = bulk_[i];
        bulk_.erase(bulk_.begin() + static_cast<std::ptrdiff_t>(i));
        land(copy);
    }
}

// No warp can run: copies that one waits for can be no later. Whether that helps.
bool Machine::land_awaited()
{
    bool any = false;

    for (uint32_t w = 0; w < warps_; w++) {
        const Warp &warp = *warp_store_[w];

        if (warp.state == State::waiting && warp.barrier >= BARRIERS) {
            settle(mbarrier_[warp.barrier - BARRIERS]);
        }
        any = any || warp.state == State::running;
    }
    return any;
}

} // namespace qoq_emu
