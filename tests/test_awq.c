/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWQ (Q 8.2): the exponent of every input against a search that shares no code with it but the
 * grid, and what the factors do to model and statistics.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "quantize/transform.h"
#include "tests/transform_subject.h"

/* Of the grids that have groups. */
#define GROUP 32

static size_t group_of(enum qoq_grid_kind kind)
{
    return kind == QOQ_GRID_W4_CHANNEL ? 0 : GROUP;
}

/* A model with some strong channels at every input. */
static struct subject strong_subject(const struct shape *shape)
{
    struct qoq_model *model = random_baseline(shape);
    const struct qoq_config *c = &model->config;

    for (size_t i = 0; i < c->layers; i++) {
        struct qoq_layer *layer = &model->layer[i];
        layer->input_norm[5] *= 30;
        layer->input_norm[17] *= 8;
        layer->post_norm[3] *= 20;
        for (size_t k = 0; k < c->hidden; k++) {
            layer->linear[QOQ_V].f32[2 * c->hidden + k] *= 25;
            layer->linear[QOQ_UP].f32[7 * c->hidden + k] *= 40;
        }
    }
    return subject_of(shape->name, model);
}

/* ---- The search again ---- */

/* sum of d H d^T over rows d = w - Q(w lambda) / lambda */
static double rounded_error(const struct qoq_linear *linear, const double *gram,
                            const float *lambda, enum qoq_grid_kind kind)
{
    size_t n = linear->n, k = linear->k;
    struct qoq_grid grid;
    float *w = malloc(n * k * sizeof *w);
    int8_t *code = malloc(n * k);
    double *d = malloc(k * sizeof *d), error = 0;

    for (size_t i = 0; i < n * k; i++) {
        w[i] = linear->f32[i] * lambda[i % k];
    }
    cr_assert_eq(qoq_grid_create(&grid, kind, n, k, group_of(kind)), QOQ_OK);
    cr_assert_eq(qoq_grid_fit(&grid, w, NULL), QOQ_OK);
    qoq_grid_round(code, &grid, w);
    qoq_grid_values(w, &grid, code);
    for (size_t row = 0; row < n; row++) {
        for (size_t i = 0; i < k; i++) {
            d[i] = (double)linear->f32[row * k + i] - (double)(w[row * k + i] / lambda[i]);
        }
        for (size_t i = 0; i < k * k; i++) {
            error += d[i / k] * gram[i] * d[i % k];
        }
    }
    qoq_grid_free(&grid);
    free(w);
    free(code);
    free(d);
    return error;
}

/* Mean of channel i, of o_proj over the query heads that share its key/value head. */
static double mean_of(const struct subject *s, size_t layer, int id, size_t i)
{
    const struct qoq_config *c = &s->model->config;
    const double *mean = s->statistics[layer].mean[id];
    size_t shared = c->heads / c->kv_heads * c->head_dim;
    double sum = 0;

    if (id != QOQ_INPUT_O) {
        return mean[i];
    }
    for (size_t j = i / shared * shared; j < (i / shared + 1) * shared; j++) {
        sum += j % c->head_dim == i % c->head_dim ? mean[j] : 0;
    }
    return sum;
}

static void factors(float *lambda, const struct subject *s, size_t layer, int id, size_t k,
                    double u)
{
    double lo = HUGE_VAL, hi = 0;

    for (size_t i = 0; i < k; i++) {
        double x = pow(mean_of(s, layer, id, i), u);
        lo = fmin(lo, x);
        hi = fmax(hi, x);
    }
    for (size_t i = 0; i < k; i++) {
        lambda[i] = (float)(pow(mean_of(s, layer, id, i), u) / sqrt(lo * hi));
    }
}

static const struct {
    int first, last;
} readers[QOQ_INPUTS] = {{QOQ_Q, QOQ_V}, {QOQ_O, QOQ_O}, {QOQ_GATE, QOQ_UP}, {QOQ_DOWN, QOQ_DOWN}};

static double readers_error(const struct subject *s, size_t layer, int id, const float *lambda,
                            enum qoq_grid_kind kind)
{
    double error = 0;

    for (int linear = readers[id].first; linear <= readers[id].last; linear++) {
        error += rounded_error(&s->model->layer[layer].linear[linear],
                               s->statistics[layer].gram[id], lambda, kind);
    }
    return error;
}

/* lambda of the best exponent; returns its number. */
static int search(float *lambda, double *gain, const struct subject *s, size_t layer, int id,
                  enum qoq_grid_kind kind)
{
    size_t k = s->model->layer[layer].linear[readers[id].first].k;
    double least = HUGE_VAL, plain = 0;
    int best = 0;

    for (int step = 0; step < 20; step++) {
        factors(lambda, s, layer, id, k, step / 20.0);
        double error = readers_error(s, layer, id, lambda, kind);
        plain = step == 0 ? error : plain;
        if (error < least) {
            least = error;
            best = step;
        }
    }
    *gain = least / plain;
    factors(lambda, s, layer, id, k, best / 20.0);
    return best;
}

/* Columns of the first reader, which no factor of rows touches, were multiplied by lambda. */
static void expect_columns(const struct subject *s, const struct subject *before, size_t layer,
                           int id, const float *lambda)
{
    const struct qoq_linear *is = &s->model->layer[layer].linear[readers[id].first],
                            *was = &before->model->layer[layer].linear[readers[id].first];

    for (size_t e = 0; e < is->n * is->k; e++) {
        double expected = (double)was->f32[e] * (double)lambda[e % is->k];
        cr_assert(fabs((double)is->f32[e] - expected) <= 1e-6 * fabs(expected),
                  "%s, layer %zu, input %d, element %zu: %g, not %g" SEED_FORMAT, s->name, layer,
                  id, e, (double)is->f32[e], expected, test_seed());
    }
}

static void expect_best(const struct shape *shape, enum qoq_grid_kind kind, int *positive)
{
    struct subject s = strong_subject(shape), before = strong_subject(shape);
    float lambda[128];

    for (size_t layer = 0; layer < shape->config.layers; layer++) {
        cr_assert_eq(qoq_smooth_awq(&s.model->layer[layer], &s.statistics[layer], &shape->config,
                                    kind, group_of(kind)),
                     QOQ_OK);
        for (int id = 0; id < QOQ_INPUTS; id++) {
            double gain;
            int best = search(lambda, &gain, &before, layer, id, kind);
            expect_columns(&s, &before, layer, id, lambda);
            positive[id] += best > 0;
            cr_expect(best == 0 || gain < 1);
        }
    }
    expect_same_logits(&s, "AWQ");
    expect_followed(&s);
    finish(&s);
    finish(&before);
}

/* The factors are those of the second search; strong channels make it choose an exponent above 0
 * at every kind of input. */
Test(awq, best_exponent)
{
    static const enum qoq_grid_kind kinds[] = {QOQ_GRID_W4_HALF, QOQ_GRID_W4_GROUP,
                                               QOQ_GRID_W4_CHANNEL};
    int positive[QOQ_INPUTS] = {0};

    for (size_t i = 0; i < CASES; i++) {
        expect_best(&cases[i], kinds[i], positive);
    }
    for (size_t i = 1; i < sizeof kinds / sizeof kinds[0]; i++) {
        expect_best(&cases[0], kinds[i], positive);
    }
    for (int id = 0; id < QOQ_INPUTS; id++) {
        cr_expect(positive[id] > 0, "input %d: always the exponent 0", id);
    }
}

/* A channel that is always 0 keeps its weights; the others find their scale without it. */
Test(awq, dead_channel)
{
    struct subject s = strong_subject(&cases[0]);
    struct qoq_linear *down = &s.model->layer[0].linear[QOQ_DOWN];
    float was[96];

    s.statistics[0].mean[QOQ_INPUT_DOWN][9] = 0;
    for (size_t n = 0; n < down->n; n++) {
        was[n] = down->f32[n * down->k + 9];
    }
    cr_assert_eq(qoq_smooth_awq(&s.model->layer[0], &s.statistics[0], &s.model->config,
                                QOQ_GRID_W4_HALF, GROUP),
                 QOQ_OK);
    for (size_t n = 0; n < down->n; n++) {
        cr_expect(down->f32[n * down->k + 9] == was[n]);
    }
    expect_same_logits(&s, "AWQ with a dead channel");
    finish(&s);
}

Test(awq, nothing_to_round)
{
    struct subject s = strong_subject(&cases[0]), before = strong_subject(&cases[0]);

    cr_assert_eq(
        qoq_smooth_awq(&s.model->layer[0], &s.statistics[0], &s.model->config, QOQ_GRID_NONE, 0),
        QOQ_OK);
    for (int id = 0; id < QOQ_LINEARS; id++) {
        const struct qoq_linear *is = &s.model->layer[0].linear[id];
        cr_expect(memcmp(is->f32, before.model->layer[0].linear[id].f32,
                         is->n * is->k * sizeof(float)) == 0);
    }
    finish(&s);
    finish(&before);
}
