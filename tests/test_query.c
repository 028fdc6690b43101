/* SPDX-License-Identifier: Apache-2.0 */
/* Quantized queries: N 11.1. */
#include "attention_inputs.h"

Test(query, codes)
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

Test(query, not_finite)
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

Test(query, argument_errors)
{
    float x[16] = {0}, scale[2];
    int16_t q[16];
    int32_t sum[2];

    cr_assert_eq(qoq_query_quantize(NULL, scale, sum, x, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_query_quantize(q, NULL, sum, x, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_query_quantize(q, scale, NULL, x, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_query_quantize(q, scale, sum, NULL, 1, 8), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_query_quantize(q, scale, sum, x, 0, 8), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_query_quantize(q, scale, sum, x, 1, 7), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_query_quantize(q, scale, sum, x, 1, 0), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_query_quantize(q, scale, sum, x, 1, 258), QOQ_ERR_SHAPE);
    cr_assert_eq(qoq_query_quantize(q, scale, sum, x, SIZE_MAX / 8, 8), QOQ_ERR_SHAPE);
}
