# SPDX-License-Identifier: Apache-2.0
"""Clauses of doc/numerics.md in NumPy, binary32 unless said otherwise."""
import numpy as np

F = np.float32
TINY, UNIT = F(2.0**-100), F(2.0**22)


def fma(a, b, c):
    """Exact in 64 bits but for sums that lie within 2^-64 of a tie of binary32."""
    return (np.asarray(a, F).astype(np.longdouble) * np.asarray(b, F) + np.asarray(c, F)).astype(F)


def clamped(x, lo, hi):
    """rc of 2.2 for numbers."""
    return np.clip(np.rint(x), lo, hi).astype(np.int64)


def tree_of_squares(x):
    """sumsq of 2.3 of each row."""
    leaves = 1 << (-(-x.shape[-1] // 16) - 1).bit_length()
    x = np.pad(x, ((0, 0), (0, 16 * leaves - x.shape[-1]))).reshape(len(x), leaves, 16)
    acc = np.zeros(x.shape[:2], F)
    for i in range(16):
        acc = fma(x[..., i], x[..., i], acc)
    while acc.shape[1] > 1:
        acc = acc[:, ::2] + acc[:, 1::2]
    return acc[:, 0] + F(0)


def rmsnorm(x, gamma, eps):
    """9.1."""
    s = F(1) / np.sqrt(tree_of_squares(x) / F(x.shape[1]) + F(eps))
    return (x * s[:, None]) * gamma


def scaled(y, shift):
    """y 2^shift in two products."""
    first = shift >> 1
    return y * np.ldexp(F(1), first) * np.ldexp(F(1), shift - first)


def exp2(x):
    """2.4."""
    a = np.clip(x, F(-151), F(129))
    n = np.rint(a)
    r, c = a - n, F(float.fromhex("0x1.62e43p-1"))
    s = fma(r, c, F(1))
    w, p = fma(r, c, F(1) - s), F(float.fromhex("0x1.40b266p-13"))
    for k in ("0x1.5f095cp-10", "0x1.3b2f1ap-7", "0x1.c6af7ap-5", "0x1.ebfbdap-3"):
        p = fma(p, r, F(float.fromhex(k)))
    return scaled(s + fma(r * r, p, w), n.astype(np.int32))


def exp(x):
    """2.4."""
    a = np.clip(x, F(-105), F(89))
    n = np.rint(fma(a, F(float.fromhex("0x1.715476p+0")), F(0)))
    d = F(float.fromhex("0x1.05c61p-29"))
    r = fma(n, F(float.fromhex("-0x1.62e43p-1")), a)
    z, s = fma(n, d, r), F(1) + r
    w, p = fma(n, d, (F(1) - s) + r), F(float.fromhex("0x1.9dc30cp-13"))
    for k in ("0x1.6d483ep-10", "0x1.111328p-7", "0x1.5554ecp-5", "0x1.555554p-3", "0x1p-1"):
        p = fma(p, z, F(float.fromhex(k)))
    return scaled(s + fma(z * z, p, w), n.astype(np.int32))


def quantized(x):
    """3.1 of each row: codes, scales, sums."""
    a = np.maximum(np.abs(x).max(1), TINY)
    code = clamped(x * (F(127) / a)[:, None], -127, 127)
    return code.astype(np.int8), a / F(127), code.sum(1).astype(np.int32)


# ---- 11 ----


def split(x, k, v):
    """11.1 to 11.3 for one query vector; k, v: codes, scales and zeros of a split, and the middle of v's codes. (M, L, O)."""
    a = np.maximum(np.abs(x).max(), TINY)
    q = clamped(x * (F(32767) / a), -32767, 32767)
    c = (a / F(32767)) * ((F(1) / np.sqrt(F(len(x)))) * F(float.fromhex("0x1.715476p+0")))
    logit = c * fma(k[1], (k[0].astype(np.int64) @ q).astype(F), k[2] * F(q.sum()))
    most = np.ceil(logit.max()) + F(0)
    p = exp2(logit - most)
    total = F(clamped(p * UNIT, 0, 2**22).sum()) * (F(1) / UNIT)
    w, y = p * v[1], p * fma(v[1], F(v[3]), v[2])
    alpha, beta = (np.maximum(np.abs(values).max(), TINY) for values in (np.maximum(w, 0), y))
    weight = clamped(w * (F(32767) / alpha), 0, 32767)
    rest = F(clamped(y * (UNIT / beta), -2**22, 2**22).sum()) * (beta * (F(1) / UNIT))
    return most, total, fma((weight @ (v[0].astype(np.int64) - v[3])).astype(F), alpha / F(32767), rest)


def merged(a, b):
    """11.4."""
    most = np.maximum(a[0], b[0])
    fa, fb = exp2(a[0] - most), exp2(b[0] - most)
    return most, a[1] * fa + b[1] * fb, a[2] * fa + b[2] * fb


def leaf(parts):
    """11.5: at most 16 splits, one after another."""
    total = parts[0]
    for part in parts[1:]:
        total = merged(total, part)
    return total


def in_order(parts, each=16):
    """11.5 and 11.6: the output of a row from its splits, or from its leaves (each: 1)."""
    leaves = [leaf(parts[first:first + each]) for first in range(0, len(parts), each)]
    while len(leaves) > 1:
        leaves = [merged(*leaves[i:i + 2]) if i + 1 < len(leaves) else leaves[i] for i in range(0, len(leaves), 2)]
    return (leaves[0][2] / leaves[0][1]).astype(np.float16)
