// SPDX-License-Identifier: Apache-2.0
// How a product is cut into blocks: the tile by the number of tokens, and how many blocks share a
// tile along K. The second comes from a small model of time, in microseconds and bytes; no choice
// moves a bit. doc/gpu.md has the model in words, `qoq gpu bench --tiles` its numbers.
#ifndef QOQ_GPU_GEMM_PLAN_CUH
#define QOQ_GPU_GEMM_PLAN_CUH

#include "gpu/gemm_tiles.cuh"
#include "gpu/handle.cuh"

namespace qoq
{

namespace
{

// What the model takes for a multiprocessor. The figures are those of an H200; others change the
// time that it gives, but hardly which division is the fastest.
constexpr double STREAM_RATE = 31000;   // bytes/us of device memory that are an SM's share
constexpr double L2_RATE = 60000;       // bytes/us between an SM and the L2 cache
constexpr double MULTIPLY_RATE = 7.2e6; // INT8 multiply-adds/us of the tensor cores
constexpr double STAGE_TIME = 0.3;      // us: the least that a stage takes a block
constexpr double START_TIME = 1.5;      // us: until a block has its first stage
constexpr double JOIN_TIME = 1.0;       // us: fences and the counter of blocks that share a tile
constexpr double JOIN_STEP = 0.2;       // us: for each of them that the last one adds up

constexpr uint32_t MOST_SPLITS = 16, MOST_BLOCKS = 2; // of a tile, of a multiprocessor
constexpr uint32_t BAND = 2048;                       // tokens

struct gemm_size {
    uint32_t outputs, tiles; // tiles of the output; stages of K in each
    uint32_t scheme;
};

inline uint32_t stage_bytes(const tile_row &tile, uint32_t scheme)
{
    return tile.bm * tile.bk + tile.bn * tile.bk / (scheme == QOQ_W8 ? 1 : 2) +
           (scheme == QOQ_W4_GROUP ? 2 * tile.bn : 0);
}

// Blocks of `stages` stages each on `sms` multiprocessors. Those that run share the bandwidth; full
// rounds of them, then the rest, each no faster than a block alone.
inline double run_time(const tile_row &tile, uint32_t scheme, uint32_t blocks, uint32_t stages,
                       uint32_t sms)
{
    const double bytes = static_cast<double>(stages) * stage_bytes(tile, scheme);
    const double work = static_cast<double>(tile.bm) * tile.bn * tile.bk / MULTIPLY_RATE;
    const uint32_t slots = sms * tile.blocks, last = blocks % slots;
    double time = 0;

    for (const uint32_t many : {slots, last}) {
        const double share = static_cast<double>(many) / sms;
        const double stage = share > 1 ? work * share : work;
        const double alone = stages * (stage > STAGE_TIME ? stage : STAGE_TIME);
        const double stream = bytes * share / STREAM_RATE;

        time += (many == last ? (last > 0 ? 1 : 0) : blocks / slots) *
                (stream > alone ? stream : alone);
    }
    return time;
}

// Partial sums go out and come back; the last block of a tile adds them up.
inline double join_time(const tile_row &tile, uint32_t outputs, uint32_t splits, uint32_t sms)
{
    const double bytes = 2.0 * outputs * splits * tile.bm * tile.bn * sizeof(int32_t);

    return splits > 1 ? JOIN_TIME + JOIN_STEP * (splits - 1) + bytes / (sms * L2_RATE) : 0;
}

inline double split_time(const tile_row &tile, const gemm_size &size, uint32_t splits, uint32_t sms)
{
    const uint32_t per_split = ceil_div(size.tiles, splits);

    return START_TIME +
           run_time(tile, size.scheme, size.outputs * ceil_div(size.tiles, per_split), per_split,
                    sms) +
           join_time(tile, size.outputs, splits, sms);
}

// At least two stages for a block, so that one is multiplied while another comes.
inline uint32_t choose_splits(const tile_row &tile, const gemm_size &size, uint32_t sms)
{
    const uint32_t most = size.tiles / 2 < MOST_SPLITS ? size.tiles / 2 : MOST_SPLITS;
    uint32_t best = 1;

    for (uint32_t splits = 2; splits <= most && size.outputs < sms * tile.blocks; splits++) {
        if (split_time(tile, size, splits, sms) < split_time(tile, size, best, sms)) {
            best = splits;
        }
    }
    return best;
}

// Blocks of one product.
struct plan {
    const tile_row *tile;
    uint32_t grid[2], tiles, per_split, splits; // grid: tiles of channels and of tokens
    uint32_t band, bands;                       // tiles of tokens
    uint32_t counters; // room for them: the same for all shapes that the library divides by itself,
                       // so that what is a partial sum of one product is no counter of the next

    size_t outputs() const
    {
        return static_cast<size_t>(grid[0]) * grid[1];
    }
    size_t counter_bytes() const
    {
        return splits > 1 ? (counters * sizeof(uint32_t) + 15) / 16 * 16 : 0;
    }
    size_t scratch() const
    {
        return splits > 1
                   ? counter_bytes() + outputs() * splits * tile->bm * tile->bn * sizeof(int32_t)
                   : 0;
    }
};

// asked: the splits that were asked for, or 0.
inline plan plan_tile(const tile_row &tile, uint32_t sms, uint32_t asked, uint32_t scheme, size_t m,
                      size_t n, size_t k)
{
    const uint32_t most = BAND / tile.bm;
    plan it;

    it.tile = &tile;
    it.grid[0] = ceil_div(n, tile.bn);
    it.grid[1] = ceil_div(m, tile.bm);
    it.tiles = ceil_div(k, tile.bk);
    const size_t outputs = it.outputs(), limit = sms * size_t{MOST_BLOCKS};
    const gemm_size size = {static_cast<uint32_t>(outputs < limit ? outputs : limit), it.tiles,
                            scheme};
    const uint32_t wanted = asked > 0 ? asked : choose_splits(tile, size, sms);
    it.per_split = ceil_div(it.tiles, wanted < it.tiles ? wanted : it.tiles);
    it.splits = ceil_div(it.tiles, it.per_split);
    it.bands = it.splits > 1 ? 1 : ceil_div(it.grid[1], most);
    it.band = ceil_div(it.grid[1], it.bands);
    it.counters = static_cast<uint32_t>(outputs > limit ? outputs : limit);
    return it;
}

} // namespace

} // namespace qoq

#endif
