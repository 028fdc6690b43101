// SPDX-License-Identifier: Apache-2.0
// Bulk and tensor copies, and what must be over at the end of a block.
#include "sim/emu/machine.hh"
#include "sim/emu/records.hh"

#include <cinttypes>
#include <cstring>

namespace qoq_emu
{

static uint32_t swizzled(const TensorMap &map, uint32_t address)
{
    return map.swizzle == 0 ? address : address ^ ((address >> 7 & (map.swizzle / 16 - 1)) << 4);
}

static uint32_t bytes_of(const TensorMap &map)
{
    return map.box_width * map.box_rows;
}

// Of `width` bytes of a row from x on, which lie in the array.
static void clip(const BulkCopy &copy, int64_t y, int64_t *first, int64_t *last)
{
    const TensorMap &map = copy.map;

    *first = std::max<int64_t>(copy.x, 0);
    *last = std::min<int64_t>(copy.x + map.box_width, static_cast<int64_t>(map.width));
    if (y < 0 || y >= static_cast<int64_t>(map.rows) || *last < *first) {
        *last = *first;
    }
}

void Machine::land(const BulkCopy &copy)
{
    const TensorMap &map = copy.map;
    Mbarrier &b = mbarrier_[copy.mbarrier];
    uint64_t time = ++clock_;

    if (b.phase != copy.phase) {
        fail(copy.at, "%u bytes arrive when phase %u of the mbarrier at %u has ended without them",
             bytes_of(map), copy.phase, b.address);
    }
    for (uint32_t row = 0; row < map.box_rows; row++) {
        int64_t first, last, y = copy.y + row;

        clip(copy, y, &first, &last);
        for (uint32_t at = 0; at < map.box_width; at += 16) {
            uint32_t to = swizzled(map, copy.shared + row * map.box_width + at);
            int64_t from = std::max(copy.x + at, first), end = std::min(copy.x + at + 16, last);

            memset(shared_.data() + to, 0, 16);
            if (from < end) {
                memcpy(shared_.data() + to + (from - copy.x - at),
                       map.buffer->data + map.offset + y * static_cast<int64_t>(map.pitch) + from,
                       static_cast<size_t>(end - from));
            }
        }
    }
    for (size_t word = copy.shared / 4; word < (copy.shared + bytes_of(map)) / 4; word++) {
        flight_[word] = Flight::none;
        valid_[word] = 15;
        write_[word] = write_record(time, MAX_WARPS + copy.mbarrier, 0);
        write_site_[word] = site_number(copy.at);
    }
    b.bytes -= bytes_of(map);
    b.copied = true;
    complete(b);
}

// The bytes that will be overwritten: nobody reads them, nobody has written them unseen.
void Machine::check_overwritten(uint32_t lane, uint32_t address, uint32_t bytes, Site at)
{
    if (wgmma_pending_ != 0) {
        check_pending(address, bytes, at);
    }
    for (size_t word = address / 4; word < (address + bytes) / 4; word++) {
        uint64_t record = write_[word];
        uint32_t warp = record >> 8 & 255;

        check_flight(word, static_cast<uint32_t>(4 * word), at);
        check_written(lane, word, static_cast<uint32_t>(4 * word), at, true);
        check_read(lane, word, static_cast<uint32_t>(4 * word), at);
        if (record >> 16 >= block_base_ && warp < MAX_WARPS &&
            !is_fenced(lane, warp, record & 255, write_sequence_[word])) {
            fail(at,
                 "shared address %zu: warp %u wrote it, and no fence_async keeps that apart from "
                 "this copy",
                 4 * word, warp);
        }
    }
}

// Reads of global memory: checked and counted when the copy begins.
void Machine::check_source(const BulkCopy &copy)
{
    const TensorMap &map = copy.map;
    uint8_t index = tensor(map.name);

    for (uint32_t row = 0; row < map.box_rows; row++) {
        int64_t first, last, y = copy.y + row;

        clip(copy, y, &first, &last);
        if (first == last) {
            continue;
        }
        int64_t offset = map.offset + y * static_cast<int64_t>(map.pitch) + first;
        uint64_t from = map.buffer->address + static_cast<uint64_t>(offset),
                 bytes = static_cast<uint64_t>(last - first);

        if (offset < 0 || static_cast<uint64_t>(offset) + bytes > map.buffer->bytes) {
            fail(copy.at, "outside of the buffer: %" PRIu64 " bytes at byte %" PRId64 " of %zu",
                 bytes, offset, map.buffer->bytes);
        }
        check_global(map.buffer, static_cast<size_t>(offset), static_cast<uint32_t>(bytes), false,
                     copy.at);
        record_->read_sectors[index] += (from + bytes - 1) / SECTOR - from / SECTOR + 1;
    }
}

void Machine::begin_copy(const BulkCopy &copy)
{
    uint32_t bytes = bytes_of(copy.map), alignment = 16;

    if (copy.tiled) {
        alignment = copy.map.swizzle == 0 ? 128 : 8 * copy.map.swizzle;
    }
    if (copy.shared % alignment != 0 || bytes % 16 != 0 || bytes == 0) {
        fail(copy.at, "bulk copy of %u bytes to %u: not aligned to %u", bytes, copy.shared,
             alignment);
    }
    if (bytes > kernel_.shared_bytes || copy.shared > kernel_.shared_bytes - bytes) {
        fail(copy.at, "shared address %u, %u bytes: the block has %u", copy.shared, bytes,
             kernel_.shared_bytes);
    }
    check_source(copy);
    check_overwritten(lane_->thread % LANES, copy.shared, bytes, copy.at);
    count(QOQ_EMU_BULK_COPY);
    count(QOQ_EMU_BULK_BYTES, bytes);
    if (options.early_copies) {
        land(copy);
        return;
    }
    for (size_t word = copy.shared / 4; word < (copy.shared + bytes) / 4; word++) {
        flight_[word] = Flight::bulk;
    }
    memset(shared_.data() + copy.shared, 0xa9, bytes);
    bulk_.push_back(copy);
}

void Machine::copy_bulk(uint32_t address, const TensorMap &map, int32_t x, int32_t y,
                        uint32_t mbarrier, Site at)
{
    Mbarrier &b = find_mbarrier(mbarrier, at);

    if (!is_fenced(lane_->thread % LANES, b.warp, b.lane, b.sequence)) {
        fail(at, "no fence_async between the making of the mbarrier at %u and this copy",
             b.address);
    }
    begin_copy({map, int64_t{x} * map.unit, y, address,
                static_cast<uint32_t>(&b - mbarrier_.data()), b.phase, true, at});
}

void Machine::copy_bulk(uint32_t address, const Buffer *buffer, int64_t offset, uint32_t bytes,
                        const char *name, uint32_t mbarrier, Site at)
{
    Mbarrier &b = find_mbarrier(mbarrier, at);

    if (!is_fenced(lane_->thread % LANES, b.warp, b.lane, b.sequence)) {
        fail(at, "no fence_async between the making of the mbarrier at %u and this copy",
             b.address);
    }
    if (buffer == nullptr || (buffer->address + static_cast<uint64_t>(offset)) % 16 != 0) {
        fail(at, "bulk copy from an address that is null or not aligned to 16");
    }
    begin_copy({{buffer, offset, name, bytes, 1, 0, bytes, 1, 1, 0},
                0,
                0,
                address,
                static_cast<uint32_t>(&b - mbarrier_.data()),
                b.phase,
                false,
                at});
}

// ---- The end of a block ----

// The registers that warpgroups ask for come from those that the block was given.
void Machine::finish_registers()
{
    uint32_t entry = 65536 / kernel_.threads / 8 * 8, asked = 0;
    bool any = false;

    for (uint32_t w = 0; w < warps_; w++) {
        uint32_t registers = warp_store_[w]->registers;

        any = any || registers != 0;
        asked += registers != 0 ? registers : entry;
    }
    if (any && asked > entry * warps_) {
        fail(lane_->at, "the warps ask for %u registers a lane in all, the block has %u", asked,
             entry * warps_);
    }
}

void Machine::finish_block()
{
    if (!bulk_.empty()) {
        fail(bulk_[0].at, "the block leaves the kernel before its bulk copy has been waited for");
    }
    for (const Mbarrier &b : mbarrier_) {
        if (b.bytes != 0) {
            fail(b.at, "at the end %" PRId64 " bytes more are expected at the mbarrier at %u",
                 b.bytes, b.address);
        }
        if (b.copied) {
            fail(b.at, "the block leaves the kernel before its bulk copy has been waited for");
        }
    }
    for (uint32_t w = 0; w + 1 < warps_; w++) {
        if (w % 4 != 3 && warp_store_[w]->wgmma_count != warp_store_[w + 1]->wgmma_count) {
            fail(lane_->at, "warp %u of a warpgroup has issued %u wgmma, warp %u %u", w,
                 warp_store_[w]->wgmma_count, w + 1, warp_store_[w + 1]->wgmma_count);
        }
    }
    finish_registers();
}

} // namespace qoq_emu
