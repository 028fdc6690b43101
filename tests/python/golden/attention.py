# SPDX-License-Identifier: Apache-2.0
"""Attention over the quantized cache: N 11, and the baseline's: N 12.2."""
import numpy as np

from .arithmetic import D, F, FLOOR, blocks, chain, f32, fma, rc, rn16, symmetric, total
from .elementary import exp, exp2, rsqrt
from .products import product

LOG2E = F(float.fromhex("0x1.715476p+0"))


def quantize_query(x):
    """N 11.1 on [..., d]."""
    return symmetric(x, 32767)


def query(c):
    q, scale, sums = quantize_query(c["x"])
    return {"q": q.astype(np.int16), "scale": scale, "sum": sums.astype(np.int32)}


def splits(x, k, v, d, bits):
    """N 11.2, 11.3 for query heads that share a key/value head: x [r][d]; k, v: codes [t][d], scales, zeros [t].
    Returns M, L [r][split], O [r][split][d]."""
    q, qscale, qsum = quantize_query(x)
    c = qscale * (rsqrt(F(d)) * LOG2E)
    logit = c[:, None] * fma(f32(k[1]), f32(product(q, k[0])), f32(k[2]) * f32(qsum)[:, None])
    logit, vs, vz = blocks(logit, 128, -np.inf), blocks(f32(v[1]), 128), blocks(f32(v[2]), 128)
    center = 2 ** (bits - 1)
    u = np.moveaxis(blocks(v[0].T.astype(D) - center, 128), 0, -1)
    m = np.ceil(logit.max(-1)) + F(0)
    p = exp2(logit - m[..., None])
    total_p = f32(rc(p * F(2 ** 22), 0, 2 ** 22).sum(-1)) * F(2.0 ** -22)
    w = p * vs
    a = np.maximum(w.max(-1), FLOOR)
    weight = rc(w * (F(32767) / a)[..., None], 0, 32767)
    _, unit, common = symmetric(p * fma(vs, F(center), vz), 2 ** 22)
    mixed = np.einsum("rst,std->rsd", weight.astype(D), u)
    return m, total_p, fma(f32(mixed), (a / F(32767))[..., None], (f32(common) * unit)[..., None])


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


def each_head(c, x, b, tokens, function):
    """function(x [r][d], K, V of the head, d, bits) for each key/value head of sequence b; results joined over query heads."""
    layout = c.layout
    k = layout.sequence(c["k_pool"], c["block_table"][b], tokens)
    v = layout.sequence(c["v_pool"], c["block_table"][b], tokens)
    r = len(x) // layout.heads
    return [function(x[h * r:(h + 1) * r], [y[:, h] for y in k], [y[:, h] for y in v], layout.d, layout.bits)
            for h in range(layout.heads)]


def attention_decode(c):
    return np.stack([np.concatenate(each_head(c, x, b, int(c["tokens"][b]), attend)) for b, x in enumerate(c["query"])])


def attention_prefill(c):
    first = c.n("context") - c.n("rows") + 1
    return np.stack([np.concatenate(each_head(c, x, 0, first + i, attend)) for i, x in enumerate(c["query"])])


def attention_split(c):
    parts = each_head(c, c["query"][0], 0, c.n("context"), splits)
    return {name: np.concatenate([p[i] for p in parts]) for i, name in enumerate(("max", "sum", "out"))}


def attention_f32(c):
    """N 12.2."""
    q, k, v = c["query"], c["k"], c["v"]
    head = np.arange(len(q)) // (len(q) // k.shape[1])
    logit = chain(q, k[:, head]) * rsqrt(F(c.n("head_dim")))
    e = exp(logit - logit.max(0))
    p = e / total(e.T)
    return chain(p.T[:, None], np.moveaxis(v[:, head], 0, -1))
