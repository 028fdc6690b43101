/* SPDX-License-Identifier: Apache-2.0 */
/* How well a model predicts given tokens (N 12.4). */
#include "qoq_model.h"

#include "numerics/elementary.h"
#include "numerics/exp_all.h"
#include "numerics/reduce.h"

#include <math.h>

#define LN2 0x1.62e42fefa39efp-1
#define LOG2_E 0x1.71547652b82fep+0

double qoq_token_nll(float *work, const float *logits, size_t vocab, int32_t target)
{
    float lo, hi;

    if (vocab == 0 || target < 0 || (size_t)target >= vocab) {
        return (double)qoq_nan();
    }
    qoq_min_max(&lo, &hi, logits, vocab);
    if (!isfinite(hi)) {
        return (double)qoq_nan();
    }
    double below = (double)logits[target] - (double)hi;
    for (size_t i = 0; i < vocab; i++) {
        work[i] = logits[i] - hi;
    }
    qoq_exp_all(work, vocab);
    return qoq_log2((double)qoq_sum(work, vocab)) * LN2 - below;
}

double qoq_perplexity(double mean_nll)
{
    return qoq_exp2d(mean_nll * LOG2_E);
}
