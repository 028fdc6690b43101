/* SPDX-License-Identifier: Apache-2.0 */
/* Golden operators of N 11 and 12.2: attention over paged caches, its splits, the baseline. */
#include "golden/cache_inputs.h"

#include <stdlib.h>

#define ATTENTION_KINDS "bell sink spread constant offset zero mixed stale nan"

#define CACHE_PARAMETERS                                                                           \
    {"bits", 0, 4, 4, 8, "4 or 8", 4}, {"page", 0, 64, 1, 65536, "tokens in a page", 0},           \
        {"heads", 0, 1, 1, 1024, "key/value heads", 0},                                            \
        {"q_heads", 0, 2, 1, 4096, "query heads, a multiple of heads", 0},                         \
        {"head_dim", 0, 64, 2, 256, "even", 2},                                                    \
    {                                                                                              \
        "context", 0, 200, 1, 1 << 20, "tokens of the longest sequence", 0                         \
    }

static const struct qoq_golden_parameter_spec decode_parameters[] = {
    CACHE_PARAMETERS,
    {"batch", 0, 1, 1, 4096, "sequences; the first has the full context", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec prefill_parameters[] = {
    CACHE_PARAMETERS,
    {"rows", 0, 8, 1, 1 << 20, "the last rows of the context, at most all of it", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec split_parameters[] = {
    CACHE_PARAMETERS,
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec f32_parameters[] = {
    {"heads", 0, 1, 1, 1024, "key/value heads", 0},
    {"q_heads", 0, 2, 1, 4096, "query heads, a multiple of heads", 0},
    {"head_dim", 0, 64, 2, 256, "even", 2},
    {"context", 0, 100, 1, 1 << 20, "tokens", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

/* ---- Inputs ---- */

static struct qoq_recipe recipe_of(enum qoq_recipe_kind kind, int a, int b)
{
    struct qoq_recipe recipe = {kind, a, b};

    return recipe;
}

static struct qoq_recipe query_recipe(const struct qoq_golden_case *c)
{
    if (qoq_golden_kind_is(c, "zero"))
        return recipe_of(QOQ_RECIPE_ZERO, 0, 0);
    return recipe_of(QOQ_RECIPE_BELL, qoq_golden_kind_is(c, "spread") ? -11 : -15, 0);
}

static struct qoq_recipe key_recipe(const struct qoq_golden_case *c)
{
    if (qoq_golden_kind_is(c, "constant"))
        return recipe_of(QOQ_RECIPE_CONSTANT, -16, 0);
    return recipe_of(qoq_golden_kind_is(c, "offset") ? QOQ_RECIPE_OFFSET : QOQ_RECIPE_BELL, -16, 0);
}

static struct qoq_recipe value_recipe(const struct qoq_golden_case *c)
{
    if (qoq_golden_kind_is(c, "constant"))
        return recipe_of(QOQ_RECIPE_CONSTANT, -16, 0);
    if (qoq_golden_kind_is(c, "mixed"))
        return recipe_of(QOQ_RECIPE_MIXED, -16, 15);
    if (qoq_golden_kind_is(c, "offset"))
        return recipe_of(QOQ_RECIPE_OFFSET, -16, 0);
    return recipe_of(qoq_golden_kind_is(c, "zero") ? QOQ_RECIPE_OUTLIER : QOQ_RECIPE_BELL, -16, 0);
}

/* "sink": the first token's K is four times the first query; "nan": one V of head 0 is NaN. */
static void bend(float *k, float *v, const struct qoq_golden_case *c, const float *query,
                 size_t total)
{
    size_t d = qoq_golden_size(c, "head_dim"), heads = qoq_golden_size(c, "heads");
    struct qoq_recipe nan = {QOQ_RECIPE_NAN, -16, 0};

    for (size_t i = 0; i < d && qoq_golden_kind_is(c, "sink"); i++)
        k[i] = 4.0f * query[i];
    if (qoq_golden_kind_is(c, "nan") && qoq_recipe_fill(v + (total - 1) / 2 * heads * d, QOQ_F32, 1,
                                                        d, nan, (uint64_t)c->seed) != 0)
        v[0] = 0.0f;
}

static enum qoq_status add_queries(struct qoq_golden_case *c, const char *axes, size_t rows)
{
    void *x = qoq_golden_draw(
        c, "query", QOQ_F32, axes, query_recipe(c),
        QOQ_SHAPE(rows, qoq_golden_size(c, "q_heads"), qoq_golden_size(c, "head_dim")));

    return x != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status add_cache(struct qoq_golden_case *c, const int32_t *tokens, size_t sequences)
{
    size_t rows = 0, heads = qoq_golden_size(c, "heads"), d = qoq_golden_size(c, "head_dim");
    enum qoq_status status = QOQ_ERR_MEMORY;

    if (qoq_golden_size(c, "q_heads") % heads != 0)
        return QOQ_ERR_SHAPE;
    for (size_t b = 0; b < sequences; b++)
        rows += (size_t)tokens[b] * heads;
    float *k = qoq_golden_draw_hidden(c, QOQ_F32, key_recipe(c), rows, d);
    float *v = qoq_golden_draw_hidden(c, QOQ_F32, value_recipe(c), rows, d);
    if (k != NULL && v != NULL) {
        bend(k, v, c, qoq_golden_in(c, "query"), rows / heads);
        status = qoq_golden_add_cache(c, tokens, sequences, k, v, QOQ_F32,
                                      qoq_golden_kind_is(c, "stale"));
    }
    free(k);
    free(v);
    return status;
}

/* The full context, then lengths around pages and splits, then any. */
static void batch_contexts(int32_t *tokens, size_t batch, size_t context, uint64_t seed)
{
    static const size_t edge[] = {1, 128, 129, 64, 65, 127};

    for (size_t b = 0; b < batch; b++) {
        int64_t any = qoq_gen_int(qoq_gen(seed, b), 1, (int64_t)context);
        size_t length = b == 0 ? context : b <= 6 ? edge[b - 1] : (size_t)any;
        tokens[b] = (int32_t)(length < context ? length : context);
    }
}

static enum qoq_status make_decode(struct qoq_golden_case *c)
{
    size_t batch = qoq_golden_size(c, "batch");
    enum qoq_status status = add_queries(c, "sequence h d", batch);
    int32_t *tokens = malloc(batch * sizeof *tokens);

    if (tokens == NULL)
        status = QOQ_ERR_MEMORY;
    if (status == QOQ_OK) {
        batch_contexts(tokens, batch, qoq_golden_size(c, "context"),
                       qoq_gen((uint64_t)c->seed, (uint64_t)c->streams++));
        status = add_cache(c, tokens, batch);
    }
    free(tokens);
    return status;
}

static enum qoq_status make_rows(struct qoq_golden_case *c, size_t rows)
{
    int32_t tokens = (int32_t)qoq_golden_size(c, "context");
    enum qoq_status status;

    if (rows > (size_t)tokens)
        return QOQ_ERR_SHAPE;
    status = add_queries(c, "row h d", rows);
    return status == QOQ_OK ? add_cache(c, &tokens, 1) : status;
}

static enum qoq_status make_prefill(struct qoq_golden_case *c)
{
    return make_rows(c, qoq_golden_size(c, "rows"));
}

static enum qoq_status make_split(struct qoq_golden_case *c)
{
    return make_rows(c, 1);
}

/* ---- Outputs ---- */

/* Rows first .. first + rows - 1 see `context` tokens of sequence b, each `step` more than the one
 * before. */
static enum qoq_status attend(qoq_half *out, const struct qoq_golden_case *c,
                              const struct qoq_golden_cache *cache, size_t b, size_t first,
                              size_t rows, size_t context, size_t step)
{
    size_t q_heads = qoq_golden_size(c, "q_heads"), width = q_heads * cache->layout.head_dim;
    const float *x = qoq_golden_in(c, "query");
    const uint8_t **page = qoq_golden_pages(cache, b);
    enum qoq_status status = page != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
    struct qoq_kv_sequence sequence = {page, page != NULL ? page + cache->table_pages : NULL};

    for (size_t i = 0; i < rows && status == QOQ_OK; i++)
        status = qoq_attention(out + (first + i) * width, x + (first + i) * width, &sequence,
                               context + i * step, q_heads, &cache->layout);
    free(page);
    return status;
}

static enum qoq_status run_decode(struct qoq_golden_case *c)
{
    size_t batch = qoq_golden_size(c, "batch"), d = qoq_golden_size(c, "head_dim");
    struct qoq_golden_cache cache;
    qoq_half *out = qoq_golden_result(c, "out", QOQ_F16, "sequence h d", "exact",
                                      QOQ_SHAPE(batch, qoq_golden_size(c, "q_heads"), d));
    enum qoq_status status = out != NULL ? qoq_golden_find_cache(&cache, c, batch) : QOQ_ERR_MEMORY;

    for (size_t b = 0; b < batch && status == QOQ_OK; b++)
        status = cache.tokens[b] > 0 ? attend(out, c, &cache, b, b, 1, (size_t)cache.tokens[b], 0)
                                     : QOQ_ERR_RANGE;
    return status;
}

static enum qoq_status run_prefill(struct qoq_golden_case *c)
{
    size_t rows = qoq_golden_size(c, "rows"), d = qoq_golden_size(c, "head_dim");
    size_t context = qoq_golden_size(c, "context");
    struct qoq_golden_cache cache;
    qoq_half *out = qoq_golden_result(c, "out", QOQ_F16, "row h d", "exact",
                                      QOQ_SHAPE(rows, qoq_golden_size(c, "q_heads"), d));
    enum qoq_status status = out != NULL ? qoq_golden_find_cache(&cache, c, 1) : QOQ_ERR_MEMORY;

    if (status == QOQ_OK && (size_t)cache.tokens[0] != context)
        status = QOQ_ERR_RANGE;
    return status == QOQ_OK ? attend(out, c, &cache, 0, 0, rows, context - rows + 1, 1) : status;
}

/* The partial results [q_heads][splits] of N 11.3. */
struct partials {
    float *max, *sum, *out;
    size_t q_heads, splits, d;
};

static enum qoq_status fill_partials(struct partials *p, const struct qoq_golden_case *c,
                                     const struct qoq_golden_cache *cache)
{
    const float *x = qoq_golden_in(c, "query");
    const uint8_t **page = qoq_golden_pages(cache, 0);
    enum qoq_status status = page != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
    struct qoq_kv_sequence sequence = {page, page != NULL ? page + cache->table_pages : NULL};
    struct qoq_attention_partial partial;

    for (size_t i = 0; i < p->q_heads * p->splits && status == QOQ_OK; i++) {
        status = qoq_attention_split(&partial, x, &sequence, (size_t)cache->tokens[0],
                                     i % p->splits, i / p->splits, p->q_heads, &cache->layout);
        if (status != QOQ_OK)
            break;
        p->max[i] = partial.max;
        p->sum[i] = partial.sum;
        for (size_t d = 0; d < p->d; d++)
            p->out[i * p->d + d] = partial.out[d];
    }
    free(page);
    return status;
}

static enum qoq_status run_split(struct qoq_golden_case *c)
{
    size_t q_heads = qoq_golden_size(c, "q_heads"), d = qoq_golden_size(c, "head_dim");
    size_t context = qoq_golden_size(c, "context");
    size_t splits = (context + QOQ_SPLIT_TOKENS - 1) / QOQ_SPLIT_TOKENS;
    struct qoq_golden_cache cache;
    struct partials p = {
        qoq_golden_result(c, "max", QOQ_F32, "h split", "exact", QOQ_SHAPE(q_heads, splits)),
        qoq_golden_result(c, "sum", QOQ_F32, "h split", "exact", QOQ_SHAPE(q_heads, splits)),
        qoq_golden_result(c, "out", QOQ_F32, "h split d", "exact", QOQ_SHAPE(q_heads, splits, d)),
        q_heads,
        splits,
        d};

    if (p.max == NULL || p.sum == NULL || p.out == NULL)
        return QOQ_ERR_MEMORY;
    enum qoq_status status = qoq_golden_find_cache(&cache, c, 1);
    if (status == QOQ_OK && (size_t)cache.tokens[0] != context)
        status = QOQ_ERR_RANGE;
    return status == QOQ_OK ? fill_partials(&p, c, &cache) : status;
}

/* ---- Baseline ---- */

static enum qoq_status make_f32(struct qoq_golden_case *c)
{
    size_t heads = qoq_golden_size(c, "heads"), context = qoq_golden_size(c, "context");
    size_t q_heads = qoq_golden_size(c, "q_heads"), d = qoq_golden_size(c, "head_dim");
    void *x = qoq_golden_draw(c, "query", QOQ_F32, "h d", query_recipe(c), QOQ_SHAPE(q_heads, d));
    void *k =
        qoq_golden_draw(c, "k", QOQ_F32, "t h d", key_recipe(c), QOQ_SHAPE(context, heads, d));
    void *v =
        qoq_golden_draw(c, "v", QOQ_F32, "t h d", value_recipe(c), QOQ_SHAPE(context, heads, d));

    return x != NULL && k != NULL && v != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_f32(struct qoq_golden_case *c)
{
    size_t heads = qoq_golden_size(c, "heads"), context = qoq_golden_size(c, "context");
    size_t q_heads = qoq_golden_size(c, "q_heads"), d = qoq_golden_size(c, "head_dim");
    float *out = qoq_golden_result(c, "out", QOQ_F32, "h d", "exact", QOQ_SHAPE(q_heads, d));
    float *work = malloc(q_heads * context * sizeof *work);
    enum qoq_status status = QOQ_ERR_MEMORY;

    if (out != NULL && work != NULL)
        status = qoq_attention_f32(out, work, qoq_golden_in(c, "query"), qoq_golden_in(c, "k"),
                                   qoq_golden_in(c, "v"), context, q_heads, heads, d);
    free(work);
    return status;
}

const struct qoq_golden_operator qoq_golden_attention[] = {
    {"attention_decode", "qoq", "11.1 11.2 11.3 11.4 11.5 11.6 11.7",
     "one query token for each sequence over its paged cache", ATTENTION_KINDS, decode_parameters,
     make_decode, run_decode},
    {"attention_prefill", "qoq", "11.1 11.2 11.3 11.4 11.5 11.6 11.7",
     "the last rows of one sequence, each seeing itself and what is before it", ATTENTION_KINDS,
     prefill_parameters, make_prefill, run_prefill},
    {"attention_split", "qoq", "11.1 11.2 11.3", "partial results of all splits of one token",
     ATTENTION_KINDS, split_parameters, make_split, run_split},
    {"attention_f32", "qoq", "12.2", "baseline attention over a binary32 cache",
     "bell spread constant offset zero", f32_parameters, make_f32, run_f32},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
