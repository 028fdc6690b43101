/* SPDX-License-Identifier: Apache-2.0 */
/* The range of q_proj and k_proj by attention error: Q 4.5. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "quantize/calibration.h"
#include "quantize/grid.h"
#include "tests/model_reference.h"
#include "tests/model_shapes.h"

#define SAMPLES 2
#define TOKENS 24

struct lab {
    struct qoq_model *model;
    const struct qoq_layer *layer;
    struct qoq_calibration calibration;
    struct qoq_probe *probe;
};

/* A layer with 128 inputs. dead: inputs 0 and 1 are always 0, their weights in q and k large. */
static struct lab new_lab(int dead)
{
    struct shape shape = shapes[0];
    struct lab lab;
    struct test_random random = test_random(3);

    use_threads(1);
    shape.config.hidden = 128;
    lab.model = random_baseline(&shape);
    lab.layer = &lab.model->layer[0];
    size_t count = SAMPLES * TOKENS * 128;
    float *x = malloc(count * sizeof *x);
    for (size_t i = 0; i < count; i++) {
        x[i] = test_uniform(&random, 2.0f);
    }
    for (size_t i = 0; dead && i < 2; i++) {
        lab.layer->input_norm[i] = 0.0f;
        for (size_t n = 0; n < 64; n++) {
            for (int id = QOQ_Q; id <= QOQ_K; id++) {
                lab.layer->linear[id].f32[n * 128 + i] = i == 0 ? 1.0f : -1.0f;
            }
        }
    }
    cr_assert_eq(qoq_calibration_create(&lab.calibration, &lab.model->config, SAMPLES, TOKENS),
                 QOQ_OK);
    cr_assert_eq(qoq_calibrate_layer(&lab.calibration, x, lab.layer, &lab.model->config, SAMPLES,
                                     TOKENS, NULL),
                 QOQ_OK);
    cr_assert_eq(qoq_probe_create(&lab.probe, lab.layer, &lab.model->config, &lab.calibration),
                 QOQ_OK);
    free(x);
    return lab;
}

static void free_lab(struct lab *lab)
{
    qoq_probe_free(lab->probe);
    qoq_calibration_free(&lab->calibration);
    qoq_model_free(lab->model);
}

/* Per-channel rounding of N 4.1 with clipped ranges, in binary64. */
static void round_rows(float *out, const struct qoq_linear *w, double ratio)
{
    for (size_t n = 0; n < w->n; n++) {
        const float *row = w->f32 + n * w->k;
        double lo = 0, hi = 0;
        for (size_t i = 0; i < w->k; i++) {
            lo = fmin(lo, (double)row[i] * ratio);
            hi = fmax(hi, (double)row[i] * ratio);
        }
        double scale = to_half((hi - lo) / 15), zero = fmin(fmax(nearbyint(-lo / scale), 0), 15);
        for (size_t i = 0; i < w->k; i++) {
            double code = fmin(fmax(nearbyint((double)row[i] / scale + zero), 0), 15);
            out[n * w->k + i] = (float)((code - zero) * scale);
        }
    }
}

static double clipped_error(const struct lab *lab, enum qoq_linear_id id, double ratio)
{
    struct qoq_linear rounded = lab->layer->linear[id];
    double error;

    rounded.f32 = malloc(rounded.n * rounded.k * sizeof(float));
    round_rows(rounded.f32, &lab->layer->linear[id], ratio);
    cr_assert_eq(qoq_probe_error(&error, lab->probe, id == QOQ_Q ? &rounded : NULL,
                                 id == QOQ_K ? &rounded : NULL, 16),
                 QOQ_OK);
    free(rounded.f32);
    return error;
}

/* As good as the best of 21 ratios by a rounding of the test's own. */
Test(clip_attention, finds_the_least_error)
{
    for (int dead = 0; dead < 2; dead++) {
        struct lab lab = new_lab(dead);
        for (int id = QOQ_Q; id <= QOQ_K; id++) {
            double least = INFINITY, plain = clipped_error(&lab, (enum qoq_linear_id)id, 1);
            float ratio = NAN;
            for (int i = 0; i <= 20; i++) {
                double error = clipped_error(&lab, (enum qoq_linear_id)id, 1 - 0.04 * i);
                least = fmin(least, error);
            }
            cr_assert_eq(qoq_clip_by_attention(&ratio, lab.probe, (enum qoq_linear_id)id, lab.layer,
                                               QOQ_GRID_W4_CHANNEL, 0),
                         QOQ_OK);
            double found = clipped_error(&lab, (enum qoq_linear_id)id, (double)ratio);
            cr_expect_leq(found, 1.05 * least, "%s: %g at %g, least %g" SEED_FORMAT,
                          qoq_linear_name((enum qoq_linear_id)id), found, (double)ratio, least,
                          test_seed());
            if (dead) {
                cr_expect(ratio < 0.5f && found < plain / 3, "%s: %g at %g, unclipped %g",
                          qoq_linear_name((enum qoq_linear_id)id), found, (double)ratio, plain);
            }
        }
        free_lab(&lab);
    }
}

/* Weights of zeros round to themselves whatever the ratio: the first of equal errors. */
Test(clip_attention, larger_wins_a_tie)
{
    static const struct {
        enum qoq_grid_kind kind;
        size_t group;
    } grid[] = {{QOQ_GRID_W8, 0},       {QOQ_GRID_W4_CHANNEL, 0},   {QOQ_GRID_W4_GROUP, 64},
                {QOQ_GRID_W4_HALF, 32}, {QOQ_GRID_W4_SYMMETRIC, 0}, {QOQ_GRID_W4_POST, 128}};
    struct lab lab = new_lab(0);
    float ratio;

    memset(lab.layer->linear[QOQ_Q].f32, 0, 64 * 128 * sizeof(float));
    for (size_t i = 0; i < sizeof grid / sizeof grid[0]; i++) {
        cr_assert_eq(
            qoq_clip_by_attention(&ratio, lab.probe, QOQ_Q, lab.layer, grid[i].kind, grid[i].group),
            QOQ_OK);
        cr_expect_eq(ratio, 1.0f, "grid %zu", i);
    }
    free_lab(&lab);
}

Test(clip_attention, refuses)
{
    struct lab lab = new_lab(0);
    float ratio;

    cr_expect_eq(qoq_clip_by_attention(&ratio, lab.probe, QOQ_V, lab.layer, QOQ_GRID_W8, 0),
                 QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_clip_by_attention(NULL, lab.probe, QOQ_Q, lab.layer, QOQ_GRID_W8, 0),
                 QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_clip_by_attention(&ratio, NULL, QOQ_Q, lab.layer, QOQ_GRID_W8, 0),
                 QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_clip_by_attention(&ratio, lab.probe, QOQ_Q, NULL, QOQ_GRID_W8, 0),
                 QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_clip_by_attention(&ratio, lab.probe, QOQ_Q, lab.layer, QOQ_GRID_W4_GROUP, 7),
                 QOQ_ERR_SHAPE);
    lab.layer->linear[QOQ_Q].f32[5] = NAN;
    cr_expect_eq(qoq_clip_by_attention(&ratio, lab.probe, QOQ_Q, lab.layer, QOQ_GRID_W8, 0),
                 QOQ_ERR_RANGE);
    free_lab(&lab);
}
