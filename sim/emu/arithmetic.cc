// SPDX-License-Identifier: Apache-2.0
// Instructions, by their definitions in the PTX manual.
#include "sim/emu/arithmetic.hh"

#include <cmath>
#include <cstring>

#include "sim/emu/counters.hh"
#include "sim/emu/machine.hh"

namespace qoq_emu
{

void count_sync_warp(Machine &m, void *const *)
{
    m.count(QOQ_EMU_SYNC_WARP);
}

void shuffle(Machine &m, void *const *operands)
{
    m.count(QOQ_EMU_SHUFFLE);
    for (uint32_t i = 0; i < LANES; i++) {
        Shuffle &mine = *static_cast<Shuffle *>(operands[i]);
        mine.result = static_cast<Shuffle *>(operands[mine.source])->value;
    }
}

void vote(Machine &m, void *const *operands)
{
    uint32_t result = 0;

    m.count(QOQ_EMU_VOTE);
    for (uint32_t i = 0; i < LANES; i++) {
        result |= uint32_t{static_cast<Vote *>(operands[i])->value} << i;
    }
    for (uint32_t i = 0; i < LANES; i++) {
        static_cast<Vote *>(operands[i])->result = result;
    }
}

// Row j of matrix i comes from the address of lane 8 i + j; take(i, row, bytes) gets its 16 bytes.
template <class Take> static void read_matrices(Machine &m, void *const *operands, Take take)
{
    Site at = m.lane().at;

    m.count(QOQ_EMU_LOAD_MATRIX);
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t address[LANES];

        for (uint32_t row = 0; row < 8; row++) {
            uint32_t from = static_cast<LoadMatrix *>(operands[8 * i + row])->address;
            const uint8_t *bytes = m.shared_read_as(8 * i + row, from, 16, at);

            for (uint32_t c = 0; c < 4; c++) {
                address[4 * row + c] = from + 4 * c;
            }
            take(i, row, bytes);
        }
        m.count(QOQ_EMU_SHARED_WAVEFRONT, wavefronts(address, LANES));
        m.count(QOQ_EMU_SHARED_IDEAL);
    }
}

// Register i of a lane is bytes 4 (lane % 4) .. + 3 of row lane / 4 of matrix i.
void load_matrix(Machine &m, void *const *operands)
{
    read_matrices(m, operands, [&](uint32_t i, uint32_t row, const uint8_t *bytes) {
        for (uint32_t c = 0; c < 4; c++) {
            memcpy(static_cast<LoadMatrix *>(operands[4 * row + c])->r + i, bytes + 4 * c, 4);
        }
    });
}

// In elements of 16 bits: the low half of register i is row 2 (lane % 4), column lane / 4 of matrix
// i, the high half the row after it.
void load_matrix_transposed(Machine &m, void *const *operands)
{
    read_matrices(m, operands, [&](uint32_t i, uint32_t row, const uint8_t *bytes) {
        for (uint32_t column = 0; column < 8; column++) {
            LoadMatrix &lane = *static_cast<LoadMatrix *>(operands[4 * column + row / 2]);
            uint16_t half;

            memcpy(&half, bytes + 2 * column, 2);
            lane.r[i] = row % 2 == 0 ? half : (lane.r[i] & 0xffff) | uint32_t{half} << 16;
        }
    });
}

// m16n8k32. With r = lane / 4, c = lane % 4: register i of a holds row r + 8 (i % 2), columns 16 (i
// / 2) + 4 c ..; of b: column r, rows 16 i + 4 c ..; of d: row r + 8 (i / 2), column 2 c + i % 2.
// A, B: int8_t or uint8_t.
template <class A, class B> static void multiply(Machine &m, void *const *operands)
{
    A a_bytes[4];
    B b_bytes[4];
    int16_t a[16][32], b[8][32];

    m.count(QOQ_EMU_MMA_S8);
    for (uint32_t i = 0; i < LANES; i++) {
        const Mma &mine = *static_cast<Mma *>(operands[i]);
        uint32_t r = i / 4, c = i % 4;

        for (uint32_t j = 0; j < 4; j++) {
            memcpy(a_bytes, mine.a + j, 4);
            for (uint32_t k = 0; k < 4; k++) {
                a[r + 8 * (j % 2)][16 * (j / 2) + 4 * c + k] = a_bytes[k];
            }
        }
        for (uint32_t j = 0; j < 2; j++) {
            memcpy(b_bytes, mine.b + j, 4);
            for (uint32_t k = 0; k < 4; k++) {
                b[r][16 * j + 4 * c + k] = b_bytes[k];
            }
        }
    }
    for (uint32_t i = 0; i < LANES; i++) {
        const Mma &mine = *static_cast<Mma *>(operands[i]);

        for (uint32_t j = 0; j < 4; j++) {
            const int16_t *row = a[i / 4 + 8 * (j / 2)], *column = b[2 * (i % 4) + j % 2];
            int32_t sum = 0;

            for (uint32_t k = 0; k < 32; k++) {
                sum += row[k] * column[k];
            }
            mine.d[j] =
                static_cast<int32_t>(static_cast<uint32_t>(mine.d[j]) + static_cast<uint32_t>(sum));
        }
    }
}

void mma_s8(Machine &m, void *const *operands)
{
    multiply<int8_t, int8_t>(m, operands);
}

void mma_s8u8(Machine &m, void *const *operands)
{
    multiply<int8_t, uint8_t>(m, operands);
}

void mma_u8(Machine &m, void *const *operands)
{
    multiply<uint8_t, uint8_t>(m, operands);
}

void mma_u8s8(Machine &m, void *const *operands)
{
    multiply<uint8_t, int8_t>(m, operands);
}

// Selector nibble i names the byte of b:a that becomes byte i; bit 3 of it would replicate the
// sign.
uint32_t permute(uint32_t a, uint32_t b, uint32_t selector)
{
    uint64_t both = uint64_t{b} << 32 | a;
    uint32_t result = 0;

    for (uint32_t i = 0; i < 4; i++) {
        uint32_t s = selector >> 4 * i & 15,
                 byte = static_cast<uint32_t>(both >> 8 * (s & 7) & 255);

        result |= (s & 8 ? (byte & 128 ? 255u : 0u) : byte) << 8 * i;
    }
    return result;
}

int32_t dp2a(uint32_t a, uint32_t two_bytes, int32_t c)
{
    int32_t low = static_cast<int16_t>(a & 0xffff), high = static_cast<int16_t>(a >> 16);
    uint32_t sum = static_cast<uint32_t>(c) +
                   static_cast<uint32_t>(low * static_cast<int32_t>(two_bytes & 255)) +
                   static_cast<uint32_t>(high * static_cast<int32_t>(two_bytes >> 8));

    return static_cast<int32_t>(sum);
}

int32_t round_int(float x)
{
    if (std::isnan(x)) {
        return 0;
    }
    if (x >= 2147483648.0f) {
        return INT32_MAX;
    }
    return x <= -2147483648.0f ? INT32_MIN
                               : static_cast<int32_t>(std::nearbyint(static_cast<double>(x)));
}

float widen(uint16_t h)
{
    int exponent = h >> 10 & 31, fraction = h & 1023;
    float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                      : exponent == 31
                          ? (fraction == 0 ? INFINITY : NAN)
                          : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);

    return h & 0x8000 ? -magnitude : magnitude;
}

// In units of the last place, which is 2^-24 at the smallest, the nearest integer is the result.
uint16_t narrow(float x)
{
    uint16_t sign = std::signbit(x) ? 0x8000 : 0;
    double magnitude = std::fabs(static_cast<double>(x)), units;
    int exponent;

    if (std::isnan(x)) {
        return 0x7fff;
    }
    if (magnitude >= 65520.0) {
        return static_cast<uint16_t>(sign | 0x7c00);
    }
    std::frexp(magnitude, &exponent);
    exponent = magnitude < 0x1p-14 ? -14 : exponent - 1;
    units = std::nearbyint(std::ldexp(magnitude, 10 - exponent));
    // A carry to 2048 units moves into the exponent field by itself.
    return static_cast<uint16_t>(
        sign | (static_cast<int>(units) + (magnitude < 0x1p-14 ? 0 : (exponent + 14) * 1024)));
}

} // namespace qoq_emu
