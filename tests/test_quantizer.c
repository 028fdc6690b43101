/* SPDX-License-Identifier: Apache-2.0 */
/* The quantizer as a whole (Q 1): recipes, rounding alone against N 4, transformations that leave
 * the function of a model alone, the same bits from any number of threads. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "model/arrays.h"
#include "qoq_quantize.h"
#include "tests/model_shapes.h"

#define SEQUENCES 3
#define LENGTH 40
#define SCORED 24

static struct qoq_recipe recipe_of(const char *method, enum qoq_grid_kind grid, size_t group,
                                   unsigned act_bits, unsigned kv_bits)
{
    struct qoq_recipe recipe = {
        .grid = grid, .group = group, .act_bits = act_bits, .kv_bits = kv_bits};

    cr_assert_eq(qoq_recipe_method(&recipe, method), QOQ_OK);
    return recipe;
}

/* Quantizes with calibration text of seeded tokens. */
static enum qoq_status quantize(struct qoq_model **out, const struct qoq_model *baseline,
                                const struct qoq_recipe *recipe)
{
    int32_t *token = some_tokens(SEQUENCES * LENGTH, baseline->config.vocab, 77);
    enum qoq_status status =
        qoq_model_quantize(out, baseline, recipe, token, SEQUENCES, LENGTH, NULL);

    free(token);
    return status;
}

/* ---- Recipes ---- */

Test(recipe, impossible_ones_are_told)
{
    static const struct {
        struct qoq_recipe recipe;
        const char *field;
    } bad[] = {
        {{.grid = QOQ_GRID_KINDS}, "grid"},
        {{.grid = QOQ_GRID_W8, .group = 64, .act_bits = 8, .kv_bits = 8}, "group"},
        {{.grid = QOQ_GRID_W4_GROUP, .act_bits = 8, .kv_bits = 4}, "group"},
        {{.grid = QOQ_GRID_W4_GROUP, .group = 48, .act_bits = 8, .kv_bits = 4}, "group"},
        {{.grid = QOQ_GRID_W4_CHANNEL, .act_bits = 4, .kv_bits = 4}, "act_bits"},
        {{.grid = QOQ_GRID_W4_CHANNEL, .act_bits = 8, .kv_bits = 8}, "kv_bits"},
        {{.grid = QOQ_GRID_W4_HALF, .act_bits = 5, .kv_bits = 8}, "act_bits"},
        {{.grid = QOQ_GRID_W4_HALF, .act_bits = 8, .kv_bits = 2}, "kv_bits"},
        {{.grid = QOQ_GRID_W4_HALF, .act_bits = 4, .act_group = 33, .kv_bits = 4}, "act_group"},
        {{.grid = QOQ_GRID_NONE, .act_bits = 16, .kv_bits = 16, .gptq = 1, .damp = 0.01f}, "grid"},
        {{.grid = QOQ_GRID_W8, .act_bits = 8, .kv_bits = 8, .gptq = 1}, "damp"},
        {{.grid = QOQ_GRID_W8, .act_bits = 8, .kv_bits = 8, .output_alpha = 1.5f}, "alpha"},
        {{.grid = QOQ_GRID_W8,
          .act_bits = 8,
          .kv_bits = 8,
          .rotation = QOQ_ROTATION_HADAMARD,
          .smooth_input = QOQ_INPUT_SMOOTHQUANT},
         "smooth_input"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *reason = NULL;
        cr_expect_neq(qoq_recipe_check(&bad[i].recipe, NULL, &reason), QOQ_OK, "recipe %zu", i);
        cr_assert_not_null(reason);
        cr_expect_eq(strncmp(reason, bad[i].field, strlen(bad[i].field)), 0, "recipe %zu: %s", i,
                     reason);
    }
    struct qoq_recipe recipe = {.grid = QOQ_GRID_W8, .act_bits = 8, .kv_bits = 8};
    cr_expect_eq(qoq_recipe_method(&recipe, "magic"), QOQ_ERR_ARGUMENT);
}

Test(recipe, methods_are_possible)
{
    static const char *const method[] = {"none", "rtn", "qoq",    "smoothquant",
                                         "gptq", "awq", "quarot", "atom"};

    for (size_t i = 0; i < sizeof method / sizeof method[0]; i++) {
        const char *reason = "";
        struct qoq_recipe channel = recipe_of(method[i], QOQ_GRID_W4_CHANNEL, 0, 8, 4),
                          group = recipe_of(method[i], QOQ_GRID_W4_GROUP, 64, 8, 4);
        cr_expect_eq(qoq_recipe_check(&channel, NULL, &reason), QOQ_OK, "%s: %s", method[i],
                     reason);
        cr_expect_eq(qoq_recipe_check(&group, NULL, &reason), QOQ_OK, "%s: %s", method[i], reason);
        cr_expect_eq(qoq_recipe_needs_tokens(&group), i > 1, "%s", method[i]);
    }
}

/* ---- Rounding alone ---- */

Test(quantizer, rounding_to_nearest_is_that_of_the_weights)
{
    static const enum qoq_precision precision[] = {QOQ_W8A8KV8, QOQ_W4A8KV4_CHANNEL,
                                                   QOQ_W4A8KV4_GROUP};

    use_threads(1);
    for (size_t s = 0; s < SHAPES; s++) {
        struct qoq_model *baseline = random_baseline(&shapes[s]);
        for (size_t p = 0; p < 3; p++) {
            struct qoq_model *model = random_model(&shapes[s], precision[p]);
            for (int id = 0; id < QOQ_LINEARS; id++) {
                const struct qoq_weight *w = &model->layer[0].linear[id].w;
                struct qoq_weight expected = *w;
                size_t params = w->n * qoq_weight_groups(w);
                expected.code = malloc(qoq_weight_code_bytes(w));
                expected.s = malloc(w->n * sizeof *w->s);
                expected.s2 = malloc(params + 1);
                expected.z = malloc(params + 1);
                cr_assert_eq(qoq_weight_quantize(&expected, baseline->layer[0].linear[id].f32),
                             QOQ_OK);
                cr_expect_arr_eq(w->code, expected.code, qoq_weight_code_bytes(w));
                cr_expect_arr_eq(w->s, expected.s, w->n * sizeof *w->s);
                if (w->s2 != NULL) {
                    cr_expect_arr_eq(w->s2, expected.s2, params);
                }
                if (w->z != NULL) {
                    cr_expect_arr_eq(w->z, expected.z, params);
                }
                free(expected.code);
                free(expected.s);
                free(expected.s2);
                free(expected.z);
            }
            qoq_model_free(model);
        }
        qoq_model_free(baseline);
    }
}

/* ---- The function of the model ---- */

static double largest(const float *x, size_t count)
{
    double most = 0;

    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fabs((double)x[i]));
    }
    return most;
}

/* Largest difference of logits over the largest logit. */
static double distance(const struct qoq_model *a, const struct qoq_model *b)
{
    size_t vocab = a->config.vocab;
    int32_t *token = some_tokens(SCORED, vocab, 78);
    float *x = logits_of(a, token, SCORED, SCORED, 16),
          *y = logits_of(b, token, SCORED, SCORED, 16);
    double scale = largest(x, SCORED * vocab);

    for (size_t i = 0; i < SCORED * vocab; i++) {
        x[i] -= y[i];
    }
    double worst = largest(x, SCORED * vocab) / scale;
    free(x);
    free(y);
    free(token);
    return worst;
}

static const struct {
    const char *name;
    struct qoq_recipe recipe;
} steps[] = {
    {"rotation", {.rotation = QOQ_ROTATION_HADAMARD}},
    {"rotation with signs", {.rotation = QOQ_ROTATION_RANDOM_SIGNS, .seed = 5}},
    {"head rotation", {.rotate_heads = 1}},
    {"SmoothQuant", {.smooth_input = QOQ_INPUT_SMOOTHQUANT, .input_alpha = 0.85f}},
    {"channel order", {.reorder = 1}},
    {"SmoothAttention", {.smooth_attention = QOQ_SEARCH_FIXED, .attention_alpha = 0.5f}},
    {"output smoothing", {.smooth_output = 1, .output_alpha = 0.3f}},
    {"all",
     {.rotation = QOQ_ROTATION_HADAMARD,
      .reorder = 1,
      .smooth_attention = QOQ_SEARCH_FIXED,
      .attention_alpha = 0.5f,
      .smooth_output = 1,
      .output_alpha = 0.05f}},
};

Test(quantizer, transformations_keep_the_function)
{
    use_threads(1);
    for (size_t s = 0; s < SHAPES; s++) {
        struct qoq_model *baseline = random_baseline(&shapes[s]);
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            struct qoq_recipe recipe = steps[i].recipe;
            struct qoq_model *model;
            recipe.grid = QOQ_GRID_NONE;
            recipe.act_bits = 16;
            recipe.kv_bits = 16;
            enum qoq_status status = quantize(&model, baseline, &recipe);
            if (recipe.rotation != QOQ_ROTATION_NONE && baseline->config.hidden == 33) {
                cr_expect_eq(status, QOQ_ERR_UNSUPPORTED, "no Hadamard matrix of 33");
                continue;
            }
            cr_assert_eq(status, QOQ_OK, "%s, %s: %s" SEED_FORMAT, shapes[s].name, steps[i].name,
                         qoq_status_string(status), test_seed());
            double worst = distance(baseline, model);
            cr_expect(worst < 1e-4, "%s, %s: logits differ by %g" SEED_FORMAT, shapes[s].name,
                      steps[i].name, worst, test_seed());
            cr_expect(worst > 0 || steps[i].recipe.reorder, "%s, %s: nothing happened",
                      shapes[s].name, steps[i].name);
            qoq_model_free(model);
        }
        qoq_model_free(baseline);
    }
}

/* ---- The same bits ---- */

static enum qoq_status append_array(void *context, const struct qoq_array *array)
{
    uint8_t **end = context;
    size_t element = array->dtype == QOQ_F32   ? 4
                     : array->dtype == QOQ_F16 ? 2
                                               : 1,
           bytes = array->dim[0] * (array->rank == 2 ? array->dim[1] : 1) * element;

    memcpy(*end, array->data, bytes);
    *end += bytes;
    return QOQ_OK;
}

/* All arrays of a model one after the other; malloced. */
static uint8_t *bytes_of(const struct qoq_model *model)
{
    struct qoq_outline outline = qoq_model_outline(model);
    uint8_t *all = malloc(qoq_model_bytes(model, NULL));
    uint8_t *end = all;

    cr_assert_eq(qoq_arrays_visit(&outline, append_array, &end), QOQ_OK);
    return all;
}

Test(quantizer, threads_do_not_matter)
{
    static const char *const method[] = {"qoq", "awq", "quarot"};

    for (size_t i = 0; i < 2 * (sizeof method / sizeof method[0]); i++) {
        struct qoq_recipe recipe = i % 2 ? recipe_of(method[i / 2], QOQ_GRID_W4_GROUP, 32, 8, 4)
                                         : recipe_of(method[i / 2], QOQ_GRID_W4_CHANNEL, 0, 8, 4);
        struct qoq_model *baseline = random_baseline(&shapes[2]), *model;
        uint8_t *first = NULL;
        for (int threads = 1; threads <= 3; threads++) {
            use_threads(threads);
            enum qoq_status status = quantize(&model, baseline, &recipe);
            cr_assert_eq(status, QOQ_OK, "%s: %s", method[i / 2], qoq_status_string(status));
            uint8_t *bytes = bytes_of(model);
            if (first == NULL) {
                first = bytes;
            } else {
                cr_expect_arr_eq(bytes, first, qoq_model_bytes(model, NULL));
                free(bytes);
            }
            qoq_model_free(model);
        }
        free(first);
        qoq_model_free(baseline);
    }
}

/* ---- Feedback pays ---- */

Test(quantizer, gptq_lowers_the_error_of_every_linear_layer)
{
    const struct shape *shape = &shapes[0];
    struct qoq_recipe recipe = recipe_of("gptq", QOQ_GRID_W4_GROUP, 32, 8, 4);
    struct qoq_model *baseline = random_baseline(shape);
    size_t hidden = shape->config.hidden;
    int32_t *token = some_tokens(SEQUENCES * LENGTH, shape->config.vocab, 79);
    struct qoq_quantizer *quantizer;
    struct qoq_layer out;
    struct qoq_layer_report report;

    use_threads(1);
    cr_assert_eq(qoq_quantizer_create(&quantizer, &recipe, &shape->config, SEQUENCES, LENGTH),
                 QOQ_OK);
    cr_assert_eq(qoq_quantizer_ends(quantizer, baseline->embed_f32, baseline->head_f32,
                                    baseline->norm, token),
                 QOQ_OK);
    cr_assert_eq(qoq_layer_create(&out, &shape->config, QOQ_W4A8KV4_GROUP, 32), QOQ_OK);
    for (size_t i = 0; i < shape->config.layers; i++) {
        cr_assert_eq(qoq_quantizer_layer(quantizer, &out, &baseline->layer[i], &report, NULL),
                     QOQ_OK);
        for (int id = 0; id < QOQ_LINEARS; id++) {
            const struct qoq_linear_report *linear = &report.linear[id];
            cr_expect(linear->error < linear->nearest && linear->nearest < linear->signal,
                      "layer %zu, %s: %g, nearest %g, signal %g" SEED_FORMAT, i,
                      qoq_linear_name((enum qoq_linear_id)id), linear->error, linear->nearest,
                      linear->signal, test_seed());
        }
    }
    size_t count;
    cr_expect_not_null(qoq_quantizer_hidden(quantizer, &count));
    cr_expect_eq(count, SEQUENCES * LENGTH * hidden);
    qoq_layer_free(&out);
    qoq_quantizer_free(quantizer);
    free(token);
    qoq_model_free(baseline);
}

Test(quantizer, bad_tokens_and_texts)
{
    struct qoq_recipe recipe = recipe_of("qoq", QOQ_GRID_W4_CHANNEL, 0, 8, 4);
    struct qoq_model *baseline = random_baseline(&shapes[0]), *model;
    int32_t token[4] = {1, 2, 61, 0};

    cr_expect_eq(qoq_model_quantize(&model, baseline, &recipe, token, 1, 4, NULL), QOQ_ERR_RANGE);
    cr_expect_null(model);
    cr_expect_eq(qoq_model_quantize(&model, baseline, &recipe, NULL, 1, 4, NULL), QOQ_ERR_ARGUMENT);
    cr_expect_eq(qoq_model_quantize(&model, baseline, &recipe, token, 0, 4, NULL), QOQ_ERR_SHAPE);
    cr_expect_eq(qoq_model_quantize(&model, baseline, &recipe, token, 1, 513, NULL), QOQ_ERR_SHAPE,
                 "longer than the model's positions");
    qoq_model_free(baseline);
}

/* ---- Imitated rounding ---- */

/* Eight imitated bits leave a model near itself; four do not. */
Test(simulation, widths_matter_as_they_should)
{
    struct qoq_model *baseline = random_baseline(&shapes[0]), *model;
    double far[3];

    use_threads(1);
    for (size_t i = 0; i < 3; i++) {
        struct qoq_recipe recipe = recipe_of("none", QOQ_GRID_NONE, 0,
                                             i == 1   ? 8
                                             : i == 2 ? 4
                                                      : 16,
                                             i == 0 ? 4 : 16);
        cr_assert_eq(quantize(&model, baseline, &recipe), QOQ_OK);
        far[i] = distance(baseline, model);
        qoq_model_free(model);
    }
    cr_expect(far[1] > 1e-4 && far[1] < 0.05, "8-bit activations: %g", far[1]);
    cr_expect(far[2] > 2 * far[1], "4-bit activations: %g, 8-bit: %g", far[2], far[1]);
    cr_expect(far[0] > 1e-4 && far[0] < 0.5, "4-bit cache: %g", far[0]);
    qoq_model_free(baseline);
}
