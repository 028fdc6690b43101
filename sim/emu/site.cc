// SPDX-License-Identifier: Apache-2.0
// Numbers of sites: a table that only grows; a program has a few hundred.
#include "sim/emu/site.hh"

namespace qoq_emu
{

namespace
{

enum { SLOTS = 1 << 14 };

Site table[SLOTS];

uint32_t hash(Site site)
{
    uint64_t h = reinterpret_cast<uintptr_t>(site.file) +
                 static_cast<uint64_t>(site.line) * 0x9E3779B97F4A7C15u;

    return static_cast<uint32_t>(h * 0xD1342543DE82EF95u >> 50);
}

} // namespace

uint16_t site_number(Site site)
{
    uint32_t slot = hash(site) % SLOTS;

    while (table[slot].file != nullptr && !(table[slot] == site)) {
        slot = (slot + 1) % SLOTS;
    }
    table[slot] = site;
    return static_cast<uint16_t>(slot);
}

Site site_of(uint16_t number)
{
    return table[number];
}

} // namespace qoq_emu
