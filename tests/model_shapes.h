/* SPDX-License-Identifier: Apache-2.0 */
/* Small models of every kind of shape, and running them. For the tests of ref/model. */
#ifndef QOQ_TESTS_MODEL_SHAPES_H
#define QOQ_TESTS_MODEL_SHAPES_H

#include <criterion/criterion.h>
#include <stdlib.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "qoq_model.h"
#include "tests/seed.h"

struct shape {
    const char *name;
    struct qoq_config config;
    size_t group;
};

#define ROPE_PLAIN                                                                                 \
    {                                                                                              \
        .kind = QOQ_ROPE_PLAIN, .theta = 10000                                                     \
    }

static const struct shape shapes[] = {
    {"plain",
     {QOQ_ARCH_LLAMA, 61, 64, 96, 2, 4, 4, 16, 512, 1e-5f, ROPE_PLAIN, 0, 0, 0, 0, 0, 1, 2},
     32},
    {"grouped heads, tied",
     {QOQ_ARCH_MISTRAL,
      100,
      96,
      172,
      2,
      8,
      2,
      8,
      512,
      1e-6f,
      {.kind = QOQ_ROPE_LINEAR, .theta = 500, .factor = 2.5},
      1,
      0,
      0,
      0,
      0,
      -1,
      -1},
     64},
    {"wide heads, biases, llama3",
     {QOQ_ARCH_LLAMA,
      37,
      48,
      80,
      2,
      3,
      1,
      32,
      512,
      1e-5f,
      {QOQ_ROPE_LLAMA3, 500000, 8, 1, 4, 64},
      0,
      1,
      1,
      1,
      0,
      0,
      36},
     32},
    {"odd sizes, one layer",
     {QOQ_ARCH_LLAMA, 5, 33, 65, 1, 2, 2, 2, 512, 1e-5f, ROPE_PLAIN, 1, 0, 0, 1, 0, -1, -1},
     128},
    {"biases of q, k, v alone",
     {QOQ_ARCH_QWEN2, 43, 40, 56, 2, 5, 1, 8, 512, 1e-6f, ROPE_PLAIN, 0, 1, 0, 0, 0, -1, 7},
     32},
    {"head norms, heads wider than the stream",
     {QOQ_ARCH_QWEN3, 45, 40, 64, 2, 4, 2, 24, 512, 1e-6f, ROPE_PLAIN, 1, 1, 1, 0, 1, -1, 8},
     64},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

/* Models this small wait for threads longer than they compute: most tests take one. */
static inline void use_threads(int count)
{
#ifdef _OPENMP
    omp_set_num_threads(count);
#else
    (void)count;
#endif
}

static inline struct qoq_model *random_baseline(const struct shape *shape)
{
    struct qoq_model *model;

    cr_assert_eq(qoq_model_create_random(&model, &shape->config, test_seed()), QOQ_OK,
                 "shape %s" SEED_FORMAT, shape->name, test_seed());
    return model;
}

/* The random model of this shape in a precision. */
static inline struct qoq_model *random_model(const struct shape *shape,
                                             enum qoq_precision precision)
{
    struct qoq_model *baseline = random_baseline(shape), *model;

    if (precision == QOQ_FP32) {
        return baseline;
    }
    cr_assert_eq(qoq_model_quantize_rtn(&model, baseline, precision, shape->group, NULL), QOQ_OK,
                 "shape %s, %s", shape->name, qoq_precision_name(precision));
    qoq_model_free(baseline);
    return model;
}

/* Random tokens of a stream; malloced. */
static inline int32_t *some_tokens(size_t count, size_t vocab, uint64_t stream)
{
    int32_t *token = malloc(count * sizeof *token);
    struct test_random random = test_random(stream);

    for (size_t i = 0; i < count; i++) {
        token[i] = (int32_t)test_integer(&random, 0, (int64_t)vocab - 1);
    }
    return token;
}

/* Logits [count][vocab] of one sequence fed in steps of `chunk`; malloced. */
static inline float *logits_of(const struct qoq_model *model, const int32_t *token, size_t count,
                               size_t chunk, size_t page_tokens)
{
    size_t vocab = model->config.vocab;
    float *logits = malloc(count * vocab * sizeof *logits);
    struct qoq_session *session;

    cr_assert_eq(qoq_session_create(&session, model, 1, count, page_tokens), QOQ_OK);
    for (size_t at = 0; at < count; at += chunk) {
        struct qoq_segment segment = {0, count - at < chunk ? count - at : chunk, token + at};
        cr_assert_eq(qoq_session_step(session, logits + at * vocab, &segment, 1, 1), QOQ_OK);
    }
    qoq_session_free(session);
    return logits;
}

#endif
