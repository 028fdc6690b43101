/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: limits, refusals that change nothing, memory that grows and shrinks, and which logits
 * come back. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/model_shapes.h"

#define TOKENS 40

struct fixture {
    const struct shape *shape;
    size_t vocab;
    struct qoq_model *model;
    int32_t *token;
    float *expected; /* [TOKENS][vocab] */
};

static struct fixture set_up(size_t shape, enum qoq_precision precision)
{
    struct fixture f = {&shapes[shape], shapes[shape].config.vocab,
                        random_model(&shapes[shape], precision), NULL, NULL};

    use_threads(1);
    f.token = some_tokens(TOKENS, f.vocab, 5);
    f.expected = logits_of(f.model, f.token, TOKENS, TOKENS, 64);
    return f;
}

static void tear_down(struct fixture *f)
{
    qoq_model_free(f->model);
    free(f->token);
    free(f->expected);
}

static struct qoq_session *new_session(const struct fixture *f, size_t sequences, size_t max_tokens,
                                       size_t page_tokens)
{
    struct qoq_session *session;

    cr_assert_eq(qoq_session_create(&session, f->model, sequences, max_tokens, page_tokens),
                 QOQ_OK);
    return session;
}

Test(session, create_refuses)
{
    struct fixture f = set_up(0, QOQ_W8A8KV8);
    struct qoq_session *session = (struct qoq_session *)&f;

    cr_expect_eq(qoq_session_create(NULL, f.model, 1, 1, 1), QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_session_create(&session, NULL, 1, 1, 1), QOQ_ERR_ARGUMENT);
    cr_expect_null(session);
    cr_expect_eq(qoq_session_create(&session, f.model, 0, 1, 1), QOQ_ERR_SHAPE);
    cr_expect_eq(qoq_session_create(&session, f.model, 1, 0, 1), QOQ_ERR_SHAPE);
    cr_expect_eq(qoq_session_create(&session, f.model, 1, 1, 0), QOQ_ERR_SHAPE);
    cr_expect_eq(qoq_session_create(&session, f.model, 1, 513, 1), QOQ_ERR_SHAPE,
                 "beyond max_positions");
    cr_expect_eq(qoq_session_create(&session, f.model, 1, 512, SIZE_MAX), QOQ_ERR_SHAPE,
                 "page beyond size_t");
    cr_expect_null(session);
    qoq_session_free(NULL);
    qoq_session_reset(NULL, 0);
    cr_expect_eq(qoq_session_length(NULL, 0), 0);
    cr_expect_eq(qoq_session_bytes(NULL), 0);
    tear_down(&f);
}

static void expect_refusals(struct qoq_session *session, float *logits, const struct fixture *f)
{
    int32_t negative[] = {0, -1}, beyond[] = {0, 1, (int32_t)f->vocab};
    struct qoq_segment good = {0, 1, f->token}, twice[] = {good, {1, 1, f->token}, good};
    struct {
        struct qoq_segment second;
        enum qoq_status status;
        const char *what;
    } bad[] = {
        {{1, 2, negative}, QOQ_ERR_RANGE, "negative token"},
        {{1, 3, beyond}, QOQ_ERR_RANGE, "token beyond the vocabulary"},
        {{1, 0, f->token}, QOQ_ERR_SHAPE, "empty segment"},
        {{1, 2, NULL}, QOQ_ERR_ARGUMENT, "no tokens"},
        {{3, 1, f->token}, QOQ_ERR_SHAPE, "sequence outside the session"},
        {{1, TOKENS + 1, f->token}, QOQ_ERR_SHAPE, "too long"},
        {{1, SIZE_MAX, f->token}, QOQ_ERR_SHAPE, "far too long"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct qoq_segment both[] = {good, bad[i].second};
        cr_expect_eq(qoq_session_step(session, logits, both, 2, 0), bad[i].status, "%s",
                     bad[i].what);
    }
    cr_expect_eq(qoq_session_step(session, logits, twice, 3, 0), QOQ_ERR_SHAPE, "a sequence twice");
    cr_expect_eq(qoq_session_step(session, logits, &good, 0, 0), QOQ_ERR_SHAPE, "no segments");
    cr_expect_eq(qoq_session_step(session, logits, NULL, 1, 0), QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_session_step(NULL, logits, &good, 1, 0), QOQ_ERR_ARGUMENT);
}

/* Refused steps in the middle of a sequence leave it as it was. */
Test(session, refusals_change_nothing)
{
    for (int p = 0; p < QOQ_PRECISIONS; p++) {
        struct fixture f = set_up(0, (enum qoq_precision)p);
        struct qoq_session *session = new_session(&f, 3, TOKENS, 7);
        float *logits = malloc(TOKENS * f.vocab * sizeof *logits);
        struct qoq_segment start = {0, 10, f.token}, rest = {0, TOKENS - 10, f.token + 10};
        cr_assert_eq(qoq_session_step(session, logits, &start, 1, 1), QOQ_OK);
        size_t bytes = qoq_session_bytes(session);
        expect_refusals(session, logits, &f);
        cr_expect_eq(qoq_session_length(session, 0), 10);
        cr_expect_eq(qoq_session_length(session, 1), 0);
        cr_expect_eq(qoq_session_bytes(session), bytes);
        cr_assert_eq(qoq_session_step(session, logits, &rest, 1, 1), QOQ_OK);
        cr_expect_arr_eq(logits, f.expected + 10 * f.vocab,
                         (TOKENS - 10) * f.vocab * sizeof *logits);
        cr_expect_eq(qoq_session_step(session, logits, &start, 1, 1), QOQ_ERR_SHAPE, "full");
        cr_expect_eq(qoq_session_length(session, 0), TOKENS);
        free(logits);
        qoq_session_free(session);
        tear_down(&f);
    }
}

#if !defined(__SANITIZE_ADDRESS__)
/* A page that no machine can hold: the second sequence gets none, the first keeps its tokens. */
Test(session, memory_runs_out)
{
    for (int p = 0; p < QOQ_PRECISIONS; p++) {
        struct fixture f = set_up(0, (enum qoq_precision)p);
        struct qoq_session *session = new_session(&f, 2, TOKENS, (size_t)1 << 45);
        struct qoq_segment segment = {0, 3, f.token};
        cr_expect_eq(qoq_session_step(session, NULL, &segment, 1, 0), QOQ_ERR_MEMORY);
        cr_expect_eq(qoq_session_length(session, 0), 0);
        cr_expect_eq(qoq_session_bytes(session), 0);
        qoq_session_free(session);
        tear_down(&f);
    }
}
#endif

/* Last rows, all rows and no rows are the same computation. */
Test(session, last_rows_and_no_rows)
{
    for (int p = 0; p < QOQ_PRECISIONS; p++) {
        struct fixture f = set_up(2, (enum qoq_precision)p);
        struct qoq_session *session = new_session(&f, 2, TOKENS, 16);
        float *logits = malloc(2 * f.vocab * sizeof *logits);
        struct qoq_segment start[] = {{1, 9, f.token}, {0, 4, f.token}},
                           next[] = {{0, 1, f.token + 4}, {1, 11, f.token + 9}};
        cr_assert_eq(qoq_session_step(session, NULL, start, 2, 1), QOQ_OK);
        cr_assert_eq(qoq_session_step(session, logits, next, 2, 0), QOQ_OK);
        cr_expect_arr_eq(logits, f.expected + 4 * f.vocab, f.vocab * sizeof *logits, "precision %d",
                         p);
        cr_expect_arr_eq(logits + f.vocab, f.expected + 19 * f.vocab, f.vocab * sizeof *logits,
                         "precision %d", p);
        cr_expect_eq(qoq_session_length(session, 0), 5);
        cr_expect_eq(qoq_session_length(session, 1), 20);
        free(logits);
        qoq_session_free(session);
        tear_down(&f);
    }
}

/* A sequence starts over after a reset, whatever lay in its pages, and its neighbour does not
 * notice. */
Test(session, reset)
{
    for (int p = 0; p < QOQ_PRECISIONS; p++) {
        struct fixture f = set_up(1, (enum qoq_precision)p);
        struct qoq_session *session = new_session(&f, 2, TOKENS, 5);
        float *logits = malloc(TOKENS * f.vocab * sizeof *logits);
        int32_t *other = some_tokens(TOKENS, f.vocab, 6);
        struct qoq_segment first = {0, 17, other}, neighbour = {1, 20, f.token},
                           tail = {1, 20, f.token + 20}, all = {0, TOKENS, f.token};
        cr_assert_eq(qoq_session_step(session, NULL, &first, 1, 0), QOQ_OK);
        cr_assert_eq(qoq_session_step(session, NULL, &neighbour, 1, 0), QOQ_OK);
        qoq_session_reset(session, 0);
        qoq_session_reset(session, 2);
        cr_expect_eq(qoq_session_length(session, 0), 0);
        cr_assert_eq(qoq_session_step(session, logits, &tail, 1, 1), QOQ_OK);
        cr_expect_arr_eq(logits, f.expected + 20 * f.vocab, 20 * f.vocab * sizeof *logits);
        cr_assert_eq(qoq_session_step(session, logits, &all, 1, 1), QOQ_OK);
        cr_expect_arr_eq(logits, f.expected, TOKENS * f.vocab * sizeof *logits);
        free(other);
        free(logits);
        qoq_session_free(session);
        tear_down(&f);
    }
}

/* Pages come one at a time: bytes per N 7.1 for both sides of every layer. */
Test(session, bytes_follow_the_tokens)
{
    static const unsigned bits[] = {32, 8, 4, 4};

    for (int p = QOQ_W8A8KV8; p < QOQ_PRECISIONS; p++) {
        struct fixture f = set_up(1, (enum qoq_precision)p);
        const struct qoq_config *c = &f.shape->config;
        struct qoq_session *session = new_session(&f, 2, TOKENS, 16);
        size_t page = 16 * c->kv_heads * (c->head_dim * bits[p] / 8 + 4) * 2 * c->layers;
        for (size_t t = 0; t < TOKENS; t++) {
            struct qoq_segment one = {1, 1, f.token + t};
            cr_assert_eq(qoq_session_step(session, NULL, &one, 1, 0), QOQ_OK);
            cr_expect_eq(qoq_session_bytes(session), (t / 16 + 1) * page,
                         "precision %d, %zu tokens", p, t + 1);
        }
        qoq_session_reset(session, 1);
        cr_expect_eq(qoq_session_bytes(session), 0);
        qoq_session_free(session);
        tear_down(&f);
    }
}

/* A not-a-number stays in the sequence that has it (N 1.4): its row says so, others do not change.
 */
Test(session, nan_is_visible_and_contained)
{
    for (int p = 0; p < QOQ_PRECISIONS; p++) {
        struct fixture f = set_up(0, (enum qoq_precision)p);
        struct qoq_session *session = new_session(&f, 2, TOKENS, 16);
        float *logits = malloc(2 * f.vocab * sizeof *logits);
        int32_t poisoned = f.token[0] == 0 ? 1 : 0;
        struct qoq_segment both[] = {{0, 1, f.token}, {1, 1, &poisoned}};
        size_t at = (size_t)poisoned * f.shape->config.hidden + 3;
        if (p == QOQ_FP32) {
            f.model->embed_f32[at] = NAN;
        } else {
            f.model->embed[at] = 0x7e00;
        }
        cr_assert_eq(qoq_session_step(session, logits, both, 2, 0), QOQ_OK);
        cr_expect_arr_eq(logits, f.expected, f.vocab * sizeof *logits);
        for (size_t i = 0; i < f.vocab; i++) {
            cr_expect(isnan(logits[f.vocab + i]), "precision %d, logit %zu", p, i);
        }
        free(logits);
        qoq_session_free(session);
        tear_down(&f);
    }
}

/* Two sessions of one model do not know of each other. */
Test(session, sessions_share_a_model)
{
    struct fixture f = set_up(3, QOQ_W4A8KV4_CHANNEL);
    struct qoq_session *session[] = {new_session(&f, 1, TOKENS, 3), new_session(&f, 1, TOKENS, 64)};
    float *logits = malloc(f.vocab * sizeof *logits);

    for (size_t t = 0; t < TOKENS; t++) {
        struct qoq_segment one = {0, 1, f.token + t};
        cr_assert_eq(qoq_session_step(session[t % 2], NULL, &one, 1, 0), QOQ_OK);
        cr_assert_eq(qoq_session_step(session[1 - t % 2], logits, &one, 1, 0), QOQ_OK);
        cr_expect_arr_eq(logits, f.expected + t * f.vocab, f.vocab * sizeof *logits);
    }
    qoq_session_free(session[0]);
    qoq_session_free(session[1]);
    free(logits);
    tear_down(&f);
}
