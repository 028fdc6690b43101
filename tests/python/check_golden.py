#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes the golden files in NumPy, from doc/numerics.md alone: inputs from the generator (N 13), packed layouts (N 5, 7.1),
outputs. Shares no code with ref/. Usage: check_golden.py [FILE.h5|DIRECTORY]...; without arguments $QOQ_DATADIR/golden.
One row a case, totals at the end; exit status 1 if anything fails.
"""
import glob
import os
import sys

import h5py
import numpy as np

F, D, H = np.float32, np.float64, np.float16
np.seterr(all="ignore")

# ---- N 2: numbers -----------------------------------------------------------------------------------------------------


def f32(x):
    return np.asarray(x).astype(F)


def rn16(x):
    return np.asarray(x).astype(H)


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


def leaves(x):
    pad = [(0, 0)] * (x.ndim - 1) + [(0, -x.shape[-1] % 16)]
    return np.pad(x, pad).reshape(x.shape[:-1] + (-1, 16))


def total(x):
    x, acc = leaves(f32(x)), F(0)
    for i in range(16):
        acc = acc + x[..., i]
    return tree(acc)


def sumprod(x, y):
    x, y = leaves(f32(x)), leaves(f32(y))
    acc = np.zeros(x.shape[:-1], F)
    for i in range(16):
        acc = fma(x[..., i], y[..., i], acc)
    return tree(acc)


def hexes(text):
    return [F(float.fromhex(t)) for t in text.split()]


def scaled(y, n):
    n = n.astype(np.int64)
    first = n >> 1
    return y * np.ldexp(F(1), first).astype(F) * np.ldexp(F(1), n - first).astype(F)


def exp2(x):
    """N 2.4: the operations of exp2 in their written order."""
    x = f32(x)
    c, shift = F(float.fromhex("0x1.62e43p-1")), F(float.fromhex("0x1.8p23"))
    a = np.minimum(np.maximum(np.where(np.isnan(x), F(0), x), F(-151)), F(129))
    n = (a + shift) - shift
    r = a - n
    s = fma(r, c, F(1))
    w = fma(r, c, F(1) - s)
    p = F(float.fromhex("0x1.40b266p-13"))
    for k in hexes("0x1.5f095cp-10 0x1.3b2f1ap-7 0x1.c6af7ap-5 0x1.ebfbdap-3"):
        p = fma(p, r, k)
    w = fma(r * r, p, w)
    return np.where(np.isnan(x), F(np.nan), scaled(s + w, n))


def exp(x):
    """N 2.4: the operations of exp in their written order."""
    x = f32(x)
    log2e, c, d, shift = hexes("0x1.715476p+0 -0x1.62e43p-1 0x1.05c61p-29 0x1.8p23")
    a = np.minimum(np.maximum(np.where(np.isnan(x), F(0), x), F(-105)), F(89))
    n = fma(a, log2e, shift) - shift
    r = fma(n, c, a)
    z = fma(n, d, r)
    s = F(1) + r
    w = fma(n, d, (F(1) - s) + r)
    p = F(float.fromhex("0x1.9dc30cp-13"))
    for k in hexes("0x1.6d483ep-10 0x1.111328p-7 0x1.5554ecp-5 0x1.555554p-3 0x1p-1"):
        p = fma(p, z, k)
    w = fma(z * z, p, w)
    return np.where(np.isnan(x), F(np.nan), scaled(s + w, n))


def rsqrt(x):
    return F(1) / np.sqrt(f32(x))


class Near:
    """An expected output of which the last steps may differ: those that NumPy's own functions round differently."""

    def __init__(self, value, steps):
        self.value, self.steps = value, steps


# ---- N 13: seeded inputs ----------------------------------------------------------------------------------------------

U64 = np.uint64


def mix(x):
    x = x ^ (x >> U64(30))
    x = x * U64(0xBF58476D1CE4E5B9)
    x = x ^ (x >> U64(27))
    x = x * U64(0x94D049BB133111EB)
    return x ^ (x >> U64(31))


def gen(seed, i):
    return mix(U64(seed) + (np.asarray(i, U64) + U64(1)) * U64(0x9E3779B97F4A7C15))


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
    """N 13.3."""
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


# ---- N 5, 7.1: layouts ------------------------------------------------------------------------------------------------


def unpack(code, k):
    """Plain nibbles [n][ceil(k/2)] to codes [n][k]."""
    return np.stack([code & 15, code >> 4], -1).reshape(code.shape[0], -1)[:, :k].astype(np.int64)


def pack(q):
    q = np.pad(q, ((0, 0), (0, q.shape[1] % 2))).astype(np.uint8)
    return q[:, 0::2] | q[:, 1::2] << 4


def up32(n):
    return (n + 31) // 32 * 32


def tile(q):
    """N 5.2."""
    n, k = np.meshgrid(np.arange(q.shape[0]), np.arange(q.shape[1]), indexing="ij")
    byte = (((n >> 5) * (up32(q.shape[1]) >> 5) + (k >> 5)) * 512 + (((n & 7) << 2) | ((k >> 2) & 3)) * 16
            + (((k >> 4) & 1) << 3) + (((n >> 3) & 1) << 2) + (k & 3))
    out = np.zeros(up32(q.shape[0]) * up32(q.shape[1]) // 2, np.int64)
    np.add.at(out, byte, q << (((n >> 4) & 1) * 4))
    return out.astype(np.uint8)


def tile_groups(s2, z):
    """N 5.3."""
    n, groups = s2.shape
    position = (np.arange(n) & ~31) | ((np.arange(n) & 7) << 2) | ((np.arange(n) >> 3) & 3)
    scales = np.ones((groups, up32(n)), np.uint8)
    zeros = np.zeros((groups, up32(n)), np.uint8)
    scales[:, position] = s2.T
    zeros[:, position] = (-(z.astype(np.int64) * s2)).T % 256
    return scales, zeros


class Layout:
    """N 7.1."""

    def __init__(self, case):
        self.bits, self.p, self.heads, self.d = (int(case.attrs[a]) for a in ("bits", "page", "heads", "head_dim"))
        self.each = self.d * self.bits // 8
        self.codes = self.p * self.heads * self.each
        self.bytes = self.codes + 4 * self.p * self.heads

    def split(self, pages):
        """Codes [page][head][slot][d], scales and zeros [page][head][slot] of uint8 [page][bytes]."""
        count = len(pages)
        code = pages[:, :self.codes].reshape(count, self.heads, self.p, self.each)
        if self.bits == 4:
            code = np.stack([code & 15, code >> 4], -1).reshape(count, self.heads, self.p, self.d)
        factors = np.ascontiguousarray(pages[:, self.codes:]).view(H).reshape(count, 2, self.heads, self.p)
        return code.astype(np.int64), factors[:, 0], factors[:, 1]

    def join(self, code, scale, zero):
        """Codes [t][head][d], scales and zeros [t][head] into pages."""
        t = len(code)
        count = -(-t // self.p)
        pad = count * self.p - t

        def slots(x):
            x = np.pad(x, [(0, pad)] + [(0, 0)] * (x.ndim - 1))
            return np.moveaxis(x.reshape((count, self.p) + x.shape[1:]), 1, 2)

        return self.pack(slots(code), slots(scale), slots(zero))

    def pack(self, code, scale, zero):
        """The bytes of pages: the inverse of split."""
        count, code = len(code), code.astype(np.uint8)
        if self.bits == 4:
            code = code[..., 0::2] | code[..., 1::2] << 4
        parts = [code.reshape(count, -1)]
        for x in (scale, zero):
            parts.append(np.ascontiguousarray(x).reshape(count, -1).view(np.uint8))
        return np.concatenate(parts, 1)

    def put(self, pool, page, slot, vectors):
        """The pool after new tokens, vectors [t][head][d], have been quantized into their pages and slots."""
        after = [x.copy() for x in self.split(pool)]
        for i, x in enumerate(quantize_kv(vectors, self.bits)):
            after[i][page, :, slot] = x
        return self.pack(*after)

    def sequence(self, pool, table, tokens):
        """Codes [t][head][d], scales, zeros [t][head] of a sequence, through its block table."""
        code, scale, zero = self.split(pool)
        page, slot = table[np.arange(tokens) // self.p], np.arange(tokens) % self.p
        return code[page, :, slot], scale[page, :, slot], zero[page, :, slot]


# ---- N 3, 9, 10: rows -------------------------------------------------------------------------------------------------

FLOOR = F(2.0 ** -100)


def quantize(x):
    """N 3.1."""
    a = np.maximum(np.abs(x).max(1), FLOOR)
    q = rc(x * (F(127) / a)[:, None], -127, 127)
    return {"q": q.astype(np.int8), "scale": a / F(127), "sum": q.sum(1).astype(np.int32)}


def normalize(x, gamma, eps):
    """N 9.1 along the last axis."""
    s = rsqrt(sumprod(x, x) / F(x.shape[-1]) + F(eps))
    return (x * s[..., None]) * gamma


def rmsnorm(c):
    return normalize(c["x"], c["gamma"], c.a("eps"))


def residual_rmsnorm_quantize(c):
    y = c["r"] + f32(c["o"])
    return {"y": y, **quantize(normalize(y, c["gamma"], c.a("eps")))}


def residual_rmsnorm(c):
    return normalize((c["r"] + f32(c["o"]))[c["row"]], c["gamma"], c.a("eps"))


def silu(c):
    gate, up = f32(c["gate"]), f32(c["up"])
    return gate / (F(1) + exp(-gate)) * up


# ---- N 4, 6: weights and products -------------------------------------------------------------------------------------


def half_scale(s):
    s = rn16(s)
    return np.where(s == 0, H(1), s)


def quantize_w8(w):
    s = half_scale(np.abs(w).max(1) / F(127))
    return {"s": s, "code": rc(w / f32(s)[:, None], -127, 127).astype(np.int8)}


def quantize_channel(w):
    lo, hi = np.minimum(w.min(1), 0), np.maximum(w.max(1), 0)
    s = half_scale((hi - lo) / F(15))
    z = rc(-lo / f32(s), 0, 15)
    q = rc(w / f32(s)[:, None] + f32(z)[:, None], 0, 15)
    return {"s": s, "z": z.astype(np.uint8), "code": pack(q)}


def quantize_group(w, group):
    s = half_scale(np.abs(w).max(1) / F(119))
    v = np.clip(w / f32(s)[:, None], F(-119), F(119))
    codes, scales, zeros = [], [], []
    for k in range(0, w.shape[1], group):
        g = v[:, k:k + group]
        lo, hi = np.minimum(g.min(1), 0), np.maximum(g.max(1), 0)
        s2 = rc((hi - lo) / F(15), 1, 16)
        z = rc(-lo / f32(s2), 0, 15)
        codes.append(rc(g / f32(s2)[:, None] + f32(z)[:, None], 0, 15))
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


def product(q, b):
    """Exact: every partial sum is an integer below 2^53."""
    return (q.astype(D) @ b.astype(D).T).astype(np.int64)


def gemm(c):
    acc = product(c["q"], operand(c, False))
    end = acc
    if "tiled" in c and "s2" not in c:
        end = acc - c["z"].astype(np.int64) * c["sum"].astype(np.int64)[:, None]
    scale = f32(c["s"]) * c["scale"][:, None]
    y = fma(scale, f32(end), c["bias"]) if "bias" in c else scale * f32(end)
    return {"acc": acc.astype(np.int32), "y": rn16(y)}


def ordered(c):
    x, w = c["x"], f32(c["w"])
    acc = np.zeros((x.shape[0], w.shape[0]), F)
    for k in range(x.shape[1]):
        acc = fma(x[:, k, None], w[None, :, k], acc)
    return {"y": acc + c["bias"] if "bias" in c else acc}


# ---- N 8: rotary embedding --------------------------------------------------------------------------------------------


def frequencies(c):
    d = c.n("head_dim")
    f = np.exp2((-2.0 * np.arange(d // 2) * np.log2(c.a("theta"))) / d)
    if c.n("scaling") == 1:
        f = f / c.a("factor")
    if c.n("scaling") == 2:
        wave, low, high, length = 2 * np.pi / f, c.a("low"), c.a("high"), c.a("original")
        sigma = (length / wave - low) / (high - low)
        between = (1 - sigma) * (f / c.a("factor")) + sigma * f
        f = np.where(wave < length / high, f, np.where(wave > length / low, f / c.a("factor"), between))
    return f


def rope_table(c):
    """The frequencies to a few steps of binary64; sine and cosine of the file's own frequencies."""
    angle = (c.n("first") + np.arange(c.n("positions")))[:, None] * c.outputs["frequency"]
    return {"frequency": Near(frequencies(c), 16), "sine": Near(f32(np.sin(angle)), 1), "cosine": Near(f32(np.cos(angle)), 1)}


def rotate(x, sine, cosine):
    """N 8.3 on [t][h][d] with the angles [t][d / 2] of the tokens."""
    d = x.shape[-1]
    a, b, s, co = x[..., :d // 2], x[..., d // 2:], sine[:, None], cosine[:, None]
    return np.concatenate([fma(co, a, -(s * b)), fma(co, b, s * a)], -1)


# ---- N 7, 11: cache and attention -------------------------------------------------------------------------------------


def quantize_kv(v, bits):
    """N 7.2 on [t][h][d]; -0 is below +0."""
    most = F(2 ** bits - 1)
    lo, hi = v.min(-1), v.max(-1)
    lo = np.where((lo == 0) & ((v == 0) & np.signbit(v)).any(-1), F(-0.0), lo)
    zero = rn16(lo)
    r = hi - f32(zero)
    r = np.where(np.isinf(f32(zero)), F(np.nan), np.where(r < 0, F(0), r))
    scale = rn16(r / most)
    i = np.where(scale == 0, F(0), F(1) / f32(scale))
    u = rc((v - f32(zero)[..., None]) * i[..., None], 0, most)
    return u, scale, zero


def kv_write(c):
    layout = Layout(c.group)
    return {"pages": layout.join(*quantize_kv(c["v"], layout.bits))}


def kv_read(c):
    layout = Layout(c.group)
    code, scale, zero = layout.sequence(c["pages"], np.arange(len(c["pages"])), c.n("tokens"))
    return {"x": fma(f32(scale)[..., None], f32(code), f32(zero)[..., None])}


def rope_write(c):
    """N 9.4, 8.3 and 7.2: rotated queries, and the pools with the new tokens."""
    layout, heads, at = Layout(c.group), c.n("q_heads"), c["position"]
    x = f32(c["qkv"])
    q, k, v = x[:, :heads], x[:, heads:-layout.heads], x[:, -layout.heads:]
    if "q_norm" in c:
        q, k = (normalize(y, c[name], c.a("eps")) for y, name in ((q, "q_norm"), (k, "k_norm")))
    q, k = (rotate(y, c["sine"][at], c["cosine"][at]) for y in (q, k))
    page, slot = c["block_table"][c["sequence"], at // layout.p], at % layout.p
    return {"query": q, "k_pool": layout.put(c["k_pool"], page, slot, k), "v_pool": layout.put(c["v_pool"], page, slot, v)}


def quantize_query(x):
    """N 11.1 on [..., d]."""
    a = np.maximum(np.abs(x).max(-1), FLOOR)
    q = rc(x * (F(32767) / a)[..., None], -32767, 32767)
    return q, a / F(32767), q.sum(-1)


def splits(x, k, v, d, bits):
    """N 11.2, 11.3 for query heads that share a key/value head: x [r][d]; k, v: codes [t][d], scales, zeros [t].
    Returns M, L [r][split], O [r][split][d]."""
    q, qscale, qsum = quantize_query(x)
    c = qscale * (F(1) / np.sqrt(F(d)) * F(float.fromhex("0x1.715476p+0")))
    logit = c[:, None] * fma(f32(k[1]), f32(product(q, k[0])), f32(k[2]) * f32(qsum)[:, None])
    t = logit.shape[1]
    pad = -t % 128

    def cut(y, value):
        return np.pad(y, [(0, 0)] * (y.ndim - 1) + [(0, pad)], constant_values=value).reshape(y.shape[:-1] + (-1, 128))

    logit, vs, vz = cut(logit, -np.inf), cut(f32(v[1]), 0), cut(f32(v[2]), 0)
    center = 2 ** (bits - 1)
    u = np.pad(v[0].astype(D) - center, ((0, pad), (0, 0))).reshape(-1, 128, d)
    m = np.ceil(logit.max(-1)) + F(0)
    p = exp2(logit - m[..., None])
    total_p = f32(rc(p * F(2 ** 22), 0, 2 ** 22).sum(-1)) * F(2.0 ** -22)
    w = p * vs
    a = np.maximum(w.max(-1), FLOOR)
    weight = rc(w * (F(32767) / a)[..., None], 0, 32767)
    y = p * fma(vs, F(center), vz)
    b = np.maximum(np.abs(y).max(-1), FLOOR)
    common = f32(rc(y * (F(2 ** 22) / b)[..., None], -2 ** 22, 2 ** 22).sum(-1)) * (b * F(2.0 ** -22))
    mixed = np.einsum("rst,std->rsd", weight.astype(D), u)
    return m, total_p, fma(f32(mixed), (a / F(32767))[..., None], common[..., None])


def merge(left, right):
    """N 11.4."""
    (ma, la, oa), (mb, lb, ob) = left, right
    m = np.maximum(ma, mb)
    fa, fb = exp2(ma - m), exp2(mb - m)
    return m, la * fa + lb * fb, oa * fa[..., None] + ob * fb[..., None]


def attend(x, k, v, d, bits):
    """N 11.4 to 11.6."""
    m, l, o = splits(x, k, v, d, bits)
    parts = [(m[:, j], l[:, j], o[:, j]) for j in range(m.shape[1])]
    level = []
    for i in range(0, len(parts), 16):
        leaf = parts[i]
        for part in parts[i + 1:i + 16]:
            leaf = merge(leaf, part)
        level.append(leaf)
    while len(level) > 1:
        level = [merge(level[i], level[i + 1]) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
    _, l, o = level[0]
    return rn16(o / l[:, None])


def each_head(c, query, b, tokens, function):
    """function(x [r][d], K, V of the head, d, bits) for each key/value head of sequence b; results joined over query heads."""
    layout = Layout(c.group)
    k = layout.sequence(c["k_pool"], c["block_table"][b], tokens)
    v = layout.sequence(c["v_pool"], c["block_table"][b], tokens)
    r = len(query) // layout.heads
    return [function(query[h * r:(h + 1) * r], [y[:, h] for y in k], [y[:, h] for y in v], layout.d, layout.bits)
            for h in range(layout.heads)]


def attention_decode(c):
    return {"out": np.stack([np.concatenate(each_head(c, c["query"][b], b, int(c["tokens"][b]), attend))
                             for b in range(len(c["query"]))])}


def attention_prefill(c):
    first = c.n("context") - c.n("rows") + 1
    return {"out": np.stack([np.concatenate(each_head(c, x, 0, first + i, attend)) for i, x in enumerate(c["query"])])}


def attention_split(c):
    parts = each_head(c, c["query"][0], 0, c.n("context"), splits)
    return {name: np.concatenate([p[i] for p in parts]) for i, name in enumerate(("max", "sum", "out"))}


def attention_f32(c):
    """N 12.2."""
    q, k, v, d = c["query"], c["k"], c["v"], c.n("head_dim")
    head = np.arange(len(q)) // (len(q) // k.shape[1])
    k, v = k[:, head], v[:, head]
    dot = np.zeros((len(k), len(q)), F)
    for i in range(d):
        dot = fma(q[None, :, i], k[:, :, i], dot)
    logit = dot * rsqrt(F(d))
    e = exp(logit - logit.max(0))
    p = e / total(e.T)
    out = np.zeros(q.shape, F)
    for t in range(len(k)):
        out = fma(p[t][:, None], v[t], out)
    return {"out": out}


def argmax(c):
    """N 12.5: NumPy takes the first of equal maxima, too."""
    x = c["logits"]
    none = np.isnan(x).any(1) | np.isinf(x.max(1))
    return np.where(none, -1, x.argmax(1)).astype(np.int32)


# ---- Part B -----------------------------------------------------------------------------------------------------------


def butterfly(v, n):
    mask = n // 2
    while mask:
        v = v + v[..., np.arange(n) ^ mask]
        mask //= 2
    return v[..., 0]


def block_sum(lanes):
    """N 20.2 from the sums of 1024 threads, [..., 1024]."""
    return butterfly(butterfly(lanes.reshape(lanes.shape[:-1] + (32, 32)), 32), 32)


def lanes_of(x):
    pad = [(0, 0)] * (x.ndim - 1) + [(0, -x.shape[-1] % 1024)]
    return np.pad(x, pad).reshape(x.shape[:-1] + (-1, 1024))


def lane_sums(x, step):
    x = lanes_of(x)
    acc = np.zeros(x.shape[:-2] + (1024,), x.dtype)
    for i in range(x.shape[-2]):
        acc = step(acc, x[..., i, :])
    return acc


def add(a, b):
    return a + b


def qserve_act(c):
    x = f32(c["x"])
    a = np.abs(x).max(1)
    m = F(127) * (F(1) / a)
    return {"q": rc(x * m[:, None], -128, 127).astype(np.int8), "scale": rn16(a * np.uint32(0x3C010204).view(F)),
            "sum": rn16(block_sum(lane_sums(x, add)))}


def qserve_norm(c):
    x, gamma, n = f32(c["x"]), f32(c["gamma"]), F(c["x"].shape[1])
    mean = block_sum(lane_sums(x, add)) * (F(1) / n)
    d = x - mean[:, None]
    v = block_sum(lane_sums(d, lambda acc, y: fma(y, y, acc)))
    s = rsqrt(fma(v, F(1) / n, F(c.a("eps"))))
    y = d * s[:, None] * gamma
    h = rn16(y)
    a = f32(np.maximum(np.abs(h).max(1), np.uint16(0x0011).view(H)))
    partial = lane_sums(h, lambda acc, z: rn16(f32(acc) + f32(z)))
    return {"q": rc(y * ((F(1) / a) * F(127))[:, None], -128, 127).astype(np.int8),
            "scale": rn16(a * np.uint32(0x3C010204).view(F)), "sum": rn16(block_sum(f32(partial)))}


def qserve_rmsnorm(c):
    x, n = f32(c["x"]), F(c["x"].shape[1])
    v = block_sum(lane_sums(x, lambda acc, y: fma(y, y, acc)))
    s = rsqrt(fma(v, F(1) / n, F(c.a("eps"))))
    return {"y": rn16(f32(rn16(x * s[:, None])) * f32(c["gamma"]))}


LOG2E = np.uint32(0x3FB8AA3B).view(F)


def qserve_silu(c):
    g, u = f32(c["gate"]), f32(c["up"])
    t = rn16(g * (F(1) / (F(1) + exp2(-g * LOG2E))))
    return {"y": rn16(f32(t) * f32(u))}


def qserve_gemm(c):
    acc = f32(product(c["q"], operand(c, False)))
    s, scale = f32(c["s"]), f32(c["scale"])[:, None]
    if "szeros" in c:
        y = rn16(fma(scale, acc * s, -(f32(c["szeros"]) * f32(c["sum"])[:, None])))
    else:
        y = rn16((s * scale) * acc)
    return {"y": rn16(f32(y) + f32(c["bias"])) if "bias" in c else y}


def qserve_quantize_kv(v, bits):
    """N 25.1 on binary16 [t][h][d]."""
    v = f32(v)
    lo, hi = v.min(-1), v.max(-1)
    most, per = (F(15), 0x3D888889) if bits == 4 else (F(255), 0x3B808081)
    r = hi - lo
    scale = rn16(r * np.uint32(per).view(F))
    zero = rn16((-most * lo) * (F(1) / r))
    u = rc(fma((F(1) / f32(scale))[..., None], v, f32(zero)[..., None]), 0, 255)
    return (u & 15 if bits == 4 else u), scale, zero


def qserve_kv_write(c):
    layout = Layout(c.group)
    return {"pages": layout.join(*qserve_quantize_kv(c["v"], layout.bits))}


def qserve_values(code, scale, zero, bits):
    """N 25.2."""
    s, z = f32(scale)[..., None], f32(zero)[..., None]
    if bits == 8:
        return rn16(s * (f32(code) - z))
    return rn16(code.astype(D) * s.astype(D) + rn16(-(s * z)).astype(D))


def qserve_kv_read(c):
    layout = Layout(c.group)
    return {"x": qserve_values(*layout.sequence(c["pages"], np.arange(len(c["pages"])), c.n("tokens")), layout.bits)}


def qserve_rope(c):
    x, d = f32(c["x"]), c.n("head_dim")
    j = np.arange(d // 2)
    power = exp2(-((F(2) * f32(j) / F(d)) * F(np.log2(D(F(c.a("base")))))))
    theta = f32(c.n("first") + np.arange(len(x)))[:, None] * power
    angle = 2 * np.pi * (theta * np.uint32(0x3E22F983).view(F)).astype(D)
    s, co = f32(np.sin(angle))[:, None], f32(np.cos(angle))[:, None]
    a, b = x[..., :d // 2], x[..., d // 2:]
    second = fma(co, b, s * a) if c.n("prefill") else fma(s, a, co * b)
    return {"y": Near(rn16(np.concatenate([fma(co, a, -(s * b)), second], -1)), 1)}


def fma16(a, b, c):
    return rn16(a.astype(D) * b.astype(D) + c.astype(D))


def qserve_attention(c):
    layout, t = Layout(c.group), c.n("context") - 1
    k = qserve_values(*layout.sequence(c["k_pool"], c["block_table"][0], t), layout.bits)
    v = f32(qserve_values(*layout.sequence(c["v_pool"], c["block_table"][0], t), layout.bits))
    out = []
    for h, q in enumerate(c["query"]):
        kv = h * layout.heads // len(c["query"])
        out.append(qserve_head(q, k[:, kv], v[:, kv], c["k"][kv], f32(c["v"][kv]), layout.bits))
    return {"out": np.stack(out)}


def qserve_head(q, k, v, k_now, v_now, bits):
    """N 27 for one query head: cached k [t][128] binary16, v binary32."""
    t, root = len(k), np.uint32(0x3DB504F3).view(F)
    now = (f32(q) * f32(k_now)).reshape(32, 4)
    now = butterfly(((now[:, 0] + now[:, 1]) + now[:, 2]) + now[:, 3], 32) * root
    chains = ((0, 1, 2, 3), (4, 5, 6, 7)) if bits == 4 else ((0, 2, 4, 6), (1, 3, 5, 7))
    kk, qq = k.reshape(t, 16, 8), q.reshape(16, 8)
    part = []
    for first, *rest in chains:
        acc = rn16(f32(qq[:, first]) * f32(kk[:, :, first]))
        for i in rest:
            acc = fma16(qq[:, i], kk[:, :, i], acc)
        part.append(acc)
    logit = np.append(butterfly(f32(rn16(f32(part[0]) + f32(part[1]))), 16) * root, now).astype(F)
    e = exp2((logit - logit.max()) * LOG2E)
    rows = np.pad(e, (0, -len(e) % 256)).reshape(-1, 256)
    lane = np.zeros(256, F)
    for row in rows:
        lane = lane + row
    total_e = butterfly(butterfly(lane.reshape(8, 32), 32), 8)
    p = rn16(e * (F(1) / (total_e + F(1e-6))))
    acc = np.zeros((16, 128), F)
    for i in range(t):
        acc[i % 16] = f32(p[i]) * v[i] + acc[i % 16]
    acc[t % 16] = f32(p[t]) * v_now + acc[t % 16]
    half = 8
    while half:
        acc[:half] = f32(rn16(acc[half:2 * half])) + acc[:half]
        half //= 2
    return rn16(acc[0])


# ---- All operators ----------------------------------------------------------------------------------------------------


def one(name, function):
    return lambda c: {name: function(c)}


OPERATORS = {
    "half_from_float": one("y", lambda c: rn16(c["x"])),
    "half_to_float": one("y", lambda c: f32(c["x"])),
    "exp": one("y", lambda c: exp(c["x"])),
    "exp2": one("y", lambda c: exp2(c["x"])),
    "rsqrt": one("y", lambda c: rsqrt(c["x"])),
    "sincos": lambda c: {"sine": Near(f32(np.sin(c["x"])), 1), "cosine": Near(f32(np.cos(c["x"])), 1)},
    "sums": lambda c: {"sum": total(c["x"]), "sumsq": sumprod(c["x"], c["x"]), "sumprod": sumprod(c["x"], c["y"])},
    "act_quantize": lambda c: quantize(f32(c["x"])),
    "act_dequantize": lambda c: {"x": c["scale"][:, None] * f32(c["q"]),
                                 "sum": c["q"].astype(np.int64).sum(1).astype(np.int32)},
    "rmsnorm": one("y", rmsnorm),
    "rmsnorm_quantize": lambda c: quantize(rmsnorm(c)),
    "residual_add": one("y", lambda c: c["r"] + f32(c["o"])),
    "silu_mul": one("y", silu),
    "silu_mul_quantize": lambda c: quantize(silu(c)),
    "weight_quantize_w8": lambda c: quantize_w8(c["w"]),
    "weight_quantize_w4_channel": lambda c: quantize_channel(c["w"]),
    "weight_quantize_w4_group": lambda c: quantize_group(c["w"], c.n("group")),
    "tile_codes": one("tiled", lambda c: tile(unpack(c["code"], c.n("k")))),
    "tile_groups": lambda c: dict(zip(("s2_scales", "s2_zeros"), tile_groups(c["s2"], c["z"]))),
    "channel_szeros": one("szeros", lambda c: rn16(f32(c["z"]) * f32(c["s"]))),
    "gemm_f32": ordered, "gemm_f16": ordered,
    "rope_table": rope_table, "rope_apply": one("y", lambda c: rotate(c["x"], c["sine"], c["cosine"])),
    "embed": one("r", lambda c: f32(c["table"])[c["token"]]), "argmax": one("token", argmax), "rope_write": rope_write,
    "residual_rmsnorm": one("y", residual_rmsnorm), "residual_rmsnorm_quantize": residual_rmsnorm_quantize,
    "kv_write": kv_write, "kv_read": kv_read,
    "query_quantize": lambda c: dict(zip(("q", "scale", "sum"), (lambda q, s, t: (q.astype(np.int16), s, t.astype(np.int32)))(
        *quantize_query(c["x"])))),
    "attention_decode": attention_decode, "attention_prefill": attention_prefill,
    "attention_split": attention_split, "attention_f32": attention_f32,
    "qserve_act_quantize": qserve_act, "qserve_norm_quantize": qserve_norm, "qserve_rmsnorm": qserve_rmsnorm,
    "qserve_silu_mul": qserve_silu, "qserve_kv_write": qserve_kv_write, "qserve_kv_read": qserve_kv_read,
    "qserve_rope": qserve_rope, "qserve_attention": qserve_attention,
}
for scheme in ("w8a8", "w4a8_channel", "w4a8_group"):
    OPERATORS["gemm_" + scheme] = gemm
    OPERATORS["qserve_gemm_" + scheme] = qserve_gemm
for scheme in ("w8", "w4_channel", "w4_group"):
    OPERATORS["weight_dequantize_" + scheme] = lambda c: {
        "operand": operand(c, False).astype(np.int8), "x": f32(c["s"])[:, None] * f32(operand(c, True))}


# ---- Checking ---------------------------------------------------------------------------------------------------------


def text(owner, name):
    """A string attribute; fixed-length strings come as bytes."""
    value = owner.attrs[name]
    return value.decode() if isinstance(value, bytes) else str(value)


class Case:
    """Inputs by name, parameters, outputs."""

    def __init__(self, group):
        self.group = group
        self.inputs = {name: set_[()] for name, set_ in group["inputs"].items()}
        self.outputs = {name: set_[()] for name, set_ in group["outputs"].items()}

    def __getitem__(self, name):
        return self.inputs[name]

    def __contains__(self, name):
        return name in self.inputs

    def a(self, name):
        return float(self.group.attrs[name])

    def n(self, name):
        return int(self.group.attrs[name])


def differing(have, want):
    """Elements that differ in a bit; two NaNs are equal."""
    steps = 0
    if isinstance(want, Near):
        want, steps = want.value, want.steps
    want = np.asarray(want)
    if have.dtype != want.dtype or have.shape != want.shape:
        return f"is {have.dtype}{list(have.shape)}, not {want.dtype}{list(want.shape)}"
    if have.dtype.kind != "f":
        return int((have != want).sum())
    integer = {2: np.int16, 4: np.int32, 8: np.int64}[have.dtype.itemsize]
    a, b = (np.ascontiguousarray(y).view(integer).astype(D) for y in (have, want))
    return int(((np.abs(a - b) > steps) & ~(np.isnan(have) & np.isnan(want))).sum())


def page_differing(have, want, layout):
    """The same for pages, whose scales and zeros may be NaN."""
    total_differing = 0
    for a, b in zip(layout.split(have), layout.split(want)):
        total_differing += differing(a, b)
    return total_differing


def check_inputs(c):
    """What is wrong with the inputs: the generator, packed forms, sums; a list of words."""
    wrong = []
    for name, dataset in c.group["inputs"].items():
        if "stream" in dataset.attrs:
            seed = gen(c.n("seed"), int(dataset.attrs["stream"]))
            made = fill(text(dataset, "generator"), dataset.dtype, dataset.shape, seed)
            if differing(c[name], made) != 0:
                wrong.append(name)
    if "tiled" in c and not np.array_equal(c["tiled"], tile(unpack(c["code"], c.n("k")))):
        wrong.append("tiled")
    if "s2_scales" in c:
        scales, zeros = tile_groups(c["s2"], c["z"])
        if not (np.array_equal(c["s2_scales"], scales) and np.array_equal(c["s2_zeros"], zeros)):
            wrong.append("s2_scales, s2_zeros")
        w8 = operand(c, True)
        if w8.min() < -128 or w8.max() > 127 or c["s2"].max() > 17 or (c["z"] * c["s2"].astype(int)).max() > 128:
            wrong.append("s2")
    if "szeros" in c and differing(c["szeros"], rn16(f32(c["z"]) * f32(c["s"]))) != 0:
        wrong.append("szeros")
    if "q" in c and "sum" in c and c["sum"].dtype == np.int32 and not np.array_equal(c["q"].astype(int).sum(1), c["sum"]):
        wrong.append("sum")
    if "sequence" in c and "block_table" in c:
        slots = np.stack([c["block_table"][c["sequence"], c["position"] // c.n("page")], c["position"] % c.n("page")])
        if len(np.unique(slots, axis=1)[0]) != c.n("tokens"):
            wrong.append("two tokens in one slot")
    if "row" in c and (len(np.unique(c["row"])) != len(c["row"]) or c["row"].min() < 0 or c["row"].max() >= c.n("rows")):
        wrong.append("row")
    if "pages" in c and "v" in c:
        layout = Layout(c.group)
        quantizer = quantize_kv if text(c.group, "profile") == "qoq" else qserve_quantize_kv
        if page_differing(c["pages"], layout.join(*quantizer(c["v"], layout.bits)), layout) != 0:
            wrong.append("pages")
    return wrong


def check_case(group):
    """Elements, differing elements and a verdict."""
    operator = text(group, "operator")
    if operator not in OPERATORS:
        return 0, 0, "skipped: operator unknown here"
    c = Case(group)
    wrong = check_inputs(c)
    if wrong:
        return 0, 0, "FAILED: inputs " + ", ".join(wrong)
    wanted = OPERATORS[operator](c)
    if set(wanted) != set(c.outputs):
        return 0, 0, f"FAILED: outputs {sorted(c.outputs)}, not {sorted(wanted)}"
    elements = bad = 0
    for name, have in c.outputs.items():
        paged = text(group["outputs"][name], "layout") == "pages"
        count = page_differing(have, wanted[name], Layout(group)) if paged else differing(have, wanted[name])
        if isinstance(count, str):
            return elements, bad, f"FAILED: {name} {count}"
        elements += have.size
        bad += count
    return elements, bad, "FAILED" if bad else "ok"


def main(arguments):
    places = arguments or [os.path.join(os.environ.get("QOQ_DATADIR", "data"), "golden")]
    files = [f for p in places for f in (sorted(glob.glob(os.path.join(p, "*.h5"))) if os.path.isdir(p) else [p])]
    if not files:
        print("check_golden.py: no golden files; set QOQ_DATADIR or name them", file=sys.stderr)
        return 2
    counts = {"ok": 0, "FAILED": 0, "skipped": 0}
    print(f"{'case':<44} {'elements':>9} {'differing':>9}  verdict")
    for path in files:
        try:
            file = h5py.File(path, "r")
        except OSError as error:
            print(f"check_golden.py: {path}: {error}", file=sys.stderr)
            return 2
        with file:
            for name in sorted(file):
                elements, bad, verdict = check_case(file[name])
                counts[verdict.split(":")[0].split()[0]] += 1
                print(f"{name:<44} {elements:>9} {bad:>9}  {verdict}")
    print(f"{counts['ok']} passed, {counts['FAILED']} failed, {counts['skipped']} skipped")
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
