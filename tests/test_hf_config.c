/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: defaults of each model type, known models, and what must be refused. */
#include <config.h>

#include "data/hf_config.h"
#include "tests/data_support.h"

TestSuite(hf_config, .init = scratch_begin, .fini = scratch_end);

static struct qoq_config parse(const char *text)
{
    struct qoq_config config;
    struct qoq_error err = {QOQ_OK, ""};

    cr_assert_eq(qoq_hf_config_parse(&config, "config.json", text, strlen(text), &err), QOQ_OK,
                 "%s", err.text);
    return config;
}

static enum qoq_status load(const char *path, struct qoq_error *err)
{
    struct qoq_config config;

    return qoq_hf_config_load(&config, path, err);
}

Test(hf_config, broken_files_are_refused)
{
    walk_corpus(bad_configs, bad_configs_count, load);
}

Test(hf_config, llama_defaults)
{
    struct qoq_config c = parse("{\"model_type\":\"llama\"}");

    cr_expect_eq(c.arch, QOQ_ARCH_LLAMA);
    cr_expect(c.vocab == 32000 && c.hidden == 4096 && c.intermediate == 11008 && c.layers == 32);
    cr_expect(c.heads == 32 && c.kv_heads == 32 && c.head_dim == 128 && c.max_positions == 2048);
    cr_expect(c.rms_eps == 1e-6f && c.rope.kind == QOQ_ROPE_PLAIN && c.rope.theta == 10000);
    cr_expect(!c.tie_embeddings && !c.qkv_bias && !c.o_bias && !c.mlp_bias && !c.qk_norm);
    cr_expect(c.bos == 1 && c.eos == 2);
    c = parse("{\"model_type\":\"llama\",\"attention_bias\":true,\"mlp_bias\":true}");
    cr_expect(c.qkv_bias && c.o_bias && c.mlp_bias);
}

Test(hf_config, mistral)
{
    struct qoq_config c = parse("{\"model_type\":\"mistral\",\"sliding_window\":null,"
                                "\"attention_bias\":true}");

    cr_expect_eq(c.arch, QOQ_ARCH_MISTRAL);
    cr_expect(c.kv_heads == 8 && c.intermediate == 14336 && c.max_positions == 131072);
    cr_expect(!c.qkv_bias && !c.o_bias, "Mistral has none");
    c = parse("{\"model_type\":\"mistral\",\"sliding_window\":4096,\"num_key_value_heads\":null,"
              "\"max_position_embeddings\":4096}");
    cr_expect_eq(c.kv_heads, 32);
}

static void expect_qwen_defaults(const struct qoq_config *c)
{
    cr_expect(c->vocab == 151936 && c->hidden == 4096 && c->intermediate == 22016);
    cr_expect(c->layers == 32 && c->heads == 32 && c->max_positions == 32768);
    cr_expect(c->rms_eps == 1e-6f && c->rope.kind == QOQ_ROPE_PLAIN && c->rope.theta == 10000);
    cr_expect(c->kv_heads == 32 && c->head_dim == 128);
    cr_expect(!c->tie_embeddings && !c->mlp_bias && c->bos == -1 && c->eos == -1);
}

Test(hf_config, qwen2)
{
    struct qoq_config c = parse("{\"model_type\":\"qwen2\"}");

    cr_expect_eq(c.arch, QOQ_ARCH_QWEN2);
    expect_qwen_defaults(&c);
    cr_expect(c.qkv_bias && !c.o_bias && !c.qk_norm);
    c = parse("{\"model_type\":\"qwen2\",\"attention_bias\":false,\"num_attention_heads\":16,"
              "\"num_key_value_heads\":null,\"head_dim\":64}");
    cr_expect(c.qkv_bias && !c.o_bias, "no key turns the biases off or adds one to o");
    cr_expect(c.kv_heads == 16 && c.head_dim == 64);
}

/* Qwen2.5-0.5B, both generations of keys. */
Test(hf_config, qwen2_as_published)
{
    struct qoq_config c =
        parse("{\"architectures\":[\"Qwen2ForCausalLM\"],\"attention_dropout\":0.0,"
              "\"bos_token_id\":151643,\"eos_token_id\":[151645,151643],\"hidden_act\":\"silu\","
              "\"hidden_size\":896,\"initializer_range\":0.02,\"intermediate_size\":4864,"
              "\"max_position_embeddings\":32768,\"max_window_layers\":24,"
              "\"model_type\":\"qwen2\",\"num_attention_heads\":14,\"num_hidden_layers\":24,"
              "\"num_key_value_heads\":2,\"rms_norm_eps\":1e-06,\"rope_theta\":1000000.0,"
              "\"sliding_window\":32768,\"tie_word_embeddings\":true,"
              "\"torch_dtype\":\"bfloat16\",\"use_sliding_window\":false,\"vocab_size\":151936}");

    cr_expect(c.hidden == 896 && c.layers == 24 && c.heads == 14 && c.kv_heads == 2);
    cr_expect(c.head_dim == 64 && c.rope.theta == 1e6 && c.tie_embeddings && c.qkv_bias);
    cr_expect(c.bos == 151643 && c.eos == 151645);
    c = parse("{\"model_type\":\"qwen2\",\"dtype\":\"bfloat16\",\"num_hidden_layers\":2,"
              "\"layer_types\":[\"full_attention\",\"full_attention\"],\"sliding_window\":null,"
              "\"use_sliding_window\":false,\"max_window_layers\":1,"
              "\"rope_parameters\":{\"rope_theta\":1000000.0,\"rope_type\":\"default\"}}");
    cr_expect(c.layers == 2 && c.rope.theta == 1e6);
}

Test(hf_config, qwen3)
{
    struct qoq_config c = parse("{\"model_type\":\"qwen3\"}");

    cr_expect_eq(c.arch, QOQ_ARCH_QWEN3);
    expect_qwen_defaults(&c);
    cr_expect(!c.qkv_bias && !c.o_bias && c.qk_norm);
    c = parse("{\"model_type\":\"qwen3\",\"attention_bias\":true}");
    cr_expect(c.qkv_bias && c.o_bias && !c.mlp_bias);
    /* Qwen3-0.6B: heads wider than hidden / heads; the default is 128 all the same, and for null.
     */
    c = parse("{\"model_type\":\"qwen3\",\"hidden_size\":1024,\"num_attention_heads\":16,"
              "\"num_key_value_heads\":8,\"head_dim\":null}");
    cr_expect(c.hidden == 1024 && c.head_dim == 128 && c.kv_heads == 8);
    c = parse("{\"model_type\":\"qwen3\",\"hidden_size\":100,\"num_attention_heads\":3,"
              "\"num_key_value_heads\":3,\"head_dim\":96}");
    cr_expect(c.hidden == 100 && c.head_dim == 96);
}

/* Windows that change nothing: switched off, null, no layer has one, as long as the context. */
Test(hf_config, harmless_windows)
{
    static const char *const texts[] = {
        "{\"model_type\":\"qwen2\",\"sliding_window\":16,\"max_window_layers\":0}",
        "{\"model_type\":\"qwen2\",\"use_sliding_window\":true,\"sliding_window\":null}",
        "{\"model_type\":\"qwen2\",\"use_sliding_window\":true,\"max_window_layers\":32}",
        "{\"model_type\":\"qwen2\",\"use_sliding_window\":true,\"num_hidden_layers\":28}",
        "{\"model_type\":\"qwen3\",\"use_sliding_window\":true,\"sliding_window\":32768}",
        "{\"model_type\":\"llama\",\"sliding_window\":16,\"use_sliding_window\":true}",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        parse(texts[i]);
    }
    parse("{\"model_type\":\"qwen3\",\"use_sliding_window\":true,\"num_hidden_layers\":1,"
          "\"max_window_layers\":0,\"layer_types\":[\"full_attention\"]}");
}

Test(hf_config, shipped_model)
{
    char *path = shipped("models/stories260K");
    struct qoq_config c;
    struct qoq_error err;

    cr_assert_eq(qoq_hf_config_load(&c, path, &err), QOQ_OK, "%s", err.text);
    cr_expect(c.vocab == 512 && c.hidden == 64 && c.intermediate == 172 && c.layers == 5);
    cr_expect(c.heads == 8 && c.kv_heads == 4 && c.head_dim == 8 && c.max_positions == 512);
    cr_expect(c.rms_eps == 1e-5f && c.tie_embeddings && c.bos == 1 && c.eos == 2);
    free(path);
}

/* Llama-3.2-1B, both generations of keys. */
Test(hf_config, llama3_scaling)
{
    static const char *const texts[] = {
        "{\"model_type\":\"llama\",\"vocab_size\":128256,\"hidden_size\":2048,"
        "\"num_attention_heads\":32,\"num_key_value_heads\":8,\"head_dim\":64,"
        "\"rope_theta\":500000.0,\"eos_token_id\":[128001,128008],\"bos_token_id\":128000,"
        "\"max_position_embeddings\":131072,\"rope_scaling\":{\"rope_type\":\"llama3\","
        "\"factor\":32.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"
        "\"original_max_position_embeddings\":8192}}",
        "{\"model_type\":\"llama\",\"vocab_size\":128256,\"hidden_size\":2048,"
        "\"num_attention_heads\":32,\"num_key_value_heads\":8,\"head_dim\":64,"
        "\"eos_token_id\":128001,\"bos_token_id\":128000,\"max_position_embeddings\":131072,"
        "\"rope_parameters\":{\"rope_type\":\"llama3\",\"rope_theta\":500000.0,\"factor\":32.0,"
        "\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"
        "\"original_max_position_embeddings\":9999},\"original_max_position_embeddings\":8192}",
    };

    for (int i = 0; i < 2; i++) {
        struct qoq_config c = parse(texts[i]);
        cr_expect_eq(c.rope.kind, QOQ_ROPE_LLAMA3, "text %d", i);
        cr_expect(c.rope.theta == 500000 && c.rope.factor == 32, "text %d", i);
        cr_expect(c.rope.low_freq == 1 && c.rope.high_freq == 4, "text %d", i);
        cr_expect(c.rope.original_positions == 8192, "text %d", i);
        cr_expect(c.eos == 128001 && c.bos == 128000, "text %d", i);
    }
}

Test(hf_config, other_rope_keys)
{
    struct qoq_config c;

    c = parse("{\"model_type\":\"llama\",\"rope_scaling\":{\"type\":\"linear\",\"factor\":4}}");
    cr_expect(c.rope.kind == QOQ_ROPE_LINEAR && c.rope.factor == 4 && c.rope.theta == 10000);
    c = parse("{\"model_type\":\"llama\",\"rope_theta\":7,\"rope_scaling\":null}");
    cr_expect(c.rope.kind == QOQ_ROPE_PLAIN && c.rope.theta == 7);
    c = parse("{\"model_type\":\"llama\",\"rope_theta\":7,\"rope_parameters\":{\"rope_theta\":8,"
              "\"rope_type\":\"default\"}}");
    cr_expect(c.rope.kind == QOQ_ROPE_PLAIN && c.rope.theta == 8);
    c = parse("{\"model_type\":\"llama\",\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":2},"
              "\"rope_parameters\":{\"rope_type\":\"yarn\"}}");
    cr_expect_eq(c.rope.kind, QOQ_ROPE_LINEAR, "rope_scaling comes first");
}

Test(hf_config, tokens_and_heads)
{
    struct qoq_config c;

    c = parse("{\"model_type\":\"llama\",\"bos_token_id\":null,\"eos_token_id\":-1,"
              "\"head_dim\":null,\"hidden_size\":576,\"num_attention_heads\":9,"
              "\"num_key_value_heads\":3}");
    cr_expect(c.bos == -1 && c.eos == -1 && c.head_dim == 64 && c.kv_heads == 3);
    c = parse("{\"model_type\":\"llama\",\"vocab_size\":2}");
    cr_expect(c.bos == 1 && c.eos == -1, "a default outside the vocabulary is none");
    c = parse("{\"model_type\":\"llama\",\"hidden_size\":100,\"num_attention_heads\":3,"
              "\"head_dim\":256,\"rope_interleaved\":false,\"hidden_act\":\"silu\"}");
    cr_expect(c.head_dim == 256 && c.hidden == 100);
}

Test(hf_config, missing_file)
{
    struct qoq_config c;
    struct qoq_error err;

    expect_failure(qoq_hf_config_load(&c, scratch, &err), &err, QOQ_ERR_IO, "config.json",
                   "No such file");
}
