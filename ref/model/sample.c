/* SPDX-License-Identifier: Apache-2.0 */
/* The next token from a row of logits (N 12.5). */
#include "model/model.h"

#include "numerics/gen.h"
#include "numerics/elementary.h"
#include "numerics/exp_all.h"
#include "numerics/reduce.h"

#include <math.h>

static int32_t first_of(const float *logits, size_t vocab, float value)
{
    size_t i = 0;

    while (i < vocab - 1 && logits[i] != value) {
        i++;
    }
    return (int32_t)i;
}

/* A key that orders like the number; both zeros have the same. */
static uint32_t order_key(float x)
{
    uint32_t u = qoq_float_bits(x + 0.0f);

    return u >> 31 ? ~u : u | UINT32_C(0x80000000);
}

/* The k largest logits: all with a key above `key`, and the first `ties` of those with it. */
struct cut {
    uint32_t key;
    size_t ties;
};

/* Finds the k-th largest key byte by byte from the top; 1 <= k <= vocab. */
static struct cut find_cut(const float *logits, size_t vocab, size_t k)
{
    struct cut cut = {0, k};

    for (int shift = 24; shift >= 0; shift -= 8) {
        size_t count[256] = {0};
        for (size_t i = 0; i < vocab; i++) {
            uint32_t key = order_key(logits[i]);
            if (shift == 24 || key >> (shift + 8) == cut.key >> (shift + 8)) {
                count[key >> shift & 255]++;
            }
        }
        uint32_t byte = 255;
        while (count[byte] < cut.ties) {
            cut.ties -= count[byte--];
        }
        cut.key |= byte << shift;
    }
    return cut;
}

/* Zeroes the weights outside the k largest logits. */
static void keep_largest(float *weight, const float *logits, size_t vocab, size_t k)
{
    struct cut cut = find_cut(logits, vocab, k);

    for (size_t i = 0; i < vocab; i++) {
        uint32_t key = order_key(logits[i]);
        if (key == cut.key && cut.ties > 0) {
            cut.ties--;
        } else if (key <= cut.key) {
            weight[i] = 0.0f;
        }
    }
}

/* The first index whose cumulative weight exceeds u * total. One always does: u < 1. */
static int32_t draw_index(const float *weight, size_t vocab, double u)
{
    double total = 0, cumulative = 0;
    size_t i = 0;

    for (size_t j = 0; j < vocab; j++) {
        total += (double)weight[j];
    }
    double threshold = u * total;
    for (; i < vocab - 1; i++) {
        cumulative += (double)weight[i];
        if (cumulative > threshold) {
            break;
        }
    }
    return (int32_t)i;
}

int32_t qoq_sample(float *work, const float *logits, size_t vocab, uint64_t draw,
                   const struct qoq_sampling *sampling)
{
    float lo, hi, temperature = sampling->temperature;

    if (vocab == 0 || !(temperature >= 0) || !isfinite(temperature)) {
        return -1;
    }
    qoq_min_max(&lo, &hi, logits, vocab);
    if (!isfinite(hi)) {
        return -1;
    }
    if (temperature == 0) {
        return first_of(logits, vocab, hi);
    }
    for (size_t i = 0; i < vocab; i++) {
        work[i] = (logits[i] - hi) / temperature;
    }
    qoq_exp_all(work, vocab);
    if (sampling->top_k != 0 && sampling->top_k < vocab) {
        keep_largest(work, logits, vocab, sampling->top_k);
    }
    return draw_index(work, vocab, (double)(qoq_gen(sampling->seed, draw) >> 11) * 0x1p-53);
}
