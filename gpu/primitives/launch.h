/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What launchers may use: struct qoq_cuda (sms, tile, splits, tile_rows), enter(handle), which
 * comes before the first global<T>, and launch(handle, name, kernel, shape, parameters).
 */
#ifndef QOQ_GPU_PRIMITIVES_LAUNCH_H
#define QOQ_GPU_PRIMITIVES_LAUNCH_H

#if defined(__CUDACC__)
#include "gpu/primitives/launch_cuda.h"
#else
#include "sim/emu/launch.hh"
#endif

#endif
