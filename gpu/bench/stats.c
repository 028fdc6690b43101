/* SPDX-License-Identifier: Apache-2.0 */
/* Order statistics of repeated measurements. */
#include "gpu/bench/stats.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t count, double share)
{
    double at = share * (double)(count - 1);
    size_t i = (size_t)at;

    return i + 1 < count ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[i];
}

struct qoq_bench_stats qoq_bench_stats(double *x, size_t count)
{
    qsort(x, count, sizeof *x, by_size);
    return (struct qoq_bench_stats){x[0], quantile(x, count, 0.25), quantile(x, count, 0.5),
                                    quantile(x, count, 0.75)};
}

double qoq_bench_spread(const struct qoq_bench_stats *stats)
{
    return stats->median > 0 ? (stats->upper - stats->lower) / 2 / stats->median : 0;
}
