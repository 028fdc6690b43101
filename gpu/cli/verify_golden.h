/* SPDX-License-Identifier: Apache-2.0 */
/* The golden part of qoq gpu verify: a row for each operator. */
#ifndef QOQ_GPU_CLI_VERIFY_GOLDEN_H
#define QOQ_GPU_CLI_VERIFY_GOLDEN_H

#include "gpu/cli/golden_cases.h"

enum { QOQ_VERIFY_PATHS = 16, QOQ_VERIFY_ROWS = 64 };

struct qoq_verify_golden_part {
    struct qoq_golden_cases cases; /* first, so that one is the other */
    int kernels, paths;
    char **kernel; /* cases of these alone; of all where there are none */
    char *path[QOQ_VERIFY_PATHS];
    size_t rows;
    struct {
        char op[40];
        size_t cases, failed;
    } row[QOQ_VERIFY_ROWS]; /* in the order in which operators came */
};

/* 1: the kernel is one of those named, or none is. */
int qoq_gpu_verify_named(const char *kernel, int count, char **named);

/* Runs the cases of all paths, or of the installed files, on the handle in it->cases; counts and
 * the worst exit status are in it->cases.walk. */
void qoq_gpu_verify_golden(struct qoq_verify_golden_part *it);

#endif
