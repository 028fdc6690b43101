// SPDX-License-Identifier: Apache-2.0
// Who may touch global memory when: bounds, alignment, bytes never written, races of threads and of
// blocks.
#include "sim/emu/machine.hh"
#include "sim/emu/records.hh"

#include <cinttypes>
#include <cstring>
#include <new>

namespace qoq_emu
{

// Data of another block: released by a fence of its writer before an atomic of its block, acquired
// by a later atomic here.
bool Machine::is_released(const Stored &stored) const
{
    const BlockRecord &theirs = block_record_[stored.block], &ours = block_record_[linear_];
    uint32_t thread = stored.warp * LANES + stored.lane;

    if (!theirs.atomic || !ours.atomic || thread >= theirs.fence_stamp.size() ||
        theirs.fence_stamp[thread] <= stored.stamp) {
        return false;
    }
    if (theirs.fence_time[thread] > theirs.atomic_known[stored.warp]) {
        return false;
    }
    return lane_->thread < ours.fence_stamp.size() &&
           ours.fence_stamp[lane_->thread] > ours.atomic_stamp;
}

void Machine::check_global(const Buffer *buffer, size_t offset, uint32_t bytes, bool write, Site at)
{
    uint32_t lane = lane_->thread % LANES;

    for (size_t i = offset; i < offset + bytes; i++) {
        if (!write && buffer->valid[i] == 0) {
            fail(at, "byte %zu of a buffer of %zu is read before anything was written there", i,
                 buffer->bytes);
        }
        if (buffer->stored_launch != buffers.launch || buffer->stored[i].time == 0) {
            continue;
        }
        const Stored &s = buffer->stored[i];
        Site site = site_of(s.site);
        bool good = s.block == linear_ ? is_before(lane, s.warp, s.lane, s.time) : is_released(s);
        if (!good) {
            fail(at,
                 "race: byte %zu of a buffer of %zu is %s here, and block %u warp %u lane %u "
                 "stored it at %s:%d",
                 i, buffer->bytes, write ? "stored" : "read", s.block, s.warp, s.lane, tail(site),
                 site.line);
        }
    }
}

static void check_bounds(Machine &m, const Buffer *buffer, int64_t offset, uint32_t bytes, Site at)
{
    if (buffer == nullptr) {
        m.fail(at, "a null or foreign pointer");
    }
    if (offset < 0 || static_cast<uint64_t>(offset) + bytes > buffer->bytes) {
        m.fail(at, "outside of the buffer: %u bytes at byte %" PRId64 " of %zu", bytes, offset,
               buffer->bytes);
    }
    if ((buffer->address + static_cast<uint64_t>(offset)) % bytes != 0) {
        m.fail(at, "%u bytes at byte %" PRId64 ": not aligned", bytes, offset);
    }
}

const uint8_t *Machine::global_read(const Buffer *buffer, int64_t offset, uint32_t bytes,
                                    uint8_t tensor, Site at)
{
    check_bounds(*this, buffer, offset, bytes, at);
    check_global(buffer, static_cast<size_t>(offset), bytes, false, at);
    lane_->log.push_back({Access::global_load, static_cast<uint8_t>(bytes), tensor, site_number(at),
                          0, buffer->address + static_cast<uint64_t>(offset)});
    return buffer->data + offset;
}

// No byte of the buffer has been stored in this launch. An exception must not cross a fiber.
bool Machine::forget_stores(Buffer &buffer) const
{
    try {
        buffer.stored.assign(buffer.bytes, Stored{});
    } catch (const std::bad_alloc &) {
        return false;
    }
    buffer.stored_launch = buffers.launch;
    return true;
}

uint8_t *Machine::global_write(Buffer *buffer, int64_t offset, uint32_t bytes, uint8_t tensor,
                               Site at)
{
    uint16_t site = site_number(at);

    check_bounds(*this, buffer, offset, bytes, at);
    if (buffer->stored_launch != buffers.launch && !forget_stores(*buffer)) {
        fail(at, "out of memory");
    }
    check_global(buffer, static_cast<size_t>(offset), bytes, true, at);
    for (size_t i = static_cast<size_t>(offset); i < static_cast<size_t>(offset) + bytes; i++) {
        buffer->valid[i] = 1;
        buffer->stored[i] = {warp_->time,
                             linear_,
                             stamp_,
                             site,
                             static_cast<uint8_t>(warp_->index),
                             static_cast<uint8_t>(lane_->thread % LANES)};
    }
    stamp_++;
    lane_->log.push_back({Access::global_store, static_cast<uint8_t>(bytes), tensor, site, 0,
                          buffer->address + static_cast<uint64_t>(offset)});
    return buffer->data + offset;
}

uint32_t Machine::atomic_inc(Buffer *buffer, int64_t offset, uint32_t bound, uint8_t tensor,
                             Site at)
{
    BlockRecord &record = block_record_[linear_];
    uint32_t old, next;

    (void)tensor;
    check_bounds(*this, buffer, offset, 4, at);
    for (size_t i = static_cast<size_t>(offset); i < static_cast<size_t>(offset) + 4; i++) {
        if (buffer->valid[i] == 0) {
            fail(at, "atomic on byte %zu of a buffer, where nothing was written before", i);
        }
    }
    count(QOQ_EMU_ATOMIC);
    record.atomic = true;
    record.atomic_stamp = stamp_++;
    memcpy(record.atomic_known, warp_->known, sizeof record.atomic_known);
    record.atomic_known[warp_->index] = warp_->time - 1;
    memcpy(&old, buffer->data + offset, sizeof old);
    next = old >= bound ? 0 : old + 1;
    memcpy(buffer->data + offset, &next, sizeof next);
    return old;
}

void Machine::fence_device()
{
    BlockRecord &record = block_record_[linear_];

    count(QOQ_EMU_FENCE);
    record.fence_stamp.resize(kernel_.threads);
    record.fence_time.resize(kernel_.threads);
    record.fence_stamp[lane_->thread] = stamp_++;
    record.fence_time[lane_->thread] = warp_->time;
}

} // namespace qoq_emu
