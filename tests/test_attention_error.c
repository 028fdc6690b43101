/* SPDX-License-Identifier: Apache-2.0 */
/* The error of a layer's attention, and what is chosen by it: factors of attention smoothing. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "quantize/calibration.h"
#include "tests/layer_reference.h"
#include "tests/model_shapes.h"

#define SAMPLES 3
#define TOKENS 40

/* A layer with statistics and a sample of its own inputs. */
struct lab {
    struct qoq_model *model;
    const struct qoq_config *config;
    struct qoq_layer *layer;
    struct qoq_calibration calibration;
};

static void calibrate(struct lab *lab, size_t tokens)
{
    size_t hidden = lab->config->hidden;
    float *x = malloc(SAMPLES * tokens * hidden * sizeof *x);
    struct test_random random = test_random(11);

    for (size_t i = 0; i < SAMPLES * tokens * hidden; i++) {
        x[i] = test_uniform(&random, 2.0f);
    }
    cr_assert_eq(qoq_calibration_create(&lab->calibration, lab->config, SAMPLES, tokens), QOQ_OK);
    cr_assert_eq(
        qoq_calibrate_layer(&lab->calibration, x, lab->layer, lab->config, SAMPLES, tokens, NULL),
        QOQ_OK);
    free(x);
}

static struct lab plain_lab(const struct shape *shape)
{
    struct lab lab = {.model = random_baseline(shape)};

    use_threads(1);
    lab.config = &lab.model->config;
    lab.layer = &lab.model->layer[0];
    return lab;
}

static struct lab new_lab(size_t shape)
{
    struct lab lab = plain_lab(&shapes[shape]);

    calibrate(&lab, TOKENS);
    return lab;
}

static void free_lab(struct lab *lab)
{
    qoq_calibration_free(&lab->calibration);
    qoq_model_free(lab->model);
}

static struct qoq_probe *new_probe(const struct lab *lab)
{
    struct qoq_probe *probe;

    cr_assert_eq(qoq_probe_create(&probe, lab->layer, lab->config, &lab->calibration), QOQ_OK);
    return probe;
}

static struct qoq_linear copy_linear(const struct qoq_linear *from)
{
    struct qoq_linear to = *from;

    to.f32 = malloc(from->n * from->k * sizeof *to.f32);
    memcpy(to.f32, from->f32, from->n * from->k * sizeof *to.f32);
    if (from->bias != NULL) {
        to.bias = malloc(from->n * sizeof *to.bias);
        memcpy(to.bias, from->bias, from->n * sizeof *to.bias);
    }
    return to;
}

static void free_linear(struct qoq_linear *linear)
{
    free(linear->f32);
    free(linear->bias);
}

static void shake(struct qoq_linear *linear, float amount, uint64_t stream)
{
    struct test_random random = test_random(stream);

    for (size_t i = 0; i < linear->n * linear->k; i++) {
        linear->f32[i] += test_uniform(&random, amount);
    }
}

static double error_of(struct qoq_probe *probe, const struct qoq_linear *query,
                       const struct qoq_linear *key, unsigned bits)
{
    double error = NAN;

    cr_assert_eq(qoq_probe_error(&error, probe, query, key, bits), QOQ_OK);
    return error;
}

/* The same in binary64 from plain loops. */
static double expected_error(const struct lab *lab, const struct qoq_linear *query,
                             const struct qoq_linear *key, unsigned bits)
{
    struct qoq_layer layer = *lab->layer;
    size_t count = TOKENS * lab->config->hidden;
    struct trace a = trace_new(lab->config, TOKENS), b = trace_new(lab->config, TOKENS);
    double sum = 0;

    layer.linear[QOQ_Q] = query != NULL ? *query : layer.linear[QOQ_Q];
    layer.linear[QOQ_K] = key != NULL ? *key : layer.linear[QOQ_K];
    for (size_t s = 0; s < SAMPLES; s++) {
        for (size_t i = 0; i < count; i++) {
            a.attention[i] = b.attention[i] = (double)lab->calibration.sample[s * count + i];
        }
        trace_attention(&a, lab->layer, lab->config, 16);
        trace_attention(&b, &layer, lab->config, bits);
        for (size_t i = 0; i < count; i++) {
            sum += (a.o[i] - b.o[i]) * (a.o[i] - b.o[i]);
        }
    }
    trace_free(&a);
    trace_free(&b);
    return sum;
}

Test(attention_error, of_plain_loops)
{
    for (size_t s = 0; s < SHAPES; s++) {
        struct lab lab = new_lab(s);
        struct qoq_probe *probe = new_probe(&lab);
        struct qoq_linear query = copy_linear(&lab.layer->linear[QOQ_Q]),
                          key = copy_linear(&lab.layer->linear[QOQ_K]);
        shake(&query, 0.05f, 1);
        shake(&key, 0.05f, 2);
        const struct {
            const struct qoq_linear *query, *key;
            unsigned bits;
        } cases[] = {{&query, NULL, 16}, {NULL, &key, 16}, {&query, &key, 16}, {NULL, NULL, 4},
                     {NULL, NULL, 8},    {NULL, &key, 4},  {&query, &key, 8}};
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            double got = error_of(probe, cases[i].query, cases[i].key, cases[i].bits);
            double want = expected_error(&lab, cases[i].query, cases[i].key, cases[i].bits);
            /* A key next to a tie may get the other code in binary32. */
            double near = cases[i].bits == 16 ? 1e-4 : 1e-2;
            cr_expect(fabs(got - want) <= near * want && want > 1e-5,
                      "%.9g, expected %.9g, case %zu, shape %s" SEED_FORMAT, got, want, i,
                      shapes[s].name, test_seed());
        }
        cr_expect(error_of(probe, NULL, NULL, 16) == 0.0, "the layer differs from itself");
        free_linear(&query);
        free_linear(&key);
        qoq_probe_free(probe);
        free_lab(&lab);
    }
}

/* Products and attention wide enough for threads. */
Test(attention_error, threads_change_no_bit)
{
    struct shape wide = shapes[0];
    wide.config.hidden = 192;
    wide.config.heads = 8;
    wide.config.head_dim = 32;
    struct lab lab = plain_lab(&wide);
    double error[2];

    calibrate(&lab, 110);
    for (int i = 0; i < 2; i++) {
        use_threads(i + 1);
        struct qoq_probe *probe = new_probe(&lab);
        error[i] = error_of(probe, NULL, NULL, 4);
        qoq_probe_free(probe);
    }
    cr_expect(error[0] == error[1] && error[0] > 0, "%.17g, %.17g" SEED_FORMAT, error[0], error[1],
              test_seed());
    free_lab(&lab);
}

Test(attention_error, refuses)
{
    struct lab lab = new_lab(0);
    struct qoq_probe *probe = (struct qoq_probe *)&lab;
    struct qoq_calibration none;
    float lambda[64];
    double error;

    cr_expect_eq(qoq_probe_create(NULL, lab.layer, lab.config, &lab.calibration), QOQ_ERR_ARGUMENT);
    cr_assert_eq(qoq_calibration_create(&none, lab.config, 2, 8), QOQ_OK);
    cr_expect_eq(qoq_probe_create(&probe, lab.layer, lab.config, &none), QOQ_ERR_ARGUMENT,
                 "an empty sample");
    cr_expect_null(probe);
    cr_expect_eq(qoq_attention_search(lambda, &none, lab.layer, lab.config, 4, NULL),
                 QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_attention_search(lambda, &lab.calibration, lab.layer, lab.config, 5, NULL),
                 QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_attention_search(NULL, &lab.calibration, lab.layer, lab.config, 4, NULL),
                 QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_attention_factors(lambda, &lab.calibration, lab.config, -0.1f),
                 QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_attention_factors(lambda, &lab.calibration, lab.config, NAN),
                 QOQ_ERR_ARGUMENT);
    probe = new_probe(&lab);
    cr_expect_eq(qoq_probe_error(&error, probe, NULL, NULL, 3), QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_probe_error(NULL, probe, NULL, NULL, 4), QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_probe_error(&error, NULL, NULL, NULL, 4), QOQ_ERR_ARGUMENT);
    qoq_probe_free(probe);
    qoq_probe_free(NULL);
    qoq_calibration_free(&none);
    free_lab(&lab);
}

/* ---- Factors ---- */

/* Two key/value heads of width 8: pairs (c, c + 4). */
Test(attention_factors, known_answers)
{
    struct lab lab = new_lab(1);
    float *most = lab.calibration.key_most, lambda[16];

    for (size_t i = 0; i < 16; i++) {
        most[i] = 1.0f;
    }
    most[0] = 4.0f;
    most[4] = 9.0f;
    most[5] = 0.25f;
    most[9] = 100.0f;
    most[2] = most[6] = 0.0f;
    most[10] = 0x1p-149f;
    most[14] = 0.0f;
    cr_assert_eq(qoq_attention_factors(lambda, &lab.calibration, lab.config, 0.5f), QOQ_OK);
    cr_expect_float_eq(lambda[0], 3.0f, 1e-6f);
    cr_expect_float_eq(lambda[4], 3.0f, 1e-6f);
    cr_expect_eq(lambda[1], 1.0f, "the larger of the pair");
    cr_expect_eq(lambda[5], 1.0f);
    cr_expect_float_eq(lambda[9], 10.0f, 1e-5f);
    cr_expect_float_eq(lambda[13], 10.0f, 1e-5f);
    cr_expect_eq(lambda[2], 1.0f, "a channel of zeros");
    cr_expect_eq(lambda[6], 1.0f, "a channel of zeros");
    cr_expect_float_eq(lambda[10] * 0x1p74f, 0x1p-1f * sqrtf(2.0f), 1e-6f);
    cr_expect_eq(lambda[14], lambda[10]);
    cr_assert_eq(qoq_attention_factors(lambda, &lab.calibration, lab.config, 1.0f), QOQ_OK);
    cr_expect_float_eq(lambda[0], 9.0f, 1e-5f);
    cr_expect_eq(lambda[10], 1.0f, "a factor below the normal range");
    cr_assert_eq(qoq_attention_factors(lambda, &lab.calibration, lab.config, 0.0f), QOQ_OK);
    for (size_t i = 0; i < 16; i++) {
        cr_expect_eq(lambda[i], 1.0f);
    }
    free_lab(&lab);
}

/* The largest of a key channel, its pair and, with head norms, the same channels of other heads;
 * group: heads of `most` that read one key head. */
static double pooled(const float *most, const struct qoq_config *c, size_t channel, size_t group)
{
    size_t half = c->head_dim / 2, head = channel / c->head_dim;
    double largest = 0;

    for (size_t h = 0; h < c->kv_heads * group; h++) {
        for (size_t d = channel % half; d < c->head_dim; d += half) {
            if (c->qk_norm || h / group == head) {
                largest = fmax(largest, (double)most[h * c->head_dim + d]);
            }
        }
    }
    return largest;
}

/* The candidate list of Q 4.2 written once more, with libm's pow. */
static void candidate(double *lambda, const struct lab *lab, int i)
{
    const struct qoq_config *c = lab->config;
    double u = i < 20 ? i / 20.0 : (i - 19) / 20.0;

    for (size_t channel = 0; channel < c->kv_heads * c->head_dim; channel++) {
        double key = pooled(lab->calibration.key_most, c, channel, 1),
               query = pooled(lab->calibration.query_most, c, channel, c->heads / c->kv_heads);
        lambda[channel] = pow(key, u) / (i < 20 ? 1 : pow(query, 1 - u));
    }
}

static void scale_row(struct qoq_linear *linear, size_t n, float factor)
{
    for (size_t k = 0; k < linear->k; k++) {
        linear->f32[n * linear->k + k] *= factor;
    }
    if (linear->bias != NULL) {
        linear->bias[n] *= factor;
    }
}

static void scale_gains(struct qoq_layer *layer, float *q_norm, float *k_norm, size_t head_dim,
                        const double *lambda)
{
    for (size_t d = 0; d < head_dim; d++) {
        q_norm[d] = (float)((double)layer->q_norm[d] * lambda[d]);
        k_norm[d] = (float)((double)layer->k_norm[d] / lambda[d]);
    }
    layer->q_norm = q_norm;
    layer->k_norm = k_norm;
}

/* Keys over lambda and queries times lambda. */
static double smoothed_error(struct qoq_probe *probe, const struct lab *lab, const double *lambda,
                             unsigned bits)
{
    const struct qoq_config *c = lab->config;
    struct qoq_layer layer = *lab->layer;
    struct qoq_linear query = copy_linear(&layer.linear[QOQ_Q]),
                      key = copy_linear(&layer.linear[QOQ_K]);
    size_t group = c->heads / c->kv_heads;
    float q_norm[64], k_norm[64];
    double unquantized, error;

    for (size_t n = 0; !c->qk_norm && n < query.n; n++) {
        scale_row(&query, n,
                  (float)lambda[n / c->head_dim / group * c->head_dim + n % c->head_dim]);
    }
    for (size_t n = 0; !c->qk_norm && n < key.n; n++) {
        scale_row(&key, n, 1 / (float)lambda[n]);
    }
    layer.linear[QOQ_Q] = query;
    layer.linear[QOQ_K] = key;
    if (c->qk_norm) {
        scale_gains(&layer, q_norm, k_norm, c->head_dim, lambda);
    }
    cr_assert_eq(qoq_probe_layer_error(&unquantized, probe, &layer, 16), QOQ_OK);
    cr_assert_eq(qoq_probe_layer_error(&error, probe, &layer, bits), QOQ_OK);
    cr_expect_lt(unquantized, 1e-4 * error, "smoothing changes the function");
    free_linear(&query);
    free_linear(&key);
    return error;
}

static void count(void *context, size_t done, size_t total)
{
    cr_expect_eq(done, (*(size_t *)context)++);
    cr_expect_eq(total, 39);
}

static int is_near(const float *lambda, const double *wanted, size_t channels)
{
    for (size_t i = 0; i < channels; i++) {
        if (fabs((double)lambda[i] - wanted[i]) > 1e-6 * wanted[i]) {
            return 0;
        }
    }
    return 1;
}

/* The search finds the least of the 39 errors. */
static void expect_least(const struct lab *lab, const char *name)
{
    size_t channels = lab->config->kv_heads * lab->config->head_dim, calls = 0;
    float *lambda = malloc(channels * sizeof *lambda);
    double *wanted = malloc(channels * sizeof *wanted), least = INFINITY, found = INFINITY;
    struct qoq_probe *probe = new_probe(lab);
    struct qoq_progress progress = {count, &calls};

    cr_assert_eq(
        qoq_attention_search(lambda, &lab->calibration, lab->layer, lab->config, 4, &progress),
        QOQ_OK);
    cr_expect_eq(calls, 40);
    for (int i = 0; i < 39; i++) {
        candidate(wanted, lab, i);
        double error = smoothed_error(probe, lab, wanted, 4);
        least = fmin(least, error);
        found = is_near(lambda, wanted, channels) ? error : found;
    }
    /* The last bits of a factor may move a code: not the least of all, but as good. */
    cr_expect_leq(found, 1.01 * least, "%g, least %g, shape %s" SEED_FORMAT, found, least, name,
                  test_seed());
    qoq_probe_free(probe);
    free(lambda);
    free(wanted);
}

Test(attention_search, finds_the_least_error)
{
    for (size_t s = 0; s < SHAPES; s++) {
        struct lab lab = new_lab(s);
        expect_least(&lab, shapes[s].name);
        free_lab(&lab);
    }
}

/* Factors that are powers of two leave unquantized attention as it is, bit for bit: the last of 39
 * equal errors wins. */
Test(attention_search, later_wins_a_tie)
{
    struct lab lab = new_lab(1);
    float lambda[16];

    for (size_t i = 0; i < 16; i++) {
        lab.calibration.key_most[i] = 1.0f;
    }
    for (size_t i = 0; i < 64; i++) {
        lab.calibration.query_most[i] = 0x1p20f;
    }
    cr_assert_eq(qoq_attention_search(lambda, &lab.calibration, lab.layer, lab.config, 16, NULL),
                 QOQ_OK);
    for (size_t i = 0; i < 16; i++) {
        cr_expect_eq(lambda[i], 0.5f);
    }
    free_lab(&lab);
}

/* One pair of a key head thirty times as large, its queries smaller by as much: the range of the
 * head's keys is wasted on it until smoothing shrinks it. */
Test(attention_search, tames_an_outlier)
{
    struct lab lab = plain_lab(&shapes[1]);
    size_t head_dim = lab.config->head_dim, hidden = lab.config->hidden;
    double ones[64], found[64];
    float lambda[64];

    for (size_t part = 0; part < 2; part++) {
        size_t d = 1 + part * head_dim / 2;
        for (size_t k = 0; k < hidden; k++) {
            lab.layer->linear[QOQ_K].f32[d * hidden + k] *= 30.0f;
            for (size_t r = 0; r < lab.config->heads / lab.config->kv_heads; r++) {
                lab.layer->linear[QOQ_Q].f32[(r * head_dim + d) * hidden + k] /= 30.0f;
            }
        }
    }
    calibrate(&lab, TOKENS);
    cr_assert_eq(qoq_attention_search(lambda, &lab.calibration, lab.layer, lab.config, 4, NULL),
                 QOQ_OK);
    for (size_t i = 0; i < 16; i++) {
        ones[i] = 1;
        found[i] = (double)lambda[i];
    }
    cr_expect_eq(lambda[1], lambda[1 + head_dim / 2], "a pair shares its factor");
    for (size_t d = 0; d < head_dim; d++) {
        cr_expect(d % (head_dim / 2) == 1 || lambda[1] > 3 * lambda[d], "%g beside %g" SEED_FORMAT,
                  (double)lambda[1], (double)lambda[d], test_seed());
    }
    struct qoq_probe *probe = new_probe(&lab);
    double before = smoothed_error(probe, &lab, ones, 4),
           after = smoothed_error(probe, &lab, found, 4);
    cr_expect_lt(after, before / 2, "%g, before %g" SEED_FORMAT, after, before, test_seed());
    qoq_probe_free(probe);
    free_lab(&lab);
}
