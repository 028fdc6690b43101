# SPDX-License-Identifier: Apache-2.0
"""A Llama model in a GGUF file as Hugging Face describes it: tensors, configuration, tokenizer."""
import json
import struct

LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OUTER_NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def tensor_name(name):
    parts = name.split(".")
    if parts[0] == "blk":
        return f"model.layers.{parts[1]}.{LAYER_NAMES[parts[2]]}.{parts[3]}"
    return f"{OUTER_NAMES[parts[0]]}.{parts[1]}"


def rotate_half_order(rows, heads):
    """GGUF has the rows of a head in the order (0, D/2, 1, D/2 + 1, ...), Hugging Face (0, 1, ...)."""
    pairs = rows.reshape(heads, -1, 2, rows.shape[-1])
    return pairs.transpose(0, 2, 1, 3).reshape(rows.shape)


def tensor(gguf, name):
    rows = gguf.tensor(name)
    if ".attn_q." in name:
        return rotate_half_order(rows, gguf.metadata["llama.attention.head_count"])
    if ".attn_k." in name:
        return rotate_half_order(rows, gguf.metadata["llama.attention.head_count_kv"])
    return rows


def write_safetensors(file, gguf, progress):
    """All tensors as F32: the exact values of the GGUF file, each a product and a sum of binary16 numbers."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    names = sorted(gguf.shapes, key=tensor_name)
    for name in names:
        size = 4
        for extent in gguf.shapes[name]:
            size *= extent
        begin, end = end, end + size
        header[tensor_name(name)] = {"dtype": "F32", "shape": gguf.shapes[name], "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)
    for done, name in enumerate(names):
        file.write(tensor(gguf, name).astype("<f4").tobytes())
        progress(done + 1, len(names))


def config(gguf):
    of = gguf.metadata
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": of["llama.vocab_size"],
        "hidden_size": of["llama.embedding_length"],
        "intermediate_size": of["llama.feed_forward_length"],
        "num_hidden_layers": of["llama.block_count"],
        "num_attention_heads": of["llama.attention.head_count"],
        "num_key_value_heads": of["llama.attention.head_count_kv"],
        "head_dim": of["llama.rope.dimension_count"],
        "hidden_act": "silu",
        "max_position_embeddings": of["llama.context_length"],
        # binary32 in the file: the shortest decimal number that means it
        "rms_norm_eps": float(f"{of['llama.attention.layer_norm_rms_epsilon']:.7g}"),
        "rope_theta": of["llama.rope.freq_base"],
        "rope_scaling": None,
        "attention_bias": "blk.0.attn_q.bias" in gguf.shapes,
        "mlp_bias": False,
        "tie_word_embeddings": "output.weight" not in gguf.shapes,
        "bos_token_id": of["tokenizer.ggml.bos_token_id"],
        "eos_token_id": of["tokenizer.ggml.eos_token_id"],
        "pad_token_id": of["tokenizer.ggml.padding_token_id"],
        "torch_dtype": "float32",
    }


def generation_config(gguf):
    keys = ("bos_token_id", "eos_token_id", "pad_token_id")
    return {key: value for key, value in config(gguf).items() if key in keys}


def tokenizer(gguf):
    """GGUF names the way a text is split ("smollm"): each digit by itself, then as GPT-2 does."""
    of = gguf.metadata
    if (of["tokenizer.ggml.model"], of["tokenizer.ggml.pre"]) != ("gpt2", "smollm"):
        raise ValueError("not the tokenizer of SmolLM2")
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    tokens, kinds = of["tokenizer.ggml.tokens"], of["tokenizer.ggml.token_type"]
    control = 3
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": token, **flags} for i, (token, kind) in enumerate(zip(tokens, kinds)) if kind == control
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None,
        "decoder": {**byte_level, "add_prefix_space": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": of["tokenizer.ggml.merges"],
        },
    }
