/* SPDX-License-Identifier: Apache-2.0 */
/* What the arrays of the bench hold, made on the host. */
#include "gpu/bench/contents.h"

#include <stdlib.h>

#include "numerics/gen.h"
#include "numerics/half.h"

/* Longer arrays repeat. */
enum { PERIOD = 1 << 20, PERIOD_PAGES = 8 };

static float bell(uint64_t i)
{
    return (float)qoq_bell(qoq_gen(1, i)) * 0x1p-16f;
}

static float small(uint64_t i)
{
    return 0x1p-7f * (1.0f + (float)(qoq_gen(2, i) >> 40) * 0x1p-24f);
}

/* s2 of 1..8 and z of 0..15: (q - z) * s2 lies in [-120, 120]. */
static uint8_t group_parameter(uint64_t i, int zero)
{
    uint64_t u = qoq_gen(3, i);
    unsigned s2 = 1 + (unsigned)(u >> 61), z = (unsigned)(u >> 20) & 15;

    return (uint8_t)(zero ? 0u - z * s2 : s2);
}

static void fill_bytes(uint8_t *data, size_t bytes, enum qoq_bench_content content)
{
    for (size_t i = 0; i < bytes; i++) {
        data[i] = content == QOQ_BENCH_GROUP_SCALE  ? group_parameter(i, 0)
                  : content == QOQ_BENCH_GROUP_ZERO ? group_parameter(i, 1)
                                                    : (uint8_t)(qoq_gen(4, i) >> 32);
        data[i] = content == QOQ_BENCH_NIBBLES ? data[i] & 15 : data[i];
    }
}

static void fill_numbers(void *data, size_t bytes, enum qoq_bench_content content)
{
    int halves = content == QOQ_BENCH_HALVES || content == QOQ_BENCH_SMALL_HALVES;
    int around_0 = content == QOQ_BENCH_HALVES || content == QOQ_BENCH_FLOATS;

    for (size_t i = 0; i < bytes / (halves ? 2 : 4); i++) {
        float x = around_0 ? bell(i) : small(i);

        if (halves) {
            ((qoq_half *)data)[i] = qoq_half_from_float(x);
        } else {
            ((float *)data)[i] = x;
        }
    }
}

static void fill_integers(int32_t *data, size_t count, const struct qoq_bench_array *array)
{
    uint64_t state = 5;

    for (size_t i = 0; i < count; i++) {
        data[i] = array->content == QOQ_BENCH_SUMS ? (int32_t)(qoq_gen_next(&state) >> 48) - 32768
                  : array->content == QOQ_BENCH_CONSTANT ? array->value
                  : array->content == QOQ_BENCH_STEPS    ? array->value * (int32_t)i
                                                         : array->value + (int32_t)i;
    }
    for (size_t i = count; array->content == QOQ_BENCH_SHUFFLED && i > 1; i--) {
        size_t j = (size_t)(qoq_gen_next(&state) % i);
        int32_t last = data[i - 1];

        data[i - 1] = data[j];
        data[j] = last;
    }
}

/* Pages of quantized numbers. */
static enum qoq_status fill_pages(uint8_t *data, size_t pages, const struct qoq_kv_layout *layout)
{
    size_t row = layout->heads * layout->head_dim;
    float *x = malloc(row * sizeof *x);
    enum qoq_status status = x == NULL ? QOQ_ERR_MEMORY : QOQ_OK;

    for (size_t i = 0; status == QOQ_OK && i < pages * layout->page_tokens; i++) {
        for (size_t j = 0; j < row; j++) {
            x[j] = bell(i * row + j);
        }
        status = qoq_kv_write(data + i / layout->page_tokens * qoq_kv_page_bytes(layout), x, layout,
                              i % layout->page_tokens);
    }
    free(x);
    return status;
}

static size_t period_of(const struct qoq_bench_array *array)
{
    size_t page = array->content == QOQ_BENCH_PAGES ? qoq_kv_page_bytes(&array->layout) : 0;
    int whole = array->content == QOQ_BENCH_SHUFFLED || array->content == QOQ_BENCH_COUNT_UP;
    size_t period = page != 0 ? PERIOD_PAGES * page : PERIOD;

    return whole || array->bytes < period ? array->bytes : period;
}

void *qoq_bench_contents(const struct qoq_bench_array *array, size_t *bytes)
{
    size_t period = period_of(array);
    void *data = period == 0 ? NULL : calloc(1, period);
    enum qoq_status status = QOQ_OK;

    *bytes = period;
    if (data == NULL) {
        return NULL;
    }
    switch (array->content) {
    case QOQ_BENCH_OUTPUT:
        break;
    case QOQ_BENCH_BYTES:
    case QOQ_BENCH_NIBBLES:
    case QOQ_BENCH_GROUP_SCALE:
    case QOQ_BENCH_GROUP_ZERO:
        fill_bytes(data, period, array->content);
        break;
    case QOQ_BENCH_HALVES:
    case QOQ_BENCH_FLOATS:
    case QOQ_BENCH_SMALL_HALVES:
    case QOQ_BENCH_SMALL_FLOATS:
        fill_numbers(data, period, array->content);
        break;
    case QOQ_BENCH_PAGES:
        status = fill_pages(data, period / qoq_kv_page_bytes(&array->layout), &array->layout);
        break;
    default:
        fill_integers(data, period / 4, array);
    }
    if (status != QOQ_OK) {
        free(data);
        return NULL;
    }
    return data;
}
