# SPDX-License-Identifier: Apache-2.0
"""Elementary functions: the operations of N 2.4 in their written order."""
import numpy as np

from .arithmetic import F, f32, fma

SHIFT = F(float.fromhex("0x1.8p23"))


def hexes(text):
    return [F(float.fromhex(t)) for t in text.split()]


def clamped(x, lo, hi):
    return np.minimum(np.maximum(np.where(np.isnan(x), F(0), x), F(lo)), F(hi))


def polynomial(x, text):
    """Horner's rule from the coefficient of the highest power."""
    p, *rest = hexes(text)
    for k in rest:
        p = fma(p, x, k)
    return p


def scaled(y, n):
    """y 2^n in two steps."""
    n = n.astype(np.int64)
    first = n >> 1
    return y * np.ldexp(F(1), first).astype(F) * np.ldexp(F(1), n - first).astype(F)


def exp2(x):
    x, (c,) = f32(x), hexes("0x1.62e43p-1")
    a = clamped(x, -151, 129)
    n = (a + SHIFT) - SHIFT
    r = a - n
    s = fma(r, c, F(1))
    w = fma(r, c, F(1) - s)
    p = polynomial(r, "0x1.40b266p-13 0x1.5f095cp-10 0x1.3b2f1ap-7 0x1.c6af7ap-5 0x1.ebfbdap-3")
    w = fma(r * r, p, w)
    return np.where(np.isnan(x), F(np.nan), scaled(s + w, n))


def exp(x):
    x, (log2e, c, d) = f32(x), hexes("0x1.715476p+0 -0x1.62e43p-1 0x1.05c61p-29")
    a = clamped(x, -105, 89)
    n = fma(a, log2e, SHIFT) - SHIFT
    r = fma(n, c, a)
    z = fma(n, d, r)
    s = F(1) + r
    w = fma(n, d, (F(1) - s) + r)
    p = polynomial(z, "0x1.9dc30cp-13 0x1.6d483ep-10 0x1.111328p-7 0x1.5554ecp-5 0x1.555554p-3 0x1p-1")
    w = fma(z * z, p, w)
    return np.where(np.isnan(x), F(np.nan), scaled(s + w, n))


def rsqrt(x):
    return F(1) / np.sqrt(f32(x))
