#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Unpacks an exported checkpoint and compares it with the model file it was made from.

usage: check_export.py MODEL.h5 DIRECTORY

Reads both with NumPy and h5py alone. The packed matrices are taken apart as a GPU's warp does it:
lane by lane, words, nibbles, tensor core fragments, and group parameters by the 32-bit load that
such a lane makes, including its bytewise arithmetic modulo 256. The weights must be those of the model
file to the last bit. Exits 1 where anything differs.
"""
import json
import os
import struct
import sys

import h5py
import numpy as np

from golden.layouts import unpack

TYPES = {"F16": "<f2", "I8": "<i1"}
LINEAR = {"q_proj": "self_attn", "k_proj": "self_attn", "v_proj": "self_attn", "o_proj": "self_attn",
          "gate_proj": "mlp", "up_proj": "mlp", "down_proj": "mlp"}


def read_file(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<Q", data)
    assert length % 8 == 0
    header = json.loads(data[8 : 8 + length])
    assert header.pop("__metadata__") == {"format": "pt"}
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[begin:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def read_directory(path):
    index = os.path.join(path, "model.safetensors.index.json")
    if not os.path.exists(index):
        return read_file(os.path.join(path, "model.safetensors"))
    with open(index) as file:
        index = json.load(file)
    tensors = {}
    for name in sorted(set(index["weight_map"].values())):
        part = read_file(os.path.join(path, name))
        for key in part:
            assert index["weight_map"][key] == name, key
        tensors.update(part)
    assert set(tensors) == set(index["weight_map"])
    assert sum(t.nbytes for t in tensors.values()) == index["metadata"]["total_size"]
    return tensors


def unpack_codes(qweight):
    """[N, K] codes. Tile (a, e) of 512 bytes: lane L loads 4 words X, Y, Z, W; the low and the high
    nibbles of each are one B fragment register, four consecutive k of one channel."""
    n, k = qweight.shape[0], qweight.shape[1] * 2
    words = qweight.view("u1").reshape(n // 32, k // 32, 32, 4, 4)
    codes = np.zeros((n, k), int)
    for lane in range(32):
        r, c = lane >> 2, lane & 3
        for word in range(4):  # X, Y, Z, W
            channel = 8 * (word & 1) + r
            first = 16 * (word >> 1) + 4 * c
            for byte in range(4):
                value = words[:, :, lane, word, byte].astype(int)
                codes[channel::32, first + byte :: 32] = value & 15
                codes[channel + 16 :: 32, first + byte :: 32] = value >> 4
    return codes


def spread_groups(stored):
    """[N, groups] from [groups, N]: lane with r = L >> 2 loads the aligned bytes 4r .. 4r+3, which are
    those of channels r, r + 8, r + 16, r + 24."""
    groups, n = stored.shape
    out = np.zeros((n, groups), int)
    blocks = stored.view("u1").reshape(groups, n // 32, 8, 4)
    for r in range(8):
        for byte in range(4):
            out[r + 8 * byte :: 32] = blocks[:, :, r, byte].T
    return out


def packed_weight(tensors, name, group):
    """The real weights [N, K] in binary64, as a kernel would see them."""
    codes = unpack_codes(tensors[name + ".qweight"])
    s1 = tensors[name + ".s1_scales"].astype("f8")[:, None]
    if group == -1:
        szeros = tensors[name + ".s1_szeros"].astype("f8")[:, None]
        return codes, s1 * codes - szeros
    scale = np.repeat(spread_groups(tensors[name + ".s2_scales"]), group, 1)
    zero = np.repeat(spread_groups(tensors[name + ".s2_zeros"]), group, 1)
    assert (codes * scale <= 255).all(), name + ": a lane carries into its neighbour"
    w8 = (codes * scale + zero) % 256
    return codes, s1 * np.where(w8 > 127, w8 - 256, w8)


def model_weight(layer, k, group):
    """Codes and real weights of the model file, with its per-channel zeros rounded as they are stored."""
    code = layer["code"][:]
    q = unpack(code, k)
    s, z = layer["s"][:].astype("f8")[:, None], layer["z"][:].astype(int)
    if group == -1:
        szeros = (z[:, None] * s).astype("f4").astype("f2").astype("f8")
        return q, s * q - szeros, s * (q - z[:, None])
    j = np.arange(k) // group
    w = s * ((q - z[:, j]) * layer["s2"][:].astype(int)[:, j])
    return q, w, w


def check(name, ours, theirs):
    if ours.shape != theirs.shape or not np.array_equal(ours, theirs):
        sys.exit(f"check_export: {name} differs")


def check_linear(file, tensors, layer, linear, group):
    name = f"model.layers.{layer}.{LINEAR[linear]}.{linear}"
    node = file[f"tensors/layers/{layer}/{linear}"]
    codes, weights = packed_weight(tensors, name, group)
    q, stored, exact = model_weight(node, codes.shape[1], group)
    check(name + ": codes", q, codes)
    check(name + ": weights", stored, weights)
    if group == -1:  # the zero point that the stored product stands for is ours
        z = np.rint(tensors[name + ".s1_szeros"].astype("f8") / tensors[name + ".s1_scales"].astype("f8"))
        check(name + ": zero points", node["z"][:], z.astype("u1"))
        check(name + ": exact weights", exact,
              tensors[name + ".s1_scales"].astype("f8")[:, None] * (codes - z[:, None]))
    used = {name + "." + part for part in ("qweight", "s1_scales")}
    used |= {name + ".s1_szeros"} if group == -1 else {name + ".s2_scales", name + ".s2_zeros"}
    if "bias" in node:
        check(name + ".bias", node["bias"][:].astype("f2"), tensors[name + ".bias"])
        used.add(name + ".bias")
    return used


def check_rest(file, tensors, layers):
    pairs = {"model.embed_tokens.weight": "embed", "model.norm.weight": "norm",
             "lm_head.weight": "head" if "head" in file["tensors"] else "embed"}
    for i in range(layers):
        pairs[f"model.layers.{i}.input_layernorm.weight"] = f"layers/{i}/input_norm"
        pairs[f"model.layers.{i}.post_attention_layernorm.weight"] = f"layers/{i}/post_norm"
    for name, ours in pairs.items():
        check(name, file["tensors"][ours][:].astype("f2"), tensors[name])
    return set(pairs)


def check_config(file, directory):
    with open(os.path.join(directory, "config.json")) as text:
        config = json.load(text)
    attrs = file["config"].attrs
    keys = {"vocab_size": "vocab", "hidden_size": "hidden", "intermediate_size": "intermediate",
            "num_hidden_layers": "layers", "num_attention_heads": "heads", "head_dim": "head_dim",
            "num_key_value_heads": "kv_heads", "max_position_embeddings": "max_positions",
            "rope_theta": "rope_theta"}
    for key, ours in keys.items():
        assert config[key] == attrs[ours], key
    assert np.float32(config["rms_norm_eps"]) == np.float32(attrs["rms_eps"])
    assert config["attention_bias"] == bool(attrs["o_bias"]) == bool(attrs["qkv_bias"])
    assert config["tie_word_embeddings"] is False
    assert config["torch_dtype"] == config["dtype"] == "float16"
    group = int(file.attrs["group"]) or -1
    assert config["quantization_config"] == {"quant_method": "qoq", "wbits": 4, "group_size": group}
    if "tokenizer" in file:
        with open(os.path.join(directory, "tokenizer.json"), "rb") as text:
            assert text.read() == file["tokenizer"][:].tobytes()
    return config, group


def main():
    tensors = read_directory(sys.argv[2])
    with h5py.File(sys.argv[1]) as file:
        config, group = check_config(file, sys.argv[2])
        layers = config["num_hidden_layers"]
        used = check_rest(file, tensors, layers)
        for layer in range(layers):
            for linear in LINEAR:
                used |= check_linear(file, tensors, layer, linear, group)
    if used != set(tensors):
        sys.exit(f"check_export: tensors too many: {sorted(set(tensors) - used)}")
    print(f"{len(tensors)} tensors: the weights of {sys.argv[1]}")


if __name__ == "__main__":
    main()
