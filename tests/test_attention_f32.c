/* SPDX-License-Identifier: Apache-2.0 */
/* Attention of the baseline model: N 12.2. */
#include "attention_inputs.h"

/* N 12.2 operation by operation, and close to the exact softmax. */
Test(attention_f32, matches_model)
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

Test(attention_f32, not_finite)
{
    float x[2] = {1.0f, 1.0f}, k[4] = {1.0f, INFINITY, 2.0f, 3.0f}, v[4] = {1.0f, 2.0f, 3.0f, 4.0f};
    float out[2], work[2];

    cr_assert_eq(qoq_attention_f32(out, work, x, k, v, 2, 1, 1, 2), QOQ_OK);
    cr_assert(isnan(out[0]) && isnan(out[1]));
    k[1] = NAN;
    cr_assert_eq(qoq_attention_f32(out, work, x, k, v, 2, 1, 1, 2), QOQ_OK);
    cr_assert(isnan(out[0]) && isnan(out[1]));
}

Test(attention_f32, argument_errors)
{
    float x[16] = {0}, k[16] = {0}, v[16] = {0}, y[16], work[4];

    cr_assert_eq(qoq_attention_f32(NULL, work, x, k, v, 2, 2, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention_f32(y, NULL, x, k, v, 2, 2, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention_f32(y, work, NULL, k, v, 2, 2, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention_f32(y, work, x, NULL, v, 2, 2, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention_f32(y, work, x, k, NULL, 2, 2, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_attention_f32(y, work, x, k, v, 0, 2, 1, 8), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_f32(y, work, x, k, v, 2, 0, 1, 8), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_f32(y, work, x, k, v, 2, 2, 0, 8), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_f32(y, work, x, k, v, 2, 3, 2, 8), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_f32(y, work, x, k, v, 2, 2, 1, 9), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_attention_f32(y, work, x, k, v, SIZE_MAX / 4, 2, 1, 8), QOQ_ERR_SHAPE);
}
