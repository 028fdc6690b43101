/* SPDX-License-Identifier: Apache-2.0 */
/* Error statistics of quantized against original values: N 4.7. */
#include "numerics/elementary.h"
#include "ops/shape.h"

/* 10 log10(signal / noise). Both are 0 or lie in [2^-298, 2^320], so their ratio is normal. */
static double decibels(double signal, double noise)
{
    const double ten_log10_of_2 = 0x1.8151824c7587fp+1;

    if (noise == 0.0)
        return HUGE_VAL;
    if (signal == 0.0)
        return -HUGE_VAL;
    return ten_log10_of_2 * qoq_log2(signal / noise);
}

enum qoq_status qoq_error_stats(struct qoq_error_stats *out, const float *exact,
                                const float *approx, size_t count)
{
    double signal = 0.0, noise = 0.0;

    if (out == NULL || exact == NULL || approx == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_array_fits(count, 1, sizeof *exact))
        return QOQ_ERR_SHAPE;
    *out = (struct qoq_error_stats){0};
    for (size_t i = 0; i < count; i++) {
        double w = exact[i], e = w - approx[i];

        if (!isfinite(e))
            return QOQ_ERR_RANGE;
        if (fabs(e) > out->max_abs) {
            out->max_abs = fabs(e);
            out->max_index = i;
        }
        signal += w * w;
        noise += e * e;
    }
    out->mean_square = noise / (double)count;
    out->snr_db = decibels(signal, noise);
    return QOQ_OK;
}
