/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model that ships: its text and likelihoods equal what other programs get from the same weights (data/models/stories260K), and
 * the quantized ones stay close. The files are found through QOQ_DATADIR.
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
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. "
    "She wanted to play with it, but it was too high.\nLily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know "
    "what to do. She said, \"I want to play with your ball, but I can't find it.\"\nLily was sad and didn't know what to do. She said, "
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
        token[i + 1] = qoq_sample(logits + model->config.vocab, logits, model->config.vocab, i, &greedy);
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
    cr_assert_eq(qoq_tokenizer_decode(&text, &bytes, loaded.tokenizer, token, 1 + GREEDY, &err), QOQ_OK, "%s", err.text);
    cr_expect_str_eq(text, story);
    free(text);
    qoq_loaded_free(&loaded);
}

/* Mean nll in file order (N 12.4), each sequence a prefill of its own. */
static double mean_nll(const struct qoq_model *model, const struct qoq_token_file *tokens, size_t sequences)
{
    size_t vocab = model->config.vocab, scored = 0;
    float *logits = malloc(model->config.max_positions * vocab * sizeof *logits);
    struct qoq_session *session;
    double sum = 0;

    cr_assert_eq(qoq_session_create(&session, model, 1, model->config.max_positions, 64), QOQ_OK);
    for (size_t s = 0; s < sequences; s++) {
        const int32_t *token = tokens->token + tokens->offset[s];
        struct qoq_segment segment = {0, (size_t)(tokens->offset[s + 1] - tokens->offset[s]), token};
        qoq_session_reset(session, 0);
        cr_assert_eq(qoq_session_step(session, logits, &segment, 1, 1), QOQ_OK, "sequence %zu", s);
        for (size_t i = 0; i + 1 < segment.count; i++, scored++) {
            sum += qoq_token_nll(logits + i * vocab, logits + i * vocab, vocab, token[i + 1]);
        }
    }
    qoq_session_free(session);
    free(logits);
    return sum / (double)scored;
}

/* 1.812713 nats over the 400 lines, from another program in binary32; each precision stays within its bound of that. */
Test(stories, likelihoods)
{
    static const double ceiling[QOQ_PRECISIONS] = {0, 0.01, 0.25, 0.25};
    struct qoq_loaded loaded = load_story_model();
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_token_file tokens;
    char path[512];

    cr_assert_eq(qoq_token_file_read(&tokens, in_data(path, "/heldout.tokens.h5"), &err), QOQ_OK, "%s", err.text);
    cr_assert_eq(tokens.sequences, 400);
    double exact = mean_nll(loaded.model, &tokens, tokens.sequences);
    cr_log_info("fp32: %.9f", exact);
    cr_expect(fabs(exact / 1.812713 - 1) < 1e-6, "%.9f", exact);
    for (int p = QOQ_W8A8KV8; p < QOQ_PRECISIONS; p++) {
        struct qoq_model *model;
        cr_assert_eq(qoq_model_quantize_rtn(&model, loaded.model, (enum qoq_precision)p, 32, NULL), QOQ_OK);
        double got = mean_nll(model, &tokens, tokens.sequences);
        cr_log_info("%s: %.9f, perplexity %.6f", qoq_precision_name((enum qoq_precision)p), got, qoq_perplexity(got));
        cr_expect(fabs(got - exact) < ceiling[p], "%s: %.9f", qoq_precision_name((enum qoq_precision)p), got);
        qoq_model_free(model);
    }
    qoq_token_file_free(&tokens);
    qoq_loaded_free(&loaded);
}
