/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transformations of ref/quantize: each leaves the logits as they were, does what it says to the
 * weights, and carries the statistics along as if they were taken again.
 */
#include <config.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/load.h"
#include "quantize/transform.h"
#include "tests/transform_subject.h"

/* ---- Steps ---- */

static void fold(struct subject *s)
{
    const struct qoq_config *c = &s->model->config;

    for (size_t i = 0; i < c->layers; i++) {
        qoq_fold_norms(&s->model->layer[i], c);
    }
    qoq_fold_final_norm(s->model->head_f32, s->model->norm, c);
    measure(s);
}

static void rotate_stream(struct subject *s, int random)
{
    const struct qoq_config *c = &s->model->config;
    struct qoq_hadamard *r;

    cr_assert_eq(qoq_hadamard_create(&r, c->hidden, random, 3), QOQ_OK);
    for (size_t i = 0; i < c->layers; i++) {
        cr_assert_eq(qoq_rotate_layer(&s->model->layer[i], c, r), QOQ_OK);
    }
    cr_assert_eq(qoq_rotate_rows(s->model->embed_f32, c->vocab, r), QOQ_OK);
    cr_assert_eq(qoq_rotate_rows(s->model->head_f32, c->vocab, r), QOQ_OK);
    qoq_hadamard_free(r);
    measure(s);
}

static void rotate_plainly(struct subject *s)
{
    fold(s);
    rotate_stream(s, 0);
}

static void rotate_with_signs(struct subject *s)
{
    fold(s);
    rotate_stream(s, 1);
}

static void rotate_values(struct subject *s)
{
    for (size_t i = 0; i < s->model->config.layers; i++) {
        cr_assert_eq(qoq_rotate_heads(&s->model->layer[i], &s->model->config), QOQ_OK);
    }
    measure(s);
}

#define EACH_LAYER(call)                                                                           \
    do {                                                                                           \
        const struct qoq_config *config = &s->model->config;                                       \
        for (size_t i = 0; i < config->layers; i++) {                                              \
            struct qoq_layer *layer = &s->model->layer[i];                                         \
            struct qoq_calibration *statistics = &s->statistics[i];                                \
            cr_assert_eq((call), QOQ_OK);                                                          \
        }                                                                                          \
    } while (0)

static void reorder(struct subject *s)
{
    EACH_LAYER(qoq_reorder_down(layer, statistics, config, NULL));
}

static void smooth_output(struct subject *s)
{
    EACH_LAYER(qoq_smooth_output(layer, statistics, config, 0.3f, 0));
}

static void smooth_output_by_weights(struct subject *s)
{
    EACH_LAYER(qoq_smooth_output(layer, statistics, config, 0.0f, 0));
}

static void smooth_down(struct subject *s)
{
    EACH_LAYER(qoq_smooth_output(layer, statistics, config, 1.0f, 1));
}

static void smooth_input(struct subject *s)
{
    EACH_LAYER(qoq_smooth_input(layer, statistics, config, 0.85f));
}

/* Factors with no relation to the keys, up to 5: equal only where they have to be. */
static void random_factors(float *lambda, const struct qoq_config *c, uint64_t stream)
{
    struct test_random random = test_random(stream);
    size_t half = c->head_dim / 2;

    for (size_t i = 0; i < c->kv_heads * c->head_dim; i++) {
        lambda[i] = i % c->head_dim < half ? 2.6f + test_uniform(&random, 2.4f) : lambda[i - half];
    }
}

static void smooth_keys(struct subject *s)
{
    const struct qoq_config *c = &s->model->config;
    float *lambda = malloc(c->kv_heads * c->head_dim * sizeof *lambda);

    for (size_t i = 0; i < c->layers; i++) {
        random_factors(lambda, c, 20 + i);
        qoq_smooth_attention(&s->model->layer[i], &s->statistics[i], c, lambda);
    }
    free(lambda);
}

static void all_for_groups(struct subject *s)
{
    rotate_plainly(s);
    reorder(s);
    smooth_keys(s);
    smooth_output(s);
}

static void all_at_once(struct subject *s)
{
    rotate_with_signs(s);
    rotate_values(s);
    smooth_input(s);
    reorder(s);
    smooth_keys(s);
    smooth_output(s);
    smooth_down(s);
}

static const struct {
    const char *name;
    void (*apply)(struct subject *s);
} steps[] = {
    {"fold", fold},
    {"rotation", rotate_plainly},
    {"rotation with signs", rotate_with_signs},
    {"rotation of heads", rotate_values},
    {"order", reorder},
    {"output smoothing", smooth_output},
    {"output smoothing, weights only", smooth_output_by_weights},
    {"down_proj only, activations only", smooth_down},
    {"input smoothing", smooth_input},
    {"attention smoothing", smooth_keys},
    {"grouped QoQ", all_for_groups},
    {"everything", all_at_once},
};

/* Every step alone and all together. measure() in a rotation takes statistics anew. */
Test(transform, function_is_preserved)
{
    for (size_t c = 0; c < CASES; c++) {
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            struct subject s = subject_of(cases[c].name, random_baseline(&cases[c]));
            steps[i].apply(&s);
            expect_same_logits(&s, steps[i].name);
            expect_followed(&s);
            finish(&s);
        }
    }
}

/* ---- The model that ships ---- */

static struct qoq_model *untied_copy(const struct qoq_model *model)
{
    struct qoq_config c = model->config;
    struct qoq_model *copy;

    c.tie_embeddings = 0;
    cr_assert_eq(qoq_model_create(&copy, &c, QOQ_FP32, 0), QOQ_OK);
    memcpy(copy->embed_f32, model->embed_f32, c.vocab * c.hidden * sizeof(float));
    memcpy(copy->head_f32, model->head_f32, c.vocab * c.hidden * sizeof(float));
    memcpy(copy->norm, model->norm, c.hidden * sizeof(float));
    for (size_t i = 0; i < c.layers; i++) {
        const struct qoq_layer *from = &model->layer[i];
        struct qoq_layer *to = &copy->layer[i];
        memcpy(to->input_norm, from->input_norm, c.hidden * sizeof(float));
        memcpy(to->post_norm, from->post_norm, c.hidden * sizeof(float));
        for (int id = 0; id < QOQ_LINEARS; id++) {
            const struct qoq_linear *linear = &from->linear[id];
            memcpy(to->linear[id].f32, linear->f32, linear->n * linear->k * sizeof(float));
        }
    }
    return copy;
}

Test(transform, story_model_is_preserved)
{
    struct qoq_loaded loaded;
    struct qoq_error err = {QOQ_OK, ""};
    char path[512];

    cr_assert_not_null(getenv("QOQ_DATADIR"), "QOQ_DATADIR is not set");
    snprintf(path, sizeof path, "%s/models/stories260K", getenv("QOQ_DATADIR"));
    cr_assert_eq(qoq_load(&loaded, path, &err), QOQ_OK, "%s", err.text);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct subject s = subject_of("stories260K", untied_copy(loaded.model));
        steps[i].apply(&s);
        expect_same_logits(&s, steps[i].name);
        finish(&s);
    }
    qoq_loaded_free(&loaded);
}

/* ---- What each step does ---- */

Test(transform, folded_gains_are_one)
{
    struct subject s = subject_of(cases[0].name, random_baseline(&cases[0]));
    struct qoq_model *old = random_baseline(&cases[0]);
    const struct qoq_config *c = &old->config;

    fold(&s);
    for (size_t j = 0; j < c->hidden; j++) {
        const struct qoq_layer *was = &old->layer[1], *is = &s.model->layer[1];
        cr_expect(s.model->norm[j] == 1 && is->input_norm[j] == 1 && is->post_norm[j] == 1);
        cr_expect(is->linear[QOQ_V].f32[5 * c->hidden + j] ==
                  was->linear[QOQ_V].f32[5 * c->hidden + j] * was->input_norm[j]);
        cr_expect(is->linear[QOQ_UP].f32[j] == was->linear[QOQ_UP].f32[j] * was->post_norm[j]);
        cr_expect(is->linear[QOQ_O].f32[j] == was->linear[QOQ_O].f32[j]);
        cr_expect(s.model->head_f32[j] == old->head_f32[j] * old->norm[j]);
    }
    qoq_model_free(old);
    finish(&s);
}

/* The residual stream after the last layer is x R. */
Test(transform, stream_is_rotated)
{
    for (size_t n = 0; n < CASES; n++) {
        struct subject s = subject_of(cases[n].name, random_baseline(&cases[n]));
        size_t hidden = s.model->config.hidden, count = TOKENS * hidden;
        struct qoq_hadamard *r;
        double *was, *is, most = 0;
        float *expected = malloc(count * sizeof *expected);
        drop_statistics(take_statistics(&s, &was), s.model->config.layers);
        rotate_with_signs(&s);
        drop_statistics(take_statistics(&s, &is), s.model->config.layers);
        for (size_t i = 0; i < count; i++) {
            expected[i] = (float)was[i];
            most = fmax(most, fabs(was[i]));
        }
        cr_assert_eq(qoq_hadamard_create(&r, hidden, 1, 3), QOQ_OK);
        cr_assert_eq(qoq_rotate_rows(expected, TOKENS, r), QOQ_OK);
        for (size_t i = 0; i < count; i++) {
            cr_assert(fabs(is[i] - (double)expected[i]) <= 1e-5 * most,
                      "%s: x R[%zu] is %g, not %g" SEED_FORMAT, s.name, i, is[i],
                      (double)expected[i], test_seed());
        }
        qoq_hadamard_free(r);
        free(was);
        free(is);
        free(expected);
        finish(&s);
    }
}

Test(transform, rotation_refuses)
{
    struct qoq_model *model = random_baseline(&cases[0]);
    struct qoq_config *c = &model->config;
    struct qoq_hadamard *r;

    cr_assert_eq(qoq_hadamard_create(&r, c->hidden, 0, 0), QOQ_OK);
    cr_expect_eq(qoq_rotate_layer(&model->layer[0], c, r), QOQ_ERR_ARGUMENT, "gains are not 1");
    qoq_hadamard_free(r);
    qoq_fold_norms(&model->layer[0], c);
    cr_assert_eq(qoq_hadamard_create(&r, 2 * c->hidden, 0, 0), QOQ_OK);
    cr_expect_eq(qoq_rotate_layer(&model->layer[0], c, r), QOQ_ERR_SHAPE);
    qoq_hadamard_free(r);
    c->head_dim = 6;
    cr_expect_eq(qoq_rotate_heads(&model->layer[0], c), QOQ_ERR_UNSUPPORTED);
    c->head_dim = 16;
    qoq_model_free(model);
}

/* Values of a head of width 16: a sum with signs by the parity of i & j, over 4. */
Test(transform, heads_are_rotated)
{
    struct qoq_model *old = random_baseline(&cases[0]), *new = random_baseline(&cases[0]);
    const struct qoq_linear *was = &old->layer[0].linear[QOQ_V], *is = &new->layer[0].linear[QOQ_V];

    cr_assert_eq(qoq_rotate_heads(&new->layer[0], &new->config), QOQ_OK);
    for (size_t n = 0; n < was->n; n++) {
        double row = 0, bias = 0;
        for (size_t j = 0; j < 16; j++) {
            size_t both = n % 16 & j, from = n / 16 * 16 + j;
            int odd = (both ^ both >> 1 ^ both >> 2 ^ both >> 3) & 1;
            row += (odd ? -1 : 1) * (double)was->f32[from * was->k + 7] / 4;
            bias += (odd ? -1 : 1) * (double)was->bias[from] / 4;
        }
        cr_expect(is->f32[n * was->k + 7] == (float)row && is->bias[n] == (float)bias, "row %zu",
                  n);
    }
    cr_expect(memcmp(old->layer[0].linear[QOQ_O].bias, new->layer[0].linear[QOQ_O].bias,
                     96 * sizeof(float)) == 0,
              "the bias of o_proj is no value");
    qoq_model_free(old);
    qoq_model_free(new);
}

Test(transform, order_is_ascending)
{
    struct subject s = subject_of(cases[0].name, random_baseline(&cases[0]));
    struct qoq_model *old = random_baseline(&cases[0]);
    const struct qoq_config *c = &old->config;
    struct qoq_layer *layer = &s.model->layer[0];
    float *most = s.statistics[0].most[QOQ_INPUT_DOWN];
    size_t order[80], seen[80] = {0};

    most[3] = most[50] = most[20] = most[7]; /* ties stay in order */
    cr_assert_eq(qoq_reorder_down(layer, &s.statistics[0], c, order), QOQ_OK);
    for (size_t i = 0; i < c->intermediate; i++) {
        cr_assert(order[i] < c->intermediate && !seen[order[i]]++);
        cr_expect(i == 0 || most[i - 1] < most[i] ||
                      (most[i - 1] == most[i] && order[i - 1] < order[i]),
                  "channel %zu" SEED_FORMAT, i, test_seed());
        for (int id = QOQ_GATE; id <= QOQ_UP; id++) {
            const struct qoq_linear *was = &old->layer[0].linear[id], *is = &layer->linear[id];
            cr_expect(memcmp(is->f32 + i * was->k, was->f32 + order[i] * was->k,
                             was->k * sizeof(float)) == 0);
            cr_expect(is->bias[i] == was->bias[order[i]]);
        }
        for (size_t n = 0; n < c->hidden; n++) {
            cr_expect(layer->linear[QOQ_DOWN].f32[n * 80 + i] ==
                      old->layer[0].linear[QOQ_DOWN].f32[n * 80 + order[i]]);
        }
    }
    qoq_model_free(old);
    finish(&s);
}

Test(transform, keys_are_divided)
{
    struct subject s = subject_of(cases[0].name, random_baseline(&cases[0]));
    struct qoq_model *old = random_baseline(&cases[0]);
    const struct qoq_layer *was = &old->layer[0], *is = &s.model->layer[0];
    size_t k = old->config.hidden;
    float lambda[32];

    random_factors(lambda, &old->config, 20);
    smooth_keys(&s);
    for (size_t n = 0; n < 32; n++) {
        cr_expect(is->linear[QOQ_K].f32[n * k + 1] ==
                  was->linear[QOQ_K].f32[n * k + 1] / lambda[n]);
        cr_expect(is->linear[QOQ_K].bias[n] == was->linear[QOQ_K].bias[n] / lambda[n]);
    }
    for (size_t n = 0; n < 96; n++) {
        float factor = lambda[n / 48 * 16 + n % 16]; /* three query heads of 16 a key head */
        cr_expect(is->linear[QOQ_Q].f32[n * k + 1] == was->linear[QOQ_Q].f32[n * k + 1] * factor);
        cr_expect(is->linear[QOQ_Q].bias[n] == was->linear[QOQ_Q].bias[n] * factor);
    }
    qoq_model_free(old);
    finish(&s);
}

/* ---- Factors ---- */

static double column_most(const struct qoq_linear *linear, size_t column)
{
    double most = 0;

    for (size_t n = 0; n < linear->n; n++) {
        most = fmax(most, fabs((double)linear->f32[n * linear->k + column]));
    }
    return most;
}

static void expect_factor(double old, double new, double activation, double weight, double alpha)
{
    double lambda = pow(activation, alpha) / pow(weight, 1 - alpha);

    cr_assert(fabs(old / new / lambda - 1) < 1e-6, "%.9g / %.9g is not %.9g" SEED_FORMAT, old, new,
              lambda, test_seed());
}

/* up_proj and v_proj rows, and biases, by libm's pow; v_proj by the largest of three heads. */
Test(transform, output_factors)
{
    static const float alphas[] = {0.0f, 0.05f, 0.3f, 1.0f};

    for (size_t a = 0; a < sizeof alphas / sizeof alphas[0]; a++) {
        double alpha = (double)alphas[a];
        struct subject s = subject_of(cases[0].name, random_baseline(&cases[0])),
                       t = subject_of(cases[0].name, random_baseline(&cases[0]));
        const struct qoq_layer *was = &s.model->layer[0], *is = &t.model->layer[0];
        const float *down = s.statistics[0].most[QOQ_INPUT_DOWN],
                    *out = s.statistics[0].most[QOQ_INPUT_O];
        cr_assert_eq(
            qoq_smooth_output(&t.model->layer[0], &t.statistics[0], &t.model->config, alphas[a], 0),
            QOQ_OK);
        for (size_t i = 0; i < 80; i++) {
            const struct qoq_linear *from = &was->linear[QOQ_UP], *to = &is->linear[QOQ_UP];
            double weight = column_most(&was->linear[QOQ_DOWN], i);
            expect_factor((double)from->f32[i * 96 + 2], (double)to->f32[i * 96 + 2],
                          (double)down[i], weight, alpha);
            expect_factor((double)from->bias[i], (double)to->bias[i], (double)down[i], weight,
                          alpha);
            if (alpha == 0) {
                cr_expect_float_eq(column_most(&is->linear[QOQ_DOWN], i), 1, 1e-6);
            }
        }
        for (size_t i = 0; i < 32; i++) {
            const struct qoq_linear *from = &was->linear[QOQ_V], *to = &is->linear[QOQ_V];
            double activation = 0, weight = 0;
            for (size_t h = 0; h < 3; h++) {
                size_t channel = (i / 16 * 3 + h) * 16 + i % 16;
                activation = fmax(activation, (double)out[channel]);
                weight = fmax(weight, column_most(&was->linear[QOQ_O], channel));
            }
            expect_factor((double)from->f32[i * 96], (double)to->f32[i * 96], activation, weight,
                          alpha);
            expect_factor((double)from->bias[i], (double)to->bias[i], activation, weight, alpha);
        }
        finish(&s);
        finish(&t);
    }
}

Test(transform, skipped_output_stays)
{
    struct subject s = subject_of(cases[0].name, random_baseline(&cases[0]));
    struct qoq_model *old = random_baseline(&cases[0]);

    smooth_down(&s);
    cr_expect(memcmp(s.model->layer[0].linear[QOQ_O].f32, old->layer[0].linear[QOQ_O].f32,
                     96 * 96 * sizeof(float)) == 0);
    cr_expect(memcmp(s.model->layer[0].linear[QOQ_V].f32, old->layer[0].linear[QOQ_V].f32,
                     32 * 96 * sizeof(float)) == 0);
    qoq_model_free(old);
    finish(&s);
}

Test(transform, input_factors)
{
    struct subject s = subject_of(cases[0].name, random_baseline(&cases[0]));
    struct qoq_model *old = random_baseline(&cases[0]);
    const struct qoq_layer *was = &old->layer[0], *is = &s.model->layer[0];
    float first[96], second[96];

    memcpy(first, s.statistics[0].most[QOQ_INPUT_ATTENTION], sizeof first);
    memcpy(second, s.statistics[0].most[QOQ_INPUT_MLP], sizeof second);
    smooth_input(&s);
    for (size_t i = 0; i < 96; i++) {
        double weight =
            fmax(fmax(column_most(&was->linear[QOQ_Q], i), column_most(&was->linear[QOQ_K], i)),
                 column_most(&was->linear[QOQ_V], i));
        expect_factor((double)was->input_norm[i], (double)is->input_norm[i], (double)first[i],
                      weight, (double)0.85f);
        weight = fmax(column_most(&was->linear[QOQ_GATE], i), column_most(&was->linear[QOQ_UP], i));
        expect_factor((double)was->post_norm[i], (double)is->post_norm[i], (double)second[i],
                      weight, (double)0.85f);
    }
    qoq_model_free(old);
    finish(&s);
}

/* Dead channels, dead weights and magnitudes at the ends of binary32: factors stay positive and
 * finite, 1 where there is nothing to balance, and no weight is lost. */
Test(transform, guards)
{
    static const float extreme[] = {0.0f, 1e-44f, 1e-38f, 3e38f, INFINITY, NAN};

    for (int step = 0; step <= 4; step++) {
        struct subject s = subject_of(cases[0].name, random_baseline(&cases[0]));
        struct qoq_layer *layer = &s.model->layer[0];
        struct qoq_linear *down = &layer->linear[QOQ_DOWN], *up = &layer->linear[QOQ_UP];
        float alpha = (float)step / 4, was[80];
        for (size_t i = 0; i < 6; i++) {
            s.statistics[0].most[QOQ_INPUT_DOWN][i] = extreme[i];
        }
        for (size_t n = 0; n < down->n; n++) {
            down->f32[n * down->k + 6] = 0;
            down->f32[n * down->k + 7] *= 1e-38f;
        }
        for (size_t i = 0; i < 80; i++) {
            was[i] = up->f32[i * up->k];
        }
        cr_assert_eq(qoq_smooth_output(layer, &s.statistics[0], &s.model->config, alpha, 0),
                     QOQ_OK);
        for (size_t i = 0; i < 80; i++) {
            float is = up->f32[i * up->k];
            cr_expect(isfinite(is) && is != 0, "alpha %g, row %zu: %g", (double)alpha, i,
                      (double)is);
            cr_expect(isfinite(column_most(down, i)), "alpha %g, column %zu", (double)alpha, i);
        }
        for (size_t i = 0; i < 6; i++) {
            int guarded = alpha > 0 && (extreme[i] == 0 || !isfinite(extreme[i]));
            cr_expect((up->f32[i * up->k] == was[i]) == guarded, "alpha %g, channel %zu",
                      (double)alpha, i);
        }
        cr_expect((up->f32[6 * up->k] == was[6]) == (alpha < 1), "alpha %g: dead weights",
                  (double)alpha);
        finish(&s);
    }
}

Test(transform, smoothing_refuses)
{
    static const float bad[] = {-0.1f, 1.1f, NAN, INFINITY};
    struct subject s = subject_of(cases[0].name, random_baseline(&cases[0]));
    struct qoq_layer *layer = &s.model->layer[0];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(qoq_smooth_output(layer, s.statistics, &s.model->config, bad[i], 0),
                     QOQ_ERR_ARGUMENT);
        cr_expect_eq(qoq_smooth_input(layer, s.statistics, &s.model->config, bad[i]),
                     QOQ_ERR_ARGUMENT);
    }
    expect_same_logits(&s, "nothing");
    finish(&s);
}
