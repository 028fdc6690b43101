#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a model of Llama-3-8B's shapes with few layers and random weights, and a token file, with NumPy and h5py alone.

usage: make_large.py OUT LAYERS SEQUENCES LENGTH

OUT/config.json, OUT/model.safetensors (bfloat16) and OUT/tokens.h5. Weights are normal with standard deviation 1/sqrt(K); some
channels of k_proj and of the residual stream are ten times as large as the others, as in trained models. One tensor is in memory
at a time.
"""
import json
import os
import struct
import sys

import h5py
import numpy as np

HIDDEN, INNER, HEADS, KV_HEADS, DIM, VOCAB = 4096, 14336, 32, 8, 128, 128256


def shapes(layers):
    out = {"model.embed_tokens.weight": (VOCAB, HIDDEN)}
    for i in range(layers):
        layer = f"model.layers.{i}."
        out[layer + "input_layernorm.weight"] = (HIDDEN,)
        out[layer + "post_attention_layernorm.weight"] = (HIDDEN,)
        for name, n, k in (
            ("self_attn.q_proj", HEADS * DIM, HIDDEN),
            ("self_attn.k_proj", KV_HEADS * DIM, HIDDEN),
            ("self_attn.v_proj", KV_HEADS * DIM, HIDDEN),
            ("self_attn.o_proj", HIDDEN, HEADS * DIM),
            ("mlp.gate_proj", INNER, HIDDEN),
            ("mlp.up_proj", INNER, HIDDEN),
            ("mlp.down_proj", HIDDEN, INNER),
        ):
            out[layer + name + ".weight"] = (n, k)
    out["model.norm.weight"] = (HIDDEN,)
    out["lm_head.weight"] = (VOCAB, HIDDEN)
    return out


def values(rng, name, shape):
    if len(shape) == 1:
        return np.ones(shape, "<f4")
    array = rng.standard_normal(shape, dtype=np.float32)
    if name.endswith("embed_tokens.weight"):
        array[:, rng.choice(HIDDEN, 8, replace=False)] *= 10
        return array
    array /= np.float32(np.sqrt(shape[1]))
    if name.endswith("k_proj.weight"):
        array[rng.choice(shape[0], 16, replace=False)] *= 10
    return array


def bfloat16(array):
    return (array.view("<u4") >> 16).astype("<u2")


def write_model(out, layers, rng):
    header, offset = {}, 0
    for name, shape in shapes(layers).items():
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    with open(os.path.join(out, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes(layers).items():
            file.write(bfloat16(values(rng, name, shape)).tobytes())


def write_config(out, layers):
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": layers,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": DIM,
        "vocab_size": VOCAB,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-05,
        "rope_theta": 500000.0,
        "tie_word_embeddings": False,
    }
    with open(os.path.join(out, "config.json"), "w") as file:
        json.dump(config, file, indent=2)


def write_tokens(out, sequences, length, rng):
    with h5py.File(os.path.join(out, "tokens.h5"), "w") as file:
        file.attrs.update({"format": "qoq-tokens", "version": 1, "vocab": VOCAB})
        file["tokens"] = rng.integers(0, VOCAB, sequences * length).astype("<i4")
        file["offsets"] = (np.arange(sequences + 1) * length).astype("<i8")


def main(out, layers, sequences, length):
    rng = np.random.default_rng(1)
    os.makedirs(out, exist_ok=True)
    write_config(out, layers)
    write_model(out, layers, rng)
    write_tokens(out, sequences, length, rng)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(sys.argv[1], *(int(n) for n in sys.argv[2:]))
