/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing the logits of two models token by token. */
#ifndef QOQ_CLI_DIVERGENCE_H
#define QOQ_CLI_DIVERGENCE_H

#include "cli/evaluate.h"

/* Sums so far; all zero to begin. */
struct qoq_divergence_sum {
    size_t rows, same;
    double kl, worst;
};

/* Adds rows of logits, both [rows][vocab]. Sums run over ascending tokens in binary64. */
void qoq_divergence_add(struct qoq_divergence_sum *sum, const float *reference, const float *logits,
                        size_t rows, size_t vocab);

struct qoq_divergence qoq_divergence_mean(const struct qoq_divergence_sum *sum);

#endif
