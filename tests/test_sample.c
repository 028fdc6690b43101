/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring and sampling (N 12.4, 12.5): properties, and long double where there is a number to
 * compare. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "qoq_model.h"
#include "tests/seed.h"

#define VOCAB 1000

static void random_logits(float *logits, size_t count, uint64_t stream)
{
    struct test_random random = test_random(stream);

    for (size_t i = 0; i < count; i++) {
        logits[i] = test_uniform(&random, 8);
    }
}

/* ---- Scoring ---- */

/* The sum is binary32, so its relative error (at most 2^-20 here) is the absolute error of the
 * likelihood. */
Test(score, nll_against_long_double)
{
    static const size_t sizes[] = {1, 2, 15, 16, 17, 511, 512, VOCAB};
    float logits[VOCAB], work[VOCAB];

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t vocab = sizes[i];
        random_logits(logits, vocab, i);
        long double sum = 0;
        for (size_t j = 0; j < vocab; j++) {
            sum += expl((long double)logits[j]);
        }
        for (size_t target = 0; target < vocab; target += 1 + vocab / 5) {
            double expected = (double)(logl(sum) - (long double)logits[target]);
            double got = qoq_token_nll(work, logits, vocab, (int32_t)target);
            cr_expect(fabs(got - expected) < 1e-6,
                      "vocab %zu, target %zu: %.12g, expected %.12g" SEED_FORMAT, vocab, target,
                      got, expected, test_seed());
        }
    }
}

Test(score, nll_properties)
{
    float logits[VOCAB], moved[VOCAB], work[VOCAB];
    double total = 0;

    random_logits(logits, VOCAB, 50);
    for (size_t i = 0; i < VOCAB; i++) {
        total += exp(-qoq_token_nll(work, logits, VOCAB, (int32_t)i));
        moved[i] = logits[i] + 64; /* exact: multiples of 2^-21 below 2^7 */
    }
    cr_expect(fabs(total - 1) < 1e-6, "probabilities add up to %.9g", total);
    double before = qoq_token_nll(work, logits, VOCAB, 7);
    cr_expect(fabs(qoq_token_nll(work, moved, VOCAB, 7) - before) < 2e-5,
              "an offset changes nothing");
    cr_expect_eq(qoq_token_nll(logits, logits, VOCAB, 7), before, "work may be logits");
    float certain[] = {-200, 0, -200};
    cr_expect_eq(qoq_token_nll(work, certain, 3, 1), 0);
    cr_expect_eq(qoq_token_nll(work, certain, 3, 0), 200);
    float even[] = {3, 3, 3, 3};
    cr_expect(fabs(qoq_token_nll(work, even, 4, 2) - log(4)) < 1e-15);
    float one[] = {-INFINITY, 5};
    cr_expect_eq(qoq_token_nll(work, one, 2, 1), 0);
    cr_expect_eq(qoq_token_nll(work, one, 2, 0), INFINITY);
}

Test(score, nll_of_nonsense_is_nan)
{
    float nan[] = {0, NAN, 1}, infinite[] = {0, INFINITY, 1}, nothing[] = {-INFINITY, -INFINITY},
          fine[] = {0, 1}, work[3];

    cr_expect(isnan(qoq_token_nll(work, nan, 3, 0)));
    cr_expect(isnan(qoq_token_nll(work, infinite, 3, 0)));
    cr_expect(isnan(qoq_token_nll(work, nothing, 2, 0)));
    cr_expect(isnan(qoq_token_nll(work, fine, 2, 2)));
    cr_expect(isnan(qoq_token_nll(work, fine, 2, -1)));
    cr_expect(isnan(qoq_token_nll(work, fine, 0, 0)));
}

Test(score, perplexity)
{
    cr_expect_eq(qoq_perplexity(0), 1);
    for (double mean = 0.125; mean < 12; mean += 0.25) {
        double expected = (double)expl((long double)mean);
        cr_expect(fabs(qoq_perplexity(mean) / expected - 1) < 1e-14, "mean %g", mean);
    }
    cr_expect(isnan(qoq_perplexity(NAN)));
}

/* ---- Sampling ---- */

static int32_t draw(const float *logits, size_t vocab, uint64_t number, float temperature,
                    size_t top_k, uint64_t seed)
{
    float work[VOCAB];
    struct qoq_sampling sampling = {temperature, top_k, seed};

    return qoq_sample(work, logits, vocab, number, &sampling);
}

Test(sample, greedy_takes_the_lowest_of_the_largest)
{
    float ties[] = {-1, 4, 2, 4, 4}, zeros[] = {-3, -0.0f, 0.0f},
          low[] = {-INFINITY, -9, -INFINITY};

    cr_expect_eq(draw(ties, 5, 0, 0, 0, 1), 1);
    cr_expect_eq(draw(ties, 5, 9, 0, 3, 2), 1);
    cr_expect_eq(draw(zeros, 3, 0, 0, 0, 1), 1, "zeros of either sign are equal");
    cr_expect_eq(draw(low, 3, 0, 0, 0, 1), 1);
    cr_expect_eq(draw(ties, 1, 0, 0, 0, 1), 0);
}

Test(sample, nonsense_is_refused)
{
    float nan[] = {0, NAN}, infinite[] = {INFINITY, 0}, nothing[] = {-INFINITY, -INFINITY},
          fine[] = {0, 1};

    for (int hot = 0; hot < 2; hot++) {
        cr_expect_eq(draw(nan, 2, 0, (float)hot, 0, 1), -1);
        cr_expect_eq(draw(infinite, 2, 0, (float)hot, 0, 1), -1);
        cr_expect_eq(draw(nothing, 2, 0, (float)hot, 0, 1), -1);
        cr_expect_eq(draw(fine, 0, 0, (float)hot, 0, 1), -1);
    }
    cr_expect_eq(draw(fine, 2, 0, -1, 0, 1), -1);
    cr_expect_eq(draw(fine, 2, 0, NAN, 0, 1), -1);
    cr_expect_eq(draw(fine, 2, 0, INFINITY, 0, 1), -1);
}

/* The k-th largest by sorting, and how many equals come before an index. */
static int is_among_largest(const float *logits, size_t vocab, size_t index, size_t k)
{
    size_t ahead = 0;

    for (size_t i = 0; i < vocab; i++) {
        ahead += logits[i] > logits[index] || (logits[i] == logits[index] && i < index);
    }
    return ahead < k;
}

/* With a huge temperature all candidates are equally likely: every one of the k largest is drawn,
 * and no other. */
Test(sample, top_k_draws_exactly_the_k_largest)
{
    static const size_t ks[] = {1, 2, 3, 10, 19, 20, 21};
    float logits[20];
    struct test_random random = test_random(77);

    for (size_t i = 0; i < 20; i++) {
        logits[i] = (float)test_integer(&random, -3, 3) * 0.5f; /* many ties, both signs */
    }
    logits[4] = -0.0f;
    for (size_t j = 0; j < sizeof ks / sizeof ks[0]; j++) {
        size_t seen[20] = {0};
        for (uint64_t n = 0; n < 2000; n++) {
            int32_t token = draw(logits, 20, n, 1e6f, ks[j], 3);
            cr_assert(token >= 0 && token < 20);
            seen[token]++;
        }
        for (size_t i = 0; i < 20; i++) {
            cr_expect_eq(seen[i] > 0, is_among_largest(logits, 20, i, ks[j]),
                         "k %zu, index %zu, drawn %zu times" SEED_FORMAT, ks[j], i, seen[i],
                         test_seed());
        }
    }
}

Test(sample, seeds_and_draws_reproduce)
{
    float logits[VOCAB];
    size_t same_number = 0, same_seed = 0;

    random_logits(logits, VOCAB, 60);
    for (uint64_t n = 0; n < 200; n++) {
        int32_t token = draw(logits, VOCAB, n, 1, 0, 11);
        cr_assert_eq(token, draw(logits, VOCAB, n, 1, 0, 11));
        same_number += token == draw(logits, VOCAB, n, 1, 0, 12);
        same_seed += token == draw(logits, VOCAB, n + 1, 1, 0, 11);
    }
    cr_expect(same_number < 40 && same_seed < 40, "%zu, %zu of 200 agree", same_number, same_seed);
}

/* Frequencies against the softmax: 40000 draws, chi square with 7 degrees of freedom below 24.3
 * (one in a thousand; the seed is fixed). */
static void expect_distribution(float temperature)
{
    static const float logits[8] = {0, 1, -1, 2, 0.5f, -2, 1.5f, 0};
    double weight[8], total = 0, chi = 0;
    size_t seen[8] = {0};

    for (size_t i = 0; i < 8; i++) {
        weight[i] = exp((double)logits[i] / (double)temperature);
        total += weight[i];
    }
    for (uint64_t n = 0; n < 40000; n++) {
        seen[draw(logits, 8, n, temperature, 0, 5)]++;
    }
    for (size_t i = 0; i < 8; i++) {
        double expected = 40000 * weight[i] / total, d = (double)seen[i] - expected;
        chi += d * d / expected;
    }
    cr_expect(chi < 24.3, "temperature %g: chi square %.3g", (double)temperature, chi);
}

Test(sample, distribution)
{
    expect_distribution(1);
    expect_distribution(0.7f);
    expect_distribution(3);
}

/* Cold sampling is greedy: the logits are 1/64 apart. */
Test(sample, cold_is_greedy)
{
    float logits[VOCAB];

    for (uint64_t n = 0; n < 50; n++) {
        for (size_t i = 0; i < VOCAB; i++) {
            logits[i] = (float)((i * 37 + n) % VOCAB) / 64;
        }
        cr_expect_eq(draw(logits, VOCAB, n, 1e-4f, 0, 1), draw(logits, VOCAB, n, 0, 0, 1));
        cr_expect_eq(draw(logits, VOCAB, n, 1e-45f, 0, 1), draw(logits, VOCAB, n, 0, 0, 1));
    }
}

/* A whole draw by hand: seed 42, number 0 gives gen = 0xBDD732262FEB6E95 (N 13.1), u =
 * 0.7415648...; weights e^0, e^-1, e^-2. */
Test(sample, one_draw_by_hand)
{
    float logits[] = {2, 1, 0};

    /* Cumulative shares 0.665, 0.910, 1: the second. */
    cr_expect_eq(draw(logits, 3, 0, 1, 0, 42), 1);
    /* Of the two largest 0.731, 1: still the second. */
    cr_expect_eq(draw(logits, 3, 0, 1, 2, 42), 1);
    /* At temperature 0.5 shares 0.867, ...: the first. */
    cr_expect_eq(draw(logits, 3, 0, 0.5f, 0, 42), 0);
}
