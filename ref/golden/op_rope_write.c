/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The golden operator between the product of q, k, v and attention (N 8.3, 9.4, 7.2): binary16 rows
 * in, rotated queries out, keys and values of new tokens quantized into pages of several sequences.
 */
#include "golden/cache_inputs.h"
#include "numerics/half.h"

#include <stdlib.h>
#include <string.h>

static const struct qoq_golden_parameter_spec parameters[] = {
    {"bits", 0, 4, 4, 8, "4 or 8", 4},
    {"page", 0, 16, 1, 65536, "tokens in a page", 0},
    {"heads", 0, 2, 1, 1024, "key/value heads", 0},
    {"q_heads", 0, 4, 1, 4096, "query heads, a multiple of heads", 0},
    {"head_dim", 0, 64, 2, 256, "even", 2},
    {"tokens", 0, 8, 1, 1 << 20, "new tokens, dealt to the sequences in turn", 0},
    {"sequences", 0, 2, 1, 4096, "sequences, at most tokens", 0},
    {"first", 0, 0, 0, 1000000, "first new position of sequence 0; each next one begins one on", 0},
    {"norm", 0, 0, 0, 1, "1: heads of q and k are normalized first", 0},
    {"eps", 1, 1e-6, 0, 1, "of those norms, rounded to binary32", 0},
    {"theta", 1, 10000, 1.5, 1e9, "base of the angles", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

/* What the parameters say. */
struct sizes {
    size_t tokens, sequences, first, positions; /* positions: with angles */
    size_t q_heads, heads, d, width;            /* width: of a row of qkv */
};

static struct sizes sizes_of(const struct qoq_golden_case *c)
{
    struct sizes s = {.tokens = qoq_golden_size(c, "tokens"),
                      .sequences = qoq_golden_size(c, "sequences"),
                      .first = qoq_golden_size(c, "first"),
                      .q_heads = qoq_golden_size(c, "q_heads"),
                      .heads = qoq_golden_size(c, "heads"),
                      .d = qoq_golden_size(c, "head_dim")};

    s.positions = s.first + s.sequences - 1 + (s.tokens - 1) / s.sequences + 1;
    s.width = (s.q_heads + 2 * s.heads) * s.d;
    return s;
}

/* ---- Inputs ---- */

static enum qoq_status add_angles(struct qoq_golden_case *c, const struct sizes *s)
{
    struct qoq_rope rope = {.kind = QOQ_ROPE_PLAIN, .theta = qoq_golden_real(c, "theta")};
    double frequency[128];
    float *sine = qoq_golden_derive(c, "sine", QOQ_F32, "position pair", "N 8.2",
                                    QOQ_SHAPE(s->positions, s->d / 2));
    float *cosine = qoq_golden_derive(c, "cosine", QOQ_F32, "position pair", "N 8.2",
                                      QOQ_SHAPE(s->positions, s->d / 2));

    if (sine == NULL || cosine == NULL)
        return QOQ_ERR_MEMORY;
    enum qoq_status status = qoq_rope_frequencies(frequency, s->d, &rope);
    return status == QOQ_OK ? qoq_rope_table(sine, cosine, frequency, s->d, 0, s->positions)
                            : status;
}

/* Where the tokens go, and pages for them. */
static enum qoq_status add_places(struct qoq_golden_case *c, const struct sizes *s)
{
    int32_t *sequence =
        qoq_golden_derive(c, "sequence", QOQ_I32, "t", "in turn", QOQ_SHAPE(s->tokens));
    int32_t *position =
        qoq_golden_derive(c, "position", QOQ_I32, "t", "consecutive", QOQ_SHAPE(s->tokens));
    int32_t *length = malloc(s->sequences * sizeof *length);
    enum qoq_status status = QOQ_ERR_MEMORY;

    if (sequence != NULL && position != NULL && length != NULL) {
        for (size_t t = 0; t < s->tokens; t++) {
            size_t b = t % s->sequences;
            sequence[t] = (int32_t)b;
            position[t] = (int32_t)(s->first + b + t / s->sequences);
            length[b] = position[t] + 1;
        }
        status = qoq_golden_add_cache(c, length, s->sequences, NULL, NULL, QOQ_F32, 1);
    }
    free(length);
    return status;
}

static enum qoq_status make(struct qoq_golden_case *c)
{
    struct sizes s = sizes_of(c);
    struct qoq_recipe gains = {QOQ_RECIPE_SCALE, -1, 0};
    int ties = qoq_golden_size(c, "bits") == 4 ? 15 : 255;

    if (s.q_heads % s.heads != 0 || s.sequences > s.tokens)
        return QOQ_ERR_SHAPE;
    if (qoq_golden_draw(c, "qkv", QOQ_F16, "t h d", qoq_golden_recipe(c, -15, ties),
                        QOQ_SHAPE(s.tokens, s.q_heads + 2 * s.heads, s.d)) == NULL)
        return QOQ_ERR_MEMORY;
    if (qoq_golden_size(c, "norm") &&
        (qoq_golden_draw(c, "q_norm", QOQ_F32, "d", gains, QOQ_SHAPE(s.d)) == NULL ||
         qoq_golden_draw(c, "k_norm", QOQ_F32, "d", gains, QOQ_SHAPE(s.d)) == NULL))
        return QOQ_ERR_MEMORY;
    enum qoq_status status = add_angles(c, &s);
    return status == QOQ_OK ? add_places(c, &s) : status;
}

/* ---- Outputs ---- */

/* Pools as they are before the kernel runs, to be written into. */
static uint8_t *copy_pool(struct qoq_golden_case *c, const char *name)
{
    const struct qoq_golden_tensor *before = qoq_golden_tensors_find(&c->inputs, name);
    uint8_t *pool = qoq_golden_result_packed(c, name, QOQ_LAYOUT_PAGES, before->logical, "exact", 2,
                                             before->tensor.dim);

    if (pool != NULL)
        memcpy(pool, before->tensor.data, qoq_tensor_bytes(&before->tensor));
    return pool;
}

static enum qoq_status norm_heads(float *x, const struct qoq_golden_case *c, const struct sizes *s)
{
    float eps = (float)qoq_golden_real(c, "eps"), *k = x + s->q_heads * s->d;
    enum qoq_status status;

    if (!qoq_golden_size(c, "norm"))
        return QOQ_OK;
    status = qoq_rmsnorm(x, x, qoq_golden_in(c, "q_norm"), s->q_heads, s->d, eps);
    return status == QOQ_OK ? qoq_rmsnorm(k, k, qoq_golden_in(c, "k_norm"), s->heads, s->d, eps)
                            : status;
}

/* Token t, whose row is x by now: q, k, v of all heads. */
static enum qoq_status write_token(const struct qoq_golden_case *c, const struct sizes *s,
                                   const struct qoq_golden_cache *out, size_t t, float *x)
{
    size_t b = (size_t)((const int32_t *)qoq_golden_in(c, "sequence"))[t];
    size_t at = (size_t)((const int32_t *)qoq_golden_in(c, "position"))[t];
    size_t p = out->layout.page_tokens, heads = s->q_heads + s->heads;
    size_t page = (size_t)out->table[b * out->table_pages + at / p];
    const float *sine = qoq_golden_in(c, "sine"), *cosine = qoq_golden_in(c, "cosine");
    enum qoq_status status = norm_heads(x, c, s);

    page *= qoq_kv_page_bytes(&out->layout);
    if (status == QOQ_OK)
        status =
            qoq_rope_apply(x, x, sine + at * (s->d / 2), cosine + at * (s->d / 2), heads, s->d);
    if (status == QOQ_OK)
        status = qoq_kv_write(out->k + page, x + s->q_heads * s->d, &out->layout, at % p);
    return status == QOQ_OK ? qoq_kv_write(out->v + page, x + heads * s->d, &out->layout, at % p)
                            : status;
}

static enum qoq_status run(struct qoq_golden_case *c)
{
    struct sizes s = sizes_of(c);
    struct qoq_golden_cache cache;
    enum qoq_status status = qoq_golden_find_cache(&cache, c, s.sequences);
    const qoq_half *qkv = qoq_golden_in(c, "qkv");
    float *query = qoq_golden_result(c, "query", QOQ_F32, "t h d", "exact",
                                     QOQ_SHAPE(s.tokens, s.q_heads, s.d));
    float *x = malloc(s.width * sizeof *x);

    cache.k = copy_pool(c, "k_pool");
    cache.v = copy_pool(c, "v_pool");
    if (status == QOQ_OK)
        status = qoq_golden_check_places(&cache, c, s.positions);
    if (query == NULL || x == NULL || cache.k == NULL || cache.v == NULL)
        status = QOQ_ERR_MEMORY;
    for (size_t t = 0; t < s.tokens && status == QOQ_OK; t++) {
        for (size_t i = 0; i < s.width; i++)
            x[i] = qoq_half_to_float(qkv[t * s.width + i]);
        status = write_token(c, &s, &cache, t, x);
        memcpy(query + t * s.q_heads * s.d, x, s.q_heads * s.d * sizeof *x);
    }
    free(x);
    return status;
}

const struct qoq_golden_operator qoq_golden_rope_write[] = {
    {"rope_write", "qoq", "9.4 8.3 7.1 7.2 7.4",
     "head norms if any, rotation, new keys and values into pages; pools before and after",
     "bell mixed zero tiny large outlier ties sevenths constant bits offset inf nan", parameters,
     make, run},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
