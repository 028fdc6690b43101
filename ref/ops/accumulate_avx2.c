/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integer products (N 6.1) with AVX2: a panel of weights, QOQ_BLOCK_CHANNELS rows of a chunk of
 * input channels, is unpacked once and used for all tokens of the block, two tokens by four
 * channels at a time. Partial sums run along the input channels, in any order (N 1.2).
 */
#include "ops/accumulate.h"
#include "ops/weight_row.h"

#if QOQ_FMA_TARGET
#include <immintrin.h>
#include <string.h>

/* Input channels of a vector of activations. */
#define LANES 32

/* Input channels of a panel; a multiple of 2 * LANES. */
#define CHUNK 1024

/* The operands of 4-bit codes per channel are bytes in 0 .. 15; others are widened to int16. */
union panel {
    __m256i align;
    int8_t byte[QOQ_BLOCK_CHANNELS][CHUNK];
    int16_t word[QOQ_BLOCK_CHANNELS][CHUNK];
};

/* acc0, acc1 [4] += activations q0, q1 [steps * LANES] times channels j .. j + 3 of the panel, from
 * input channel k of the chunk on. */
typedef void add_tile(int32_t *acc0, int32_t *acc1, const int8_t *q0, const int8_t *q1,
                      const union panel *panel, size_t j, size_t k, size_t steps);

/* Vectors of partial sums, one a channel. */
struct sums {
    __m256i s0, s1, s2, s3;
};

QOQ_WITH_FMA QOQ_INLINE __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

QOQ_WITH_FMA QOQ_INLINE struct sums zero_sums(void)
{
    __m256i zero = _mm256_setzero_si256();

    return (struct sums){zero, zero, zero, zero};
}

/* acc [4] += the totals of s, modulo 2^32. */
QOQ_WITH_FMA QOQ_INLINE void add_totals(int32_t *acc, struct sums s)
{
    __m256i t = _mm256_hadd_epi32(_mm256_hadd_epi32(s.s0, s.s1), _mm256_hadd_epi32(s.s2, s.s3));
    __m128i total = _mm_add_epi32(_mm256_castsi256_si128(t), _mm256_extracti128_si256(t, 1));

    _mm_storeu_si128((__m128i *)acc, _mm_add_epi32(_mm_loadu_si128((__m128i *)acc), total));
}

/* ---- Bytes in 0 .. 15 ---- */

/*
 * Vectors of activations whose products are summed in int16: each adds two products to a lane, at
 * most 2 * 15 * 128 = 3840 in magnitude, and 8 of them at most 30720, so nothing saturates or
 * wraps.
 */
#define NARROW_STEPS 8

QOQ_WITH_FMA QOQ_INLINE struct sums add_bytes(struct sums s, __m256i a, const int8_t *b)
{
    s.s0 = _mm256_add_epi16(s.s0, _mm256_maddubs_epi16(load(b), a));
    s.s1 = _mm256_add_epi16(s.s1, _mm256_maddubs_epi16(load(b + CHUNK), a));
    s.s2 = _mm256_add_epi16(s.s2, _mm256_maddubs_epi16(load(b + 2 * CHUNK), a));
    s.s3 = _mm256_add_epi16(s.s3, _mm256_maddubs_epi16(load(b + 3 * CHUNK), a));
    return s;
}

/* Lanes of s are sums of the int16 pairs of narrow. */
QOQ_WITH_FMA QOQ_INLINE struct sums add_widened(struct sums s, struct sums narrow)
{
    __m256i one = _mm256_set1_epi16(1);

    s.s0 = _mm256_add_epi32(s.s0, _mm256_madd_epi16(narrow.s0, one));
    s.s1 = _mm256_add_epi32(s.s1, _mm256_madd_epi16(narrow.s1, one));
    s.s2 = _mm256_add_epi32(s.s2, _mm256_madd_epi16(narrow.s2, one));
    s.s3 = _mm256_add_epi32(s.s3, _mm256_madd_epi16(narrow.s3, one));
    return s;
}

QOQ_WITH_FMA static void add_byte_tile(int32_t *acc0, int32_t *acc1, const int8_t *q0,
                                       const int8_t *q1, const union panel *panel, size_t j,
                                       size_t k, size_t steps)
{
    const int8_t *b = panel->byte[j] + k;
    struct sums s0 = zero_sums(), s1 = zero_sums();

    for (size_t i = 0; i < steps;) {
        size_t end = steps - i < NARROW_STEPS ? steps : i + NARROW_STEPS;
        struct sums t0 = zero_sums(), t1 = zero_sums();

        for (; i < end; i++) {
            t0 = add_bytes(t0, load(q0 + i * LANES), b + i * LANES);
            t1 = add_bytes(t1, load(q1 + i * LANES), b + i * LANES);
        }
        s0 = add_widened(s0, t0);
        s1 = add_widened(s1, t1);
    }
    add_totals(acc0, s0);
    add_totals(acc1, s1);
}

/* ---- Operands in -128 .. 127, as int16 ---- */

/* 16 activations as int16. */
QOQ_WITH_FMA QOQ_INLINE __m256i load_words(const int8_t *q)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)q));
}

/* A lane grows by two products, at most 2^15 in magnitude: at most 2^24 in a chunk of 1024. */
QOQ_WITH_FMA QOQ_INLINE struct sums add_words(struct sums s, __m256i a, const int16_t *b)
{
    s.s0 = _mm256_add_epi32(s.s0, _mm256_madd_epi16(load(b), a));
    s.s1 = _mm256_add_epi32(s.s1, _mm256_madd_epi16(load(b + CHUNK), a));
    s.s2 = _mm256_add_epi32(s.s2, _mm256_madd_epi16(load(b + 2 * CHUNK), a));
    s.s3 = _mm256_add_epi32(s.s3, _mm256_madd_epi16(load(b + 3 * CHUNK), a));
    return s;
}

QOQ_WITH_FMA static void add_word_tile(int32_t *acc0, int32_t *acc1, const int8_t *q0,
                                       const int8_t *q1, const union panel *panel, size_t j,
                                       size_t k, size_t steps)
{
    const int16_t *b = panel->word[j] + k;
    struct sums s0 = zero_sums(), s1 = zero_sums();

    for (size_t i = 0; i < steps * LANES; i += LANES / 2) {
        s0 = add_words(s0, load_words(q0 + i), b + i);
        s1 = add_words(s1, load_words(q1 + i), b + i);
    }
    add_totals(acc0, s0);
    add_totals(acc1, s1);
}

/* ---- Panels ---- */

/* Whole vectors are filled; the operands past count are 0. */
QOQ_WITH_FMA static void fill(union panel *panel, const struct qoq_weight *w, size_t n,
                              size_t first, size_t count)
{
    size_t whole = (count + LANES - 1) / LANES * LANES;

    for (size_t j = 0; j < QOQ_BLOCK_CHANNELS; j++) {
        int8_t row[CHUNK], *b = w->scheme == QOQ_W4_CHANNEL ? panel->byte[j] : row;

        qoq_weight_operand_run(b, w, n + j, first, count);
        memset(b + count, 0, whole - count);
        for (size_t i = 0; b == row && i < whole; i += 16)
            _mm256_storeu_si256((__m256i *)(panel->word[j] + i), load_words(row + i));
    }
}

/* Two tokens times all channels of the panel; what is left of a vector is completed by zeros. */
QOQ_WITH_FMA static void add_pair(int32_t *acc0, int32_t *acc1, const int8_t *q0, const int8_t *q1,
                                  const union panel *panel, size_t count, add_tile *add)
{
    size_t steps = count / LANES, whole = steps * LANES;
    int8_t rest0[LANES] = {0}, rest1[LANES] = {0};

    memcpy(rest0, q0 + whole, count - whole);
    memcpy(rest1, q1 + whole, count - whole);
    for (size_t j = 0; j < QOQ_BLOCK_CHANNELS; j += 4) {
        add(acc0 + j, acc1 + j, q0, q1, panel, j, 0, steps);
        if (whole < count)
            add(acc0 + j, acc1 + j, rest0, rest1, panel, j, whole, 1);
    }
}

QOQ_WITH_FMA void qoq_accumulate_avx2(int32_t (*acc)[QOQ_BLOCK_CHANNELS], const int8_t *q,
                                      size_t rows, const struct qoq_weight *w, size_t n,
                                      size_t channels)
{
    add_tile *add = w->scheme == QOQ_W4_CHANNEL ? add_byte_tile : add_word_tile;
    union panel panel;

    if (channels < QOQ_BLOCK_CHANNELS) {
        qoq_accumulate_plain(acc, q, rows, w, n, channels);
        return;
    }
    memset(acc, 0, rows * sizeof *acc);
    for (size_t first = 0; first < w->k; first += CHUNK) {
        size_t count = w->k - first < CHUNK ? w->k - first : CHUNK;

        fill(&panel, w, n, first, count);
        for (size_t m = 0; m < rows; m += 2) {
            const int8_t *q0 = q + m * w->k + first;
            int32_t spare[QOQ_BLOCK_CHANNELS] = {0};
            int two = m + 1 < rows;

            add_pair(acc[m], two ? acc[m + 1] : spare, q0, two ? q0 + w->k : q0, &panel, count,
                     add);
        }
    }
}

#endif
