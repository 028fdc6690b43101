/* SPDX-License-Identifier: Apache-2.0 */
/* Known other ways to fuse residual and norm, to rotate and write new tokens, to choose a token. */
#include "golden/build.h"
#include "golden/cache_inputs.h"
#include "golden/mistakes.h"
#include "numerics/half.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NO_RESIDUAL, HALF_STREAM, FIRST_ROWS };
enum { BACKWARDS, NOT_ROTATED, NO_NORM, EXCHANGED };
enum { LAST_MAXIMUM, NAN_IGNORED };

static enum qoq_status run_again(struct qoq_golden_case *c)
{
    qoq_golden_tensors_free(&c->outputs);
    qoq_tensors_free(&c->bounds);
    return qoq_golden_run(c, NULL);
}

static size_t elements_of(const struct qoq_golden_case *c, const char *input)
{
    return qoq_tensor_elements(&qoq_golden_tensors_find(&c->inputs, input)->tensor);
}

/* ---- Residual and norm: the right operator on changed inputs ---- */

static enum qoq_status wrong_residual(struct qoq_golden_case *c, int variant)
{
    size_t count = elements_of(c, "r");
    float *r = qoq_golden_in(c, "r");
    qoq_half *o = qoq_golden_in(c, "o");
    int32_t *row = qoq_golden_in(c, "row");

    for (size_t i = 0; i < count && variant == HALF_STREAM; i++)
        r[i] = qoq_half_to_float(qoq_half_from_float(r[i] + qoq_half_to_float(o[i])));
    if (variant == FIRST_ROWS) {
        for (size_t i = 0; i < qoq_golden_size(c, "m"); i++)
            row[i] = (int32_t)i;
    } else {
        memset(o, 0, count * sizeof *o);
    }
    return run_again(c);
}

/* ---- New tokens ---- */

/* Queries, the norms right, rotated in another way. */
static enum qoq_status wrong_query(struct qoq_golden_case *c, int variant)
{
    size_t tokens = qoq_golden_size(c, "tokens"), q_heads = qoq_golden_size(c, "q_heads");
    size_t d = qoq_golden_size(c, "head_dim"), heads = q_heads + 2 * qoq_golden_size(c, "heads");
    const qoq_half *qkv = qoq_golden_in(c, "qkv");
    const int32_t *position = qoq_golden_in(c, "position");
    const float *sine = qoq_golden_in(c, "sine"), *cosine = qoq_golden_in(c, "cosine");
    float *query = qoq_golden_out(c, "query"), x[256];
    enum qoq_status status = QOQ_OK;

    for (size_t i = 0; i < tokens * q_heads && status == QOQ_OK; i++) {
        size_t t = i / q_heads, at = (size_t)position[t] * (d / 2);
        for (size_t j = 0; j < d; j++)
            x[j] = qoq_half_to_float(qkv[(t * heads + i % q_heads) * d + j]);
        if (qoq_golden_size(c, "norm"))
            status = qoq_rmsnorm(x, x, qoq_golden_in(c, "q_norm"), 1, d,
                                 (float)qoq_golden_real(c, "eps"));
        qoq_golden_wrong_rotation(query + i * d, x, sine + at, cosine + at, d,
                                  (enum qoq_wrong_rotation)variant);
    }
    return status;
}

static enum qoq_status half_query(struct qoq_golden_case *c, int variant)
{
    struct qoq_golden_tensor *query = qoq_golden_tensors_find(&c->outputs, "query");
    size_t count = qoq_tensor_elements(&query->tensor);
    float *y = query->tensor.data;

    (void)variant;
    for (size_t i = 0; i < count; i++)
        y[i] = qoq_half_to_float(qoq_half_from_float(y[i]));
    return QOQ_OK;
}

/* Keys and values of each token in the place of the other. */
static void exchange(struct qoq_golden_case *c)
{
    size_t d = qoq_golden_size(c, "head_dim"), heads = qoq_golden_size(c, "heads");
    size_t q_heads = qoq_golden_size(c, "q_heads"), each = heads * d;
    qoq_half *k = (qoq_half *)qoq_golden_in(c, "qkv") + q_heads * d;

    for (size_t t = 0; t < qoq_golden_size(c, "tokens"); t++, k += (q_heads + 2 * heads) * d) {
        for (size_t i = 0; i < each; i++) {
            qoq_half key = k[i];
            k[i] = k[each + i];
            k[each + i] = key;
        }
    }
}

static enum qoq_status wrong_keys(struct qoq_golden_case *c, int variant)
{
    float *sine = qoq_golden_in(c, "sine"), *cosine = qoq_golden_in(c, "cosine");
    size_t count = elements_of(c, "sine");

    if (variant == NO_NORM &&
        (!qoq_golden_size(c, "norm") || qoq_golden_parameter_set(c, "norm", 0, 0, 0) != 0))
        return QOQ_ERR_UNSUPPORTED;
    if (variant == EXCHANGED)
        exchange(c);
    for (size_t i = 0; i < count && (variant == BACKWARDS || variant == NOT_ROTATED); i++) {
        sine[i] = variant == BACKWARDS ? -sine[i] : 0.0f;
        cosine[i] = variant == BACKWARDS ? cosine[i] : 1.0f;
    }
    return run_again(c);
}

/* ---- Choice ---- */

static enum qoq_status wrong_choice(struct qoq_golden_case *c, int variant)
{
    size_t m = qoq_golden_size(c, "m"), n = qoq_golden_size(c, "n");
    const float *logits = qoq_golden_in(c, "logits");
    int32_t *token = qoq_golden_out(c, "token");

    for (size_t i = 0; i < m; i++, logits += n) {
        size_t best = n;
        for (size_t j = 0; j < n && (variant == NAN_IGNORED || token[i] >= 0); j++) {
            int better = best == n || (variant == LAST_MAXIMUM ? logits[j] >= logits[best]
                                                               : logits[j] > logits[best]);
            if (!isnan(logits[j]) && better)
                best = j;
        }
        token[i] = best < n ? (int32_t)best : token[i];
    }
    return QOQ_OK;
}

#define FUSED "residual_rmsnorm_quantize"
#define UNSEEN "the residual is left out"
#define NARROW "the residual stream is rounded to binary16"
#define REVERSED "the rotation goes the other way"

const struct qoq_golden_mistake qoq_golden_mistakes_serving[] = {
    {FUSED, "q", wrong_residual, NO_RESIDUAL, UNSEEN},
    {FUSED, "scale", wrong_residual, NO_RESIDUAL, UNSEEN},
    {FUSED " residual_rmsnorm", "y", wrong_residual, NO_RESIDUAL, UNSEEN},
    {FUSED, "q", wrong_residual, HALF_STREAM, NARROW},
    {FUSED, "scale", wrong_residual, HALF_STREAM, NARROW},
    {FUSED " residual_rmsnorm", "y", wrong_residual, HALF_STREAM, NARROW},
    {"residual_rmsnorm", "y", wrong_residual, FIRST_ROWS,
     "the first rows are normalized instead of those that `row` names"},
    {"rope_write", "query", wrong_query, QOQ_ROTATION_INTERLEAVED,
     "pairs are (2j, 2j + 1) instead of (j, j + D/2)"},
    {"rope_write", "query", wrong_query, QOQ_ROTATION_BACKWARDS, REVERSED},
    {"rope_write", "query", wrong_query, QOQ_ROTATION_OTHER_FUSION,
     "the other product of each sum is the fused one"},
    {"rope_write", "query", wrong_query, QOQ_ROTATION_NOT_FUSED,
     "the products are rounded before they are added: not fused"},
    {"rope_write", "query", half_query, 0, "the rotated query is rounded to binary16"},
    {"rope_write", "query", wrong_keys, NO_NORM, "heads are not normalized"},
    {"rope_write", "k_pool", wrong_keys, NO_NORM, "heads are not normalized"},
    {"rope_write", "k_pool", wrong_keys, BACKWARDS, REVERSED},
    {"rope_write", "k_pool", wrong_keys, NOT_ROTATED, "keys are written before they are rotated"},
    {"rope_write", "v_pool", wrong_keys, EXCHANGED, "keys and values are exchanged"},
    {"argmax", "token", wrong_choice, LAST_MAXIMUM, "the last of equal maxima is taken"},
    {"argmax", "token", wrong_choice, NAN_IGNORED, "NaN logits are passed over"},
    {NULL, NULL, NULL, 0, NULL},
};
