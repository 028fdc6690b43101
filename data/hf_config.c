/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: defaults of transformers for each model type, limits of N 1.6. */
#include "data/hf_config.h"

#include <stdlib.h>
#include <string.h>

#include "data/file.h"
#include "data/json.h"

#define MAX_BYTES ((size_t)1 << 20)
#define MAX_WIDTH 131072 /* N 1.6: the longest sum */
#define MAX_POSITIONS (1 << 24)

/* What an absent key means where the model types differ. */
static const struct {
    const char *name;
    size_t vocab, intermediate, max_positions;
    size_t kv_heads, head_dim; /* 0: as many as heads, hidden / heads */
    int32_t bos, eos;
} archs[QOQ_ARCHS] = {
    [QOQ_ARCH_LLAMA] = {"llama", 32000, 11008, 2048, 0, 0, 1, 2},
    [QOQ_ARCH_MISTRAL] = {"mistral", 32000, 14336, 131072, 8, 0, 1, 2},
    [QOQ_ARCH_QWEN2] = {"qwen2", 151936, 22016, 32768, 32, 0, -1, -1},
    [QOQ_ARCH_QWEN3] = {"qwen3", 151936, 22016, 32768, 32, 128, -1, -1},
};

static enum qoq_status get_arch(struct qoq_config *out, const struct qoq_json_object *root)
{
    const char *type = NULL;
    enum qoq_status status = qoq_json_get_string(&type, root, "model_type", QOQ_JSON_NEED);

    if (status != QOQ_OK)
        return status;
    for (int i = 0; i < QOQ_ARCHS; i++) {
        if (strcmp(type, archs[i].name) == 0) {
            out->arch = (enum qoq_arch)i;
            return QOQ_OK;
        }
    }
    return qoq_json_fail(root, QOQ_ERR_UNSUPPORTED, "model_type",
                         "\"%.64s\"; llama, mistral, qwen2 and qwen3 are supported", type);
}

static void set_defaults(struct qoq_config *out)
{
    out->vocab = archs[out->arch].vocab;
    out->hidden = 4096;
    out->intermediate = archs[out->arch].intermediate;
    out->layers = 32;
    out->heads = 32;
    out->max_positions = archs[out->arch].max_positions;
    out->rms_eps = 1e-6f;
    out->rope.kind = QOQ_ROPE_PLAIN;
    out->rope.theta = 10000;
    out->rope.factor = 1;
    out->bos = archs[out->arch].bos;
    out->eos = archs[out->arch].eos;
}

/* kv_heads: the model type's where the key is absent, as many as heads where that has none or the
 * key is null. */
static enum qoq_status get_heads(struct qoq_config *out, const struct qoq_json_object *root)
{
    int absent = json_object_get(root->node, "num_key_value_heads") == NULL;
    enum qoq_status status;

    status =
        qoq_json_get_size(&out->heads, root, "num_attention_heads", QOQ_JSON_MAY, 1, MAX_WIDTH);
    if (status != QOQ_OK)
        return status;
    out->kv_heads = absent && archs[out->arch].kv_heads ? archs[out->arch].kv_heads : out->heads;
    status =
        qoq_json_get_size(&out->kv_heads, root, "num_key_value_heads", QOQ_JSON_MAY, 1, MAX_WIDTH);
    if (status != QOQ_OK)
        return status;
    if (out->heads % out->kv_heads != 0)
        return qoq_json_fail(root, QOQ_ERR_SHAPE, "num_key_value_heads",
                             "%zu does not divide num_attention_heads %zu", out->kv_heads,
                             out->heads);
    return QOQ_OK;
}

static enum qoq_status get_head_dim(struct qoq_config *out, const struct qoq_json_object *root)
{
    size_t fixed = archs[out->arch].head_dim;
    enum qoq_status status;

    if (fixed == 0 && qoq_json_member(root, "head_dim") == NULL && out->hidden % out->heads != 0)
        return qoq_json_fail(root, QOQ_ERR_SHAPE, "hidden_size",
                             "%zu is not a multiple of num_attention_heads %zu", out->hidden,
                             out->heads);
    out->head_dim = fixed ? fixed : out->hidden / out->heads;
    status = qoq_json_get_size(&out->head_dim, root, "head_dim", QOQ_JSON_MAY, 2, 256);
    if (status != QOQ_OK)
        return status;
    if (out->head_dim < 2 || out->head_dim > 256 || out->head_dim % 2 != 0)
        return qoq_json_fail(root, QOQ_ERR_SHAPE, "head_dim",
                             "%zu is not an even number in [2, 256]", out->head_dim);
    if (out->head_dim * out->heads > MAX_WIDTH)
        return qoq_json_fail(root, QOQ_ERR_SHAPE, "head_dim",
                             "%zu heads of %zu are more than %d channels", out->heads,
                             out->head_dim, MAX_WIDTH);
    return QOQ_OK;
}

static enum qoq_status get_sizes(struct qoq_config *out, const struct qoq_json_object *root)
{
    const struct {
        const char *key;
        size_t *value, limit;
    } size[] = {
        {"vocab_size", &out->vocab, (size_t)1 << 24},
        {"hidden_size", &out->hidden, MAX_WIDTH},
        {"intermediate_size", &out->intermediate, MAX_WIDTH},
        {"num_hidden_layers", &out->layers, 1024},
        {"max_position_embeddings", &out->max_positions, MAX_POSITIONS},
    };
    enum qoq_status status = QOQ_OK;

    for (size_t i = 0; i < sizeof size / sizeof size[0] && status == QOQ_OK; i++)
        status =
            qoq_json_get_size(size[i].value, root, size[i].key, QOQ_JSON_MAY, 1, size[i].limit);
    if (status == QOQ_OK)
        status = get_heads(out, root);
    if (status == QOQ_OK)
        status = get_head_dim(out, root);
    return status;
}

/* Features that would change the arithmetic: each must be absent or have its neutral value. */
static enum qoq_status refuse_features(const struct qoq_json_object *root)
{
    const char *act = "silu";
    double rotary = 1;
    int interleaved = 0;
    enum qoq_status status = qoq_json_get_string(&act, root, "hidden_act", QOQ_JSON_MAY);

    if (status == QOQ_OK && strcmp(act, "silu") != 0 && strcmp(act, "swish") != 0)
        return qoq_json_fail(root, QOQ_ERR_UNSUPPORTED, "hidden_act",
                             "\"%.64s\"; only silu is supported", act);
    if (status == QOQ_OK)
        status = qoq_json_get_double(&rotary, root, "partial_rotary_factor", QOQ_JSON_MAY, 0, 1);
    if (status == QOQ_OK && rotary < 1)
        return qoq_json_fail(root, QOQ_ERR_UNSUPPORTED, "partial_rotary_factor",
                             "%g; only 1 is supported", rotary);
    if (status == QOQ_OK)
        status = qoq_json_get_bool(&interleaved, root, "rope_interleaved", QOQ_JSON_MAY);
    if (status == QOQ_OK && interleaved)
        return qoq_json_fail(root, QOQ_ERR_UNSUPPORTED, "rope_interleaved",
                             "true is not supported");
    return status;
}

/* Where a list of layer types has the first sliding window; *first stays where there is no list. */
static enum qoq_status get_layer_types(size_t *first, const struct qoq_config *config,
                                       const struct qoq_json_object *root)
{
    const json_t *list = qoq_json_member(root, "layer_types");

    if (list == NULL)
        return QOQ_OK;
    if (!json_is_array(list) || json_array_size(list) != config->layers)
        return qoq_json_fail(root, QOQ_ERR_FORMAT, "layer_types", "must be a list of %zu names",
                             config->layers);
    *first = config->layers;
    for (size_t i = config->layers; i-- > 0;) {
        const char *type = json_string_value(json_array_get(list, i));
        if (type != NULL && strcmp(type, "sliding_attention") == 0)
            *first = i;
        else if (type == NULL || strcmp(type, "full_attention") != 0)
            return qoq_json_fail(root, QOQ_ERR_UNSUPPORTED, "layer_types",
                                 "layer %zu is \"%.64s\"; only full_attention is supported", i,
                                 type != NULL ? type : "");
    }
    return QOQ_OK;
}

/* The first layer whose attention has a sliding window; config->layers: none has. Mistral: all,
 * unless sliding_window is null. Qwen: only with use_sliding_window, those from max_window_layers
 * on or those that layer_types names. */
static enum qoq_status get_first_window(size_t *first, const struct qoq_config *config,
                                        const struct qoq_json_object *root)
{
    int off = json_is_null(json_object_get(root->node, "sliding_window")), use = 0;
    enum qoq_status status;

    *first = config->arch == QOQ_ARCH_MISTRAL && !off ? 0 : config->layers;
    if (config->arch != QOQ_ARCH_QWEN2 && config->arch != QOQ_ARCH_QWEN3)
        return QOQ_OK;
    status = qoq_json_get_bool(&use, root, "use_sliding_window", QOQ_JSON_MAY);
    if (status == QOQ_OK && use && !off) {
        *first = 28;
        status = qoq_json_get_size(first, root, "max_window_layers", QOQ_JSON_MAY, 0, 1 << 20);
    }
    if (status == QOQ_OK)
        status = get_layer_types(first, config, root);
    if (status == QOQ_OK && *first < config->layers && (off || !use))
        status =
            qoq_json_fail(root, QOQ_ERR_FORMAT, "layer_types",
                          "layer %zu is \"sliding_attention\", but no window is in use", *first);
    return status;
}

/* Where quantization is NULL, a quantized model is refused. */
static enum qoq_status get_quantization(struct qoq_hf_quantization *quantization,
                                        const struct qoq_json_object *root)
{
    const char *key = "quantization_config", *method = "";
    struct qoq_json_object child;
    size_t wbits = 0;
    enum qoq_status status = qoq_json_child(&child, root, key);

    if (status != QOQ_OK || child.node == NULL)
        return status;
    if (quantization == NULL)
        return qoq_json_fail(root, QOQ_ERR_UNSUPPORTED, key,
                             "the model is quantized already (see qoq import)");
    status = qoq_json_get_string(&method, &child, "quant_method", QOQ_JSON_NEED);
    if (status == QOQ_OK && strcmp(method, "qoq") != 0)
        return qoq_json_fail(&child, QOQ_ERR_UNSUPPORTED, "quant_method",
                             "\"%.64s\"; only qoq is supported", method);
    if (status == QOQ_OK)
        status = qoq_json_get_size(&wbits, &child, "wbits", QOQ_JSON_NEED, 4, 4);
    if (status != QOQ_OK)
        return status;
    const json_t *group = qoq_json_member(&child, "group_size");
    json_int_t value = json_is_integer(group) ? json_integer_value(group) : 0;
    if (value != -1 && (value < 32 || value > MAX_WIDTH || value % 32 != 0))
        return qoq_json_fail(&child, QOQ_ERR_FORMAT, "group_size",
                             "must be -1 or a multiple of 32 from 32 to %d", MAX_WIDTH);
    quantization->present = 1;
    quantization->group = value == -1 ? 0 : (size_t)value;
    return QOQ_OK;
}

/* A window must not be shorter than the context. */
static enum qoq_status refuse_window(const struct qoq_config *config,
                                     const struct qoq_json_object *root)
{
    size_t window = 4096, first;
    enum qoq_status status = get_first_window(&first, config, root);

    if (status != QOQ_OK || first >= config->layers)
        return status;
    status = qoq_json_get_size(&window, root, "sliding_window", QOQ_JSON_MAY, 1, MAX_POSITIONS);
    if (status == QOQ_OK && window < config->max_positions)
        status = qoq_json_fail(
            root, QOQ_ERR_UNSUPPORTED, "sliding_window", "%zu%s is shorter than the context %zu",
            window, json_object_get(root->node, "sliding_window") == NULL ? " (default)" : "",
            config->max_positions);
    return status;
}

static enum qoq_status check_token(int32_t *out, const json_t *node,
                                   const struct qoq_config *config,
                                   const struct qoq_json_object *root, const char *key)
{
    if (!json_is_integer(node))
        return qoq_json_fail(root, QOQ_ERR_FORMAT, key,
                             "must be a token id, a list of them or null");
    if (json_integer_value(node) < -1 || json_integer_value(node) >= (json_int_t)config->vocab)
        return qoq_json_fail(root, QOQ_ERR_RANGE, key, "%lld is not in the vocabulary of %zu",
                             (long long)json_integer_value(node), config->vocab);
    *out = (int32_t)json_integer_value(node);
    return QOQ_OK;
}

/* bos_token_id, eos_token_id: an id, the first of a list, or null for none; absent keeps the
 * default. */
static enum qoq_status get_token(int32_t *out, const struct qoq_config *config,
                                 const struct qoq_json_object *root, const char *key)
{
    const json_t *node = json_object_get(root->node, key);
    enum qoq_status status = QOQ_OK;

    if (node == NULL) {
        if ((size_t)*out >= config->vocab)
            *out = -1;
        return QOQ_OK;
    }
    *out = -1;
    if (json_is_null(node))
        return QOQ_OK;
    if (!json_is_array(node) || json_array_size(node) == 0)
        return check_token(out, node, config, root, key);
    for (size_t i = json_array_size(node); i-- > 0 && status == QOQ_OK;)
        status = check_token(out, json_array_get(node, i), config, root, key);
    return status;
}

/* transformers 5 may have an object for each layer type. */
static enum qoq_status refuse_nested_rope(const struct qoq_json_object *scaling)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)scaling->node, key, value)
    {
        if (json_is_object(value))
            return qoq_json_fail(scaling, QOQ_ERR_UNSUPPORTED, key,
                                 "an object for each layer type is not supported");
    }
    return QOQ_OK;
}

static enum qoq_status get_rope_kind(struct qoq_rope *rope, const struct qoq_json_object *scaling)
{
    const char *type = "default";
    enum qoq_status status = qoq_json_get_string(&type, scaling, "type", QOQ_JSON_MAY);

    if (status == QOQ_OK)
        status = qoq_json_get_string(&type, scaling, "rope_type", QOQ_JSON_MAY);
    if (status != QOQ_OK)
        return status;
    if (strcmp(type, "default") == 0)
        rope->kind = QOQ_ROPE_PLAIN;
    else if (strcmp(type, "linear") == 0)
        rope->kind = QOQ_ROPE_LINEAR;
    else if (strcmp(type, "llama3") == 0)
        rope->kind = QOQ_ROPE_LLAMA3;
    else
        return qoq_json_fail(scaling, QOQ_ERR_UNSUPPORTED, "rope_type",
                             "\"%.64s\"; default, linear and llama3 are supported", type);
    return QOQ_OK;
}

/* original_max_position_embeddings: a top-level key wins over the one in the object. */
static enum qoq_status get_llama3(struct qoq_config *out, const struct qoq_json_object *root,
                                  const struct qoq_json_object *scaling)
{
    struct qoq_rope *rope = &out->rope;
    const char *key = "original_max_position_embeddings";
    size_t original = out->max_positions;
    enum qoq_status status;

    status =
        qoq_json_get_double(&rope->low_freq, scaling, "low_freq_factor", QOQ_JSON_NEED, 1e-6, 1e6);
    if (status == QOQ_OK)
        status = qoq_json_get_double(&rope->high_freq, scaling, "high_freq_factor", QOQ_JSON_NEED,
                                     1e-6, 1e6);
    if (status == QOQ_OK)
        status = qoq_json_get_size(&original, scaling, key, QOQ_JSON_MAY, 1, MAX_POSITIONS);
    if (status == QOQ_OK)
        status = qoq_json_get_size(&original, root, key, QOQ_JSON_MAY, 1, MAX_POSITIONS);
    if (status == QOQ_OK && rope->high_freq <= rope->low_freq)
        status = qoq_json_fail(scaling, QOQ_ERR_RANGE, "high_freq_factor",
                               "%g must be greater than low_freq_factor %g", rope->high_freq,
                               rope->low_freq);
    rope->original_positions = (double)original;
    return status;
}

/* transformers 4 has rope_scaling, 5 rope_parameters; theta may lie inside or at the top. */
static enum qoq_status get_rope(struct qoq_config *out, const struct qoq_json_object *root)
{
    struct qoq_json_object scaling;
    enum qoq_status status;

    status = qoq_json_get_double(&out->rope.theta, root, "rope_theta", QOQ_JSON_MAY, 1.0001, 1e12);
    if (status == QOQ_OK)
        status = qoq_json_child(&scaling, root, "rope_scaling");
    if (status == QOQ_OK && scaling.node == NULL)
        status = qoq_json_child(&scaling, root, "rope_parameters");
    if (status != QOQ_OK || scaling.node == NULL)
        return status;
    status = refuse_nested_rope(&scaling);
    if (status == QOQ_OK)
        status = qoq_json_get_double(&out->rope.theta, &scaling, "rope_theta", QOQ_JSON_MAY, 1.0001,
                                     1e12);
    if (status == QOQ_OK)
        status = get_rope_kind(&out->rope, &scaling);
    if (status == QOQ_OK && out->rope.kind != QOQ_ROPE_PLAIN)
        status = qoq_json_get_double(&out->rope.factor, &scaling, "factor", QOQ_JSON_NEED, 1, 1e6);
    if (status == QOQ_OK && out->rope.kind == QOQ_ROPE_LLAMA3)
        status = get_llama3(out, root, &scaling);
    return status;
}

/* Llama and Qwen3 have a key for q, k, v and o, Llama one for the MLP; Qwen2 always has q, k and v.
 */
static enum qoq_status get_biases(struct qoq_config *out, const struct qoq_json_object *root)
{
    int attention = 0;
    enum qoq_status status = QOQ_OK;

    if (out->arch == QOQ_ARCH_LLAMA || out->arch == QOQ_ARCH_QWEN3)
        status = qoq_json_get_bool(&attention, root, "attention_bias", QOQ_JSON_MAY);
    if (status == QOQ_OK && out->arch == QOQ_ARCH_LLAMA)
        status = qoq_json_get_bool(&out->mlp_bias, root, "mlp_bias", QOQ_JSON_MAY);
    out->qkv_bias = attention || out->arch == QOQ_ARCH_QWEN2;
    out->o_bias = attention;
    return status;
}

static enum qoq_status get_flags(struct qoq_config *out, const struct qoq_json_object *root)
{
    double eps = 1e-6;
    enum qoq_status status;

    status = qoq_json_get_double(&eps, root, "rms_norm_eps", QOQ_JSON_MAY, 1e-30, 1);
    out->rms_eps = (float)eps;
    if (status == QOQ_OK)
        status = qoq_json_get_bool(&out->tie_embeddings, root, "tie_word_embeddings", QOQ_JSON_MAY);
    if (status == QOQ_OK)
        status = get_biases(out, root);
    out->qk_norm = out->arch == QOQ_ARCH_QWEN3;
    if (status == QOQ_OK)
        status = get_token(&out->bos, out, root, "bos_token_id");
    if (status == QOQ_OK)
        status = get_token(&out->eos, out, root, "eos_token_id");
    return status;
}

static enum qoq_status get_config(struct qoq_config *out, struct qoq_hf_quantization *quantization,
                                  const struct qoq_json_object *root)
{
    enum qoq_status status = get_arch(out, root);

    if (status != QOQ_OK)
        return status;
    set_defaults(out);
    status = get_sizes(out, root);
    if (status == QOQ_OK)
        status = get_rope(out, root);
    if (status == QOQ_OK)
        status = get_flags(out, root);
    if (status == QOQ_OK)
        status = refuse_features(root);
    if (status == QOQ_OK)
        status = get_quantization(quantization, root);
    if (status == QOQ_OK)
        status = refuse_window(out, root);
    return status;
}

static enum qoq_status parse(struct qoq_config *out, struct qoq_hf_quantization *quantization,
                             const char *file, const char *text, size_t bytes,
                             struct qoq_error *err)
{
    struct qoq_json_object root;
    enum qoq_status status;
    json_t *json;

    memset(out, 0, sizeof *out);
    status = qoq_json_parse(&json, file, text, bytes, err);
    if (status != QOQ_OK)
        return status;
    status = qoq_json_root(&root, json, file, err);
    if (status == QOQ_OK)
        status = get_config(out, quantization, &root);
    json_decref(json);
    return status;
}

enum qoq_status qoq_hf_config_parse(struct qoq_config *out, const char *file, const char *text,
                                    size_t bytes, struct qoq_error *err)
{
    return parse(out, NULL, file, text, bytes, err);
}

static enum qoq_status load(struct qoq_config *out, struct qoq_hf_quantization *quantization,
                            const char *path, struct qoq_error *err)
{
    enum qoq_status status;
    char *joined = NULL, *text;
    size_t bytes;

    memset(out, 0, sizeof *out);
    if (qoq_file_is_directory(path)) {
        joined = qoq_file_join(path, "config.json");
        if (joined == NULL)
            return qoq_fail_memory(err, path, NULL, strlen(path));
        path = joined;
    }
    status = qoq_file_read(&text, &bytes, path, MAX_BYTES, err);
    if (status == QOQ_OK) {
        status = parse(out, quantization, path, text, bytes, err);
        free(text);
    }
    free(joined);
    return status;
}

enum qoq_status qoq_hf_config_load(struct qoq_config *out, const char *path, struct qoq_error *err)
{
    return load(out, NULL, path, err);
}

enum qoq_status qoq_hf_config_load_quantized(struct qoq_config *out,
                                             struct qoq_hf_quantization *quantization,
                                             const char *path, struct qoq_error *err)
{
    memset(quantization, 0, sizeof *quantization);
    return load(out, quantization, path, err);
}
