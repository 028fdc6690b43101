/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bits of attention: N 11, against attention_model.h; what they may not depend on. Edges:
 * test_attention_edges.c. Accuracy: test_attention_accuracy.c.
 */
#include "attention_inputs.h"

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

Test(attention, argument_errors_of_a_split)
{
    struct test_random r = test_random(17);
    struct inputs in = inputs_new((struct qoq_kv_layout){4, 16, 2, 8}, 200, 4, &r);
    const struct qoq_kv_sequence *s = &in.cache.sequence;
    const struct qoq_kv_layout *l = &in.cache.layout;
    struct qoq_attention_partial p;
    float *x = in.x;

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
    inputs_free(&in);
}
