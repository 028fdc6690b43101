/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model that ships: its text and likelihoods equal what other programs get from the same
 * weights (data/models/stories260K), and the quantized ones stay close. The files are found through
 * QOQ_DATADIR.
 */
#include <config.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/load.h"
#include "data/token_file.h"

#define GREEDY 200

/* llama2.c prints this from the same weights at temperature 0. */
static const char story[] =
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. "
    "One day, she saw a big, red ball. "
    "She wanted to play with it, but it was too high.\nLily's mom said, \"Lily, let's go to the "
    "park.\" Lily was sad and didn't know "
    "what to do. She said, \"I want to play with your ball, but I can't find it.\"\nLily was sad "
    "and didn't know what to do. She said, "
    "\"I'm sorry, Lily. I didn't know what to do.\"\nLily didn't want to help her mom, so she";

static const char *in_data(char path[512], const char *name)
{
    const char *directory = getenv("QOQ_DATADIR");

    cr_assert_not_null(directory, "QOQ_DATADIR is not set");
    snprintf(path, 512, "%s/models/stories260K%s", directory, name);
    return path;
}

static struct qoq_loaded load_story_model(void)
{
    struct qoq_loaded loaded;
    struct qoq_error err = {QOQ_OK, ""};
    char path[512];

    cr_assert_eq(qoq_load(&loaded, in_data(path, ""), &err), QOQ_OK, "%s", err.text);
    cr_assert_not_null(loaded.tokenizer, "%s", loaded.tokenizer_trouble.text);
    return loaded;
}

/* Greedy tokens after BOS; token has room for 1 + GREEDY. */
static void generate(int32_t *token, const struct qoq_model *model)
{
    static const struct qoq_sampling greedy = {0, 0, 0};
    float *logits = malloc(2 * model->config.vocab * sizeof *logits);
    struct qoq_session *session;

    cr_assert_eq(qoq_session_create(&session, model, 1, GREEDY, 64), QOQ_OK);
    token[0] = model->config.bos;
    for (size_t i = 0; i < GREEDY; i++) {
        struct qoq_segment segment = {0, 1, token + i};
        cr_assert_eq(qoq_session_step(session, logits, &segment, 1, 0), QOQ_OK);
        token[i + 1] =
            qoq_sample(logits + model->config.vocab, logits, model->config.vocab, i, &greedy);
    }
    qoq_session_free(session);
    free(logits);
}

Test(stories, greedy_text)
{
    struct qoq_loaded loaded = load_story_model();
    struct qoq_error err = {QOQ_OK, ""};
    int32_t token[1 + GREEDY];
    char *text;
    size_t bytes;

    generate(token, loaded.model);
    cr_assert_eq(qoq_tokenizer_decode(&text, &bytes, loaded.tokenizer, token, 1 + GREEDY, &err),
                 QOQ_OK, "%s", err.text);
    cr_expect_str_eq(text, story);
    free(text);
    qoq_loaded_free(&loaded);
}

/* Sequences side by side in a step. */
#define BATCH 10

/* Feeds sequences first .. first + count - 1 whole, in one step, and adds their nll in file order.
 */
static void score_batch(double *sum, size_t *scored, struct qoq_session *session, float *logits,
                        size_t vocab, const struct qoq_token_file *tokens, size_t first,
                        size_t count)
{
    struct qoq_segment segment[BATCH];

    for (size_t i = 0; i < count; i++) {
        size_t start = (size_t)tokens->offset[first + i],
               end = (size_t)tokens->offset[first + i + 1];
        segment[i] = (struct qoq_segment){i, end - start, tokens->token + start};
        qoq_session_reset(session, i);
    }
    cr_assert_eq(qoq_session_step(session, logits, segment, count, 1), QOQ_OK, "sequence %zu",
                 first);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < segment[i].count; j++, logits += vocab) {
            if (j + 1 < segment[i].count) {
                *sum += qoq_token_nll(logits, logits, vocab, segment[i].token[j + 1]);
                ++*scored;
            }
        }
    }
}

/* Mean nll (N 12.4) of the first sequences of the file. */
static double mean_nll(const struct qoq_model *model, const struct qoq_token_file *tokens,
                       size_t sequences)
{
    const struct qoq_config *config = &model->config;
    float *logits = malloc(BATCH * config->max_positions * config->vocab * sizeof *logits);
    struct qoq_session *session;
    size_t scored = 0;
    double sum = 0;

    cr_assert_eq(qoq_session_create(&session, model, BATCH, config->max_positions, 64), QOQ_OK);
    for (size_t s = 0; s < sequences; s += BATCH) {
        score_batch(&sum, &scored, session, logits, config->vocab, tokens, s,
                    sequences - s < BATCH ? sequences - s : BATCH);
    }
    qoq_session_free(session);
    free(logits);
    return sum / (double)scored;
}

static struct qoq_token_file load_tokens(void)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_token_file tokens;
    char path[512];

    cr_assert_eq(qoq_token_file_read(&tokens, in_data(path, "/heldout.tokens.h5"), &err), QOQ_OK,
                 "%s", err.text);
    cr_assert_eq(tokens.sequences, 400);
    return tokens;
}

/* 1.812713 nats a token over 400 lines, from another program in binary32. */
Test(stories, likelihood)
{
    struct qoq_loaded loaded = load_story_model();
    struct qoq_token_file tokens = load_tokens();
    double got = mean_nll(loaded.model, &tokens, 400);

    cr_expect(fabs(got / 1.812713 - 1) < 1e-6, "%.9f", got);
    qoq_token_file_free(&tokens);
    qoq_loaded_free(&loaded);
}

/* The same bits everywhere: these means over 40 lines (1.5139, 1.5148, 2.0488, 1.9907) are exact,
 * and change only with the version of the arithmetic. */
Test(stories, exact_likelihoods)
{
    static const double expected[QOQ_PRECISIONS] = {0x1.838bd11659eb6p+0, 0x1.83c8532497683p+0,
                                                    0x1.063f553e5093cp+1, 0x1.fd9e49df2e4cap+0};
    struct qoq_loaded loaded = load_story_model();
    struct qoq_token_file tokens = load_tokens();

    for (int p = 0; p < QOQ_PRECISIONS; p++) {
        struct qoq_model *model = loaded.model;
        if (p != QOQ_FP32) {
            cr_assert_eq(
                qoq_model_quantize_rtn(&model, loaded.model, (enum qoq_precision)p, 32, NULL),
                QOQ_OK);
        }
        double got = mean_nll(model, &tokens, 40);
        cr_expect_eq(got, expected[p], "%s: %a, %.9f", qoq_precision_name((enum qoq_precision)p),
                     got, got);
        if (p != QOQ_FP32) {
            qoq_model_free(model);
        }
    }
    qoq_token_file_free(&tokens);
    qoq_loaded_free(&loaded);
}
