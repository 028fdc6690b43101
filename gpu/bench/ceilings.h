/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the chip reaches on loops that do nothing else: reading and copying memory, and mma.sync on
 * registers. The latter is not the tensor peak where a GPU has wgmma or tcgen05 instructions, which
 * are wider: Hopper's mma.sync reaches some 60 % of it.
 */
#ifndef QOQ_GPU_BENCH_CEILINGS_H
#define QOQ_GPU_BENCH_CEILINGS_H

#include "gpu/bench/device.h"
#include "gpu/bench/result.h"

/* Measures them with up to `room` bytes of memory. QOQ_ERR_UNSUPPORTED: this device has none. */
enum qoq_status qoq_bench_measure_ceilings(struct qoq_bench_ceilings *ceilings,
                                           struct qoq_bench_device *device, size_t room);
#endif
