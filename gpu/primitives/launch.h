/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What launchers may use: struct qoq_cuda (sms, tile, splits, tile_rows, attention, wgmma),
 * enter(handle), which comes before the first global<T>, launch(handle, name, kernel, shape,
 * parameters), make_tensor_map for copy_tile, can_run(handle, kernel, threads) for a
 * QOQ_KERNEL_WGMMA, and prefers_wgmma(handle).
 */
#ifndef QOQ_GPU_PRIMITIVES_LAUNCH_H
#define QOQ_GPU_PRIMITIVES_LAUNCH_H

#if defined(__CUDACC__)
#include "gpu/primitives/launch_cuda.h"
#else
#include "sim/emu/launch.hh"
#endif

#endif
