/* SPDX-License-Identifier: Apache-2.0 */
/* Weights that cannot be: values, shapes and arguments; sizes of their arrays. N 4. */
#include "linear.h"

#include <criterion/criterion.h>
#include <math.h>

Test(weight_errors, not_finite)
{
    const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct qoq_weight w = weight_new((enum qoq_scheme)scheme, 3, 40, 32);

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            float x[120] = {1.0f};

            x[40 + 33] = bad[i];
            cr_assert_eq(qoq_weight_quantize(&w, x), QOQ_ERR_RANGE, "scheme %d, case %zu", scheme,
                         i);
            x[40] = INFINITY, x[41] = -INFINITY;
            cr_assert_eq(qoq_weight_quantize(&w, x), QOQ_ERR_RANGE, "scheme %d, case %zu", scheme,
                         i);
        }
        weight_free(&w);
    }
}

/* The largest scale is 65519.99.., which rounds to 65504. */
Test(weight_errors, scale_overflow)
{
    const float steps[QOQ_SCHEMES] = {
        [QOQ_W8] = 127.0f, [QOQ_W4_CHANNEL] = 15.0f, [QOQ_W4_GROUP] = 119.0f};

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct qoq_weight w = weight_new((enum qoq_scheme)scheme, 1, 2, 32);
        float x[2] = {0.0f, 65519.0f * steps[scheme]};

        cr_assert_eq(qoq_weight_quantize(&w, x), QOQ_OK, "scheme %d", scheme);
        cr_assert_eq(w.s[0], 0x7bff, "scheme %d", scheme);
        x[1] = 65520.0f * steps[scheme];
        cr_assert_eq(qoq_weight_quantize(&w, x), QOQ_ERR_RANGE, "scheme %d", scheme);
        x[0] = -3.4e38f, x[1] = 3.4e38f;
        cr_assert_eq(qoq_weight_quantize(&w, x), QOQ_ERR_RANGE, "scheme %d", scheme);
        weight_free(&w);
    }
}

static void expect_all(const struct qoq_weight *w, enum qoq_status status, const char *what)
{
    struct qoq_weight out = *w;
    float x[80] = {0};
    int8_t b[80];

    cr_assert_eq(qoq_weight_quantize(&out, x), status, "%s, scheme %d", what, w->scheme);
    cr_assert_eq(qoq_weight_check(w), status, "%s, scheme %d", what, w->scheme);
    cr_assert_eq(qoq_weight_operand(b, w), status, "%s, scheme %d", what, w->scheme);
    cr_assert_eq(qoq_weight_dequantize(x, w), status, "%s, scheme %d", what, w->scheme);
}

Test(weight_errors, shape_errors)
{
    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct qoq_weight w = weight_new((enum qoq_scheme)scheme, 2, 40, 32), bad;

        bad = w, bad.n = 0;
        expect_all(&bad, QOQ_ERR_SHAPE, "no rows");
        bad = w, bad.k = 0;
        expect_all(&bad, QOQ_ERR_SHAPE, "no columns");
        bad = w, bad.k = 131073;
        expect_all(&bad, QOQ_ERR_SHAPE, "too many columns");
        bad = w, bad.n = SIZE_MAX / 40;
        expect_all(&bad, QOQ_ERR_SHAPE, "too many elements");
        bad = w, bad.group = scheme == QOQ_W4_GROUP ? 0 : 32;
        expect_all(&bad, QOQ_ERR_SHAPE, "group where none belongs, or none");
        bad = w, bad.group = 48;
        expect_all(&bad, QOQ_ERR_SHAPE, "group not a multiple of 32");
        weight_free(&w);
    }
}

Test(weight_errors, argument_errors)
{
    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct qoq_weight w = weight_new((enum qoq_scheme)scheme, 2, 40, 32), bad;

        bad = w, bad.code = NULL;
        expect_all(&bad, QOQ_ERR_ARGUMENT, "no codes");
        bad = w, bad.s = NULL;
        expect_all(&bad, QOQ_ERR_ARGUMENT, "no scales");
        bad = w, bad.z = NULL;
        if (scheme != QOQ_W8)
            expect_all(&bad, QOQ_ERR_ARGUMENT, "no zeros");
        bad = w, bad.s2 = NULL;
        if (scheme == QOQ_W4_GROUP)
            expect_all(&bad, QOQ_ERR_ARGUMENT, "no group scales");
        bad = w, bad.scheme = QOQ_SCHEMES;
        expect_all(&bad, QOQ_ERR_ARGUMENT, "unknown scheme");
        cr_assert_eq(qoq_weight_quantize(&w, NULL), QOQ_ERR_ARGUMENT);
        cr_assert_eq(qoq_weight_operand(NULL, &w), QOQ_ERR_ARGUMENT);
        cr_assert_eq(qoq_weight_dequantize(NULL, &w), QOQ_ERR_ARGUMENT);
        weight_free(&w);
    }
    cr_assert_eq(qoq_weight_check(NULL), QOQ_ERR_ARGUMENT);
}

/* Arrays that a scheme does not use may be absent. */
Test(weight_errors, unused_arrays)
{
    struct test_random r = test_random(15);
    struct qoq_weight w8 = random_weight(&r, QOQ_W8, 2, 40, 0);
    struct qoq_weight w4 = random_weight(&r, QOQ_W4_CHANNEL, 2, 40, 0);
    struct qoq_weight a = w8, b = w4;

    a.s2 = a.z = b.s2 = NULL;
    cr_assert_eq(qoq_weight_check(&a), QOQ_OK);
    cr_assert_eq(qoq_weight_check(&b), QOQ_OK);
    weight_free(&w8);
    weight_free(&w4);
}

Test(weight_errors, sizes)
{
    struct qoq_weight w = {.scheme = QOQ_W4_GROUP, .n = 3, .k = 172, .group = 32};

    cr_assert(qoq_weight_groups(&w) == 6 && qoq_weight_code_bytes(&w) == 258);
    w.k = 192;
    cr_assert(qoq_weight_groups(&w) == 6 && qoq_weight_code_bytes(&w) == 288);
    w.k = 33;
    cr_assert(qoq_weight_groups(&w) == 2 && qoq_weight_code_bytes(&w) == 51);
    w.scheme = QOQ_W4_CHANNEL;
    cr_assert(qoq_weight_groups(&w) == 1 && qoq_weight_code_bytes(&w) == 51);
    w.scheme = QOQ_W8;
    cr_assert(qoq_weight_groups(&w) == 0 && qoq_weight_code_bytes(&w) == 99);
    w.n = SIZE_MAX / 8;
    cr_assert_eq(qoq_weight_code_bytes(&w), 0);
}
