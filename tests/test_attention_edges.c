/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention at the edges of its integers and of binary32: largest sums, constant vectors, maxima
 * far apart, what is not finite. N 1.4, 11.
 */
#include "attention_inputs.h"

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
Test(attention_edges, integer_extremes)
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
Test(attention_edges, largest_sums)
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

/* Constant vectors come back as themselves, zero values as +0, equal keys as a plain mean. */
Test(attention_edges, constant_vectors)
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

Test(attention_edges, equal_keys_average)
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
Test(attention_edges, maxima_are_integers)
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
Test(attention_edges, merge_rescales_exactly)
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

Test(attention_edges, merge_edges)
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

Test(attention_edges, not_finite)
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
Test(attention_edges, huge_and_tiny_queries)
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
