// SPDX-License-Identifier: Apache-2.0
// A line of a kernel, known to every primitive through a default argument.
#ifndef QOQ_SIM_EMU_SITE_HH
#define QOQ_SIM_EMU_SITE_HH

#include <cstdint>

namespace qoq_emu
{

struct Site {
    const char *file;
    int line;

    static constexpr Site here(const char *file = __builtin_FILE(), int line = __builtin_LINE())
    {
        return {file, line};
    }
    bool operator==(const Site &other) const
    {
        return file == other.file && line == other.line;
    }
};

// A small number for a site, and back.
uint16_t site_number(Site site);
Site site_of(uint16_t number);

} // namespace qoq_emu

#endif
