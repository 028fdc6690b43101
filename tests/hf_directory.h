/* SPDX-License-Identifier: Apache-2.0 */
/* Directories as Hugging Face has them: config.json, and tensors under their names there. */
#ifndef QOQ_TESTS_HF_DIRECTORY_H
#define QOQ_TESTS_HF_DIRECTORY_H

#include "data/safetensors.h"
#include "numerics/half.h"
#include "tests/load_support.h"

static inline void write_config(struct place *place, const struct qoq_config *c)
{
    char text[1024];

    snprintf(text, sizeof text,
             "{\"model_type\": \"%s\", "
             "\"vocab_size\": %zu, \"hidden_size\": %zu, "
             "\"intermediate_size\": %zu, \"num_hidden_layers\": %zu, \"num_attention_heads\": "
             "%zu, \"num_key_value_heads\": %zu, "
             "\"head_dim\": %zu, \"max_position_embeddings\": %zu, \"rms_norm_eps\": %.9g, "
             "\"rope_theta\": %.17g, "
             "\"tie_word_embeddings\": %s, \"attention_bias\": %s, \"mlp_bias\": %s, "
             "\"bos_token_id\": 1, \"eos_token_id\": 2}",
             qoq_arch_name(c->arch), c->vocab, c->hidden, c->intermediate, c->layers, c->heads,
             c->kv_heads, c->head_dim, c->max_positions, (double)c->rms_eps, c->rope.theta,
             c->tie_embeddings ? "true" : "false", c->o_bias ? "true" : "false",
             c->mlp_bias ? "true" : "false");
    write_text(in(place, "config.json"), text);
}

static inline void add_tensor(struct qoq_tensors *list, const char *name, enum qoq_dtype dtype,
                              const size_t *dim, int rank, const float *value)
{
    struct qoq_tensor tensor;

    cr_assert_eq(qoq_tensor_create(&tensor, name, dtype, dim, rank, NULL), QOQ_OK);
    for (size_t i = 0; i < qoq_tensor_elements(&tensor); i++) {
        if (dtype == QOQ_F32) {
            ((float *)tensor.data)[i] = value[i];
        } else if (dtype == QOQ_F16) {
            ((uint16_t *)tensor.data)[i] = qoq_half_from_float(value[i]);
        } else {
            ((uint16_t *)tensor.data)[i] = (uint16_t)(qoq_float_bits(value[i]) >> 16);
        }
    }
    cr_assert_eq(qoq_tensors_add(list, &tensor, NULL), QOQ_OK);
}

struct export
{
    struct qoq_tensors *list;
    enum qoq_dtype dtype;
    const char *prefix;
};

static inline enum qoq_status export_array(void *context, const struct qoq_array *array)
{
    struct export *export = context;
    char name[QOQ_ARRAY_NAME];

    add_tensor(export->list, qoq_array_hf_name(name, array, export->prefix), export->dtype,
               array->dim, array->rank, array->data);
    return QOQ_OK;
}

static inline struct qoq_tensors export_model(const struct qoq_model *model, enum qoq_dtype dtype,
                                              const char *prefix)
{
    struct qoq_tensors list = {0, NULL};
    struct export export = {&list, dtype, prefix};
    struct qoq_outline outline = qoq_model_outline(model);

    cr_assert_eq(qoq_arrays_visit(&outline, export_array, &export), QOQ_OK);
    return list;
}

static inline void write_tensors(const char *path, const struct qoq_tensors *list)
{
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_safetensors_write(path, list, "pt", &err), QOQ_OK, "%s", err.text);
}

/* A directory with everything a model needs. */
static inline struct place good_place(const struct qoq_model *model, enum qoq_dtype dtype,
                                      const char *prefix)
{
    struct place place = new_place();
    struct qoq_tensors list = export_model(model, dtype, prefix);

    write_config(&place, &model->config);
    write_tensors(in(&place, "model.safetensors"), &list);
    qoq_tensors_free(&list);
    return place;
}

/* A shape as write_config can tell it. */
static inline struct shape plain_shape(size_t i)
{
    struct shape shape = shapes[i];

    if (shape.config.arch == QOQ_ARCH_MISTRAL) {
        shape.config.arch = QOQ_ARCH_LLAMA;
    }
    shape.config.rope = (struct qoq_rope){.kind = QOQ_ROPE_PLAIN, .theta = 10000};
    shape.config.vocab = 40;
    return shape;
}

#endif
