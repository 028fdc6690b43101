/* SPDX-License-Identifier: Apache-2.0 */
/* The Gram matrix in the order of its diagonal, damped, and the factor of its inverse: Q 6.3, 6.4.
 */
#include "quantize/gptq.h"

#include "model/model.h"
#include "quantize/cholesky.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 250
#define ROWS 64 /* permuted at a time */

/* Dead columns get weight 1. *mean: of the weights. */
static enum qoq_status weigh(struct qoq_feedback_column *column, double *mean, double *gram,
                             size_t k)
{
    double sum = 0.0;

    for (size_t i = 0; i < k; i++) {
        double weight = gram[i * k + i];
        int dead = weight == 0.0;

        if (!(weight >= 0.0 && weight < INFINITY))
            return QOQ_ERR_RANGE;
        gram[i * k + i] = dead ? 1.0 : weight;
        column[i] = (struct qoq_feedback_column){i, gram[i * k + i], dead};
        sum += gram[i * k + i];
    }
    *mean = sum / (double)k;
    return *mean < INFINITY ? QOQ_OK : QOQ_ERR_RANGE;
}

/* Descending weight, ties by ascending index. */
static int compare(const void *left, const void *right)
{
    const struct qoq_feedback_column *a = left, *b = right;

    if (a->weight != b->weight)
        return a->weight < b->weight ? 1 : -1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Row i becomes row column[i].index: cycle by cycle. row [k] is room. */
static void permute_rows(double *gram, const struct qoq_feedback_column *column, size_t k,
                         double *row, unsigned char *done)
{
    size_t bytes = k * sizeof *gram;

    for (size_t start = 0; start < k; start++) {
        size_t i = start;

        if (done[start])
            continue;
        memcpy(row, gram + start * k, bytes);
        for (; column[i].index != start; i = column[i].index) {
            memcpy(gram + i * k, gram + column[i].index * k, bytes);
            done[i] = 1;
        }
        memcpy(gram + i * k, row, bytes);
        done[i] = 1;
    }
}

static enum qoq_status permute_columns(double *gram, const struct qoq_feedback_column *column,
                                       size_t k)
{
    int failed = 0;

#pragma omp parallel for reduction(| : failed)
    for (size_t first = 0; first < k; first += ROWS) {
        size_t end = k - first < ROWS ? k : first + ROWS;
        double *row = malloc(k * sizeof *row);

        failed |= row == NULL;
        for (size_t i = first; row != NULL && i < end; i++) {
            for (size_t j = 0; j < k; j++)
                row[j] = gram[i * k + column[j].index];
            memcpy(gram + i * k, row, k * sizeof *row);
        }
        free(row);
    }
    return failed ? QOQ_ERR_MEMORY : QOQ_OK;
}

static enum qoq_status permute(double *gram, const struct qoq_feedback_column *column, size_t k)
{
    double *row = malloc(k * sizeof *row);
    unsigned char *done = calloc(k, 1);
    enum qoq_status status = row != NULL && done != NULL ? QOQ_OK : QOQ_ERR_MEMORY;

    if (status == QOQ_OK)
        permute_rows(gram, column, k, row, done);
    free(row);
    free(done);
    return status == QOQ_OK ? permute_columns(gram, column, k) : status;
}

/* The upper triangle again as it was, from the lower one, with a damped diagonal. */
static void restore(double *gram, const struct qoq_feedback_column *column, size_t k, double add)
{
#pragma omp parallel for schedule(dynamic, 16) if (k >= 1024)
    for (size_t i = 0; i < k; i++) {
        gram[i * k + i] = column[i].weight + add;
        for (size_t j = i + 1; j < k; j++)
            gram[i * k + j] = gram[j * k + i];
    }
}

/* A factorization leaves the lower triangle alone, from which the next try starts. */
static enum qoq_status factor_damped(double *gram, const struct qoq_feedback_column *column,
                                     size_t k, double damp, double mean, double *damped,
                                     double *work)
{
    for (int i = 0; i <= TRIES; i++) {
        double share = damp * (1.0 + 0.1 * i);
        enum qoq_status status;

        restore(gram, column, k, share * mean);
        status = qoq_factor(gram, k, work);
        if (status == QOQ_OK && damped != NULL)
            *damped = share;
        if (status != QOQ_ERR_RANGE)
            return status;
    }
    return QOQ_ERR_RANGE;
}

/* Rows in units of their diagonal. */
static void normalize(double *u, size_t k)
{
#pragma omp parallel for schedule(dynamic, 16) if (k >= 1024)
    for (size_t i = 0; i < k; i++) {
        double unit = u[i * k + i];

#pragma omp simd
        for (size_t j = i; j < k; j++)
            u[i * k + j] /= unit;
    }
}

enum qoq_status qoq_feedback_factor(struct qoq_feedback_column *column, double *gram, size_t k,
                                    float damp, double *damped)
{
    double mean, *work;
    enum qoq_status status;

    QOQ_TRY(weigh(column, &mean, gram, k));
    qsort(column, k, sizeof *column, compare);
    QOQ_TRY(permute(gram, column, k));
    work = malloc(qoq_factor_work(k) * sizeof *work);
    if (work == NULL)
        return QOQ_ERR_MEMORY;
    status = factor_damped(gram, column, k, (double)damp, mean, damped, work);
    if (status == QOQ_OK) {
        qoq_factor_invert(gram, k, work);
        normalize(gram, k);
    }
    free(work);
    return status;
}
