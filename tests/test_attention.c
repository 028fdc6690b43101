/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bits of attention: N 11, against attention_model.h; what they may not depend on; the edges of
 * the integers and of binary32. Accuracy: test_attention_accuracy.c. Baseline: N 12.2.
 */
#include "attention_model.h"

#include <criterion/criterion.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct inputs {
    struct kv_cache cache;
    float *x, *k, *v; /* x [q_heads][head_dim]; k, v [tokens][heads][head_dim] */
    size_t q_heads;
};

static struct inputs inputs_new(struct qoq_kv_layout layout, size_t tokens, size_t q_heads,
                                struct test_random *r)
{
    size_t row = layout.heads * layout.head_dim;
    struct inputs in = {.cache = kv_cache_new(layout, tokens, r), .q_heads = q_heads};

    in.x = normal_floats(r, q_heads * layout.head_dim, 2.0f);
    in.k = normal_floats(r, tokens * row, 1.0f);
    in.v = normal_floats(r, tokens * row, 1.0f);
    kv_cache_write(&in.cache, in.k, in.v, 0);
    return in;
}

static void inputs_free(struct inputs *in)
{
    kv_cache_free(&in->cache);
    guard_free(in->x);
    guard_free(in->k);
    guard_free(in->v);
}

static void attend(qoq_half *out, const struct inputs *in, size_t context)
{
    cr_assert_eq(
        qoq_attention(out, in->x, &in->cache.sequence, context, in->q_heads, &in->cache.layout),
        QOQ_OK);
}

static qoq_half *result_new(const struct inputs *in)
{
    return guard_new(in->q_heads * in->cache.layout.head_dim * sizeof(qoq_half));
}

static void compare_with_model(struct qoq_kv_layout layout, size_t context, size_t q_heads)
{
    struct test_random r = test_random(context * 1000 + layout.head_dim);
    struct inputs in = inputs_new(layout, context, q_heads, &r);
    qoq_half *out = result_new(&in), *expected = result_new(&in);
    struct model_extremes seen = {0, 0, 0};

    attend(out, &in, context);
    model_attention(expected, in.x, &in.cache, context, q_heads, &r, &seen);
    cr_assert(guard_intact(out) && kv_cache_intact(&in.cache));
    for (size_t i = 0; i < q_heads * layout.head_dim; i++)
        cr_assert_eq(
            out[i], expected[i],
            "%04x, not %04x: KV%u D=%zu page %zu context %zu heads %zu/%zu element %zu" SEED_FORMAT,
            out[i], expected[i], layout.bits, layout.head_dim, layout.page_tokens, context, q_heads,
            layout.heads, i, test_seed());
    inputs_free(&in);
    guard_free(out);
    guard_free(expected);
}

Test(attention, matches_model)
{
    static const size_t dims[] = {2, 8, 48, 64, 128, 256};
    static const size_t contexts[] = {1, 2, 63, 127, 128, 129, 200, 256, 385};

    for (size_t i = 0; i < COUNT(dims); i++) {
        for (size_t j = 0; j < COUNT(contexts); j++) {
            compare_with_model((struct qoq_kv_layout){4, 64, 1, dims[i]}, contexts[j], 2);
            compare_with_model((struct qoq_kv_layout){8, 16, 2, dims[i]}, contexts[j], 2);
        }
    }
}

/* Every number of leaves up to 9, whole and with a ragged last one: N 11.5. */
Test(attention, merge_order)
{
    static const int near[] = {-129, -1, 0, 1, 128, 1000};

    compare_with_model((struct qoq_kv_layout){8, 100, 1, 64}, 5000, 1);
    for (int leaves = 1; leaves <= 9; leaves++) {
        for (size_t i = 0; i < COUNT(near); i++)
            compare_with_model((struct qoq_kv_layout){4, 64, 1, 4},
                               (size_t)(leaves * 2048 + near[i]), 1);
    }
}

/* The same through the public partial results, with maxima far apart. */
Test(attention, split_and_merge)
{
    struct test_random r = test_random(3);
    struct qoq_kv_layout layout = {4, 16, 2, 8};
    size_t context = 40 * 128 - 5, q_heads = 4;
    struct inputs in = inputs_new(layout, context, q_heads, &r);
    qoq_half out[4][8];

    for (size_t i = 0; i < context * 16; i++)
        in.k[i] *= (float)(i / 16 / 128 % 7);
    kv_cache_write(&in.cache, in.k, in.v, 0);
    attend(out[0], &in, context);
    for (size_t h = 0; h < q_heads; h++) {
        struct qoq_attention_partial partial[40];

        for (size_t j = 0; j < 40; j++)
            cr_assert_eq(qoq_attention_split(&partial[j], in.x, &in.cache.sequence, context, j, h,
                                             q_heads, &layout),
                         QOQ_OK);
        for (size_t i = 0; i < 40; i += 16) {
            for (size_t j = i + 1; j < i + 16 && j < 40; j++)
                qoq_attention_merge(&partial[i], &partial[j], 8);
        }
        qoq_attention_merge(&partial[0], &partial[16], 8);
        qoq_attention_merge(&partial[0], &partial[32], 8);
        for (size_t d = 0; d < 8; d++)
            cr_assert_eq(out[h][d], qoq_half_from_float(partial[0].out[d] / partial[0].sum),
                         "head %zu dim %zu" SEED_FORMAT, h, d, test_seed());
    }
    inputs_free(&in);
}

/* N 12.3: neither the size nor the order of pages, nor what lies behind the context, matters. */
Test(attention, pages_do_not_matter)
{
    static const size_t page_tokens[] = {1, 16, 64, 100, 1024};
    qoq_half out[COUNT(page_tokens)][3 * 64];

    for (unsigned bits = 4; bits <= 8; bits += 4) {
        for (size_t i = 0; i < COUNT(page_tokens); i++) {
            struct test_random r = test_random(4);
            struct inputs in = inputs_new((struct qoq_kv_layout){bits, 64, 3, 64}, 500, 3, &r);
            struct kv_cache other =
                kv_cache_new((struct qoq_kv_layout){bits, page_tokens[i], 3, 64}, 500, &r);

            kv_cache_write(&other, in.k, in.v, 0);
            kv_cache_free(&in.cache);
            in.cache = other;
            attend(out[i], &in, 333);
            cr_assert_eq(memcmp(out[i], out[0], sizeof *out), 0, "KV%u page %zu" SEED_FORMAT, bits,
                         page_tokens[i], test_seed());
            inputs_free(&in);
        }
    }
}

/* A token gets the same bits while the cache holds nothing after it as when it holds the prompt. */
Test(attention, prefill_equals_decode)
{
    struct test_random r = test_random(5);
    struct qoq_kv_layout layout = {4, 16, 2, 64};
    struct inputs whole = inputs_new(layout, 700, 4, &r), growing = whole;
    qoq_half prefill[4 * 64], decode[4 * 64];

    growing.cache = kv_cache_new(layout, 700, &r);
    for (size_t t = 0; t < 700; t++) {
        growing.cache.tokens = t + 1;
        kv_cache_write(&growing.cache, whole.k, whole.v, t);
        if (t % 37 != 0 && t % 128 < 126)
            continue;
        attend(prefill, &whole, t + 1);
        attend(decode, &growing, t + 1);
        cr_assert_eq(memcmp(prefill, decode, sizeof decode), 0, "token %zu" SEED_FORMAT, t,
                     test_seed());
    }
    kv_cache_free(&growing.cache);
    inputs_free(&whole);
}

/* N 11.7: four query heads over two key/value heads are four over four with each one twice. */
Test(attention, grouped_heads)
{
    struct test_random r = test_random(6);
    size_t tokens = 150, dim = 16;
    struct inputs grouped = inputs_new((struct qoq_kv_layout){8, 64, 2, dim}, tokens, 4, &r);
    struct inputs repeated = inputs_new((struct qoq_kv_layout){8, 64, 4, dim}, tokens, 4, &r);
    qoq_half out[2][4 * 16];

    memcpy(repeated.x, grouped.x, 4 * dim * sizeof *grouped.x);
    for (size_t t = 0; t < tokens; t++) {
        for (size_t h = 0; h < 4; h++) {
            size_t to = (t * 4 + h) * dim, from = (t * 2 + h / 2) * dim;

            memcpy(repeated.k + to, grouped.k + from, dim * sizeof *grouped.k);
            memcpy(repeated.v + to, grouped.v + from, dim * sizeof *grouped.v);
        }
    }
    kv_cache_write(&repeated.cache, repeated.k, repeated.v, 0);
    attend(out[0], &grouped, tokens);
    attend(out[1], &repeated, tokens);
    cr_assert_eq(memcmp(out[0], out[1], sizeof out[0]), 0, SEED_FORMAT, test_seed());
    inputs_free(&grouped);
    inputs_free(&repeated);
}

/* Fills all slots of pages with one code, scale and zero. */
static void fill_pages(uint8_t **pages, const struct kv_cache *c, uint8_t code, qoq_half scale,
                       qoq_half zero)
{
    const struct qoq_kv_layout *l = &c->layout;
    size_t slots = l->page_tokens * l->heads;

    for (size_t i = 0; i < c->pages; i++) {
        uint8_t *p = pages[i] + slots * l->head_dim * l->bits / 8;

        memset(pages[i], code, slots * l->head_dim * l->bits / 8);
        for (size_t j = 0; j < slots; j++) {
            p[2 * j] = (uint8_t)(scale & 255);
            p[2 * j + 1] = (uint8_t)(scale >> 8);
            p[2 * (slots + j)] = (uint8_t)(zero & 255);
            p[2 * (slots + j) + 1] = (uint8_t)(zero >> 8);
        }
    }
}

/*
 * The integers at their largest: D = 256, every K code 255, every V code 0 (-128 once centred),
 * every query code +-32767, all weights equal: 32767 * 255 * 256 in the logits, 32767 * 128 * 128
 * in the values, 2^29 in the sums.
 */
Test(attention, integer_extremes)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        struct test_random r = test_random(7);
        struct inputs in = inputs_new((struct qoq_kv_layout){8, 64, 1, 256}, 256, 1, &r);
        struct model_extremes seen = {0, 0, 0};
        struct qoq_attention_partial partial, expected;
        qoq_half out[256];

        for (size_t d = 0; d < 256; d++)
            in.x[d] = (float)sign * 3.0f;
        fill_pages(in.cache.k, &in.cache, 255, 0x2c00, 0xc800);
        fill_pages(in.cache.v, &in.cache, 0, 0x3000, sign < 0 ? 0xc400 : 0x4400);
        cr_assert_eq(
            qoq_attention_split(&partial, in.x, &in.cache.sequence, 256, 1, 0, 1, &in.cache.layout),
            QOQ_OK);
        expected = model_split(in.x, &in.cache, 0, 128, 128, &r, &seen);
        cr_assert_eq(seen.logit, INT64_C(32767) * 255 * 256);
        cr_assert_eq(seen.value, INT64_C(32767) * 128 * 128);
        cr_assert(seen.logit < INT64_C(1) << 31 && seen.sum <= INT64_C(1) << 29);
        cr_assert_eq(partial.max, expected.max);
        cr_assert_eq(partial.sum, expected.sum);
        cr_assert_eq(memcmp(partial.out, expected.out, sizeof partial.out), 0);
        attend(out, &in, 256);
        for (size_t d = 0; d < 256; d++)
            cr_assert_eq(qoq_half_to_float(out[d]), (float)sign * 4.0f, "dim %zu", d);
        inputs_free(&in);
    }
}

/* All probabilities 1, the largest |zero|: the sums of P and Y reach 2^29. */
Test(attention, largest_sums)
{
    struct test_random r = test_random(8);
    struct inputs in = inputs_new((struct qoq_kv_layout){4, 128, 1, 2}, 128, 1, &r);
    struct model_extremes seen = {0, 0, 0};
    struct qoq_attention_partial partial;

    in.x[0] = in.x[1] = 0.0f;
    fill_pages(in.cache.v, &in.cache, 0xff, 0x7bff, 0xfbff);
    cr_assert_eq(
        qoq_attention_split(&partial, in.x, &in.cache.sequence, 128, 0, 0, 1, &in.cache.layout),
        QOQ_OK);
    (void)model_split(in.x, &in.cache, 0, 0, 128, &r, &seen);
    cr_assert_eq(seen.sum, INT64_C(1) << 29);
    cr_assert(partial.max == 0.0f && partial.sum == 128.0f);
    cr_assert_float_eq(partial.out[0], 128.0f * 14.0f * 65504.0f, 1e3f);
    inputs_free(&in);
}

static void set_all(float *x, size_t count, float value)
{
    for (size_t i = 0; i < count; i++)
        x[i] = value;
}

/* Constant vectors come back as themselves, zero values as +0, equal keys as a plain mean. */
Test(attention, constant_vectors)
{
    static const float values[] = {0.0f, -0.0f, 1.0f, -2.5f, 65504.0f, -65504.0f, 0x1p-24f};

    for (size_t i = 0; i < COUNT(values); i++) {
        struct test_random r = test_random(9);
        struct inputs in = inputs_new((struct qoq_kv_layout){4, 64, 1, 64}, 300, 1, &r);
        qoq_half out[64], expected = qoq_half_from_float(values[i] + 0.0f);

        set_all(in.v, 300 * 64, values[i]);
        kv_cache_write(&in.cache, in.k, in.v, 0);
        attend(out, &in, 300);
        for (size_t d = 0; d < 64; d++)
            cr_assert_eq(out[d], expected, "V = %a: %04x, not %04x", (double)values[i], out[d],
                         expected);
        inputs_free(&in);
    }
}

Test(attention, equal_keys_average)
{
    static const float values[] = {0.0f, -3.0f, 40000.0f};

    for (size_t i = 0; i < COUNT(values); i++) {
        struct test_random r = test_random(10);
        struct inputs in = inputs_new((struct qoq_kv_layout){8, 64, 1, 8}, 2048, 1, &r);
        struct qoq_attention_partial partial;
        qoq_half out[8];

        set_all(in.k, 2048 * 8, values[i]);
        for (size_t j = 0; j < 2048 * 8; j++)
            in.v[j] = j / 8 % 2 ? 1.0f : -0.5f;
        kv_cache_write(&in.cache, in.k, in.v, 0);
        attend(out, &in, 2048);
        for (size_t d = 0; d < 8; d++)
            cr_assert_eq(out[d], 0x3400, "K = %g: %04x", (double)values[i], out[d]);
        cr_assert_eq(qoq_attention_split(&partial, in.x, &in.cache.sequence, 2048, 3, 0, 1,
                                         &in.cache.layout),
                     QOQ_OK);
        cr_assert(partial.sum <= 128.0f && partial.sum > 64.0f);
        inputs_free(&in);
    }
}

/* The maximum of a split is an integer at or above every logit by less than one: N 11.3. */
Test(attention, maxima_are_integers)
{
    struct test_random r = test_random(11);
    struct inputs in = inputs_new((struct qoq_kv_layout){4, 64, 1, 64}, 1280, 1, &r);

    for (size_t j = 0; j < 10; j++) {
        struct qoq_attention_partial partial;

        set_all(in.x, 64, 0.0f);
        in.x[j] = ldexpf(1.0f, (int)j * 2 - 9);
        cr_assert_eq(qoq_attention_split(&partial, in.x, &in.cache.sequence, 1280, j, 0, 1,
                                         &in.cache.layout),
                     QOQ_OK);
        cr_assert_eq(partial.max, rintf(partial.max));
        cr_assert(partial.sum >= 0.5f && partial.sum <= 128.0f, "sum %a", (double)partial.sum);
    }
    inputs_free(&in);
}

/* N 11.4: rescaling by powers of two is exact, so shifting both maxima changes only the maximum. */
Test(attention, merge_rescales_exactly)
{
    for (int gap = 0; gap <= 60; gap++) {
        struct qoq_attention_partial a = {3.0f, 1.75f, {0x1.fffffep3f, -1.0f}};
        struct qoq_attention_partial b = {3.0f - (float)gap, 0x1.8p0f, {-0x1.234567p1f, 5.0f}};
        struct qoq_attention_partial left = a, right = b;

        qoq_attention_merge(&left, &b, 2);
        qoq_attention_merge(&right, &a, 2);
        cr_assert(left.max == 3.0f && right.max == 3.0f);
        cr_assert_eq(left.sum, (float)(1.75 + ldexp(1.5, -gap)), "gap %d", gap);
        for (size_t d = 0; d < 2; d++) {
            double exact = (double)a.out[d] + ldexp((double)b.out[d], -gap);

            cr_assert_eq(left.out[d], (float)exact, "gap %d", gap);
            cr_assert_eq(right.out[d], (float)exact, "gap %d", gap);
        }
    }
}

Test(attention, merge_edges)
{
    struct qoq_attention_partial far = {-5000.0f, 100.0f, {1e30f, -1e30f}};
    struct qoq_attention_partial near = {0.0f, 0.75f, {0.0f, 2.0f}}, merged = near;
    struct qoq_attention_partial nan = {NAN, NAN, {NAN, NAN}};

    qoq_attention_merge(&merged, &far, 2);
    cr_assert(merged.max == 0.0f && merged.sum == 0.75f && merged.out[1] == 2.0f);
    cr_assert(merged.out[0] == 0.0f && !signbit(merged.out[0]));
    merged = far;
    qoq_attention_merge(&merged, &near, 2);
    cr_assert(merged.max == 0.0f && merged.sum == 0.75f && merged.out[1] == 2.0f);
    qoq_attention_merge(&merged, &nan, 2);
    cr_assert(isnan(merged.max) && isnan(merged.sum) && isnan(merged.out[0]));
    merged = nan;
    qoq_attention_merge(&merged, &near, 2);
    cr_assert(isnan(merged.max) && isnan(merged.sum) && isnan(merged.out[1]));
}

/* N 1.4: what is not finite shows in every element of the heads that see it, and nowhere else. */
static void expect_nan_heads(const struct inputs *in, size_t context, unsigned heads,
                             const char *what)
{
    qoq_half out[4 * 8];

    attend(out, in, context);
    for (size_t i = 0; i < 4 * 8; i++) {
        float y = qoq_half_to_float(out[i]);

        cr_assert_eq(isnan(y) != 0, (heads >> i / 8 & 1) != 0, "%s: head %zu dim %zu is %g", what,
                     i / 8, i % 8, (double)y);
    }
}

Test(attention, not_finite)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, -1e30f};

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct test_random r = test_random(12);
        struct inputs in = inputs_new((struct qoq_kv_layout){4, 64, 2, 8}, 400, 4, &r);
        float *k = in.k + (200 * 2 + 1) * 8, *v = in.v + (300 * 2 + 0) * 8, kept = k[3];

        expect_nan_heads(&in, 400, 0, "all finite");
        k[3] = bad[i];
        kv_cache_write(&in.cache, in.k, in.v, 200);
        expect_nan_heads(&in, 400, 0xc, "a key");
        expect_nan_heads(&in, 200, 0, "a key after the context");
        k[3] = kept;
        v[7] = bad[i];
        kv_cache_write(&in.cache, in.k, in.v, 200);
        expect_nan_heads(&in, 400, 0x3, "a value");
        kv_cache_write(&in.cache, in.k, in.k, 200);
        in.x[2 * 8 + 1] = i < 3 ? bad[i] : NAN;
        expect_nan_heads(&in, 400, 0x4, "a query");
        inputs_free(&in);
    }
}

/* Logits of any finite size: the softmax becomes the choice of one token, never a NaN. */
Test(attention, huge_and_tiny_queries)
{
    static const float scales[] = {1e4f, 1e8f, 1e20f, 1e-20f, 1e-40f, 0x1p-149f};

    for (size_t i = 0; i < COUNT(scales); i++) {
        struct test_random r = test_random(13);
        struct inputs in = inputs_new((struct qoq_kv_layout){8, 64, 1, 64}, 200, 1, &r);
        qoq_half out[64], zero[64];

        for (size_t d = 0; d < 64; d++)
            in.x[d] = in.k[77 * 64 + d] * scales[i];
        attend(out, &in, 200);
        set_all(in.x, 64, 0.0f);
        attend(zero, &in, 200);
        for (size_t d = 0; d < 64; d++) {
            float y = qoq_half_to_float(out[d]);

            if (scales[i] > 1.0f)
                cr_assert_float_eq(y, in.v[77 * 64 + d], 0.02f, "scale %g dim %zu",
                                   (double)scales[i], d);
            else
                cr_assert_float_eq(y, qoq_half_to_float(zero[d]), 1e-6f, "scale %g dim %zu",
                                   (double)scales[i], d);
        }
        inputs_free(&in);
    }
}

Test(attention, query_codes)
{
    static const size_t dims[] = {2, 8, 64, 128, 256};

    for (size_t i = 0; i < COUNT(dims); i++) {
        struct test_random r = test_random(14);
        size_t dim = dims[i], rows = 20;
        float *x = normal_floats(&r, rows * dim, 3.0f), *scale = guard_new(rows * sizeof *scale);
        int16_t *q = guard_new(rows * dim * sizeof *q);
        int32_t *sum = guard_new(rows * sizeof *sum);

        set_all(x, dim, 0x1p-149f);
        set_all(x + dim, dim, -0x1.fffffep127f);
        cr_assert_eq(qoq_query_quantize(q, scale, sum, x, rows, dim), QOQ_OK);
        cr_assert(guard_intact(q) && guard_intact(scale) && guard_intact(sum));
        for (size_t m = 0; m < rows; m++) {
            struct model_query expected = model_query(x + m * dim, dim);

            cr_assert_eq(scale[m], expected.scale, "row %zu D=%zu" SEED_FORMAT, m, dim,
                         test_seed());
            cr_assert_eq(sum[m], expected.sum, "row %zu D=%zu" SEED_FORMAT, m, dim, test_seed());
            for (size_t d = 0; d < dim; d++) {
                double error = (double)x[m * dim + d] - (double)scale[m] * q[m * dim + d];

                cr_assert_eq(q[m * dim + d], expected.q[d], "row %zu D=%zu dim %zu" SEED_FORMAT, m,
                             dim, d, test_seed());
                cr_assert(fabs(error) <= 0.51 * (double)scale[m],
                          "row %zu D=%zu dim %zu" SEED_FORMAT, m, dim, d, test_seed());
            }
        }
        cr_assert(sum[0] == 0 && scale[0] > 0.0f && sum[1] == -32767 * (int)dim);
        guard_free(x);
        guard_free(q);
        guard_free(scale);
        guard_free(sum);
    }
}

Test(attention, query_not_finite)
{
    const float x[3][2] = {{NAN, 1.0f}, {-INFINITY, 1.0f}, {INFINITY, NAN}};
    int16_t q[3][2];
    float scale[3];
    int32_t sum[3];

    cr_assert_eq(qoq_query_quantize(q[0], scale, sum, x[0], 3, 2), QOQ_OK);
    for (size_t m = 0; m < 3; m++)
        cr_assert(q[m][0] == 0 && q[m][1] == 0 && sum[m] == 0, "row %zu", m);
    cr_assert(isnan(scale[0]) && isinf(scale[1]) && isnan(scale[2]));
}

/* N 12.2 operation by operation, and close to the exact softmax. */
Test(attention, baseline)
{
    static const size_t contexts[] = {1, 2, 15, 16, 17, 300, 1000};
    size_t dim = 24, heads = 2, q_heads = 6;

    for (size_t i = 0; i < COUNT(contexts); i++) {
        struct test_random r = test_random(15 + i);
        size_t context = contexts[i], stride = heads * dim;
        float *x = normal_floats(&r, q_heads * dim, 1.0f),
              *k = normal_floats(&r, context * stride, 1.0f);
        float *v = normal_floats(&r, context * stride, 1.0f),
              *out = guard_new(q_heads * dim * sizeof *out);
        float *work = guard_new(q_heads * context * sizeof *work);

        cr_assert_eq(qoq_attention_f32(out, work, x, k, v, context, q_heads, heads, dim), QOQ_OK);
        cr_assert(guard_intact(out) && guard_intact(work));
        for (size_t h = 0; h < q_heads; h++) {
            const float *kh = k + h / 3 * dim, *vh = v + h / 3 * dim;
            float *e = malloc(context * sizeof *e), most = -INFINITY, sum;
            long double exact[24];

            for (size_t t = 0; t < context; t++) {
                float dot = 0.0f;

                for (size_t d = 0; d < dim; d++)
                    dot = fmaf(x[h * dim + d], kh[t * stride + d], dot);
                e[t] = model_multiply(dot, model_divide(1.0f, sqrtf((float)dim)));
                most = fmaxf(most, e[t]);
            }
            for (size_t t = 0; t < context; t++)
                e[t] = qoq_exp((float)((double)e[t] - (double)most));
            sum = qoq_sum(e, context);
            exact_attention(exact, x + h * dim, kh, vh, context, stride, dim);
            for (size_t d = 0; d < dim; d++) {
                float acc = 0.0f;

                for (size_t t = 0; t < context; t++)
                    acc = fmaf(model_divide(e[t], sum), vh[t * stride + d], acc);
                cr_assert_eq(out[h * dim + d], acc, "context %zu head %zu" SEED_FORMAT, context, h,
                             test_seed());
                cr_assert(fabsl((long double)acc - exact[d]) <= 1e-6L,
                          "context %zu head %zu dim %zu: off by %Lg" SEED_FORMAT, context, h, d,
                          (long double)acc - exact[d], test_seed());
            }
            free(e);
        }
        guard_free(x);
        guard_free(k);
        guard_free(v);
        guard_free(out);
        guard_free(work);
    }
}

Test(attention, baseline_not_finite)
{
    float x[2] = {1.0f, 1.0f}, k[4] = {1.0f, INFINITY, 2.0f, 3.0f}, v[4] = {1.0f, 2.0f, 3.0f, 4.0f};
    float out[2], work[2];

    cr_assert_eq(qoq_attention_f32(out, work, x, k, v, 2, 1, 1, 2), QOQ_OK);
    cr_assert(isnan(out[0]) && isnan(out[1]));
    k[1] = NAN;
    cr_assert_eq(qoq_attention_f32(out, work, x, k, v, 2, 1, 1, 2), QOQ_OK);
    cr_assert(isnan(out[0]) && isnan(out[1]));
}

Test(attention, argument_errors)
{
    struct test_random r = test_random(16);
    struct inputs in = inputs_new((struct qoq_kv_layout){4, 16, 2, 8}, 40, 4, &r);
    const struct qoq_kv_sequence *s = &in.cache.sequence;
    const struct qoq_kv_layout *l = &in.cache.layout;
    struct qoq_kv_sequence no_k = {NULL, s->v_page}, no_v = {s->k_page, NULL};
    struct qoq_kv_layout bad = *l;
    qoq_half out[32];
    uint8_t *page = in.cache.v[1];

    cr_assert_eq(qoq_attention(NULL, in.x, s, 40, 4, l), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention(out, NULL, s, 40, 4, l), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention(out, in.x, NULL, 40, 4, l), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention(out, in.x, &no_k, 40, 4, l), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention(out, in.x, &no_v, 40, 4, l), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention(out, in.x, s, 40, 4, NULL), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention(out, in.x, s, 0, 4, l), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention(out, in.x, s, 40, 0, l), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention(out, in.x, s, 40, 3, l), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention(out, in.x, s, 40, SIZE_MAX - 1, l), QOQ_ERR_SHAPE);
    bad.bits = 5;
    cr_assert_eq(qoq_attention(out, in.x, s, 40, 4, &bad), QOQ_ERR_ARGUMENT);
    bad = *l, bad.head_dim = 258;
    cr_assert_eq(qoq_attention(out, in.x, s, 40, 4, &bad), QOQ_ERR_SHAPE);
    in.cache.v[1] = NULL;
    cr_assert_eq(qoq_attention(out, in.x, s, 40, 4, l), QOQ_ERR_ARGUMENT, "a page is missing");
    cr_assert_eq(qoq_attention(out, in.x, s, 16, 4, l), QOQ_OK, "the page is behind the context");
    in.cache.v[1] = page;
    page = in.cache.k[2];
    in.cache.k[2] = NULL;
    cr_assert_eq(qoq_attention(out, in.x, s, 33, 4, l), QOQ_ERR_ARGUMENT,
                 "the last page is missing");
    cr_assert_eq(qoq_attention(out, in.x, s, 32, 4, l), QOQ_OK);
    in.cache.k[2] = page;
    inputs_free(&in);
}

Test(attention, argument_errors_of_the_parts)
{
    struct test_random r = test_random(17);
    struct inputs in = inputs_new((struct qoq_kv_layout){4, 16, 2, 8}, 200, 4, &r);
    const struct qoq_kv_sequence *s = &in.cache.sequence;
    const struct qoq_kv_layout *l = &in.cache.layout;
    struct qoq_attention_partial p;
    float y[16], work[4], *x = in.x;
    int16_t q[16];
    int32_t sum[2];

    cr_assert_eq(qoq_attention_split(NULL, x, s, 200, 0, 0, 4, l), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention_split(&p, NULL, s, 200, 0, 0, 4, l), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention_split(&p, x, NULL, 200, 0, 0, 4, l), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention_split(&p, x, s, 200, 0, 0, 4, NULL), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention_split(&p, x, s, 0, 0, 0, 4, l), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_split(&p, x, s, 200, 2, 0, 4, l), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_split(&p, x, s, 200, SIZE_MAX, 0, 4, l), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_split(&p, x, s, 200, 0, 4, 4, l), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_split(&p, x, s, 200, 0, 0, 3, l), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_split(&p, x, s, 200, 1, 3, 4, l), QOQ_OK);

    cr_assert_eq(qoq_query_quantize(NULL, y, sum, x, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_query_quantize(q, NULL, sum, x, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_query_quantize(q, y, NULL, x, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_query_quantize(q, y, sum, NULL, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_query_quantize(q, y, sum, x, 0, 8), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_query_quantize(q, y, sum, x, 1, 7), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_query_quantize(q, y, sum, x, 1, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_query_quantize(q, y, sum, x, 1, 258), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_query_quantize(q, y, sum, x, SIZE_MAX / 8, 8), QOQ_ERR_SHAPE);

    cr_assert_eq(qoq_attention_f32(NULL, work, x, in.k, in.v, 2, 2, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention_f32(y, NULL, x, in.k, in.v, 2, 2, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention_f32(y, work, NULL, in.k, in.v, 2, 2, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention_f32(y, work, x, NULL, in.v, 2, 2, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention_f32(y, work, x, in.k, NULL, 2, 2, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention_f32(y, work, x, in.k, in.v, 0, 2, 1, 8), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_f32(y, work, x, in.k, in.v, 2, 0, 1, 8), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_f32(y, work, x, in.k, in.v, 2, 2, 0, 8), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_f32(y, work, x, in.k, in.v, 2, 3, 2, 8), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_f32(y, work, x, in.k, in.v, 2, 2, 1, 9), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_f32(y, work, x, in.k, in.v, SIZE_MAX / 4, 2, 1, 8), QOQ_ERR_SHAPE);
    inputs_free(&in);
}
