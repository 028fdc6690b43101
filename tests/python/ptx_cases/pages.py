# SPDX-License-Identifier: Apache-2.0
"""A cache of keys and values in pages (N 7), for some sequences whose pages lie in order."""
import struct

import numpy as np

from . import reference
from .case import halves, up

F = np.float32


class Cache:
    """pools: K and V as [page][byte]."""

    def __init__(self, memory, random, s, context, sequences=1):
        self.bits, self.page, self.heads, self.dim = s["bits"], s["page"], s["kv_heads"], s["head_dim"]
        self.pages, self.vector, self.slots = up(context, self.page), self.dim * self.bits // 8, self.page * self.heads
        self.pools, self.at = [], []
        for _ in range(2):
            codes = random.integers(0, 256, (self.pages * sequences, self.slots * self.vector)).astype(np.uint8)
            factors = np.abs(halves(random, self.pages * sequences, 2 * self.slots)).view(np.uint8)
            self.pools.append(np.concatenate([codes, factors], 1))
            self.at.append(memory.add(self.pools[-1]))
        self.table = memory.add(np.arange(self.pages * sequences, dtype=np.int32))

    def parameters(self):
        """kv_cache; its 64 bytes."""
        log2 = (self.page - 1).bit_length()
        return struct.pack("@PPPQQIIIIII", *self.at, self.table, self.pages, self.slots * (self.vector + 4), self.bits, self.page, self.heads, self.dim,
                           up(1 << 31 + log2, self.page), log2)

    def place(self, sequence, token, head):
        """Page, byte of the codes, of the scale and of the zero."""
        rank = head * self.page + token % self.page
        scale = self.slots * self.vector + 2 * rank
        return sequence * self.pages + token // self.page, rank * self.vector, scale, scale + 2 * self.slots

    def read(self, pool, sequence, tokens, head):
        """Codes, scales, zeros of consecutive tokens."""
        codes, factors = [], []
        for token in tokens:
            page, at, scale, zero = self.place(sequence, token, head)
            row = self.pools[pool][page]
            packed = row[at:at + self.vector]
            codes.append(packed if self.bits == 8 else np.stack([packed & 15, packed >> 4], 1).reshape(-1))
            factors.append([row[i:i + 2].view(np.float16)[0].astype(F) for i in (scale, zero)])
        return np.array(codes), *np.array(factors, F).T

    def write(self, pool, sequence, token, head, v):
        """7.2 of a vector."""
        page, at, scale_at, zero_at = self.place(sequence, token, head)
        row, top = self.pools[pool][page], 2**self.bits - 1
        zero = v.min().astype(np.float16)
        scale = (np.maximum(v.max() - zero.astype(F), F(0)) / F(top)).astype(np.float16)
        factor = F(1) / scale.astype(F) if scale else F(0)
        code = reference.clamped((v - zero.astype(F)) * factor, 0, top).astype(np.uint8)
        row[at:at + self.vector] = code if self.bits == 8 else code[::2] | code[1::2] << 4
        row[scale_at:scale_at + 2], row[zero_at:zero_at + 2] = (np.array([value]).view(np.uint8) for value in (scale, zero))

    def splits(self, x, sequence, head, context):
        """(M, L, O) of each split of 128 tokens that a query vector sees."""
        parts = []
        for first in range(0, context, 128):
            k, v = (self.read(pool, sequence, range(first, min(first + 128, context)), head) for pool in (0, 1))
            parts.append(reference.split(x, k, (*v, 2**(self.bits - 1))))
        return parts
