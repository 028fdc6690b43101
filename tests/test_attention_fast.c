/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plain and the fast way of attention give the same bits, quantized (N 11) and baseline (N
 * 12.2), on ragged shapes and with operands from anywhere; so do the vector functions they stand
 * on. Inputs are blocks of their exact size, so that sanitizers and valgrind see a read past the
 * end; outputs are guarded.
 */
#include "numerics/exp_all.h"
#include "numerics/reduce.h"
#include "numerics/round.h"
#include "numerics/vector_avx2.h"
#include "ops/attention.h"
#include "ops/attention_f32.h"
#include "kv_cache.h"

#include <criterion/criterion.h>

#if QOQ_FMA_TARGET

#define SKIP_WITHOUT_FAST_PATH()                                                                   \
    if (!qoq_machine_has_fma())                                                                    \
    cr_skip_test("no AVX2 and FMA on this machine")
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ANY(r, array) (array)[test_integer(r, 0, (int64_t)COUNT(array) - 1)]

static int same(float a, float b)
{
    return qoq_float_bits(a) == qoq_float_bits(b) || (a != a && b != b);
}

/* ---- Vector functions ---- */

QOQ_WITH_FMA static void exp2_of_8(float *y, const float *x)
{
    _mm256_storeu_ps(y, qoq_exp2_8(_mm256_loadu_ps(x)));
}

static void check_exponentials(const float *x)
{
    float y[QOQ_LANES], e[QOQ_LANES];

    exp2_of_8(y, x);
    memcpy(e, x, sizeof e);
    qoq_exp_all(e, QOQ_LANES);
    for (size_t i = 0; i < QOQ_LANES; i++) {
        cr_assert(same(y[i], qoq_exp2(x[i])), "exp2(%a) = %a, not %a", (double)x[i], (double)y[i],
                  (double)qoq_exp2(x[i]));
        cr_assert(same(e[i], qoq_exp(x[i])), "exp(%a) = %a, not %a", (double)x[i], (double)e[i],
                  (double)qoq_exp(x[i]));
    }
}

/* Patterns all over binary32 in steps of a prime, eight at a time. */
Test(attention_fast, exponentials_everywhere)
{
    SKIP_WITHOUT_FAST_PATH();
    for (uint64_t u = 0; u <= UINT32_MAX; u += 8 * 211) {
        float x[QOQ_LANES];

        for (size_t i = 0; i < QOQ_LANES; i++)
            x[i] = qoq_float_of_bits((uint32_t)(u + 211 * i));
        check_exponentials(x);
    }
}

/* Every neighbour of where something changes: zeros, subnormal and infinite results, clamps,
 * halves. */
Test(attention_fast, exponentials_at_edges)
{
    static const float edges[] = {0.0f,       0.5f,           1.0f,   126.0f,   127.0f,   127.5f,
                                  128.0f,     129.0f,         149.0f, 149.5f,   150.0f,   151.0f,
                                  87.0f,      87.33655f,      88.72f, 88.7228f, 88.723f,  89.0f,
                                  103.27893f, 103.97f,        104.0f, 105.0f,   INFINITY, 0x1p-126f,
                                  0x1p-149f,  0x1.fffffep127f};

    SKIP_WITHOUT_FAST_PATH();
    for (size_t i = 0; i < COUNT(edges); i++) {
        for (uint32_t sign = 0; sign < 2; sign++) {
            for (int32_t step = -512; step < 512; step += QOQ_LANES) {
                float x[QOQ_LANES];

                for (size_t j = 0; j < QOQ_LANES; j++)
                    x[j] = qoq_float_of_bits(
                        (qoq_float_bits(edges[i]) + (uint32_t)step + (uint32_t)j) ^ sign << 31);
                check_exponentials(x);
            }
        }
    }
}

QOQ_WITH_FMA static void round_8(int32_t *y, const float *x, float lo, float hi)
{
    _mm256_storeu_si256((__m256i *)y, qoq_round_clamp_8(_mm256_loadu_ps(x), lo, hi));
}

Test(attention_fast, rounding)
{
    static const int32_t limits[][2] = {
        {0, 1 << 22}, {-(1 << 22), 1 << 22}, {0, 32767}, {-127, 127}};
    struct test_random r = test_random(90);

    SKIP_WITHOUT_FAST_PATH();
    for (int i = 0; i < 100000; i++) {
        const int32_t *limit = limits[i % 4];
        float x[QOQ_LANES];
        int32_t y[QOQ_LANES];

        for (size_t j = 0; j < QOQ_LANES; j++)
            x[j] = i % 3 == 0   ? qoq_float_of_bits((uint32_t)test_next(&r))
                   : i % 3 == 1 ? (float)test_integer(&r, -70000, 70000) * 0.5f
                                : (float)test_integer(&r, -5000000, 5000000) + 0.5f;
        round_8(y, x, (float)limit[0], (float)limit[1]);
        for (size_t j = 0; j < QOQ_LANES; j++)
            cr_assert_eq(y[j], qoq_round_clamp(x[j], limit[0], limit[1]), "%a" SEED_FORMAT,
                         (double)x[j], test_seed());
    }
}

QOQ_WITH_FMA static float largest(const float *x)
{
    __m256 most = qoq_max_8(_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8));

    return qoq_max_of_8(qoq_max_8(most, _mm256_loadu_ps(x + 16)));
}

/* A NaN in any place of a running maximum is its result. */
Test(attention_fast, maximum)
{
    struct test_random r = test_random(91);

    SKIP_WITHOUT_FAST_PATH();
    for (size_t i = 0; i < 24; i++) {
        float x[24], lo, hi;

        for (size_t j = 0; j < 24; j++)
            x[j] = test_normal(&r, 10.0f);
        qoq_min_max(&lo, &hi, x, 24);
        cr_assert_eq(largest(x), hi);
        x[i] = 100.0f;
        cr_assert_eq(largest(x), 100.0f);
        x[i] = NAN;
        cr_assert(isnan(largest(x)));
    }
}

/* Sums of every length around the groups of eight leaves and above. */
Test(attention_fast, sums)
{
    struct test_random r = test_random(92);

    SKIP_WITHOUT_FAST_PATH();
    for (size_t n = 0; n < 3000; n += n < 300 ? 1 : 37) {
        float *x = malloc((n + 1) * sizeof *x), *y = malloc((n + 1) * sizeof *y);

        for (size_t i = 0; i < n; i++) {
            x[i] = n % 5 == 4 ? qoq_float_of_bits((uint32_t)test_next(&r)) : test_normal(&r, 1.0f);
            y[i] = test_normal(&r, 0x1p-10f);
        }
        cr_assert(same(qoq_sum(x, n), qoq_sum_plain(x, NULL, n)), "%zu" SEED_FORMAT, n,
                  test_seed());
        cr_assert(same(qoq_sum_products(x, y, n), qoq_sum_plain(x, y, n)), "%zu" SEED_FORMAT, n,
                  test_seed());
        free(x);
        free(y);
    }
}

/* ---- Quantized attention ---- */

static const size_t dims[] = {2, 6, 8, 34, 64, 64, 80, 128, 256};
static const size_t groups[] = {1, 2, 3, 3, 4, 7, 8, 33};

/* How a cache is filled: quantized vectors, constant ones among them; or any bytes, so that scales
 * and zeros are any patterns; or all bits set in codes, with ordinary factors. */
enum fill { FILL_NORMAL, FILL_CONSTANT, FILL_BYTES, FILL_LARGEST, FILLS };

static void fill_page(uint8_t *page, const struct qoq_kv_layout *layout, enum fill fill,
                      struct test_random *r)
{
    size_t bytes = qoq_kv_page_bytes(layout), codes = qoq_kv_scale_offset(layout, 0, 0);

    for (size_t i = 0; i < bytes; i++)
        page[i] = (uint8_t)test_next(r);
    if (fill == FILL_LARGEST)
        memset(page, 0xff, codes);
    for (size_t i = codes; fill == FILL_LARGEST && i < bytes; i += 2) {
        qoq_half h = qoq_half_from_float(test_uniform(r, 1.0f));

        memcpy(page + i, &h, sizeof h);
    }
}

static void fill_cache(struct kv_cache *c, enum fill fill, struct test_random *r)
{
    size_t row = c->layout.heads * c->layout.head_dim;
    float *k, *v;

    if (fill == FILL_BYTES || fill == FILL_LARGEST) {
        for (size_t i = 0; i < c->pages; i++) {
            fill_page(c->k[i], &c->layout, fill, r);
            fill_page(c->v[i], &c->layout, fill, r);
        }
        return;
    }
    k = normal_floats(r, c->tokens * row, 1.0f);
    v = normal_floats(r, c->tokens * row, 1.0f);
    for (size_t i = 0; fill == FILL_CONSTANT && i < c->tokens * row; i++) {
        k[i] = i / row % 3 == 0 ? 1.5f : k[i];
        v[i] = i / row % 2 == 0 ? -0.25f : 0.0f;
    }
    kv_cache_write(c, k, v, 0);
    guard_free(k);
    guard_free(v);
}

/* One NaN, infinity, zero vector or enormous element now and then. */
static void spoil(float *x, size_t count, struct test_random *r)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, 0x1p120f, 0x1p-149f, -0.0f};

    x[test_integer(r, 0, (int64_t)count - 1)] = ANY(r, odd);
}

/* Each vector of a block sees a context of its own in split j. */
static void check_split(const struct kv_cache *c, const float *x, size_t context, size_t count,
                        struct test_random *r, enum fill fill)
{
    size_t head_dim = c->layout.head_dim, j = (context - 1) / QOQ_SPLIT_TOKENS;
    struct qoq_attention_head *view = malloc(count * sizeof *view);
    struct qoq_attention_partial *plain = guard_new(count * sizeof *plain);
    struct qoq_attention_partial *fast = guard_new(count * sizeof *fast);
    size_t head = (size_t)test_integer(r, 0, (int64_t)c->layout.heads - 1);

    if (test_integer(r, 0, 3) == 0)
        j = (size_t)test_integer(r, 0, (int64_t)j);
    for (size_t i = 0; i < count; i++) {
        size_t least = j * QOQ_SPLIT_TOKENS + 1;

        qoq_attention_head(&view[i], x + i * head_dim, &c->sequence,
                           (size_t)test_integer(r, (int64_t)least, (int64_t)context), head,
                           c->layout.heads, &c->layout);
    }
    qoq_attention_plain.split(plain, view, count, j);
    qoq_attention_avx2.split(fast, view, count, j);
    cr_assert(guard_intact(plain) && guard_intact(fast));
    for (size_t i = 0; i < count; i++) {
        int equal = same(plain[i].max, fast[i].max) && same(plain[i].sum, fast[i].sum);

        for (size_t d = 0; d < head_dim; d++)
            equal = equal && same(plain[i].out[d], fast[i].out[d]);
        cr_assert(equal,
                  "KV%u D=%zu page %zu, split %zu of %zu, vector %zu of %zu, fill %d" SEED_FORMAT,
                  c->layout.bits, head_dim, c->layout.page_tokens, j, context, i, count, fill,
                  test_seed());
    }
    free(view);
    guard_free(plain);
    guard_free(fast);
}

static void check_rows(const struct kv_cache *c, const float *x, size_t rows, size_t context,
                       size_t q_heads, enum fill fill)
{
    size_t count = rows * q_heads * c->layout.head_dim;
    qoq_half *plain = guard_new(count * sizeof *plain), *fast = guard_new(count * sizeof *fast);
    struct qoq_attention_rows a = {plain, x, &c->sequence, &c->layout, rows, context, q_heads};

    qoq_attention_run(&a, &qoq_attention_plain);
    a.out = fast;
    qoq_attention_run(&a, &qoq_attention_avx2);
    cr_assert(guard_intact(plain) && guard_intact(fast) && kv_cache_intact(c));
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(fast[i], plain[i],
                     "KV%u D=%zu page %zu, %zu rows to %zu, %zu heads of %zu, fill %d, element "
                     "%zu: %04x, plain %04x" SEED_FORMAT,
                     c->layout.bits, c->layout.head_dim, c->layout.page_tokens, rows, context,
                     q_heads, c->layout.heads, fill, i, fast[i], plain[i], test_seed());
    guard_free(plain);
    guard_free(fast);
}

/* Contexts around multiples of a split and of a leaf, or anything. */
static size_t random_context(struct test_random *r, size_t most)
{
    size_t context = (size_t)test_integer(r, 1, (int64_t)most);

    if (test_integer(r, 0, 1) == 0)
        context = (context + 127) / 128 * 128 + (size_t)test_integer(r, 0, 2) - 1;
    return context < most ? context : most;
}

Test(attention_fast, quantized)
{
    static const size_t pages[] = {1, 3, 16, 64, 100, 128, 1000};
    struct test_random r = test_random(93);

    SKIP_WITHOUT_FAST_PATH();
    for (int i = 0; i < 120; i++) {
        struct qoq_kv_layout layout = {i % 2 ? 4 : 8, ANY(&r, pages),
                                       (size_t)test_integer(&r, 1, 3), ANY(&r, dims)};
        size_t q_heads = layout.heads * ANY(&r, groups), rows = (size_t)test_integer(&r, 1, 40);
        size_t most = 2000000 / (q_heads * layout.head_dim * rows) + 2;
        size_t context = random_context(&r, most < 2200 ? most : 2200);
        enum fill fill = (enum fill)(i / 2 % FILLS);
        struct kv_cache cache = kv_cache_new(layout, context, &r);
        float *x;

        rows = rows < context ? rows : context;
        x = normal_floats(&r, (rows * q_heads + QOQ_ATTENTION_VECTORS) * layout.head_dim, 2.0f);
        if (i % 5 == 0)
            spoil(x, rows * q_heads * layout.head_dim, &r);
        fill_cache(&cache, fill, &r);
        check_rows(&cache, x, rows, context, q_heads, fill);
        check_split(&cache, x, context, (size_t)test_integer(&r, 1, QOQ_ATTENTION_VECTORS), &r,
                    fill);
        guard_free(x);
        kv_cache_free(&cache);
    }
}

/* Blocks of rows on both sides of the end of a leaf, and trees of two and three leaves. */
Test(attention_fast, quantized_leaves)
{
    static const size_t contexts[] = {2047, 2048, 2049, 2060, 2176, 4096, 4100, 6200};
    struct test_random r = test_random(94);

    SKIP_WITHOUT_FAST_PATH();
    for (size_t i = 0; i < COUNT(contexts); i++) {
        for (unsigned bits = 4; bits <= 8; bits += 4) {
            struct qoq_kv_layout layout = {bits, 64, 1, 8};
            struct kv_cache cache = kv_cache_new(layout, contexts[i], &r);
            float *x = normal_floats(&r, 20 * 3 * 8, 3.0f);

            fill_cache(&cache, FILL_NORMAL, &r);
            check_rows(&cache, x, 20, contexts[i], 3, FILL_NORMAL);
            guard_free(x);
            kv_cache_free(&cache);
        }
    }
}

/* ---- Baseline attention ---- */

static float *exact_floats(struct test_random *r, size_t count, int kind)
{
    float *x = malloc(count * sizeof *x);

    if (x == NULL)
        abort();
    for (size_t i = 0; i < count; i++)
        x[i] = test_normal(r, 1.0f);
    if (kind == 1)
        spoil(x, count, r);
    for (size_t i = 0; kind == 2 && i < count; i++)
        x[i] = test_integer(r, 0, 2) == 0 ? -0.0f : x[i] * 0x1p-75f;
    return x;
}

static void check_baseline(struct test_random *r, size_t rows, size_t context, size_t kv_heads,
                           size_t group, size_t head_dim, int kind)
{
    size_t q_heads = kv_heads * group, wide = rows * q_heads * head_dim;
    size_t cache = context * kv_heads * head_dim, scratch = rows * q_heads * context;
    float *x = exact_floats(r, wide, kind), *k = exact_floats(r, cache, kind);
    float *v = exact_floats(r, cache, kind);
    float *plain = guard_new(wide * sizeof *plain), *fast = guard_new(wide * sizeof *fast);
    float *work = guard_new(scratch * sizeof *work);
    struct qoq_f32_rows a = {plain, work, x, k, v, rows, context, q_heads, kv_heads, head_dim};

    qoq_f32_run(&a, qoq_f32_attend_plain);
    a.out = fast;
    qoq_f32_run(&a, qoq_f32_attend_avx2);
    cr_assert(guard_intact(plain) && guard_intact(fast) && guard_intact(work));
    for (size_t i = 0; i < wide; i++)
        cr_assert(same(fast[i], plain[i]),
                  "D=%zu, %zu rows to %zu, heads %zu/%zu, kind %d, element %zu: %a, plain "
                  "%a" SEED_FORMAT,
                  head_dim, rows, context, q_heads, kv_heads, kind, i, (double)fast[i],
                  (double)plain[i], test_seed());
    free(x);
    free(k);
    free(v);
    guard_free(plain);
    guard_free(fast);
    guard_free(work);
}

Test(attention_fast, baseline)
{
    static const size_t many[] = {1, 2, 3, 3, 4, 7, 8, 50};
    struct test_random r = test_random(95);

    SKIP_WITHOUT_FAST_PATH();
    for (int i = 0; i < 120; i++) {
        size_t kv_heads = (size_t)test_integer(&r, 1, 3), group = ANY(&r, many);
        size_t head_dim = ANY(&r, dims), rows = (size_t)test_integer(&r, 1, 60);
        size_t most = 2000000 / (kv_heads * group * head_dim * rows) + 2;
        size_t context = random_context(&r, most < 2200 ? most : 2200);

        rows = rows < context ? rows : context;
        check_baseline(&r, rows, context, kv_heads, group, head_dim, i % 4);
    }
}

#else

Test(attention_fast, none)
{
    cr_skip_test("no fast path in this build");
}

#endif
