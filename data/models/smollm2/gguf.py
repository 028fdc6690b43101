# SPDX-License-Identifier: Apache-2.0
"""Reader of GGUF files (version 3, little endian): metadata and tensors in binary32."""
import struct

import numpy as np

SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY = 8, 9


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def scalar(self, form):
        (value,) = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def string(self):
        length = self.scalar("<Q")
        self.at += length
        return bytes(self.data[self.at - length : self.at]).decode()

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            kind, count = self.scalar("<I"), self.scalar("<Q")
            return [self.value(kind) for _ in range(count)]
        return self.scalar(SCALARS[kind])


def blocks(data, count, size, fields):
    """A structured view of the blocks of `size` values that `count` values are stored in."""
    return np.frombuffer(data, np.dtype(fields), count // size)


def scale(field):
    return field.astype("<f4")[:, None]


def f32(data, count):
    return np.frombuffer(data, "<f4", count)


def f16(data, count):
    return np.frombuffer(data, "<f2", count).astype("<f4")


def q4_1(data, count):
    """d * code + m; the codes of values 0 to 15 are the low halves of the bytes."""
    block = blocks(data, count, 32, [("d", "<f2"), ("m", "<f2"), ("codes", "u1", 16)])
    code = np.concatenate([block["codes"] & 15, block["codes"] >> 4], axis=1).astype("<f4")
    return (scale(block["d"]) * code + scale(block["m"])).reshape(-1)


def q8_0(data, count):
    block = blocks(data, count, 32, [("d", "<f2"), ("codes", "i1", 32)])
    return (scale(block["d"]) * block["codes"].astype("<f4")).reshape(-1)


def q6_k(data, count):
    """d * scale * (code - 32): 256 values in two halves, 16 values a scale, codes in 4 + 2 bits."""
    fields = [("low", "u1", (2, 2, 32)), ("high", "u1", (2, 1, 32)), ("scales", "i1", 16), ("d", "<f2")]
    block = blocks(data, count, 256, fields)
    low = np.concatenate([block["low"] & 15, block["low"] >> 4], axis=2)
    high = (block["high"] >> np.array([0, 2, 4, 6], "u1")[None, None, :, None]) & 3
    code = (low.astype("i1") | (high.astype("i1") << 4)) - 32
    scales = scale(block["d"]) * block["scales"].astype("<f4")
    return (code.reshape(-1, 16, 16).astype("<f4") * scales[:, :, None]).reshape(-1)


READERS = {0: f32, 1: f16, 3: q4_1, 8: q8_0, 14: q6_k}


class File:
    """metadata: dictionary; shapes: name to shape, slowest dimension first as in NumPy."""

    def __init__(self, data):
        cursor = Cursor(data)
        if cursor.scalar("4s") != b"GGUF" or cursor.scalar("<I") != 3:
            raise ValueError("not a GGUF file of version 3")
        tensors, keys = cursor.scalar("<Q"), cursor.scalar("<Q")
        self.metadata, self.shapes, self.places = {}, {}, {}
        for _ in range(keys):
            key = cursor.string()
            self.metadata[key] = cursor.value(cursor.scalar("<I"))
        for _ in range(tensors):
            name = cursor.string()
            self.shapes[name] = tuple(cursor.scalar("<Q") for _ in range(cursor.scalar("<I")))[::-1]
            self.places[name] = cursor.scalar("<I"), cursor.scalar("<Q")
        align = self.metadata.get("general.alignment", 32)
        self.data = memoryview(data)[(cursor.at + align - 1) // align * align :]

    def tensor(self, name):
        kind, offset = self.places[name]
        if kind not in READERS:
            raise ValueError(f"{name}: tensors of type {kind} are not supported")
        shape = self.shapes[name]
        return READERS[kind](self.data[offset:], int(np.prod(shape))).reshape(shape)
