/* SPDX-License-Identifier: Apache-2.0 */
/* Golden operators of N 25 to 27: QServe's cache, rotary embedding and decode attention. */
#include "golden/cache_inputs.h"
#include "numerics/half.h"
#include "qoq_qserve.h"

#include <math.h>
#include <stdlib.h>

static const struct qoq_golden_parameter_spec page_parameters[] = {
    {"bits", 0, 4, 4, 8, "4 or 8", 4},
    {"page", 0, 64, 1, 65536, "tokens in a page", 0},
    {"heads", 0, 1, 1, 1024, "key/value heads", 0},
    {"head_dim", 0, 128, 2, 256, "even", 2},
    {"tokens", 0, 8, 1, 1 << 20, "tokens written or read", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec rope_parameters[] = {
    {"tokens", 0, 8, 1, 1 << 20, "tokens, at consecutive positions", 0},
    {"heads", 0, 2, 1, 1024, "heads", 0},
    {"head_dim", 0, 128, 2, 256, "even", 2},
    {"first", 0, 0, 0, 131071, "first position", 0},
    {"base", 1, 10000, 1.5, 1e9, "base, rounded to binary32", 0},
    {"prefill", 0, 0, 0, 1, "1: the prefill kernel's fusion", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec attention_parameters[] = {
    {"bits", 0, 4, 4, 8, "4 or 8", 4},
    {"page", 0, 64, 1, 65536, "tokens in a page", 0},
    {"heads", 0, 1, 1, 1024, "key/value heads", 0},
    {"q_heads", 0, 2, 1, 4096, "query heads, a multiple of heads", 0},
    {"head_dim", 0, 128, 128, 128, "128", 0},
    {"context", 0, 200, 1, 1 << 20, "tokens, the current one included", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

/* ---- Cache ---- */

static enum qoq_status make_vectors(struct qoq_golden_case *c)
{
    int ties = qoq_golden_size(c, "bits") == 4 ? 15 : 255;
    void *v = qoq_golden_draw(c, "v", QOQ_F16, "t h d", qoq_golden_recipe(c, -15, ties),
                              QOQ_SHAPE(qoq_golden_size(c, "tokens"), qoq_golden_size(c, "heads"),
                                        qoq_golden_size(c, "head_dim")));

    return v != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status fill_pages(uint8_t *pages, const struct qoq_golden_case *c)
{
    struct qoq_kv_layout layout = qoq_golden_kv_layout(c);
    size_t bytes = qoq_kv_page_bytes(&layout), width = layout.heads * layout.head_dim;
    const qoq_half *v = qoq_golden_in(c, "v");
    enum qoq_status status = QOQ_OK;

    for (size_t t = 0; t < qoq_golden_size(c, "tokens") && status == QOQ_OK; t++)
        status = qoq_qserve_kv_write(pages + t / layout.page_tokens * bytes, v + t * width, &layout,
                                     t % layout.page_tokens);
    return status;
}

static enum qoq_status run_write(struct qoq_golden_case *c)
{
    struct qoq_kv_layout layout = qoq_golden_kv_layout(c);
    size_t tokens = qoq_golden_size(c, "tokens"), p = layout.page_tokens, sizes[4];
    const char *rule = layout.bits == 4
                           ? "codes: code 1 rate 0.01 mod 16; scales: exact; zeros: ulp16 1"
                           : "codes: code 1 rate 0.01; scales: exact; zeros: ulp16 1";

    qoq_golden_kv_sizes(sizes, &layout);
    uint8_t *pages =
        qoq_golden_result_packed(c, "pages", QOQ_LAYOUT_PAGES, sizes, rule,
                                 QOQ_SHAPE((tokens + p - 1) / p, qoq_kv_page_bytes(&layout)));
    return pages != NULL ? fill_pages(pages, c) : QOQ_ERR_MEMORY;
}

static enum qoq_status make_pages(struct qoq_golden_case *c)
{
    struct qoq_kv_layout layout = qoq_golden_kv_layout(c);
    size_t tokens = qoq_golden_size(c, "tokens"), p = layout.page_tokens, sizes[4];
    enum qoq_status status = make_vectors(c);

    if (status != QOQ_OK)
        return status;
    qoq_golden_kv_sizes(sizes, &layout);
    uint8_t *pages =
        qoq_golden_derive_packed(c, "pages", QOQ_LAYOUT_PAGES, sizes, "v by N 25.1",
                                 QOQ_SHAPE((tokens + p - 1) / p, qoq_kv_page_bytes(&layout)));
    return pages != NULL ? fill_pages(pages, c) : QOQ_ERR_MEMORY;
}

static enum qoq_status run_read(struct qoq_golden_case *c)
{
    struct qoq_kv_layout layout = qoq_golden_kv_layout(c);
    size_t tokens = qoq_golden_size(c, "tokens"), p = layout.page_tokens;
    size_t bytes = qoq_kv_page_bytes(&layout), width = layout.heads * layout.head_dim;
    const uint8_t *pages = qoq_golden_in(c, "pages");
    qoq_half *x = qoq_golden_result(c, "x", QOQ_F16, "t h d", "exact",
                                    QOQ_SHAPE(tokens, layout.heads, layout.head_dim));
    enum qoq_status status = x != NULL ? QOQ_OK : QOQ_ERR_MEMORY;

    for (size_t t = 0; t < tokens && status == QOQ_OK; t++)
        status = qoq_qserve_kv_read(x + t * width, pages + t / p * bytes, &layout, t % p);
    return status;
}

/* ---- Rotary embedding ---- */

static enum qoq_status make_rope(struct qoq_golden_case *c)
{
    void *x = qoq_golden_draw(c, "x", QOQ_F16, "t h d", qoq_golden_recipe(c, -15, 254),
                              QOQ_SHAPE(qoq_golden_size(c, "tokens"), qoq_golden_size(c, "heads"),
                                        qoq_golden_size(c, "head_dim")));

    return x != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

/* The longest pair (x_j, x_{j + D/2}) of a head. */
static double longest_pair(const qoq_half *x, size_t d)
{
    double most = 0;

    for (size_t j = 0; j < d / 2; j++) {
        double a = (double)qoq_half_to_float(x[j]), b = (double)qoq_half_to_float(x[j + d / 2]);
        double length = sqrt(a * a + b * b);
        most = length > most ? length : most;
    }
    return most;
}

static enum qoq_status run_rope(struct qoq_golden_case *c)
{
    size_t tokens = qoq_golden_size(c, "tokens"), heads = qoq_golden_size(c, "heads");
    size_t d = qoq_golden_size(c, "head_dim"), first = qoq_golden_size(c, "first");
    const qoq_half *x = qoq_golden_in(c, "x");
    qoq_half *y =
        qoq_golden_result(c, "y", QOQ_F16, "t h d", "abs bound", QOQ_SHAPE(tokens, heads, d));
    float *bound = qoq_golden_bound(c, "y", QOQ_SHAPE(tokens, heads));
    enum qoq_status status = y != NULL && bound != NULL ? QOQ_OK : QOQ_ERR_MEMORY;

    for (size_t t = 0; t < tokens && status == QOQ_OK; t++) {
        for (size_t h = 0; h < heads; h++)
            bound[t * heads + h] = (float)((0x1p-10 + 5e-7 * (double)(first + t)) *
                                           longest_pair(x + (t * heads + h) * d, d));
        status =
            qoq_qserve_rope(y + t * heads * d, x + t * heads * d, heads, d, first + t,
                            (float)qoq_golden_real(c, "base"), (int)qoq_golden_size(c, "prefill"));
    }
    return status;
}

/* ---- Decode attention ---- */

static enum qoq_status make_attention(struct qoq_golden_case *c)
{
    size_t heads = qoq_golden_size(c, "heads"), q_heads = qoq_golden_size(c, "q_heads");
    int32_t tokens = (int32_t)qoq_golden_size(c, "context") - 1;
    struct qoq_recipe query = {QOQ_RECIPE_BELL, -15, 0};
    struct qoq_recipe bell = {qoq_golden_kind_is(c, "offset") ? QOQ_RECIPE_OFFSET : QOQ_RECIPE_BELL,
                              -16, 0};
    size_t rows = (size_t)(tokens > 0 ? tokens : 1) * heads;
    enum qoq_status status = QOQ_ERR_MEMORY;

    if (q_heads % heads != 0)
        return QOQ_ERR_SHAPE;
    if (qoq_golden_draw(c, "query", QOQ_F16, "h d", query, QOQ_SHAPE(q_heads, 128)) == NULL ||
        qoq_golden_draw(c, "k", QOQ_F16, "h d", bell, QOQ_SHAPE(heads, 128)) == NULL ||
        qoq_golden_draw(c, "v", QOQ_F16, "h d", bell, QOQ_SHAPE(heads, 128)) == NULL)
        return QOQ_ERR_MEMORY;
    qoq_half *k = qoq_golden_draw_hidden(c, QOQ_F16, bell, rows, 128);
    qoq_half *v = qoq_golden_draw_hidden(c, QOQ_F16, bell, rows, 128);
    if (k != NULL && v != NULL)
        status = qoq_golden_add_cache(c, &tokens, 1, k, v, QOQ_F16, qoq_golden_kind_is(c, "stale"));
    free(k);
    free(v);
    return status;
}

/* max |v| of each key/value head over the cache and the current token. */
static enum qoq_status largest_values(float *most, const struct qoq_golden_cache *cache,
                                      const uint8_t *const *page, const qoq_half *current)
{
    size_t heads = cache->layout.heads, p = cache->layout.page_tokens;
    qoq_half *v = malloc(heads * 128 * sizeof *v);
    enum qoq_status status = v != NULL ? QOQ_OK : QOQ_ERR_MEMORY;

    for (size_t i = 0; i < heads * 128; i++)
        most[i / 128] =
            fmaxf(i % 128 == 0 ? 0.0f : most[i / 128], fabsf(qoq_half_to_float(current[i])));
    for (size_t t = 0; t < (size_t)cache->tokens[0] && status == QOQ_OK; t++) {
        status = qoq_qserve_kv_read(v, page[t / p], &cache->layout, t % p);
        for (size_t i = 0; i < heads * 128 && status == QOQ_OK; i++)
            most[i / 128] = fmaxf(most[i / 128], fabsf(qoq_half_to_float(v[i])));
    }
    free(v);
    return status;
}

static enum qoq_status attend(qoq_half *out, float *bound, const struct qoq_golden_case *c,
                              const struct qoq_golden_cache *cache)
{
    size_t q_heads = qoq_golden_size(c, "q_heads"), heads = cache->layout.heads;
    size_t context = qoq_golden_size(c, "context");
    const uint8_t **page = qoq_golden_pages(cache, 0);
    float *work = malloc((context + heads) * sizeof *work), *most = work;
    const qoq_half *v = qoq_golden_in(c, "v");
    enum qoq_status status = page != NULL && work != NULL ? QOQ_OK : QOQ_ERR_MEMORY;

    if (status == QOQ_OK)
        status = largest_values(most, cache, page + cache->table_pages, v);
    for (size_t h = 0; h < q_heads && status == QOQ_OK; h++)
        bound[h] = 2e-3f * most[h / (q_heads / heads)];
    if (status == QOQ_OK) {
        struct qoq_kv_sequence sequence = {page, page + cache->table_pages};
        status = qoq_qserve_attention(out, work + heads, qoq_golden_in(c, "query"),
                                      qoq_golden_in(c, "k"), v, &sequence, context, q_heads,
                                      &cache->layout);
    }
    free(page);
    free(work);
    return status;
}

static enum qoq_status run_attention(struct qoq_golden_case *c)
{
    size_t q_heads = qoq_golden_size(c, "q_heads");
    struct qoq_golden_cache cache;
    qoq_half *out =
        qoq_golden_result(c, "out", QOQ_F16, "h d", "abs bound", QOQ_SHAPE(q_heads, 128));
    float *bound = qoq_golden_bound(c, "out", QOQ_SHAPE(q_heads));

    if (out == NULL || bound == NULL)
        return QOQ_ERR_MEMORY;
    enum qoq_status status = qoq_golden_find_cache(&cache, c, 1);
    if (status == QOQ_OK && (size_t)cache.tokens[0] != qoq_golden_size(c, "context") - 1)
        status = QOQ_ERR_RANGE;
    return status == QOQ_OK ? attend(out, bound, c, &cache) : status;
}

const struct qoq_golden_operator qoq_golden_qserve_cache[] = {
    {"qserve_kv_write", "qserve", "25.1", "quantizing K or V into pages",
     "bell mixed zero tiny large outlier ties constant bits offset", page_parameters, make_vectors,
     run_write},
    {"qserve_kv_read", "qserve", "25.2", "reading pages back", "bell mixed offset constant",
     page_parameters, make_pages, run_read},
    {"qserve_rope", "qserve", "26.1", "rotary embedding from approximate angles",
     "bell mixed outlier", rope_parameters, make_rope, run_rope},
    {"qserve_attention", "qserve", "27.1 27.2 27.3 27.4", "decode attention of one sequence",
     "bell offset stale", attention_parameters, make_attention, run_attention},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
