// SPDX-License-Identifier: Apache-2.0
// RMSNorm that stays binary32 (N 9.1), for the rows that the output head needs, one block a row.
#ifndef QOQ_GPU_NORM_CUH
#define QOQ_GPU_NORM_CUH

#include "gpu/rows.cuh"

namespace qoq
{

struct norm_params {
    row_norm source;
    row_output out;            // of which k and by_fours are in use
    global<const int32_t> row; // null: row m is row m
    global<float> y;
};

QOQ_KERNEL(ROW_THREADS, 2) norm_rows(QOQ_PARAMETER norm_params p)
{
    const uint32_t from = p.row ? static_cast<uint32_t>(load(p.row, block_x())) : block_x();
    const row_norm::state state = p.source.prepare(p.out, from);
    const global<float> to = p.y + static_cast<size_t>(block_x()) * p.out.k;
    float y[4];

    for (uint32_t i = 4 * thread(); i < p.out.k; i += 4 * ROW_THREADS) {
        p.source.get(y, state, p.out, from, i);
        QOQ_UNROLL
        for (int j = 0; j < 4; j++) {
            if (i + j < p.out.k) {
                store(to, i + j, y[j]);
            }
        }
    }
}

enum { NORM_SHARED = 4 * ROW_WARPS };

} // namespace qoq

#endif
