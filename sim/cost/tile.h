/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of a matrix product, and how many blocks of them an SM holds (C 5.2, 5.8). */
#ifndef QOQ_SIM_TILE_H
#define QOQ_SIM_TILE_H

#include "sim/cost/scheme.h"

/* A block computes cm by cn outputs, ck of k at a time, with warps of wm by wn by wk. */
struct qoq_sim_tile {
    int cm, cn, ck, wm, wn, wk, stages, split;
};

enum { QOQ_SIM_MAX_TILES = 128 };

/* The tiles a scheme's kernels choose from, all with split 1; returns their number. C 5.8 */
int qoq_sim_tiles(struct qoq_sim_tile out[QOQ_SIM_MAX_TILES], const struct qoq_sim_scheme *scheme);

int qoq_sim_tile_warps(const struct qoq_sim_tile *tile);

/* Registers of a thread, and shared-memory bytes of a block. C 5.2 */
double qoq_sim_tile_registers(const struct qoq_sim_tile *tile, const struct qoq_sim_scheme *scheme);
double qoq_sim_tile_smem(const struct qoq_sim_tile *tile, const struct qoq_sim_scheme *scheme);

/* Blocks an SM holds at once; 0: the tile does not fit. C 5.2 */
int qoq_sim_tile_occupancy(const struct qoq_sim_tile *tile, const struct qoq_sim_scheme *scheme,
                           const struct qoq_sim_gpu *gpu);

#endif
