// SPDX-License-Identifier: Apache-2.0
// Launches, blocks, and how they end.
#include "sim/emu/machine.hh"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <new>

namespace qoq_emu
{

Machine *machine;

Machine::Machine(const qoq_emu_options &chosen) : options(chosen), random_(chosen.seed)
{
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
            lane.commits.clear();
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

} // namespace qoq_emu
