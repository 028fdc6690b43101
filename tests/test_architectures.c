/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tiny models of every architecture against Hugging Face transformers, whose logits lie beside them
 * (tests/architectures/README.md): every logit of the baseline, and the quantized models' distance
 * and loss. The files are found through QOQ_SRCDIR.
 */
#include <config.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/load.h"
#include "data/safetensors.h"
#include "model/arrays.h"

/* Largest difference of a logit over the largest logit. Both sides are binary32 with sums in
 * another order, and transformers takes angles of the rotary embedding in binary32 too, which is
 * off by up to 140 * 2^-24 radians at the last position: 1e-5 allows for that and a few dozen
 * roundings. Measured: at most 1.1e-6. */
#define TOLERANCE 1e-5

static const struct {
    const char *name;
    enum qoq_arch arch;
    int qkv_bias, o_bias, mlp_bias, qk_norm, tied;
    enum qoq_rope_kind rope;
    double theta;
} known[] = {
    {"llama1", QOQ_ARCH_LLAMA, 0, 0, 0, 0, 0, QOQ_ROPE_PLAIN, 1e4},
    {"llama2", QOQ_ARCH_LLAMA, 0, 0, 0, 0, 0, QOQ_ROPE_PLAIN, 1e4},
    {"llama3", QOQ_ARCH_LLAMA, 0, 0, 0, 0, 1, QOQ_ROPE_LLAMA3, 1e4},
    {"llama-biases", QOQ_ARCH_LLAMA, 1, 1, 1, 0, 0, QOQ_ROPE_LINEAR, 1e4},
    {"mistral", QOQ_ARCH_MISTRAL, 0, 0, 0, 0, 0, QOQ_ROPE_PLAIN, 1e3},
    {"qwen2", QOQ_ARCH_QWEN2, 1, 0, 0, 0, 1, QOQ_ROPE_PLAIN, 1e6},
    {"qwen2-untied", QOQ_ARCH_QWEN2, 1, 0, 0, 0, 0, QOQ_ROPE_PLAIN, 1e4},
    {"qwen3", QOQ_ARCH_QWEN3, 0, 0, 0, 1, 0, QOQ_ROPE_PLAIN, 1e6},
    {"qwen3-tied", QOQ_ARCH_QWEN3, 0, 0, 0, 1, 1, QOQ_ROPE_PLAIN, 1e4},
    {"qwen3-biases", QOQ_ARCH_QWEN3, 1, 1, 0, 1, 0, QOQ_ROPE_PLAIN, 1e4},
};
#define MODELS (sizeof known / sizeof known[0])

/* A model, and what transformers computes with it. */
struct fixture {
    const char *name;
    struct qoq_loaded loaded;
    struct qoq_tensor tokens, logits; /* [count], [count][vocab] */
    size_t count, vocab;
};

static void read_expected(struct qoq_tensor *out, struct qoq_safetensors *set, const char *name,
                          enum qoq_dtype dtype, int rank)
{
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_safetensors_read(out, set, name, &err), QOQ_OK, "%s", err.text);
    cr_assert(out->dtype == dtype && out->rank == rank, "%s", name);
}

static struct fixture load(const char *name)
{
    const char *source = getenv("QOQ_SRCDIR");
    struct fixture f = {.name = name};
    struct qoq_error err = {QOQ_OK, ""};
    struct qoq_safetensors *set;
    char path[512];

    cr_assert_not_null(source, "QOQ_SRCDIR is not set");
    snprintf(path, sizeof path, "%s/tests/architectures/%s", source, name);
    cr_assert_eq(qoq_load(&f.loaded, path, &err), QOQ_OK, "%s", err.text);
    strcat(path, "/expected.safetensors");
    cr_assert_eq(qoq_safetensors_open(&set, path, &err), QOQ_OK, "%s", err.text);
    read_expected(&f.tokens, set, "tokens", QOQ_I32, 1);
    read_expected(&f.logits, set, "logits", QOQ_F32, 2);
    qoq_safetensors_close(&set);
    f.count = f.tokens.dim[0];
    f.vocab = f.logits.dim[1];
    cr_assert(f.logits.dim[0] == f.count && f.vocab == f.loaded.model->config.vocab, "%s", name);
    return f;
}

static void unload(struct fixture *f)
{
    qoq_loaded_free(&f->loaded);
    qoq_tensor_free(&f->tokens);
    qoq_tensor_free(&f->logits);
}

/* Logits of all tokens, fed in steps of 29; malloced. */
static float *run(const struct qoq_model *model, const struct fixture *f)
{
    float *logits = malloc(f->count * f->vocab * sizeof *logits);
    struct qoq_session *session;

    cr_assert_not_null(logits);
    cr_assert_eq(qoq_session_create(&session, model, 1, f->count, 16), QOQ_OK);
    for (size_t at = 0; at < f->count; at += 29) {
        struct qoq_segment segment = {0, f->count - at < 29 ? f->count - at : 29,
                                      (const int32_t *)f->tokens.data + at};
        cr_assert_eq(qoq_session_step(session, logits + at * f->vocab, &segment, 1, 1), QOQ_OK);
    }
    qoq_session_free(session);
    return logits;
}

/* Largest difference over the largest magnitude; NaN counts as infinite. */
static double largest_difference(const float *logits, const struct fixture *f)
{
    const float *expected = f->logits.data;
    double most = 0, size = 0;

    for (size_t i = 0; i < f->count * f->vocab; i++) {
        double off = fabs((double)logits[i] - (double)expected[i]);
        most = isnan(off) ? HUGE_VAL : fmax(most, off);
        size = fmax(size, fabs((double)expected[i]));
    }
    return most / size;
}

/* Root of the mean square of the difference, over that of the expected logits. */
static double distance(const float *logits, const struct fixture *f)
{
    const float *expected = f->logits.data;
    double off = 0, size = 0;

    for (size_t i = 0; i < f->count * f->vocab; i++) {
        off += pow((double)logits[i] - (double)expected[i], 2);
        size += pow((double)expected[i], 2);
    }
    return sqrt(off / size);
}

static double mean_nll(const float *logits, const struct fixture *f)
{
    const int32_t *token = f->tokens.data;
    float *work = malloc(f->vocab * sizeof *work);
    double sum = 0;

    for (size_t i = 0; i + 1 < f->count; i++) {
        sum += qoq_token_nll(work, logits + i * f->vocab, f->vocab, token[i + 1]);
    }
    free(work);
    return sum / (double)(f->count - 1);
}

Test(architectures, descriptions)
{
    for (size_t i = 0; i < MODELS; i++) {
        struct fixture f = load(known[i].name);
        const struct qoq_config *c = &f.loaded.model->config;
        cr_expect_eq(c->arch, known[i].arch, "%s", f.name);
        cr_expect(c->qkv_bias == known[i].qkv_bias && c->o_bias == known[i].o_bias &&
                      c->mlp_bias == known[i].mlp_bias && c->qk_norm == known[i].qk_norm &&
                      c->tie_embeddings == known[i].tied,
                  "%s", f.name);
        cr_expect(c->rope.kind == known[i].rope && c->rope.theta == known[i].theta, "%s", f.name);
        unload(&f);
    }
}

Test(architectures, baseline_agrees_with_transformers)
{
    for (size_t i = 0; i < MODELS; i++) {
        struct fixture f = load(known[i].name);
        float *logits = run(f.loaded.model, &f);
        double off = largest_difference(logits, &f);
        cr_log_info("%s: %.2g", f.name, off);
        cr_expect(off < TOLERANCE, "%s: a logit is off by %.3g of the largest", f.name, off);
        free(logits);
        unload(&f);
    }
}

struct spoiling {
    struct fixture *fixture;
    size_t arrays;
};

/* Without this array (gains 1, everything else 0) the logits must not pass. */
static enum qoq_status spoil(void *context, const struct qoq_array *array)
{
    struct spoiling *spoiling = context;
    const struct fixture *f = spoiling->fixture;
    size_t count = array->dim[0] * (array->rank == 2 ? array->dim[1] : 1);
    float *x = array->data, *kept = malloc(count * sizeof *kept);
    int gains = array->kind >= QOQ_ARRAY_NORM && array->kind <= QOQ_ARRAY_K_NORM;

    cr_assert_not_null(kept);
    memcpy(kept, x, count * sizeof *kept);
    for (size_t i = 0; i < count; i++) {
        x[i] = gains ? 1 : 0;
    }
    float *logits = run(f->loaded.model, f);
    double off = largest_difference(logits, f);
    cr_expect(off > 100 * TOLERANCE, "%s: array %zu does not matter: %.3g", f->name,
              spoiling->arrays, off);
    memcpy(x, kept, count * sizeof *kept);
    spoiling->arrays++;
    free(kept);
    free(logits);
    return QOQ_OK;
}

/* The comparison sees every array, and the scaling of the rotary embedding. */
Test(architectures, every_array_matters)
{
    for (size_t i = 0; i < MODELS; i++) {
        struct fixture f = load(known[i].name);
        struct qoq_outline outline = qoq_model_outline(f.loaded.model);
        struct spoiling spoiling = {&f, 0};
        cr_expect_eq(qoq_arrays_visit(&outline, spoil, &spoiling), QOQ_OK);
        cr_expect_gt(spoiling.arrays, 18);
        f.loaded.model->config.rope.kind = QOQ_ROPE_PLAIN;
        float *logits = run(f.loaded.model, &f);
        cr_expect_eq(largest_difference(logits, &f) < TOLERANCE, known[i].rope == QOQ_ROPE_PLAIN,
                     "%s", f.name);
        free(logits);
        unload(&f);
    }
}

/* Rounded to nearest, tiny random models lose much; a part that the quantized graph forgets costs
 * far more (every_array_matters). */
Test(architectures, quantized_models_stay_close)
{
    static const struct {
        enum qoq_precision precision;
        double distance, nll;
    } bound[] = {{QOQ_W8A8KV8, 0.045, 0.03},
                 {QOQ_W4A8KV4_CHANNEL, 0.45, 0.25},
                 {QOQ_W4A8KV4_GROUP, 0.45, 0.25}};

    for (size_t i = 0; i < MODELS; i++) {
        struct fixture f = load(known[i].name);
        double exact = mean_nll(f.logits.data, &f);
        for (size_t p = 0; p < sizeof bound / sizeof bound[0]; p++) {
            const char *precision = qoq_precision_name(bound[p].precision);
            struct qoq_model *model;
            cr_assert_eq(
                qoq_model_quantize_rtn(&model, f.loaded.model, bound[p].precision, 32, NULL),
                QOQ_OK, "%s, %s", f.name, precision);
            float *logits = run(model, &f);
            double off = distance(logits, &f), nll = mean_nll(logits, &f);
            cr_log_info("%s, %s: distance %.3g, nll %.3f (exact %.3f)", f.name, precision, off, nll,
                        exact);
            cr_expect(off < bound[p].distance, "%s, %s: distance %.3g", f.name, precision, off);
            cr_expect(fabs(nll - exact) < bound[p].nll, "%s, %s: nll %.3f, exact %.3f", f.name,
                      precision, nll, exact);
            free(logits);
            qoq_model_free(model);
        }
        unload(&f);
    }
}
