# SPDX-License-Identifier: Apache-2.0
"""Pages of the KV cache: N 7.1."""
import numpy as np

from .arithmetic import H
from .layouts import joined, nibbles


class Layout:
    """N 7.1."""

    def __init__(self, bits, page, heads, head_dim):
        self.bits, self.p, self.heads, self.d = bits, page, heads, head_dim
        self.each = self.d * self.bits // 8
        self.codes = self.p * self.heads * self.each

    def split(self, pages):
        """Codes [page][head][slot][d], scales and zeros [page][head][slot] of uint8 [page][bytes]."""
        count = len(pages)
        code = pages[:, :self.codes].reshape(count, self.heads, self.p, self.each)
        if self.bits == 4:
            code = nibbles(code)
        factors = np.ascontiguousarray(pages[:, self.codes:]).view(H).reshape(count, 2, self.heads, self.p)
        return code.astype(np.int64), factors[:, 0], factors[:, 1]

    def pack(self, code, scale, zero):
        """The bytes of pages: the inverse of split."""
        count, code = len(code), code.astype(np.uint8)
        if self.bits == 4:
            code = joined(code)
        parts = [code.reshape(count, -1)]
        for x in (scale, zero):
            parts.append(np.ascontiguousarray(x).reshape(count, -1).view(np.uint8))
        return np.concatenate(parts, 1)

    def join(self, code, scale, zero):
        """Codes [t][head][d], scales and zeros [t][head] into pages."""
        t = len(code)
        count = -(-t // self.p)
        pad = count * self.p - t

        def slots(x):
            x = np.pad(x, [(0, pad)] + [(0, 0)] * (x.ndim - 1))
            return np.moveaxis(x.reshape((count, self.p) + x.shape[1:]), 1, 2)

        return self.pack(slots(code), slots(scale), slots(zero))

    def put(self, pool, page, slot, vectors):
        """The pool after new tokens, their codes, scales and zeros, have been written to their pages and slots."""
        after = [x.copy() for x in self.split(pool)]
        for i, x in enumerate(vectors):
            after[i][page, :, slot] = x
        return self.pack(*after)

    def sequence(self, pool, table, tokens):
        """Codes [t][head][d], scales, zeros [t][head] of a sequence, through its block table."""
        code, scale, zero = self.split(pool)
        page, slot = table[np.arange(tokens) // self.p], np.arange(tokens) % self.p
        return code[page, :, slot], scale[page, :, slot], zero[page, :, slot]
