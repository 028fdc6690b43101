// SPDX-License-Identifier: Apache-2.0
// Launches the product: checks, tile and split by the shape, scratch.
#include "gpu/gemm_maps.cuh"
#include "gpu/gemm_plan.cuh"

namespace qoq
{

namespace
{

// Whether the device has wgmma and the library code for it. All kernels of a build are alike.
bool has_wgmma(struct qoq_cuda *handle)
{
    if (handle->wgmma < 0) {
        handle->wgmma = can_run(handle, gemm_wgmma<wide_16, gemm_scheme::w4_channel>,
                                static_cast<uint32_t>(wide_16::threads));
    }
    return handle->wgmma != 0;
}

const tile_row &choose_tile(const struct qoq_cuda *handle, uint32_t scheme, size_t m, bool wide)
{
    return choose_tile(handle->tile, wide, prefers_wgmma(handle), scheme, m);
}

plan plan_tile(const struct qoq_cuda *handle, const tile_row &tile, uint32_t scheme, size_t m,
               size_t n, size_t k)
{
    return plan_tile(tile, static_cast<uint32_t>(handle->sms),
                     static_cast<uint32_t>(handle->splits), scheme, m, n, k);
}

// The most scratch that any number of tokens up to m takes with a tile: fewer rows of blocks may
// mean more splits.
size_t most_scratch(const struct qoq_cuda *handle, const tile_row &tile, size_t m,
                    const struct qoq_cuda_weight *w)
{
    size_t most = 0;

    for (size_t rows = tile.bm; rows < m + tile.bm; rows += tile.bm) {
        const size_t need = plan_tile(handle, tile, w->scheme, rows, w->n, w->k).scratch();

        most = need > most ? need : most;
    }
    return most;
}

bool is_scheme(int scheme)
{
    return scheme == QOQ_W8 || scheme == QOQ_W4_CHANNEL || scheme == QOQ_W4_GROUP;
}

bool weight_has_arrays(const struct qoq_cuda_weight *w)
{
    switch (w->scheme) {
    case QOQ_W8:
        return w->code != nullptr && w->s != nullptr;
    case QOQ_W4_CHANNEL:
        return w->code != nullptr && w->s != nullptr && w->z != nullptr && is_aligned(w->code, 16);
    case QOQ_W4_GROUP:
        return w->code != nullptr && w->s != nullptr && w->s2_scales != nullptr &&
               w->s2_zeros != nullptr && is_aligned(w->code, 16) && is_aligned(w->s2_scales, 16) &&
               is_aligned(w->s2_zeros, 16) && w->group != 0 && w->group % 32 == 0;
    default:
        return false;
    }
}

bool shape_fits(size_t m, const struct qoq_cuda_weight *w)
{
    return m >= 1 && m <= 65535u * 16 && w->n >= 1 && w->n <= 65535u * 128 && w->k >= 1 &&
           w->k <= 131072;
}

gemm_params make_params(const plan &it, qoq_half *y, const struct qoq_cuda_act *x,
                        const struct qoq_cuda_weight *w, const float *bias, void *scratch)
{
    gemm_params p = {};

    p.x = {x->q, "x"};
    p.x_scale = {x->scale, "x_scale"};
    p.x_sum = {x->sum, "x_sum"};
    p.code = {reinterpret_cast<const int8_t *>(w->code), "code"};
    p.s = {w->s, "s"};
    p.z = {w->z, "z"};
    p.s2 = {w->s2_scales, "s2_scales"};
    p.zeros = {w->s2_zeros, "s2_zeros"};
    p.bias = {bias, "bias"};
    p.y = {y, "y"};
    if (it.splits > 1) {
        p.counter = {static_cast<uint32_t *>(scratch), "counter"};
        p.partial = {reinterpret_cast<int32_t *>(static_cast<char *>(scratch) + it.counter_bytes()),
                     "partial"};
    }
    p.x_pitch = x->pitch;
    p.m = static_cast<uint32_t>(x->m);
    p.n = static_cast<uint32_t>(w->n);
    p.k = static_cast<uint32_t>(w->k);
    p.n32 = ceil_div(w->n, 32);
    p.k32 = ceil_div(w->k, 32);
    p.group_steps = w->scheme == QOQ_W4_GROUP
                        ? (w->group / 32 < p.k32 ? static_cast<uint32_t>(w->group / 32) : p.k32)
                        : 1;
    p.groups = ceil_div(p.k32, p.group_steps);
    p.tiles = it.tiles;
    p.tiles_per_split = it.per_split;
    p.splits = it.splits;
    p.x_aligned = is_aligned(x->q, 16) && x->pitch % 16 == 0;
    p.code_aligned = is_aligned(w->code, 16) && w->k % 16 == 0;
    p.pairs = is_aligned(y, 4) && w->n % 2 == 0;
    return p;
}

} // namespace

} // namespace qoq

using namespace qoq;

extern "C" int qoq_cuda_gemm_tiles(void)
{
    return TILES;
}

extern "C" void qoq_cuda_gemm_choose(struct qoq_cuda *handle, int tile, int splits)
{
    handle->tile = tile >= 0 && tile < TILES ? tile : -1;
    handle->splits = splits > 0 ? splits : 0;
}

extern "C" enum qoq_status qoq_cuda_gemm_plan(struct qoq_cuda_gemm_plan *plan, int sms, int wgmma,
                                              size_t m, const struct qoq_cuda_weight *w)
{
    if (plan == nullptr || w == nullptr || sms < 1 || !is_scheme(w->scheme)) {
        return QOQ_ERR_ARGUMENT;
    }
    if (!shape_fits(m, w)) {
        return QOQ_ERR_SHAPE;
    }
    const uint32_t scheme = w->scheme, many = static_cast<uint32_t>(sms);
    const tile_row &tile = choose_tile(-1, wgmma != 0, true, scheme, m);
    const struct plan it = plan_tile(tile, many, 0, scheme, m, w->n, w->k);
    const uint32_t outputs = static_cast<uint32_t>(it.outputs());
    const gemm_size size = {it.grid[1], outputs, it.tiles, scheme};

    *plan = {tile.name[scheme],
             tile.bm,
             tile.bn,
             tile.bk,
             it.outputs() * it.splits,
             it.splits,
             tile.blocks,
             size_t{tile.blocks} * (tile.stages[scheme] - 1) * stage_bytes(tile, scheme),
             static_cast<double>(it.outputs() * it.splits) / (many * tile.blocks),
             split_time(tile, size, it.splits, many),
             join_time(tile, static_cast<double>(outputs) * it.splits, it.splits, many),
             even_time(tile, size, many)};
    return QOQ_OK;
}

// The most scratch of the tiles that may be chosen for up to m tokens, one of wgmma or none.
static size_t scratch_of(const struct qoq_cuda *handle, size_t m, const struct qoq_cuda_weight *w,
                         bool wide)
{
    size_t most = 0;

    for (const tile_row &tile : tile_table) {
        // Fewer tokens than m may take a smaller tile.
        const size_t up_to = m < tile.up_to[w->scheme] ? m : tile.up_to[w->scheme];
        const bool asked = &tile == &choose_tile(handle, w->scheme, m, wide),
                   chosen = &tile == &choose_tile(handle, w->scheme, up_to, wide);
        const size_t need = asked || chosen ? most_scratch(handle, tile, asked ? m : up_to, w) : 0;

        most = need > most ? need : most;
    }
    return most;
}

extern "C" enum qoq_status qoq_cuda_gemm_scratch(struct qoq_cuda *handle, size_t *bytes, size_t m,
                                                 const struct qoq_cuda_weight *w)
{
    if (handle == nullptr || bytes == nullptr || w == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    if (!shape_fits(m, w)) {
        return QOQ_ERR_SHAPE;
    }
    // Whether the activations will lie where bulk copies can take them is not known yet.
    const size_t plain = scratch_of(handle, m, w, false);
    const size_t wide = has_wgmma(handle) ? scratch_of(handle, m, w, true) : 0;

    *bytes = wide > plain ? wide : plain;
    return QOQ_OK;
}

extern "C" enum qoq_status qoq_cuda_gemm(struct qoq_cuda *handle, qoq_half *y,
                                         const struct qoq_cuda_act *x,
                                         const struct qoq_cuda_weight *w, const float *bias,
                                         void *scratch, size_t bytes)
{
    if (handle == nullptr || y == nullptr || x == nullptr || w == nullptr || x->q == nullptr ||
        x->scale == nullptr || x->sum == nullptr || !weight_has_arrays(w)) {
        return QOQ_ERR_ARGUMENT;
    }
    if (!shape_fits(x->m, w) || x->k != w->k || x->pitch < x->k) {
        return QOQ_ERR_SHAPE;
    }
    enter(handle);
    const tile_row *tile = &choose_tile(handle, w->scheme, x->m, has_wgmma(handle));
    gemm_wgmma_params q = {};
    plan it = plan_tile(handle, *tile, w->scheme, x->m, w->n, w->k);
    q.p = make_params(it, y, x, w, bias, scratch);
    if (is_wide(*tile) && !make_maps(handle, &q, *tile, x, w)) {
        tile = &choose_tile(handle, w->scheme, x->m, false);
        it = plan_tile(handle, *tile, w->scheme, x->m, w->n, w->k);
        q.p = make_params(it, y, x, w, bias, scratch);
    }
    const uint32_t depth = it.splits > 1 ? it.splits : it.bands;
    if (it.grid[0] > 65535 || depth > 65535) {
        return QOQ_ERR_SHAPE;
    }
    if (it.scratch() > bytes ||
        (it.splits > 1 && (scratch == nullptr || !is_aligned(scratch, 16)))) {
        return QOQ_ERR_ARGUMENT;
    }
    const launch_shape shape = {
        {it.band, it.grid[0], depth}, tile->threads, tile->shared[w->scheme]};
    return is_wide(*tile)
               ? launch(handle, tile->name[w->scheme], tile->wgmma[w->scheme], shape, q)
               : launch(handle, tile->name[w->scheme], tile->kernel[w->scheme], shape, q.p);
}
