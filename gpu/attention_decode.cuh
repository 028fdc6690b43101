// SPDX-License-Identifier: Apache-2.0
// Decode attention on tensor cores (N 11): the query heads of one row that share a key/value head,
// at most 8 or 16, are the vectors of a tile of prefill attention (prefill_tile.cuh), so that all
// of its arithmetic serves here too. A block is one warp: it walks a run of splits, the copies of
// the next under way, and leaves a partial result for each, or for each leaf of 16, to
// attention_merge.cuh; where a row has no more splits than that it writes the output itself.
//
// A split costs a warp the instructions of 8 (or 16) vectors, whatever the group: far fewer than
// one thread a token takes (attention.cuh). The numbers: doc/gpu.md.
#ifndef QOQ_GPU_ATTENTION_DECODE_CUH
#define QOQ_GPU_ATTENTION_DECODE_CUH

#include "gpu/attention_prefill.cuh"

namespace qoq
{

// PER_LANE: 1 for at most 8 query heads, 2 for at most 16.
template <int BITS, int PER_LANE, int BLOCKS>
struct decode_shape : prefill_shape<BITS, 4, 1, BLOCKS> {
    static constexpr int per_lane = PER_LANE, vectors = 8 * PER_LANE;
};

struct decode_params : prefill_params {
    global<float> partial; // [rows][q_heads][splits][head_dim + 2]: M, L, O
    uint32_t splits;       // of the longest context
    uint32_t runs, run;    // blocks of a row and key/value head; splits of each
    uint32_t merged;       // neighbouring splits that become one partial result: 1 or LEAF_SPLITS
    bool whole;            // no row has more than one run: no partial results
    bool partial_pairs;    // two neighbours of O may be stored at once
};

struct alignas(8) decode_pair {
    float x[2];
};

// The heads of one row; y counts key/value heads, blocks of their query heads, parts of the output.
QOQ_DEVICE prefill_tile decode_tile(const decode_params &p, uint32_t row, uint32_t context)
{
    const uint32_t part = block_y() % p.out_blocks, column = block_y() / p.out_blocks;
    const uint32_t skip = column % p.head_blocks * p.heads;
    prefill_tile tile;

    tile.sequence = static_cast<uint32_t>(load(p.sequence, row));
    tile.row = row;
    tile.position = context - 1;
    tile.rows = 1;
    tile.kv_head = column / p.head_blocks;
    tile.out_step = part * p.out_steps;
    tile.head = tile.kv_head * p.group + skip;
    tile.heads = p.group - skip < p.heads ? p.group - skip : p.heads;
    return tile;
}

// Codes of a split from a 16-byte column on. Where rows are whole 16-byte vectors a lane has one
// column of rows that lie the same distance apart.
template <class Shape>
QOQ_DEVICE void decode_load(const decode_params &p, const prefill_tile &tile,
                            global<const uint8_t> pool, const prefill_rows &rows, uint32_t first,
                            uint32_t split)
{
    if (!p.copies || rows.log2 > 5) {
        prefill_load_codes<Shape>(p, tile, pool, rows, first, split);
        return;
    }
    const uint32_t column = lane() & ((1u << rows.log2) - 1), from = 16 * (first + column);
    const uint32_t row = lane() >> rows.log2, step = 32u >> rows.log2;
    const uint32_t left = from < kv_vector_bytes(p.cache) ? tile.end() - split * SPLIT : 0;
    const global<const uint8_t> source = pool + from;
    uint32_t to = rows.at + row * rows.pitch + 16 * column, place = p.at_place + 8 * row;

    // The place of a token that does not exist is 0.
    for (uint32_t t = row; t < SPLIT && column < rows.vectors; t += step) {
        copy_async(to, source, load_shared<size_t>(place), t < left ? 16 : 0);
        to += step * rows.pitch;
        place += 8 * step;
    }
}

template <class Shape>
QOQ_DEVICE void decode_load_keys(const decode_params &p, const prefill_tile &tile, uint32_t split)
{
    decode_load<Shape>(p, tile, p.cache.k, p.keys, 0, split);
}

template <class Shape>
QOQ_DEVICE void decode_load_values(const decode_params &p, const prefill_tile &tile, uint32_t split)
{
    decode_load<Shape>(p, tile, p.cache.v, p.values, Shape::columns * tile.out_step, split);
}

// The partial result of the splits that begin with `split`.
template <class Shape>
QOQ_DEVICE void decode_store(const decode_params &p, const prefill_tile &tile,
                             const prefill_partial<Shape> &mine, uint32_t split)
{
    QOQ_UNROLL
    for (uint32_t v = 0; v < Shape::per_lane; v++) {
        const uint32_t vector = lane() / 4 + 8 * v;
        const size_t at =
            (static_cast<size_t>(tile.row * p.q_heads + tile.head + vector) * p.splits + split) *
            (p.cache.head_dim + 2);

        if (vector >= tile.heads) {
            continue;
        }
        if (lane() % 4 == 0 && tile.out_step == 0) {
            store(p.partial, at, mine.max[v]);
            store(p.partial, at + 1, mine.sum[v]);
        }
        QOQ_UNROLL
        for (uint32_t i = 0; i < 4 * Shape::steps; i++) {
            const uint32_t step = i / 4, t = i / 2 % 2 * 2, e = i % 2;
            const uint32_t d = prefill_dim<Shape::bits>(tile.out_step + step, t, e);
            const decode_pair pair = {
                {mine.out[step][t][2 * v + e], mine.out[step][t + 1][2 * v + e]}};

            if (step < p.out_steps && d < p.cache.head_dim) {
                if (p.partial_pairs) {
                    store_as<decode_pair>(p.partial, at + 2 + d, pair);
                } else {
                    store(p.partial, at + 2 + d, pair.x[0]);
                    store(p.partial, at + 3 + d, pair.x[1]);
                }
            }
        }
    }
}

template <class Shape>
QOQ_DEVICE void decode_run(const decode_params &p, const prefill_tile &tile, uint32_t first,
                           uint32_t last, uint32_t splits)
{
    const prefill_query query = prefill_load_queries<Shape>(p, tile);
    prefill_partial<Shape> mine;

    prefill_begin_leaf<Shape>(mine);
    prefill_prepare<Shape>(p, tile, first);
    sync_block();
    decode_load_keys<Shape>(p, tile, first);
    copy_commit();
    decode_load_values<Shape>(p, tile, first);
    copy_commit();
    QOQ_LOOP
    for (uint32_t split = first; split < last; split++) {
        const uint32_t left = tile.end() - split * SPLIT;
        const uint32_t count = left < SPLIT ? left : static_cast<uint32_t>(SPLIT);
        const prefill_view view = {{count, count}, count, split + 1 == splits};
        const bool more = split + 1 < last;
        prefill_weight weight = {};
        float l[16][4];

        copy_wait<1>();
        sync_block();
        prefill_logits<Shape>(l, p, query, view, split);
        if (more) {
            prefill_prepare<Shape>(p, tile, split + 1);
        }
        sync_block();
        if (more) {
            decode_load_keys<Shape>(p, tile, split + 1);
        }
        copy_commit();
        prefill_weigh<Shape>(weight, l, p, view, split);
        copy_wait<1>();
        sync_block();
        prefill_add_split<Shape>(mine, p, weight, view);
        sync_block();
        if (more) {
            decode_load_values<Shape>(p, tile, split + 1);
        }
        copy_commit();
        if (!p.whole && (view.last || (split + 1) % p.merged == 0)) {
            decode_store<Shape>(p, tile, mine, split / p.merged * p.merged);
            prefill_begin_leaf<Shape>(mine);
        }
    }
    if (p.whole) {
        prefill_finish<Shape>(p, tile, mine);
    }
}

// x is row * runs + run.
template <class Shape>
QOQ_KERNEL(Shape::threads, Shape::blocks)
attention_decode(QOQ_PARAMETER decode_params p)
{
    const uint32_t row = block_x() / p.runs, first = block_x() % p.runs * p.run;
    const uint32_t context = static_cast<uint32_t>(load(p.context, row));
    const uint32_t splits = (context - 1) / SPLIT + 1;

    if (first < splits) {
        decode_run<Shape>(p, decode_tile(p, row, context), first,
                          first + p.run < splits ? first + p.run : splits, splits);
    }
}

} // namespace qoq

#endif
