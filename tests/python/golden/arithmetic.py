# SPDX-License-Identifier: Apache-2.0
"""Numbers and sums: N 2.1 to 2.3, and the symmetric integers of N 3.1."""
import numpy as np

F, D, H = np.float32, np.float64, np.float16
FLOOR = F(2.0 ** -100)


def f32(x):
    return np.asarray(x).astype(F)


def rn16(x):
    return np.asarray(x).astype(H)


def bits32(word):
    """The binary32 with these bits."""
    return np.uint32(word).view(F)


def rc(x, lo, hi):
    """N 2.2."""
    x = np.asarray(x)
    return np.clip(np.rint(np.where(np.isnan(x), 0, x)), lo, hi).astype(np.int64)


def fma(a, b, c):
    """binary32 fused multiply-add: the sum in binary64 rounded to odd, then once more."""
    a, b, c = np.broadcast_arrays(f32(a), f32(b), f32(c))
    p, c = a.astype(D) * b.astype(D), c.astype(D)
    s = p + c
    t = s - p
    error = (p - (s - t)) + (c - t)
    bits = s.view(np.int64)
    step = np.where((error > 0) == (s > 0), 1, -1)
    odd = np.where((error != 0) & np.isfinite(s) & np.isfinite(error) & (bits & 1 == 0), bits + step, bits)
    return odd.view(D).astype(F)


# ---- Sums ----


def blocks(x, width, value=0):
    """[..., n] as [..., ceil(n / width)][width], filled up with a value."""
    pad = [(0, 0)] * (x.ndim - 1) + [(0, -x.shape[-1] % width)]
    return np.pad(x, pad, constant_values=value).reshape(x.shape[:-1] + (-1, width))


def tree(leaves):
    """N 2.3: [..., n] combined by a balanced tree, padded with +0; the empty sum is +0."""
    n = 1
    while n < leaves.shape[-1]:
        n *= 2
    pad = [(0, 0)] * (leaves.ndim - 1) + [(0, n - leaves.shape[-1])]
    v = np.pad(leaves, pad)
    while v.shape[-1] > 1:
        v = v[..., 0::2] + v[..., 1::2]
    return v[..., 0] + F(0)


def chain(x, y):
    """Sum of x y along the last axis, one fused multiply-add after the other."""
    acc = F(0)
    for i in range(x.shape[-1]):
        acc = fma(x[..., i], y[..., i], acc)
    return acc


def total(x):
    """N 2.3."""
    x, acc = blocks(f32(x), 16), F(0)
    for i in range(16):
        acc = acc + x[..., i]
    return tree(acc)


def sumprod(x, y):
    """N 2.3."""
    return tree(chain(blocks(f32(x), 16), blocks(f32(y), 16)))


# ---- Symmetric integers ----


def symmetric(x, most):
    """N 3.1 along the last axis with codes up to most: codes, scales, sums of codes."""
    a = np.maximum(np.abs(x).max(-1), FLOOR)
    q = rc(x * (F(most) / a)[..., None], -most, most)
    return q, a / F(most), q.sum(-1)
