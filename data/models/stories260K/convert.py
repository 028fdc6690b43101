#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rebuilds this directory from the files of llama2.c: stories260K.bin, tok512.bin and a text.

usage: convert.py STORIES260K.BIN TOK512.BIN TINYSTORIES-EXCERPT.TXT OUTPUT-DIRECTORY

Writes config.json, model.safetensors, tokenizer.json, heldout.txt and heldout.tokens.h5, the same
bytes each time. Needs NumPy and h5py.
"""
import hashlib
import json
import os
import struct
import sys

import h5py
import numpy as np

SUMS = {
    "model": "b0a507e7ad0f626624f17112325e66691f9076d622e1d3274d103d00299f2696",
    "tokenizer": "037cb335abb25d1fa9e8ecae30ed2a3a8ace9302862ebcdc05d51a6bbb10c312",
    "text": "727e8b228375be3075114c20729c93ed6e81ae5d8fe7faf7cb54b304f0322d70",
}
HELDOUT_LINES = 400
SPACE = "\u2581"
BOS = 1
FIRST_BYTE = 3  # token of byte 0
FIRST_PIECE = 259


def read(path, what):
    with open(path, "rb") as file:
        data = file.read()
    if hashlib.sha256(data).hexdigest() != SUMS[what]:
        sys.exit(f"{path}: not the expected {what} file (sha256 differs)")
    return data


# weights


def read_checkpoint(data):
    """The header of a version-0 checkpoint and its arrays."""
    names = ("dim", "hidden", "layers", "heads", "kv_heads", "vocab", "positions")
    shape = dict(zip(names, struct.unpack_from("<7i", data)))
    dim, hidden, layers = shape["dim"], shape["hidden"], shape["layers"]
    kv_dim = dim // shape["heads"] * shape["kv_heads"]
    floats = np.frombuffer(data, "<f4", offset=28)
    arrays, start = {}, 0
    for name, *size in (
        ("embed", shape["vocab"], dim),
        ("input_norm", layers, dim),
        ("q", layers, dim, dim),
        ("k", layers, kv_dim, dim),
        ("v", layers, kv_dim, dim),
        ("o", layers, dim, dim),
        ("post_norm", layers, dim),
        ("gate", layers, hidden, dim),
        ("down", layers, dim, hidden),
        ("up", layers, hidden, dim),
        ("norm", dim),
    ):
        count = int(np.prod(size))
        arrays[name] = floats[start : start + count].reshape(size)
        start += count
    return shape, arrays


def rotate_half_order(rows, heads):
    """llama2.c rotates neighbours (2i, 2i + 1) of a head, Hugging Face (i, i + D/2)."""
    pairs = rows.reshape(heads, -1, 2, rows.shape[-1])  # head, i, which of the pair, input
    return pairs.transpose(0, 2, 1, 3).reshape(rows.shape)


def hugging_face_tensors(shape, arrays):
    tensors = {
        "model.embed_tokens.weight": arrays["embed"],
        "model.norm.weight": arrays["norm"],
    }
    for i in range(shape["layers"]):
        layer = f"model.layers.{i}."
        q = rotate_half_order(arrays["q"][i], shape["heads"])
        k = rotate_half_order(arrays["k"][i], shape["kv_heads"])
        tensors[layer + "input_layernorm.weight"] = arrays["input_norm"][i]
        tensors[layer + "post_attention_layernorm.weight"] = arrays["post_norm"][i]
        tensors[layer + "self_attn.q_proj.weight"] = q
        tensors[layer + "self_attn.k_proj.weight"] = k
        tensors[layer + "self_attn.v_proj.weight"] = arrays["v"][i]
        tensors[layer + "self_attn.o_proj.weight"] = arrays["o"][i]
        for name in ("gate", "up", "down"):
            tensors[layer + f"mlp.{name}_proj.weight"] = arrays[name][i]
    return tensors


def safetensors_bytes(tensors):
    header, blocks, end = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors):
        block = np.ascontiguousarray(tensors[name], "<f4").tobytes()
        begin, end = end, end + len(block)
        shape = list(tensors[name].shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
        blocks.append(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(blocks)


def config(shape):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape["vocab"],
        "hidden_size": shape["dim"],
        "intermediate_size": shape["hidden"],
        "num_hidden_layers": shape["layers"],
        "num_attention_heads": shape["heads"],
        "num_key_value_heads": shape["kv_heads"],
        "head_dim": shape["dim"] // shape["heads"],
        "hidden_act": "silu",
        "max_position_embeddings": shape["positions"],
        "rms_norm_eps": 1e-05,
        "rope_theta": 10000.0,
        "rope_scaling": None,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "torch_dtype": "float32",
    }


# tokenizer


def read_pieces(data):
    """(score, text) of every token; special tokens as Hugging Face spells them."""
    pieces, at = [], 4
    while at < len(data):
        score, length = struct.unpack_from("<fi", data, at)
        pieces.append((score, data[at + 8 : at + 8 + length].decode().strip("\n")))
        at += 8 + length
    return pieces


def merges(pieces):
    """Every way to make a token from two others, the best score first: the rank of a pair is its
    place. Where a token can be made in several ways, the shortest left part comes first."""
    texts = {text for _, text in pieces[FIRST_PIECE:]}
    found = []
    for token in sorted(range(FIRST_PIECE, len(pieces)), key=lambda t: -pieces[t][0]):
        text = pieces[token][1]
        for cut in range(1, len(text)):
            if text[:cut] in texts and text[cut:] in texts:
                found.append((text[:cut], text[cut:]))
    return found


def tokenizer(pieces):
    def spelled(text):
        return text.replace(" ", SPACE)

    special = [
        {
            "id": i,
            "content": pieces[i][1],
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for i in range(3)
    ]
    bos = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": SPACE},
                {"type": "Replace", "pattern": {"String": " "}, "content": SPACE},
            ],
        },
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [bos, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [
                bos,
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "<s>", "type_id": 1}},
                {"Sequence": {"id": "B", "type_id": 1}},
            ],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [BOS], "tokens": ["<s>"]}},
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {spelled(text): i for i, (_, text) in enumerate(pieces)},
            "merges": [f"{spelled(a)} {spelled(b)}" for a, b in merges(pieces)],
        },
    }


def encode(pieces, text):
    """SentencePiece BPE: the neighbours whose union has the best score are joined, again and
    again, the leftmost first where scores are equal."""
    ids = {piece: i for i, (_, piece) in enumerate(pieces)}
    tokens = []
    for character in " " + text:
        if character in ids:
            tokens.append(ids[character])
        else:
            tokens.extend(FIRST_BYTE + byte for byte in character.encode())
    while True:
        best, place = None, None
        for i in range(len(tokens) - 1):
            union = ids.get(pieces[tokens[i]][1] + pieces[tokens[i + 1]][1])
            if union is not None and (best is None or pieces[union][0] > pieces[best][0]):
                best, place = union, i
        if best is None:
            return [BOS] + tokens
        tokens[place : place + 2] = [best]


# output


def write(directory, name, data):
    with open(os.path.join(directory, name), "wb") as file:
        file.write(data)
    print(f"{hashlib.sha256(data).hexdigest()}  {name}")


def json_bytes(value):
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def write_tokens(path, sequences, vocab, tokenizer_sum, source, source_sum):
    tokens = np.concatenate([np.array(s, "<i4") for s in sequences])
    offsets = np.cumsum([0] + [len(s) for s in sequences]).astype("<i8")
    with h5py.File(path, "w", libver="earliest") as file:
        for name, text in (
            ("format", "qoq-tokens"),
            ("tokenizer", tokenizer_sum),
            ("source", source),
            ("source_sha256", source_sum),
        ):
            file.attrs[name] = np.bytes_(text)
        file.attrs["version"] = np.int64(1)
        file.attrs["vocab"] = np.int64(vocab)
        for name, data in (("tokens", tokens), ("offsets", offsets)):
            dataset = file.create_dataset(name, data=data, track_times=False)
            dataset.attrs["sha256"] = np.bytes_(hashlib.sha256(data.tobytes()).hexdigest())


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__.strip())
    shape, arrays = read_checkpoint(read(sys.argv[1], "model"))
    pieces = read_pieces(read(sys.argv[2], "tokenizer"))
    text = read(sys.argv[3], "text").decode()
    directory = sys.argv[4]
    os.makedirs(directory, exist_ok=True)

    lines = [line for line in text.split("\n") if line][:HELDOUT_LINES]
    heldout = ("\n".join(lines) + "\n").encode()
    tokenizer_json = json_bytes(tokenizer(pieces))
    write(directory, "config.json", json_bytes(config(shape)))
    write(directory, "model.safetensors", safetensors_bytes(hugging_face_tensors(shape, arrays)))
    write(directory, "tokenizer.json", tokenizer_json)
    write(directory, "heldout.txt", heldout)
    write_tokens(
        os.path.join(directory, "heldout.tokens.h5"),
        [encode(pieces, line)[: shape["positions"]] for line in lines],
        shape["vocab"],
        hashlib.sha256(tokenizer_json).hexdigest(),
        "heldout.txt, one sequence a line",
        hashlib.sha256(heldout).hexdigest(),
    )


if __name__ == "__main__":
    main()
