// SPDX-License-Identifier: Apache-2.0
// What instructions compute. Written from their definitions, sharing nothing with ref/: a common
// mistake would hide.
#ifndef QOQ_SIM_EMU_ARITHMETIC_HH
#define QOQ_SIM_EMU_ARITHMETIC_HH

#include <cstdint>

namespace qoq_emu
{

class Machine;

// Operands of collectives: one of these on the stack of each lane.
struct Shuffle {
    uint32_t value, source, result;
};
struct Vote {
    bool value;
    uint32_t result;
};
struct LoadMatrix {
    uint32_t *r;
    uint32_t address;
};
struct Mma {
    int32_t *d;
    const uint32_t *a;
    uint32_t b[2];
};

void shuffle(Machine &m, void *const *operands);
void vote(Machine &m, void *const *operands);
void load_matrix(Machine &m, void *const *operands);
void load_matrix_transposed(Machine &m, void *const *operands);
void mma_s8(Machine &m, void *const *operands);
void mma_s8u8(Machine &m, void *const *operands);
void mma_u8(Machine &m, void *const *operands);
void mma_u8s8(Machine &m, void *const *operands);
void count_sync_warp(Machine &m, void *const *operands);

uint32_t permute(uint32_t a, uint32_t b, uint32_t selector);
int32_t dp2a(uint32_t a, uint32_t two_bytes, int32_t c);
int32_t round_int(float x);
float widen(uint16_t h);
uint16_t narrow(float x);

} // namespace qoq_emu

#endif
