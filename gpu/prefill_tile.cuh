// SPDX-License-Identifier: Apache-2.0
// What the prefill kernel is told, and which rows a block takes.
#ifndef QOQ_GPU_PREFILL_TILE_CUH
#define QOQ_GPU_PREFILL_TILE_CUH

#include "gpu/attention_source.cuh"

namespace qoq
{

// Codes of BITS, WARPS with 16 query vectors each and 32 STEPS dimensions of their output. BLOCKS:
// how many an SM must be able to hold. Heads of more dimensions take several tiles, each of which
// makes the weights of its own.
template <int BITS, int STEPS, int WARPS, int BLOCKS> struct prefill_shape {
    static constexpr int bits = BITS, steps = STEPS, warps = WARPS, blocks = BLOCKS;
    static constexpr int threads = 32 * WARPS, vectors = 16 * WARPS;
    // Of the two vectors of a lane, those that are computed.
    static constexpr int per_lane = 2;
    // 16-byte columns of codes in 32 dimensions.
    static constexpr int columns = BITS / 4;
    // Floats of a partial result in a thread.
    static constexpr int elements = 4 + 16 * STEPS;

    static_assert(SPLIT % threads == 0, "tokens of a split that a thread prepares");
};

// Codes of a split's tokens in shared memory: a row each.
struct prefill_rows {
    uint32_t at, pitch;     // bytes
    uint32_t vectors, log2; // 16-byte columns, and the logarithm of the power of two from there on
};

// An odd number of vectors to a pitch: eight rows that are read together meet all banks.
inline prefill_rows make_rows(uint32_t at, uint32_t vectors)
{
    prefill_rows rows = {at, 16 * (vectors | 1), vectors, 0};

    while (1u << rows.log2 < vectors) {
        rows.log2++;
    }
    return rows;
}

struct prefill_params : attention_source {
    prefill_rows keys, values;
    global<const float> q;                          // [rows][q_heads][head_dim]
    global<const int32_t> sequence, context, start; // [sequences], [sequences], [sequences + 1]
    global<float> stack;                            // [block][level][element][thread]
    global<uint16_t> out;                           // [rows][q_heads][head_dim]
    uint32_t q_heads, group, sequences;
    uint32_t rows, heads;             // of a tile
    uint32_t head_blocks, out_blocks; // of a key/value head, of its dimensions
    uint32_t slots, tiles, levels;
    uint32_t steps, out_steps; // of 32 dimensions: of a head, at most of a tile's output
    uint32_t query_pitch, at_q, at_place, at_factors, at_bad; // shared memory
    bool pairs; // two outputs may be stored as one word
};

// Divides the shared memory of a block for `vectors` query vectors; columns: 16-byte columns of
// codes in 32 dimensions. p.steps and p.out_steps are there. Returns its size.
inline uint32_t prefill_lay_out(prefill_params &p, uint32_t columns, uint32_t vectors)
{
    p.keys = make_rows(0, p.steps * columns);
    p.values = make_rows(SPLIT * p.keys.pitch, p.out_steps * columns);
    p.query_pitch = 32 * p.steps + 16;
    p.at_q = p.values.at + SPLIT * p.values.pitch;
    p.at_place = p.at_q + 2 * vectors * p.query_pitch;
    p.at_factors = p.at_place + 8 * SPLIT;
    p.at_bad = p.at_factors + 2 * 16 * SPLIT;
    return p.at_bad + 2 * 16;
}

// Rows of one sequence, consecutive positions inside one split, times some query heads of one
// key/value head. All of them have the same splits and the same tree of merges.
struct prefill_tile {
    uint32_t sequence; // in the table
    uint32_t row, position, rows;
    uint32_t head, heads, kv_head;
    uint32_t out_step; // the first of 32 dimensions of the output

    // Query vector v: row v / heads, head v % heads.
    QOQ_MEMBER uint32_t vectors() const
    {
        return rows * heads;
    }
    QOQ_MEMBER uint32_t end() const
    {
        return position + rows;
    }
    QOQ_MEMBER size_t output(uint32_t v, uint32_t q_heads) const
    {
        return static_cast<size_t>(row + v / heads) * q_heads + head + v % heads;
    }
};

// Tiles begin at positions that are multiples of p.rows, so n rows lie in at most ceil(n / p.rows)
// + 1 of them. Sequence b has the slots from here on: as many at least, for floor(y) - floor(x) >=
// ceil(y - x) - 1.
QOQ_DEVICE uint32_t prefill_slot(const prefill_params &p, uint32_t b)
{
    return static_cast<uint32_t>(load(p.start, b)) / p.rows + 2 * b;
}

// Tile number i; heads vary fastest, and the last rows of a sequence, which see most, come first.
// rows is 0 where the slot is empty.
QOQ_DEVICE prefill_tile prefill_find(const prefill_params &p, uint32_t i)
{
    const uint32_t columns = p.cache.heads * p.head_blocks * p.out_blocks, column = i % columns;
    const uint32_t slot = p.slots - 1 - i / columns;
    uint32_t b = 0, above = p.sequences;

    while (above - b > 1) {
        const uint32_t middle = (b + above) / 2;

        if (prefill_slot(p, middle) <= slot) {
            b = middle;
        } else {
            above = middle;
        }
    }
    const uint32_t start = static_cast<uint32_t>(load(p.start, b));
    const uint32_t count = static_cast<uint32_t>(load(p.start, b + 1)) - start;
    const uint32_t context = static_cast<uint32_t>(load(p.context, b)), before = context - count;
    const uint32_t block = before / p.rows + slot - prefill_slot(p, b);
    const uint32_t first = block * p.rows > before ? block * p.rows : before;
    const uint32_t last = (block + 1) * p.rows < context ? (block + 1) * p.rows : context;
    const uint32_t skip = column / p.out_blocks % p.head_blocks * p.heads;
    prefill_tile tile;

    tile.sequence = static_cast<uint32_t>(load(p.sequence, b));
    tile.row = start + first - before;
    tile.position = first;
    tile.rows = first < last ? last - first : 0;
    tile.kv_head = column / p.out_blocks / p.head_blocks;
    tile.out_step = column % p.out_blocks * p.out_steps;
    tile.head = tile.kv_head * p.group + skip;
    tile.heads = p.group - skip < p.heads ? p.group - skip : p.heads;
    return tile;
}

} // namespace qoq

#endif
