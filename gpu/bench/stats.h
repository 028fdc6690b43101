/* SPDX-License-Identifier: Apache-2.0 */
/* Order statistics of repeated measurements. */
#ifndef QOQ_GPU_BENCH_STATS_H
#define QOQ_GPU_BENCH_STATS_H

#include <stddef.h>

struct qoq_bench_stats {
    double least, lower, median, upper; /* lower, upper: quartiles */
};

/* Sorts x. Quantiles lie between neighbours in proportion: the lower quartile of n values at (n -
 * 1) / 4. count >= 1. */
struct qoq_bench_stats qoq_bench_stats(double *x, size_t count);

/* Half the distance between the quartiles, as a share of the median; 0 where that is 0. */
double qoq_bench_spread(const struct qoq_bench_stats *stats);

#endif
