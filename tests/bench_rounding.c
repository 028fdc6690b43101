/* SPDX-License-Identifier: Apache-2.0 */
/* Speed of clip ratios (Q 6.2) and rounding with error feedback (Q 6.3, 6.4) on this machine:
 * `make bench`, or bench_rounding N K for one matrix. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "numerics/gen.h"
#include "quantize/cholesky.h"
#include "quantize/grid.h"

/* Of processor time, all threads together: other work on the machine hardly disturbs it. */
static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void *array(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL) {
        fputs("bench_rounding: not enough memory\n", stderr);
        exit(2);
    }
    return memory;
}

static void expect(enum qoq_status status)
{
    if (status != QOQ_OK) {
        fprintf(stderr, "bench_rounding: %s\n", qoq_status_string(status));
        exit(2);
    }
}

static float uniform(uint64_t *state)
{
    return (float)((int32_t)(qoq_gen_next(state) >> 39) - (1 << 24)) * 0x1p-24f;
}

/* Positive definite: a multiple of the identity and products of a few random vectors. */
static void fill_gram(double *gram, size_t k, uint64_t *state)
{
    float *x = array(4 * k, sizeof *x);

    for (size_t i = 0; i < 4 * k; i++)
        x[i] = uniform(state);
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < k; j++) {
            double sum = i == j ? 0.5 : 0.0;

            for (size_t t = 0; t < 4; t++)
                sum += (double)(x[t * k + i] * x[t * k + j]);
            gram[i * k + j] = sum;
        }
    }
    free(x);
}

static void report(const char *what, size_t n, size_t k, double operations, double time)
{
    printf("%-22s %6zu x %-6zu %9.3f s %8.1f GFLOP/s a thread\n", what, n, k, time,
           operations / time * 1e-9);
    fflush(stdout);
}

static void time_clip(const float *w, const double *gram, size_t n, size_t k)
{
    float *ratio = array(n, sizeof *ratio);
    double start = seconds();

    expect(qoq_clip_rows(ratio, w, gram, QOQ_GRID_W4_CHANNEL, n, k, 0));
    report("clip ratios", n, k, 162.0 * (double)n * (double)k * (double)k, seconds() - start);
    free(ratio);
}

static void time_factor(size_t k, uint64_t *state)
{
    double *gram = array(k * k, sizeof *gram), *work = array(qoq_factor_work(k), sizeof *work);
    double cube = (double)k * (double)k * (double)k / 3.0, start;

    fill_gram(gram, k, state);
    start = seconds();
    expect(qoq_factor(gram, k, work));
    report("factor", k, k, cube, seconds() - start);
    start = seconds();
    qoq_factor_invert(gram, k, work);
    report("inverse", k, k, cube, seconds() - start);
    free(gram);
    free(work);
}

static void time_gptq(const float *w, double *gram, size_t n, size_t k)
{
    struct qoq_grid grid;
    int8_t *code = array(n, k);
    double square = (double)k * (double)k, start = seconds();

    expect(qoq_grid_create(&grid, QOQ_GRID_W4_GROUP, n, k, 64));
    expect(qoq_grid_fit(&grid, w, NULL));
    expect(qoq_gptq(code, &grid, w, gram, 0.01f, NULL));
    report("error feedback, all", n, k, square * (2.0 * (double)k / 3.0 + (double)n),
           seconds() - start);
    qoq_grid_free(&grid);
    free(code);
}

static void time_shape(size_t n, size_t k, int clip)
{
    float *w = array(n * k, sizeof *w), *work = array(n * k, sizeof *work);
    double *gram = array(k * k, sizeof *gram), start;
    uint64_t state = n * k;

    for (size_t i = 0; i < n * k; i++)
        w[i] = uniform(&state);
    fill_gram(gram, k, &state);
    if (clip)
        time_clip(w, gram, n, k);
    start = seconds();
    qoq_output_error(w, work, gram, n, k, work);
    report("output error", n, k, 2.0 * (double)n * (double)k * (double)k, seconds() - start);
    time_gptq(w, gram, n, k);
    free(gram);
    free(w);
    free(work);
    time_factor(k, &state);
}

int main(int argc, char **argv)
{
    static const size_t shapes[][2] = {{192, 576}, {576, 576}, {1536, 576}, {576, 1536}};

    if (argc == 3) {
        time_shape(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10), 0);
        return 0;
    }
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        time_shape(shapes[i][0], shapes[i][1], 1);
    return 0;
}
