/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/divergence.h"

#include <math.h>

#include "numerics/elementary.h"

static size_t most_likely(const float *row, size_t vocab)
{
    size_t best = 0;

    for (size_t i = 1; i < vocab; i++) {
        best = row[i] > row[best] ? i : best;
    }
    return best;
}

/* log of the sum of exp(row - most). */
static double log_sum(const float *row, size_t vocab, float most)
{
    double sum = 0;

    for (size_t i = 0; i < vocab; i++) {
        sum += (double)qoq_exp(row[i] - most);
    }
    return qoq_log2(sum) * 0x1.62e42fefa39efp-1;
}

static void add_row(struct qoq_divergence_sum *sum, const float *p, const float *q, size_t vocab)
{
    size_t best = most_likely(p, vocab), other = most_likely(q, vocab);
    double log_p = log_sum(p, vocab, p[best]), log_q = log_sum(q, vocab, q[other]), kl = 0;
    double largest = 0, worst = 0;

    for (size_t i = 0; i < vocab; i++) {
        double a = (double)(p[i] - p[best]), b = (double)(q[i] - q[other]);
        kl += (double)qoq_exp((float)(a - log_p)) * (a - log_p - (b - log_q));
        largest = fmax(largest, fabs((double)p[i]));
        worst = fmax(worst, fabs((double)p[i] - (double)q[i]));
    }
    sum->kl += kl;
    sum->same += best == other;
    sum->worst = fmax(sum->worst, largest > 0 ? worst / largest : worst);
    sum->rows++;
}

void qoq_divergence_add(struct qoq_divergence_sum *sum, const float *reference, const float *logits,
                        size_t rows, size_t vocab)
{
    for (size_t m = 0; m < rows; m++) {
        add_row(sum, reference + m * vocab, logits + m * vocab, vocab);
    }
}

struct qoq_divergence qoq_divergence_mean(const struct qoq_divergence_sum *sum)
{
    double rows = sum->rows > 0 ? (double)sum->rows : 1;

    return (struct qoq_divergence){sum->rows, sum->kl / rows, (double)sum->same / rows, sum->worst};
}
