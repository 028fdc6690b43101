/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding with error feedback, and the factorization under it: Q 6.3, 6.4. */
#include "quantize_case.h"

#include "quantize/cholesky_path.h"

#include <math.h>

/* ---- The factorization ---- */

/* Element by element, from the clause alone. */
static void naive_factor(double *a, size_t k)
{
    for (size_t l = k; l-- > 0;) {
        for (size_t i = l + 1; i-- > 0;) {
            double c = a[i * k + l];

            for (size_t m = k; m-- > l + 1;)
                c = fma(-a[i * k + m], a[l * k + m], c);
            a[i * k + l] = i == l ? sqrt(c) : c / a[l * k + l];
        }
    }
}

static void naive_invert(double *u, const double *r, size_t k)
{
    for (size_t j = 0; j < k; j++) {
        for (size_t i = j + 1; i-- > 0;) {
            double c = i == j ? 1.0 : 0.0;

            for (size_t m = j + 1; m-- > i + 1;)
                c = fma(-r[i * k + m], u[m * k + j], c);
            u[i * k + j] = c / r[i * k + i];
        }
    }
}

static double *copy(const double *a, size_t count)
{
    double *out = guard_new(count * sizeof *out);

    memcpy(out, a, count * sizeof *out);
    return out;
}

static void compare_upper(const double *have, const double *want, const double *gram, size_t k,
                          const char *what)
{
    cr_assert(guard_intact(have));
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < k; j++) {
            double expected = j < i ? gram[i * k + j] : want[i * k + j];

            cr_assert(have[i * k + j] == expected,
                      "%s, k = %zu, (%zu, %zu): %a, want %a" SEED_FORMAT, what, k, i, j,
                      have[i * k + j], expected, test_seed());
        }
    }
}

static void check_factor(const double *gram, const double *r, const double *u, size_t k,
                         const struct qoq_factor_path *path, const char *name)
{
    double *a = copy(gram, k * k), *work = guard_new(qoq_factor_work(k) * sizeof *work);

    cr_assert_eq(qoq_factor_run(a, k, work, path), QOQ_OK);
    compare_upper(a, r, gram, k, name);
    qoq_factor_invert_run(a, k, work, path);
    compare_upper(a, u, gram, k, name);
    cr_assert(guard_intact(work));
    guard_free(a);
    guard_free(work);
}

/* U^T U gram = I, within what k roundings of a matrix of this condition may cost. */
static void check_inverse(const double *gram, const double *u, size_t k)
{
    double *half = guard_new(k * k * sizeof *half), worst = 0.0;

    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < k; j++) {
            half[i * k + j] = 0.0;
            for (size_t m = i; m < k; m++)
                half[i * k + j] += u[i * k + m] * gram[m * k + j];
        }
    }
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < k; j++) {
            double sum = i == j ? -1.0 : 0.0;

            for (size_t m = 0; m <= i; m++)
                sum += u[m * k + i] * half[m * k + j];
            worst = fmax(worst, fabs(sum));
        }
    }
    cr_assert(worst < 1e-7, "k = %zu: %g" SEED_FORMAT, k, worst, test_seed());
    guard_free(half);
}

Test(gptq, factor_is_the_written_chains)
{
    static const size_t sizes[] = {1, 2, 5, 8, 9, 31, 33, 127, 128, 129, 135, 256, 300};
    struct test_random r = test_random(130);

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t k = sizes[i];
        double *gram = correlated_gram(&r, 2 * k + 8, k), *want = copy(gram, k * k),
               *u = copy(gram, k * k);

        naive_factor(want, k);
        naive_invert(u, want, k);
        for (int threads = 1; threads <= 3; threads += 2) {
            set_threads(threads);
            check_factor(gram, want, u, k, &qoq_factor_plain, "plain");
#if QOQ_FMA_TARGET
            if (qoq_machine_has_fma())
                check_factor(gram, want, u, k, &qoq_factor_avx2, "avx2");
#endif
        }
        check_inverse(gram, u, k);
        guard_free(gram);
        guard_free(want);
        guard_free(u);
    }
}

/* ---- The rounding ---- */

/* A straightforward rounding of the rows by the clauses, one weight after the other. */
static void naive_gptq(int8_t *code, const struct qoq_grid *grid, const float *w,
                       const double *gram, double damp)
{
    size_t k = grid->k, *order = guard_new(k * sizeof *order);
    double *h = copy(gram, k * k), *u = guard_new(k * k * sizeof *u), mean = 0.0;
    double *weight = guard_new(k * sizeof *weight);
    float *v = guard_new(k * sizeof *v);

    for (size_t i = 0; i < k; i++) {
        weight[i] = gram[i * k + i] == 0.0 ? 1.0 : gram[i * k + i];
        mean += weight[i];
    }
    mean /= (double)k;
    for (size_t i = 0; i < k; i++) {
        size_t place = 0;

        for (size_t j = 0; j < k; j++)
            place += weight[j] > weight[i] || (weight[j] == weight[i] && j < i);
        order[place] = i;
    }
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < k; j++)
            h[i * k + j] = i == j ? weight[order[i]] + damp * mean : gram[order[i] * k + order[j]];
    }
    naive_factor(h, k);
    naive_invert(u, h, k);
    for (size_t n = 0; n < grid->n; n++) {
        for (size_t c = 0; c < k; c++)
            v[c] = gram[order[c] * k + order[c]] == 0.0 ? 0.0f : w[n * k + order[c]] / grid->s[n];
        for (size_t c = 0; c < k; c++) {
            size_t at = n * grid->groups + order[c] / grid->group;
            float x = fminf(fmaxf(v[c], -grid->bound), grid->bound), value;
            float step = grid->step[at], zero = grid->zero[at];
            int post = grid->kind == QOQ_GRID_W4_POST, q;

            q = (int)fmin(
                fmax(nearbyint((double)(post ? (x + zero) / step : x / step + zero)), grid->lo),
                grid->hi);
            value = post ? (float)q * step - zero : ((float)q - zero) * step;
            code[n * k + order[c]] = (int8_t)q;
            for (size_t j = c + 1; j < k; j++)
                v[j] = fmaf(value - v[c], (float)(u[c * k + j] / u[c * k + c]), v[j]);
        }
    }
    guard_free(order);
    guard_free(h);
    guard_free(u);
    guard_free(weight);
    guard_free(v);
}

static double total_error(const struct qoq_grid *grid, const float *w, const int8_t *code,
                          const double *gram)
{
    float *values = guard_new(grid->n * grid->k * sizeof *values);
    double error = 0.0;

    qoq_grid_values(values, grid, code);
    for (size_t n = 0; n < grid->n; n++)
        error += row_error(w + n * grid->k, values + n * grid->k, gram, grid->k);
    guard_free(values);
    return error;
}

static int8_t *gptq(const struct qoq_grid *grid, const float *w, const double *gram, int threads)
{
    double *factor = copy(gram, grid->k * grid->k), damped = 0.0;
    int8_t *code = guard_new(grid->n * grid->k);

    set_threads(threads);
    cr_assert_eq(qoq_gptq(code, grid, w, factor, 0.01f, &damped), QOQ_OK);
    cr_assert_eq(damped, (double)0.01f);
    cr_assert(guard_intact(code) && guard_intact(factor));
    guard_free(factor);
    return code;
}

Test(gptq, codes_are_the_written_ones)
{
    static const size_t sizes[][2] = {{1, 1}, {3, 63}, {5, 64}, {7, 65}, {100, 40}, {6, 172}};
    struct test_random r = test_random(131);

    for (size_t c = 0; c < KIND_CASES; c++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            size_t n = sizes[i][0], k = sizes[i][1];
            double *gram = correlated_gram(&r, k + 5, k);
            float *w = random_floats(&r, n * k, 0.1f);
            struct qoq_grid grid = fitted_grid(kind_cases[c], n, k, w, NULL);
            int8_t *want = guard_new(n * k);

            naive_gptq(want, &grid, w, gram, (double)0.01f);
            for (int threads = 1; threads <= 3; threads += 2) {
                int8_t *code = gptq(&grid, w, gram, threads);

                for (size_t j = 0; j < n * k; j++)
                    cr_assert_eq(
                        code[j], want[j],
                        "kind %d, %zu x %zu, %d threads, code %zu: %d, want %d" SEED_FORMAT,
                        grid.kind, n, k, threads, j, code[j], want[j], test_seed());
                guard_free(code);
            }
            guard_free(want);
            guard_free(w);
            guard_free(gram);
            qoq_grid_free(&grid);
        }
    }
}

Test(gptq, lowers_the_error_of_rounding)
{
    struct test_random r = test_random(132);
    size_t n = 24, k = 192;

    for (size_t c = 0; c < KIND_CASES; c++) {
        double *gram = correlated_gram(&r, 2 * k, k), nearest, fed;
        float *w = random_floats(&r, n * k, 0.1f);
        struct qoq_grid grid = fitted_grid(kind_cases[c], n, k, w, NULL);
        int8_t *code = gptq(&grid, w, gram, 2), *plain = guard_new(n * k);

        qoq_grid_round(plain, &grid, w);
        nearest = total_error(&grid, w, plain, gram);
        fed = total_error(&grid, w, code, gram);
        cr_assert(fed < 0.7 * nearest, "kind %d, group %zu: %g, to nearest %g" SEED_FORMAT,
                  kind_cases[c].kind, kind_cases[c].group, fed, nearest, test_seed());
        guard_free(code);
        guard_free(plain);
        guard_free(w);
        guard_free(gram);
        qoq_grid_free(&grid);
    }
}

/* A diagonal matrix couples nothing: rounding is to nearest, but for level 1 within its bound. */
Test(gptq, diagonal_matrix_rounds_to_nearest)
{
    struct test_random r = test_random(133);
    size_t n = 3, k = 80;

    for (size_t c = 0; c < KIND_CASES; c++) {
        double *gram = guard_new(k * k * sizeof *gram);
        float *w = random_floats(&r, n * k, 0.1f);
        struct qoq_grid grid = fitted_grid(kind_cases[c], n, k, w, NULL);
        int8_t *plain = guard_new(n * k), *code;

        for (size_t i = 0; i < k * k; i++)
            gram[i] = i % (k + 1) == 0 ? (double)test_integer(&r, 1, 5) : 0.0;
        qoq_grid_round(plain, &grid, w);
        code = gptq(&grid, w, gram, 1);
        cr_assert_eq(memcmp(code, plain, n * k), 0, "kind %d" SEED_FORMAT, grid.kind, test_seed());
        guard_free(code);
        guard_free(plain);
        guard_free(w);
        guard_free(gram);
        qoq_grid_free(&grid);
    }
}

/* Weights of channels that no token uses become 0. */
Test(gptq, dead_columns)
{
    struct test_random r = test_random(134);
    size_t n = 4, k = 96;
    double *gram = correlated_gram(&r, 2 * k, k);
    float *w = random_floats(&r, n * k, 0.1f), *values = guard_new(n * k * sizeof *values);
    struct qoq_grid grid = fitted_grid((struct kind_case){QOQ_GRID_W4_GROUP, 32}, n, k, w, NULL);
    int8_t *code, *want = guard_new(n * k);

    for (size_t i = 0; i < k; i++) {
        for (size_t j = 5; j < k; j += 40)
            gram[i * k + j] = gram[j * k + i] = 0.0;
    }
    code = gptq(&grid, w, gram, 1);
    naive_gptq(want, &grid, w, gram, (double)0.01f);
    cr_assert_eq(memcmp(code, want, n * k), 0);
    qoq_grid_values(values, &grid, code);
    for (size_t m = 0; m < n; m++) {
        for (size_t j = 5; j < k; j += 40)
            cr_assert_eq(values[m * k + j], 0.0f, "row %zu, column %zu", m, j);
    }
    guard_free(code);
    guard_free(want);
    guard_free(values);
    guard_free(w);
    guard_free(gram);
    qoq_grid_free(&grid);
}

/* Codes of the progressive grid stay valid wherever the feedback moves the values (N 4.3). */
Test(gptq, stored_codes_are_valid)
{
    struct test_random r = test_random(135);

    for (size_t i = 0; i < 20; i++) {
        size_t n = 16, k = 100;
        double *gram = correlated_gram(&r, 20, k);
        float *w = random_floats(&r, n * k, 0.1f);
        struct qoq_grid grid =
            fitted_grid((struct kind_case){QOQ_GRID_W4_GROUP, 32}, n, k, w, NULL);
        struct qoq_weight out = weight_new(QOQ_W4_GROUP, n, k, 32);
        int8_t *code = gptq(&grid, w, gram, 1), *b = guard_new(n * k);

        cr_assert_eq(qoq_grid_store(&out, &grid, code), QOQ_OK);
        cr_assert_eq(qoq_weight_check(&out), QOQ_OK);
        cr_assert_eq(qoq_weight_operand(b, &out), QOQ_OK);
        for (size_t j = 0; j < n * k; j++)
            cr_assert(b[j] >= -127, "code %zu" SEED_FORMAT, j, test_seed());
        guard_free(code);
        guard_free(b);
        guard_free(w);
        guard_free(gram);
        weight_free(&out);
        qoq_grid_free(&grid);
    }
}

/* ---- Damping ---- */

/* gram [2][2] = {1, off; off, 1}: positive definite with a damping above off - 1. */
static enum qoq_status damp_pair(double off, double *damped, int8_t *code)
{
    float w[2] = {0.3f, -0.2f};
    double gram[4] = {1.0, off, off, 1.0};
    struct qoq_grid grid = fitted_grid((struct kind_case){QOQ_GRID_W8, 0}, 1, 2, w, NULL);
    enum qoq_status status = qoq_gptq(code, &grid, w, gram, 0.01f, damped);

    qoq_grid_free(&grid);
    return status;
}

Test(gptq, damping_grows_until_it_suffices)
{
    double damped = 0.0;
    int8_t code[2], want[2];
    struct qoq_grid grid;
    float w[2] = {0.3f, -0.2f};
    const double gram[4] = {1.0, 1.0455, 1.0455, 1.0};

    cr_assert_eq(damp_pair(0.5, &damped, code), QOQ_OK);
    cr_assert_eq(damped, (double)0.01f);
    cr_assert_eq(damp_pair(1.0455, &damped, code), QOQ_OK);
    cr_assert(fabs(damped - 0.046) < 1e-6, "%g", damped);
    /* Retries start from the matrix as it was. */
    grid = fitted_grid((struct kind_case){QOQ_GRID_W8, 0}, 1, 2, w, NULL);
    naive_gptq(want, &grid, w, gram, damped);
    cr_assert_eq(memcmp(code, want, sizeof want), 0);
    qoq_grid_free(&grid);
    cr_assert_eq(damp_pair(1.2595, &damped, code), QOQ_OK);
    cr_assert_eq(damp_pair(1.2605, &damped, code), QOQ_ERR_RANGE);
    cr_assert_eq(damp_pair(0.5, NULL, code), QOQ_OK);
}

/* A larger matrix that needs several tries: what the failed ones left behind does not matter. */
Test(gptq, retries_start_afresh)
{
    struct test_random r = test_random(136);
    size_t n = 3, k = 150;
    double *gram = correlated_gram(&r, 40, k), *factor, damped = 0.0, mean = 0.0;
    float *w = random_floats(&r, n * k, 0.1f);
    struct qoq_grid grid = fitted_grid((struct kind_case){QOQ_GRID_W8, 0}, n, k, w, NULL);
    int8_t *code = guard_new(n * k), *want = guard_new(n * k);

    for (size_t i = 0; i < k; i++)
        mean += gram[i * k + i] / (double)k;
    for (size_t i = 0; i < k; i++)
        gram[i * k + i] -= fmin(0.05 * mean, 0.9 * gram[i * k + i]);
    factor = copy(gram, k * k);
    cr_assert_eq(qoq_gptq(code, &grid, w, factor, 0.01f, &damped), QOQ_OK);
    cr_assert(damped > 0.02 && damped < 0.2, "%g" SEED_FORMAT, damped, test_seed());
    naive_gptq(want, &grid, w, gram, damped);
    cr_assert_eq(memcmp(code, want, n * k), 0, SEED_FORMAT, test_seed());
    guard_free(code);
    guard_free(want);
    guard_free(w);
    guard_free(gram);
    guard_free(factor);
    qoq_grid_free(&grid);
}

Test(gptq, refused)
{
    const double bad[] = {NAN, INFINITY, -1.0};
    double damped, gram[4] = {1.0, 0.0, 0.0, 1.0};
    float w[2] = {0.3f, -0.2f};
    struct qoq_grid grid = fitted_grid((struct kind_case){QOQ_GRID_W8, 0}, 1, 2, w, NULL);
    int8_t code[2];

    cr_assert_eq(qoq_gptq(code, &grid, w, gram, 0.0f, &damped), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_gptq(code, &grid, w, gram, NAN, &damped), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_gptq(NULL, &grid, w, gram, 0.01f, &damped), QOQ_ERR_ARGUMENT);
    for (size_t i = 0; i < 3; i++) {
        gram[3] = bad[i];
        cr_assert_eq(qoq_gptq(code, &grid, w, gram, 0.01f, &damped), QOQ_ERR_RANGE, "%g", bad[i]);
    }
    gram[3] = 1.0;
    gram[1] = gram[2] = NAN;
    cr_assert_eq(qoq_gptq(code, &grid, w, gram, 0.01f, &damped), QOQ_ERR_RANGE);
    qoq_grid_free(&grid);
}
