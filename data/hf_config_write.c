/* SPDX-License-Identifier: Apache-2.0 */
/* A description as the config.json of a quantized checkpoint. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/file.h"
#include "data/hf_config.h"
#include "data/json.h"

/* model_type and class by enum qoq_arch. */
static const struct {
    const char *type, *class_name;
} archs[] = {
    [QOQ_ARCH_LLAMA] = {"llama", "LlamaForCausalLM"},
    [QOQ_ARCH_MISTRAL] = {"mistral", "MistralForCausalLM"},
    [QOQ_ARCH_QWEN2] = {"qwen2", "Qwen2ForCausalLM"},
    [QOQ_ARCH_QWEN3] = {"qwen3", "Qwen3ForCausalLM"},
};
#define ARCHS (sizeof archs / sizeof archs[0])

/* Whether the architecture's config.json can say which layers have biases and which heads norms. */
static int can_be_said(const struct qoq_config *c)
{
    switch (c->arch) {
    case QOQ_ARCH_QWEN2:
        return c->qkv_bias && !c->o_bias && !c->mlp_bias && !c->qk_norm;
    case QOQ_ARCH_QWEN3:
        return c->qkv_bias == c->o_bias && !c->mlp_bias && c->qk_norm;
    case QOQ_ARCH_MISTRAL:
        return !c->qkv_bias && !c->o_bias && !c->mlp_bias && !c->qk_norm;
    default:
        return c->qkv_bias == c->o_bias && !c->qk_norm;
    }
}

static json_t *size(size_t value)
{
    return json_integer((json_int_t)value);
}

/* The shortest decimal number that rounds to this binary32. */
static json_t *shortest(float value)
{
    char text[32];

    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    return json_real(strtod(text, NULL));
}

static json_t *token(int32_t id)
{
    return id < 0 ? json_null() : json_integer(id);
}

/* Linear scaling also has the older key "type", which is the one OmniServe reads. */
static json_t *rope_scaling(const struct qoq_rope *rope)
{
    if (rope->kind == QOQ_ROPE_LINEAR)
        return json_pack("{s:s, s:s, s:f}", "rope_type", "linear", "type", "linear", "factor",
                         rope->factor);
    if (rope->kind == QOQ_ROPE_LLAMA3)
        return json_pack("{s:s, s:f, s:f, s:f, s:I}", "rope_type", "llama3", "factor", rope->factor,
                         "low_freq_factor", rope->low_freq, "high_freq_factor", rope->high_freq,
                         "original_max_position_embeddings", (json_int_t)rope->original_positions);
    return json_null();
}

static json_t *quantization(size_t group)
{
    return json_pack("{s:s, s:i, s:I}", "quant_method", "qoq", "wbits", 4, "group_size",
                     group == 0 ? (json_int_t)-1 : (json_int_t)group);
}

/* All keys in the order of the file; NULL where memory is short. */
static json_t *make_config(const struct qoq_config *c, size_t group)
{
    const struct {
        const char *key;
        json_t *value;
    } member[] = {
        {"architectures", json_pack("[s]", archs[c->arch].class_name)},
        {"model_type", json_string(archs[c->arch].type)},
        {"vocab_size", size(c->vocab)},
        {"hidden_size", size(c->hidden)},
        {"intermediate_size", size(c->intermediate)},
        {"num_hidden_layers", size(c->layers)},
        {"num_attention_heads", size(c->heads)},
        {"num_key_value_heads", size(c->kv_heads)},
        {"head_dim", size(c->head_dim)},
        {"hidden_act", json_string("silu")},
        {"max_position_embeddings", size(c->max_positions)},
        {"rms_norm_eps", shortest(c->rms_eps)},
        {"rope_theta", json_real(c->rope.theta)},
        {"rope_scaling", rope_scaling(&c->rope)},
        {"attention_bias", json_boolean(c->o_bias)},
        {"mlp_bias", json_boolean(c->mlp_bias)},
        {"tie_word_embeddings", json_false()},
        {"bos_token_id", token(c->bos)},
        {"eos_token_id", token(c->eos)},
        {"torch_dtype", json_string("float16")},
        {"dtype", json_string("float16")},
        {"quantization_config", quantization(group)},
    };
    json_t *root = json_object();
    int failed = root == NULL;

    /* Takes every value over, also one that it cannot place. */
    for (size_t i = 0; i < sizeof member / sizeof member[0]; i++)
        failed |= json_object_set_new(root, member[i].key, member[i].value) != 0;
    /* Without this key Mistral has a window; a description never has one. */
    if (c->arch == QOQ_ARCH_MISTRAL)
        failed |= json_object_set_new(root, "sliding_window", json_null()) != 0;
    if (!failed)
        return root;
    json_decref(root);
    return NULL;
}

/* With the fewest digits that give every number back. */
static char *dump(const json_t *root)
{
    for (size_t digits = 6; digits <= 17; digits++) {
        char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(digits));
        json_t *back = text == NULL ? NULL : json_loads(text, 0, NULL);
        int same = back != NULL && json_equal(root, back);
        json_decref(back);
        if (same)
            return text;
        free(text);
    }
    return NULL;
}

enum qoq_status qoq_hf_config_write(const char *path, const struct qoq_config *config, size_t group,
                                    struct qoq_error *err)
{
    struct qoq_output out;
    enum qoq_status status;

    if ((unsigned)config->arch >= ARCHS || archs[config->arch].type == NULL)
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, path, "model_type",
                        "no checkpoint is known for this architecture");
    if (!can_be_said(config))
        return qoq_fail(err, QOQ_ERR_UNSUPPORTED, path, "attention_bias",
                        "biases or head norms that this architecture does not have");
    json_t *root = make_config(config, group);
    char *text = root == NULL ? NULL : dump(root);
    json_decref(root);
    if (text == NULL)
        return qoq_fail_memory(err, path, NULL, 0);
    status = qoq_output_begin(&out, path, err);
    if (status == QOQ_OK) {
        status = qoq_output_write(&out, text, strlen(text), err);
        if (status == QOQ_OK)
            status = qoq_output_write(&out, "\n", 1, err);
        if (status == QOQ_OK)
            status = qoq_output_commit(&out, err);
        else
            qoq_output_discard(&out);
    }
    free(text);
    return status;
}
