/* SPDX-License-Identifier: Apache-2.0 */
/* The KV cache: page layout and quantization of both profiles. N 7, 25. */
#include "kv_cache.h"
#include "qoq_qserve.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct qoq_kv_layout layouts[] = {
    {4, 64, 8, 128}, {8, 64, 8, 128}, {4, 1, 1, 2},   {8, 1, 1, 2},
    {4, 100, 3, 6},  {8, 16, 5, 64},  {4, 7, 2, 256},
};

/* The worked sizes of QServe's page, and its offsets. */
Test(kv, page_bytes)
{
    cr_assert_eq(qoq_kv_page_bytes(&layouts[0]), 34816);
    cr_assert_eq(qoq_kv_page_bytes(&layouts[1]), 67584);
    cr_assert_eq(qoq_kv_code_offset(&layouts[0], 1, 3), 67 * 64);
    cr_assert_eq(qoq_kv_code_offset(&layouts[1], 7, 63), 511 * 128);
    cr_assert_eq(qoq_kv_scale_offset(&layouts[0], 0, 0), 32768);
    cr_assert_eq(qoq_kv_scale_offset(&layouts[1], 2, 5), 65536 + 2 * 133);
    cr_assert_eq(qoq_kv_zero_offset(&layouts[0], 0, 0), 32768 + 1024);
    cr_assert_eq(qoq_kv_zero_offset(&layouts[1], 7, 63), 67582);
}

static void mark(uint8_t *seen, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        seen[first + i]++;
}

/*
 * Codes, scales and zeros of all heads and slots tile the page: every byte belongs to exactly one.
 */
Test(kv, offsets_are_a_bijection)
{
    for (size_t i = 0; i < COUNT(layouts); i++) {
        const struct qoq_kv_layout *l = &layouts[i];
        size_t bytes = qoq_kv_page_bytes(l);
        uint8_t *seen = guard_new(bytes);

        memset(seen, 0, bytes);
        for (size_t h = 0; h < l->heads; h++) {
            for (size_t t = 0; t < l->page_tokens; t++) {
                mark(seen, qoq_kv_code_offset(l, h, t), l->head_dim * l->bits / 8);
                mark(seen, qoq_kv_scale_offset(l, h, t), 2);
                mark(seen, qoq_kv_zero_offset(l, h, t), 2);
            }
        }
        cr_assert(guard_intact(seen), "layout %zu", i);
        for (size_t b = 0; b < bytes; b++)
            cr_assert_eq(seen[b], 1, "layout %zu byte %zu", i, b);
        guard_free(seen);
    }
}

/* What a slot holds, read by the formulas of N 7.1. */
static unsigned code_at(const uint8_t *page, const struct qoq_kv_layout *l, size_t h, size_t t,
                        size_t d)
{
    size_t vector = h * l->page_tokens + t;

    return l->bits == 8 ? page[vector * l->head_dim + d]
                        : page[vector * (l->head_dim / 2) + d / 2] >> 4 * (d % 2) & 15u;
}

static qoq_half half_at(const uint8_t *page, size_t at)
{
    return (qoq_half)(page[at] + 256 * page[at + 1]);
}

static qoq_half scale_at(const uint8_t *page, const struct qoq_kv_layout *l, size_t h, size_t t)
{
    return half_at(page, l->page_tokens * l->heads * l->head_dim * l->bits / 8 +
                             2 * (h * l->page_tokens + t));
}

static qoq_half zero_at(const uint8_t *page, const struct qoq_kv_layout *l, size_t h, size_t t)
{
    return half_at(page, l->page_tokens * l->heads * l->head_dim * l->bits / 8 +
                             2 * l->page_tokens * l->heads + 2 * (h * l->page_tokens + t));
}

/* Writing a slot changes that slot's bytes and no other; reading gives scale * code + zero. */
Test(kv, slots_are_separate)
{
    for (size_t i = 0; i < COUNT(layouts); i++) {
        const struct qoq_kv_layout *l = &layouts[i];
        struct test_random r = test_random(i);
        size_t bytes = qoq_kv_page_bytes(l), row = l->heads * l->head_dim,
               slot = l->page_tokens / 2;
        uint8_t *page = guard_new(bytes), *before = guard_new(bytes);
        float *v = normal_floats(&r, row, 3.0f), *y = guard_new(row * sizeof *y);

        cr_assert_eq(qoq_kv_write(page, v, l, slot), QOQ_OK);
        cr_assert_eq(qoq_kv_read(y, page, l, slot), QOQ_OK);
        cr_assert(guard_intact(page) && guard_intact(y), "layout %zu", i);
        for (size_t h = 0; h < l->heads; h++) {
            float scale = qoq_half_to_float(scale_at(page, l, h, slot));
            float zero = qoq_half_to_float(zero_at(page, l, h, slot));

            for (size_t d = 0; d < l->head_dim; d++)
                cr_assert_eq(y[h * l->head_dim + d],
                             fmaf(scale, (float)code_at(page, l, h, slot, d), zero),
                             "layout %zu head %zu dim %zu" SEED_FORMAT, i, h, d, test_seed());
            memset(page + qoq_kv_code_offset(l, h, slot), GUARD_BYTE, l->head_dim * l->bits / 8);
            memset(page + qoq_kv_scale_offset(l, h, slot), GUARD_BYTE, 2);
            memset(page + qoq_kv_zero_offset(l, h, slot), GUARD_BYTE, 2);
        }
        cr_assert_eq(memcmp(page, before, bytes), 0, "layout %zu", i);
        guard_free(page);
        guard_free(before);
        guard_free(v);
        guard_free(y);
    }
}

static float divide(float a, float b)
{
    return (float)((double)a / (double)b);
}

static int rounded(double x, int limit)
{
    return isnan(x) ? 0 : (int)fmin(fmax(nearbyint(x), 0.0), limit);
}

/*
 * N 7.2 by way of binary64, and its error: half a step, or what the roundings of scale and zero
 * add.
 */
static void check_vector(const float *v, size_t dim, unsigned bits, const char *what)
{
    struct qoq_kv_layout l = {bits, 2, 1, dim};
    uint8_t *page = guard_new(qoq_kv_page_bytes(&l));
    float lo = v[0], hi = v[0], y[256], scale, zero, inverse, range,
          limit = bits == 4 ? 15.0f : 255.0f;
    qoq_half expected;

    for (size_t d = 1; d < dim; d++) {
        lo = fminf(lo, v[d]);
        hi = fmaxf(hi, v[d]);
    }
    cr_assert_eq(qoq_kv_write(page, v, &l, 1), QOQ_OK);
    cr_assert_eq(qoq_kv_read(y, page, &l, 1), QOQ_OK);
    zero = qoq_half_to_float(zero_at(page, &l, 0, 1));
    scale = qoq_half_to_float(scale_at(page, &l, 0, 1));
    cr_assert_eq(zero, qoq_half_to_float(qoq_half_from_float(lo)), "%s" SEED_FORMAT, what,
                 test_seed());
    range = fmaxf((float)((double)hi - (double)zero), 0.0f);
    expected = qoq_half_from_float(divide(range, limit));
    cr_assert_eq(scale_at(page, &l, 0, 1), expected, "%s" SEED_FORMAT, what, test_seed());
    inverse = scale == 0.0f ? 0.0f : divide(1.0f, scale);
    for (size_t d = 0; d < dim; d++) {
        float steps = (float)((double)(float)((double)v[d] - (double)zero) * (double)inverse);
        double half_step = 0.5 * (double)scale,
               lost_top = (double)range - (double)limit * (double)scale;
        double bound = fmax(fmax(half_step, lost_top), fabs((double)lo - (double)zero));

        cr_assert_eq((int)code_at(page, &l, 0, 1, d), rounded((double)steps, (int)limit),
                     "%s: dim %zu" SEED_FORMAT, what, d, test_seed());
        bound += (fabs((double)v[d]) + fabs((double)v[d] - (double)zero)) * 0x1p-22;
        cr_assert(fabs((double)y[d] - (double)v[d]) <= bound,
                  "%s: KV%u dim %zu of %zu: %a came back as %a" SEED_FORMAT, what, bits, d, dim,
                  (double)v[d], (double)y[d], test_seed());
    }
    guard_free(page);
}

Test(kv, quantization_and_its_error)
{
    static const float deviations[] = {1.0f, 1e-3f, 1e3f, 1e-6f, 3e-8f};
    static const float offsets[] = {0.0f, 1.0f, -70.0f, 5000.0f, -60000.0f, 1e-5f};
    static const size_t dims[] = {2, 64, 128, 256};
    char what[100];

    for (size_t i = 0; i < COUNT(deviations) * COUNT(offsets) * COUNT(dims) * 2; i++) {
        struct test_random r = test_random(i);
        size_t dim = dims[i / 2 % COUNT(dims)];
        float deviation = deviations[i / 2 / COUNT(dims) % COUNT(deviations)];
        float offset = offsets[i / 2 / COUNT(dims) / COUNT(deviations)];

        snprintf(what, sizeof what, "%g +- %g", (double)offset, (double)deviation);
        for (int repeat = 0; repeat < 20; repeat++) {
            float *v = normal_floats(&r, dim, deviation);

            for (size_t d = 0; d < dim; d++)
                v[d] += offset;
            check_vector(v, dim, i % 2 ? 8 : 4, what);
            guard_free(v);
        }
    }
}

/*
 * N 7.3: constant vectors come back as rn16 of their value, zero as itself, however far from zero.
 */
Test(kv, constant_vectors)
{
    for (uint32_t h = 0; h < 0x10000; h++) {
        struct qoq_kv_layout l = {h % 2 ? 8 : 4, 1, 1, 2};
        float value = qoq_half_to_float((qoq_half)h), v[2] = {value, value}, y[2];
        uint8_t page[12];

        if (!qoq_half_is_finite((qoq_half)h))
            continue;
        cr_assert_eq(qoq_kv_write(page, v, &l, 0), QOQ_OK);
        cr_assert_eq(qoq_kv_read(y, page, &l, 0), QOQ_OK);
        cr_assert(y[0] == value && y[1] == value, "%04x came back as %a", (unsigned)h,
                  (double)y[0]);
        cr_assert(code_at(page, &l, 0, 0, 0) == 0 && scale_at(page, &l, 0, 0) == 0);
    }
}

/* A minimum of +0 and -0 is -0: the smaller in the order of N 2, so the zero's bits are defined. */
Test(kv, signed_zeros)
{
    const float v[2][2] = {{0.0f, -0.0f}, {-0.0f, 0.0f}};
    struct qoq_kv_layout l = {8, 1, 1, 2};
    uint8_t page[2][6];

    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(qoq_kv_write(page[i], v[i], &l, 0), QOQ_OK);
        cr_assert_eq(zero_at(page[i], &l, 0, 0), 0x8000);
    }
    cr_assert_eq(memcmp(page[0], page[1], sizeof page[0]), 0);
}

/* N 1.4: codes 0, and the whole vector reads back as not finite. */
Test(kv, not_finite)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 2e7f, -70000.0f};

    for (size_t i = 0; i < COUNT(bad) * 2; i++) {
        struct qoq_kv_layout l = {i % 2 ? 8 : 4, 1, 2, 4};
        float v[8] = {1.0f, -2.0f, bad[i / 2], 0.5f, 1.0f, 2.0f, 3.0f, 4.0f}, y[8];
        uint8_t page[24];

        if (i % 2 == 0 && bad[i / 2] == 2e7f)
            v[2] = 2e6f;
        cr_assert_eq(qoq_kv_write(page, v, &l, 0), QOQ_OK);
        cr_assert_eq(qoq_kv_read(y, page, &l, 0), QOQ_OK);
        for (size_t d = 0; d < 4; d++) {
            cr_assert(!isfinite(y[d]), "%g: dim %zu is %g", (double)bad[i / 2], d, (double)y[d]);
            cr_assert_eq(code_at(page, &l, 0, 0, d), 0);
            cr_assert_float_eq(y[4 + d], (float)d + 1.0f, 0.15f, "the other head");
        }
    }
}

Test(kv, argument_errors)
{
    struct qoq_kv_layout good = {4, 2, 2, 4}, bad;
    uint8_t page[100] = {0};
    float v[8] = {0.0f};
    qoq_half h[8] = {0};

    cr_assert_eq(qoq_kv_write(NULL, v, &good, 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_kv_write(page, NULL, &good, 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_kv_write(page, v, NULL, 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_kv_write(page, v, &good, 2), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_kv_read(NULL, page, &good, 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_kv_read(v, NULL, &good, 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_kv_read(v, page, NULL, 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_kv_read(v, page, &good, 2), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_kv_write(NULL, h, &good, 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_kv_write(page, NULL, &good, 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_kv_write(page, h, &good, SIZE_MAX), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_qserve_kv_read(NULL, page, &good, 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_kv_read(h, NULL, &good, 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_qserve_kv_read(h, page, NULL, 0), QOQ_ERR_ARGUMENT);
    bad = good, bad.bits = 16;
    cr_assert_eq(qoq_kv_write(page, v, &bad, 0), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_kv_page_bytes(&bad), 0);
    bad = good, bad.page_tokens = 0;
    cr_assert_eq(qoq_kv_write(page, v, &bad, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_kv_page_bytes(&bad), 0);
    bad = good, bad.heads = 0;
    cr_assert_eq(qoq_kv_read(v, page, &bad, 0), QOQ_ERR_SHAPE);
    bad = good, bad.head_dim = 3;
    cr_assert_eq(qoq_kv_read(v, page, &bad, 0), QOQ_ERR_SHAPE);
    bad = good, bad.head_dim = 0;
    cr_assert_eq(qoq_kv_read(v, page, &bad, 0), QOQ_ERR_SHAPE);
    bad = good, bad.head_dim = 258;
    cr_assert_eq(qoq_kv_read(v, page, &bad, 0), QOQ_ERR_SHAPE);
    bad = good, bad.page_tokens = SIZE_MAX / 8;
    cr_assert_eq(qoq_kv_write(page, v, &bad, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_kv_page_bytes(&bad), 0);
    cr_assert_eq(qoq_kv_page_bytes(NULL), 0);
}

/* ---- Profile qserve ---- */

/* One binary16 vector into a page of one slot and back. */
struct qserve_vector {
    unsigned code[128];
    qoq_half scale, zero, back[128];
};

static struct qserve_vector qserve_round_trip(const qoq_half *v, size_t dim, unsigned bits)
{
    struct qoq_kv_layout l = {bits, 1, 1, dim};
    uint8_t *page = guard_new(qoq_kv_page_bytes(&l));
    struct qserve_vector out;

    cr_assert_eq(qoq_qserve_kv_write(page, v, &l, 0), QOQ_OK);
    cr_assert_eq(qoq_qserve_kv_read(out.back, page, &l, 0), QOQ_OK);
    cr_assert(guard_intact(page));
    for (size_t d = 0; d < dim; d++)
        out.code[d] = code_at(page, &l, 0, 0, d);
    out.scale = scale_at(page, &l, 0, 0);
    out.zero = zero_at(page, &l, 0, 0);
    guard_free(page);
    return out;
}

/* The description of QServe's kernel, operation by operation. */
static void check_qserve_vector(const qoq_half *v, size_t dim, unsigned bits)
{
    struct qserve_vector got = qserve_round_trip(v, dim, bits);
    float per = qoq_half_to_float(v[0]), mn = per, mx = per, range, scale, zero, inverse;
    float q = bits == 4 ? 15.0f : 255.0f, constant = bits == 4 ? 1.0f / 15.0f : 1.0f / 255.0f;

    for (size_t d = 1; d < dim; d++) {
        mn = fminf(mn, qoq_half_to_float(v[d]));
        mx = fmaxf(mx, qoq_half_to_float(v[d]));
    }
    range = (float)((double)mx - (double)mn);
    scale = qoq_half_to_float(qoq_half_from_float((float)((double)range * (double)constant)));
    zero = (float)((double)(float)((double)-q * (double)mn) * (double)divide(1.0f, range));
    zero = qoq_half_to_float(qoq_half_from_float(zero));
    inverse = divide(1.0f, scale);
    cr_assert_eq(qoq_half_to_float(got.scale), scale, SEED_FORMAT, test_seed());
    cr_assert_eq(qoq_half_to_float(got.zero), zero, SEED_FORMAT, test_seed());
    for (size_t d = 0; d < dim; d++) {
        int u = rounded((double)fmaf(inverse, qoq_half_to_float(v[d]), zero), 255);
        double product = (double)scale * (double)zero;
        qoq_half back;

        u = bits == 4 ? u % 16 : u;
        if (bits == 8)
            back = qoq_half_from_float(
                (float)((double)scale * (double)(float)((double)u - (double)zero)));
        else
            back = qoq_half_from_double(
                fma((double)u, (double)scale,
                    -(double)qoq_half_to_float(qoq_half_from_double(product))));
        cr_assert_eq((int)got.code[d], u, "KV%u dim %zu" SEED_FORMAT, bits, d, test_seed());
        cr_assert_eq(got.back[d], back, "KV%u dim %zu: %04x, not %04x" SEED_FORMAT, bits, d,
                     got.back[d], back, test_seed());
    }
}

Test(kv, qserve_matches_its_description)
{
    static const float offsets[] = {0.0f, 0.3f, -4.0f, 30.0f};

    for (size_t i = 0; i < 4000; i++) {
        struct test_random r = test_random(100 + i);
        size_t dim = i % 3 == 0 ? 128 : 2 + 2 * (i % 60);
        qoq_half v[128];

        for (size_t d = 0; d < dim; d++)
            v[d] = qoq_half_from_float(offsets[i % 4] + test_normal(&r, i % 5 == 0 ? 30.0f : 0.7f));
        check_qserve_vector(v, dim, i % 2 ? 8 : 4);
    }
}

/*
 * Short vectors of any finite patterns: here the rounded constants, RCP and the fused operation
 * give other bits than divisions and separate operations would.
 */
Test(kv, qserve_any_patterns)
{
    struct test_random r = test_random(50);

    for (size_t i = 0; i < 60000; i++) {
        size_t dim = 2 + 2 * (i % 4);
        int64_t e = test_integer(&r, 1, 30), span = test_integer(&r, 1, 6);
        qoq_half v[8];

        for (size_t d = 0; d < dim; d++) {
            int64_t exponent = test_integer(&r, e - span > 0 ? e - span : 0, e);
            int64_t sign = i % 3 == 0 ? test_integer(&r, 0, 1) : (int64_t)(i / 3 % 2);

            v[d] = (qoq_half)(sign << 15 | exponent << 10 | test_integer(&r, 0, 1023));
        }
        v[0] = v[0] == v[1] ? v[0] ^ 1 : v[0];
        check_qserve_vector(v, dim, i % 2 ? 8 : 4);
    }
}

/* Ranges whose reciprocal, rounded, moves the zero by a step: a division would give another one. */
Test(kv, qserve_zeros_by_reciprocal)
{
    static const qoq_half kv4[4][2] = {
        {0x99b4, 0xc959}, {0xaedd, 0xaec1}, {0xbe41, 0x1ff6}, {0xd9a9, 0xd98d}};
    static const qoq_half kv8[4][2] = {
        {0xb315, 0x33cb}, {0xdd92, 0xdd5f}, {0x26bd, 0x25d7}, {0x36af, 0xaa88}};

    for (size_t i = 0; i < 4; i++) {
        check_qserve_vector(kv4[i], 2, 4);
        check_qserve_vector(kv8[i], 2, 8);
    }
}

/*
 * Hazard: far from zero a KV4 code of 16 wraps to 0, an error of the whole range; N 7.2 has none.
 */
Test(kv, qserve_codes_wrap)
{
    size_t wrapped = 0;

    for (size_t i = 0; i < 200; i++) {
        struct test_random r = test_random(5000 + i);
        struct qoq_kv_layout l = {4, 1, 1, 128};
        struct qserve_vector got;
        qoq_half v[128];
        uint8_t page[68];
        float x[128], y[128], width = 0.5f + 0.01f * (float)(i % 50);

        for (size_t d = 0; d < 128; d++) {
            v[d] = qoq_half_from_float(-127.0f + test_uniform(&r, width));
            x[d] = qoq_half_to_float(v[d]);
        }
        got = qserve_round_trip(v, 128, 4);
        cr_assert_eq(qoq_kv_write(page, x, &l, 0), QOQ_OK);
        cr_assert_eq(qoq_kv_read(y, page, &l, 0), QOQ_OK);
        for (size_t d = 0; d < 128; d++) {
            wrapped += fabsf(qoq_half_to_float(got.back[d]) - x[d]) > 0.8f;
            cr_assert(fabsf(y[d] - x[d]) <= 0.1f, "%g came back as %g" SEED_FORMAT, (double)x[d],
                      (double)y[d], test_seed());
        }
    }
    cr_assert(wrapped > 0, "no code wrapped" SEED_FORMAT, test_seed());
}

/* Hazard: a constant vector gives scale 0, zero NaN or infinite, and NaN on the way back. */
Test(kv, qserve_constants_are_lost)
{
    static const qoq_half values[] = {0x0000, 0x8000, 0x3c00, 0xbc00, 0x7bff, 0x0001};

    for (size_t i = 0; i < COUNT(values) * 2; i++) {
        qoq_half v[4] = {values[i / 2], values[i / 2], values[i / 2], values[i / 2]};
        struct qserve_vector got = qserve_round_trip(v, 4, i % 2 ? 8 : 4);

        cr_assert_eq(got.scale, 0);
        cr_assert(!qoq_half_is_finite(got.zero), "%04x", got.zero);
        for (size_t d = 0; d < 4; d++) {
            cr_assert_eq(got.code[d], 0);
            cr_assert(isnan(qoq_half_to_float(got.back[d])), "%04x", got.back[d]);
        }
    }
}

/*
 * A range too small for the scale: inverse = inf, so codes are 0 or 255 (15 in KV4) by sign alone.
 */
Test(kv, qserve_vanishing_scale)
{
    const qoq_half v[4] = {0x8001, 0x0000, 0x0001, 0x8000};
    const unsigned kv4[4] = {0, 0, 15, 0}, kv8[4] = {0, 0, 255, 0};
    struct qserve_vector four = qserve_round_trip(v, 4, 4), eight = qserve_round_trip(v, 4, 8);

    cr_assert(four.scale == 0 && eight.scale == 0);
    cr_assert_eq(memcmp(four.code, kv4, sizeof kv4), 0);
    cr_assert_eq(memcmp(eight.code, kv8, sizeof kv8), 0);
}
