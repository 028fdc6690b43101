# SPDX-License-Identifier: Apache-2.0
"""Quantized weights: N 4, their zeros in QServe's checkpoint (N 5.4), and the integer operand of N 6.1."""
import numpy as np

from .arithmetic import F, H, f32, rc, rn16
from .layouts import pack, unpack


def half_scale(s):
    """A scale in binary16; 1 replaces 0."""
    s = rn16(s)
    return np.where(s == 0, H(1), s)


def bounds(w):
    """Of each row, 0 included."""
    return np.minimum(w.min(1), 0), np.maximum(w.max(1), 0)


def codes4(w, lo, step):
    """Codes of four bits and the zeros for which lo becomes 0."""
    z = rc(-lo / f32(step), 0, 15)
    return rc(w / f32(step)[:, None] + f32(z)[:, None], 0, 15), z


def quantize_w8(w):
    """N 4.5."""
    s = half_scale(np.abs(w).max(1) / F(127))
    return {"s": s, "code": rc(w / f32(s)[:, None], -127, 127).astype(np.int8)}


def quantize_channel(w):
    """N 4.1."""
    lo, hi = bounds(w)
    s = half_scale((hi - lo) / F(15))
    q, z = codes4(w, lo, s)
    return {"s": s, "z": z.astype(np.uint8), "code": pack(q)}


def quantize_group(w, group):
    """N 4.2."""
    s = half_scale(np.abs(w).max(1) / F(119))
    v = np.clip(w / f32(s)[:, None], F(-119), F(119))
    codes, scales, zeros = [], [], []
    for k in range(0, w.shape[1], group):
        g = v[:, k:k + group]
        lo, hi = bounds(g)
        s2 = rc((hi - lo) / F(15), 1, 16)
        q, z = codes4(g, lo, s2)
        codes.append(q)
        scales.append(s2)
        zeros.append(z)
    return {"s": s, "s2": np.stack(scales, 1).astype(np.uint8), "z": np.stack(zeros, 1).astype(np.uint8),
            "code": pack(np.concatenate(codes, 1))}


def operand(c, zero_applied):
    """The integer weights [n][k]: (q - z), (q - z) s2 or q; per channel q alone unless zero_applied."""
    k = c.n("k")
    if "tiled" not in c:
        return c["code"].astype(np.int64)
    q = unpack(c["code"], k)
    if "s2" not in c:
        return q - c["z"].astype(np.int64)[:, None] if zero_applied else q
    group = np.arange(k) // c.n("group")
    return (q - c["z"].astype(np.int64)[:, group]) * c["s2"].astype(np.int64)[:, group]


def dequantize(c):
    """N 4.6, and the operand beside it."""
    return {"operand": operand(c, False).astype(np.int8), "x": f32(c["s"])[:, None] * f32(operand(c, True))}


def szeros(c):
    """N 5.4."""
    return rn16(f32(c["z"]) * f32(c["s"]))
