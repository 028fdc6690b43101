/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the promise is about, as SHA-256 sums of little-endian elements: the outputs of every golden
 * case, the logits of random models in each precision, fed whole and token by token, and those of
 * models that the whole QoQ algorithm has quantized. Opens no file and needs libc and libm alone,
 * so that it can be built for any CPU (tests/cpus.sh). One line each; exit status 1: something
 * failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/endian.h"
#include "data/sha256.h"
#include "golden/cases.h"
#include "numerics/gen.h"
#include "qoq_quantize.h"

enum { TOKENS = 140, CALIBRATION_SEQUENCES = 2, CALIBRATION_LENGTH = 24, SEED = 20261126 };

/* Elements in the order of files. */
static void add(struct qoq_sha256 *sum, void *data, size_t elements, size_t size)
{
    qoq_little_endian(data, elements, size);
    qoq_sha256_add(sum, data, elements * size);
    qoq_little_endian(data, elements, size);
}

static int print(struct qoq_sha256 *sum, const char *kind, const char *name)
{
    char hex[65];

    qoq_sha256_end(hex, sum);
    return printf("%s  %s %s\n", hex, kind, name) < 0;
}

/* ---- Golden cases ---- */

static int golden_case(const struct qoq_golden_standard *standard)
{
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_golden_case c;
    struct qoq_sha256 sum;

    if (qoq_golden_make_standard(&c, standard, &err) != QOQ_OK) {
        fprintf(stderr, "%s.%s: %s\n", standard->op, standard->tag, err.text);
        qoq_golden_case_free(&c);
        return 1;
    }
    qoq_sha256_begin(&sum);
    for (size_t i = 0; i < c.outputs.count; i++) {
        struct qoq_tensor *t = &c.outputs.item[i].tensor;
        size_t size = qoq_dtype_size(t->dtype);

        add(&sum, t->data, qoq_tensor_bytes(t) / size, size);
    }
    int failed = print(&sum, "golden", c.name);
    qoq_golden_case_free(&c);
    return failed;
}

/* ---- Models ---- */

static const struct subject {
    const char *name;
    size_t group;
    struct qoq_config config;
} subjects[] = {
    {"llama",
     32,
     {.arch = QOQ_ARCH_LLAMA,
      .vocab = 61,
      .hidden = 64,
      .intermediate = 96,
      .layers = 2,
      .heads = 4,
      .kv_heads = 4,
      .head_dim = 16,
      .max_positions = 512,
      .rms_eps = 1e-5f,
      .rope = {QOQ_ROPE_LLAMA3, 500000, 8, 1, 4, 64},
      .bos = 1,
      .eos = 2}},
    {"qwen3",
     64,
     {.arch = QOQ_ARCH_QWEN3,
      .vocab = 45,
      .hidden = 40,
      .intermediate = 64,
      .layers = 2,
      .heads = 4,
      .kv_heads = 2,
      .head_dim = 24,
      .max_positions = 512,
      .rms_eps = 1e-6f,
      .rope = {.kind = QOQ_ROPE_PLAIN, .theta = 10000},
      .tie_embeddings = 1,
      .qkv_bias = 1,
      .o_bias = 1,
      .qk_norm = 1,
      .bos = -1,
      .eos = 8}},
};

static void draw_tokens(int32_t *token, size_t count, size_t vocab)
{
    uint64_t state = SEED;

    for (size_t i = 0; i < count; i++) {
        token[i] = (int32_t)((qoq_gen_next(&state) >> 32) % vocab);
    }
}

/* Logits [TOKENS][vocab] of one sequence in steps of `chunk`. */
static enum qoq_status feed(float *logits, const struct qoq_model *model, const int32_t *token,
                            size_t chunk)
{
    struct qoq_session *session;
    enum qoq_status status = qoq_session_create(&session, model, 1, TOKENS, 16);

    for (size_t at = 0; at < TOKENS && status == QOQ_OK; at += chunk) {
        struct qoq_segment segment = {0, TOKENS - at < chunk ? TOKENS - at : chunk, token + at};

        status = qoq_session_step(session, logits + at * model->config.vocab, &segment, 1, 1);
    }
    qoq_session_free(session);
    return status;
}

/* One line for the logits of a model, which is freed; `status` is that of making it. */
static int logits_of(enum qoq_status status, struct qoq_model *model, const char *kind,
                     const char *name, size_t chunk)
{
    size_t count = status == QOQ_OK ? TOKENS * model->config.vocab : 1;
    float *logits = calloc(count, sizeof *logits);
    int32_t token[TOKENS];
    struct qoq_sha256 sum;
    int failed;

    if (status == QOQ_OK && logits != NULL) {
        draw_tokens(token, TOKENS, model->config.vocab);
        status = feed(logits, model, token, chunk);
    }
    if (status != QOQ_OK || logits == NULL) {
        fprintf(stderr, "%s %s: %s\n", kind, name, qoq_status_string(status));
        failed = 1;
    } else {
        qoq_sha256_begin(&sum);
        add(&sum, logits, count, sizeof *logits);
        failed = print(&sum, kind, name);
    }
    free(logits);
    qoq_model_free(model);
    return failed;
}

static int precisions(const struct subject *s, const struct qoq_model *baseline)
{
    static const enum qoq_precision all[] = {QOQ_W8A8KV8, QOQ_W4A8KV4_CHANNEL, QOQ_W4A8KV4_GROUP};
    int failed = 0;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct qoq_model *model = NULL;
        enum qoq_status status = qoq_model_quantize_rtn(&model, baseline, all[i], s->group, NULL);

        failed |= logits_of(status, model, qoq_precision_name(all[i]), s->name, i + 1);
    }
    return failed;
}

/* The whole algorithm, for each grid as the paper runs it. */
static int quantizer(const struct subject *s, const struct qoq_model *baseline)
{
    static const struct {
        enum qoq_grid_kind grid;
        const char *name;
    } all[] = {{QOQ_GRID_W4_CHANNEL, "qoq-channel"}, {QOQ_GRID_W4_GROUP, "qoq-group"}};
    int32_t token[CALIBRATION_SEQUENCES * CALIBRATION_LENGTH];
    int failed = 0;

    draw_tokens(token, CALIBRATION_SEQUENCES * CALIBRATION_LENGTH, s->config.vocab);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct qoq_recipe recipe = {.grid = all[i].grid,
                                    .group = all[i].grid == QOQ_GRID_W4_GROUP ? s->group : 0,
                                    .act_bits = 8,
                                    .kv_bits = 4};
        struct qoq_model *model = NULL;
        enum qoq_status status = qoq_recipe_method(&recipe, "qoq");

        if (status == QOQ_OK) {
            status = qoq_model_quantize(&model, baseline, &recipe, token, CALIBRATION_SEQUENCES,
                                        CALIBRATION_LENGTH, NULL);
        }
        failed |= logits_of(status, model, all[i].name, s->name, TOKENS);
    }
    return failed;
}

static int model(const struct subject *s)
{
    struct qoq_model *baseline = NULL;
    enum qoq_status status = qoq_model_create_random(&baseline, &s->config, SEED);
    int failed;

    if (status != QOQ_OK) {
        fprintf(stderr, "%s: %s\n", s->name, qoq_status_string(status));
        return 1;
    }
    failed = precisions(s, baseline) | quantizer(s, baseline);
    return failed | logits_of(QOQ_OK, baseline, "fp32", s->name, TOKENS);
}

int main(void)
{
    int failed = 0;

    for (size_t i = 0; qoq_golden_standard_set[i].file != NULL; i++) {
        failed |= golden_case(&qoq_golden_standard_set[i]);
    }
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        failed |= model(&subjects[i]);
    }
    return failed;
}
