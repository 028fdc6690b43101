// SPDX-License-Identifier: Apache-2.0
// What accesses cost. The lanes of a warp reach an instruction one after another; where the warp
// meets, their logs are laid side by side again: the n-th access of each lane from one line is one
// instruction.
#include "sim/emu/counters.hh"

#include <cstring>
#include <map>

#include "sim/emu/machine.hh"

namespace qoq_emu
{

static const char *const names[] = {"mma_s8",
                                    "load_matrix",
                                    "integer_multiply",
                                    "integer_add",
                                    "logic",
                                    "shift",
                                    "fp32",
                                    "conversion",
                                    "special",
                                    "shuffle",
                                    "vote",
                                    "sync_warp",
                                    "barrier",
                                    "fence",
                                    "atomic",
                                    "copy_async",
                                    "shared_load",
                                    "shared_store",
                                    "shared_wavefront",
                                    "shared_ideal",
                                    "global_load",
                                    "global_store",
                                    "wgmma_n8",
                                    "wgmma_n16",
                                    "wgmma_n32",
                                    "wgmma_n64",
                                    "wgmma_n128",
                                    "wgmma_n256",
                                    "mbarrier_arrive",
                                    "mbarrier_wait",
                                    "bulk_copy",
                                    "bulk_bytes"};
static_assert(sizeof names / sizeof *names == QOQ_EMU_COUNTS, "a name for each count");

// Passes over the banks for at most 32 addresses of 4 bytes: a bank serves one word at a time, to
// all who want it.
uint32_t wavefronts(const uint32_t *address, uint32_t count)
{
    uint32_t words[LANES], in_bank[32] = {0}, distinct = 0, most = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t word = address[i] / 4, seen = 0;

        while (seen < distinct && words[seen] != word) {
            seen++;
        }
        if (seen == distinct) {
            words[distinct++] = word;
            most = std::max(most, ++in_bank[word % 32]);
        }
    }
    return most;
}

// 8-byte accesses go by half warps, 16-byte ones by quarters.
static void count_shared(Machine &m, const Access *const *access, uint32_t bytes)
{
    uint32_t words = bytes < 4 ? 1 : bytes / 4, lanes = LANES / words;

    for (uint32_t first = 0; first < LANES; first += lanes) {
        uint32_t address[LANES], count = 0;

        for (uint32_t i = first; i < first + lanes; i++) {
            for (uint32_t w = 0; access[i] != nullptr && w < words; w++) {
                address[count++] = access[i]->shared + 4 * w;
            }
        }
        if (count != 0) {
            m.count(QOQ_EMU_SHARED_WAVEFRONT, wavefronts(address, count));
            m.count(QOQ_EMU_SHARED_IDEAL);
        }
    }
}

// Different sectors among the lanes' addresses.
static uint32_t sectors(const Access *const *access)
{
    uint64_t sector[2 * LANES];
    uint32_t count = 0;

    for (uint32_t i = 0; i < LANES; i++) {
        if (access[i] == nullptr || access[i]->bytes == 0) {
            continue;
        }
        uint64_t last = (access[i]->global + access[i]->bytes - 1) / SECTOR;
        for (uint64_t s = access[i]->global / SECTOR; s <= last; s++) {
            if (count == 0 || sector[count - 1] != s) {
                sector[count++] = s;
            }
        }
    }
    if (!std::is_sorted(sector, sector + count)) {
        std::sort(sector, sector + count);
    }
    return static_cast<uint32_t>(std::unique(sector, sector + count) - sector);
}

// One instruction: access[lane], or NULL where the lane took no part.
void Machine::count_one(const Access *const *access)
{
    const Access *any = nullptr;
    uint32_t bytes = 0;

    for (uint32_t i = 0; i < LANES; i++) {
        any = access[i] != nullptr ? access[i] : any;
        bytes = access[i] != nullptr ? std::max<uint32_t>(bytes, access[i]->bytes) : bytes;
    }
    switch (any->kind) {
    case Access::shared_load:
    case Access::shared_store:
        count(any->kind == Access::shared_load ? QOQ_EMU_SHARED_LOAD : QOQ_EMU_SHARED_STORE);
        count_shared(*this, access, bytes);
        break;
    case Access::copy:
        count(QOQ_EMU_COPY_ASYNC);
        count_shared(*this, access, 16);
        record_->read_sectors[any->tensor] += sectors(access);
        break;
    case Access::global_load:
        count(QOQ_EMU_GLOBAL_LOAD);
        record_->read_sectors[any->tensor] += sectors(access);
        break;
    case Access::global_store:
        count(QOQ_EMU_GLOBAL_STORE);
        record_->written_sectors[any->tensor] += sectors(access);
        break;
    }
}

// Lanes took different ways: sorts by line, array and group of copies, and by how often the lane
// was there.
void Machine::count_parted()
{
    struct Row {
        const Access *access[LANES];
    };
    std::map<std::pair<uint64_t, uint32_t>, Row> rows;

    for (uint32_t i = 0; i < LANES; i++) {
        const Lane &lane = warp_->lane[i];
        std::map<uint64_t, uint32_t> seen;
        uint64_t group = 0;

        for (size_t j = 0; j < lane.log.size(); j++) {
            const Access &access = lane.log[j];
            const uint32_t array = access.kind < Access::global_load ? 0 : access.tensor;

            while (group < lane.commits.size() && lane.commits[group] <= j) {
                group++;
            }
            const uint64_t place =
                group << 32 | array << 24 | uint32_t{access.site} << 3 | access.kind;
            rows[{place, seen[place]++}].access[i] = &access;
        }
    }
    for (const auto &row : rows) {
        count_one(row.second.access);
    }
}

void Machine::count_accesses()
{
    const std::vector<Access> &first = warp_->lane[0].log;
    bool parted = false;

    for (uint32_t i = 1; i < LANES && !parted; i++) {
        const std::vector<Access> &log = warp_->lane[i].log;

        parted = log.size() != first.size();
        for (size_t j = 0; j < first.size() && !parted; j++) {
            parted = log[j].site != first[j].site || log[j].kind != first[j].kind;
        }
    }
    if (parted) {
        count_parted();
    }
    for (size_t j = 0; j < first.size() && !parted; j++) {
        const Access *access[LANES];

        for (uint32_t i = 0; i < LANES; i++) {
            access[i] = &warp_->lane[i].log[j];
        }
        count_one(access);
    }
    for (Lane &lane : warp_->lane) {
        lane.log.clear();
        lane.commits.clear();
    }
}

} // namespace qoq_emu

extern "C" const char *qoq_emu_count_name(enum qoq_emu_count count)
{
    return count < QOQ_EMU_COUNTS ? qoq_emu::names[count] : "unknown";
}
