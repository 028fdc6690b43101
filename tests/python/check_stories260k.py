#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scores the shipped stories260K model with an independent forward pass in binary64.

usage: check_stories260k.py [MODEL-DIRECTORY] [--compare NLL]

Reads config.json, model.safetensors, tokenizer.json and heldout.tokens.h5 with NumPy and h5py
alone, prints the mean negative log-likelihood and the greedy text, and exits 1 if either is not
what llama2.c's own files give, or if NLL, the value of another program, is off by more than 1e-5.
"""
import argparse
import json
import os
import struct
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are too small to share

import h5py
import numpy as np

EXPECTED_NLL = 1.812713
EXPECTED_TARGETS = 33473  # the BOS of each line is no target
# The 200 tokens that follow BOS at temperature 0.
EXPECTED_TOKENS = [
    403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426, 338, 401, 396,
    267, 337, 410, 408, 419, 292, 411, 322, 265, 282, 295, 433, 426, 385, 328, 432, 358, 394,
    261, 370, 432, 352, 266, 268, 388, 426, 338, 391, 266, 267, 337, 335, 312, 432, 398, 312,
    286, 267, 414, 270, 333, 415, 426, 13, 438, 310, 439, 419, 357, 336, 432, 313, 438, 310,
    432, 278, 316, 439, 419, 298, 414, 267, 265, 282, 295, 433, 426, 436, 317, 286, 296, 418,
    269, 279, 292, 416, 439, 413, 409, 416, 327, 263, 415, 294, 267, 400, 426, 338, 336, 432,
    313, 442, 391, 267, 337, 335, 364, 420, 268, 388, 432, 398, 359, 280, 303, 439, 413, 272,
    417, 264, 312, 426, 436, 13, 438, 310, 286, 296, 418, 269, 279, 292, 416, 439, 413, 409,
    416, 327, 263, 415, 294, 267, 400, 426, 338, 336, 432, 313, 442, 439, 423, 262, 304, 420,
    422, 432, 317, 426, 359, 279, 292, 416, 439, 413, 409, 416, 327, 263, 415, 294, 267, 400,
    426, 436, 13, 438, 310, 279, 292, 416, 439, 413, 391, 267, 281, 421, 427, 311, 357, 432,
    384, 358,
]


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        assert entry["dtype"] == "F32", name
        tensors[name] = np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"]).astype("f8")
    return tensors


def rmsnorm(x, gain, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * gain


def rotate(x, angle):
    """x [tokens, heads, D]; pairs are (i, i + D/2)."""
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    return np.concatenate([a * cosine - b * sine, b * cosine + a * sine], -1)


def attention(q, k, v):
    count, heads, head_dim = q.shape
    q, k, v = (x.transpose(1, 0, 2) for x in (q, k, v))  # heads first
    k = np.repeat(k, heads // k.shape[0], 0)
    v = np.repeat(v, heads // v.shape[0], 0)
    logits = q @ k.transpose(0, 2, 1) / np.sqrt(head_dim)
    logits[:, np.triu(np.ones((count, count), bool), 1)] = -np.inf
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    return (p @ v).transpose(1, 0, 2).reshape(count, -1)


def forward(config, tensors, tokens):
    """Logits [tokens, vocab]."""
    eps, head_dim, count = config["rms_norm_eps"], config["head_dim"], len(tokens)
    frequency = config["rope_theta"] ** (-np.arange(0, head_dim, 2) / head_dim)
    angle = np.arange(count)[:, None] * frequency
    x = tensors["model.embed_tokens.weight"][tokens]
    for i in range(config["num_hidden_layers"]):
        def linear(name, y, prefix=f"model.layers.{i}."):
            return y @ tensors[prefix + name + "_proj.weight"].T

        y = rmsnorm(x, tensors[f"model.layers.{i}.input_layernorm.weight"], eps)
        q, k, v = (linear("self_attn." + n, y).reshape(count, -1, head_dim) for n in "qkv")
        x = x + linear("self_attn.o", attention(rotate(q, angle), rotate(k, angle), v))
        y = rmsnorm(x, tensors[f"model.layers.{i}.post_attention_layernorm.weight"], eps)
        gate = linear("mlp.gate", y)
        x = x + linear("mlp.down", gate / (1 + np.exp(-gate)) * linear("mlp.up", y))
    x = rmsnorm(x, tensors["model.norm.weight"], eps)
    assert config["tie_word_embeddings"]
    return x @ tensors["model.embed_tokens.weight"].T


def mean_nll(config, tensors, path):
    total, targets = 0.0, 0
    with h5py.File(path) as file:
        tokens, offsets = file["tokens"][:], file["offsets"][:]
    for begin, end in zip(offsets[:-1], offsets[1:]):
        sequence = tokens[begin:end]
        logits = forward(config, tensors, sequence[:-1])
        top = logits.max(-1, keepdims=True)
        norm = np.log(np.exp(logits - top).sum(-1)) + top[:, 0]
        total += (norm - logits[np.arange(len(norm)), sequence[1:]]).sum()
        targets += len(norm)
    return total / targets, targets


def decode(tokenizer, tokens):
    spelled = {i: text for text, i in tokenizer["model"]["vocab"].items()}
    data = b""
    for token in tokens:
        text = spelled[token]
        if text.startswith("<0x"):
            data += bytes([int(text[3:5], 16)])
        elif token > 2:
            data += text.replace("\u2581", " ").encode()
    return data.decode()[1:]


def is_greedy(config, tensors, tokens):
    """Whether each token is the most likely one after those before it."""
    best = forward(config, tensors, [config["bos_token_id"]] + tokens[:-1]).argmax(-1)
    return best.tolist() == tokens


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", nargs="?",
                        default=os.path.join(here, "..", "..", "data", "models", "stories260K"))
    parser.add_argument("--compare", type=float, metavar="NLL", default=EXPECTED_NLL)
    options = parser.parse_args()
    directory = options.directory
    with open(os.path.join(directory, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    with open(os.path.join(directory, "tokenizer.json"), encoding="utf-8") as file:
        tokenizer = json.load(file)
    tensors = read_safetensors(os.path.join(directory, "model.safetensors"))

    nll, targets = mean_nll(config, tensors, os.path.join(directory, "heldout.tokens.h5"))
    good = is_greedy(config, tensors, EXPECTED_TOKENS) and targets == EXPECTED_TARGETS
    good = good and all(abs(nll - v) <= 1e-5 * v for v in (EXPECTED_NLL, options.compare))
    print(f"targets {targets}\nmean nll {nll:.9f}, expected {EXPECTED_NLL} and {options.compare}")
    print(decode(tokenizer, EXPECTED_TOKENS))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
