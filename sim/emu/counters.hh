// SPDX-License-Identifier: Apache-2.0
// Cost of shared memory accesses.
#ifndef QOQ_SIM_EMU_COUNTERS_HH
#define QOQ_SIM_EMU_COUNTERS_HH

#include <cstdint>

namespace qoq_emu
{

// Wavefronts for `count` <= 32 addresses of one word each.
uint32_t wavefronts(const uint32_t *address, uint32_t count);

} // namespace qoq_emu

#endif
