/* SPDX-License-Identifier: Apache-2.0 */
/* Paged caches of golden cases: pages in a shuffled pool, addressed through a block table. */
#include "golden/cache_inputs.h"

#include "qoq_qserve.h"

#include <stdlib.h>

struct qoq_kv_layout qoq_golden_kv_layout(const struct qoq_golden_case *c)
{
    struct qoq_kv_layout layout = {(unsigned)qoq_golden_size(c, "bits"), qoq_golden_size(c, "page"),
                                   qoq_golden_size(c, "heads"), qoq_golden_size(c, "head_dim")};

    return layout;
}

void qoq_golden_kv_sizes(size_t sizes[4], const struct qoq_kv_layout *layout)
{
    sizes[0] = layout->bits;
    sizes[1] = layout->page_tokens;
    sizes[2] = layout->heads;
    sizes[3] = layout->head_dim;
}

static size_t pages_of(int32_t tokens, size_t page_tokens)
{
    return ((size_t)tokens + page_tokens - 1) / page_tokens;
}

static int add_tensors(struct qoq_golden_cache *cache, struct qoq_golden_case *c, int written)
{
    size_t sizes[4], bytes = qoq_kv_page_bytes(&cache->layout);
    const char *k = written ? "quantized K" : "random bytes";
    const char *v = written ? "quantized V" : "random bytes";

    qoq_golden_kv_sizes(sizes, &cache->layout);
    cache->tokens = qoq_golden_derive(c, "tokens", QOQ_I32, "sequence", "tokens in the cache",
                                      QOQ_SHAPE(cache->sequences));
    cache->table = qoq_golden_derive(c, "block_table", QOQ_I32, "sequence block",
                                     "shuffled page numbers; 0 where unused",
                                     QOQ_SHAPE(cache->sequences, cache->table_pages));
    cache->k = qoq_golden_derive_packed(c, "k_pool", QOQ_LAYOUT_PAGES, sizes, k,
                                        QOQ_SHAPE(cache->pool_pages, bytes));
    cache->v = qoq_golden_derive_packed(c, "v_pool", QOQ_LAYOUT_PAGES, sizes, v,
                                        QOQ_SHAPE(cache->pool_pages, bytes));
    return cache->tokens != NULL && cache->table != NULL && cache->k != NULL && cache->v != NULL;
}

/* Numbers 0 .. pool - 1, shuffled, go to the used entries in order; one page stays unused. */
static enum qoq_status fill_table(struct qoq_golden_cache *cache, uint64_t seed)
{
    int32_t *order = qoq_golden_shuffled(cache->pool_pages, seed);
    size_t next = 0;

    if (order == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t b = 0; b < cache->sequences; b++) {
        for (size_t i = 0; i < pages_of(cache->tokens[b], cache->layout.page_tokens); i++)
            cache->table[b * cache->table_pages + i] = order[next++];
    }
    free(order);
    return QOQ_OK;
}

static void fill_random(uint8_t *bytes, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(qoq_gen(seed, i / 8) >> (8 * (i % 8)));
}

static enum qoq_status write_slot(uint8_t *page, const void *vectors, size_t first,
                                  enum qoq_dtype dtype, const struct qoq_kv_layout *layout,
                                  size_t slot)
{
    if (dtype == QOQ_F32)
        return qoq_kv_write(page, (const float *)vectors + first, layout, slot);
    return qoq_qserve_kv_write(page, (const qoq_half *)vectors + first, layout, slot);
}

static enum qoq_status fill_pool(uint8_t *pool, const struct qoq_golden_cache *cache,
                                 const void *vectors, enum qoq_dtype dtype)
{
    const struct qoq_kv_layout *layout = &cache->layout;
    size_t at = 0, bytes = qoq_kv_page_bytes(layout), p = layout->page_tokens;
    enum qoq_status status = QOQ_OK;

    for (size_t b = 0; b < cache->sequences; b++) {
        const int32_t *table = cache->table + b * cache->table_pages;
        for (size_t t = 0; t < (size_t)cache->tokens[b] && status == QOQ_OK; t++) {
            uint8_t *page = pool + (size_t)table[t / p] * bytes;
            status = write_slot(page, vectors, at, dtype, layout, t % p);
            at += layout->heads * layout->head_dim;
        }
    }
    return status;
}

enum qoq_status qoq_golden_add_cache(struct qoq_golden_case *c, const int32_t *tokens,
                                     size_t sequences, const void *k, const void *v,
                                     enum qoq_dtype dtype, int stale)
{
    struct qoq_golden_cache cache = {
        qoq_golden_kv_layout(c), sequences, 1, 1, NULL, NULL, NULL, NULL};
    uint64_t seed = qoq_gen((uint64_t)c->seed, (uint64_t)c->streams++);
    size_t bytes = qoq_kv_page_bytes(&cache.layout);

    for (size_t b = 0; b < sequences; b++) {
        size_t pages = pages_of(tokens[b], cache.layout.page_tokens);
        cache.table_pages = pages > cache.table_pages ? pages : cache.table_pages;
        cache.pool_pages += pages;
    }
    if (!add_tensors(&cache, c, k != NULL))
        return QOQ_ERR_MEMORY;
    for (size_t b = 0; b < sequences; b++)
        cache.tokens[b] = tokens[b];
    if (stale) {
        fill_random(cache.k, cache.pool_pages * bytes, qoq_gen(seed, UINT64_C(1) << 32));
        fill_random(cache.v, cache.pool_pages * bytes, qoq_gen(seed, UINT64_C(2) << 32));
    }
    enum qoq_status status = fill_table(&cache, seed);
    if (status == QOQ_OK && k != NULL)
        status = fill_pool(cache.k, &cache, k, dtype);
    return status == QOQ_OK && v != NULL ? fill_pool(cache.v, &cache, v, dtype) : status;
}

enum qoq_status qoq_golden_find_cache(struct qoq_golden_cache *cache,
                                      const struct qoq_golden_case *c, size_t sequences)
{
    const struct qoq_golden_tensor *table = qoq_golden_tensors_find(&c->inputs, "block_table");
    const struct qoq_golden_tensor *pool = qoq_golden_tensors_find(&c->inputs, "k_pool");

    cache->layout = qoq_golden_kv_layout(c);
    cache->sequences = sequences;
    cache->table_pages = table->tensor.dim[1];
    cache->pool_pages = pool->tensor.dim[0];
    cache->tokens = qoq_golden_in(c, "tokens");
    cache->table = table->tensor.data;
    cache->k = pool->tensor.data;
    cache->v = qoq_golden_in(c, "v_pool");
    for (size_t b = 0; b < sequences; b++) {
        if (cache->tokens[b] < 0 ||
            pages_of(cache->tokens[b], cache->layout.page_tokens) > cache->table_pages)
            return QOQ_ERR_RANGE;
    }
    for (size_t i = 0; i < sequences * cache->table_pages; i++) {
        if (cache->table[i] < 0 || (size_t)cache->table[i] >= cache->pool_pages)
            return QOQ_ERR_RANGE;
    }
    return QOQ_OK;
}

enum qoq_status qoq_golden_check_places(const struct qoq_golden_cache *cache,
                                        const struct qoq_golden_case *c, size_t positions)
{
    const int32_t *sequence = qoq_golden_in(c, "sequence"),
                  *position = qoq_golden_in(c, "position");

    for (size_t t = 0; t < qoq_golden_size(c, "tokens"); t++) {
        if (sequence[t] < 0 || (size_t)sequence[t] >= cache->sequences || position[t] < 0 ||
            (size_t)position[t] >= positions || position[t] >= cache->tokens[sequence[t]])
            return QOQ_ERR_RANGE;
    }
    return QOQ_OK;
}

const uint8_t **qoq_golden_pages(const struct qoq_golden_cache *cache, size_t b)
{
    const uint8_t **page = malloc(2 * cache->table_pages * sizeof *page);
    size_t bytes = qoq_kv_page_bytes(&cache->layout);

    for (size_t i = 0; i < cache->table_pages && page != NULL; i++) {
        size_t number = (size_t)cache->table[b * cache->table_pages + i];
        page[i] = cache->k + number * bytes;
        page[cache->table_pages + i] = cache->v + number * bytes;
    }
    return page;
}
