/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A baseline model with its logits and statistics, for tests of transformations: the logits must
 * stay, the statistics must follow.
 */
#ifndef QOQ_TESTS_TRANSFORM_SUBJECT_H
#define QOQ_TESTS_TRANSFORM_SUBJECT_H

#include <math.h>
#include <stdlib.h>

#include "tests/layer_statistics.h"
#include "tests/model_shapes.h"

#define TOKENS 40
#define TOLERANCE 1e-4 /* of the largest logit */

/* Untied: head and embedding go different ways. */
static const struct shape cases[] = {
    {"three queries a key, all biases",
     {QOQ_ARCH_LLAMA, 61, 96, 80, 2, 6, 2, 16, 512, 1e-5f, ROPE_PLAIN, 0, 1, 1, 1, 0, -1, -1},
     32},
    {"36 * 2, odd sizes, no bias",
     {QOQ_ARCH_LLAMA, 37, 72, 65, 2, 3, 3, 4, 512, 1e-5f, ROPE_PLAIN, 0, 0, 0, 0, 0, -1, -1},
     32},
    {"one key head of 12, biases of the feed-forward part",
     {QOQ_ARCH_MISTRAL, 29, 40, 33, 2, 5, 1, 12, 512, 1e-5f, ROPE_PLAIN, 0, 0, 0, 1, 0, -1, -1},
     32},
};
#define CASES (sizeof cases / sizeof cases[0])

/* ---- Models and their statistics ---- */

struct subject {
    const char *name;
    struct qoq_model *model;
    int32_t *token;
    float *before; /* logits */
    struct qoq_calibration *statistics;
};

static inline struct reference reference_of(const struct qoq_model *model)
{
    struct reference r = {&model->config, model, NULL, 0, TOKENS};
    size_t linears = model->config.layers * QOQ_LINEARS;

    r.weight = malloc(linears * sizeof *r.weight);
    for (size_t i = 0; i < linears; i++) {
        r.weight[i] = model->layer[i / QOQ_LINEARS].linear[i % QOQ_LINEARS].f32;
    }
    return r;
}

/* Statistics of every layer; x: hidden states [TOKENS][hidden] at the end, malloced. */
static inline struct qoq_calibration *take_statistics(const struct subject *s, double **x)
{
    const struct qoq_config *c = &s->model->config;
    struct reference r = reference_of(s->model);
    struct qoq_calibration *out = malloc(c->layers * sizeof *out);

    *x = malloc(TOKENS * c->hidden * sizeof **x);
    for (size_t i = 0; i < TOKENS * c->hidden; i++) {
        (*x)[i] =
            (double)
                s->model->embed_f32[(size_t)s->token[i / c->hidden] * c->hidden + i % c->hidden];
    }
    for (size_t layer = 0; layer < c->layers; layer++) {
        out[layer] = make_statistics(c, TOKENS);
        note_layer(&out[layer], *x, &r, layer);
    }
    free(r.weight);
    return out;
}

static inline void drop_statistics(struct qoq_calibration *statistics, size_t layers)
{
    for (size_t i = 0; i < layers; i++) {
        free_statistics(&statistics[i]);
    }
    free(statistics);
}

static inline void measure(struct subject *s)
{
    double *x;

    if (s->statistics != NULL) {
        drop_statistics(s->statistics, s->model->config.layers);
    }
    s->statistics = take_statistics(s, &x);
    free(x);
}

static inline struct subject subject_of(const char *name, struct qoq_model *model)
{
    use_threads(1);
    struct subject s = {name, model, some_tokens(TOKENS, model->config.vocab, 7), NULL, NULL};

    s.before = logits_of(model, s.token, TOKENS, TOKENS, 64);
    measure(&s);
    return s;
}

static inline void finish(struct subject *s)
{
    drop_statistics(s->statistics, s->model->config.layers);
    qoq_model_free(s->model);
    free(s->token);
    free(s->before);
}

static inline void expect_same_logits(const struct subject *s, const char *step)
{
    size_t count = TOKENS * s->model->config.vocab;
    float *after = logits_of(s->model, s->token, TOKENS, TOKENS, 64);
    double most = 0, worst = 0;

    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fabs((double)s->before[i]));
        worst = fmax(worst, fabs((double)after[i] - (double)s->before[i]));
    }
    cr_expect(most > 0 && worst <= TOLERANCE * most,
              "%s, %s: logits moved by %g of the largest" SEED_FORMAT, s->name, step, worst / most,
              test_seed());
    free(after);
}

/* ---- Statistics that followed against statistics taken again ---- */

static inline void expect_close(const char *what, const struct subject *s, size_t i,
                                double followed, double again, double scale)
{
    cr_assert(fabs(followed - again) <= 2e-5 * scale + 1e-12,
              "%s: %s[%zu] followed to %.9g, taken again %.9g" SEED_FORMAT, s->name, what, i,
              followed, again, test_seed());
}

static inline void expect_close_floats(const char *what, const struct subject *s,
                                       const float *followed, const float *again, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        expect_close(what, s, i, (double)followed[i], (double)again[i], fabs((double)again[i]));
    }
}

static inline void expect_close_input(const struct subject *s,
                                      const struct qoq_calibration *followed,
                                      const struct qoq_calibration *again, int id, size_t count)
{
    const double *gram = again->gram[id];

    expect_close_floats("most", s, followed->most[id], again->most[id], count);
    for (size_t i = 0; i < count; i++) {
        expect_close("mean", s, i, followed->mean[id][i], again->mean[id][i], again->mean[id][i]);
        for (size_t j = 0; j < count; j++) {
            expect_close("gram", s, i * count + j, followed->gram[id][i * count + j],
                         gram[i * count + j], sqrt(gram[i * (count + 1)] * gram[j * (count + 1)]));
        }
    }
}

static inline void expect_followed(const struct subject *s)
{
    const struct qoq_config *c = &s->model->config;
    size_t wide = c->heads * c->head_dim, narrow = c->kv_heads * c->head_dim;
    size_t channels[] = {c->hidden, wide, c->hidden, c->intermediate};
    double *x;
    struct qoq_calibration *again = take_statistics(s, &x);

    for (size_t layer = 0; layer < c->layers; layer++) {
        const struct qoq_calibration *a = &s->statistics[layer], *b = &again[layer];
        for (int id = 0; id < QOQ_INPUTS; id++) {
            expect_close_input(s, a, b, id, channels[id]);
        }
        expect_close_floats("query_most", s, a->query_most, b->query_most, wide);
        expect_close_floats("key_most", s, a->key_most, b->key_most, narrow);
        for (size_t i = 0; i < TOKENS * c->hidden; i++) {
            expect_close("sample", s, i, (double)a->sample[i], (double)b->sample[i],
                         (double)b->most[QOQ_INPUT_ATTENTION][i % c->hidden]);
        }
    }
    drop_statistics(again, c->layers);
    free(x);
}

#endif
