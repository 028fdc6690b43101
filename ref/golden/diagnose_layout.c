/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The right bytes in the wrong places: each function writes what our output would look like under
 * one common confusion about the layouts of N 5 and 7.1, and the diagnosis counts how well that
 * fits.
 */
#include "golden/diagnose.h"

#include <stdlib.h>
#include <string.h>

/* Our output, and a copy of it that a confusion rearranges. */
struct sheet {
    const struct qoq_golden_tensor *t;
    const uint8_t *ours;
    uint8_t *other;
    size_t bytes;
};

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static uint8_t swapped(uint8_t byte)
{
    return (uint8_t)(byte << 4 | byte >> 4);
}

/* Bytes of codes at the start of a page; the whole tensor for other layouts. */
static size_t code_bytes(const struct sheet *s)
{
    const size_t *l = s->t->logical;

    return s->t->layout == QOQ_LAYOUT_PAGES ? l[1] * l[2] * l[3] * l[0] / 8 : s->bytes;
}

/* ---- Nibbles ---- */

static int swap_nibbles(struct sheet *s)
{
    size_t unit = s->t->layout == QOQ_LAYOUT_PAGES ? s->t->tensor.dim[1] : s->bytes;

    if (s->t->layout == QOQ_LAYOUT_PAGES && s->t->logical[0] != 4)
        return 0;
    for (size_t page = 0; page < s->bytes; page += unit) {
        for (size_t i = page; i < page + code_bytes(s); i++)
            s->other[i] = swapped(s->ours[i]);
    }
    return 1;
}

static int offset_nibbles(struct sheet *s)
{
    for (size_t i = 0; i < s->bytes; i++)
        s->other[i] = s->ours[i] ^ 0x88;
    return 1;
}

static int tile_plain(struct sheet *s)
{
    size_t n = s->t->logical[0], k = s->t->logical[1];

    if (n % 32 != 0 || k % 32 != 0)
        return 0;
    return qoq_tile_codes(s->other, s->ours, n, k) == QOQ_OK;
}

/* ---- Tiles ---- */

/* Plain codes of the padded matrix instead of tiles. */
static int untile(struct sheet *s)
{
    size_t n = round_up(s->t->logical[0], 32), k = round_up(s->t->logical[1], 32);

    return qoq_untile_codes(s->other, s->ours, n, k) == QOQ_OK;
}

/* Tiles run over n first. */
static int turn_tiles(struct sheet *s)
{
    size_t rows = round_up(s->t->logical[0], 32) / 32,
           columns = round_up(s->t->logical[1], 32) / 32;

    for (size_t a = 0; a < rows; a++) {
        for (size_t e = 0; e < columns; e++)
            memcpy(s->other + (e * rows + a) * 512, s->ours + (a * columns + e) * 512, 512);
    }
    return rows > 1 && columns > 1;
}

/* Inside a lane, bytes 4..7 and 8..11 change places: k before n. */
static int turn_lanes(struct sheet *s)
{
    for (size_t i = 0; i < s->bytes; i++) {
        size_t word = i / 4 % 4, other = word == 1 ? 2 : word == 2 ? 1 : word;
        s->other[i / 16 * 16 + other * 4 + i % 4] = s->ours[i];
    }
    return 1;
}

/* ---- Columns of group parameters ---- */

static size_t column_plain(size_t n)
{
    return n;
}

/* The order 0, 8, 1, 9, ... 7, 15, 16, 24, 17, ... */
static size_t column_other(size_t n)
{
    return (n & ~(size_t)15) | (n & 7) << 1 | (n >> 3 & 1);
}

static int reorder_columns(struct sheet *s, size_t (*column)(size_t))
{
    size_t width = round_up(s->t->logical[1], 32);

    for (size_t g = 0; g < s->t->logical[0]; g++) {
        for (size_t n = 0; n < width; n++)
            s->other[g * width + column(n)] = s->ours[g * width + qoq_tile_column(n)];
    }
    return 1;
}

static int columns_plain(struct sheet *s)
{
    return reorder_columns(s, column_plain);
}

static int columns_other(struct sheet *s)
{
    return reorder_columns(s, column_other);
}

static int columns_turned(struct sheet *s)
{
    size_t groups = s->t->logical[0], width = round_up(s->t->logical[1], 32);

    for (size_t i = 0; i < groups * width; i++)
        s->other[i % width * groups + i / width] = s->ours[i];
    return groups > 1;
}

static int columns_negated(struct sheet *s)
{
    for (size_t i = 0; i < s->bytes; i++)
        s->other[i] = (uint8_t)(256 - s->ours[i]);
    return 1;
}

/* ---- Pages ---- */

/* Copies head h, slot t of every region from our page to index `to` of the regions of the other. */
static void move_entry(struct sheet *s, size_t page, size_t h, size_t t, size_t to)
{
    const size_t *l = s->t->logical;
    size_t each = l[3] * l[0] / 8, from = h * l[1] + t, codes = code_bytes(s);
    uint8_t *out = s->other + page;
    const uint8_t *in = s->ours + page;

    memcpy(out + to * each, in + from * each, each);
    for (size_t region = 0; region < 2; region++) {
        size_t start = codes + region * 2 * l[1] * l[2];
        memcpy(out + start + 2 * to, in + start + 2 * from, 2);
    }
}

static int slots_first(struct sheet *s)
{
    size_t heads = s->t->logical[2], slots = s->t->logical[1];

    for (size_t page = 0; page < s->bytes; page += s->t->tensor.dim[1]) {
        for (size_t i = 0; i < heads * slots; i++)
            move_entry(s, page, i / slots, i % slots, i % slots * heads + i / slots);
    }
    return heads > 1 && slots > 1;
}

static int zeros_first(struct sheet *s)
{
    size_t codes = code_bytes(s), region = 2 * s->t->logical[1] * s->t->logical[2];

    for (size_t page = 0; page < s->bytes; page += s->t->tensor.dim[1]) {
        memcpy(s->other + page + codes, s->ours + page + codes + region, region);
        memcpy(s->other + page + codes + region, s->ours + page + codes, region);
    }
    return 1;
}

static int pairs(struct sheet *s)
{
    size_t codes = code_bytes(s), count = s->t->logical[1] * s->t->logical[2];

    for (size_t page = 0; page < s->bytes; page += s->t->tensor.dim[1]) {
        for (size_t i = 0; i < count; i++) {
            memcpy(s->other + page + codes + 4 * i, s->ours + page + codes + 2 * i, 2);
            memcpy(s->other + page + codes + 4 * i + 2, s->ours + page + codes + 2 * (count + i),
                   2);
        }
    }
    return 1;
}

/* ---- Ordinary arrays ---- */

/* The last two axes change places in memory. */
static int transposed(struct sheet *s)
{
    const struct qoq_tensor *t = &s->t->tensor;
    size_t size = qoq_dtype_size(t->dtype);

    if (t->rank < 2 || t->dim[t->rank - 1] < 2 || t->dim[t->rank - 2] < 2)
        return 0;
    size_t rows = t->dim[t->rank - 2], columns = t->dim[t->rank - 1], each = rows * columns;
    for (size_t i = 0; i < s->bytes / size; i++) {
        size_t r = i % each / columns, c = i % columns;
        memcpy(s->other + (i / each * each + c * rows + r) * size, s->ours + i * size, size);
    }
    return 1;
}

/* ---- All of them ---- */

#define LAYOUT(x) (1u << QOQ_LAYOUT_##x)

static const struct {
    unsigned layouts;
    int (*rearrange)(struct sheet *s);
    const char *text;
} confusions[] = {
    {LAYOUT(NIBBLES) | LAYOUT(TILES) | LAYOUT(PAGES), swap_nibbles,
     "the two nibbles of each byte are swapped"},
    {LAYOUT(NIBBLES) | LAYOUT(TILES), offset_nibbles,
     "every code is off by 8: signed instead of unsigned 4-bit codes"},
    {LAYOUT(NIBBLES), tile_plain, "the codes are in tile order (N 5.2) instead of plain order"},
    {LAYOUT(TILES), untile, "tile order not applied: the codes are in plain order (N 5.1)"},
    {LAYOUT(TILES), turn_tiles, "the 512-byte tiles run over n first instead of over k first"},
    {LAYOUT(TILES), turn_lanes,
     "in each lane, bytes 4..7 (n + 8) and 8..11 (k + 16) are exchanged"},
    {LAYOUT(COLUMNS), columns_plain,
     "the columns are in plain order instead of 0, 8, 16, 24, 1, ..."},
    {LAYOUT(COLUMNS), columns_other,
     "the columns are in the order 0, 8, 1, 9, ... of another converter instead of 0, 8, 16, 24, "
     "1, ..."},
    {LAYOUT(COLUMNS), columns_turned, "the array is [channel][group] instead of [group][channel]"},
    {LAYOUT(COLUMNS), columns_negated,
     "every byte is negated: zeros are stored as -(z * s2) mod 256"},
    {LAYOUT(PAGES), slots_first, "the page is [slot][head] instead of [head][slot]"},
    {LAYOUT(PAGES), zeros_first, "the zeros lie before the scales"},
    {LAYOUT(PAGES), pairs,
     "scales and zeros are interleaved in pairs instead of lying in two regions"},
    {LAYOUT(ROWS), transposed, "the array is transposed: the last two axes are exchanged"},
};

int qoq_golden_explains(size_t left, size_t differing)
{
    return left * 20 <= differing && left < differing;
}

int qoq_golden_diagnose_layout(struct qoq_golden_hints *hints,
                               const struct qoq_golden_tensor *output, size_t differing,
                               const void *theirs)
{
    struct sheet s = {output, output->tensor.data, NULL, qoq_tensor_bytes(&output->tensor)};
    size_t before = hints->count;

    s.other = malloc(s.bytes > 0 ? s.bytes : 1);
    if (s.other == NULL)
        return 0;
    for (size_t i = 0; i < sizeof confusions / sizeof confusions[0]; i++) {
        if (!(confusions[i].layouts >> output->layout & 1))
            continue;
        memcpy(s.other, s.ours, s.bytes);
        if (!confusions[i].rearrange(&s))
            continue;
        size_t left = qoq_golden_count(output, s.other, theirs);
        if (qoq_golden_explains(left, differing))
            qoq_golden_hint(hints, QOQ_HINT_REARRANGED, "%s (explains %zu of %zu differences)",
                            confusions[i].text, differing - left, differing);
    }
    free(s.other);
    return hints->count > before;
}
