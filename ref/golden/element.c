/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of plain and packed tensors and their coordinates (N 5, 7.1). */
#include "golden/element.h"

#include "numerics/half.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static struct qoq_kv_layout kv_layout(const struct qoq_golden_tensor *t)
{
    struct qoq_kv_layout layout = {(unsigned)t->logical[0], t->logical[1], t->logical[2],
                                   t->logical[3]};

    return layout;
}

/* Codes, scales and zeros of one page. */
static size_t page_elements(const struct qoq_golden_tensor *t)
{
    return t->logical[1] * t->logical[2] * (t->logical[3] + 2);
}

size_t qoq_golden_elements(const struct qoq_golden_tensor *t)
{
    size_t count = qoq_tensor_elements(&t->tensor);

    if (t->layout == QOQ_LAYOUT_NIBBLES || t->layout == QOQ_LAYOUT_TILES)
        return 2 * count;
    return t->layout == QOQ_LAYOUT_PAGES ? t->tensor.dim[0] * page_elements(t) : count;
}

/* ---- Values ---- */

static void number(struct qoq_golden_element *out, enum qoq_dtype dtype, const unsigned char *at)
{
    size_t size = qoq_dtype_size(dtype);
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;

    out->dtype = dtype;
    memcpy(size == 1   ? (void *)&u8
           : size == 2 ? (void *)&u16
           : size == 4 ? (void *)&u32
                       : (void *)&out->bits,
           at, size);
    out->bits = size == 1 ? u8 : size == 2 ? u16 : size == 4 ? u32 : out->bits;
    switch (dtype) {
    case QOQ_F16:
        out->value = (double)qoq_half_to_float((uint16_t)out->bits);
        break;
    case QOQ_F32:
        out->value = (double)qoq_float_of_bits((uint32_t)out->bits);
        break;
    case QOQ_F64:
        out->value = qoq_double_of_bits(out->bits);
        break;
    case QOQ_I8:
        out->value = (double)(int8_t)out->bits;
        break;
    case QOQ_I16:
        out->value = (double)(int16_t)out->bits;
        break;
    case QOQ_I32:
        out->value = (double)(int32_t)out->bits;
        break;
    case QOQ_I64:
        out->value = (double)(int64_t)out->bits;
        break;
    default:
        out->value = (double)out->bits;
    }
}

static void nibble(struct qoq_golden_element *out, uint8_t byte, size_t high)
{
    out->dtype = QOQ_U8;
    out->bits = high ? byte >> 4 : byte & 15;
    out->value = (double)out->bits;
}

/* Element e of a page: part, head, slot, dimension, and the offset of its (first) byte. */
struct page_place {
    enum qoq_golden_part part;
    size_t head, slot, dim, byte;
};

static struct page_place page_place(const struct qoq_golden_tensor *t, size_t e)
{
    struct qoq_kv_layout layout = kv_layout(t);
    size_t p = layout.page_tokens, d = layout.head_dim, codes = p * layout.heads * d;
    struct page_place place = {QOQ_PART_CODE, e / (p * d), e / d % p, e % d, 0};

    if (e < codes) {
        place.byte =
            qoq_kv_code_offset(&layout, place.head, place.slot) + place.dim * layout.bits / 8;
        return place;
    }
    e -= codes;
    place.part = e < p * layout.heads ? QOQ_PART_SCALE : QOQ_PART_ZERO;
    place.head = e / p % layout.heads;
    place.slot = e % p;
    place.dim = 0;
    place.byte = place.part == QOQ_PART_SCALE ? qoq_kv_scale_offset(&layout, place.head, place.slot)
                                              : qoq_kv_zero_offset(&layout, place.head, place.slot);
    return place;
}

static void page_element(struct qoq_golden_element *out, const struct qoq_golden_tensor *t,
                         const unsigned char *data, size_t i)
{
    size_t each = page_elements(t);
    struct page_place place = page_place(t, i % each);
    const unsigned char *at = data + i / each * t->tensor.dim[1] + place.byte;

    out->part = place.part;
    if (place.part != QOQ_PART_CODE) {
        out->dtype = QOQ_F16;
        out->bits = (uint64_t)at[0] | (uint64_t)at[1] << 8;
        out->value = (double)qoq_half_to_float((uint16_t)out->bits);
    } else if (t->logical[0] == 4) {
        nibble(out, at[0], place.dim & 1);
    } else {
        number(out, QOQ_U8, at);
    }
}

void qoq_golden_element(struct qoq_golden_element *out, const struct qoq_golden_tensor *t,
                        const void *data, size_t i)
{
    const unsigned char *at = data;

    out->part = QOQ_PART_CODE;
    if (t->layout == QOQ_LAYOUT_NIBBLES || t->layout == QOQ_LAYOUT_TILES)
        nibble(out, at[i / 2], i & 1);
    else if (t->layout == QOQ_LAYOUT_PAGES)
        page_element(out, t, at, i);
    else
        number(out, t->tensor.dtype, at + i * qoq_dtype_size(t->tensor.dtype));
}

/* ---- Places ---- */

static void add_axis(struct qoq_golden_where *w, const char *name, size_t length, size_t at,
                     size_t extent)
{
    if (w->axes == QOQ_GOLDEN_AXES)
        return;
    snprintf(w->axis[w->axes].name, sizeof w->axis[0].name, "%.*s", (int)length, name);
    w->axis[w->axes].at = at;
    w->axis[w->axes++].extent = extent;
}

static void where_rows(struct qoq_golden_where *w, const struct qoq_golden_tensor *t, size_t i)
{
    const char *name = t->axes;
    size_t inner = qoq_tensor_elements(&t->tensor);

    for (int a = 0; a < t->tensor.rank; a++) {
        size_t length = strcspn(name, " ");
        inner /= t->tensor.dim[a] > 0 ? t->tensor.dim[a] : 1;
        add_axis(w, name, length, i / inner % t->tensor.dim[a], t->tensor.dim[a]);
        name += length + (name[length] == ' ');
    }
}

static void where_tiles(struct qoq_golden_where *w, const struct qoq_golden_tensor *t, size_t i)
{
    struct qoq_tile_position position = {i / 2, (int)(i & 1)};
    size_t n, k;

    qoq_tile_coordinates(&n, &k, position, t->logical[1]);
    add_axis(w, "n", 1, n, round_up(t->logical[0], 32));
    add_axis(w, "k", 1, k, round_up(t->logical[1], 32));
    snprintf(w->packed, sizeof w->packed,
             "byte %zu: tile %zu, lane %zu, byte %zu of 16, %s nibble%s", i / 2, i / 1024,
             i % 1024 / 32, i / 2 % 16, i & 1 ? "high" : "low",
             n < t->logical[0] && k < t->logical[1] ? "" : ", padding");
}

static void where_pages(struct qoq_golden_where *w, const struct qoq_golden_tensor *t, size_t i)
{
    static const char *const part[QOQ_PARTS] = {"code", "scale", "zero"};
    size_t each = page_elements(t);
    struct page_place place = page_place(t, i % each);

    add_axis(w, "page", 4, i / each, t->tensor.dim[0]);
    add_axis(w, "head", 4, place.head, t->logical[2]);
    add_axis(w, "slot", 4, place.slot, t->logical[1]);
    if (place.part == QOQ_PART_CODE)
        add_axis(w, "dim", 3, place.dim, t->logical[3]);
    snprintf(w->packed, sizeof w->packed, "%s at byte %zu of the page%s", part[place.part],
             place.byte,
             place.part != QOQ_PART_CODE || t->logical[0] != 4 ? ""
             : place.dim & 1                                   ? ", high nibble"
                                                               : ", low nibble");
}

void qoq_golden_where(struct qoq_golden_where *out, const struct qoq_golden_tensor *t, size_t i)
{
    size_t n;

    memset(out, 0, sizeof *out);
    switch (t->layout) {
    case QOQ_LAYOUT_NIBBLES:
        n = (t->logical[1] + 1) / 2 * 2;
        add_axis(out, "n", 1, i / n, t->logical[0]);
        add_axis(out, "k", 1, i % n, n);
        snprintf(out->packed, sizeof out->packed, "byte %zu, %s nibble%s", i / 2,
                 i & 1 ? "high" : "low", i % n < t->logical[1] ? "" : ", spare");
        break;
    case QOQ_LAYOUT_TILES:
        where_tiles(out, t, i);
        break;
    case QOQ_LAYOUT_COLUMNS:
        n = round_up(t->logical[1], 32);
        add_axis(out, "group", 5, i / n, t->logical[0]);
        add_axis(out, "n", 1, qoq_tile_channel(i % n), n);
        snprintf(out->packed, sizeof out->packed, "column %zu%s", i % n,
                 qoq_tile_channel(i % n) < t->logical[1] ? "" : ", padding");
        break;
    case QOQ_LAYOUT_PAGES:
        where_pages(out, t, i);
        break;
    default:
        where_rows(out, t, i);
    }
}

/* ---- Comparing two elements ---- */

int qoq_golden_is_float(enum qoq_dtype dtype)
{
    return dtype == QOQ_F16 || dtype == QOQ_F32 || dtype == QOQ_F64;
}

int qoq_golden_same(const struct qoq_golden_element *a, const struct qoq_golden_element *b)
{
    return a->bits == b->bits ||
           (qoq_golden_is_float(a->dtype) && isnan(a->value) && isnan(b->value));
}

/* Patterns as integers in the order of the numbers; both zeros are 0. */
static int64_t order(const struct qoq_golden_element *e)
{
    unsigned width = (unsigned)qoq_dtype_size(e->dtype) * 8 - 1;
    int64_t magnitude = (int64_t)(e->bits & ~(UINT64_C(1) << width));

    return e->bits >> width & 1 ? -magnitude : magnitude;
}

uint64_t qoq_golden_steps(const struct qoq_golden_element *a, const struct qoq_golden_element *b)
{
    int64_t x = order(a), y = order(b);

    return x > y ? (uint64_t)x - (uint64_t)y : (uint64_t)y - (uint64_t)x;
}

void qoq_golden_element_text(char *text, size_t size, const struct qoq_golden_tensor *t,
                             const struct qoq_golden_element *e)
{
    int small = t->layout == QOQ_LAYOUT_NIBBLES || t->layout == QOQ_LAYOUT_TILES ||
                (t->layout == QOQ_LAYOUT_PAGES && e->part == QOQ_PART_CODE && t->logical[0] == 4);
    int digits = small ? 1 : (int)qoq_dtype_size(e->dtype) * 2;

    if (qoq_golden_is_float(e->dtype))
        snprintf(text, size, "0x%0*" PRIX64 " (%.9g)", digits, e->bits, e->value);
    else
        snprintf(text, size, "0x%0*" PRIX64 " (%.0f)", digits, e->bits, e->value);
}
