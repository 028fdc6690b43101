/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scratch of a step: one allocation, cut into arrays. The same function runs twice, first to
 * measure, then to cut.
 */
#include "model/step.h"

#include <stdlib.h>

/* Arrays start on a cache line. */
#define ALIGN 64

struct arena {
    uint8_t *base; /* NULL while measuring */
    size_t used;
};

static void *cut(struct arena *arena, size_t rows, size_t columns, size_t element)
{
    size_t bytes = qoq_size_mul(qoq_size_mul(rows, columns), element);
    void *array = arena->base != NULL ? arena->base + arena->used : NULL;

    if (bytes > SIZE_MAX - (ALIGN - 1)) {
        arena->used = SIZE_MAX;
        return NULL;
    }
    arena->used = qoq_size_add(arena->used, (bytes + ALIGN - 1) / ALIGN * ALIGN);
    return array;
}

static float *cut_floats(struct arena *arena, size_t rows, size_t columns)
{
    return cut(arena, rows, columns, sizeof(float));
}

static qoq_half *cut_halves(struct arena *arena, size_t rows, size_t columns)
{
    return cut(arena, rows, columns, sizeof(qoq_half));
}

static void cut_common(struct qoq_step *s, struct arena *arena)
{
    const struct qoq_config *c = &s->model->config;

    s->token = cut(arena, s->rows, 1, sizeof *s->token);
    s->first = cut(arena, s->segments, 1, sizeof *s->first);
    s->cache = cut(arena, s->rows, 1, sizeof *s->cache);
    s->position = cut(arena, s->rows, 1, sizeof *s->position);
    s->sine = cut_floats(arena, s->rows, c->head_dim / 2);
    s->cosine = cut_floats(arena, s->rows, c->head_dim / 2);
    s->residual = cut_floats(arena, s->rows, c->hidden);
    s->last = cut_floats(arena, s->segments, c->hidden);
    s->query = cut_floats(arena, s->rows, qoq_query_channels(c));
    s->key = cut_floats(arena, s->rows, qoq_kv_channels(c));
    s->value = cut_floats(arena, s->rows, qoq_kv_channels(c));
}

static size_t widest_input(const struct qoq_config *c)
{
    size_t widest = c->hidden > c->intermediate ? c->hidden : c->intermediate;

    return qoq_query_channels(c) > widest ? qoq_query_channels(c) : widest;
}

static void cut_quantized(struct qoq_step *s, struct arena *arena)
{
    const struct qoq_config *c = &s->model->config;

    s->act.q = cut(arena, s->rows, widest_input(c), sizeof *s->act.q);
    s->act.scale = cut_floats(arena, s->rows, 1);
    s->act.sum = cut(arena, s->rows, 1, sizeof *s->act.sum);
    s->query16 = cut_halves(arena, s->rows, qoq_query_channels(c));
    s->key16 = cut_halves(arena, s->rows, qoq_kv_channels(c));
    s->value16 = cut_halves(arena, s->rows, qoq_kv_channels(c));
    s->mixed16 = cut_halves(arena, s->rows, qoq_query_channels(c));
    s->out16 = cut_halves(arena, s->rows, c->hidden);
    s->gate16 = cut_halves(arena, s->rows, c->intermediate);
    s->up16 = cut_halves(arena, s->rows, c->intermediate);
}

static void cut_baseline(struct qoq_step *s, struct arena *arena)
{
    const struct qoq_config *c = &s->model->config;
    size_t at_once = s->rows < QOQ_ATTENTION_ROWS ? s->rows : QOQ_ATTENTION_ROWS;

    s->norm = cut_floats(arena, s->rows, c->hidden);
    s->mixed = cut_floats(arena, s->rows, qoq_query_channels(c));
    s->out = cut_floats(arena, s->rows, c->hidden);
    s->gate = cut_floats(arena, s->rows, c->intermediate);
    s->up = cut_floats(arena, s->rows, c->intermediate);
    s->gated = cut_floats(arena, s->rows, c->intermediate);
    s->logits_of_context = cut_floats(arena, at_once, qoq_size_mul(c->heads, s->longest));
}

static void cut_all(struct qoq_step *step, struct arena *arena)
{
    cut_common(step, arena);
    if (step->model->precision == QOQ_FP32) {
        cut_baseline(step, arena);
    } else {
        cut_quantized(step, arena);
    }
}

static void place_rows(struct qoq_step *step)
{
    size_t m = 0;

    for (size_t i = 0; i < step->segments; i++) {
        const struct qoq_segment *segment = &step->segment[i];
        struct qoq_cache *cache = &step->session->cache[segment->sequence];
        step->first[i] = m;
        for (size_t j = 0; j < segment->count; j++, m++) {
            step->token[m] = segment->token[j];
            step->cache[m] = cache;
            step->position[m] = cache->length + j;
        }
    }
}

/* Angles of all rows (N 8.2); a segment's positions are consecutive. */
static enum qoq_status place_angles(const struct qoq_step *step)
{
    size_t head_dim = step->model->config.head_dim, pairs = head_dim / 2, m = 0;

    for (size_t i = 0; i < step->segments; i++) {
        QOQ_TRY(qoq_rope_table(step->sine + m * pairs, step->cosine + m * pairs,
                               step->session->frequency, head_dim, step->position[m],
                               step->segment[i].count));
        m += step->segment[i].count;
    }
    return QOQ_OK;
}

enum qoq_status qoq_step_begin(struct qoq_step *step)
{
    struct arena arena = {NULL, 0};

    cut_all(step, &arena);
    step->memory = arena.used < SIZE_MAX - ALIGN ? malloc(arena.used + ALIGN) : NULL;
    if (step->memory == NULL) {
        return QOQ_ERR_MEMORY;
    }
    uintptr_t start = ((uintptr_t)step->memory + ALIGN - 1) / ALIGN * ALIGN;
    arena = (struct arena){(uint8_t *)step->memory + (start - (uintptr_t)step->memory), 0};
    cut_all(step, &arena);
    place_rows(step);
    return place_angles(step);
}

void qoq_step_end(struct qoq_step *step)
{
    free(step->memory);
    step->memory = NULL;
}
