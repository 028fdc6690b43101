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

constexpr uint32_t MOST_SPLITS = 16; // of a tile
constexpr uint32_t MOST_OUTPUTS = 6; // of a multiprocessor, where tiles are split
constexpr uint32_t BAND = 2048;      // tokens

struct gemm_size {
    uint32_t rows, outputs, tiles; // tiles of tokens, of the output; stages of K in each
    uint32_t scheme;
};

inline uint32_t weight_bytes(const tile_row &tile, uint32_t scheme)
{
    return tile.bn * tile.bk / (scheme == QOQ_W8 ? 1 : 2) +
           (scheme == QOQ_W4_GROUP ? 2 * tile.bn : 0);
}

inline uint32_t stage_bytes(const tile_row &tile, uint32_t scheme)
{
    return tile.bm * tile.bk + weight_bytes(tile, scheme);
}

// What `count` stages take in all multiprocessors together. Weights come from memory once for all
// tiles of tokens, whatever else from the L2 cache.
inline double work_time(const tile_row &tile, const gemm_size &size, double count, uint32_t sms)
{
    const double multiply = static_cast<double>(tile.bm) * tile.bn * tile.bk / MULTIPLY_RATE;
    const double stream = weight_bytes(tile, size.scheme) / (STREAM_RATE * size.rows);
    const double cache = stage_bytes(tile, size.scheme) / L2_RATE;
    const double most = multiply > stream ? multiply : stream;

    return (most > cache ? most : cache) * count / sms;
}

// Blocks of `stages` stages each: rounds of all that run at once, then the rest. Those that run
// share what there is, and none is faster than it were alone.
inline double run_time(const tile_row &tile, const gemm_size &size, uint32_t blocks,
                       uint32_t stages, uint32_t sms)
{
    const double multiply = static_cast<double>(tile.bm) * tile.bn * tile.bk / MULTIPLY_RATE;
    const double alone = stages * (multiply > STAGE_TIME ? multiply : STAGE_TIME);
    const uint32_t slots = sms * tile.blocks, last = blocks % slots;
    const double full = work_time(tile, size, static_cast<double>(slots) * stages, sms),
                 rest = work_time(tile, size, static_cast<double>(last) * stages, sms);

    return blocks / slots * (full > alone ? full : alone) +
           (last > 0 ? rest > alone ? rest : alone : 0);
}

// Partial sums of `count` blocks go out and come back; the last block of a tile adds `splits` up.
inline double join_time(const tile_row &tile, double count, uint32_t splits, uint32_t sms)
{
    const double bytes = 2 * count * tile.bm * tile.bn * sizeof(int32_t);

    return splits > 1 ? JOIN_TIME + JOIN_STEP * (splits - 1) + bytes / (sms * L2_RATE) : 0;
}

inline double split_time(const tile_row &tile, const gemm_size &size, uint32_t splits, uint32_t sms)
{
    const uint32_t stages = ceil_div(size.tiles, splits);
    const uint32_t blocks = size.outputs * ceil_div(size.tiles, stages);

    return START_TIME + run_time(tile, size, blocks, stages, sms) +
           join_time(tile, blocks, splits, sms);
}

// As if all blocks that run at once took equal shares of all stages, each with the ends of two
// tiles.
inline double even_time(const tile_row &tile, const gemm_size &size, uint32_t sms)
{
    const double slots = static_cast<double>(sms) * tile.blocks;

    return START_TIME + work_time(tile, size, static_cast<double>(size.outputs) * size.tiles, sms) +
           join_time(tile, 2 * slots, 2, sms);
}

// At least two stages for a block, so that one is multiplied while another comes.
inline uint32_t choose_splits(const tile_row &tile, const gemm_size &size, uint32_t sms)
{
    const uint32_t most = size.tiles / 2 < MOST_SPLITS ? size.tiles / 2 : MOST_SPLITS;
    uint32_t best = 1;

    for (uint32_t splits = 2; splits <= most && size.outputs < sms * MOST_OUTPUTS; splits++) {
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
    const size_t outputs = it.outputs(), limit = sms * size_t{MOST_OUTPUTS};
    const gemm_size size = {it.grid[1], static_cast<uint32_t>(outputs < limit ? outputs : limit),
                            it.tiles, scheme};
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
