/* SPDX-License-Identifier: Apache-2.0 */
/* exp over an array, one text compiled twice: numerics/target.h. */
#include "numerics/exp_all.h"

#include "numerics/elementary.h"
#include "numerics/target.h"

QOQ_INLINE void exp_all(float *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        x[i] = qoq_exp(x[i]);
}

#if QOQ_FMA_TARGET
QOQ_WITH_FMA static void exp_all_fast(float *x, size_t n)
{
    exp_all(x, n);
}
#endif

void qoq_exp_all(float *x, size_t n)
{
#if QOQ_FMA_TARGET
    if (qoq_machine_has_fma()) {
        exp_all_fast(x, n);
        return;
    }
#endif
    exp_all(x, n);
}
