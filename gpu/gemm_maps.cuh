// SPDX-License-Identifier: Apache-2.0
// The operands of a product as tensor copies see them.
#ifndef QOQ_GPU_GEMM_MAPS_CUH
#define QOQ_GPU_GEMM_MAPS_CUH

#include "gpu/gemm_tiles.cuh"
#include "gpu/handle.cuh"

namespace qoq
{

namespace
{

// Rows of group parameters that a stage of `steps` times 32 can touch.
inline uint32_t group_rows(uint32_t steps, uint32_t group_steps)
{
    if (group_steps % steps == 0) {
        return 1;
    }
    return steps % group_steps == 0 ? steps / group_steps : 2 + (steps - 2) / group_steps;
}

// False where bulk copies cannot take the operands.
inline bool make_maps(struct qoq_cuda *handle, gemm_wgmma_params *q, const tile_row &tile,
                      const struct qoq_cuda_act *x, const struct qoq_cuda_weight *w)
{
    const gemm_params &p = q->p;
    const uint64_t columns = 32 * uint64_t{p.n32}, block = 512 * uint64_t{p.k32};

    if (!p.x_aligned || (w->scheme == QOQ_W8 && !p.code_aligned) ||
        !make_tensor_map(handle, &q->x, x->q, "x", {p.k, p.m, p.x_pitch, 128, tile.bm, 128})) {
        return false;
    }
    if (w->scheme == QOQ_W8) {
        return make_tensor_map(handle, &q->code, w->code, "code",
                               {p.k, p.n, p.k, 128, tile.bn, 128});
    }
    if (w->scheme == QOQ_W4_GROUP) {
        q->group_rows = group_rows(tile.bk / 32, p.group_steps);
        const tensor_shape parameters = {columns, p.groups, columns, tile.bn, q->group_rows, 0};

        if (!make_tensor_map(handle, &q->s2, w->s2_scales, "s2_scales", parameters) ||
            !make_tensor_map(handle, &q->zeros, w->s2_zeros, "s2_zeros", parameters)) {
            return false;
        }
    }
    return make_tensor_map(handle, &q->code, w->code, "code",
                           {block, p.n32, block, 16 * tile.bk, tile.bn / 32, 0});
}

} // namespace

} // namespace qoq

#endif
