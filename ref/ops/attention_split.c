/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logits and one split of attention: N 11.2, 11.3. Every sum is an integer sum, so the order of the
 * loops is free. Largest magnitudes, all below 2^31 = 2147483648:
 *
 *   I      32767 * 255 * 256 = 2139029760     (D <= 256)
 *   W v    32767 * 128 * 128 = 536854528      (128 tokens, centred codes in [-128, 127])
 *   P, Y   2^22 * 128        = 2^29
 *
 * P, W and Y saturate, so a product that rounds up past 2^22 or 32767 changes nothing. The floors
 * 2^-100 keep every factor normal: 2^22 / 2^-100, 2^-100 / 32767 and 2^-100 * 2^-22 lie inside
 * [2^-126, 2^127].
 */
#include "numerics/elementary.h"
#include "numerics/half.h"
#include "numerics/reduce.h"
#include "numerics/round.h"
#include "ops/attention.h"
#include "ops/kv_page.h"

#define WEIGHT_MAX 32767
#define UNIT (INT32_C(1) << 22)

/* Tokens first .. first + count - 1 of a split, with what is known about each. */
struct split {
    size_t first, count;
    float p[QOQ_SPLIT_TOKENS];
    int32_t weight[QOQ_SPLIT_TOKENS]; /* W */
};

/* A page, and the slot in it, of a token. */
struct entry {
    const uint8_t *page;
    size_t slot;
};

static struct entry entry(const uint8_t *const *pages, size_t t, const struct qoq_kv_layout *layout)
{
    return (struct entry){pages[t / layout->page_tokens], t % layout->page_tokens};
}

static int32_t dot(const int16_t *q, const uint8_t *u, size_t head_dim)
{
    int32_t sum = 0;

    for (size_t d = 0; d < head_dim; d++)
        sum += q[d] * u[d];
    return sum;
}

/* N 11.2 for token t. */
static float logit(const struct qoq_attention_head *view, size_t t)
{
    const struct qoq_kv_layout *layout = view->layout;
    struct entry k = entry(view->sequence->k_page, t, layout);
    struct qoq_kv_factors factors = qoq_kv_get_factors(k.page, layout, view->kv_head, k.slot);
    float offset = qoq_half_to_float(factors.zero) * view->sum;
    uint8_t u[QOQ_HEAD_DIM_MAX];

    qoq_kv_get_codes(u, k.page, layout, view->kv_head, k.slot);
    return view->c *
           fmaf(qoq_half_to_float(factors.scale), (float)dot(view->q, u, layout->head_dim), offset);
}

/* p_t of every token; sets M and L. */
static void probabilities(struct split *split, struct qoq_attention_partial *partial,
                          const struct qoq_attention_head *view)
{
    float l[QOQ_SPLIT_TOKENS] = {0.0f}, least, most;
    int32_t sum = 0;

    for (size_t t = 0; t < split->count; t++)
        l[t] = logit(view, split->first + t);
    qoq_min_max(&least, &most, l, split->count);
    partial->max = ceilf(most) + 0.0f;
    for (size_t t = 0; t < split->count; t++) {
        split->p[t] = qoq_exp2(l[t] - partial->max);
        sum += qoq_round_clamp(split->p[t] * (float)UNIT, 0, UNIT);
    }
    partial->sum = (float)sum * 0x1p-22f;
}

/* W_t of every token from w [count]; returns the scale of one unit of W, a / 32767. */
static float weigh(struct split *split, const float *w)
{
    float least, most, a, r;

    qoq_min_max(&least, &most, w, split->count);
    a = qoq_scale_floor(most);
    r = (float)WEIGHT_MAX / a;
    for (size_t t = 0; t < split->count; t++)
        split->weight[t] = qoq_round_clamp(w[t] * r, 0, WEIGHT_MAX);
    return a / (float)WEIGHT_MAX;
}

/* The part of O that is the same for every d: the sum of Y, scaled back. */
static float offset(const float *y, size_t count)
{
    float b = qoq_scale_floor(qoq_max_abs(y, count));
    float r = (float)UNIT / b;
    int32_t sum = 0;

    for (size_t t = 0; t < count; t++)
        sum += qoq_round_clamp(y[t] * r, -UNIT, UNIT);
    return (float)sum * (b * 0x1p-22f);
}

/* What is subtracted from a code so that codes lie about 0, 2^(b-1). */
static int32_t center(const struct qoq_kv_layout *layout)
{
    return 1 << (layout->bits - 1);
}

/* acc [head_dim] = sum over the tokens of W_t (u_td - 2^(b-1)). */
static void accumulate(int32_t *acc, const struct split *split,
                       const struct qoq_attention_head *view)
{
    const struct qoq_kv_layout *layout = view->layout;
    uint8_t u[QOQ_HEAD_DIM_MAX];

    for (size_t d = 0; d < layout->head_dim; d++)
        acc[d] = 0;
    for (size_t t = 0; t < split->count; t++) {
        struct entry v = entry(view->sequence->v_page, split->first + t, layout);

        qoq_kv_get_codes(u, v.page, layout, view->kv_head, v.slot);
        for (size_t d = 0; d < layout->head_dim; d++)
            acc[d] += split->weight[t] * (u[d] - center(layout));
    }
}

static void mix_values(struct qoq_attention_partial *partial, struct split *split,
                       const struct qoq_attention_head *view)
{
    float w[QOQ_SPLIT_TOKENS], y[QOQ_SPLIT_TOKENS], unit, common;
    int32_t acc[QOQ_HEAD_DIM_MAX];

    for (size_t t = 0; t < split->count; t++) {
        struct entry v = entry(view->sequence->v_page, split->first + t, view->layout);
        struct qoq_kv_factors factors =
            qoq_kv_get_factors(v.page, view->layout, view->kv_head, v.slot);

        float scale = qoq_half_to_float(factors.scale);

        w[t] = split->p[t] * scale;
        y[t] =
            split->p[t] * fmaf(scale, (float)center(view->layout), qoq_half_to_float(factors.zero));
    }
    unit = weigh(split, w);
    common = offset(y, split->count);
    accumulate(acc, split, view);
    for (size_t d = 0; d < view->layout->head_dim; d++)
        partial->out[d] = fmaf((float)acc[d], unit, common);
}

void qoq_attention_split_head(struct qoq_attention_partial *partial,
                              const struct qoq_attention_head *view, size_t j)
{
    struct split split = {.first = j * QOQ_SPLIT_TOKENS,
                          .count = qoq_split_tokens(view->context, j)};

    probabilities(&split, partial, view);
    mix_values(partial, &split, view);
}

enum qoq_status qoq_attention_split(struct qoq_attention_partial *partial, const float *x,
                                    const struct qoq_kv_sequence *sequence, size_t context,
                                    size_t split, size_t head, size_t q_heads,
                                    const struct qoq_kv_layout *layout)
{
    struct qoq_attention_head view;
    enum qoq_status status;

    if (partial == NULL || x == NULL)
        return QOQ_ERR_ARGUMENT;
    if (context == 0 || split > (context - 1) / QOQ_SPLIT_TOKENS || head >= q_heads)
        return QOQ_ERR_SHAPE;
    status = qoq_kv_check_sequence(sequence, split * QOQ_SPLIT_TOKENS,
                                   qoq_split_tokens(context, split), q_heads, layout);
    if (status != QOQ_OK)
        return status;
    qoq_attention_head(&view, x + head * layout->head_dim, sequence, context, head, q_heads,
                       layout);
    qoq_attention_split_head(partial, &view, split);
    return QOQ_OK;
}
