/* SPDX-License-Identifier: Apache-2.0 */
/* Calibration of a layer: the graph is the model's, statistics are those of plain binary64 loops,
 * and sums have the order of Q 7.2. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "quantize/calibration.h"
#include "tests/layer_reference.h"
#include "tests/model_shapes.h"

#define SEQUENCES 3
#define LENGTH 24

/* Residual streams [sequences][length][hidden] of random tokens; malloced. */
static float *embedded(const struct qoq_model *model, const int32_t *token, size_t count)
{
    size_t hidden = model->config.hidden;
    float *x = malloc(count * hidden * sizeof *x);

    for (size_t i = 0; i < count; i++) {
        memcpy(x + i * hidden, model->embed_f32 + (size_t)token[i] * hidden, hidden * sizeof *x);
    }
    return x;
}

static float *some_hidden(const struct qoq_model *model, size_t count)
{
    int32_t *token = some_tokens(count, model->config.vocab, 7);
    float *x = embedded(model, token, count);

    free(token);
    return x;
}

static struct qoq_calibration new_calibration(const struct qoq_config *config, size_t samples,
                                              size_t tokens)
{
    struct qoq_calibration calibration;

    cr_assert_eq(qoq_calibration_create(&calibration, config, samples, tokens), QOQ_OK);
    return calibration;
}

/* Layer after layer, the final norm and the head: what a session gives, bit for bit. */
Test(calibration, is_the_model)
{
    use_threads(1);
    for (size_t s = 0; s < SHAPES; s++) {
        struct qoq_model *model = random_baseline(&shapes[s]);
        const struct qoq_config *config = &model->config;
        int32_t *token = some_tokens(SEQUENCES * LENGTH, config->vocab, 5);
        float *hidden = embedded(model, token, SEQUENCES * LENGTH),
              *logits = malloc(LENGTH * config->vocab * sizeof *logits);
        for (size_t i = 0; i < config->layers; i++) {
            struct qoq_calibration calibration = new_calibration(config, 0, 0);
            cr_assert_eq(qoq_calibrate_layer(&calibration, hidden, &model->layer[i], config,
                                             SEQUENCES, LENGTH, NULL),
                         QOQ_OK);
            qoq_calibration_free(&calibration);
        }
        for (size_t i = 0; i < SEQUENCES; i++) {
            float *x = hidden + i * LENGTH * config->hidden,
                  *expected = logits_of(model, token + i * LENGTH, LENGTH, LENGTH, 16);
            cr_assert_eq(qoq_rmsnorm(x, x, model->norm, LENGTH, config->hidden, config->rms_eps),
                         QOQ_OK);
            cr_assert_eq(qoq_gemm_f32(logits, x, model->head_f32, NULL, LENGTH, config->vocab,
                                      config->hidden),
                         QOQ_OK);
            cr_expect_arr_eq(logits, expected, LENGTH * config->vocab * sizeof *logits,
                             "shape %s, sequence %zu" SEED_FORMAT, shapes[s].name, i, test_seed());
            free(expected);
        }
        free(token);
        free(hidden);
        free(logits);
        qoq_model_free(model);
    }
}

/* The statistics of one input, from its rows in all sequences. */
struct expected {
    double *gram, *most, *sum;
};

static void expect_near(double got, double want, double scale, const char *what, const char *shape)
{
    cr_expect(fabs(got - want) <= 1e-5 * scale, "%s: %.9g, expected %.9g, shape %s" SEED_FORMAT,
              what, got, want, shape, test_seed());
}

static void add_rows(struct expected *e, const double *x, size_t tokens, size_t channels)
{
    for (size_t t = 0; t < tokens; t++, x += channels) {
        for (size_t i = 0; i < channels; i++) {
            for (size_t j = 0; j < channels; j++) {
                e->gram[i * channels + j] += x[i] * x[j];
            }
            e->most[i] = fmax(e->most[i], fabs(x[i]));
            e->sum[i] += fabs(x[i]);
        }
    }
}

static struct expected new_expected(size_t channels)
{
    return (struct expected){calloc(channels * channels, sizeof(double)),
                             calloc(channels, sizeof(double)), calloc(channels, sizeof(double))};
}

static void free_expected(struct expected *e)
{
    free(e->gram);
    free(e->most);
    free(e->sum);
}

static void expect_input(const struct qoq_calibration *c, enum qoq_input_id id,
                         const struct expected *e, size_t channels, const char *shape)
{
    for (size_t i = 0; i < channels; i++) {
        double self = e->gram[i * channels + i];
        for (size_t j = 0; j < channels; j++) {
            double got = c->gram[id][i * channels + j];
            expect_near(got, e->gram[i * channels + j],
                        sqrt(self * e->gram[j * channels + j]) + 1e-30, "gram", shape);
            cr_expect(got == c->gram[id][j * channels + i], "gram is not symmetric");
        }
        expect_near((double)c->most[id][i], e->most[i], e->most[i] + 1e-30, "most", shape);
        expect_near(c->mean[id][i], e->sum[i], e->sum[i] + 1e-30, "mean", shape);
    }
}

static void expect_most(const float *got, const double *x, size_t rows, size_t channels,
                        const char *what, const char *shape)
{
    for (size_t i = 0; i < channels; i++) {
        double most = 0;
        for (size_t t = 0; t < rows; t++) {
            most = fmax(most, fabs(x[t * channels + i]));
        }
        expect_near((double)got[i], most, most, what, shape);
    }
}

/* Gram matrices, maxima and means of plain binary64 loops. */
Test(calibration, statistics_of_plain_loops)
{
    use_threads(1);
    for (size_t s = 0; s < SHAPES; s++) {
        struct qoq_model *model = random_baseline(&shapes[s]);
        const struct qoq_config *config = &model->config;
        const char *name = shapes[s].name;
        float *hidden = some_hidden(model, SEQUENCES * LENGTH);
        struct qoq_calibration calibration = new_calibration(config, 0, 0);
        struct expected expected[QOQ_INPUTS];
        size_t wide = config->heads * config->head_dim,
               narrow = config->kv_heads * config->head_dim;
        const size_t channels[] = {config->hidden, wide, config->hidden, config->intermediate};
        double *query = trace_rows(SEQUENCES * LENGTH, wide),
               *key = trace_rows(SEQUENCES * LENGTH, narrow);
        for (int id = 0; id < QOQ_INPUTS; id++) {
            cr_assert_eq(qoq_input_channels(config, (enum qoq_input_id)id), channels[id]);
            expected[id] = new_expected(channels[id]);
        }
        for (size_t i = 0; i < SEQUENCES; i++) {
            struct trace t = trace_new(config, LENGTH);
            trace_layer(&t, hidden + i * LENGTH * config->hidden, &model->layer[0], config);
            const double *in[] = {t.attention, t.mixed, t.mlp, t.down};
            for (int id = 0; id < QOQ_INPUTS; id++) {
                add_rows(&expected[id], in[id], LENGTH, channels[id]);
            }
            memcpy(query + i * LENGTH * wide, t.query, LENGTH * wide * sizeof *query);
            memcpy(key + i * LENGTH * narrow, t.key, LENGTH * narrow * sizeof *key);
            trace_free(&t);
        }
        cr_assert_eq(qoq_calibrate_layer(&calibration, hidden, &model->layer[0], config, SEQUENCES,
                                         LENGTH, NULL),
                     QOQ_OK);
        cr_expect_eq(calibration.tokens, SEQUENCES * LENGTH);
        for (int id = 0; id < QOQ_INPUTS; id++) {
            expect_input(&calibration, (enum qoq_input_id)id, &expected[id], channels[id], name);
            free_expected(&expected[id]);
        }
        expect_most(calibration.query_most, query, SEQUENCES * LENGTH, wide, "query_most", name);
        expect_most(calibration.key_most, key, SEQUENCES * LENGTH, narrow, "key_most", name);
        free(query);
        free(key);
        free(hidden);
        qoq_calibration_free(&calibration);
        qoq_model_free(model);
    }
}

/* The order of Q 7.2 from the bits of the inputs: binary32 over 512 tokens, then binary64. */
static double ordered(const float *x, size_t sequences, size_t length, size_t channels, size_t i,
                      size_t j)
{
    double sum = 0;

    for (size_t s = 0; s < sequences; s++) {
        for (size_t first = 0; first < length; first += 512) {
            float part = 0;
            for (size_t t = first; t < length && t < first + 512; t++) {
                const float *row = x + (s * length + t) * channels;
                part = fmaf(row[i], row[j], part);
            }
            sum += (double)part;
        }
    }
    return sum;
}

static struct qoq_config long_config(size_t shape, size_t positions)
{
    struct qoq_config config = shapes[shape].config;

    config.max_positions = positions;
    return config;
}

/* The whole sample shows the attention inputs, so every bit of their sums can be checked. */
Test(calibration, order_of_sums)
{
    const size_t length = 1100, sequences = 2;
    struct qoq_config config = long_config(3, length);
    size_t hidden = config.hidden;
    struct qoq_model *model;

    use_threads(1);
    cr_assert_eq(qoq_model_create_random(&model, &config, test_seed()), QOQ_OK);
    struct qoq_calibration c = new_calibration(&config, sequences, length);
    float *x = some_hidden(model, sequences * length);
    cr_assert_eq(qoq_calibrate_layer(&c, x, &model->layer[0], &config, sequences, length, NULL),
                 QOQ_OK);
    cr_expect_eq(c.sampled, sequences);
    for (size_t i = 0; i < hidden; i++) {
        double mean = 0;
        float most = 0;
        for (size_t t = 0; t < sequences * length; t++) {
            float size = fabsf(c.sample[t * hidden + i]);
            mean += (double)size;
            most = size > most ? size : most;
        }
        cr_expect(c.mean[QOQ_INPUT_ATTENTION][i] == mean);
        cr_expect(c.most[QOQ_INPUT_ATTENTION][i] == most);
        for (size_t j = 0; j < hidden; j++) {
            cr_expect(c.gram[QOQ_INPUT_ATTENTION][i * hidden + j] ==
                          ordered(c.sample, sequences, length, hidden, i, j),
                      "gram %zu %zu" SEED_FORMAT, i, j, test_seed());
        }
    }
    free(x);
    qoq_calibration_free(&c);
    qoq_model_free(model);
}

static void expect_same(const struct qoq_calibration *a, const struct qoq_calibration *b,
                        const struct qoq_config *config, const char *what)
{
    cr_expect_eq(a->tokens, b->tokens);
    for (int id = 0; id < QOQ_INPUTS; id++) {
        size_t k = qoq_input_channels(config, (enum qoq_input_id)id);
        cr_expect_arr_eq(a->gram[id], b->gram[id], k * k * sizeof(double), "gram %d, %s", id, what);
        cr_expect_arr_eq(a->most[id], b->most[id], k * sizeof(float), "most %d, %s", id, what);
        cr_expect_arr_eq(a->mean[id], b->mean[id], k * sizeof(double), "mean %d, %s", id, what);
    }
    cr_expect_arr_eq(a->query_most, b->query_most,
                     config->heads * config->head_dim * sizeof(float));
    cr_expect_arr_eq(a->key_most, b->key_most, config->kv_heads * config->head_dim * sizeof(float));
    cr_expect_eq(a->sampled, b->sampled);
    cr_expect_arr_eq(a->sample, b->sample,
                     a->samples * a->sample_tokens * config->hidden * sizeof(float));
}

/* Threads, and sequences handed over in two calls, change no bit. Wide enough for several panels of
 * a Gram matrix, and for threads. */
Test(calibration, threads_and_calls)
{
    struct qoq_config config = long_config(1, 400);
    struct qoq_model *model;
    struct qoq_calibration c[3];
    float *x[3];

    config.intermediate = 300;
    cr_assert_eq(qoq_model_create_random(&model, &config, test_seed()), QOQ_OK);
    for (int i = 0; i < 3; i++) {
        size_t first = i == 2 ? 1 : 3;
        use_threads(i == 1 ? 2 : 1);
        c[i] = new_calibration(&config, 2, 100);
        x[i] = some_hidden(model, 3 * 400);
        cr_assert_eq(qoq_calibrate_layer(&c[i], x[i], &model->layer[1], &config, first, 400, NULL),
                     QOQ_OK);
        if (first == 1) {
            cr_assert_eq(c[i].sampled, 1);
            cr_assert_eq(qoq_calibrate_layer(&c[i], x[i] + 400 * config.hidden, &model->layer[1],
                                             &config, 2, 400, NULL),
                         QOQ_OK);
        }
    }
    expect_same(&c[0], &c[1], &config, "two threads");
    expect_same(&c[0], &c[2], &config, "two calls");
    for (int i = 0; i < 3; i++) {
        cr_expect_arr_eq(x[0], x[i], 3 * 400 * config.hidden * sizeof(float));
        qoq_calibration_free(&c[i]);
    }
    for (int i = 0; i < 3; i++) {
        free(x[i]);
    }
    qoq_model_free(model);
}

static void count(void *context, size_t done, size_t total)
{
    size_t *calls = context;

    cr_expect_eq(done, (*calls)++);
    cr_expect_eq(total, SEQUENCES);
}

Test(calibration, progress_and_inputs)
{
    static const enum qoq_input_id input[] = {
        QOQ_INPUT_ATTENTION, QOQ_INPUT_ATTENTION, QOQ_INPUT_ATTENTION, QOQ_INPUT_O,
        QOQ_INPUT_MLP,       QOQ_INPUT_MLP,       QOQ_INPUT_DOWN};
    struct qoq_model *model = random_baseline(&shapes[0]);
    struct qoq_calibration c = new_calibration(&model->config, 0, 0);
    float *x = some_hidden(model, SEQUENCES * LENGTH);
    size_t calls = 0;
    struct qoq_progress progress = {count, &calls};

    use_threads(1);
    for (int id = 0; id < QOQ_LINEARS; id++) {
        size_t n, k;
        qoq_linear_shape(&n, &k, &model->config, (enum qoq_linear_id)id);
        cr_expect_eq(qoq_input_of((enum qoq_linear_id)id), input[id]);
        cr_expect_eq(qoq_input_channels(&model->config, input[id]), k);
    }
    cr_assert_eq(
        qoq_calibrate_layer(&c, x, &model->layer[0], &model->config, SEQUENCES, LENGTH, &progress),
        QOQ_OK);
    cr_expect_eq(calls, SEQUENCES + 1);
    free(x);
    qoq_calibration_free(&c);
    qoq_model_free(model);
}

Test(calibration, refuses)
{
    struct qoq_model *model = random_baseline(&shapes[0]);
    const struct qoq_config *config = &model->config;
    const struct qoq_layer *layer = &model->layer[0];
    struct qoq_calibration c, plain = new_calibration(config, 0, 0),
                              sampled = new_calibration(config, 1, LENGTH);
    float *x = some_hidden(model, 600);

    use_threads(1);
    cr_expect_eq(qoq_calibration_create(NULL, config, 0, 0), QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_calibration_create(&c, NULL, 0, 0), QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_calibration_create(&c, config, 1, 0), QOQ_ERR_SHAPE);
#if !defined(__SANITIZE_ADDRESS__)
    cr_expect_eq(qoq_calibration_create(&c, config, SIZE_MAX / 2, 9), QOQ_ERR_MEMORY);
    cr_expect_null(c.gram[0]);
#endif
    cr_expect_eq(qoq_calibrate_layer(NULL, x, layer, config, 1, 8, NULL), QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_calibrate_layer(&plain, NULL, layer, config, 1, 8, NULL), QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_calibrate_layer(&plain, x, NULL, config, 1, 8, NULL), QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_calibrate_layer(&plain, x, layer, NULL, 1, 8, NULL), QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_calibrate_layer(&plain, x, layer, config, 0, 8, NULL), QOQ_ERR_SHAPE);
    cr_expect_eq(qoq_calibrate_layer(&plain, x, layer, config, 1, 0, NULL), QOQ_ERR_SHAPE);
    cr_expect_eq(qoq_calibrate_layer(&plain, x, layer, config, 1, 513, NULL), QOQ_ERR_SHAPE,
                 "beyond max_positions");
    cr_expect_eq(qoq_calibrate_layer(&sampled, x, layer, config, 1, LENGTH - 1, NULL),
                 QOQ_ERR_SHAPE, "too short for the sample");
    cr_expect_eq(plain.tokens + sampled.tokens, 0);
    qoq_calibration_free(NULL);
    qoq_calibration_free(&plain);
    qoq_calibration_free(&sampled);
    free(x);
    qoq_model_free(model);
}

/* A number that is not finite, or too large to square, anywhere an input, query or key sees it. */
Test(calibration, refuses_what_is_not_finite)
{
    static const struct {
        enum qoq_linear_id id;
        float weight;
    } bad[] = {{QOQ_Q, INFINITY}, {QOQ_K, NAN},    {QOQ_V, NAN},
               {QOQ_V, 1e30f},    {QOQ_UP, 1e30f}, {QOQ_GATE, INFINITY}};

    use_threads(1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct qoq_model *model = random_baseline(&shapes[0]);
        struct qoq_calibration c = new_calibration(&model->config, 0, 0);
        float *x = some_hidden(model, 8);
        model->layer[0].linear[bad[i].id].f32[3] = bad[i].weight;
        cr_expect_eq(qoq_calibrate_layer(&c, x, &model->layer[0], &model->config, 1, 8, NULL),
                     QOQ_ERR_RANGE, "%s", qoq_linear_name(bad[i].id));
        free(x);
        qoq_calibration_free(&c);
        qoq_model_free(model);
    }
}
