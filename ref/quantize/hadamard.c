/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products with R = diag(sign) (H_2^p (x) H_K) / sqrt(size) (Q 2.2, 2.3). LANES vectors side by
 * side in binary64: the blocks of K, then butterflies of growing stride, the scale, one rounding to
 * binary32. A vector's operations do not depend on its neighbours or on how it lies in memory.
 */
#include "model/model.h"
#include "ops/shape.h"
#include "quantize/paley.h"
#include "quantize/transform.h"

#include "numerics/gen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LANES 8

struct qoq_hadamard {
    size_t size, core;
    double scale;
    double *block; /* H_K [core][core]; NULL for core = 1 */
    double *sign;  /* [size] */
};

/* Vectors of a matrix: element i of vector v is at v * step + i * stride. */
struct vectors {
    float *at;
    size_t count, step, stride;
};

/* ---- The matrix ---- */

/* The smallest K of which size is a power of two times, or 0. */
static size_t core_of(size_t size)
{
    size_t core = size;

    while (core % 2 == 0) {
        core /= 2;
    }
    while (core > 1 && core <= size && !qoq_paley_exists(core)) {
        core = core > QOQ_PALEY_MAX ? size + 1 : 2 * core;
    }
    return core <= size ? core : 0;
}

static void fill_signs(struct qoq_hadamard *r, int random, uint64_t seed)
{
    for (size_t i = 0; i < r->size; i++) {
        r->sign[i] = random && qoq_gen(seed, i) >> 63 != 0 ? -1 : 1;
    }
}

static enum qoq_status fill(struct qoq_hadamard *r, int random, uint64_t seed)
{
    r->sign = malloc(r->size * sizeof *r->sign);
    if (r->sign == NULL) {
        return QOQ_ERR_MEMORY;
    }
    fill_signs(r, random, seed);
    if (r->core == 1) {
        return QOQ_OK;
    }
    r->block = malloc(r->core * r->core * sizeof *r->block);
    return r->block == NULL ? QOQ_ERR_MEMORY : qoq_paley(r->block, r->core);
}

enum qoq_status qoq_hadamard_create(struct qoq_hadamard **out, size_t size, int random,
                                    uint64_t seed)
{
    *out = NULL;
    if (size == 0 || size > QOQ_K_MAX) {
        return QOQ_ERR_SHAPE;
    }
    size_t core = core_of(size);
    if (core == 0) {
        return QOQ_ERR_UNSUPPORTED;
    }
    struct qoq_hadamard *r = malloc(sizeof *r);
    if (r == NULL) {
        return QOQ_ERR_MEMORY;
    }
    *r = (struct qoq_hadamard){size, core, 1 / sqrt((double)size), NULL, NULL};
    enum qoq_status status = fill(r, random, seed);
    if (status != QOQ_OK) {
        qoq_hadamard_free(r);
        return status;
    }
    *out = r;
    return QOQ_OK;
}

void qoq_hadamard_free(struct qoq_hadamard *rotation)
{
    if (rotation != NULL) {
        free(rotation->block);
        free(rotation->sign);
        free(rotation);
    }
}

size_t qoq_hadamard_size(const struct qoq_hadamard *rotation)
{
    return rotation->size;
}

/* ---- A panel of LANES vectors: x [size][LANES] ---- */

#define EACH_LANE(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
#define START(l) double sum##l = 0;
#define ADD(l) sum##l += sign * x[i * LANES + l];
#define KEEP(l) y[l] = sum##l;

/* y [LANES] = x [core][LANES] times a column of H_K */
static void multiply_column(double *y, const double *x, const double *column, size_t core)
{
    EACH_LANE(START)
    for (size_t i = 0; i < core; i++) {
        double sign = column[i * core];
        EACH_LANE(ADD)
    }
    EACH_LANE(KEEP)
}

/* x [core][LANES] <- H_K^T x */
static void multiply_block(double *x, double *work, const double *h, size_t core)
{
    memcpy(work, x, core * LANES * sizeof *x);
    for (size_t j = 0; j < core; j++) {
        multiply_column(x + j * LANES, work, h + j, core);
    }
}

/* Butterflies between a [count] and b [count]. */
static void butterflies(double *a, double *b, size_t count)
{
    for (size_t i = 0; i < count; i += LANES) {
        double sum[LANES], difference[LANES];
        for (size_t l = 0; l < LANES; l++) {
            sum[l] = a[i + l] + b[i + l];
            difference[l] = a[i + l] - b[i + l];
        }
        memcpy(a + i, sum, sizeof sum);
        memcpy(b + i, difference, sizeof difference);
    }
}

/* x <- (H_2^p (x) H_K)^T x; work: [core][LANES] */
static void transform(double *x, double *work, const struct qoq_hadamard *r)
{
    for (size_t i = 0; r->block != NULL && i < r->size; i += r->core) {
        multiply_block(x + i * LANES, work, r->block, r->core);
    }
    for (size_t half = r->core; half < r->size; half *= 2) {
        for (size_t i = 0; i < r->size; i += 2 * half) {
            butterflies(x + i * LANES, x + (i + half) * LANES, half * LANES);
        }
    }
}

static void gather(double *x, const struct vectors *v, size_t first, size_t lanes,
                   const struct qoq_hadamard *r)
{
    const float *from = v->at + first * v->step;

    for (size_t i = 0; i < r->size; i++) {
        for (size_t l = 0; l < LANES; l++) {
            x[i * LANES + l] =
                l < lanes ? (double)from[i * v->stride + l * v->step] * r->sign[i] : 0;
        }
    }
}

static void scatter(const struct vectors *v, const double *x, size_t first, size_t lanes,
                    const struct qoq_hadamard *r)
{
    float *to = v->at + first * v->step;

    for (size_t i = 0; i < r->size; i++) {
        for (size_t l = 0; l < lanes; l++) {
            to[i * v->stride + l * v->step] = (float)(x[i * LANES + l] * r->scale);
        }
    }
}

static void rotate_panel(const struct vectors *v, size_t first, double *x,
                         const struct qoq_hadamard *r)
{
    size_t left = v->count - first, lanes = left < LANES ? left : LANES;

    gather(x, v, first, lanes, r);
    transform(x, x + r->size * LANES, r);
    scatter(v, x, first, lanes, r);
}

/* Every vector as a row v becomes v R. */
static enum qoq_status rotate(const struct vectors *v, const struct qoq_hadamard *r)
{
    size_t room = (r->size + r->core) * LANES * sizeof(double);
    int worst = QOQ_OK;

#pragma omp parallel reduction(min : worst) if (v->count * r->size >= QOQ_PARALLEL_MIN)
    {
        double *x = malloc(room);
        if (x == NULL) {
            worst = QOQ_ERR_MEMORY;
        }
#pragma omp for schedule(static)
        for (size_t first = 0; first < v->count; first += LANES) {
            if (x != NULL) {
                rotate_panel(v, first, x, r);
            }
        }
        free(x);
    }
    return (enum qoq_status)worst;
}

enum qoq_status qoq_rotate_rows(float *rows, size_t m, const struct qoq_hadamard *rotation)
{
    struct vectors v = {rows, m, rotation->size, 1};

    return rotate(&v, rotation);
}

enum qoq_status qoq_rotate_columns(float *w, size_t k, const struct qoq_hadamard *rotation)
{
    struct vectors v = {w, k, 1, k};

    return rotate(&v, rotation);
}
