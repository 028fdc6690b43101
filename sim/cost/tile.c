/* SPDX-License-Identifier: Apache-2.0 */
/* Tile sets and occupancy: doc/cost-model.md 5.2, 5.8. */
#include "sim/cost/tile.h"

#include <math.h>

/* QServe's ladder for its 4-bit kernels (data/paper/qserve_kernel_configs.csv). */
static const struct qoq_sim_tile qserve_tiles[] = {
    {128, 128, 64, 64, 32, 64, 3, 1},
    {64, 64, 64, 32, 32, 64, 4, 1},
    {64, 64, 128, 32, 32, 64, 3, 1},
    {32, 64, 128, 32, 32, 64, 3, 1},
};

int qoq_sim_tile_warps(const struct qoq_sim_tile *tile)
{
    return tile->cm / tile->wm * (tile->cn / tile->wn) * (tile->ck / tile->wk);
}

/* Four to eight warps, no warp tile larger than its block's. */
static int is_sensible(const struct qoq_sim_tile *tile)
{
    if (tile->wm > tile->cm || tile->wn > tile->cn) {
        return 0;
    }
    int warps = qoq_sim_tile_warps(tile);
    return warps >= 4 && warps <= 8;
}

static int general_tiles(struct qoq_sim_tile out[QOQ_SIM_MAX_TILES])
{
    static const int cm[] = {16, 32, 64, 128, 256}, cn[] = {64, 128, 256}, ck[] = {64, 128},
                     stages[] = {3, 5};
    static const int warp[][2] = {{64, 64}, {64, 32}, {32, 64}, {32, 32},
                                  {16, 64}, {16, 32}, {16, 16}};
    int count = 0;

    for (int i = 0; i < 5 * 3 * 2 * 2; i++) {
        struct qoq_sim_tile tile = {cm[i % 5], cn[i / 5 % 3],  ck[i / 15 % 2], 0,
                                    0,         ck[i / 15 % 2], stages[i / 30], 1};
        int kept = 0;
        for (int w = 0; w < 7 && kept < 2 && count < QOQ_SIM_MAX_TILES; w++) {
            tile.wm = warp[w][0];
            tile.wn = warp[w][1];
            if (is_sensible(&tile)) {
                out[count++] = tile;
                kept++;
            }
        }
    }
    return count;
}

int qoq_sim_tiles(struct qoq_sim_tile out[QOQ_SIM_MAX_TILES], const struct qoq_sim_scheme *scheme)
{
    int count = sizeof qserve_tiles / sizeof qserve_tiles[0];

    if (scheme->tiles == QOQ_SIM_TILES_ONE) {
        out[0] = (struct qoq_sim_tile){(int)scheme->tile_m,      (int)scheme->tile_n,
                                       (int)scheme->tile_k,      (int)scheme->tile_warp_m,
                                       (int)scheme->tile_warp_n, (int)scheme->tile_k,
                                       (int)scheme->tile_stages, 1};
        return 1;
    }
    if (scheme->tiles != QOQ_SIM_TILES_QSERVE) {
        return general_tiles(out);
    }
    for (int i = 0; i < count; i++) {
        out[i] = qserve_tiles[i];
    }
    return count;
}

double qoq_sim_tile_registers(const struct qoq_sim_tile *tile, const struct qoq_sim_scheme *scheme)
{
    double accumulators = scheme->acc_registers * tile->wm * tile->wn / 32;
    double fragments = 0.5 * (tile->wm + tile->wn);

    return accumulators + fragments + 48;
}

double qoq_sim_tile_smem(const struct qoq_sim_tile *tile, const struct qoq_sim_scheme *scheme)
{
    double stage =
        tile->ck * (tile->cm * qoq_sim_act_bytes(scheme) + tile->cn * qoq_sim_weight_bytes(scheme));

    return tile->stages * stage;
}

int qoq_sim_tile_occupancy(const struct qoq_sim_tile *tile, const struct qoq_sim_scheme *scheme,
                           const struct qoq_sim_gpu *gpu)
{
    double warps = qoq_sim_tile_warps(tile);
    double registers = qoq_sim_tile_registers(tile, scheme), smem = qoq_sim_tile_smem(tile, scheme);

    if (registers > 255 || smem > gpu->smem_kb_block * 1024) {
        return 0;
    }
    double blocks =
        fmin(gpu->smem_kb_sm * 1024 / (smem + 1024), gpu->regs_k * 1024 / (32 * warps * registers));
    return (int)fmin(fmin(blocks, gpu->max_warps / warps), gpu->max_blocks);
}
