/* SPDX-License-Identifier: Apache-2.0 */
/* Integer matrix products: N 6.1 to 6.3. */
#include "linear.h"

#include <criterion/criterion.h>
#include <math.h>

static const struct {
    size_t m, n, k, group;
} shapes[] = {{1, 1, 1, 32},    {3, 5, 33, 32},    {2, 7, 172, 96},    {65, 3, 64, 64},
              {4, 9, 576, 128}, {5, 17, 172, 128}, {130, 2, 1025, 32}, {1, 33, 2100, 96}};

#define SHAPES (sizeof shapes / sizeof *shapes)

/* One product and everything it needs. */
struct problem {
    struct qoq_act x;
    struct qoq_weight w;
    float *bias;
    qoq_half *y, *y_bias;
    int32_t *acc;
};

static void compute(struct problem *p)
{
    cr_assert_eq(qoq_gemm_accumulate(p->acc, &p->x, &p->w), QOQ_OK);
    cr_assert_eq(qoq_gemm(p->y, &p->x, &p->w, NULL), QOQ_OK);
    cr_assert_eq(qoq_gemm(p->y_bias, &p->x, &p->w, p->bias), QOQ_OK);
    cr_assert(guard_intact(p->acc) && guard_intact(p->y) && guard_intact(p->y_bias),
              "%zu x %zu x %zu", p->x.m, p->w.n, p->w.k);
}

static struct problem problem_new(struct test_random *r, int scheme, size_t m, size_t n, size_t k,
                                  size_t group)
{
    struct problem p = {.x = random_act(r, m, k),
                        .w = random_weight(r, (enum qoq_scheme)scheme, n, k, group)};

    p.bias = random_floats(r, n, 0.5f);
    p.y = guard_new(m * n * sizeof *p.y);
    p.y_bias = guard_new(m * n * sizeof *p.y_bias);
    p.acc = guard_new(m * n * sizeof *p.acc);
    compute(&p);
    return p;
}

static void problem_free(struct problem *p)
{
    act_free(&p->x);
    weight_free(&p->w);
    guard_free(p->bias);
    guard_free(p->y);
    guard_free(p->y_bias);
    guard_free(p->acc);
}

/* The integer that multiplies activation k in output n, straight from N 4 and 5.1. */
static int weight_value(const struct qoq_weight *w, size_t n, size_t k)
{
    size_t j =
        w->scheme == QOQ_W4_GROUP ? n * ((w->k + w->group - 1) / w->group) + k / w->group : n;

    if (w->scheme == QOQ_W8)
        return w->code[n * w->k + k] < 128 ? w->code[n * w->k + k] : w->code[n * w->k + k] - 256;
    if (w->scheme == QOQ_W4_CHANNEL)
        return (int)plain_get(w->code, w->k, n, k) - w->z[j];
    return ((int)plain_get(w->code, w->k, n, k) - w->z[j]) * w->s2[j];
}

/*
 * N 6.3 in binary64. 53 bits hold the product exactly; the sum is rounded to odd, which keeps the
 * second rounding, to binary32, harmless.
 */
static float expected_output(float c, int64_t i, const float *bias)
{
    double product = (double)c * (double)(float)i, sum, error;

    if (bias == NULL)
        return (float)product;
    sum = product + (double)*bias;
    error = (product - (sum - (sum - product))) + ((double)*bias - (sum - product));
    if (error != 0.0 && (qoq_double_bits(sum) & 1) == 0)
        sum = nextafter(sum, error > 0.0 ? INFINITY : -INFINITY);
    return (float)sum;
}

static void check_output(const struct problem *p, size_t m, size_t n, int64_t integer)
{
    float c = (float)((double)qoq_half_to_float(p->w.s[n]) * (double)p->x.scale[m]);
    size_t i = m * p->w.n + n;

    cr_assert_eq(p->y[i], qoq_half_from_float(expected_output(c, integer, NULL)),
                 "scheme %d, %zu x %zu x %zu, (%zu, %zu)" SEED_FORMAT, p->w.scheme, p->x.m, p->w.n,
                 p->w.k, m, n, test_seed());
    cr_assert_eq(p->y_bias[i], qoq_half_from_float(expected_output(c, integer, p->bias + n)),
                 "scheme %d, %zu x %zu x %zu, (%zu, %zu), bias" SEED_FORMAT, p->w.scheme, p->x.m,
                 p->w.n, p->w.k, m, n, test_seed());
}

static void check_problem(const struct problem *p)
{
    for (size_t m = 0; m < p->x.m; m++) {
        for (size_t n = 0; n < p->w.n; n++) {
            int64_t sum = 0, z = p->w.scheme == QOQ_W4_CHANNEL ? p->w.z[n] : 0;

            for (size_t k = 0; k < p->w.k; k++)
                sum += p->x.q[m * p->w.k + k] * weight_value(&p->w, n, k);
            cr_assert_eq(p->acc[m * p->w.n + n] - z * p->x.sum[m], sum,
                         "scheme %d, %zu x %zu x %zu, (%zu, %zu)" SEED_FORMAT, p->w.scheme, p->x.m,
                         p->w.n, p->w.k, m, n, test_seed());
            check_output(p, m, n, sum);
        }
    }
}

Test(gemm, matches_wide_integers)
{
    struct test_random r = test_random(30);

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        for (size_t i = 0; i < SHAPES; i++) {
            struct problem p =
                problem_new(&r, scheme, shapes[i].m, shapes[i].n, shapes[i].k, shapes[i].group);

            check_problem(&p);
            problem_free(&p);
        }
    }
}

/* The integer path gives the product of the dequantized operands, up to its few roundings. */
Test(gemm, matches_dequantized)
{
    struct test_random r = test_random(31);
    size_t m = 3, n = 5, k = 576;

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct problem p = problem_new(&r, scheme, m, n, k, 128);
        float *x = guard_new(m * k * sizeof *x), *w = guard_new(n * k * sizeof *w);

        cr_assert_eq(qoq_act_dequantize(x, &p.x), QOQ_OK);
        cr_assert_eq(qoq_weight_dequantize(w, &p.w), QOQ_OK);
        for (size_t i = 0; i < m * n; i++) {
            double sum = 0.0, magnitude = 0.0;

            for (size_t j = 0; j < k; j++) {
                double product = (double)x[i / n * k + j] * (double)w[i % n * k + j];

                sum += product;
                magnitude += fabs(product);
            }
            cr_assert_leq(fabs(qoq_half_to_float(p.y[i]) - sum),
                          fabs(sum) * 0x1p-11 + magnitude * 0x1p-22,
                          "scheme %d, element %zu" SEED_FORMAT, scheme, i, test_seed());
        }
        guard_free(x);
        guard_free(w);
        problem_free(&p);
    }
}

/* ---- Metamorphic ---- */

/* Channels are independent: reversing them reverses the output. */
Test(gemm, permuted_channels)
{
    struct test_random r = test_random(32);
    size_t m = 3, n = 9, k = 172;

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct problem p = problem_new(&r, scheme, m, n, k, 96);
        size_t row = qoq_weight_code_bytes(&p.w) / n, groups = qoq_weight_groups(&p.w);
        struct qoq_weight v = weight_new((enum qoq_scheme)scheme, n, k, 96);
        qoq_half *y = guard_new(m * n * sizeof *y);

        for (size_t i = 0; i < n; i++) {
            memcpy(v.code + i * row, p.w.code + (n - 1 - i) * row, row);
            memcpy(v.s2 + i * groups, p.w.s2 + (n - 1 - i) * groups, groups);
            memcpy(v.z + i * groups, p.w.z + (n - 1 - i) * groups, groups);
            v.s[i] = p.w.s[n - 1 - i];
        }
        cr_assert_eq(qoq_gemm(y, &p.x, &v, NULL), QOQ_OK);
        for (size_t i = 0; i < m * n; i++)
            cr_assert_eq(y[i], p.y[i / n * n + n - 1 - i % n], "scheme %d, element %zu" SEED_FORMAT,
                         scheme, i, test_seed());
        guard_free(y);
        weight_free(&v);
        problem_free(&p);
    }
}

/* Input channels first .. first + count - 1, whole groups. */
static struct qoq_weight columns(const struct qoq_weight *w, size_t first, size_t count)
{
    struct qoq_weight v = weight_new(w->scheme, w->n, count, w->group);
    size_t row = qoq_weight_code_bytes(w) / w->n, part = qoq_weight_code_bytes(&v) / w->n;
    size_t groups = qoq_weight_groups(w), part_groups = qoq_weight_groups(&v);
    size_t group = w->scheme == QOQ_W4_GROUP ? first / w->group : 0;

    for (size_t n = 0; n < w->n; n++) {
        memcpy(v.code + n * part, w->code + n * row + first * row / w->k, part);
        memcpy(v.s2 + n * part_groups, w->s2 + n * groups + group, part_groups);
        memcpy(v.z + n * part_groups, w->z + n * groups + group, part_groups);
        v.s[n] = w->s[n];
    }
    return v;
}

static struct qoq_act act_columns(const struct qoq_act *x, size_t first, size_t count)
{
    struct qoq_act y = act_new(x->m, count);

    for (size_t m = 0; m < x->m; m++) {
        memcpy(y.q + m * count, x->q + m * x->k + first, count);
        y.scale[m] = x->scale[m];
        y.sum[m] = 0;
        for (size_t k = 0; k < count; k++)
            y.sum[m] += y.q[m * count + k];
    }
    return y;
}

/* The sum over K is the sum over its parts. */
Test(gemm, split_k)
{
    struct test_random r = test_random(33);
    size_t m = 3, n = 5, k = 2 * 1152, first = 1152;

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct problem p = problem_new(&r, scheme, m, n, k, 128);
        int32_t left[15], right[15];
        struct qoq_weight wl = columns(&p.w, 0, first), wr = columns(&p.w, first, k - first);
        struct qoq_act xl = act_columns(&p.x, 0, first), xr = act_columns(&p.x, first, k - first);

        cr_assert_eq(qoq_gemm_accumulate(left, &xl, &wl), QOQ_OK);
        cr_assert_eq(qoq_gemm_accumulate(right, &xr, &wr), QOQ_OK);
        for (size_t i = 0; i < m * n; i++)
            cr_assert_eq(left[i] + right[i], p.acc[i], "scheme %d, element %zu" SEED_FORMAT, scheme,
                         i, test_seed());
        weight_free(&wl);
        weight_free(&wr);
        act_free(&xl);
        act_free(&xr);
        problem_free(&p);
    }
}

/* Powers of two in either scale pass through exactly. */
Test(gemm, scaled)
{
    struct test_random r = test_random(34);
    size_t m = 3, n = 5, k = 172;

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct problem p = problem_new(&r, scheme, m, n, k, 64);
        qoq_half *before = guard_new(m * n * sizeof *before);

        memcpy(before, p.y, m * n * sizeof *before);
        for (size_t i = 0; i < m; i++)
            p.x.scale[i] *= 4.0f;
        for (size_t i = 0; i < n; i++)
            p.w.s[i] = (qoq_half)(p.w.s[i] + (1 << 10));
        compute(&p);
        for (size_t i = 0; i < m * n; i++)
            cr_assert_eq(qoq_half_to_float(p.y[i]), 8.0f * qoq_half_to_float(before[i]),
                         "scheme %d, element %zu" SEED_FORMAT, scheme, i, test_seed());
        guard_free(before);
        problem_free(&p);
    }
}

/* A group whose codes all equal its zero point adds nothing, as if its activations were zero. */
Test(gemm, zeroed_group)
{
    struct test_random r = test_random(35);
    size_t m = 3, n = 5, k = 172, group = 64;
    struct problem p = problem_new(&r, QOQ_W4_GROUP, m, n, k, group);
    struct problem q = problem_new(&r, QOQ_W4_GROUP, m, n, k, group);

    memcpy(q.w.code, p.w.code, qoq_weight_code_bytes(&p.w));
    memcpy(q.w.s2, p.w.s2, n * 3);
    memcpy(q.w.z, p.w.z, n * 3);
    memcpy(q.w.s, p.w.s, n * sizeof *q.w.s);
    memcpy(q.x.q, p.x.q, m * k);
    for (size_t i = group; i < 2 * group; i++) {
        for (size_t j = 0; j < n; j++)
            plain_set(p.w.code, k, j, i, p.w.z[3 * j + 1]);
        for (size_t j = 0; j < m; j++)
            q.x.q[j * k + i] = 0;
    }
    compute(&p);
    compute(&q);
    cr_assert_eq(memcmp(p.acc, q.acc, m * n * sizeof *p.acc), 0, SEED_FORMAT, test_seed());
    problem_free(&p);
    problem_free(&q);
}

/* A batch gives what its tokens give alone, across the blocks of rows inside. */
Test(gemm, batch)
{
    struct test_random r = test_random(36);
    size_t m = 131, n = 3, k = 172;

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct problem p = problem_new(&r, scheme, m, n, k, 96);

        for (size_t i = 0; i < m; i++) {
            struct qoq_act one = {1, k, p.x.q + i * k, p.x.scale + i, p.x.sum + i};
            qoq_half y[3];

            cr_assert_eq(qoq_gemm(y, &one, &p.w, p.bias), QOQ_OK);
            cr_assert_eq(memcmp(y, p.y_bias + i * n, sizeof y), 0, "scheme %d, row %zu" SEED_FORMAT,
                         scheme, i, test_seed());
        }
        problem_free(&p);
    }
}

/* ---- Limits and special values ---- */

/* Every row and channel at its extreme at the largest K: the bounds of N 6.1 and 6.2. */
Test(gemm, largest_sums)
{
    size_t k = 131072, groups = k / 32;
    int8_t *q = malloc(2 * k);
    uint8_t *code = malloc(k), *s2 = malloc(groups), *z = malloc(groups);
    float scale[2] = {0x1p-20f, 0x1p-20f};
    int32_t sum[2] = {127 * 131072, -127 * 131072}, acc[2];
    qoq_half s = 0x3c00, y[2];
    struct qoq_act x = {2, k, q, scale, sum};
    struct qoq_weight w = {
        .scheme = QOQ_W8, .n = 1, .k = k, .code = code, .s = &s, .s2 = s2, .z = z};

    memset(q, 127, k);
    memset(q + k, -127, k);
    memset(code, 0x80, k);
    cr_assert_eq(qoq_gemm_accumulate(acc, &x, &w), QOQ_OK);
    cr_assert(acc[0] == -127 * 128 * 131072 && acc[1] == 127 * 128 * 131072, "W8: %d, %d", acc[0],
              acc[1]);
    w.scheme = QOQ_W4_GROUP, w.group = 32;
    memset(code, 0x00, k);
    memset(s2, 16, groups);
    memset(z, 8, groups);
    cr_assert_eq(qoq_weight_check(&w), QOQ_OK);
    cr_assert_eq(qoq_gemm_accumulate(acc, &x, &w), QOQ_OK);
    cr_assert(acc[0] == -127 * 128 * 131072 && acc[1] == 127 * 128 * 131072, "W4 per group: %d, %d",
              acc[0], acc[1]);
    w.scheme = QOQ_W4_CHANNEL, w.group = 0;
    z[0] = 15;
    cr_assert_eq(qoq_gemm(y, &x, &w, NULL), QOQ_OK);
    cr_assert_eq(qoq_half_to_float(y[0]), -238.125f, "-127 * 15 / 8");
    cr_assert_eq(qoq_half_to_float(y[1]), 238.125f);
    free(q);
    free(code);
    free(s2);
    free(z);
}

/* The output for one activation code a and one W8 weight b. */
static qoq_half single(float act_scale, qoq_half weight_scale, int8_t a, int8_t b,
                       const float *bias)
{
    int32_t sum = a;
    uint8_t code = (uint8_t)b;
    struct qoq_act x = {1, 1, &a, &act_scale, &sum};
    struct qoq_weight w = {.scheme = QOQ_W8, .n = 1, .k = 1, .code = &code, .s = &weight_scale};
    qoq_half y;

    cr_assert_eq(qoq_gemm(&y, &x, &w, bias), QOQ_OK);
    return y;
}

Test(gemm, output_range)
{
    const float one = 1.0f, huge = INFINITY;

    cr_assert_eq(single(65504.0f / 127.0f, 0x3c00, 127, 1, NULL), 0x7bff);
    cr_assert_eq(single(65520.0f, 0x3c00, 1, -1, NULL), 0xfc00,
                 "65520 is the first to give infinity");
    cr_assert_eq(single(0x1.ffdffep+15f, 0x3c00, 1, 1, NULL), 0x7bff, "just below 65520");
    cr_assert_eq(single(0x1p-20f, 0x0001, 1, 1, NULL), 0x0000, "2^-44 in a binary16");
    cr_assert_eq(single(1.0f, 0x0001, 3, 1, NULL), 0x0003, "a subnormal weight scale");
    cr_assert_eq(single(0x1p-149f, 0x7800, 127, 127, &one), 0x3c00, "a subnormal activation scale");
    cr_assert_eq(single(1.0f, 0x3c00, 1, 1, &huge), 0x7c00);
}

/* The product is not rounded before the bias is added: against its own rounding a rest stays. */
Test(gemm, bias_is_fused)
{
    const float bias = -0x1.000002p+0f * 113.0f, c = 0x1.000002p+0f;

    cr_assert_eq(single(c, 0x3c00, 113, 1, &bias), qoq_half_from_float(fmaf(c, 113.0f, bias)));
    cr_assert_neq(single(c, 0x3c00, 113, 1, &bias), 0x0000, "two roundings would cancel");
}

/* N 1.4: a token with NaN or infinity is NaN in every output, and alone. */
Test(gemm, not_finite)
{
    struct test_random r = test_random(37);
    size_t n = 5, k = 64;

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct qoq_weight w = random_weight(&r, (enum qoq_scheme)scheme, n, k, 32);
        qoq_half *x = random_halves(&r, 3 * k, 2.0f), y[15], alone[5];
        struct qoq_act act = act_new(3, k),
                       last = {1, k, act.q + 2 * k, act.scale + 2, act.sum + 2};

        x[7] = 0x7e00;
        x[k + 9] = 0xfc00;
        cr_assert_eq(qoq_act_quantize(&act, x), QOQ_OK);
        cr_assert_eq(qoq_gemm(y, &act, &w, NULL), QOQ_OK);
        for (size_t i = 0; i < 2 * n; i++)
            cr_assert_eq(y[i], 0x7e00, "scheme %d, element %zu" SEED_FORMAT, scheme, i,
                         test_seed());
        cr_assert_eq(qoq_gemm(alone, &last, &w, NULL), QOQ_OK);
        cr_assert_eq(memcmp(alone, y + 2 * n, sizeof alone), 0, "scheme %d" SEED_FORMAT, scheme,
                     test_seed());
        act_free(&act);
        weight_free(&w);
        guard_free(x);
    }
}

/* A zero token gives zeros, and with a bias the bias. */
Test(gemm, zero_token)
{
    struct test_random r = test_random(38);
    size_t n = 5, k = 64;

    for (int scheme = 0; scheme < QOQ_SCHEMES; scheme++) {
        struct problem p = problem_new(&r, scheme, 1, n, k, 32);

        memset(p.x.q, 0, k);
        p.x.sum[0] = 0;
        p.x.scale[0] = 0x1p-107f;
        compute(&p);
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq(p.y[i] & 0x7fff, 0, "scheme %d, element %zu" SEED_FORMAT, scheme, i,
                         test_seed());
            cr_assert_eq(p.y_bias[i], qoq_half_from_float(p.bias[i]),
                         "scheme %d, element %zu" SEED_FORMAT, scheme, i, test_seed());
        }
        problem_free(&p);
    }
}

Test(gemm, argument_errors)
{
    struct test_random r = test_random(39);
    struct problem p = problem_new(&r, QOQ_W4_GROUP, 2, 3, 40, 32);
    struct qoq_act x;
    struct qoq_weight w;

    cr_assert_eq(qoq_gemm(NULL, &p.x, &p.w, NULL), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_gemm(p.y, NULL, &p.w, NULL), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_gemm(p.y, &p.x, NULL, NULL), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_gemm_accumulate(NULL, &p.x, &p.w), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_gemm_accumulate(p.acc, NULL, &p.w), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_gemm_accumulate(p.acc, &p.x, NULL), QOQ_ERR_ARGUMENT);
    x = p.x, x.k = 39;
    cr_assert_eq(qoq_gemm(p.y, &x, &p.w, NULL), QOQ_ERR_SHAPE);
    x = p.x, x.m = SIZE_MAX / 256;
    w = p.w, w.n = SIZE_MAX / 256;
    cr_assert_eq(qoq_gemm(p.y, &x, &w, NULL), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_gemm_accumulate(p.acc, &x, &w), QOQ_ERR_SHAPE);
    w = p.w, w.group = 33;
    cr_assert_eq(qoq_gemm(p.y, &p.x, &w, NULL), QOQ_ERR_SHAPE);
    x = p.x, x.scale = NULL;
    cr_assert_eq(qoq_gemm(p.y, &x, &p.w, NULL), QOQ_ERR_ARGUMENT);
    w = p.w, w.s2 = NULL;
    cr_assert_eq(qoq_gemm_accumulate(p.acc, &p.x, &w), QOQ_ERR_ARGUMENT);
    problem_free(&p);
}
