/* SPDX-License-Identifier: Apache-2.0 */
/* Profile qserve, decode attention: N 27. */
#include "numerics/half.h"
#include "ops/kv_page.h"
#include "ops/qserve_elementary.h"
#include "ops/qserve_kv.h"
#include "ops/shape.h"
#include "qoq_qserve.h"

#define DIM 128
#define WARP 32
#define THREADS 256
#define VALUE_GROUPS 16

/* rn32(1 / sqrt(128)). */
#define LOGIT_FACTOR 0x1.6a09e6p-4f

/* One query head: vectors of the current token, and the cached tokens before it. */
struct head {
    const qoq_half *q, *k, *v; /* [DIM] */
    const struct qoq_kv_sequence *sequence;
    const struct qoq_kv_layout *layout;
    size_t cached, kv_head;
};

static void cached_vector(qoq_half *v, const uint8_t *const *pages, const struct head *head,
                          size_t t)
{
    size_t p = head->layout->page_tokens;

    qoq_qserve_kv_get(v, pages[t / p], head->layout, head->kv_head, t % p);
}

/* N 27.1. */
static float current_logit(const struct head *head)
{
    float lane[WARP];

    for (size_t i = 0; i < WARP; i++) {
        const qoq_half *q = head->q + 4 * i, *k = head->k + 4 * i;

        lane[i] = qoq_half_to_float(q[0]) * qoq_half_to_float(k[0]);
        for (size_t j = 1; j < 4; j++)
            lane[i] = fmaf(qoq_half_to_float(q[j]), qoq_half_to_float(k[j]), lane[i]);
    }
    return qoq_qserve_butterfly_sum(lane, WARP) * LOGIT_FACTOR;
}

/* A chain of N 27.2: four dims, `step` apart. */
static qoq_half chain(const qoq_half *q, const qoq_half *k, size_t step)
{
    qoq_half acc = qoq_half_mul(q[0], k[0]);

    for (size_t i = 1; i < 4; i++)
        acc = qoq_half_fma(q[i * step], k[i * step], acc);
    return acc;
}

/* N 27.2. Chain A takes the first four dims of eight in KV4, the even ones in KV8; B the others. */
static float cached_logit(const struct head *head, size_t t)
{
    size_t step = head->layout->bits == 4 ? 1 : 2, second = head->layout->bits == 4 ? 4 : 1;
    qoq_half k[QOQ_HEAD_DIM_MAX];
    float lane[DIM / 8];

    cached_vector(k, head->sequence->k_page, head, t);
    for (size_t j = 0; j < DIM / 8; j++) {
        qoq_half a = chain(head->q + 8 * j, k + 8 * j, step);
        qoq_half b = chain(head->q + 8 * j + second, k + 8 * j + second, step);

        lane[j] = qoq_half_to_float(qoq_half_add(a, b));
    }
    return qoq_qserve_butterfly_sum(lane, DIM / 8) * LOGIT_FACTOR;
}

/* The sum of N 27.3. */
static float block_sum(const float *e, size_t count)
{
    float lane[THREADS] = {0.0f}, warp[THREADS / WARP];

    for (size_t t = 0; t < count; t++)
        lane[t % THREADS] += e[t];
    for (size_t w = 0; w < THREADS / WARP; w++)
        warp[w] = qoq_qserve_butterfly_sum(lane + w * WARP, WARP);
    return qoq_qserve_butterfly_sum(warp, THREADS / WARP);
}

/*
 * p [count]: logits on entry, probabilities rounded to binary16 on return (N 27.3). The maximum
 * ignores NaN; the sum does not, so one NaN makes all probabilities NaN.
 */
static void softmax(float *p, size_t count)
{
    float most = p[0], inverse;

    for (size_t t = 1; t < count; t++)
        most = fmaxf(most, p[t]);
    for (size_t t = 0; t < count; t++)
        p[t] = qoq_qserve_exp(p[t] - most);
    inverse = qoq_qserve_rcp(block_sum(p, count) + 1e-6f);
    for (size_t t = 0; t < count; t++)
        p[t] = qoq_half_to_float(qoq_half_from_float(p[t] * inverse));
}

static void add_values(float *acc, float p, const qoq_half *v)
{
    for (size_t d = 0; d < DIM; d++)
        acc[d] = fmaf(p, qoq_half_to_float(v[d]), acc[d]);
}

/* N 27.4. */
static void mix_values(qoq_half *out, const float *p, const struct head *head)
{
    float acc[VALUE_GROUPS][DIM] = {{0.0f}};
    qoq_half v[QOQ_HEAD_DIM_MAX];

    for (size_t t = 0; t < head->cached; t++) {
        cached_vector(v, head->sequence->v_page, head, t);
        add_values(acc[t % VALUE_GROUPS], p[t], v);
    }
    add_values(acc[head->cached % VALUE_GROUPS], p[head->cached], head->v);
    for (size_t half = VALUE_GROUPS / 2; half > 0; half /= 2) {
        for (size_t g = 0; g < half; g++) {
            for (size_t d = 0; d < DIM; d++)
                acc[g][d] += qoq_half_to_float(qoq_half_from_float(acc[g + half][d]));
        }
    }
    for (size_t d = 0; d < DIM; d++)
        out[d] = qoq_half_from_float(acc[0][d]);
}

static void attend(qoq_half *out, float *work, const struct head *head)
{
    for (size_t t = 0; t < head->cached; t++)
        work[t] = cached_logit(head, t);
    work[head->cached] = current_logit(head);
    softmax(work, head->cached + 1);
    mix_values(out, work, head);
}

enum qoq_status qoq_qserve_attention(qoq_half *out, float *work, const qoq_half *q,
                                     const qoq_half *k, const qoq_half *v,
                                     const struct qoq_kv_sequence *sequence, size_t context,
                                     size_t q_heads, const struct qoq_kv_layout *layout)
{
    enum qoq_status status;

    if (out == NULL || work == NULL || q == NULL || k == NULL || v == NULL)
        return QOQ_ERR_ARGUMENT;
    if (!qoq_array_fits(context, 1, sizeof *work))
        return QOQ_ERR_SHAPE;
    status = qoq_kv_check_sequence(sequence, 0, context - 1, q_heads, layout);
    if (status != QOQ_OK)
        return status;
    if (layout->head_dim != DIM)
        return QOQ_ERR_UNSUPPORTED;
    for (size_t h = 0; h < q_heads; h++) {
        size_t kv_head = h / (q_heads / layout->heads);
        struct head head = {.q = q + h * DIM,
                            .k = k + kv_head * DIM,
                            .v = v + kv_head * DIM,
                            .sequence = sequence,
                            .layout = layout,
                            .cached = context - 1,
                            .kv_head = kv_head};

        attend(out + h * DIM, work, &head);
    }
    return QOQ_OK;
}
