/* SPDX-License-Identifier: Apache-2.0 */
/* Hugging Face directories that are no model of ours: what is refused, and in which words. */
#include <config.h>

#include <math.h>

#include "tests/hf_directory.h"

/* Breaks one thing about the tensors of a good directory. */
enum damage {
    MISSING,
    UNKNOWN,
    TRANSPOSED,
    LONGER,
    ONE_NAN,
    ONE_INFINITY,
    INTEGER,
    STRAY_BIAS,
    NOTHING_AT_ALL
};

static void damage_list(struct qoq_tensors *list, enum damage damage)
{
    struct qoq_tensor *victim = qoq_tensors_find(list, "model.layers.1.mlp.down_proj.weight");
    size_t dim[2] = {victim->dim[1], victim->dim[0]}, count = qoq_tensor_elements(victim);
    float *zeros = calloc(count + dim[0] + dim[1], sizeof *zeros);

    if (damage == UNKNOWN) {
        add_tensor(list, "model.layers.2.mlp.down_proj.weight", QOQ_F32, dim, 2, zeros);
    } else if (damage == STRAY_BIAS) {
        add_tensor(list, "model.layers.1.self_attn.q_proj.bias", QOQ_F32, &(size_t){64}, 1, zeros);
    } else if (damage == ONE_NAN || damage == ONE_INFINITY) {
        ((float *)victim->data)[count - 1] = damage == ONE_NAN ? NAN : -INFINITY;
    } else if (damage == INTEGER) {
        victim->dtype = QOQ_I32;
    } else {
        qoq_tensor_free(victim);
        *victim = list->item[--list->count];
        if (damage == TRANSPOSED || damage == LONGER) {
            dim[0] += damage == LONGER;
            add_tensor(list, "model.layers.1.mlp.down_proj.weight", QOQ_F32, dim, 2, zeros);
        }
        while (damage == NOTHING_AT_ALL && list->count > 0) {
            qoq_tensor_free(&list->item[--list->count]);
        }
    }
    free(zeros);
}

Test(load_hf_refusals, damaged_tensors)
{
    static const struct {
        enum damage damage;
        enum qoq_status status;
        const char *field, *reason;
    } cases[] = {
        {MISSING, QOQ_ERR_FORMAT, "model.layers.1.mlp.down_proj.weight", "missing"},
        {UNKNOWN, QOQ_ERR_FORMAT, "model.layers.2.mlp.down_proj.weight", "no part"},
        {STRAY_BIAS, QOQ_ERR_FORMAT, "model.layers.1.self_attn.q_proj.bias", "no part"},
        {TRANSPOSED, QOQ_ERR_FORMAT, "model.layers.1.mlp.down_proj.weight",
         "shape [96, 64], config.json asks for [64, 96]"},
        {LONGER, QOQ_ERR_FORMAT, "model.layers.1.mlp.down_proj.weight", "shape [97, 64]"},
        {ONE_NAN, QOQ_ERR_RANGE, "model.layers.1.mlp.down_proj.weight", ""},
        {ONE_INFINITY, QOQ_ERR_RANGE, "model.layers.1.mlp.down_proj.weight", ""},
        {INTEGER, QOQ_ERR_UNSUPPORTED, "model.layers.1.mlp.down_proj.weight", ""},
        {NOTHING_AT_ALL, QOQ_ERR_FORMAT, "model.embed_tokens.weight", "missing"},
    };
    struct shape shape = plain_shape(0);
    struct qoq_model *model = random_baseline(&shape);
    struct place place = good_place(model, QOQ_F32, "model.");

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qoq_tensors list = export_model(model, QOQ_F32, "model.");
        damage_list(&list, cases[i].damage);
        write_tensors(in(&place, "model.safetensors"), &list);
        expect_refusal(place.directory, cases[i].status, cases[i].field, cases[i].reason);
        qoq_tensors_free(&list);
    }
    remove_place(&place);
    qoq_model_free(model);
}

/* Tensors of one architecture under the description of another. */
Test(load_hf_refusals, other_architectures)
{
    static const struct {
        size_t shape;       /* of the tensors */
        enum qoq_arch arch; /* of config.json */
        int attention_bias; /* there */
        const char *field, *reason;
    } cases[] = {
        {5, QOQ_ARCH_LLAMA, 1, "model.layers.0.self_attn.k_norm.weight", "no part"},
        {5, QOQ_ARCH_QWEN3, 0, "model.layers.0.self_attn.k_proj.bias", "no part"},
        {5, QOQ_ARCH_QWEN2, 1, "model.layers.0.self_attn.k_norm.weight", "no part"},
        {4, QOQ_ARCH_LLAMA, 0, "model.layers.0.self_attn.k_proj.bias", "no part"},
        {4, QOQ_ARCH_LLAMA, 1, "model.layers.0.self_attn.o_proj.bias", "missing"},
        {4, QOQ_ARCH_QWEN3, 0, "model.layers.0.self_attn.q_norm.weight", "missing"},
        {0, QOQ_ARCH_QWEN2, 0, "model.layers.0.self_attn.q_proj.bias", "missing"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shape shape = plain_shape(cases[i].shape);
        struct qoq_model *model = random_baseline(&shape);
        struct place place = good_place(model, QOQ_F32, "model.");
        struct qoq_config other = shape.config;
        other.arch = cases[i].arch;
        other.o_bias = cases[i].attention_bias;
        write_config(&place, &other);
        expect_refusal(place.directory, QOQ_ERR_FORMAT, cases[i].field, cases[i].reason);
        remove_place(&place);
        qoq_model_free(model);
    }
}

/* Gains of all heads instead of one. */
Test(load_hf_refusals, head_norms_of_another_width)
{
    struct shape shape = plain_shape(5);
    struct qoq_model *model = random_baseline(&shape);
    struct place place = good_place(model, QOQ_F32, "model.");
    struct qoq_tensors list = export_model(model, QOQ_F32, "model.");
    const char *name = "model.layers.1.self_attn.q_norm.weight";
    struct qoq_tensor *victim = qoq_tensors_find(&list, name);
    float values[96] = {0};

    qoq_tensor_free(victim);
    *victim = list.item[--list.count];
    add_tensor(&list, name, QOQ_F32, &(size_t){96}, 1, values);
    write_tensors(in(&place, "model.safetensors"), &list);
    expect_refusal(place.directory, QOQ_ERR_FORMAT, name, "shape [96], config.json asks for [24]");
    qoq_tensors_free(&list);
    remove_place(&place);
    qoq_model_free(model);
}

/* A description far larger than the tensors is refused before memory is taken. */
Test(load_hf_refusals, damaged_description)
{
    struct shape shape = plain_shape(0);
    struct qoq_model *model = random_baseline(&shape);
    struct place place = good_place(model, QOQ_F32, "model.");
    struct qoq_config huge = shape.config;

    huge.vocab = 1 << 24;
    huge.intermediate = 131072;
    huge.layers = 1024;
    write_config(&place, &huge);
    expect_refusal(place.directory, QOQ_ERR_FORMAT, "model.embed_tokens.weight",
                   "config.json asks for [16777216, 64]");
    write_text(in(&place, "config.json"), "{\"model_type\": \"gpt2\"}");
    expect_refusal(place.directory, QOQ_ERR_UNSUPPORTED, "model_type", "gpt2");
    unlink(in(&place, "config.json"));
    expect_refusal(place.directory, QOQ_ERR_IO, "config.json", "");
    remove_place(&place);
    qoq_model_free(model);
}
