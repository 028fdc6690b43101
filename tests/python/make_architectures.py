#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tiny random models of every architecture, as Hugging Face transformers stores and computes them.

    make_architectures.py DIRECTORY [NAME]...   writes DIRECTORY/NAME/, for all models or those named
    make_architectures.py --tokens FILE         writes sequences for them as a token file
    make_architectures.py --check DIRECTORY     rebuilds all in a scratch directory and compares

A model's directory is what save_pretrained makes, plus expected.safetensors: `tokens` (int32 [T]) and the
`logits` (float32 [T, V]) that transformers computes for them in float32, on the CPU, from the stored
weights. Needs torch, transformers, h5py; shares no code with ref/. Weights come from a seeded
integer generator, so they are the same whatever the versions; logits may differ in their last bits.
"""
import json
import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import h5py
import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file, save_file

LLAMA3 = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}
LINEAR = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}
GENERATION = int(transformers.__version__.split(".")[0])  # 4 writes rope_scaling, 5 rope_parameters
VOCABULARY = 96
F16, BF16, F32 = torch.float16, torch.bfloat16, torch.float32


def theta(value):
    return {"rope_type": "default", "rope_theta": value}


def sizes(hidden, intermediate, layers, heads, kv_heads, **more):
    return dict(vocab_size=VOCABULARY, hidden_size=hidden, intermediate_size=intermediate, num_hidden_layers=layers,
                num_attention_heads=heads, num_key_value_heads=kv_heads, max_position_embeddings=512, **more)


# name: configuration class, its arguments, stored type, tokens, bytes of a shard
MODELS = {
    "llama1": ("LlamaConfig", sizes(32, 56, 2, 4, 4, rms_norm_eps=1e-6), F32, 48, None),
    "llama2": ("LlamaConfig", sizes(32, 64, 3, 2, 2, rms_norm_eps=1e-5), F16, 140, None),
    "llama3": ("LlamaConfig", sizes(64, 96, 2, 4, 2, rms_norm_eps=1e-5, rope=LLAMA3, tie_word_embeddings=True,
                                    eos_token_id=[9, 10]), BF16, 72, None),
    "llama-biases": ("LlamaConfig", sizes(48, 56, 2, 3, 3, rope=LINEAR, attention_bias=True, mlp_bias=True), F16, 48, None),
    "mistral": ("MistralConfig", sizes(40, 64, 2, 4, 2, head_dim=16, sliding_window=None, rope=theta(1000.0)), BF16, 48, None),
    "qwen2": ("Qwen2Config", sizes(56, 72, 2, 7, 1, tie_word_embeddings=True, bos_token_id=3, eos_token_id=4,
                                   rope=theta(1e6)), BF16, 48, None),
    "qwen2-untied": ("Qwen2Config", sizes(32, 64, 3, 2, 2, sliding_window=32, max_window_layers=1), F16, 48, 40000),
    "qwen3": ("Qwen3Config", sizes(40, 64, 2, 4, 2, head_dim=24, rope=theta(1e6)), BF16, 48, None),
    "qwen3-tied": ("Qwen3Config", sizes(32, 56, 2, 4, 1, head_dim=16, tie_word_embeddings=True), F32, 48, None),
    "qwen3-biases": ("Qwen3Config", sizes(48, 56, 2, 3, 3, head_dim=16, attention_bias=True), F16, 48, None),
}


def draws(seed, stream, count):
    """SplitMix64: element i of a stream of a seed."""
    def mix(x):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))

    with np.errstate(over="ignore"):
        golden = np.uint64(0x9E3779B97F4A7C15)
        base = mix(np.array([seed], np.uint64) + np.array([stream + 1], np.uint64) * golden)
        return mix(base + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * golden)


def bell(seed, stream, shape, mean, deviation):
    """About normal: the sum of four 16-bit fields."""
    u = draws(seed, stream, int(np.prod(shape)))
    total = sum(((u >> np.uint64(16 * i)) & np.uint64(0xFFFF)).astype(np.float64) for i in range(4))
    return torch.tensor((mean + (total - 131070) * (deviation / 37837)).astype(np.float32).reshape(shape))


def some_tokens(seed, count):
    return ((draws(seed, 1000, count) >> np.uint64(32)) * np.uint64(VOCABULARY) >> np.uint64(32)).astype(np.int32)


def values(name, shape, seed, stream, tied):
    """Large enough that leaving out any tensor, bias, gain or rotation changes every logit."""
    if name.endswith("q_norm.weight") or name.endswith("k_norm.weight"):
        return bell(seed, stream, shape, 1.5, 0.4)
    if name.endswith("norm.weight"):
        return bell(seed, stream, shape, 1.0, 0.2)
    if name.endswith("bias"):
        return bell(seed, stream, shape, 0.0, 0.5)
    if name.endswith("embed_tokens.weight"):
        return bell(seed, stream, shape, 0.0, 0.3 if tied else 1.0)
    return bell(seed, stream, shape, 0.0, 1.2 / np.sqrt(shape[1]))


def configuration(cls, arguments):
    arguments = dict(arguments)
    rope = arguments.pop("rope", None)
    if rope is not None and GENERATION >= 5:
        arguments["rope_parameters"] = rope
    elif rope is not None:
        arguments["rope_theta"] = rope["rope_theta"]
        if rope["rope_type"] != "default":
            arguments["rope_scaling"] = {key: value for key, value in rope.items() if key != "rope_theta"}
    return getattr(transformers, cls)(**arguments)


def logits_of(path, tokens):
    model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=F32, attn_implementation="eager").eval()
    with torch.no_grad():
        return model(torch.tensor(tokens[None].astype(np.int64))).logits[0].float().contiguous()


def make(path, name):
    cls, arguments, dtype, count, shard = MODELS[name]
    seed = list(MODELS).index(name) + 1
    config = configuration(cls, arguments)
    model = transformers.AutoModelForCausalLM.from_config(config)
    state = model.state_dict()
    names = sorted(key for key in state if not (config.tie_word_embeddings and key == "lm_head.weight"))
    for stream, key in enumerate(names):
        state[key].copy_(values(key, tuple(state[key].shape), seed, stream, config.tie_word_embeddings))
    model = model.to(dtype)
    model.save_pretrained(path, **({"max_shard_size": shard} if shard else {}))
    tokens = some_tokens(seed, count)
    save_file({"tokens": torch.tensor(tokens), "logits": logits_of(path, tokens)}, os.path.join(path, "expected.safetensors"))


def make_tokens(path):
    lengths = [140, 1, 48, 33, 9]
    with h5py.File(path, "w") as file:
        file.attrs.update({"format": "qoq-tokens", "version": 1, "vocab": VOCABULARY, "source": "random"})
        file["offsets"] = np.cumsum([0] + lengths).astype("<i8")
        file["tokens"] = np.concatenate([some_tokens(100 + i, length) for i, length in enumerate(lengths)]).astype("<i4")


def stored_tensors(path):
    found = {}
    for file in sorted(os.listdir(path)):
        if file.startswith("model") and file.endswith(".safetensors"):
            with safe_open(os.path.join(path, file), "pt") as tensors:
                found.update({key: tensors.get_tensor(key) for key in tensors.keys()})
    return found


def compare(path, name, scratch):
    """What this transformers makes of the directory as it is, and of one made again."""
    expected = load_file(os.path.join(path, "expected.safetensors"))
    size = expected["logits"].abs().max()
    with open(os.path.join(path, "config.json")) as file:
        readable = int(json.load(file)["transformers_version"].split(".")[0]) <= GENERATION
    again = os.path.join(scratch, name)
    make(again, name)
    ours, theirs = stored_tensors(path), stored_tensors(again)
    same = ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) and ours[key].dtype == theirs[key].dtype for key in ours)
    made = load_file(os.path.join(again, "expected.safetensors"))
    same = same and torch.equal(made["tokens"], expected["tokens"])
    results = [made["logits"]] + ([logits_of(path, expected["tokens"].numpy())] if readable else [])
    off = max(float((logits - expected["logits"]).abs().max() / size) for logits in results)
    print(f"{name:14} weights {'the same' if same else 'DIFFER'}, logits off by {off:.1e} of the largest"
          + ("" if readable else " (made again only: the directory is for a newer transformers)"))
    return same and off < 1e-5


def main():
    arguments = sys.argv[1:]
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if len(arguments) == 2 and arguments[0] == "--check":
        print(f"torch {torch.__version__}, transformers {transformers.__version__}")
        with tempfile.TemporaryDirectory() as scratch:
            good = [compare(os.path.join(arguments[1], name), name, scratch) for name in MODELS]
        return 0 if all(good) else 1
    if len(arguments) == 2 and arguments[0] == "--tokens":
        make_tokens(arguments[1])
        return 0
    if not arguments or arguments[0].startswith("-") or not set(arguments[1:]) <= set(MODELS):
        print(__doc__, file=sys.stderr)
        return 2
    for name in arguments[1:] or MODELS:
        make(os.path.join(arguments[0], name), name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
