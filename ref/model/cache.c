/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of one sequence, growing as tokens come. Quantized caches grow by blocks, one page for
 * every layer and side (N 7.1); pages start on 64 bytes in a block. Baseline caches are arrays that
 * double.
 */
#include "model/session.h"

#include <stdlib.h>

#define PAGE_ALIGN 64

static size_t tables(const struct qoq_session *session)
{
    return QOQ_CACHE_SIDES * session->model->config.layers;
}

static size_t pages_for(const struct qoq_session *session, size_t tokens)
{
    return tokens / session->page_tokens + (tokens % session->page_tokens != 0);
}

static int is_baseline(const struct qoq_session *session)
{
    return session->model->precision == QOQ_FP32;
}

enum qoq_status qoq_cache_create(struct qoq_cache *cache, const struct qoq_session *session)
{
    if (is_baseline(session)) {
        cache->rows = calloc(tables(session), sizeof *cache->rows);
        return cache->rows != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
    }
    cache->block = calloc(session->blocks_max, sizeof *cache->block);
    cache->page = calloc(qoq_size_mul(tables(session), session->blocks_max), sizeof *cache->page);
    return cache->block != NULL && cache->page != NULL ? QOQ_OK : QOQ_ERR_MEMORY;
}

void qoq_cache_free(struct qoq_cache *cache, const struct qoq_session *session)
{
    cache->length = 0;
    qoq_cache_trim(cache, session);
    free(cache->page);
    free(cache->block);
    free(cache->rows);
}

/* Zero filled, as unused slots must be (N 7.1). */
static enum qoq_status add_block(struct qoq_cache *cache, const struct qoq_session *session)
{
    size_t page_bytes = qoq_kv_page_bytes(&session->layout);
    size_t stride = qoq_size_add(page_bytes, PAGE_ALIGN - 1) / PAGE_ALIGN * PAGE_ALIGN;
    uint8_t *block = calloc(tables(session), stride);

    if (block == NULL) {
        return QOQ_ERR_MEMORY;
    }
    for (size_t i = 0; i < tables(session); i++) {
        cache->page[i * session->blocks_max + cache->blocks] = block + i * stride;
    }
    cache->block[cache->blocks++] = block;
    return QOQ_OK;
}

static enum qoq_status grow_rows(struct qoq_cache *cache, const struct qoq_session *session,
                                 size_t tokens)
{
    size_t row = qoq_kv_channels(&session->model->config) * sizeof(float);
    size_t capacity = pages_for(session, tokens) * session->page_tokens;

    if (tokens <= cache->capacity) {
        return QOQ_OK;
    }
    capacity = capacity > 2 * cache->capacity ? capacity : 2 * cache->capacity;
    for (size_t i = 0; i < tables(session); i++) {
        float *rows = realloc(cache->rows[i], qoq_size_mul(capacity, row));
        if (rows == NULL) {
            return QOQ_ERR_MEMORY;
        }
        cache->rows[i] = rows;
    }
    cache->capacity = capacity;
    return QOQ_OK;
}

enum qoq_status qoq_cache_reserve(struct qoq_cache *cache, const struct qoq_session *session,
                                  size_t tokens)
{
    if (is_baseline(session)) {
        return grow_rows(cache, session, tokens);
    }
    while (cache->blocks < pages_for(session, tokens)) {
        QOQ_TRY(add_block(cache, session));
    }
    return QOQ_OK;
}

void qoq_cache_trim(struct qoq_cache *cache, const struct qoq_session *session)
{
    size_t keep = pages_for(session, cache->length);

    while (cache->blocks > keep) {
        free(cache->block[--cache->blocks]);
    }
    if (cache->rows != NULL && cache->length == 0) {
        for (size_t i = 0; i < tables(session); i++) {
            free(cache->rows[i]);
            cache->rows[i] = NULL;
        }
        cache->capacity = 0;
    }
}

size_t qoq_cache_bytes(const struct qoq_cache *cache, const struct qoq_session *session)
{
    if (is_baseline(session)) {
        return tables(session) * cache->capacity * qoq_kv_channels(&session->model->config) *
               sizeof(float);
    }
    return tables(session) * cache->blocks * qoq_kv_page_bytes(&session->layout);
}
