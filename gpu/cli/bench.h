/* SPDX-License-Identifier: Apache-2.0 */
/* Options of qoq gpu bench. */
#ifndef QOQ_GPU_CLI_BENCH_H
#define QOQ_GPU_CLI_BENCH_H

#include "gpu/bench/plan.h"

enum { QOQ_BENCH_NAMES = 16 };

struct qoq_bench_options {
    size_t models, kernels;
    const char *model_name[QOQ_BENCH_NAMES];
    struct qoq_sim_model model[QOQ_BENCH_NAMES];
    const char *kernel[QOQ_BENCH_NAMES]; /* none: all */
    struct qoq_bench_sizes rows, batches, contexts;
    const char *csv, *peer, *gpu; /* gpu: of the simulator; NULL: by the device's name */
    size_t device, seconds;       /* seconds 0: no limit */
    size_t tile, splits;          /* tile: where tile_asked; splits 0: the library's choice */
    int quick, dry_run, tiles, alone, tile_asked;
};

/* Reads the command line and loads the models. Returns -1 to go on, or an exit status. */
int qoq_bench_read_options(struct qoq_bench_options *options, int argc, char **argv);

int qoq_bench_is_asked(const struct qoq_bench_options *options, const char *kernel);

#endif
