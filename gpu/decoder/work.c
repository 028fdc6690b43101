/* SPDX-License-Identifier: Apache-2.0 */
/* The workspace: one allocation, cut into arrays. The same function runs twice, first to measure,
 * then to cut. */
#include "gpu/decoder/parts.h"

enum { ALIGN = 256 };
/* Scratch of attention, where all rows at their longest would take more: they then go in parts. */
static const size_t ATTENTION_SHARE = (size_t)128 << 20;

struct arena {
    uint8_t *base; /* NULL while measuring */
    size_t used;   /* SIZE_MAX: too much */
};

static void *cut(struct arena *arena, size_t rows, size_t columns, size_t element)
{
    size_t most = SIZE_MAX / 2, bytes;
    void *array = arena->base != NULL ? arena->base + arena->used : NULL;

    if (arena->used >= most || (columns != 0 && rows > most / columns / element)) {
        arena->used = SIZE_MAX;
        return NULL;
    }
    bytes = rows * columns * element;
    arena->used += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return array;
}

static size_t widest_input(const struct qoq_config *c)
{
    size_t widest = c->hidden > c->intermediate ? c->hidden : c->intermediate;

    return qoq_decoder_wide(c) > widest ? qoq_decoder_wide(c) : widest;
}

static void cut_all(struct qoq_decoder_work *w, struct arena *arena, const struct qoq_decoder *d)
{
    const struct qoq_config *c = &d->config;
    size_t rows = d->options.rows;

    w->input = cut(arena, qoq_decoder_input_count(rows), 1, sizeof *w->input);
    w->residual = cut(arena, rows, c->hidden, sizeof *w->residual);
    w->act = cut(arena, rows, qoq_decoder_pitch(widest_input(c)), sizeof *w->act);
    w->act_scale = cut(arena, rows, 1, sizeof *w->act_scale);
    w->act_sum = cut(arena, rows, 1, sizeof *w->act_sum);
    w->qkv = cut(arena, rows, qoq_decoder_all_heads(c) * c->head_dim, sizeof *w->qkv);
    w->query = cut(arena, rows, qoq_decoder_wide(c), sizeof *w->query);
    w->mixed = cut(arena, rows, qoq_decoder_wide(c), sizeof *w->mixed);
    w->out = cut(arena, rows, c->hidden, sizeof *w->out);
    w->gate_up = cut(arena, rows, 2 * c->intermediate, sizeof *w->gate_up);
    w->normed = cut(arena, d->head_rows, c->hidden, sizeof *w->normed);
    w->logits = cut(arena, d->head_rows, c->vocab, sizeof *w->logits);
    w->choice = cut(arena, d->head_rows, 1, sizeof *w->choice);
    w->gemm = cut(arena, w->gemm_bytes, 1, 1);
    w->attention = cut(arena, w->attention_bytes, 1, 1);
}

/* Scratch of the products, which share it, and of attention. */
static enum qoq_status measure(struct qoq_decoder *d)
{
    size_t rows = d->options.rows, bytes;

    for (int i = 0; i < QOQ_PRODUCTS; i++) {
        QOQ_TRY(qoq_cuda_gemm_scratch(d->handle, &bytes, rows, &d->layer->product[i].w));
        d->work.gemm_bytes = bytes > d->work.gemm_bytes ? bytes : d->work.gemm_bytes;
    }
    QOQ_TRY(qoq_cuda_attention_scratch(d->handle, &bytes, 1, d->options.max_tokens, d->config.heads,
                                       &d->layout));
    d->work.attention_bytes = bytes > ATTENTION_SHARE          ? bytes
                              : rows > ATTENTION_SHARE / bytes ? ATTENTION_SHARE
                                                               : rows * bytes;
    return QOQ_OK;
}

enum qoq_status qoq_decoder_work_create(struct qoq_decoder *d)
{
    struct arena arena = {NULL, 0};
    void *memory;

    QOQ_TRY(measure(d));
    cut_all(&d->work, &arena, d);
    if (arena.used == SIZE_MAX) {
        return QOQ_ERR_SHAPE;
    }
    QOQ_TRY(qoq_cuda_alloc(d->handle, &memory, arena.used));
    d->work.memory = memory;
    d->work.bytes = arena.used;
    arena = (struct arena){memory, 0};
    cut_all(&d->work, &arena, d);
    return d->work.gemm_bytes == 0 ? QOQ_OK
                                   : qoq_cuda_zero(d->handle, d->work.gemm, d->work.gemm_bytes);
}
