/* SPDX-License-Identifier: Apache-2.0 */
/* Known other ways to fill cache pages and to attend over them (N 7, 11, 25). */
#include "golden/build.h"
#include "golden/cache_inputs.h"
#include "golden/mistakes.h"
#include "numerics/half.h"
#include "numerics/round.h"
#include "qoq_qserve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { UNROUNDED_SCALE, UNROUNDED_ZERO, DIVIDE, AWAY, TRUNCATE };
enum { ONE_LESS, HEADS_MODULO, NO_ROOT };

static void put_half(uint8_t *at, qoq_half h)
{
    at[0] = (uint8_t)(h & 0xFF);
    at[1] = (uint8_t)(h >> 8);
}

static void put_code(uint8_t *code, size_t d, unsigned bits, int32_t u)
{
    if (bits == 8)
        code[d] = (uint8_t)u;
    else
        code[d / 2] = (uint8_t)(d % 2 == 0 ? u : code[d / 2] | u << 4);
}

static float wrong_round(float x, int variant)
{
    if (variant == AWAY)
        return (float)copysign(floor(fabs((double)x) + 0.5), (double)x);
    return variant == TRUNCATE ? truncf(x) : x;
}

static void wrong_head(uint8_t *page, const float *v, const struct qoq_kv_layout *l, size_t h,
                       size_t slot, int variant)
{
    float lo = v[0], hi = v[0], limit = l->bits == 4 ? 15.0f : 255.0f;

    for (size_t d = 1; d < l->head_dim; d++) {
        lo = v[d] < lo ? v[d] : lo;
        hi = v[d] > hi ? v[d] : hi;
    }
    qoq_half zero = qoq_half_from_float(lo);
    float z = variant == UNROUNDED_ZERO ? lo : qoq_half_to_float(zero);
    float range = hi - z > 0 ? hi - z : 0.0f, exact = range / limit;
    qoq_half scale = qoq_half_from_float(exact);
    float s = variant == UNROUNDED_SCALE ? exact : qoq_half_to_float(scale);
    for (size_t d = 0; d < l->head_dim; d++) {
        float u = s == 0 ? 0.0f : variant == DIVIDE ? (v[d] - z) / s : (v[d] - z) * (1.0f / s);
        put_code(page + qoq_kv_code_offset(l, h, slot), d, l->bits,
                 qoq_round_clamp(wrong_round(u, variant), 0, (int32_t)limit));
    }
    put_half(page + qoq_kv_scale_offset(l, h, slot), scale);
    put_half(page + qoq_kv_zero_offset(l, h, slot), zero);
}

static enum qoq_status wrong_pages(struct qoq_golden_case *c, int variant)
{
    struct qoq_kv_layout l = qoq_golden_kv_layout(c);
    size_t bytes = qoq_kv_page_bytes(&l);
    const float *v = qoq_golden_in(c, "v");
    uint8_t *pages = qoq_golden_out(c, "pages");

    for (size_t t = 0; t < qoq_golden_size(c, "tokens"); t++) {
        for (size_t h = 0; h < l.heads; h++)
            wrong_head(pages + t / l.page_tokens * bytes, v + (t * l.heads + h) * l.head_dim, &l, h,
                       t % l.page_tokens, variant);
    }
    return QOQ_OK;
}

/* The pages that QServe's kernel would write for the same vectors in binary16. */
static enum qoq_status qserve_pages(struct qoq_golden_case *c, int variant)
{
    struct qoq_kv_layout l = qoq_golden_kv_layout(c);
    size_t tokens = qoq_golden_size(c, "tokens"), width = l.heads * l.head_dim;
    const float *v = qoq_golden_in(c, "v");
    uint8_t *pages = qoq_golden_out(c, "pages");
    qoq_half *half = malloc(width * sizeof *half);
    enum qoq_status status = half != NULL ? QOQ_OK : QOQ_ERR_MEMORY;

    (void)variant;
    for (size_t t = 0; t < tokens && status == QOQ_OK; t++) {
        for (size_t i = 0; i < width; i++)
            half[i] = qoq_half_from_float(v[t * width + i]);
        status = qoq_qserve_kv_write(pages + t / l.page_tokens * qoq_kv_page_bytes(&l), half, &l,
                                     t % l.page_tokens);
    }
    free(half);
    return status;
}

/* ---- Attention: the right operator on changed inputs ---- */

static enum qoq_status run_again(struct qoq_golden_case *c)
{
    qoq_golden_tensors_free(&c->outputs);
    qoq_tensors_free(&c->bounds);
    return qoq_golden_run(c, NULL);
}

static void scale_query(struct qoq_golden_case *c)
{
    struct qoq_golden_tensor *query = qoq_golden_tensors_find(&c->inputs, "query");
    size_t count = qoq_tensor_elements(&query->tensor);
    float *x = query->tensor.data, root = sqrtf((float)qoq_golden_size(c, "head_dim"));

    for (size_t i = 0; i < count; i++)
        x[i] *= root;
}

static void drop_last(struct qoq_golden_case *c)
{
    struct qoq_golden_tensor *tokens = qoq_golden_tensors_find(&c->inputs, "tokens");
    int32_t *count = tokens->tensor.data;

    for (size_t i = 0; i < tokens->tensor.dim[0]; i++)
        count[i] -= count[i] > 1;
}

/* Rows of [rows][heads][d] so that slot kv * r + i holds query head i * Hkv + kv, or the way back.
 */
static enum qoq_status deal_heads(void *data, size_t size, const struct qoq_golden_case *c,
                                  size_t rows, int back)
{
    size_t heads = qoq_golden_size(c, "heads"), q_heads = qoq_golden_size(c, "q_heads");
    size_t each = qoq_golden_size(c, "head_dim") * size;
    char *at = data, *copy = malloc(q_heads * each);

    if (copy == NULL)
        return QOQ_ERR_MEMORY;
    for (size_t row = 0; row < rows; row++, at += q_heads * each) {
        memcpy(copy, at, q_heads * each);
        for (size_t h = 0; h < q_heads; h++) {
            size_t slot = h % heads * (q_heads / heads) + h / heads;
            memcpy(at + (back ? h : slot) * each, copy + (back ? slot : h) * each, each);
        }
    }
    free(copy);
    return QOQ_OK;
}

static enum qoq_status heads_modulo(struct qoq_golden_case *c)
{
    size_t rows = qoq_golden_tensors_find(&c->inputs, "query")->tensor.dim[0];
    enum qoq_status status = deal_heads(qoq_golden_in(c, "query"), sizeof(float), c, rows, 0);

    if (status == QOQ_OK)
        status = run_again(c);
    return status == QOQ_OK ? deal_heads(qoq_golden_out(c, "out"), sizeof(qoq_half), c, rows, 1)
                            : status;
}

static enum qoq_status wrong_attention(struct qoq_golden_case *c, int variant)
{
    if (variant == HEADS_MODULO)
        return heads_modulo(c);
    if (variant == ONE_LESS)
        drop_last(c);
    else
        scale_query(c);
    return run_again(c);
}

#define ATTENTION "attention_decode attention_prefill"

const struct qoq_golden_mistake qoq_golden_mistakes_cache[] = {
    {"kv_write", "pages", wrong_pages, UNROUNDED_SCALE,
     "codes are made with the scale before it is rounded to binary16"},
    {"kv_write", "pages", wrong_pages, UNROUNDED_ZERO,
     "codes are made with the minimum before it is rounded to binary16"},
    {"kv_write", "pages", wrong_pages, DIVIDE,
     "values are divided by the scale instead of multiplied by rn32(1 / scale)"},
    {"kv_write", "pages", wrong_pages, AWAY, "ties are rounded away from zero, not to even"},
    {"kv_write", "pages", wrong_pages, TRUNCATE, "codes are truncated, not rounded"},
    {"kv_write", "pages", qserve_pages, 0,
     "these are pages of profile qserve (N 25), whose zero is a scaled zero point"},
    {"attention_decode", "out", wrong_attention, ONE_LESS,
     "the last token is left out: the current token belongs to the context"},
    {ATTENTION, "out", wrong_attention, HEADS_MODULO,
     "query head h reads key/value head h mod Hkv instead of floor(h / r)"},
    {ATTENTION, "out", wrong_attention, NO_ROOT, "logits are not divided by sqrt(head_dim)"},
    {NULL, NULL, NULL, 0, NULL},
};
