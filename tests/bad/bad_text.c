/* SPDX-License-Identifier: Apache-2.0 */
/* Broken files that are text: config.json, tokenizer.json, safetensors headers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/file.h"
#include "tests/bad/bad.h"

int bad_write(const char *path, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    size_t put;

    if (file == NULL) {
        perror(path);
        return -1;
    }
    put = fwrite(data, 1, bytes, file);
    return fclose(file) == 0 && put == bytes ? 0 : -1;
}

char *bad_replace(const char *good, const char *text, const char *with)
{
    const char *at = strstr(good, text);
    size_t before = at != NULL ? (size_t)(at - good) : 0;
    char *out = malloc(strlen(good) + strlen(with) + 1);

    if (at == NULL || out == NULL) {
        fprintf(stderr, "the good file has no \"%s\"\n", text);
        free(out);
        return NULL;
    }
    memcpy(out, good, before);
    strcpy(out + before, with);
    strcat(out, at + strlen(text));
    return out;
}

static int make_text(const char *path, const struct bad_case *bad)
{
    return bad_write(path, bad->text, strlen(bad->text));
}

/* `number` opening brackets. */
static int make_deep(const char *path, const struct bad_case *bad)
{
    size_t depth = (size_t)bad->number;
    char *text = malloc(depth);
    int result;

    if (text == NULL)
        return -1;
    memset(text, '[', depth);
    memcpy(text, "{\"a\":", depth < 5 ? depth : 5);
    result = bad_write(path, text, depth);
    free(text);
    return result;
}

/* The same as the header of a safetensors file. */
static int make_deep_header(const char *path, const struct bad_case *bad)
{
    size_t depth = (size_t)bad->number;
    unsigned char *text = malloc(8 + depth);
    int result;

    if (text == NULL)
        return -1;
    memset(text, '[', 8 + depth);
    for (int i = 0; i < 8; i++)
        text[i] = (unsigned char)((unsigned long long)depth >> 8 * i);
    memcpy(text + 8, "{\"a\":", 5);
    result = bad_write(path, text, 8 + depth);
    free(text);
    return result;
}

/* The tokenizers that broken ones are made from. */
enum { MARKS, LLAMA3, QWEN2 };
static const char *const tokenizers[] = {"data/models/stories260K/tokenizer.json",
                                         "tests/tokenizers/llama3.json",
                                         "tests/tokenizers/qwen2.json"};

/* A good tokenizer with one replacement. */
static int make_tokenizer(const char *path, const struct bad_case *bad)
{
    const char *root = getenv("QOQ_SRCDIR");
    char *source = root != NULL ? qoq_file_join(root, tokenizers[bad->number]) : NULL;
    char *good = NULL, *broken = NULL;
    size_t bytes;
    int result = -1;

    if (source != NULL && qoq_file_read(&good, &bytes, source, 1 << 20, NULL) == QOQ_OK)
        broken = bad_replace(good, bad->text, bad->with);
    if (broken != NULL)
        result = bad_write(path, broken, strlen(broken));
    free(source);
    free(good);
    free(broken);
    return result;
}

/* Header `text`, followed by `number` zero bytes (or `with` as they are); claimed: the length that
 * the first eight bytes tell, or -1 for the true one. */
static int make_safetensors(const char *path, const struct bad_case *bad)
{
    size_t header = strlen(bad->text), total = 8 + header + (size_t)bad->number;
    unsigned long long length = bad->claimed < 0 ? header : (unsigned long long)bad->claimed;
    unsigned char *data = calloc(total, 1);
    int result;

    if (data == NULL)
        return -1;
    for (int i = 0; i < 8; i++)
        data[i] = (unsigned char)(length >> 8 * i);
    memcpy(data + 8, bad->text, header);
    if (bad->with != NULL)
        memcpy(data + 8 + header, bad->with, (size_t)bad->number);
    result = bad_write(path, data, total);
    free(data);
    return result;
}

#define ST(name, status, field, text, bytes)                                                       \
    {                                                                                              \
        name ".safetensors", status, field, make_safetensors, text, NULL, bytes, -1, BAD_NO_EDIT,  \
            NULL, NULL                                                                             \
    }
#define A(fields) "{\"a\":{" fields "}}"
#define F32(shape, begin, end)                                                                     \
    "\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]"

const struct bad_case bad_safetensors[] = {
    {"empty.safetensors", QOQ_ERR_FORMAT, "header", make_text, "", NULL, 0, 0, BAD_NO_EDIT, NULL,
     NULL},
    {"short.safetensors", QOQ_ERR_FORMAT, "header", make_text, "1234567", NULL, 0, 0, BAD_NO_EDIT,
     NULL, NULL},
    {"claims-more.safetensors", QOQ_ERR_FORMAT, "header", make_safetensors, "{}", NULL, 0, 3,
     BAD_NO_EDIT, NULL, NULL},
    {"claims-2-62.safetensors", QOQ_ERR_FORMAT, "header", make_safetensors, "{}", NULL, 0,
     1LL << 62, BAD_NO_EDIT, NULL, NULL},
    {"claims-less.safetensors", QOQ_ERR_FORMAT, "", make_safetensors, "{\"a\":1}", NULL, 0, 4,
     BAD_NO_EDIT, NULL, NULL},
    {"claims-nothing.safetensors", QOQ_ERR_FORMAT, "header", make_safetensors, "{}", NULL, 0, 0,
     BAD_NO_EDIT, NULL, NULL},
    ST("array", QOQ_ERR_FORMAT, "header", "[]", 0),
    ST("space-first", QOQ_ERR_FORMAT, "header", " {}", 0),
    ST("not-json", QOQ_ERR_FORMAT, "", "{\"a\":", 0),
    ST("two-values", QOQ_ERR_FORMAT, "", "{} {}", 0),
    ST("not-utf8", QOQ_ERR_FORMAT, "", "{\"a\xff\":{}}", 0),
    ST("surrogate", QOQ_ERR_FORMAT, "", "{\"\\ud800\":{}}", 0),
    ST("entry-number", QOQ_ERR_FORMAT, "a", "{\"a\":1}", 0),
    ST("entry-null", QOQ_ERR_FORMAT, "a", "{\"a\":null}", 0),
    ST("no-name", QOQ_ERR_FORMAT, "header", "{\"\":{" F32("[1]", "0", "4") "}}", 4),
    ST("duplicate", QOQ_ERR_FORMAT, "",
       "{\"a\":{" F32("[1]", "0", "4") "},\"a\":{" F32("[1]", "0", "4") "}}", 4),
    ST("metadata-number", QOQ_ERR_FORMAT, "__metadata__", "{\"__metadata__\":{\"a\":1}}", 0),
    ST("metadata-text", QOQ_ERR_FORMAT, "__metadata__", "{\"__metadata__\":\"a\"}", 0),
    ST("no-dtype", QOQ_ERR_FORMAT, "a.dtype", A("\"shape\":[1],\"data_offsets\":[0,4]"), 4),
    ST("dtype-number", QOQ_ERR_FORMAT, "a.dtype",
       A("\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]"), 4),
    ST("dtype-long", QOQ_ERR_FORMAT, "a.dtype",
       A("\"dtype\":\"F32F32F32F32\",\"shape\":[1],\"data_offsets\":[0,4]"), 4),
    ST("no-shape", QOQ_ERR_FORMAT, "a.shape", A("\"dtype\":\"F32\",\"data_offsets\":[0,4]"), 4),
    ST("shape-number", QOQ_ERR_FORMAT, "a.shape", A(F32("1", "0", "4")), 4),
    ST("shape-negative", QOQ_ERR_FORMAT, "a.shape", A(F32("[-1]", "0", "4")), 4),
    ST("shape-real", QOQ_ERR_FORMAT, "a.shape", A(F32("[1.0]", "0", "4")), 4),
    ST("shape-exponent", QOQ_ERR_FORMAT, "a.shape", A(F32("[1e0]", "0", "4")), 4),
    ST("shape-text", QOQ_ERR_FORMAT, "a.shape", A(F32("[\"1\"]", "0", "4")), 4),
    ST("shape-rank-9", QOQ_ERR_UNSUPPORTED, "a.shape", A(F32("[1,1,1,1,1,1,1,1,1]", "0", "4")), 4),
    ST("shape-overflow", QOQ_ERR_SHAPE, "a.shape", A(F32("[4611686018427387904,4]", "0", "4")), 4),
    ST("shape-wraps", QOQ_ERR_SHAPE, "a.shape", A(F32("[4294967296,4294967297]", "0", "4")), 4),
    ST("bytes-wrap", QOQ_ERR_SHAPE, "a.shape", A(F32("[4611686018427387905]", "0", "4")), 4),
    ST("shape-2-64", QOQ_ERR_FORMAT, "", A(F32("[18446744073709551617]", "0", "4")), 4),
    ST("no-offsets", QOQ_ERR_FORMAT, "a.data_offsets", A("\"dtype\":\"F32\",\"shape\":[1]"), 4),
    ST("one-offset", QOQ_ERR_FORMAT, "a.data_offsets",
       A("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]"), 4),
    ST("three-offsets", QOQ_ERR_FORMAT, "a.data_offsets",
       A("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]"), 4),
    ST("offset-negative", QOQ_ERR_FORMAT, "a.data_offsets", A(F32("[1]", "-4", "0")), 4),
    ST("offset-real", QOQ_ERR_FORMAT, "a.data_offsets", A(F32("[1]", "0.0", "4.0")), 4),
    ST("offsets-backward", QOQ_ERR_FORMAT, "a.data_offsets", A(F32("[1]", "4", "0")), 4),
    ST("offset-beyond", QOQ_ERR_FORMAT, "a.data_offsets", A(F32("[2]", "0", "8")), 4),
    ST("offset-2-63", QOQ_ERR_FORMAT, "a.data_offsets",
       A(F32("[1]", "9223372036854775804", "9223372036854775807")), 4),
    ST("too-few-bytes", QOQ_ERR_SHAPE, "a.data_offsets", A(F32("[2]", "0", "4")), 4),
    ST("too-many-bytes", QOQ_ERR_SHAPE, "a.data_offsets", A(F32("[1]", "0", "8")), 8),
    ST("half-byte", QOQ_ERR_SHAPE, "a.data_offsets",
       A("\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]"), 1),
    ST("hole-first", QOQ_ERR_FORMAT, "a", A(F32("[1]", "4", "8")), 8),
    ST("hole-between", QOQ_ERR_FORMAT, "b",
       "{\"a\":{" F32("[1]", "0", "4") "},\"b\":{" F32("[1]", "8", "12") "}}", 12),
    ST("overlap", QOQ_ERR_FORMAT, "b",
       "{\"a\":{" F32("[2]", "0", "8") "},\"b\":{" F32("[1]", "4", "8") "}}", 8),
    ST("same-bytes", QOQ_ERR_FORMAT, "b",
       "{\"a\":{" F32("[1]", "0", "4") "},\"b\":{" F32("[1]", "0", "4") "}}", 4),
    ST("bytes-after", QOQ_ERR_FORMAT, "header", A(F32("[1]", "0", "4")), 5),
    ST("data-without-tensors", QOQ_ERR_FORMAT, "header", "{}", 1),
    ST("newline-in-name", QOQ_ERR_FORMAT, "a\\x0Ab.dtype", "{\"a\\nb\":{}}", 0),
    {"deep.safetensors", QOQ_ERR_FORMAT, "", make_deep_header, NULL, NULL, 100000, 0, BAD_NO_EDIT,
     NULL, NULL},
};
const size_t bad_safetensors_count = sizeof bad_safetensors / sizeof bad_safetensors[0];

#define CONFIG(name, status, field, text)                                                          \
    {                                                                                              \
        name ".json", status, field, make_text, text, NULL, 0, 0, BAD_NO_EDIT, NULL, NULL          \
    }
#define LLAMA(fields) "{\"model_type\":\"llama\"," fields "}"
#define MISTRAL(fields) "{\"model_type\":\"mistral\"," fields "}"
#define QWEN2(fields) "{\"model_type\":\"qwen2\"," fields "}"
#define QWEN3(fields) "{\"model_type\":\"qwen3\"," fields "}"
#define LLAMA3(fields) LLAMA("\"rope_scaling\":{\"rope_type\":\"llama3\"," fields "}")

const struct bad_case bad_configs[] = {
    CONFIG("empty", QOQ_ERR_FORMAT, "", ""),
    CONFIG("cut", QOQ_ERR_FORMAT, "", "{\"model_type\":\"llama\",\"hidden_size\":6"),
    CONFIG("array", QOQ_ERR_FORMAT, "", "[1]"),
    CONFIG("text", QOQ_ERR_FORMAT, "", "\"llama\""),
    CONFIG("not-utf8", QOQ_ERR_FORMAT, "", "{\"model_type\":\"\xc3(\"}"),
    CONFIG("duplicate-key", QOQ_ERR_FORMAT, "", LLAMA("\"hidden_size\":64,\"hidden_size\":128")),
    CONFIG("trailing", QOQ_ERR_FORMAT, "", "{\"model_type\":\"llama\"} x"),
    CONFIG("nan", QOQ_ERR_FORMAT, "", LLAMA("\"rms_norm_eps\":NaN")),
    CONFIG("overflow", QOQ_ERR_FORMAT, "", LLAMA("\"rope_theta\":1e999")),
    {"deep.json", QOQ_ERR_FORMAT, "", make_deep, NULL, NULL, 100000, 0, BAD_NO_EDIT, NULL, NULL},
    CONFIG("no-type", QOQ_ERR_FORMAT, "model_type", "{}"),
    CONFIG("type-number", QOQ_ERR_FORMAT, "model_type", "{\"model_type\":1}"),
    CONFIG("gemma", QOQ_ERR_UNSUPPORTED, "model_type", "{\"model_type\":\"gemma\"}"),
    CONFIG("qwen3-moe", QOQ_ERR_UNSUPPORTED, "model_type", "{\"model_type\":\"qwen3_moe\"}"),
    CONFIG("vocab-zero", QOQ_ERR_RANGE, "vocab_size", LLAMA("\"vocab_size\":0")),
    CONFIG("vocab-large", QOQ_ERR_RANGE, "vocab_size", LLAMA("\"vocab_size\":16777217")),
    CONFIG("hidden-negative", QOQ_ERR_RANGE, "hidden_size", LLAMA("\"hidden_size\":-64")),
    CONFIG("hidden-text", QOQ_ERR_FORMAT, "hidden_size", LLAMA("\"hidden_size\":\"64\"")),
    CONFIG("hidden-real", QOQ_ERR_FORMAT, "hidden_size", LLAMA("\"hidden_size\":64.0")),
    CONFIG("hidden-large", QOQ_ERR_RANGE, "hidden_size", LLAMA("\"hidden_size\":131073")),
    CONFIG("hidden-2-63", QOQ_ERR_FORMAT, "", LLAMA("\"hidden_size\":9223372036854775808")),
    CONFIG("ffn-large", QOQ_ERR_RANGE, "intermediate_size", LLAMA("\"intermediate_size\":1000000")),
    CONFIG("layers", QOQ_ERR_RANGE, "num_hidden_layers", LLAMA("\"num_hidden_layers\":1025")),
    CONFIG("heads-zero", QOQ_ERR_RANGE, "num_attention_heads", LLAMA("\"num_attention_heads\":0")),
    CONFIG("heads-odd", QOQ_ERR_SHAPE, "hidden_size",
           LLAMA("\"hidden_size\":64,\"num_attention_heads\":7,\"num_key_value_heads\":7")),
    CONFIG("kv-heads", QOQ_ERR_SHAPE, "num_key_value_heads", LLAMA("\"num_key_value_heads\":5")),
    CONFIG("kv-zero", QOQ_ERR_RANGE, "num_key_value_heads", LLAMA("\"num_key_value_heads\":0")),
    CONFIG("head-dim-odd", QOQ_ERR_SHAPE, "head_dim", LLAMA("\"head_dim\":63")),
    CONFIG("head-dim-large", QOQ_ERR_RANGE, "head_dim", LLAMA("\"head_dim\":258")),
    CONFIG("head-dim-derived", QOQ_ERR_SHAPE, "head_dim",
           LLAMA("\"hidden_size\":4096,\"num_attention_heads\":8,\"num_key_value_heads\":8")),
    CONFIG("heads-wide", QOQ_ERR_SHAPE, "head_dim",
           LLAMA("\"num_attention_heads\":4096,\"head_dim\":128")),
    CONFIG("positions", QOQ_ERR_RANGE, "max_position_embeddings",
           LLAMA("\"max_position_embeddings\":0")),
    CONFIG("eps-zero", QOQ_ERR_RANGE, "rms_norm_eps", LLAMA("\"rms_norm_eps\":0")),
    CONFIG("eps-negative", QOQ_ERR_RANGE, "rms_norm_eps", LLAMA("\"rms_norm_eps\":-1e-5")),
    CONFIG("eps-text", QOQ_ERR_FORMAT, "rms_norm_eps", LLAMA("\"rms_norm_eps\":\"1e-5\"")),
    CONFIG("theta", QOQ_ERR_RANGE, "rope_theta", LLAMA("\"rope_theta\":1")),
    CONFIG("act", QOQ_ERR_UNSUPPORTED, "hidden_act", LLAMA("\"hidden_act\":\"gelu\"")),
    CONFIG("partial", QOQ_ERR_UNSUPPORTED, "partial_rotary_factor",
           LLAMA("\"partial_rotary_factor\":0.5")),
    CONFIG("interleaved", QOQ_ERR_UNSUPPORTED, "rope_interleaved",
           LLAMA("\"rope_interleaved\":true")),
    CONFIG("quantized", QOQ_ERR_UNSUPPORTED, "quantization_config",
           LLAMA("\"quantization_config\":{}")),
    CONFIG("tie-number", QOQ_ERR_FORMAT, "tie_word_embeddings", LLAMA("\"tie_word_embeddings\":1")),
    CONFIG("bos-large", QOQ_ERR_RANGE, "bos_token_id", LLAMA("\"bos_token_id\":32000")),
    CONFIG("eos-text", QOQ_ERR_FORMAT, "eos_token_id", LLAMA("\"eos_token_id\":\"</s>\"")),
    CONFIG("eos-list-large", QOQ_ERR_RANGE, "eos_token_id", LLAMA("\"eos_token_id\":[2,32000]")),
    CONFIG("eos-list-text", QOQ_ERR_FORMAT, "eos_token_id", LLAMA("\"eos_token_id\":[2,\"3\"]")),
    CONFIG("eos-empty-list", QOQ_ERR_FORMAT, "eos_token_id", LLAMA("\"eos_token_id\":[]")),
    CONFIG("rope-text", QOQ_ERR_FORMAT, "rope_scaling", LLAMA("\"rope_scaling\":\"linear\"")),
    CONFIG("rope-yarn", QOQ_ERR_UNSUPPORTED, "rope_scaling.rope_type",
           LLAMA("\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2}")),
    CONFIG("rope-dynamic", QOQ_ERR_UNSUPPORTED, "rope_scaling.rope_type",
           LLAMA("\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2}")),
    CONFIG("rope-no-factor", QOQ_ERR_FORMAT, "rope_scaling.factor",
           LLAMA("\"rope_scaling\":{\"type\":\"linear\"}")),
    CONFIG("rope-factor", QOQ_ERR_RANGE, "rope_scaling.factor",
           LLAMA("\"rope_scaling\":{\"type\":\"linear\",\"factor\":0.5}")),
    CONFIG("llama3-no-low", QOQ_ERR_FORMAT, "rope_scaling.low_freq_factor",
           LLAMA3("\"factor\":8,\"high_freq_factor\":4")),
    CONFIG("llama3-order", QOQ_ERR_RANGE, "rope_scaling.high_freq_factor",
           LLAMA3("\"factor\":8,\"low_freq_factor\":4,\"high_freq_factor\":4")),
    CONFIG("llama3-original", QOQ_ERR_RANGE, "rope_scaling.original_max_position_embeddings",
           LLAMA3("\"factor\":8,\"low_freq_factor\":1,\"high_freq_factor\":4,\"original_max_"
                  "position_embeddings\":0")),
    CONFIG("rope-per-layer", QOQ_ERR_UNSUPPORTED, "rope_parameters",
           LLAMA("\"rope_parameters\":{\"full_attention\":{}}")),
    CONFIG("rope-per-layer-qwen3", QOQ_ERR_UNSUPPORTED, "rope_parameters.chunked_attention",
           QWEN3("\"rope_parameters\":{\"rope_type\":\"default\",\"chunked_attention\":{"
                 "\"rope_type\":\"default\",\"rope_theta\":1e6}}")),
    CONFIG("rope-longrope", QOQ_ERR_UNSUPPORTED, "rope_parameters.rope_type",
           QWEN2("\"rope_parameters\":{\"rope_type\":\"longrope\",\"factor\":2}")),
    CONFIG("window-default", QOQ_ERR_UNSUPPORTED, "sliding_window",
           MISTRAL("\"vocab_size\":32000")),
    CONFIG("window-short", QOQ_ERR_UNSUPPORTED, "sliding_window",
           MISTRAL("\"max_position_embeddings\":8192,\"sliding_window\":4096")),
    CONFIG("qwen2-window", QOQ_ERR_UNSUPPORTED, "sliding_window",
           QWEN2("\"use_sliding_window\":true,\"sliding_window\":32767")),
    CONFIG("qwen2-window-default", QOQ_ERR_UNSUPPORTED, "sliding_window",
           QWEN2("\"use_sliding_window\":true")),
    CONFIG("qwen2-window-last-layer", QOQ_ERR_UNSUPPORTED, "sliding_window",
           QWEN2("\"use_sliding_window\":true,\"max_window_layers\":31")),
    CONFIG("qwen3-window-listed", QOQ_ERR_UNSUPPORTED, "sliding_window",
           QWEN3("\"num_hidden_layers\":2,\"use_sliding_window\":true,"
                 "\"layer_types\":[\"full_attention\",\"sliding_attention\"]")),
    CONFIG("qwen3-window-unused", QOQ_ERR_FORMAT, "layer_types",
           QWEN3("\"num_hidden_layers\":1,\"layer_types\":[\"sliding_attention\"]")),
    CONFIG("qwen3-layer-types-short", QOQ_ERR_FORMAT, "layer_types",
           QWEN3("\"num_hidden_layers\":2,\"layer_types\":[\"full_attention\"]")),
    CONFIG("qwen3-layer-types-text", QOQ_ERR_FORMAT, "layer_types",
           QWEN3("\"layer_types\":\"full_attention\"")),
    CONFIG("qwen3-layer-types-other", QOQ_ERR_UNSUPPORTED, "layer_types",
           QWEN3("\"num_hidden_layers\":1,\"layer_types\":[\"linear_attention\"]")),
    CONFIG("qwen3-layer-types-number", QOQ_ERR_UNSUPPORTED, "layer_types",
           QWEN3("\"num_hidden_layers\":1,\"layer_types\":[1]")),
    CONFIG("qwen2-use-window-text", QOQ_ERR_FORMAT, "use_sliding_window",
           QWEN2("\"use_sliding_window\":\"no\"")),
    CONFIG("qwen2-max-window-layers", QOQ_ERR_RANGE, "max_window_layers",
           QWEN2("\"use_sliding_window\":true,\"max_window_layers\":-1")),
    CONFIG("qwen2-kv-default", QOQ_ERR_SHAPE, "num_key_value_heads",
           QWEN2("\"num_attention_heads\":16")),
    CONFIG("qwen2-heads", QOQ_ERR_SHAPE, "hidden_size",
           QWEN2("\"hidden_size\":100,\"num_attention_heads\":32")),
    CONFIG("qwen3-bias-text", QOQ_ERR_FORMAT, "attention_bias",
           QWEN3("\"attention_bias\":\"true\"")),
    CONFIG("qwen3-heads-wide", QOQ_ERR_SHAPE, "head_dim",
           QWEN3("\"num_attention_heads\":2048,\"hidden_size\":64")),
};
const size_t bad_configs_count = sizeof bad_configs / sizeof bad_configs[0];

#define PLAIN(name, status, field, text)                                                           \
    {                                                                                              \
        name ".json", status, field, make_text, text, NULL, 0, 0, BAD_NO_EDIT, NULL, NULL          \
    }
#define EDIT(name, status, field, text, with)                                                      \
    {                                                                                              \
        name ".json", status, field, make_tokenizer, text, with, MARKS, 0, BAD_NO_EDIT, NULL, NULL \
    }
#define EDIT_BYTES(base, name, status, field, text, with)                                          \
    {                                                                                              \
        name ".json", status, field, make_tokenizer, text, with, base, 0, BAD_NO_EDIT, NULL, NULL  \
    }

const struct bad_case bad_tokenizers[] = {
    PLAIN("empty", QOQ_ERR_FORMAT, "", ""),
    PLAIN("array", QOQ_ERR_FORMAT, "", "[]"),
    PLAIN("no-model", QOQ_ERR_FORMAT, "model", "{}"),
    PLAIN("model-text", QOQ_ERR_FORMAT, "model", "{\"model\":\"BPE\"}"),
    {"deep.json", QOQ_ERR_FORMAT, "", make_deep, NULL, NULL, 100000, 0, BAD_NO_EDIT, NULL, NULL},
    EDIT("unigram", QOQ_ERR_UNSUPPORTED, "model.type", "\"BPE\"", "\"Unigram\""),
    EDIT("no-type", QOQ_ERR_FORMAT, "model.type", "\"type\": \"BPE\",", ""),
    EDIT("byte-level", QOQ_ERR_UNSUPPORTED, "model.byte_fallback", "\"pre_tokenizer\": null",
         "\"pre_tokenizer\": {\"type\": \"ByteLevel\"}"),
    EDIT("splits", QOQ_ERR_UNSUPPORTED, "pre_tokenizer.type", "\"pre_tokenizer\": null",
         "\"pre_tokenizer\": {\"type\": \"Metaspace\"}"),
    EDIT("no-fallback", QOQ_ERR_UNSUPPORTED, "model.byte_fallback", "\"byte_fallback\": true",
         "\"byte_fallback\": false"),
    EDIT("fallback-text", QOQ_ERR_FORMAT, "model.byte_fallback", "\"byte_fallback\": true",
         "\"byte_fallback\": \"yes\""),
    EDIT("dropout", QOQ_ERR_RANGE, "model.dropout", "\"dropout\": null", "\"dropout\": 0.1"),
    EDIT("ignore-merges", QOQ_ERR_UNSUPPORTED, "model.ignore_merges", "\"ignore_merges\": false",
         "\"ignore_merges\": true"),
    EDIT("suffix", QOQ_ERR_UNSUPPORTED, "model.end_of_word_suffix", "\"end_of_word_suffix\": null",
         "\"end_of_word_suffix\": \"</w>\""),
    EDIT("nfc", QOQ_ERR_UNSUPPORTED, "normalizer.type", "\"Prepend\"", "\"NFC\""),
    EDIT("prepend", QOQ_ERR_UNSUPPORTED, "normalizer.prepend", "\"prepend\": \"\xE2\x96\x81\"",
         "\"prepend\": \"_\""),
    EDIT("pattern", QOQ_ERR_UNSUPPORTED, "normalizer.pattern", "\"String\": \" \"",
         "\"Regex\": \" +\""),
    EDIT("no-normalizer", QOQ_ERR_UNSUPPORTED, "normalizer", "\"normalizer\": {",
         "\"normalizer\": null, \"old\": {"),
    EDIT("decoder", QOQ_ERR_UNSUPPORTED, "decoder.type", "\"Fuse\"", "\"WordPiece\""),
    EDIT("template", QOQ_ERR_UNSUPPORTED, "post_processor.type", "\"TemplateProcessing\"",
         "\"BertProcessing\""),
    EDIT("template-id", QOQ_ERR_RANGE, "post_processor.special_tokens", "\"ids\": [\n     1\n    ]",
         "\"ids\": [512]"),
    EDIT("template-name", QOQ_ERR_FORMAT, "post_processor.special_tokens",
         "\"special_tokens\": {\n   \"<s>\"", "\"special_tokens\": {\n   \"<t>\""),
    EDIT("strips", QOQ_ERR_UNSUPPORTED, "added_tokens.lstrip", "\"lstrip\": false",
         "\"lstrip\": true"),
    EDIT("added-id", QOQ_ERR_FORMAT, "added_tokens", "\"id\": 0,", "\"id\": 9,"),
    EDIT("added-negative", QOQ_ERR_FORMAT, "added_tokens", "\"id\": 0,", "\"id\": -1,"),
    EDIT("added-huge", QOQ_ERR_FORMAT, "model.vocab", "\"id\": 0,\n   \"content\": \"<unk>\"",
         "\"id\": 4000000,\n   \"content\": \"<new>\""),
    EDIT("id-text", QOQ_ERR_FORMAT, "model.vocab", "\"<0x00>\": 3", "\"<0x00>\": \"3\""),
    EDIT("id-negative", QOQ_ERR_FORMAT, "model.vocab", "\"<0x00>\": 3", "\"<0x00>\": -3"),
    EDIT("id-huge", QOQ_ERR_FORMAT, "model.vocab", "\"<0x00>\": 3", "\"<0x00>\": 2000000000"),
    EDIT("id-sparse", QOQ_ERR_FORMAT, "model.vocab", "\"<0x00>\": 3", "\"<0x00>\": 4000000"),
    EDIT("id-twice", QOQ_ERR_FORMAT, "model.vocab", "\"<0x00>\": 3", "\"<0x00>\": 4"),
    EDIT("spelling-twice", QOQ_ERR_FORMAT, "", "\"<0x01>\": 4", "\"<0x00>\": 4"),
    EDIT("no-byte", QOQ_ERR_UNSUPPORTED, "model.vocab", "\"<0x0A>\": 13,", ""),
    EDIT("vocab-array", QOQ_ERR_FORMAT, "vocab", "\"vocab\": {", "\"vocab\": [], \"old\": {"),
    EDIT("no-merges", QOQ_ERR_FORMAT, "model.merges", "\"merges\": [", "\"old\": ["),
    EDIT("merge-one", QOQ_ERR_FORMAT, "model.merges", "\"h e\"", "\"he\""),
    EDIT("merge-three", QOQ_ERR_FORMAT, "model.merges", "\"h e\"", "\"h e e\""),
    EDIT("merge-number", QOQ_ERR_FORMAT, "model.merges", "\"h e\"", "[\"h\", 1]"),
    EDIT("merge-unknown", QOQ_ERR_FORMAT, "model.merges", "\"h e\"", "\"q q\""),
    EDIT_BYTES(LLAMA3, "bytes-pattern", QOQ_ERR_UNSUPPORTED, "pre_tokenizer.pattern.Regex", "{1,3}",
               "{1,2}"),
    EDIT_BYTES(LLAMA3, "bytes-no-pattern", QOQ_ERR_FORMAT, "pre_tokenizer.pattern", "\"pattern\"",
               "\"patter\""),
    EDIT_BYTES(LLAMA3, "bytes-string", QOQ_ERR_FORMAT, "pre_tokenizer.pattern.Regex", "\"Regex\"",
               "\"String\""),
    EDIT_BYTES(LLAMA3, "bytes-behavior", QOQ_ERR_UNSUPPORTED, "pre_tokenizer.behavior",
               "\"Isolated\"", "\"Removed\""),
    EDIT_BYTES(LLAMA3, "bytes-invert", QOQ_ERR_UNSUPPORTED, "pre_tokenizer.invert",
               "\"invert\":false", "\"invert\":true"),
    EDIT_BYTES(LLAMA3, "bytes-prefix", QOQ_ERR_UNSUPPORTED, "pre_tokenizer.add_prefix_space",
               "\"add_prefix_space\":false", "\"add_prefix_space\":true"),
    EDIT_BYTES(LLAMA3, "bytes-later", QOQ_ERR_UNSUPPORTED, "pre_tokenizer.type",
               "\"pretokenizers\":[", "\"pretokenizers\":[{\"type\":\"ByteLevel\"},"),
    EDIT_BYTES(LLAMA3, "bytes-other", QOQ_ERR_UNSUPPORTED, "pre_tokenizer.type",
               "\"pretokenizers\":[", "\"pretokenizers\":[{\"type\":\"Punctuation\"},"),
    EDIT_BYTES(LLAMA3, "bytes-many", QOQ_ERR_UNSUPPORTED, "pre_tokenizer", "\"pretokenizers\":[",
               "\"pretokenizers\":[{\"type\":\"Digits\"},{\"type\":\"Digits\"},{\"type\":"
               "\"Digits\"},{\"type\":\"Digits\"},"),
    EDIT_BYTES(LLAMA3, "bytes-steps", QOQ_ERR_FORMAT, "pretokenizers", "\"pretokenizers\":[",
               "\"pretokenizers\":[1,"),
    EDIT_BYTES(LLAMA3, "bytes-decoder", QOQ_ERR_UNSUPPORTED, "decoder.type",
               "\"decoder\":{\"type\":\"ByteLevel\"", "\"decoder\":{\"type\":\"WordPiece\""),
    EDIT_BYTES(LLAMA3, "bytes-fallback", QOQ_ERR_UNSUPPORTED, "model.byte_fallback",
               "\"byte_fallback\":false", "\"byte_fallback\":true"),
    EDIT_BYTES(LLAMA3, "bytes-processor", QOQ_ERR_UNSUPPORTED, "post_processor.type",
               "\"processors\":[", "\"processors\":[{\"type\":\"BertProcessing\"},"),
    EDIT_BYTES(QWEN2, "bytes-nfkc", QOQ_ERR_UNSUPPORTED, "normalizer.type", "\"NFC\"", "\"NFKC\""),
    EDIT_BYTES(QWEN2, "bytes-normalized", QOQ_ERR_UNSUPPORTED, "added_tokens.normalized",
               "\"normalized\":false", "\"normalized\":true"),
    EDIT("merge-twice", QOQ_ERR_FORMAT, "model.merges", "\"h e\"", "\"h e\", \"h e\""),
};
const size_t bad_tokenizers_count = sizeof bad_tokenizers / sizeof bad_tokenizers[0];
