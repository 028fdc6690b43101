# SPDX-License-Identifier: Apache-2.0
"""Memory and registers. What was never written is no zero."""
import functools
import re

import numpy as np

from .text import Unknown

PARAMETERS = 1 << 60   # where generic addresses of parameters begin
WINDOW = 1024          # where a block's shared memory begins: at a place that descriptors with 128-byte patterns admit, but not at 0
POISON = 0xa5


class Memory:
    """Global memory: arrays, and where they begin. expected: (address, array) of results that a caller knows."""

    def __init__(self, size):
        self.bytes, self.used, self.expected = np.full(size, POISON, np.uint8), 4096, []

    def add(self, array):
        """The address of a copy of the array."""
        flat = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
        at = self.used
        self.bytes[at:at + flat.size] = flat
        self.used += (flat.size + 1023) // 512 * 512
        if self.used > self.bytes.size:
            raise MemoryError(f"{self.used} bytes of global memory")
        return at

    def get(self, at, dtype, count):
        return self.bytes[at:at + count * np.dtype(dtype).itemsize].view(dtype)


def cast(value, dtype):
    """The low bits of a register as another type."""
    size = np.dtype(dtype).itemsize
    if value.dtype == dtype:
        return value
    if value.dtype == np.bool_ or value.itemsize == size:
        return value.view(dtype)
    return value.view(f"u{value.itemsize}").astype(f"u{size}").view(dtype)


@functools.lru_cache(maxsize=None)
def constant(text, dtype):
    """A literal, the address of the parameters, or that of shared memory."""
    size = np.dtype(dtype).itemsize
    if text.startswith("0f"):
        return np.array([int(text[2:], 16)], np.uint32).view(dtype)[0]
    if re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)", text):
        return np.array([int(text, 0) & ((1 << 8 * size) - 1)], f"u{size}").view(dtype)[0]
    if text.endswith("_param_0"):
        return np.uint64(PARAMETERS)
    if "qoq_shared" in text:
        return np.array([WINDOW], f"u{size}").view(dtype)[0]
    raise Unknown(text)


class Registers(dict):
    """Arrays with an element for each thread, by name. `who` below: the numbers of the threads meant."""

    def __init__(self, kernel, threads):
        super().__init__()
        self.kernel, self.threads = kernel, threads

    def __missing__(self, name):
        dtype = self.kernel.type_of(name)
        held = self[name] = np.zeros(self.threads, bool) if dtype == np.bool_ else np.full(self.threads * np.dtype(dtype).itemsize, POISON, np.uint8).view(dtype)
        return held

    def value(self, text, dtype, who):
        """An operand as an array of dtype, one value for each of who."""
        if text[0] == "%" or text in self.kernel.types:
            return cast(self[text][who], dtype)
        return np.full(len(who), constant(text, dtype), dtype)

    def values(self, texts, dtype, who):
        return [self.value(text, dtype, who) for text in texts]

    def put(self, name, value, who):
        if name == "_":
            return
        held = self[name]
        if held.dtype != value.dtype and held.itemsize == value.itemsize and held.dtype != np.bool_:
            value = value.view(held.dtype)
        held[who] = value.astype(held.dtype)

    def address(self, text, who):
        base, _, offset = text.strip("[]").partition("+")
        return self.value(base.strip(), np.uint64, who).astype(np.int64) + int(offset or 0)
