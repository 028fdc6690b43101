/* SPDX-License-Identifier: Apache-2.0 */
/* Output error and clip ratios of weights: Q 6.2. */
#include "quantize_case.h"

#include <math.h>

Test(clip_rows, output_error_matches_binary64)
{
    static const size_t sizes[][2] = {{1, 1}, {3, 127}, {2, 128}, {2, 129}, {131, 40}, {5, 300}};
    struct test_random r = test_random(126);

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i][0], k = sizes[i][1];
        double *gram = correlated_gram(&r, 2 * k, k), want = 0.0, have[3];
        float *w = random_floats(&r, n * k, 1.0f), *approx = random_floats(&r, n * k, 1.0f);
        float *work = guard_new(n * k * sizeof *work);

        for (size_t m = 0; m < n; m++)
            want += row_error(w + m * k, approx + m * k, gram, k);
        for (int threads = 1; threads <= 3; threads++) {
            set_threads(threads);
            have[threads - 1] = qoq_output_error(w, approx, gram, n, k, work);
        }
        cr_assert(guard_intact(work));
        cr_assert(fabs(have[0] - want) <= 1e-5 * want, "%zu x %zu: %a, want %a" SEED_FORMAT, n, k,
                  have[0], want, test_seed());
        cr_assert(have[0] == have[1] && have[0] == have[2], "threads, %zu x %zu", n, k);
        cr_assert_eq(qoq_output_error(w, w, gram, n, k, work), 0.0);
        guard_free(gram);
        guard_free(w);
        guard_free(approx);
        guard_free(work);
    }
}

/* error [81] of a row, each candidate on its own. */
static void clip_errors(double *error, struct kind_case c, const float *w, const double *gram,
                        size_t k)
{
    for (size_t t = 0; t <= 80; t++) {
        float ratio = (float)(100 - t) / 100.0f, *values = guard_new(k * sizeof *values);
        struct qoq_grid grid = fitted_grid(c, 1, k, w, &ratio);
        int8_t *code = rounded(&grid, w);

        qoq_grid_values(values, &grid, code);
        error[t] = row_error(w, values, gram, k);
        guard_free(code);
        guard_free(values);
        qoq_grid_free(&grid);
    }
}

Test(clip_rows, ratio_has_the_least_error)
{
    struct test_random r = test_random(127);
    size_t n = 7, k = 140, moved = 0;

    for (size_t c = 0; c < KIND_CASES; c++) {
        double *gram = correlated_gram(&r, 2 * k, k), error[81];
        float *w = random_floats(&r, n * k, 1.0f), *ratio = guard_new(n * sizeof *ratio), other[7];

        for (size_t i = 0; i < n * k; i++)
            w[i] *= w[i] * w[i];
        set_threads(2);
        cr_assert_eq(qoq_clip_rows(ratio, w, gram, kind_cases[c].kind, n, k, kind_cases[c].group),
                     QOQ_OK);
        cr_assert(guard_intact(ratio));
        set_threads(1);
        cr_assert_eq(qoq_clip_rows(other, w, gram, kind_cases[c].kind, n, k, kind_cases[c].group),
                     QOQ_OK);
        cr_assert_eq(memcmp(ratio, other, n * sizeof *ratio), 0, "threads");
        for (size_t m = 0; m < n; m++) {
            size_t chosen = 100 - (size_t)(ratio[m] * 100.0f + 0.5f);

            clip_errors(error, kind_cases[c], w + m * k, gram, k);
            cr_assert(chosen <= 80 && ratio[m] == (float)(100 - chosen) / 100.0f);
            moved += chosen != 0;
            for (size_t t = 0; t <= 80; t++)
                cr_assert(error[chosen] <= error[t] * (1.0 + 1e-5),
                          "kind %d, row %zu, %zu instead of %zu" SEED_FORMAT, kind_cases[c].kind, m,
                          chosen, t, test_seed());
        }
        guard_free(gram);
        guard_free(w);
        guard_free(ratio);
    }
    cr_assert(moved > KIND_CASES * n / 2, "hardly any row was clipped: %zu", moved);
}

/* Zero rows have no error under any ratio, and the first candidate wins. */
Test(clip_rows, tie_and_refusals)
{
    struct test_random r = test_random(128);
    double *gram = correlated_gram(&r, 64, 64);
    float w[128] = {0}, ratio[2];

    cr_assert_eq(qoq_clip_rows(ratio, w, gram, QOQ_GRID_W4_CHANNEL, 2, 64, 0), QOQ_OK);
    cr_assert(ratio[0] == 1.0f && ratio[1] == 1.0f);
    w[100] = NAN;
    cr_assert_eq(qoq_clip_rows(ratio, w, gram, QOQ_GRID_W4_CHANNEL, 2, 64, 0), QOQ_ERR_RANGE);
    cr_assert_eq(qoq_clip_rows(ratio, w, gram, QOQ_GRID_NONE, 2, 64, 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_clip_rows(ratio, w, gram, QOQ_GRID_W8, 2, 64, 64), QOQ_ERR_SHAPE);
    guard_free(gram);
}
