/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of the cache: every layer has two pools of the same number of pages (N 7.1), and one table
 * says for all layers which pages a sequence holds. The table's row goes to the device when a page
 * is added, in the order of the stream, so a step needs no stop for it.
 */
#include "gpu/decoder/parts.h"

#include <stdlib.h>

static enum qoq_status new_pool(struct qoq_decoder *d, uint8_t **pool)
{
    size_t page = qoq_kv_page_bytes(&d->layout);
    void *data;

    if (page == 0 || d->pages.count > SIZE_MAX / 2 / page) {
        return QOQ_ERR_SHAPE;
    }
    QOQ_TRY(qoq_decoder_new(d, &data, d->pages.count * page));
    *pool = data;
    return qoq_cuda_zero(d->handle, data, d->pages.count * page);
}

enum qoq_status qoq_decoder_pages_create(struct qoq_decoder *d)
{
    struct qoq_decoder_pages *p = &d->pages;
    size_t sequences = d->options.sequences, entries;
    void *table, *device;

    p->blocks_max = (d->options.max_tokens - 1) / d->options.page_tokens + 1;
    if (sequences > INT32_MAX / p->blocks_max || d->options.pages > INT32_MAX) {
        return QOQ_ERR_SHAPE;
    }
    entries = sequences * p->blocks_max;
    p->count = d->options.pages != 0 && d->options.pages < entries ? d->options.pages : entries;
    p->free = malloc(p->count * sizeof *p->free);
    p->held = calloc(sequences, sizeof *p->held);
    if (p->free == NULL || p->held == NULL) {
        return QOQ_ERR_MEMORY;
    }
    QOQ_TRY(qoq_cuda_host_alloc(d->handle, &table, entries * sizeof *p->table));
    p->table = table;
    for (size_t i = 0; i < entries; i++) {
        p->table[i] = 0;
    }
    for (size_t i = 0; i < p->count; i++) {
        p->free[i] = (int32_t)(p->count - 1 - i);
    }
    p->frees = p->count;
    QOQ_TRY(qoq_decoder_new(d, &device, entries * sizeof *p->table));
    p->device = device;
    for (size_t i = 0; i < d->config.layers; i++) {
        QOQ_TRY(new_pool(d, &d->layer[i].k));
        QOQ_TRY(new_pool(d, &d->layer[i].v));
    }
    return qoq_cuda_upload(d->handle, device, p->table, entries * sizeof *p->table);
}

static size_t pages_for(const struct qoq_decoder *d, size_t tokens)
{
    return tokens / d->options.page_tokens + (tokens % d->options.page_tokens != 0);
}

enum qoq_status qoq_decoder_reserve(struct qoq_decoder *d, size_t sequence, size_t tokens)
{
    struct qoq_decoder_pages *p = &d->pages;
    size_t need = pages_for(d, tokens), have = p->held[sequence];
    int32_t *row = p->table + sequence * p->blocks_max;

    if (need <= have) {
        return QOQ_OK;
    }
    if (need - have > p->frees) {
        return QOQ_ERR_MEMORY;
    }
    for (size_t i = have; i < need; i++) {
        row[i] = p->free[--p->frees];
    }
    p->held[sequence] = need;
    return qoq_cuda_send(d->handle, p->device + sequence * p->blocks_max + have, row + have,
                         (need - have) * sizeof *row);
}

void qoq_decoder_trim(struct qoq_decoder *d, size_t sequence)
{
    struct qoq_decoder_pages *p = &d->pages;
    const int32_t *row = p->table + sequence * p->blocks_max;

    while (p->held[sequence] > pages_for(d, d->length[sequence])) {
        p->free[p->frees++] = row[--p->held[sequence]];
    }
}
