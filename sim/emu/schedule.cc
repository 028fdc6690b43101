// SPDX-License-Identifier: Apache-2.0
// The order in which blocks, warps and lanes run.
#include "sim/emu/machine.hh"

#include <cinttypes>
#include <cstring>

namespace qoq_emu
{

static const char *const schedule_names[] = {"forward", "reverse",     "strided",   "rotate",
                                             "random",  "first-ahead", "last-ahead"};

uint64_t Machine::random()
{
    uint64_t x = random_ += UINT64_C(0x9E3779B97F4A7C15);

    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

void Machine::order_blocks(uint32_t blocks)
{
    uint32_t half = (blocks + 1) / 2;

    block_order_.resize(blocks);
    for (uint32_t i = 0; i < blocks; i++) {
        switch (options.schedule) {
        case QOQ_EMU_REVERSE:
        case QOQ_EMU_LAST_AHEAD:
            block_order_[i] = blocks - 1 - i;
            break;
        case QOQ_EMU_STRIDED:
            block_order_[i] = i < half ? 2 * i : 2 * (i - half) + 1;
            break;
        default:
            block_order_[i] = i;
        }
    }
    for (uint32_t i = blocks; options.schedule == QOQ_EMU_RANDOM && i > 1; i--) {
        std::swap(block_order_[i - 1], block_order_[random() % i]);
    }
}

void Machine::order_lanes(Warp &warp)
{
    for (uint32_t i = 0; i < LANES; i++) {
        switch (options.schedule) {
        case QOQ_EMU_REVERSE:
        case QOQ_EMU_LAST_AHEAD:
            warp.order[i] = static_cast<uint8_t>(LANES - 1 - i);
            break;
        case QOQ_EMU_STRIDED:
            warp.order[i] = static_cast<uint8_t>(i * 11 % LANES);
            break;
        default:
            warp.order[i] = static_cast<uint8_t>(i);
        }
    }
    for (uint32_t i = LANES; options.schedule == QOQ_EMU_RANDOM && i > 1; i--) {
        std::swap(warp.order[i - 1], warp.order[random() % i]);
    }
}

bool Machine::is_ready(const Warp &warp) const
{
    return warp.state == State::running;
}

// Goes on in the next lane of this warp that has neither arrived nor left.
void Machine::next_lane()
{
    Lane &me = *lane_;

    for (uint32_t i = 1; i < LANES; i++) {
        uint32_t place = (warp_->next + i) % LANES;
        Lane &other = warp_->lane[warp_->order[place]];

        if (!other.arrived && !other.done) {
            warp_->next = place;
            lane_ = &other;
            me.fiber.go_to(other.fiber);
            return;
        }
    }
    fail(me.at, "the other lanes of the warp have left the kernel");
}

Warp *Machine::choose()
{
    uint32_t first = 0, step = 1, n = warps_;

    switch (options.schedule) {
    case QOQ_EMU_REVERSE:
        first = n - 1;
        step = n - 1;
        break;
    case QOQ_EMU_FIRST_AHEAD:
        // 0, then n - 1, n - 2, ...
        first = 0;
        step = n - 1;
        break;
    case QOQ_EMU_LAST_AHEAD:
        // n - 1, then 0, 1, ...
        first = n - 1;
        break;
    case QOQ_EMU_ROTATE:
        first = (warp_->index + 1) % n;
        break;
    case QOQ_EMU_STRIDED:
        first = (warp_->index + n / 2) % n;
        break;
    case QOQ_EMU_RANDOM:
        first = static_cast<uint32_t>(random() % n);
        break;
    default:
        break;
    }
    for (uint32_t i = 0; i < n; i++) {
        Warp *warp = warp_store_[(first + i * step) % n].get();

        if (is_ready(*warp)) {
            return warp;
        }
    }
    return nullptr;
}

// Goes on in another warp; where `leave`, this one has nothing to run.
void Machine::next_warp(bool leave)
{
    Lane &me = *lane_;
    Warp *chosen = choose();

    if (chosen == nullptr && land_awaited()) {
        chosen = choose();
    }
    if (chosen == nullptr) {
        stuck();
    }
    if (!leave && chosen == warp_) {
        return;
    }
    warp_ = chosen;
    counts_ = record_->count[warp_->role];
    lane_ = &warp_->lane[warp_->order[warp_->next]];
    if (lane_ != &me) {
        me.fiber.go_to(lane_->fiber);
    }
}

// After a collective: some schedules give the processor to another warp.
void Machine::change_warp()
{
    switch (options.schedule) {
    case QOQ_EMU_ROTATE:
    case QOQ_EMU_FIRST_AHEAD:
    case QOQ_EMU_LAST_AHEAD:
        next_warp(false);
        break;
    case QOQ_EMU_RANDOM:
        if (random() % 4 == 0) {
            next_warp(false);
        }
        break;
    default:
        break;
    }
}

// Nobody can run: names a warp that waits, and why in vain.
void Machine::stuck()
{
    uint32_t left = 0;

    for (uint32_t w = 0; w < warps_; w++) {
        left += warp_store_[w]->state == State::done;
    }
    for (uint32_t w = 0; w < warps_; w++) {
        if (warp_store_[w]->state == State::waiting) {
            Site at = warp_store_[w]->lane[0].at;

            if (warp_store_[w]->barrier >= BARRIERS) {
                const Mbarrier &m = mbarrier_[warp_store_[w]->barrier - BARRIERS];
                fail(at,
                     "deadlock: warp %u waits at the mbarrier at %u for parity %u; its phase %u "
                     "still lacks %u of %u arrivals and %" PRId64 " bytes",
                     w, m.address, warp_store_[w]->parity, m.phase, m.pending, m.arrivals, m.bytes);
            }
            const Barrier &b = barrier_[warp_store_[w]->barrier];

            fail(at,
                 "deadlock: warp %u waits at barrier %u, where %u of %u warps have arrived; %u of "
                 "%u have left the kernel",
                 w, warp_store_[w]->barrier, b.warps, b.needed, left, warps_);
        }
    }
    fail({"", 0}, "deadlock");
}

void Machine::lane_ends()
{
    Lane &me = *lane_;

    if (!me.copies.empty()) {
        fail(me.copies[0].at,
             "the lane leaves the kernel before its asynchronous copy has arrived");
    }
    if (warp_->arrived != 0) {
        for (const Lane &other : warp_->lane) {
            if (other.arrived) {
                fail(other.at, "lane %u waits here, but lane %u has left the kernel",
                     other.thread % LANES, me.thread % LANES);
            }
        }
    }
    me.done = true;
    if (--warp_->live != 0) {
        next_lane();
        return;
    }
    count_accesses();
    if (!warp_->wgmmas.empty()) {
        fail(warp_->wgmmas[0].at, "the warp leaves the kernel before its wgmma is done");
    }
    warp_->state = State::done;
    for (uint32_t w = 0; w < warps_; w++) {
        if (warp_store_[w]->state != State::done) {
            next_warp(true);
            return;
        }
    }
    finish_block();
    me.fiber.go_to(host_);
}

} // namespace qoq_emu

extern "C" const char *qoq_emu_schedule_name(enum qoq_emu_schedule schedule)
{
    return schedule < QOQ_EMU_SCHEDULES ? qoq_emu::schedule_names[schedule] : "unknown";
}

extern "C" int qoq_emu_schedule_of(const char *name)
{
    for (int i = 0; i < QOQ_EMU_SCHEDULES; i++) {
        if (strcmp(qoq_emu::schedule_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}
