/* SPDX-License-Identifier: Apache-2.0 */
/* Golden operators of N 7 and 11.1: writing and reading cache pages, quantizing queries. */
#include "golden/cache_inputs.h"

static const struct qoq_golden_parameter_spec page_parameters[] = {
    {"bits", 0, 4, 4, 8, "4 or 8", 4},
    {"page", 0, 64, 1, 65536, "tokens in a page", 0},
    {"heads", 0, 2, 1, 1024, "key/value heads", 0},
    {"head_dim", 0, 64, 2, 256, "even", 2},
    {"tokens", 0, 8, 1, 1 << 20, "tokens written or read", 0},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static const struct qoq_golden_parameter_spec query_parameters[] = {
    {"rows", 0, 8, 1, 1 << 20, "head vectors", 0},
    {"head_dim", 0, 64, 2, 256, "even", 2},
    {NULL, 0, 0, 0, 0, NULL, 0},
};

static enum qoq_status make_vectors(struct qoq_golden_case *c)
{
    size_t tokens = qoq_golden_size(c, "tokens"), ties = qoq_golden_size(c, "bits") == 4 ? 15 : 255;
    struct qoq_kv_layout layout = qoq_golden_kv_layout(c);
    void *v = qoq_golden_draw(c, "v", QOQ_F32, "t h d", qoq_golden_recipe(c, -15, (int)ties),
                              QOQ_SHAPE(tokens, layout.heads, layout.head_dim));

    return v != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_write(struct qoq_golden_case *c)
{
    struct qoq_kv_layout layout = qoq_golden_kv_layout(c);
    size_t tokens = qoq_golden_size(c, "tokens"), p = layout.page_tokens, sizes[4];
    size_t bytes = qoq_kv_page_bytes(&layout), width = layout.heads * layout.head_dim;
    const float *v = qoq_golden_in(c, "v");

    qoq_golden_kv_sizes(sizes, &layout);
    uint8_t *pages = qoq_golden_result_packed(c, "pages", QOQ_LAYOUT_PAGES, sizes, "exact",
                                              QOQ_SHAPE((tokens + p - 1) / p, bytes));
    enum qoq_status status = pages != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
    for (size_t t = 0; t < tokens && status == QOQ_OK; t++)
        status = qoq_kv_write(pages + t / p * bytes, v + t * width, &layout, t % p);
    return status;
}

/* Any codes with any finite scale and zero: the dequantizer must take them all. */
static void any_slot(uint8_t *page, const struct qoq_kv_layout *layout, size_t head, size_t slot,
                     uint64_t seed)
{
    uint8_t *code = page + qoq_kv_code_offset(layout, head, slot);
    qoq_half pair[2];
    struct qoq_recipe bits = {QOQ_RECIPE_BITS, 0, 0};

    for (size_t i = 0; i < layout->head_dim * layout->bits / 8; i++)
        code[i] = (uint8_t)qoq_gen_int(qoq_gen(seed, i), 0, 255);
    if (qoq_recipe_fill(pair, QOQ_F16, 1, 2, bits, qoq_gen(seed, 1000)) != 0)
        return;
    size_t at[2] = {qoq_kv_scale_offset(layout, head, slot),
                    qoq_kv_zero_offset(layout, head, slot)};
    for (int i = 0; i < 2; i++) {
        page[at[i]] = (uint8_t)(pair[i] & 0xFF);
        page[at[i] + 1] = (uint8_t)(pair[i] >> 8);
    }
}

static enum qoq_status fill_pages(uint8_t *pages, struct qoq_golden_case *c, const float *v)
{
    struct qoq_kv_layout layout = qoq_golden_kv_layout(c);
    size_t bytes = qoq_kv_page_bytes(&layout), p = layout.page_tokens;
    uint64_t seed = qoq_gen((uint64_t)c->seed, (uint64_t)c->streams++);
    enum qoq_status status = QOQ_OK;

    for (size_t t = 0; t < qoq_golden_size(c, "tokens") && status == QOQ_OK; t++) {
        uint8_t *page = pages + t / p * bytes;
        if (v != NULL)
            status = qoq_kv_write(page, v + t * layout.heads * layout.head_dim, &layout, t % p);
        for (size_t h = 0; h < layout.heads && v == NULL; h++)
            any_slot(page, &layout, h, t % p, qoq_gen(seed, t * layout.heads + h));
    }
    return status;
}

static enum qoq_status make_pages(struct qoq_golden_case *c)
{
    struct qoq_kv_layout layout = qoq_golden_kv_layout(c);
    size_t tokens = qoq_golden_size(c, "tokens"), p = layout.page_tokens, sizes[4];
    int any = qoq_golden_kind_is(c, "any");
    const float *v = NULL;

    if (!any) {
        v = qoq_golden_draw(c, "v", QOQ_F32, "t h d", qoq_golden_recipe(c, -15, 15),
                            QOQ_SHAPE(tokens, layout.heads, layout.head_dim));
        if (v == NULL)
            return QOQ_ERR_MEMORY;
    }
    qoq_golden_kv_sizes(sizes, &layout);
    uint8_t *pages = qoq_golden_derive_packed(
        c, "pages", QOQ_LAYOUT_PAGES, sizes, any ? "any codes, scales and zeros" : "v by N 7.2",
        QOQ_SHAPE((tokens + p - 1) / p, qoq_kv_page_bytes(&layout)));
    return pages != NULL ? fill_pages(pages, c, v) : QOQ_ERR_MEMORY;
}

static enum qoq_status run_read(struct qoq_golden_case *c)
{
    struct qoq_kv_layout layout = qoq_golden_kv_layout(c);
    size_t tokens = qoq_golden_size(c, "tokens"), p = layout.page_tokens;
    size_t bytes = qoq_kv_page_bytes(&layout), width = layout.heads * layout.head_dim;
    const uint8_t *pages = qoq_golden_in(c, "pages");
    float *x = qoq_golden_result(c, "x", QOQ_F32, "t h d", "exact",
                                 QOQ_SHAPE(tokens, layout.heads, layout.head_dim));
    enum qoq_status status = x != NULL ? QOQ_OK : QOQ_ERR_MEMORY;

    for (size_t t = 0; t < tokens && status == QOQ_OK; t++)
        status = qoq_kv_read(x + t * width, pages + t / p * bytes, &layout, t % p);
    return status;
}

static enum qoq_status make_query(struct qoq_golden_case *c)
{
    void *x =
        qoq_golden_draw(c, "x", QOQ_F32, "row d", qoq_golden_recipe(c, -15, 65534),
                        QOQ_SHAPE(qoq_golden_size(c, "rows"), qoq_golden_size(c, "head_dim")));

    return x != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

static enum qoq_status run_query(struct qoq_golden_case *c)
{
    size_t rows = qoq_golden_size(c, "rows"), d = qoq_golden_size(c, "head_dim");
    int16_t *q = qoq_golden_result(c, "q", QOQ_I16, "row d", "exact", QOQ_SHAPE(rows, d));
    float *scale = qoq_golden_result(c, "scale", QOQ_F32, "row", "exact", QOQ_SHAPE(rows));
    int32_t *sum = qoq_golden_result(c, "sum", QOQ_I32, "row", "exact", QOQ_SHAPE(rows));

    if (q == NULL || scale == NULL || sum == NULL)
        return QOQ_ERR_MEMORY;
    return qoq_query_quantize(q, scale, sum, qoq_golden_in(c, "x"), rows, d);
}

const struct qoq_golden_operator qoq_golden_kv[] = {
    {"kv_write", "qoq", "7.1 7.2 7.4", "quantizing K or V into pages",
     "bell mixed zero tiny large outlier ties sevenths constant bits offset inf nan",
     page_parameters, make_vectors, run_write},
    {"kv_read", "qoq", "7.1 7.3", "reading pages back", "bell mixed offset constant any",
     page_parameters, make_pages, run_read},
    {"query_quantize", "qoq", "11.1", "16-bit block fixed point of queries",
     "bell mixed zero tiny large outlier ties sevenths constant bits inf nan", query_parameters,
     make_query, run_query},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
