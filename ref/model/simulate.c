/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding of activations and cache entries that the baseline imitates (N 12.6). */
#include "model/simulate.h"

#include "numerics/reduce.h"
#include "numerics/round.h"
#include "ops/head.h"

static void round_group(float *x, size_t count, int32_t most_code)
{
    float a = qoq_scale_floor(qoq_max_abs(x, count));
    float scale = a / (float)most_code, r = (float)most_code / a;

    for (size_t i = 0; i < count; i++) {
        x[i] = scale * (float)qoq_round_clamp(x[i] * r, -most_code, most_code);
    }
}

void qoq_simulate_activations(float *x, size_t rows, size_t k,
                              const struct qoq_simulation *simulation)
{
    size_t group = simulation->act_group != 0 ? simulation->act_group : k;
    int32_t most_code = simulation->act_bits == 4 ? 7 : 127;

    if (simulation->act_bits == 0) {
        return;
    }
    for (size_t m = 0; m < rows; m++) {
        for (size_t first = 0; first < k; first += group) {
            round_group(x + m * k + first, first + group < k ? group : k - first, most_code);
        }
    }
}

enum qoq_status qoq_simulate_cache(float *v, size_t heads, size_t head_dim,
                                   const struct qoq_simulation *simulation)
{
    uint8_t page[QOQ_MAX_HEAD_DIM + 4]; /* one head, one token: codes, scale and zero */
    struct qoq_kv_layout layout = {simulation->kv_bits, 1, 1, head_dim};

    for (size_t h = 0; h < heads && simulation->kv_bits != 0; h++) {
        QOQ_TRY(qoq_kv_write(page, v + h * head_dim, &layout, 0));
        QOQ_TRY(qoq_kv_read(v + h * head_dim, page, &layout, 0));
    }
    return QOQ_OK;
}
