// SPDX-License-Identifier: Apache-2.0
// Launches what comes before the first layer and after the last: embedding, output head, greedy
// choice.
#include "gpu/argmax.cuh"
#include "gpu/embed.cuh"
#include "gpu/handle.cuh"
#include "gpu/ordered.cuh"

using namespace qoq;

namespace
{

bool rows_fit(size_t m, size_t k)
{
    return m >= 1 && m <= INT32_MAX && k >= 1 && k <= 131072;
}

struct ordered_row {
    uint32_t tm, bn, bk, shared;
    void (*run)(ordered_params);
    const char *name;
};

template <class Tile> constexpr ordered_row row(const char *name)
{
    return {Tile::tm, Tile::bn, Tile::bk, Tile::shared, ordered<Tile>, name};
}

// By the number of tokens. More tokens a thread read a weight's bytes less often, more channels a
// token's.
//                     TM TN  BK STAGES
typedef ordered_tile<1, 1, 64, 4> tile_1;
typedef ordered_tile<2, 1, 64, 4> tile_2;
typedef ordered_tile<4, 2, 32, 4> tile_4;
typedef ordered_tile<8, 4, 32, 2> tile_8;

const ordered_row ordered_table[] = {row<tile_1>("gemm_f16_m1"), row<tile_2>("gemm_f16_m2"),
                                     row<tile_4>("gemm_f16_m4"), row<tile_8>("gemm_f16_m8")};

const ordered_row &choose(size_t m)
{
    return ordered_table[m <= 1 ? 0 : m <= 2 ? 1 : m <= 4 ? 2 : 3];
}

} // namespace

extern "C" enum qoq_status qoq_cuda_embed(struct qoq_cuda *handle, float *r, const qoq_half *table,
                                          const int32_t *token, size_t tokens, size_t vocab,
                                          size_t k)
{
    embed_params p;

    if (handle == nullptr || r == nullptr || table == nullptr || token == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    if (!rows_fit(tokens, k) || vocab == 0 || vocab > INT32_MAX) {
        return QOQ_ERR_SHAPE;
    }
    enter(handle);
    p.r = {r, "r"};
    p.table = {table, "table"};
    p.token = {token, "token"};
    p.vocab = static_cast<uint32_t>(vocab);
    p.k = static_cast<uint32_t>(k);
    return launch(handle, "embed", embed_rows,
                  {{static_cast<uint32_t>(tokens), 1, 1}, EMBED_THREADS, 0}, p);
}

extern "C" enum qoq_status qoq_cuda_gemm_f16(struct qoq_cuda *handle, float *y, const float *x,
                                             const qoq_half *w, size_t m, size_t n, size_t k)
{
    const ordered_row &tile = choose(m);
    ordered_params p;

    if (handle == nullptr || y == nullptr || x == nullptr || w == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    if (!rows_fit(m, k) || n == 0 || n > INT32_MAX || ceil_div(m, tile.tm) > 65535) {
        return QOQ_ERR_SHAPE;
    }
    enter(handle);
    p.x = {x, "x"};
    p.w = {w, "w"};
    p.y = {y, "y"};
    p.m = static_cast<uint32_t>(m);
    p.n = static_cast<uint32_t>(n);
    p.k = static_cast<uint32_t>(k);
    p.tiles = ceil_div(k, tile.bk);
    p.x_aligned = k % 4 == 0 && is_aligned(x, 16);
    p.w_aligned = k % 8 == 0 && is_aligned(w, 16);
    return launch(handle, tile.name, tile.run,
                  {{ceil_div(n, tile.bn), ceil_div(m, tile.tm), 1}, ORDERED_THREADS, tile.shared},
                  p);
}

extern "C" enum qoq_status qoq_cuda_argmax(struct qoq_cuda *handle, int32_t *token,
                                           const float *logits, size_t rows, size_t n)
{
    argmax_params p;

    if (handle == nullptr || token == nullptr || logits == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    if (rows == 0 || rows > INT32_MAX || n == 0 || n > INT32_MAX) {
        return QOQ_ERR_SHAPE;
    }
    enter(handle);
    p.logits = {logits, "logits"};
    p.token = {token, "token"};
    p.n = static_cast<uint32_t>(n);
    return launch(handle, "argmax", argmax_rows,
                  {{static_cast<uint32_t>(rows), 1, 1}, ARGMAX_THREADS, ARGMAX_SHARED}, p);
}
