/* SPDX-License-Identifier: Apache-2.0 */
/* A table of how products would be cut into blocks, and what the library's model makes of it. */
#ifndef QOQ_GPU_BENCH_TILES_H
#define QOQ_GPU_BENCH_TILES_H

#include <stdio.h>

#include "gpu/bench/plan.h"

/* Products of the plan alone, on a GPU of `sms` multiprocessors that has wgmma or not. stream:
 * bytes a second that its memory can be expected to give. */
enum qoq_status qoq_bench_print_tiles(FILE *file, const struct qoq_bench_plan *plan, int sms,
                                      int wgmma, double stream);

#endif
