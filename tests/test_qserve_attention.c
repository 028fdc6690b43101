/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decode attention of profile qserve (N 27) against a thread-by-thread emulation of QServe's
 * kernel, written from the description of the kernel, and against exact softmax attention.
 */
#include "kv_cache.h"
#include "numerics/elementary.h"
#include "qoq_qserve.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define DIM 128

struct tokens {
    struct kv_cache cache; /* context - 1 tokens */
    size_t context, q_heads;
    qoq_half *q, *k, *v; /* the current token */
};

static qoq_half *normal_halves(struct test_random *r, size_t count, float deviation, float offset)
{
    qoq_half *x = guard_new(count * sizeof *x);

    for (size_t i = 0; i < count; i++)
        x[i] = qoq_half_from_float(offset + test_normal(r, deviation));
    return x;
}

static struct tokens tokens_new(struct qoq_kv_layout layout, size_t context, size_t q_heads,
                                float offset, struct test_random *r)
{
    struct tokens s = {kv_cache_new(layout, context - 1, r), context, q_heads, NULL, NULL, NULL};
    size_t p = layout.page_tokens, row = layout.heads * DIM;

    s.q = normal_halves(r, q_heads * DIM, 1.0f, 0.0f);
    s.k = normal_halves(r, row, 1.0f, offset);
    s.v = normal_halves(r, row, 1.0f, offset);
    for (size_t t = 0; t + 1 < context; t++) {
        qoq_half *k = normal_halves(r, row, 1.0f, offset), *v = normal_halves(r, row, 1.0f, offset);

        cr_assert_eq(qoq_qserve_kv_write(s.cache.k[t / p], k, &layout, t % p), QOQ_OK);
        cr_assert_eq(qoq_qserve_kv_write(s.cache.v[t / p], v, &layout, t % p), QOQ_OK);
        guard_free(k);
        guard_free(v);
    }
    return s;
}

static void tokens_free(struct tokens *s)
{
    kv_cache_free(&s->cache);
    guard_free(s->q);
    guard_free(s->k);
    guard_free(s->v);
}

static void attend(qoq_half *out, const struct tokens *s)
{
    float *work = guard_new(s->context * sizeof *work);

    cr_assert_eq(qoq_qserve_attention(out, work, s->q, s->k, s->v, &s->cache.sequence, s->context,
                                      s->q_heads, &s->cache.layout),
                 QOQ_OK);
    cr_assert(guard_intact(work));
    guard_free(work);
}

/* k, v [context][DIM] of one head, the current token last. */
static void head_values(qoq_half *k, qoq_half *v, const struct tokens *s, size_t head)
{
    const struct qoq_kv_layout *l = &s->cache.layout;
    qoq_half *row = malloc(l->heads * DIM * sizeof *row);

    for (size_t t = 0; t + 1 < s->context; t++) {
        size_t page = t / l->page_tokens, slot = t % l->page_tokens;

        cr_assert_eq(qoq_qserve_kv_read(row, s->cache.k[page], l, slot), QOQ_OK);
        memcpy(k + t * DIM, row + head * DIM, DIM * sizeof *k);
        cr_assert_eq(qoq_qserve_kv_read(row, s->cache.v[page], l, slot), QOQ_OK);
        memcpy(v + t * DIM, row + head * DIM, DIM * sizeof *v);
    }
    memcpy(k + (s->context - 1) * DIM, s->k + head * DIM, DIM * sizeof *k);
    memcpy(v + (s->context - 1) * DIM, s->v + head * DIM, DIM * sizeof *v);
    free(row);
}

/* ---- The kernel ---- */

static float add(float a, float b)
{
    return (float)((double)a + (double)b);
}

static float multiply(float a, float b)
{
    return (float)((double)a * (double)b);
}

static double wide(qoq_half h)
{
    return (double)qoq_half_to_float(h);
}

/*
 * All lanes exchange with the lane whose number differs in one bit, from the given mask down to 1.
 */
static float butterfly(float *lane, size_t lanes, size_t mask)
{
    float next[32];

    for (; mask > 0; mask /= 2) {
        for (size_t i = 0; i < lanes; i++)
            next[i] = add(lane[i], lane[i ^ mask]);
        memcpy(lane, next, lanes * sizeof *lane);
    }
    return lane[lanes - 1];
}

static float kernel_current_logit(const qoq_half *q, const qoq_half *k)
{
    float lane[32];

    for (size_t i = 0; i < 32; i++) {
        lane[i] = multiply((float)wide(q[4 * i]), (float)wide(k[4 * i]));
        for (size_t d = 4 * i + 1; d < 4 * i + 4; d++)
            lane[i] = (float)((double)lane[i] + wide(q[d]) * wide(k[d]));
    }
    return multiply(butterfly(lane, 32, 16), 0x1.6a09e6p-4f);
}

/* Two packed binary16 accumulators per lane. */
static float kernel_cached_logit(const qoq_half *q, const qoq_half *k, unsigned bits)
{
    static const size_t kv4[2][4] = {{0, 1, 2, 3}, {4, 5, 6, 7}},
                        kv8[2][4] = {{0, 2, 4, 6}, {1, 3, 5, 7}};
    float lane[16];

    for (size_t i = 0; i < 16; i++) {
        double pair[2];

        for (size_t h = 0; h < 2; h++) {
            const size_t *dims = bits == 4 ? kv4[h] : kv8[h];

            pair[h] = wide(q[8 * i + dims[0]]) * wide(k[8 * i + dims[0]]);
            pair[h] = wide(qoq_half_from_double(pair[h]));
            for (size_t j = 1; j < 4; j++)
                pair[h] = wide(qoq_half_from_double(
                    wide(q[8 * i + dims[j]]) * wide(k[8 * i + dims[j]]) + pair[h]));
        }
        lane[i] = (float)wide(qoq_half_from_double(pair[0] + pair[1]));
    }
    return multiply(butterfly(lane, 16, 8), 0x1.6a09e6p-4f);
}

static float kernel_sum(const float *e, size_t count)
{
    float thread[256] = {0.0f}, warp[8];

    for (size_t i = 0; i < 256; i++) {
        for (size_t t = i; t < count; t += 256)
            thread[i] = add(thread[i], e[t]);
    }
    for (size_t w = 0; w < 8; w++)
        warp[w] = butterfly(thread + 32 * w, 32, 16);
    return butterfly(warp, 8, 4);
}

static void kernel_head(qoq_half *out, const qoq_half *q, const qoq_half *k, const qoq_half *v,
                        size_t context, unsigned bits)
{
    float *e = malloc(context * sizeof *e), most = -INFINITY, inverse;

    for (size_t t = 0; t < context; t++) {
        e[t] = t + 1 < context ? kernel_cached_logit(q, k + t * DIM, bits)
                               : kernel_current_logit(q, k + t * DIM);
        most = fmaxf(most, e[t]);
    }
    for (size_t t = 0; t < context; t++)
        e[t] = qoq_exp2(multiply((float)((double)e[t] - (double)most), 0x1.715476p+0f));
    inverse = (float)(1.0 / (double)add(kernel_sum(e, context), 1e-6f));
    for (size_t d = 0; d < DIM; d++) {
        float acc[16] = {0.0f};

        for (size_t g = 0; g < 16; g++) {
            for (size_t t = g; t < context; t += 16)
                acc[g] =
                    (float)((double)acc[g] + wide(qoq_half_from_float(multiply(e[t], inverse))) *
                                                 wide(v[t * DIM + d]));
        }
        for (size_t half = 8; half > 0; half /= 2) {
            for (size_t g = 0; g < half; g++)
                acc[g] = add(acc[g], (float)wide(qoq_half_from_float(acc[g + half])));
        }
        out[d] = qoq_half_from_float(acc[0]);
    }
    free(e);
}

static void compare_with_kernel(struct qoq_kv_layout layout, size_t context, size_t q_heads,
                                size_t stream)
{
    struct test_random r = test_random(stream * 100000 + context * 10 + layout.bits);
    struct tokens s = tokens_new(layout, context, q_heads, 0.0f, &r);
    qoq_half *out = guard_new(q_heads * DIM * sizeof *out), expected[DIM];
    qoq_half *k = malloc(context * DIM * sizeof *k), *v = malloc(context * DIM * sizeof *v);

    attend(out, &s);
    cr_assert(guard_intact(out) && kv_cache_intact(&s.cache));
    for (size_t h = 0; h < q_heads; h++) {
        head_values(k, v, &s, h * layout.heads / q_heads);
        kernel_head(expected, s.q + h * DIM, k, v, context, layout.bits);
        for (size_t d = 0; d < DIM; d++)
            cr_assert_eq(out[h * DIM + d], expected[d],
                         "KV%u page %zu context %zu head %zu dim %zu: %04x, not %04x" SEED_FORMAT,
                         layout.bits, layout.page_tokens, context, h, d, out[h * DIM + d],
                         expected[d], test_seed());
    }
    tokens_free(&s);
    guard_free(out);
    free(k);
    free(v);
}

Test(qserve_attention, matches_the_kernel)
{
    static const size_t contexts[] = {1, 2, 3, 16, 17, 64, 65, 150, 255, 256, 257, 600, 2049};

    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++) {
        compare_with_kernel((struct qoq_kv_layout){4, 64, 1, DIM}, contexts[i], 1, 0);
        compare_with_kernel((struct qoq_kv_layout){8, 64, 2, DIM}, contexts[i], 4, 0);
    }
    compare_with_kernel((struct qoq_kv_layout){4, 10, 3, DIM}, 100, 3, 0);
}

/* Many small problems: the 1e-6 in the sum and the order of the sum show only now and then. */
Test(qserve_attention, matches_the_kernel_often)
{
    for (size_t i = 0; i < 1500; i++)
        compare_with_kernel((struct qoq_kv_layout){i % 2 ? 8 : 4, 16, 1, DIM}, 2 + i % 3, 1, i);
    for (size_t i = 0; i < 150; i++)
        compare_with_kernel((struct qoq_kv_layout){i % 2 ? 8 : 4, 64, 1, DIM}, 300, 1, i);
}

/* The rule of N 27, for unit normal data. */
Test(qserve_attention, close_to_exact)
{
    for (unsigned bits = 4; bits <= 8; bits += 4) {
        struct test_random r = test_random(bits);
        struct tokens s = tokens_new((struct qoq_kv_layout){bits, 64, 1, DIM}, 150, 1, 0.0f, &r);
        qoq_half out[DIM], k[150 * DIM], v[150 * DIM];
        float x[DIM], kf[150 * DIM], vf[150 * DIM], largest = 0.0f;
        long double exact[DIM];
        double worst = 0.0;

        attend(out, &s);
        head_values(k, v, &s, 0);
        for (size_t i = 0; i < 150 * DIM; i++) {
            kf[i] = qoq_half_to_float(k[i]);
            vf[i] = qoq_half_to_float(v[i]);
            largest = fmaxf(largest, fabsf(vf[i]));
        }
        for (size_t d = 0; d < DIM; d++)
            x[d] = qoq_half_to_float(s.q[d]);
        exact_attention(exact, x, kf, vf, 150, DIM, DIM);
        for (size_t d = 0; d < DIM; d++)
            worst = fmax(worst, fabs((double)((long double)qoq_half_to_float(out[d]) - exact[d])));
        fprintf(stderr, "qserve attention, KV%u, 150 tokens: off by %.2g of max |v|\n", bits,
                worst / (double)largest);
        cr_assert(worst <= 2e-3 * (double)largest, "KV%u: %g" SEED_FORMAT, bits, worst,
                  test_seed());
        tokens_free(&s);
    }
}

/* Hazard: binary16 partial sums overflow where the logit itself would be harmless; ours do not. */
Test(qserve_attention, overflowing_logits)
{
    struct qoq_kv_layout layout = {8, 64, 1, DIM};
    struct test_random r = test_random(3);
    struct tokens s = tokens_new(layout, 2, 1, 0.0f, &r);
    struct kv_cache ours = kv_cache_new(layout, 2, &r);
    qoq_half k[DIM], out[DIM];
    float kf[DIM], x[DIM];

    for (size_t d = 0; d < DIM; d++) {
        s.q[d] = 0x5c00;
        k[d] = d % 8 < 4 ? 0x5c00 : 0xdc00;
        x[d] = qoq_half_to_float(s.q[d]);
        kf[d] = qoq_half_to_float(k[d]);
    }
    cr_assert_eq(qoq_qserve_kv_write(s.cache.k[0], k, &layout, 0), QOQ_OK);
    attend(out, &s);
    cr_assert(isnan(qoq_half_to_float(out[0])));
    for (size_t t = 0; t < 2; t++) {
        cr_assert_eq(qoq_kv_write(ours.k[0], kf, &layout, t), QOQ_OK);
        cr_assert_eq(qoq_kv_write(ours.v[0], kf, &layout, t), QOQ_OK);
    }
    cr_assert_eq(qoq_attention(out, x, &ours.sequence, 2, 1, &layout), QOQ_OK);
    cr_assert_eq(out[0], 0x5c00);
    kv_cache_free(&ours);
    tokens_free(&s);
}

/* Hazard: one constant key in the history, and every output is NaN. */
Test(qserve_attention, constant_key)
{
    struct qoq_kv_layout layout = {4, 64, 1, DIM};
    struct test_random r = test_random(4);
    struct tokens s = tokens_new(layout, 100, 1, 0.0f, &r);
    qoq_half k[DIM] = {0}, out[DIM];

    cr_assert_eq(qoq_qserve_kv_write(s.cache.k[0], k, &layout, 17), QOQ_OK);
    attend(out, &s);
    for (size_t d = 0; d < DIM; d++)
        cr_assert(isnan(qoq_half_to_float(out[d])), "dim %zu", d);
    tokens_free(&s);
}

Test(qserve_attention, argument_errors)
{
    struct test_random r = test_random(5);
    struct tokens s = tokens_new((struct qoq_kv_layout){4, 16, 2, DIM}, 20, 4, 0.0f, &r);
    const struct qoq_kv_sequence *seq = &s.cache.sequence;
    struct qoq_kv_layout *l = &s.cache.layout, bad = *l;
    qoq_half out[4 * DIM];
    float w[20];

    cr_assert_eq(qoq_qserve_attention(NULL, w, s.q, s.k, s.v, seq, 20, 4, l), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_attention(out, NULL, s.q, s.k, s.v, seq, 20, 4, l), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_attention(out, w, NULL, s.k, s.v, seq, 20, 4, l), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_attention(out, w, s.q, NULL, s.v, seq, 20, 4, l), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_attention(out, w, s.q, s.k, NULL, seq, 20, 4, l), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_attention(out, w, s.q, s.k, s.v, NULL, 20, 4, l), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_attention(out, w, s.q, s.k, s.v, seq, 20, 4, NULL), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_attention(out, w, s.q, s.k, s.v, seq, 0, 4, l), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_attention(out, w, s.q, s.k, s.v, seq, SIZE_MAX, 4, l), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_attention(out, w, s.q, s.k, s.v, seq, 20, 0, l), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_attention(out, w, s.q, s.k, s.v, seq, 20, 3, l), QOQ_ERR_SHAPE);
    bad.bits = 3;
    cr_assert_eq(qoq_qserve_attention(out, w, s.q, s.k, s.v, seq, 20, 4, &bad), QOQ_ERR_ARGUMENT);
    bad = *l, bad.head_dim = 64;
    cr_assert_eq(qoq_qserve_attention(out, w, s.q, s.k, s.v, seq, 20, 4, &bad),
                 QOQ_ERR_UNSUPPORTED);
    cr_assert_eq(qoq_qserve_attention(out, w, s.q, s.k, s.v, seq, 20, 4, l), QOQ_OK);
    tokens_free(&s);
}
