// SPDX-License-Identifier: Apache-2.0
// What is remembered of a word of shared memory.
#ifndef QOQ_SIM_EMU_RECORDS_HH
#define QOQ_SIM_EMU_RECORDS_HH

#include <cstdint>
#include <cstring>

#include "sim/emu/site.hh"

namespace qoq_emu
{

// A read by several lanes of a warp at one time has lane SEVERAL.
enum : uint32_t { SEVERAL = 32 };

inline uint64_t write_record(uint64_t time, uint32_t warp, uint32_t lane)
{
    return time << 16 | warp << 8 | lane;
}

inline uint64_t read_record(uint64_t time, uint64_t lane)
{
    return time << 8 | lane;
}

inline const char *tail(Site site)
{
    const char *found = site.file == nullptr ? nullptr : strstr(site.file, "gpu/");

    return found == nullptr ? site.file : found;
}

} // namespace qoq_emu

#endif
