// SPDX-License-Identifier: Apache-2.0
// Attention of runs of consecutive tokens (N 11): a block takes a tile of query vectors, some
// tokens times the query heads of one key/value head, and walks the splits of 128 tokens that they
// see, so that the cache is read once for all of them. A warp has 16 of the vectors. Both products
// are exact integer sums on tensor cores (prefill_logits.cuh, prefill_values.cuh); partial results
// stay in registers, merged in the written order. Nothing depends on how rows are cut into tiles.
//
// The codes of a split come by asynchronous copies, K's while the weights of the split before are
// made, V's while logits are.
#ifndef QOQ_GPU_ATTENTION_PREFILL_CUH
#define QOQ_GPU_ATTENTION_PREFILL_CUH

#include "gpu/prefill_values.cuh"

namespace qoq
{

enum { LEAF_SPLITS = 16 };

// What this lane's vectors see of a split. Those that do not exist see what anyone does.
QOQ_DEVICE prefill_view prefill_look(const prefill_tile &tile, uint32_t split, uint32_t splits)
{
    const uint32_t first = split * SPLIT;
    prefill_view view = {{SPLIT, SPLIT}, SPLIT, split + 1 == splits};

    if (view.last) {
        view.count = tile.end() - first;
        QOQ_UNROLL
        for (uint32_t v = 0; v < 2; v++) {
            const uint32_t vector = 16 * warp() + lane() / 4 + 8 * v;
            const bool exists = vector < tile.vectors();

            view.seen[v] = exists ? tile.position + vector / tile.heads + 1 - first : view.count;
        }
    }
    return view;
}

// N 11.6.
template <class Shape>
QOQ_DEVICE void prefill_finish(const prefill_params &p, const prefill_tile &tile,
                               const prefill_partial<Shape> &mine)
{
    QOQ_UNROLL
    for (uint32_t v = 0; v < Shape::per_lane; v++) {
        const uint32_t vector = 16 * warp() + lane() / 4 + 8 * v;
        const size_t at = tile.output(vector, p.q_heads) * p.cache.head_dim;

        if (vector >= tile.vectors()) {
            continue;
        }
        QOQ_UNROLL
        for (uint32_t i = 0; i < 4 * Shape::steps; i++) {
            const uint32_t step = i / 4, t = i / 2 % 2 * 2, e = i % 2;
            const uint32_t d = prefill_dim<Shape::bits>(tile.out_step + step, t, e);

            if (step < p.out_steps && d < p.cache.head_dim) {
                const uint32_t low = float_to_half(fdiv(mine.out[step][t][2 * v + e], mine.sum[v]));
                const uint32_t high =
                    float_to_half(fdiv(mine.out[step][t + 1][2 * v + e], mine.sum[v]));

                if (p.pairs) {
                    store_as<uint32_t>(p.out, at + d, low | high << 16);
                } else {
                    store(p.out, at + d, low);
                    store(p.out, at + d + 1, high);
                }
            }
        }
    }
}

template <class Shape>
QOQ_DEVICE void prefill_run(const prefill_params &p, const prefill_tile &tile)
{
    const uint32_t splits = (tile.end() - 1) / SPLIT + 1;
    const bool active = 16 * warp() < tile.vectors();
    const prefill_query query = prefill_load_queries<Shape>(p, tile);
    prefill_partial<Shape> mine;

    prefill_prepare<Shape>(p, tile, 0);
    sync_block();
    prefill_load_keys<Shape>(p, tile, 0);
    copy_commit();
    prefill_load_values<Shape>(p, tile, 0);
    copy_commit();
    QOQ_LOOP
    for (uint32_t split = 0; split < splits; split++) {
        const prefill_view view = prefill_look(tile, split, splits);
        prefill_weight weight;
        float l[16][4];

        // K of this split, its factors and where the tokens lie are there for all.
        copy_wait<1>();
        sync_block();
        if (active) {
            prefill_logits<Shape>(l, p, query, view, split);
        }
        if (!view.last) {
            prefill_prepare<Shape>(p, tile, split + 1);
        }
        sync_block();
        if (!view.last) {
            prefill_load_keys<Shape>(p, tile, split + 1);
        }
        copy_commit();
        if (active) {
            prefill_weigh<Shape>(weight, l, p, view, split);
        }
        copy_wait<1>();
        sync_block();
        if (active) {
            if (split % LEAF_SPLITS == 0) {
                prefill_begin_leaf<Shape>(mine);
            }
            prefill_add_split<Shape>(mine, p, weight, view);
        }
        sync_block();
        if (!view.last) {
            prefill_load_values<Shape>(p, tile, split + 1);
        }
        copy_commit();
        if (active && (view.last || split % LEAF_SPLITS == LEAF_SPLITS - 1)) {
            prefill_end_leaf<Shape>(p, mine, split / LEAF_SPLITS, view.last);
        }
    }
    if (active) {
        prefill_finish<Shape>(p, tile, mine);
    }
}

template <class Shape>
QOQ_KERNEL(Shape::threads, Shape::blocks)
attention_prefill(QOQ_PARAMETER prefill_params p)
{
    for (uint32_t i = block_x(); i < p.tiles; i += grid_x()) {
        const prefill_tile tile = prefill_find(p, i);

        if (tile.rows != 0) {
            prefill_run<Shape>(p, tile);
        }
    }
}

} // namespace qoq

#endif
