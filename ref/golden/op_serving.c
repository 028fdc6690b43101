/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden operators of N 9 and 12 as a serving engine runs them: the embedding, norms fused with the
 * residual, the greedy choice. op_rope_write.c has the one that writes the cache.
 */
#include "golden/build.h"
#include "numerics/half.h"
#include "qoq_model.h"

#include <stdlib.h>

#define ROW_KINDS "bell mixed zero tiny large outlier ties constant bits inf nan"

static const struct qoq_golden_parameter_spec embed_parameters[] = {
    {"m", 0, 4, 1, 1 << 20, "tokens", 0},
    {"vocab", 0, 32, 1, 1 << 20, "rows of the table", 0},
    {"k", 0, 256, 1, 131072, "channels", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec chosen_parameters[] = {
    {"rows", 0, 8, 1, 1 << 20, "rows of the residual stream", 0},
    {"m", 0, 4, 1, 1 << 20, "rows that are normalized, at most all", 0},
    {"k", 0, 256, 1, 131072, "channels", 0},
    {"eps", 1, 1e-5, 0, 1, "added to the mean square, rounded to binary32", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec choice_parameters[] = {
    {"m", 0, 4, 1, 1 << 20, "rows of logits", 0},
    {"n", 0, 256, 1, 1 << 20, "vocabulary", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

/* ---- Embedding ---- */

static enum qoq_status make_embed(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), vocab = qoq_golden_size(c, "vocab");
    struct qoq_recipe any = {QOQ_RECIPE_UNIFORM, 0, (int)vocab - 1};
    void *table = qoq_golden_draw(c, "table", QOQ_F16, "vocab k", qoq_golden_recipe(c, -16, 254),
                                  QOQ_SHAPE(vocab, qoq_golden_size(c, "k")));
    void *token = qoq_golden_draw(c, "token", QOQ_I32, "m", any, QOQ_SHAPE(m));

    return table != NULL && token != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_embed(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    const qoq_half *table = qoq_golden_in(c, "table");
    const int32_t *token = qoq_golden_in(c, "token");
    float *r = qoq_golden_result(c, "r", QOQ_F32, "m k", "exact", QOQ_SHAPE(m, k));

    if (r == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t i = 0; i < m; i++) {
        if (token[i] < 0 || (size_t)token[i] >= qoq_golden_size(c, "vocab"))
            return QOQ_ERR_RANGE;
        for (size_t j = 0; j < k; j++)
            r[i * k + j] = qoq_half_to_float(table[(size_t)token[i] * k + j]);
    }
    return QOQ_OK;
}

/* ---- Residual and norm ---- */

static enum qoq_status add_stream(struct qoq_golden_case *c, size_t rows)
{
    size_t k = qoq_golden_size(c, "k");
    struct qoq_recipe gains = {QOQ_RECIPE_SCALE, -1, 0};
    void *r =
        qoq_golden_draw(c, "r", QOQ_F32, "m k", qoq_golden_recipe(c, -14, 254), QOQ_SHAPE(rows, k));
    void *o =
        qoq_golden_draw(c, "o", QOQ_F16, "m k", qoq_golden_recipe(c, -16, 254), QOQ_SHAPE(rows, k));
    void *gamma = qoq_golden_draw(c, "gamma", QOQ_F32, "k", gains, QOQ_SHAPE(k));

    return r != NULL && o != NULL && gamma != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status make_norm(struct qoq_golden_case *c)
{
    return add_stream(c, qoq_golden_size(c, "m"));
}

static enum qoq_status run_norm(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    const float *r = qoq_golden_in(c, "r");
    float *y = qoq_golden_result(c, "y", QOQ_F32, "m k", "exact", QOQ_SHAPE(m, k));
    struct qoq_act act = {
        m,
        k,
        qoq_golden_result(c, "q", QOQ_I8, "m k", "exact", QOQ_SHAPE(m, k)),
        qoq_golden_result(c, "scale", QOQ_F32, "m", "exact", QOQ_SHAPE(m)),
        qoq_golden_result(c, "sum", QOQ_I32, "m", "exact", QOQ_SHAPE(m)),
    };

    if (y == NULL || act.q == NULL || act.scale == NULL || act.sum == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t i = 0; i < m * k; i++)
        y[i] = r[i];
    enum qoq_status status = qoq_residual_add(y, qoq_golden_in(c, "o"), m * k);
    return status == QOQ_OK ? qoq_rmsnorm_quantize(&act, y, qoq_golden_in(c, "gamma"),
                                                   (float)qoq_golden_real(c, "eps"))
                            : status;
}

static enum qoq_status make_chosen(struct qoq_golden_case *c)
{
    size_t rows = qoq_golden_size(c, "rows"), m = qoq_golden_size(c, "m");
    enum qoq_status status = m <= rows ? add_stream(c, rows) : QOQ_ERR_SHAPE;

    if (status != QOQ_OK)
        return status;
    int32_t *row = qoq_golden_derive(c, "row", QOQ_I32, "m", "different rows", QOQ_SHAPE(m));
    int32_t *order = qoq_golden_shuffled(rows, qoq_gen((uint64_t)c->seed, (uint64_t)c->streams++));
    status = row != NULL && order != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
    for (size_t i = 0; i < m && status == QOQ_OK; i++)
        row[i] = order[i];
    free(order);
    return status;
}

static enum qoq_status run_chosen(struct qoq_golden_case *c)
{
    size_t m = qoq_golden_size(c, "m"), k = qoq_golden_size(c, "k");
    const float *r = qoq_golden_in(c, "r");
    const qoq_half *o = qoq_golden_in(c, "o");
    const int32_t *row = qoq_golden_in(c, "row");
    float *y = qoq_golden_result(c, "y", QOQ_F32, "m k", "exact", QOQ_SHAPE(m, k));
    enum qoq_status status = y != NULL ? QOQ_OK : QOQ_ERR_MEMORY;

    for (size_t i = 0; i < m && status == QOQ_OK; i++) {
        if (row[i] < 0 || (size_t)row[i] >= qoq_golden_size(c, "rows"))
            return QOQ_ERR_RANGE;
        for (size_t j = 0; j < k; j++)
            y[i * k + j] = r[(size_t)row[i] * k + j];
        status = qoq_residual_add(y + i * k, o + (size_t)row[i] * k, k);
    }
    return status == QOQ_OK ? qoq_rmsnorm(y, y, qoq_golden_in(c, "gamma"), m, k,
                                          (float)qoq_golden_real(c, "eps"))
                            : status;
}

/* ---- Greedy choice ---- */

static enum qoq_status make_logits(struct qoq_golden_case *c)
{
    void *logits = qoq_golden_draw(c, "logits", QOQ_F32, "m n", qoq_golden_recipe(c, -13, 9),
                                   QOQ_SHAPE(qoq_golden_size(c, "m"), qoq_golden_size(c, "n")));

    return logits != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_argmax(struct qoq_golden_case *c)
{
    const struct qoq_sampling greedy = {.temperature = 0};
    size_t m = qoq_golden_size(c, "m"), n = qoq_golden_size(c, "n");
    const float *logits = qoq_golden_in(c, "logits");
    int32_t *token = qoq_golden_result(c, "token", QOQ_I32, "m", "exact", QOQ_SHAPE(m));

    if (token == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t i = 0; i < m; i++)
        token[i] = qoq_sample(NULL, logits + i * n, n, 0, &greedy);
    return QOQ_OK;
}

const struct qoq_golden_operator qoq_golden_serving[] = {
    {"embed", "qoq", "12.1", "rows of the embedding, widened", ROW_KINDS, embed_parameters,
     make_embed, run_embed},
    {"residual_rmsnorm_quantize", "qoq", "9.3 9.2 3.1",
     "residual, RMSNorm and quantization; y is the residual stream afterwards", ROW_KINDS,
     qoq_golden_norm_parameters, make_norm, run_norm},
    {"residual_rmsnorm", "qoq", "9.3 9.1", "residual and RMSNorm of chosen rows, before the head",
     ROW_KINDS, chosen_parameters, make_chosen, run_chosen},
    {"argmax", "qoq", "12.5", "greedy choice; -1 where there is no token", ROW_KINDS,
     choice_parameters, make_logits, run_argmax},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
