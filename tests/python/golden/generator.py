# SPDX-License-Identifier: Apache-2.0
"""Seeded inputs: N 13."""
import numpy as np

from .arithmetic import D, F, H, f32

U64 = np.uint64


def mix(x):
    x = x ^ (x >> U64(30))
    x = x * U64(0xBF58476D1CE4E5B9)
    x = x ^ (x >> U64(27))
    x = x * U64(0x94D049BB133111EB)
    return x ^ (x >> U64(31))


def gen(seed, i):
    """N 13.1."""
    return mix(U64(seed) + (np.asarray(i, U64) + U64(1)) * U64(0x9E3779B97F4A7C15))


# ---- N 13.2 ----


def g_int(u, lo, hi):
    return lo + (((u >> U64(32)) * U64(hi - lo + 1)) >> U64(32)).astype(np.int64)


def g_bell(u, e):
    fields = sum(((u >> U64(s)) & U64(0xFFFF)).astype(np.int64) for s in (0, 16, 32, 48))
    return np.ldexp((fields - 131070).astype(D), e).astype(F)


def g_half(u):
    h = (u >> U64(48)).astype(np.uint16)
    return np.where(h & 0x7C00 == 0x7C00, h - 0x0400, h).astype(np.uint16).view(H).astype(F)


def g_float(u):
    x = (u >> U64(32)).astype(np.uint32)
    return np.where(x & 0x7F800000 == 0x7F800000, x - 0x00800000, x).astype(np.uint32).view(F)


# ---- N 13.3 ----


def recipe_rows(kind, a, u, v, rows):
    """The float recipes for some rows: u [rows][C] draws, v [rows] draws of the rows."""
    columns = u.shape[1]
    p = (v % U64(columns)).astype(np.int64)
    at_p = np.arange(columns) == p[:, None]
    bell = g_bell(u, a)
    if kind == "bell":
        return bell
    if kind == "zero":
        return np.zeros(u.shape, F)
    if kind == "tiny":
        return g_bell(u, a - 22)
    if kind == "large":
        return np.where(at_p, F(65504), g_bell(u, a + 14))
    if kind == "outlier":
        return np.where(at_p, g_bell(u, a + 6), bell)
    if kind == "ties":
        next_p = np.arange(columns) == ((p + 1) % columns)[:, None]
        any_ = f32(g_int(u, -a, a)) * F(0.5)
        return np.where(at_p, F(a) / 2, np.where(next_p, -F(a) / 2, any_)).astype(F)
    if kind == "constant":
        return np.repeat(bell[:, :1], columns, axis=1)
    if kind == "bits":
        return g_half(u)
    if kind == "cancel":
        out = bell.copy()
        out[:, 1::2] = -bell[:, 0:columns - columns % 2:2]
        return out
    if kind == "offset":
        return bell + g_bell(v, a + 6)[:, None]
    if kind == "inf":
        return np.where(at_p, np.where(v >> U64(63), F(-np.inf), F(np.inf))[:, None], bell)
    if kind == "nan":
        return np.where(at_p, F(np.nan), bell)
    if kind == "scale":
        m = U64(1 << 23) + (u >> U64(41))
        return np.ldexp(m.astype(D), -23 - a - (u & U64(3)).astype(np.int64)).astype(F)
    if kind == "near16":
        step = np.array([0, 0xFFF, 0x1000, 0x1001], np.uint32)[(u & U64(3)).astype(np.int64)]
        return (g_half(u).view(np.uint32) + step).view(F)
    if kind == "bits32":
        return g_float(u)
    raise ValueError(kind)


def fill(recipe, dtype, shape, seed):
    """A tensor by its recipe."""
    word, *numbers = recipe.split()
    a, b = ([int(n) for n in numbers] + [0, 0])[:2]
    columns = shape[-1]
    rows = int(np.prod(shape)) // columns
    u = gen(seed, np.arange(rows * columns)).reshape(rows, columns)
    v = gen(seed, rows * columns + np.arange(rows))
    if word == "uniform":
        return g_int(u, a, b).astype(dtype).reshape(shape)
    if word == "angle":
        return np.ldexp((u >> U64(12)).astype(D), -35).reshape(shape)
    if word != "mixed":
        return recipe_rows(word, a, u, v, rows).astype(dtype).reshape(shape)
    out = np.zeros((rows, columns), F)
    for i, kind in enumerate("bell zero tiny large outlier ties constant bits".split()):
        out[i::8] = recipe_rows(kind, b if kind == "ties" else a, u[i::8], v[i::8], rows)
    return out.astype(dtype).reshape(shape)
