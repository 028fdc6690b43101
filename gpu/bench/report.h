/* SPDX-License-Identifier: Apache-2.0 */
/* The bench on paper: a line a case on the terminal, and a row in a CSV file. */
#ifndef QOQ_GPU_BENCH_REPORT_H
#define QOQ_GPU_BENCH_REPORT_H

#include <stdio.h>

#include "gpu/bench/device.h"
#include "gpu/bench/result.h"

/* Lines that say what was measured and where, each begins with `prefix`. info NULL: a dry run.
 * library: what cuBLASLt is, or why it is not there. */
struct qoq_bench_header {
    const struct qoq_bench_info *info;
    struct qoq_bench_clocks clocks;
    struct qoq_bench_ceilings ceilings;
    const char *library, *simulated; /* simulated: the simulator's GPU, or NULL */
    int tile, splits;                /* of products, where asked for; otherwise -1 and 0 */
    char date[32];
};
void qoq_bench_print_header(FILE *file, const char *prefix, const struct qoq_bench_header *header);

/* Column heads of the terminal, and one line. */
void qoq_bench_print_columns(FILE *file, int dry);
void qoq_bench_print_line(FILE *file, const struct qoq_bench_result *r,
                          const struct qoq_bench_ceilings *ceilings);

/* The CSV: names, and one row. Unknown values are empty. */
void qoq_bench_csv_columns(FILE *file);
void qoq_bench_csv_row(FILE *file, const struct qoq_bench_result *r,
                       const struct qoq_bench_ceilings *ceilings);

#endif
