/* SPDX-License-Identifier: Apache-2.0 */
/* What the arrays of the bench hold, made on the host. */
#ifndef QOQ_GPU_BENCH_CONTENTS_H
#define QOQ_GPU_BENCH_CONTENTS_H

#include "gpu/bench/kernels.h"

/* The beginning of an array, malloced: the array is this again and again. NULL where memory is
 * short, or where the array has no contents. */
void *qoq_bench_contents(const struct qoq_bench_array *array, size_t *bytes);

#endif
