/* SPDX-License-Identifier: Apache-2.0 */
/* Error statistics: N 4.7. */
#include "qoq.h"

#include <criterion/criterion.h>
#include <math.h>

Test(error_stats, example)
{
    const float exact[5] = {3.0f, 4.0f, -2.0f, 0.0f, 1.0f};
    const float approx[5] = {3.0f, 3.5f, -2.5f, 0.0f, 1.25f};
    struct qoq_error_stats stats;

    cr_assert_eq(qoq_error_stats(&stats, exact, approx, 5), QOQ_OK);
    cr_assert(stats.max_abs == 0.5 && stats.max_index == 1, "the first of two maxima");
    cr_assert_eq(stats.mean_square, 0.5625 / 5.0);
    cr_assert(fabs(stats.snr_db - 10.0 * log10(30.0 / 0.5625)) < 1e-13, "%.17g", stats.snr_db);
}

Test(error_stats, decibels)
{
    for (int e = -35; e <= 35; e++) {
        float exact = (float)pow(10.0, e > 0 ? 0 : e);
        float approx = exact + (float)pow(10.0, e > 0 ? -e : 0);
        double noise = (double)exact - (double)approx;
        double expected = 20.0 * log10((double)exact / fabs(noise));
        struct qoq_error_stats stats;

        if (noise == 0.0)
            continue;
        cr_assert_eq(qoq_error_stats(&stats, &exact, &approx, 1), QOQ_OK);
        cr_assert(fabs(stats.snr_db - expected) <= 1e-12 * (1.0 + fabs(expected)),
                  "10^%d: %.17g, expected %.17g", e, stats.snr_db, expected);
    }
}

Test(error_stats, extremes)
{
    const float zero[2] = {0.0f, 0.0f}, tiny[2] = {0x1p-149f, 0.0f}, large[2] = {3.4e38f, -3.4e38f};
    struct qoq_error_stats stats;

    cr_assert_eq(qoq_error_stats(&stats, large, large, 2), QOQ_OK);
    cr_assert(stats.snr_db == INFINITY && stats.max_abs == 0.0 && stats.mean_square == 0.0);
    cr_assert_eq(qoq_error_stats(&stats, zero, zero, 2), QOQ_OK);
    cr_assert_eq(stats.snr_db, INFINITY);
    cr_assert_eq(qoq_error_stats(&stats, zero, tiny, 2), QOQ_OK);
    cr_assert(stats.snr_db == -INFINITY && stats.max_abs == 0x1p-149 &&
              stats.mean_square == 0x1p-299);
    cr_assert_eq(qoq_error_stats(&stats, large, tiny, 2), QOQ_OK);
    cr_assert_eq(stats.snr_db, 0.0);
    cr_assert_eq(qoq_error_stats(&stats, tiny, large, 2), QOQ_OK);
    cr_assert(stats.snr_db < -1660.0 && isfinite(stats.snr_db));
}

Test(error_stats, errors)
{
    const float x[2] = {0.0f, 1.0f}, bad[2] = {0.0f, NAN}, inf[2] = {0.0f, INFINITY};
    struct qoq_error_stats stats;

    cr_assert_eq(qoq_error_stats(NULL, x, x, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_error_stats(&stats, NULL, x, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_error_stats(&stats, x, NULL, 2), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_error_stats(&stats, x, x, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_error_stats(&stats, x, x, SIZE_MAX), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_error_stats(&stats, x, bad, 2), QOQ_ERR_RANGE);
    cr_assert_eq(qoq_error_stats(&stats, inf, inf, 2), QOQ_ERR_RANGE);
}
