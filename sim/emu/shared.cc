// SPDX-License-Identifier: Apache-2.0
// Who may touch shared memory when: bounds, alignment, bytes never written, races, copies under
// way.
#include "sim/emu/machine.hh"
#include "sim/emu/records.hh"

#include <cinttypes>
#include <cstring>

namespace qoq_emu
{

namespace
{

uint8_t byte_mask(uint32_t address, uint32_t bytes)
{
    return static_cast<uint8_t>(bytes >= 4 ? 15 : ((1u << bytes) - 1) << (address & 3));
}

} // namespace

// Whether what lane `other_lane` of a warp did at `time` has been done for good when `lane` of this
// warp acts.
bool Machine::is_before(uint32_t lane, uint32_t warp, uint32_t other_lane, uint64_t time) const
{
    if (warp == warp_->index) {
        return other_lane == lane || time != warp_->time;
    }
    return warp_->known[warp] >= time;
}

void Machine::check_written(uint32_t lane, size_t word, uint32_t address, Site at, bool write)
{
    uint64_t record = write_[word], time = record >> 16;
    uint32_t warp = record >> 8 & 255, other = record & 255;

    if (time >= block_base_ && !is_before(lane, warp, other, time)) {
        Site site = site_of(write_site_[word]);
        if (warp >= MAX_WARPS) {
            fail(at,
                 "shared address %u is %s here, but this warp has not waited for the bulk copy of "
                 "%s:%d",
                 address, write ? "written" : "read", tail(site), site.line);
        }
        fail(at,
             "race: shared address %u is %s here, and warp %u lane %u wrote it at %s:%d without a "
             "barrier between",
             address, write ? "written" : "read", warp, other, tail(site), site.line);
    }
}

void Machine::check_read(uint32_t lane, size_t word, uint32_t address, Site at)
{
    for (uint32_t warp = 0; warp < warps_; warp++) {
        uint64_t record = read_[warp * words_ + word], time = record >> 8;

        if (time >= block_base_ && !is_before(lane, warp, record & 255, time)) {
            Site site = site_of(read_site_[warp * words_ + word]);
            fail(at,
                 "race: shared address %u is written here, and warp %u read it at %s:%d without a "
                 "barrier between",
                 address, warp, tail(site), site.line);
        }
    }
}

void Machine::check_flight(size_t word, uint32_t address, Site at)
{
    if (flight_[word] == Flight::mbarrier) {
        fail(at, "shared address %u belongs to an mbarrier", address);
    }
    if (flight_[word] != Flight::none) {
        fail(at, "shared address %u: an asynchronous copy to it has not been waited for", address);
    }
}

void Machine::check_shared(uint32_t lane, uint32_t address, uint32_t bytes, bool write, Site at)
{
    if (bytes > kernel_.shared_bytes || address > kernel_.shared_bytes - bytes) {
        fail(at, "shared address %u, %u bytes: the block has %u", address, bytes,
             kernel_.shared_bytes);
    }
    if (address % bytes != 0) {
        fail(at, "shared address %u is not a multiple of %u", address, bytes);
    }
    if (write && wgmma_pending_ != 0) {
        check_pending(address, bytes, at);
    }
    for (size_t word = address / 4; word <= (address + bytes - 1) / 4; word++) {
        check_flight(word, address, at);
        check_written(lane, word, address, at, write);
        if (write) {
            check_read(lane, word, address, at);
            continue;
        }
        if ((byte_mask(address, bytes) & ~valid_[word]) != 0) {
            fail(at, "shared address %u is read before anything was written there", address);
        }
        uint64_t &seen = read_[warp_->index * words_ + word];
        bool again = seen >> 8 == warp_->time && (seen & 255) != lane;
        seen = read_record(warp_->time, again ? uint64_t{SEVERAL} : lane);
        read_site_[warp_->index * words_ + word] = site_number(at);
    }
}

uint8_t *Machine::shared_read_as(uint32_t lane, uint32_t address, uint32_t bytes, Site at)
{
    check_shared(lane, address, bytes, false, at);
    return shared_.data() + address;
}

uint8_t *Machine::shared_read(uint32_t address, uint32_t bytes, Site at)
{
    check_shared(lane_->thread % LANES, address, bytes, false, at);
    lane_->log.push_back(
        {Access::shared_load, static_cast<uint8_t>(bytes), 0, site_number(at), address, 0});
    return shared_.data() + address;
}

uint8_t *Machine::shared_write(uint32_t address, uint32_t bytes, Site at)
{
    uint32_t lane = lane_->thread % LANES;
    uint16_t site = site_number(at);

    check_shared(lane, address, bytes, true, at);
    for (size_t word = address / 4; word <= (address + bytes - 1) / 4; word++) {
        write_[word] = write_record(warp_->time, warp_->index, lane);
        write_sequence_[word] = ++sequence_;
        write_site_[word] = site;
        valid_[word] |= byte_mask(address, bytes);
    }
    lane_->log.push_back({Access::shared_store, static_cast<uint8_t>(bytes), 0, site, address, 0});
    return shared_.data() + address;
}

// ---- Asynchronous copies ----

void Machine::land(const Copy &copy)
{
    uint32_t lane = lane_->thread % LANES;

    memcpy(shared_.data() + copy.shared, copy.from, copy.valid);
    memset(shared_.data() + copy.shared + copy.valid, 0, 16 - copy.valid);
    for (size_t word = copy.shared / 4; word < copy.shared / 4 + 4; word++) {
        flight_[word] = Flight::none;
        valid_[word] = 15;
        write_[word] = write_record(warp_->time, warp_->index, lane);
        write_sequence_[word] = ++sequence_;
        write_site_[word] = site_number(copy.at);
    }
}

void Machine::copy_async(uint32_t address, const Buffer *buffer, int64_t offset, uint32_t valid,
                         uint8_t tensor, Site at)
{
    Copy copy = {address, valid, lane_->group, nullptr, at};

    if (valid > 16) {
        fail(at, "copy of %u of 16 bytes", valid);
    }
    check_shared(lane_->thread % LANES, address, 16, true, at);
    if (buffer == nullptr || (buffer->address + static_cast<uint64_t>(offset)) % 16 != 0) {
        fail(at, "copy from an address that is null or no multiple of 16");
    }
    if (valid != 0) {
        if (offset < 0 || static_cast<uint64_t>(offset) + valid > buffer->bytes) {
            fail(at, "outside of the buffer: %u bytes at byte %" PRId64 " of %zu", valid, offset,
                 buffer->bytes);
        }
        check_global(buffer, static_cast<size_t>(offset), valid, false, at);
    }
    copy.from = buffer->data + offset;
    lane_->log.push_back({Access::copy, static_cast<uint8_t>(valid), tensor, site_number(at),
                          address, buffer->address + static_cast<uint64_t>(offset)});
    if (options.early_copies) {
        land(copy);
        return;
    }
    for (size_t word = address / 4; word < address / 4 + 4; word++) {
        flight_[word] = Flight::copy;
    }
    memset(shared_.data() + address, 0xa9, 16);
    lane_->copies.push_back(copy);
}

void Machine::copy_commit()
{
    lane_->group++;
    lane_->commits.push_back(lane_->log.size());
}

// Groups closed so far are 0 .. group - 1; the newest `newest` of them may go on.
void Machine::copy_wait(uint32_t newest)
{
    std::vector<Copy> &copies = lane_->copies;
    size_t landed = 0;

    while (landed < copies.size() && copies[landed].group + newest < lane_->group) {
        land(copies[landed++]);
    }
    copies.erase(copies.begin(), copies.begin() + static_cast<std::ptrdiff_t>(landed));
}

} // namespace qoq_emu
