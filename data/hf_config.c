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

static enum qoq_status get_arch(struct qoq_config *out, const struct qoq_json_object *root)
{
    const char *type = NULL;
    enum qoq_status status = qoq_json_get_string(&type, root, "model_type", QOQ_JSON_NEED);

    if (status != QOQ_OK)
        return status;
    if (strcmp(type, "llama") == 0)
        out->arch = QOQ_ARCH_LLAMA;
    else if (strcmp(type, "mistral") == 0)
        out->arch = QOQ_ARCH_MISTRAL;
    else
        return qoq_json_fail(root, QOQ_ERR_UNSUPPORTED, "model_type",
                             "\"%.64s\"; llama and mistral are supported", type);
    return QOQ_OK;
}

static void set_defaults(struct qoq_config *out)
{
    int mistral = out->arch == QOQ_ARCH_MISTRAL;

    out->vocab = 32000;
    out->hidden = 4096;
    out->intermediate = mistral ? 14336 : 11008;
    out->layers = 32;
    out->heads = 32;
    out->max_positions = mistral ? 131072 : 2048;
    out->rms_eps = 1e-6f;
    out->rope.kind = QOQ_ROPE_PLAIN;
    out->rope.theta = 10000;
    out->rope.factor = 1;
    out->bos = 1;
    out->eos = 2;
}

/* kv_heads: 8 where Mistral's key is absent, as many as heads where it is null or Llama's is
 * absent. */
static enum qoq_status get_heads(struct qoq_config *out, const struct qoq_json_object *root)
{
    int absent = json_object_get(root->node, "num_key_value_heads") == NULL;
    enum qoq_status status;

    status =
        qoq_json_get_size(&out->heads, root, "num_attention_heads", QOQ_JSON_MAY, 1, MAX_WIDTH);
    if (status != QOQ_OK)
        return status;
    out->kv_heads = absent && out->arch == QOQ_ARCH_MISTRAL ? 8 : out->heads;
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
    enum qoq_status status;

    if (qoq_json_member(root, "head_dim") == NULL && out->hidden % out->heads != 0)
        return qoq_json_fail(root, QOQ_ERR_SHAPE, "hidden_size",
                             "%zu is not a multiple of num_attention_heads %zu", out->hidden,
                             out->heads);
    out->head_dim = out->hidden / out->heads;
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

/* Mistral's window must not be shorter than the context: 4096 where the key is absent, off where
 * null. */
static enum qoq_status refuse_window(const struct qoq_config *config,
                                     const struct qoq_json_object *root)
{
    size_t window = 4096;
    enum qoq_status status;

    if (config->arch != QOQ_ARCH_MISTRAL ||
        json_is_null(json_object_get(root->node, "sliding_window")))
        return QOQ_OK;
    status = qoq_json_get_size(&window, root, "sliding_window", QOQ_JSON_MAY, 1, MAX_POSITIONS);
    if (status == QOQ_OK && window < config->max_positions)
        status = qoq_json_fail(
            root, QOQ_ERR_UNSUPPORTED, "sliding_window", "%zu%s is shorter than the context %zu",
            window, json_object_get(root->node, "sliding_window") == NULL ? " (default)" : "",
            config->max_positions);
    return status;
}

/* bos_token_id, eos_token_id: an id, the first of a list, or null for none; absent keeps the
 * default. */
static enum qoq_status get_token(int32_t *out, const struct qoq_config *config,
                                 const struct qoq_json_object *root, const char *key)
{
    const json_t *node = json_object_get(root->node, key);

    if (node == NULL) {
        if ((size_t)*out >= config->vocab)
            *out = -1;
        return QOQ_OK;
    }
    if (json_is_array(node))
        node = json_array_get(node, 0);
    *out = -1;
    if (json_is_null(node))
        return QOQ_OK;
    if (!json_is_integer(node))
        return qoq_json_fail(root, QOQ_ERR_FORMAT, key,
                             "must be a token id, a list of them or null");
    if (json_integer_value(node) < -1 || json_integer_value(node) >= (json_int_t)config->vocab)
        return qoq_json_fail(root, QOQ_ERR_RANGE, key, "%lld is not in the vocabulary of %zu",
                             (long long)json_integer_value(node), config->vocab);
    *out = (int32_t)json_integer_value(node);
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
    if (qoq_json_member(&scaling, "full_attention") != NULL ||
        qoq_json_member(&scaling, "sliding_attention") != NULL)
        return qoq_json_fail(&scaling, QOQ_ERR_UNSUPPORTED, NULL,
                             "one object per layer type is not supported");
    status =
        qoq_json_get_double(&out->rope.theta, &scaling, "rope_theta", QOQ_JSON_MAY, 1.0001, 1e12);
    if (status == QOQ_OK)
        status = get_rope_kind(&out->rope, &scaling);
    if (status == QOQ_OK && out->rope.kind != QOQ_ROPE_PLAIN)
        status = qoq_json_get_double(&out->rope.factor, &scaling, "factor", QOQ_JSON_NEED, 1, 1e6);
    if (status == QOQ_OK && out->rope.kind == QOQ_ROPE_LLAMA3)
        status = get_llama3(out, root, &scaling);
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
    if (status == QOQ_OK && out->arch == QOQ_ARCH_LLAMA)
        status = qoq_json_get_bool(&out->attention_bias, root, "attention_bias", QOQ_JSON_MAY);
    if (status == QOQ_OK && out->arch == QOQ_ARCH_LLAMA)
        status = qoq_json_get_bool(&out->mlp_bias, root, "mlp_bias", QOQ_JSON_MAY);
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
