/* SPDX-License-Identifier: Apache-2.0 */
/* Fake-quantized weights and scales of lmquant and deepcompressor: every convention gives the same
 * model back, and what no code or zero point stands for is refused. */
#include <config.h>

#include "tests/checkpoint_support.h"

#include <math.h>

TestSuite(import, .init = scratch_begin, .fini = checkpoint_end);

/* How zero points are stored. */
enum convention { UNSIGNED, SIGNED, SCALED, SCALED_SIGNED, CONVENTIONS };

static const struct qoq_import_options automatic = {QOQ_S2_QSERVE, QOQ_ZEROS_AUTO, 0};
static const enum qoq_precision precisions[] = {QOQ_W4A8KV4_CHANNEL, QOQ_W4A8KV4_GROUP};

#define Q0 "model.layers.0.self_attn.q_proj.weight"

/* Adds [n, 1, columns, 1] binary32 numbers. */
static float *add_level(struct qoq_tensors *list, const char *weight, const char *suffix, size_t n,
                        size_t columns)
{
    char name[160];

    snprintf(name, sizeof name, "%s.%s", weight, suffix);
    struct qoq_tensor *tensor = add_tensor(list, name, QOQ_F32, n * columns, 0);
    tensor->rank = 4;
    tensor->dim[0] = n;
    tensor->dim[1] = tensor->dim[3] = 1;
    tensor->dim[2] = columns;
    return tensor->data;
}

static float half_round(float x)
{
    return qoq_half_to_float(qoq_half_from_float(x));
}

static void add_linear(struct qoq_tensors *list, const char *name, const struct qoq_weight *w,
                       enum convention convention)
{
    size_t groups = qoq_weight_groups(w);
    int scaled = convention >= SCALED, lower = convention % 2 == 1 ? 8 : 0;
    float *x = malloc(w->n * w->k * sizeof *x);

    cr_assert_eq(qoq_weight_dequantize(x, w), QOQ_OK);
    qoq_half *weight = add_tensor(list, name, QOQ_F16, w->n, w->k)->data;
    for (size_t i = 0; i < w->n * w->k; i++)
        weight[i] = qoq_half_from_float(x[i]);
    float *s0 = add_level(list, name, "scale.0", w->n, 1);
    for (size_t n = 0; n < w->n; n++)
        s0[n] = qoq_half_to_float(w->s[n]);
    if (w->s2 != NULL) {
        float *s1 = add_level(list, name, "scale.1", w->n, groups);
        for (size_t i = 0; i < w->n * groups; i++)
            s1[i] = w->s2[i];
    }
    float *zero = add_level(list, name, scaled ? "scaled_zero" : "zero", w->n, groups);
    for (size_t i = 0; i < w->n * groups; i++) {
        float z = (float)(w->z[i] - lower);
        zero[i] = !scaled         ? z
                  : w->s2 != NULL ? z * w->s2[i]
                                  : half_round(z * qoq_half_to_float(w->s[i]));
    }
    free(x);
}

/* The checkpoint of a model in a convention. */
static void write_fake(const struct qoq_model *model, enum convention convention)
{
    char name[160];

    write_checkpoint(model, UINT64_MAX);
    struct qoq_tensors list = read_tensors();
    for (size_t i = list.count; i-- > 0;) {
        const char *end = strrchr(list.item[i].name, '.');
        if (strcmp(end, ".qweight") == 0 || strncmp(end, ".s1_", 4) == 0 ||
            strncmp(end, ".s2_", 4) == 0) {
            snprintf(name, sizeof name, "%s", list.item[i].name);
            drop_tensor(&list, name);
        }
    }
    for (size_t i = 0; i < model->config.layers; i++) {
        for (int id = 0; id < QOQ_LINEARS; id++) {
            struct qoq_array array = {
                .kind = QOQ_ARRAY_WEIGHT, .layer = i, .linear = (enum qoq_linear_id)id};
            char weight[QOQ_ARRAY_NAME];
            add_linear(&list, qoq_array_hf_name(weight, &array, "model."),
                       &model->layer[i].linear[id].w, convention);
        }
    }
    write_tensors(&list);
    qoq_tensors_free(&list);
    char *path = scratch_path("checkpoint/config.json");
    size_t bytes;
    char *data = slurp(&bytes, path);
    char *changed = bad_replace(data, "quantization_config", "quantization_that_was");
    cr_assert_eq(bad_write(path, changed, strlen(changed)), 0);
    free(changed);
    free(data);
    free(path);
}

Test(import, every_convention_gives_the_model)
{
    use_threads(1);
    for (size_t i = 0; i < PACKED_SHAPES; i++) {
        for (int p = 0; p < 2; p++) {
            struct qoq_model *model = random_model(&packed_shapes[i], precisions[p]);
            for (int c = 0; c < CONVENTIONS; c++) {
                struct qoq_import_options told = automatic;
                told.zeros = c % 2 ? QOQ_ZEROS_SIGNED : QOQ_ZEROS_UNSIGNED;
                write_fake(model, (enum convention)c);
                expect_loads_as(model, &automatic);
                expect_loads_as(model, &told);
            }
            qoq_model_free(model);
        }
    }
}

/* Where no zero point is below 8, only the codes show that they are stored lower. */
Test(import, codes_show_signed_zeros)
{
    struct qoq_model *model = random_model(&packed_shapes[0], QOQ_W4A8KV4_CHANNEL);

    for (size_t i = 0; i < model->config.layers; i++) {
        for (int id = 0; id < QOQ_LINEARS; id++) {
            struct qoq_weight *w = &model->layer[i].linear[id].w;
            memset(w->z, 9, w->n);
            w->code[0] = 3;
        }
    }
    write_fake(model, SIGNED);
    expect_loads_as(model, &automatic);
    write_fake(model, SCALED_SIGNED);
    expect_loads_as(model, &automatic);
    qoq_model_free(model);
}

Test(import, the_wrong_convention_is_noticed)
{
    struct qoq_model *model = random_model(&packed_shapes[1], QOQ_W4A8KV4_GROUP);
    struct qoq_import_options told = automatic;

    told.zeros = QOQ_ZEROS_SIGNED;
    write_fake(model, UNSIGNED);
    expect_refused(&told, QOQ_ERR_RANGE, "stored from -8 to 7");
    told.zeros = QOQ_ZEROS_UNSIGNED;
    write_fake(model, SIGNED);
    expect_refused(&told, QOQ_ERR_RANGE, "stored from 0 to 15");
    qoq_model_free(model);
}

/* ---- What cannot be represented ---- */

/* Adds to an element of a binary32 tensor and expects a refusal that names `field`. */
static void refused_after(struct qoq_tensors *list, const char *name, size_t at, float add,
                          enum qoq_status status, const char *field)
{
    float *data = tensor_of(list, name)->data, kept = data[at];

    data[at] += add;
    write_tensors(list);
    expect_refused(&automatic, status, field);
    data[at] = kept;
}

Test(import, zeros_that_are_no_zero_points)
{
    struct qoq_model *model = random_model(&packed_shapes[1], QOQ_W4A8KV4_CHANNEL);
    float s = qoq_half_to_float(model->layer[0].linear[QOQ_Q].w.s[5]);

    write_fake(model, SCALED);
    struct qoq_tensors list = read_tensors();
    refused_after(&list, Q0 ".scaled_zero", 5, 0.375f * s, QOQ_ERR_RANGE,
                  "up to 0.38 of a step (1 of 96 zeros)");
    refused_after(&list, Q0 ".scaled_zero", 5, 0.375f * s, QOQ_ERR_RANGE,
                  Q0 ".scaled_zero: [5, 0]");
    refused_after(&list, Q0 ".scaled_zero", 5, 100 * s, QOQ_ERR_RANGE, Q0);
    refused_after(&list, Q0 ".scale.0", 5, -2 * s, QOQ_ERR_RANGE, Q0 ".scale.0: [5, 0]");
    refused_after(&list, Q0 ".scale.0", 5, s * 0x1p-13f, QOQ_ERR_RANGE, "binary16 number");
    refused_after(&list, Q0 ".scale.0", 5, 0.2f * s, QOQ_ERR_RANGE, Q0);
    refused_after(&list, Q0 ".scale.0", 5, NAN, QOQ_ERR_RANGE, "element 5 is NaN");
    qoq_tensors_free(&list);
    qoq_model_free(model);
}

Test(import, group_zeros_that_are_no_zero_points)
{
    struct qoq_model *model = random_model(&packed_shapes[1], QOQ_W4A8KV4_GROUP);
    struct qoq_weight *w = &model->layer[0].linear[QOQ_Q].w;

    write_fake(model, SCALED);
    struct qoq_tensors list = read_tensors();
    /* Groups are 3 a row. */
    cr_assert_gt(w->s2[4], 2);
    refused_after(&list, Q0 ".scaled_zero", 4, 1, QOQ_ERR_RANGE, Q0 ".scaled_zero: [1, 1]");
    refused_after(&list, Q0 ".scale.1", 4, 0.5f, QOQ_ERR_RANGE, Q0 ".scale.1: [1, 1]");
    refused_after(&list, Q0 ".scale.1", 4, 20, QOQ_ERR_RANGE, "integer from 1 to 17");
    qoq_half *weight = tensor_of(&list, Q0)->data, kept = weight[7];
    float step = qoq_half_to_float(w->s[0]);
    weight[7] = qoq_half_from_float(qoq_half_to_float(kept) + 0.5f * step);
    write_tensors(&list);
    expect_refused(&automatic, QOQ_ERR_RANGE, Q0 ": [0, 7]");
    weight[7] = qoq_half_from_float(qoq_half_to_float(kept) + step);
    write_tensors(&list);
    expect_refused(&automatic, QOQ_ERR_RANGE, "the weight is not quantized");
    weight[7] = 0x7e00;
    write_tensors(&list);
    expect_refused(&automatic, QOQ_ERR_RANGE, "element 7 is NaN");
    weight[7] = kept;
    write_tensors(&list);
    expect_loads_as(model, &automatic);
    qoq_tensors_free(&list);
    qoq_model_free(model);
}

Test(import, tensors_that_are_missing_or_misshapen)
{
    struct qoq_model *model = random_model(&packed_shapes[1], QOQ_W4A8KV4_GROUP);

    write_fake(model, UNSIGNED);
    struct qoq_tensors list = read_tensors();
    tensor_of(&list, Q0 ".scale.1")->dim[0] = 48;
    tensor_of(&list, Q0 ".scale.1")->dim[1] = 2;
    write_tensors(&list);
    expect_refused(&automatic, QOQ_ERR_FORMAT, Q0 ".scale.1: shape [48, 2, 3, 1]");
    drop_tensor(&list, Q0 ".scale.1");
    write_tensors(&list);
    expect_refused(&automatic, QOQ_ERR_FORMAT, ".zero: shape [96, 1, 3, 1]");
    qoq_tensors_free(&list);
    write_fake(model, UNSIGNED);
    list = read_tensors();
    drop_tensor(&list, Q0 ".zero");
    write_tensors(&list);
    expect_refused(&automatic, QOQ_ERR_FORMAT, Q0 ".scaled_zero: missing");
    qoq_tensors_free(&list);
    qoq_model_free(model);
}
