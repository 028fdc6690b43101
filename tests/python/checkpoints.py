#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes directories for tests of `qoq export` and `qoq import`, with NumPy and h5py alone.

usage: checkpoints.py pad SOURCE OUT N               SOURCE with an intermediate size of N: the same function
       checkpoints.py random OUT H I HEADS KV D SEED  a random Llama model with attention biases
       checkpoints.py fake MODEL.h5 CONFIG OUT KIND   fake-quantized weights and scales of MODEL.h5, as
                                                     lmquant (KIND signed) or deepcompressor (KIND scaled) stores
                                                     them, or with zeros that are no zero points (KIND real)
       checkpoints.py swap DIRECTORY                  group parameters into deepcompressor's order
       checkpoints.py torch DIRECTORY PREFIX          its tensors as PREFIX.model.pt and PREFIX.scale.pt (PyTorch)
"""
import json
import os
import shutil
import struct
import sys

import h5py
import numpy as np

from golden.layouts import unpack

NAMES = {"F32": "<f4", "F16": "<f2", "I8": "<i1"}


def read(directory):
    with open(os.path.join(directory, "model.safetensors"), "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    out = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        out[name] = np.frombuffer(data[begin:end], NAMES[entry["dtype"]]).reshape(entry["shape"]).copy()
    return out


def write(directory, tensors):
    header, offset = {}, 0
    for name, array in tensors.items():
        kind = next(k for k, v in NAMES.items() if np.dtype(v) == array.dtype)
        header[name] = {"dtype": kind, "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())


def write_config(directory, config):
    with open(os.path.join(directory, "config.json"), "w") as file:
        json.dump(config, file)


def pad(source, out, size):
    tensors, size = read(source), int(size)
    with open(os.path.join(source, "config.json")) as file:
        config = json.load(file)
    more = size - config["intermediate_size"]
    for name in tensors:
        if "gate_proj" in name or "up_proj" in name:
            tensors[name] = np.pad(tensors[name], ((0, more), (0, 0)))
        if "down_proj" in name:
            tensors[name] = np.pad(tensors[name], ((0, 0), (0, more)))
    config["intermediate_size"] = size
    write(out, tensors)
    write_config(out, config)
    shutil.copy(os.path.join(source, "tokenizer.json"), out)


def random(out, *numbers):
    hidden, inner, heads, kv, dim, seed = (int(n) for n in numbers)
    rng = np.random.default_rng(seed)

    def bell(*shape):
        return (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype("<f4")

    tensors = {"model.embed_tokens.weight": bell(40, hidden), "lm_head.weight": bell(40, hidden),
               "model.norm.weight": np.ones(hidden, "<f4")}
    for i in range(2):
        layer = f"model.layers.{i}."
        tensors[layer + "input_layernorm.weight"] = np.ones(hidden, "<f4")
        tensors[layer + "post_attention_layernorm.weight"] = np.ones(hidden, "<f4")
        for name, n, k in (("q", heads * dim, hidden), ("k", kv * dim, hidden),
                           ("v", kv * dim, hidden), ("o", hidden, heads * dim)):
            tensors[f"{layer}self_attn.{name}_proj.weight"] = bell(n, k)
            tensors[f"{layer}self_attn.{name}_proj.bias"] = bell(n)
        for name, n, k in (("gate", inner, hidden), ("up", inner, hidden), ("down", hidden, inner)):
            tensors[f"{layer}mlp.{name}_proj.weight"] = bell(n, k)
    write(out, tensors)
    write_config(out, {"model_type": "llama", "vocab_size": 40, "hidden_size": hidden,
                       "intermediate_size": inner, "num_hidden_layers": 2, "num_attention_heads": heads,
                       "num_key_value_heads": kv, "head_dim": dim, "attention_bias": True,
                       "rms_norm_eps": 1e-5, "max_position_embeddings": 64})


def fake_linear(node, name, k, group, kind, out):
    code = node["code"][:]
    q = unpack(code, k).astype("f8")
    s, z = node["s"][:].astype("f8"), node["z"][:].reshape(len(code), -1).astype("f8")
    s2 = node["s2"][:].astype("f8") if group else np.ones((len(code), 1))
    if kind == "real":
        z = z + 0.25
    j = np.arange(k) // group if group else np.zeros(k, int)
    weight = s[:, None] * s2[:, j] * (q - z[:, j])
    out[name + ".weight"] = weight.astype("<f2")
    out[name + ".weight.scale.0"] = s.astype("<f4").reshape(-1, 1, 1, 1)
    if group:
        out[name + ".weight.scale.1"] = s2.astype("<f4").reshape(len(code), 1, -1, 1)
    shape = (len(code), 1, z.shape[1], 1)
    if kind == "signed":
        out[name + ".weight.zero"] = (z - 8).astype("<f4").reshape(shape)
    else:
        unit = s2 if group else s[:, None]
        out[name + ".weight.scaled_zero"] = (z * unit).astype("<f2").astype("<f4").reshape(shape)


def fake(model, config, out, kind):
    tensors = {}
    with h5py.File(model) as file:
        root, group = file["tensors"], int(file.attrs["group"])
        sizes = file["config"].attrs
        tensors["model.embed_tokens.weight"] = root["embed"][:].astype("<f2")
        tensors["lm_head.weight"] = root["head" if "head" in root else "embed"][:].astype("<f2")
        tensors["model.norm.weight"] = root["norm"][:].astype("<f2")
        for i in range(sizes["layers"]):
            layer, node = f"model.layers.{i}.", root[f"layers/{i}"]
            tensors[layer + "input_layernorm.weight"] = node["input_norm"][:].astype("<f2")
            tensors[layer + "post_attention_layernorm.weight"] = node["post_norm"][:].astype("<f2")
            for name in ("q", "k", "v", "o", "gate", "up", "down"):
                module = "self_attn" if name in "qkvo" else "mlp"
                k = {"o": sizes["heads"] * sizes["head_dim"], "down": sizes["intermediate"]}.get(name, sizes["hidden"])
                linear = f"{layer}{module}.{name}_proj"
                fake_linear(node[name + "_proj"], linear, int(k), group, kind, tensors)
                if "bias" in node[name + "_proj"]:
                    tensors[linear + ".bias"] = node[name + "_proj/bias"][:].astype("<f2")
    write(out, tensors)
    shutil.copy(os.path.join(config, "config.json"), out)


def swap(directory):
    tensors = read(directory)
    order = [(p % 2) * 8 + p // 2 + (p // 16) * 8 for p in range(32)]
    assert order == [0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15,
                     16, 24, 17, 25, 18, 26, 19, 27, 20, 28, 21, 29, 22, 30, 23, 31]
    for name, stored in tensors.items():
        if ".s2_" in name:
            natural = stored.reshape(len(stored), -1, 8, 4).swapaxes(2, 3).reshape(len(stored), -1, 32)
            tensors[name] = natural[:, :, order].reshape(stored.shape)
    write(directory, tensors)


def to_torch(directory, prefix):
    import torch

    parts = {"model": {}, "scale": {}}
    for name, array in read(directory).items():
        part = "scale" if ".weight." in name else "model"
        parts[part][name] = torch.from_numpy(array)
    for part, tensors in parts.items():
        torch.save(tensors, f"{prefix}.{part}.pt")


if __name__ == "__main__":
    {"pad": pad, "random": random, "fake": fake, "swap": swap, "torch": to_torch}[sys.argv[1]](*sys.argv[2:])
