/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernels at which sizes: the layers of models, for every number of rows, batch and context
 * asked for. */
#ifndef QOQ_GPU_BENCH_PLAN_H
#define QOQ_GPU_BENCH_PLAN_H

#include "data/error.h"
#include "gpu/bench/kernels.h"
#include "sim/cost/model.h"

enum { QOQ_BENCH_LIST = 32 };

/* Sizes in the order in which they are run. */
struct qoq_bench_sizes {
    size_t count, value[QOQ_BENCH_LIST];
};

struct qoq_bench_case {
    const struct qoq_bench_kernel *kernel;
    struct qoq_bench_shape shape;
};

/* Everything that is to be run. */
struct qoq_bench_plan {
    struct qoq_bench_case *list;
    size_t count, room;
};

/* "1,16,2048": whole numbers of [lo, hi], each once; -1 for anything else. */
int qoq_bench_read_sizes(struct qoq_bench_sizes *sizes, const char *text, size_t lo, size_t hi);

/* lo, 2 lo, 4 lo, ... up to hi. */
struct qoq_bench_sizes qoq_bench_powers(size_t lo, size_t hi, size_t factor);

/* Models that the bench knows how to take apart are dense and have plain heads. */
QOQ_CHECKED enum qoq_status qoq_bench_check_model(const struct qoq_sim_model *model,
                                                  const char *name, struct qoq_error *err);

/* Adds all cases of a kernel and a model; `name` and the model must outlive the plan. -1 where
 * memory is short. */
int qoq_bench_plan_add(struct qoq_bench_plan *plan, const struct qoq_bench_kernel *kernel,
                       const char *name, const struct qoq_sim_model *model,
                       const struct qoq_bench_sizes *rows, const struct qoq_bench_sizes *batches,
                       const struct qoq_bench_sizes *contexts);
void qoq_bench_plan_free(struct qoq_bench_plan *plan);

/* Sizes in a few words: "qkv 16 x 6144 x 4096". */
void qoq_bench_describe(char *text, size_t room, const struct qoq_bench_case *it);

#endif
