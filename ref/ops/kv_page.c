/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of a KV cache: offsets, codes, scales and zeros. N 7.1. */
#include "ops/kv_page.h"

#include "ops/shape.h"

enum qoq_status qoq_kv_check(const struct qoq_kv_layout *layout)
{
    if (layout == NULL || (layout->bits != 4 && layout->bits != 8))
        return QOQ_ERR_ARGUMENT;
    if (!qoq_head_dim_fits(layout->head_dim))
        return QOQ_ERR_SHAPE;
    if (!qoq_array_fits(layout->page_tokens, layout->heads, sizeof(float) * layout->head_dim))
        return QOQ_ERR_SHAPE;
    return QOQ_OK;
}

enum qoq_status qoq_kv_check_slot(const void *v, const uint8_t *page,
                                  const struct qoq_kv_layout *layout, size_t slot)
{
    enum qoq_status status = qoq_kv_check(layout);

    if (status != QOQ_OK)
        return status;
    if (v == NULL || page == NULL)
        return QOQ_ERR_ARGUMENT;
    return slot < layout->page_tokens ? QOQ_OK : QOQ_ERR_SHAPE;
}

enum qoq_status qoq_kv_check_sequence(const struct qoq_kv_sequence *sequence, size_t first,
                                      size_t count, size_t q_heads,
                                      const struct qoq_kv_layout *layout)
{
    enum qoq_status status = qoq_kv_check(layout);
    size_t last = first + count - 1;

    if (status != QOQ_OK)
        return status;
    if (sequence == NULL || sequence->k_page == NULL || sequence->v_page == NULL)
        return QOQ_ERR_ARGUMENT;
    if (q_heads % layout->heads != 0 || !qoq_array_fits(q_heads, layout->head_dim, sizeof(float)))
        return QOQ_ERR_SHAPE;
    if (count == 0)
        return QOQ_OK;
    for (size_t page = first / layout->page_tokens; page <= last / layout->page_tokens; page++) {
        if (sequence->k_page[page] == NULL || sequence->v_page[page] == NULL)
            return QOQ_ERR_ARGUMENT;
    }
    return QOQ_OK;
}

/* Rank of a head's slot among all slots of a page. */
static size_t place(const struct qoq_kv_layout *layout, size_t head, size_t slot)
{
    return head * layout->page_tokens + slot;
}

static size_t vector_bytes(const struct qoq_kv_layout *layout)
{
    return layout->head_dim * layout->bits / 8;
}

size_t qoq_kv_page_bytes(const struct qoq_kv_layout *layout)
{
    if (qoq_kv_check(layout) != QOQ_OK)
        return 0;
    return layout->page_tokens * layout->heads * (vector_bytes(layout) + 4);
}

size_t qoq_kv_code_offset(const struct qoq_kv_layout *layout, size_t head, size_t slot)
{
    return place(layout, head, slot) * vector_bytes(layout);
}

size_t qoq_kv_scale_offset(const struct qoq_kv_layout *layout, size_t head, size_t slot)
{
    return layout->page_tokens * layout->heads * vector_bytes(layout) +
           2 * place(layout, head, slot);
}

size_t qoq_kv_zero_offset(const struct qoq_kv_layout *layout, size_t head, size_t slot)
{
    return qoq_kv_scale_offset(layout, head, slot) + 2 * layout->page_tokens * layout->heads;
}

/* Pages are bytes: little endian on every machine. */
static qoq_half get_half(const uint8_t *p)
{
    return (qoq_half)(p[0] | p[1] << 8);
}

static void put_half(uint8_t *p, qoq_half h)
{
    p[0] = (uint8_t)(h & 0xff);
    p[1] = (uint8_t)(h >> 8);
}

struct qoq_kv_factors qoq_kv_get_factors(const uint8_t *page, const struct qoq_kv_layout *layout,
                                         size_t head, size_t slot)
{
    return (struct qoq_kv_factors){get_half(page + qoq_kv_scale_offset(layout, head, slot)),
                                   get_half(page + qoq_kv_zero_offset(layout, head, slot))};
}

void qoq_kv_put_factors(uint8_t *page, struct qoq_kv_factors factors,
                        const struct qoq_kv_layout *layout, size_t head, size_t slot)
{
    put_half(page + qoq_kv_scale_offset(layout, head, slot), factors.scale);
    put_half(page + qoq_kv_zero_offset(layout, head, slot), factors.zero);
}

void qoq_kv_get_codes(uint8_t *u, const uint8_t *page, const struct qoq_kv_layout *layout,
                      size_t head, size_t slot)
{
    const uint8_t *code = page + qoq_kv_code_offset(layout, head, slot);

    if (layout->bits == 8) {
        for (size_t d = 0; d < layout->head_dim; d++)
            u[d] = code[d];
        return;
    }
    for (size_t d = 0; d < layout->head_dim; d += 2) {
        u[d] = code[d / 2] & 15;
        u[d + 1] = code[d / 2] >> 4;
    }
}

void qoq_kv_put_codes(uint8_t *page, const uint8_t *u, const struct qoq_kv_layout *layout,
                      size_t head, size_t slot)
{
    uint8_t *code = page + qoq_kv_code_offset(layout, head, slot);

    if (layout->bits == 8) {
        for (size_t d = 0; d < layout->head_dim; d++)
            code[d] = u[d];
        return;
    }
    for (size_t d = 0; d < layout->head_dim; d += 2)
        code[d / 2] = (uint8_t)((u[d] & 15) | (u[d + 1] & 15) << 4);
}
