/* SPDX-License-Identifier: Apache-2.0 */
/* Pools of pages on both sides: tables, contents, comparison. */
#include "gpu/verify/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numerics/gen.h"
#include "numerics/half.h"

void qoq_verify_new_cache(struct qoq_verify_cache *c, struct qoq_verify_arrays *arrays,
                          const struct qoq_verify_shape *s, size_t tokens, uint64_t seed)
{
    uint64_t state = seed;
    size_t count;

    c->layout = (struct qoq_kv_layout){(unsigned)s->bits, s->page, s->kv_heads, s->head_dim};
    c->pages = (tokens + s->page - 1) / s->page;
    c->page_bytes = qoq_kv_page_bytes(&c->layout);
    count = QOQ_VERIFY_SEQUENCES * c->pages;
    c->k = qoq_verify_new(arrays, "keys", (count + 1) * c->page_bytes, 1);
    c->v = qoq_verify_new(arrays, "values", (count + 1) * c->page_bytes, 1);
    c->table = qoq_verify_new(arrays, "table", count, sizeof(int32_t));
    c->k_page = calloc(count, sizeof *c->k_page);
    c->v_page = calloc(count, sizeof *c->v_page);
    if (c->page_bytes == 0 || c->k_page == NULL || c->v_page == NULL) {
        qoq_verify_note(arrays, c->page_bytes == 0 ? QOQ_ERR_SHAPE : QOQ_ERR_MEMORY, "cache");
    }
    if (arrays->status != QOQ_OK) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        int32_t *table = c->table->host;
        size_t j = qoq_verify_number(&state, 0, i);

        /* A shuffle from the inside; page 0 stays free. */
        table[i] = table[j];
        table[j] = (int32_t)i + 1;
    }
    for (size_t i = 0; i < count; i++) {
        size_t page = (size_t)((int32_t *)c->table->host)[i];

        c->k_page[i] = (uint8_t *)c->k->host + page * c->page_bytes;
        c->v_page[i] = (uint8_t *)c->v->host + page * c->page_bytes;
    }
}

struct qoq_cuda_cache qoq_verify_cache_on_device(const struct qoq_verify_cache *c)
{
    return (struct qoq_cuda_cache){c->layout, c->k->device, c->v->device, c->table->device,
                                   c->pages};
}

void qoq_verify_free_cache(struct qoq_verify_cache *c)
{
    free(c->k_page);
    free(c->v_page);
}

static int is_nan(const uint8_t *half)
{
    return ((half[0] | half[1] << 8) & 0x7fff) > QOQ_HALF_INF;
}

/* Bytes of a pool; in the scales and zeros of pages two NaNs are equal. */
void qoq_verify_compare_pool(struct qoq_verify_arrays *arrays, const struct qoq_verify_cache *c,
                             const struct qoq_verify_array *pool, char *text, size_t room)
{
    uint8_t *have = qoq_verify_fetch(arrays, pool), *want = pool->host;
    size_t factors = qoq_kv_scale_offset(&c->layout, 0, 0);

    for (size_t i = 0; arrays->status == QOQ_OK && i < pool->bytes; i++) {
        size_t at = i % c->page_bytes, low = at < factors ? i : i - (at - factors) % 2;

        if (have[i] != want[i] && !(at >= factors && is_nan(have + low) && is_nan(want + low))) {
            snprintf(text, room, "%s: page %zu, byte %zu: 0x%02x where the reference has 0x%02x",
                     pool->name, i / c->page_bytes, at, have[i], want[i]);
            qoq_verify_note(arrays, QOQ_ERR_DIFFERS, pool->name);
        }
    }
    free(have);
}

/* Every slot of the first `tokens` positions of every sequence. */
enum qoq_status qoq_verify_fill_cache(struct qoq_verify_cache *c, const struct qoq_verify_shape *s,
                                      uint64_t seed)
{
    size_t row = s->kv_heads * s->head_dim;
    float *x = calloc(2 * row, sizeof *x);
    enum qoq_status status = x == NULL ? QOQ_ERR_MEMORY : QOQ_OK;

    for (size_t i = 0; status == QOQ_OK && i < QOQ_VERIFY_SEQUENCES * s->context; i++) {
        size_t t = i / QOQ_VERIFY_SEQUENCES,
               place = i % QOQ_VERIFY_SEQUENCES * c->pages + t / s->page;

        qoq_verify_fill_bell(x, 2 * row, qoq_gen(seed, i), 1.0f);
        for (size_t j = 0; i % 7 == 3 && j < row; j++) {
            x[row + j] = x[row]; /* a constant value: scale 0 */
        }
        status = qoq_kv_write(c->k_page[place], x, &c->layout, t % s->page);
        if (status == QOQ_OK) {
            status = qoq_kv_write(c->v_page[place], x + row, &c->layout, t % s->page);
        }
    }
    free(x);
    return status;
}

void qoq_verify_spoil_cache(struct qoq_verify_cache *c, const struct qoq_verify_shape *s,
                            uint64_t seed)
{
    static const qoq_half values[] = {0xb800, 0x7c00, 0xfc00, 0x7e00, 0x7bff, 0x8000};
    uint64_t state = qoq_gen(seed, 5);

    for (size_t i = qoq_verify_number(&state, 0, 6); i > 0; i--) {
        size_t t = qoq_verify_number(&state, 0, s->context - 1), slot = t % s->page;
        size_t place = qoq_verify_number(&state, 0, QOQ_VERIFY_SEQUENCES - 1) * c->pages;
        size_t head = qoq_verify_number(&state, 0, s->kv_heads - 1);
        size_t at = qoq_verify_number(&state, 0, 1) ? qoq_kv_scale_offset(&c->layout, head, slot)
                                                    : qoq_kv_zero_offset(&c->layout, head, slot);
        qoq_half value = values[qoq_verify_number(&state, 0, 5)];
        uint8_t *page =
            (qoq_verify_number(&state, 0, 2) ? c->v_page : c->k_page)[place + t / s->page];

        page[at] = (uint8_t)value;
        page[at + 1] = (uint8_t)(value >> 8);
    }
}
