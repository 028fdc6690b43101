// SPDX-License-Identifier: Apache-2.0
// Launches, blocks, and the order in which warps and lanes run.
#include "sim/emu/machine.hh"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <new>

namespace qoq_emu
{

Machine *machine;

static const char *const schedule_names[] = {"forward", "reverse",     "strided",   "rotate",
                                             "random",  "first-ahead", "last-ahead"};

Machine::Machine(const qoq_emu_options &chosen) : options(chosen), random_(chosen.seed)
{
}

uint64_t Machine::random()
{
    uint64_t x = random_ += UINT64_C(0x9E3779B97F4A7C15);

    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

void Machine::role(const char *name)
{
    qoq_emu_launch &r = *record_;
    size_t i = 0;

    while (i < r.roles && strcmp(r.role[i], name) != 0) {
        i++;
    }
    if (i == r.roles) {
        if (i == QOQ_EMU_MAX_ROLES) {
            fail({"", 0}, "more than %d warp roles", QOQ_EMU_MAX_ROLES);
        }
        r.role[r.roles++] = name;
    }
    warp_->role = i;
    counts_ = r.count[i];
}

uint8_t Machine::tensor(const char *name)
{
    qoq_emu_launch &r = *record_;
    size_t i = 0;

    // Names are literals of one translation unit: the same address means the same name.
    while (i < r.tensors && r.tensor[i] != name) {
        i++;
    }
    if (i == r.tensors && i < QOQ_EMU_MAX_TENSORS - 1) {
        r.tensor[r.tensors++] = name;
    }
    return static_cast<uint8_t>(i);
}

void Machine::fail(Site at, const char *format, ...)
{
    char what[512], where[256] = "";
    const char *file = at.file == nullptr ? "" : at.file;
    const char *tail = strstr(file, "gpu/");
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    if (at.line != 0) {
        snprintf(where, sizeof where, ", %s:%d", tail == nullptr ? file : tail, at.line);
    }
    trouble_ = std::string(kernel_.name) + ": block " + std::to_string(block_[0]) + "," +
               std::to_string(block_[1]) + "," + std::to_string(block_[2]) + " warp " +
               std::to_string(warp_->index) + " lane " + std::to_string(lane_->thread % LANES) +
               where + ": " + what;
    lane_->fiber.go_to(host_);
    abort();
}

// ---- Launch ----

// Every fiber stands at the beginning of the kernel.
void Machine::prepare()
{
    bool broken = !message.empty();

    warps_ = kernel_.threads / LANES;
    for (uint32_t w = 0; w < warps_; w++) {
        if (w < warp_store_.size() && !broken) {
            continue;
        }
        if (w == warp_store_.size()) {
            warp_store_.push_back(std::make_unique<Warp>());
            warp_store_[w]->index = w;
        }
        for (uint32_t i = 0; i < LANES; i++) {
            warp_store_[w]->lane[i].thread = w * LANES + i;
            warp_store_[w]->lane[i].fiber.start(lane_main, &warp_store_[w]->lane[i]);
        }
    }
    // Fibers left in the middle of a stopped kernel that had more warps than this one are made anew
    // when they are needed.
    if (broken && warp_store_.size() > warps_) {
        warp_store_.resize(warps_);
    }
    message.clear();
    trouble_.clear();
}

qoq_status Machine::launch(const Kernel &kernel)
{
    try {
        return run(kernel);
    } catch (const std::bad_alloc &) {
        message = std::string(kernel.name) + ": out of memory";
        return QOQ_ERR_MEMORY;
    }
}

qoq_status Machine::run(const Kernel &kernel)
{
    uint64_t blocks = uint64_t{kernel.grid[0]} * kernel.grid[1] * kernel.grid[2];

    if (kernel.threads == 0 || kernel.threads % LANES != 0 || kernel.threads > LANES * MAX_WARPS ||
        blocks == 0 || blocks > UINT32_MAX) {
        return QOQ_ERR_ARGUMENT;
    }
    kernel_ = kernel;
    prepare();
    machine = this;
    launches.push_back(std::make_unique<qoq_emu_launch>());
    record_ = launches.back().get();
    record_->kernel = kernel.name;
    memcpy(record_->grid, kernel.grid, sizeof record_->grid);
    record_->threads = kernel.threads;
    record_->shared_bytes = kernel.shared_bytes;
    record_->roles = 1;
    record_->role[0] = "all";
    buffers.launch++;
    block_record_.assign(blocks, BlockRecord{});
    order_blocks(static_cast<uint32_t>(blocks));
    for (uint32_t i = 0; i < blocks && trouble_.empty(); i++) {
        begin_block(block_order_[i]);
        run_block();
    }
    sort_names();
    message = trouble_;
    return trouble_.empty() ? QOQ_OK : QOQ_ERR_DEVICE;
}

// Positions of names in their order, after the first `fixed`.
static std::vector<size_t> sorted_places(const char *const *names, size_t count, size_t fixed)
{
    std::vector<size_t> order(count);

    for (size_t i = 0; i < count; i++) {
        order[i] = i;
    }
    std::sort(order.begin() + static_cast<std::ptrdiff_t>(fixed), order.end(),
              [names](size_t a, size_t b) { return strcmp(names[a], names[b]) < 0; });
    return order;
}

// Which tensor was touched first, or which role taken, depends on the schedule; their order in the
// record does not.
void Machine::sort_names()
{
    qoq_emu_launch sorted = *record_;
    const std::vector<size_t> tensors = sorted_places(record_->tensor, record_->tensors, 0),
                              roles = sorted_places(record_->role, record_->roles, 1);

    for (size_t i = 0; i < tensors.size(); i++) {
        sorted.tensor[i] = record_->tensor[tensors[i]];
        sorted.read_sectors[i] = record_->read_sectors[tensors[i]];
        sorted.written_sectors[i] = record_->written_sectors[tensors[i]];
    }
    for (size_t i = 0; i < roles.size(); i++) {
        sorted.role[i] = record_->role[roles[i]];
        memcpy(sorted.count[i], record_->count[roles[i]], sizeof sorted.count[i]);
    }
    *record_ = sorted;
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

void Machine::begin_block(uint32_t linear)
{
    linear_ = linear;
    block_[0] = linear % kernel_.grid[0];
    block_[1] = linear / kernel_.grid[0] % kernel_.grid[1];
    block_[2] = linear / kernel_.grid[0] / kernel_.grid[1];
    words_ = (kernel_.shared_bytes + 3) / 4;
    shared_.assign(words_ * 4, 0xa9);
    valid_.assign(words_, 0);
    flight_.assign(words_, Flight::none);
    if (write_.size() < words_ || read_.size() < words_ * warps_) {
        write_.assign(words_, 0);
        write_sequence_.assign(words_, 0);
        write_site_.assign(words_, 0);
        read_.assign(words_ * warps_, 0);
        read_site_.assign(words_ * warps_, 0);
    }
    block_base_ = ++clock_;
    for (uint32_t w = 0; w < warps_; w++) {
        Warp &warp = *warp_store_[w];

        warp.arrived = 0;
        warp.live = LANES;
        warp.next = 0;
        warp.state = State::running;
        warp.role = 0;
        warp.time = ++clock_;
        std::fill(std::begin(warp.known), std::end(warp.known), block_base_);
        order_lanes(warp);
        for (Lane &lane : warp.lane) {
            lane.arrived = lane.done = false;
            lane.log.clear();
            lane.copies.clear();
            lane.group = 0;
            lane.fences.clear();
            lane.wgmma_fences = 0;
        }
        warp.wgmmas.clear();
        warp.wgmma_groups = warp.wgmma_count = warp.registers = 0;
        wgmma_call_[w / 4].clear();
    }
    memset(barrier_, 0, sizeof barrier_);
    mbarrier_.clear();
    bulk_.clear();
    wgmma_pending_ = 0;
}

void Machine::run_block()
{
    warp_ = warp_store_[0].get();
    warp_ = choose();
    counts_ = record_->count[warp_->role];
    lane_ = &warp_->lane[warp_->order[warp_->next]];
    host_.go_to(lane_->fiber);
}

void Machine::lane_main(void *lane)
{
    (void)lane;
    for (;;) {
        machine->run_lane();
        machine->lane_ends();
    }
}

void Machine::run_lane()
{
    kernel_.run(kernel_.parameters);
}

// ---- Who runs ----

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

// ---- Together ----

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
