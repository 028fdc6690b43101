// SPDX-License-Identifier: Apache-2.0
// What lanes of a warp do together, and barriers of warps.
#include "sim/emu/machine.hh"

#include <cstring>
#include <iterator>

namespace qoq_emu
{

void Machine::together(Together what, uint32_t immediate, void *operands,
                       void (*execute)(Machine &, void *const *), Site at)
{
    Lane &me = *lane_;

    me.what = what;
    me.immediate = immediate;
    me.operands = operands;
    me.at = at;
    if (warp_->live != LANES) {
        fail(at, "%u lanes of the warp have left the kernel", LANES - warp_->live);
    }
    me.arrived = true;
    if (++warp_->arrived < LANES) {
        next_lane();
        return;
    }
    meet(execute);
    if (warp_->state == State::waiting) {
        next_warp(true);
    } else {
        change_warp();
    }
}

// All lanes are here: at the same place, or this is an error.
void Machine::meet(void (*execute)(Machine &, void *const *))
{
    Lane &me = *lane_;
    void *operands[LANES];

    for (uint32_t i = 0; i < LANES; i++) {
        Lane &other = warp_->lane[i];

        if (!(other.at == me.at) || other.what != me.what) {
            const char *tail = strstr(other.at.file, "gpu/");
            fail(me.at, "the warp has parted: lane %u waits at %s:%d", i,
                 tail == nullptr ? other.at.file : tail, other.at.line);
        }
        if (other.immediate != me.immediate) {
            fail(me.at, "lane %u calls with %u, this lane with %u", i, other.immediate,
                 me.immediate);
        }
        operands[i] = other.operands;
        other.arrived = false;
    }
    warp_->arrived = 0;
    count_accesses();
    if (execute != nullptr) {
        execute(*this, operands);
    }
    if (me.what == Together::sync_warp) {
        warp_->time = ++clock_;
    }
    if (options.schedule == QOQ_EMU_RANDOM) {
        order_lanes(*warp_);
        warp_->next = static_cast<uint32_t>(
            std::find(warp_->order, warp_->order + LANES, me.thread % LANES) - warp_->order);
    }
}

static void arrive_at_barrier(Machine &m, void *const *)
{
    m.arrive();
}

void Machine::barrier(uint32_t id, uint32_t threads, Site at)
{
    if (threads % LANES != 0 || threads > kernel_.threads || id >= std::size(barrier_)) {
        fail(at, "barrier %u for %u of %u threads", id, threads, kernel_.threads);
    }
    together(Together::barrier, id << 16 | (threads == 0 ? kernel_.threads : threads), nullptr,
             arrive_at_barrier, at);
}

// The warp arrives at the barrier that its lanes have named.
void Machine::arrive()
{
    uint32_t id = lane_->immediate >> 16, needed = (lane_->immediate & 0xffff) / LANES;
    Barrier &b = barrier_[id];

    count(QOQ_EMU_BARRIER);
    if (b.warps != 0 && b.needed != needed) {
        fail(lane_->at, "barrier %u for %u warps here, for %u where others wait", id, needed,
             b.needed);
    }
    b.needed = needed;
    b.at = lane_->at;
    b.warps++;
    warp_->state = State::waiting;
    warp_->barrier = id;
    if (b.warps == needed) {
        release(id);
    }
}

// Everyone at the barrier knows what each of them has done, and goes on.
void Machine::release(uint32_t id)
{
    uint64_t known[CLOCKS] = {0};

    for (uint32_t w = 0; w < warps_; w++) {
        Warp &warp = *warp_store_[w];

        if (warp.state != State::waiting || warp.barrier != id) {
            continue;
        }
        warp.known[w] = warp.time;
        join(known, warp.known);
    }
    for (uint32_t w = 0; w < warps_; w++) {
        Warp &warp = *warp_store_[w];

        if (warp.state == State::waiting && warp.barrier == id) {
            memcpy(warp.known, known, sizeof known);
            warp.time = ++clock_;
            warp.state = State::running;
        }
    }
    barrier_[id] = Barrier{};
}

} // namespace qoq_emu
