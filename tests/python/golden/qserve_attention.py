# SPDX-License-Identifier: Apache-2.0
"""Profile `qserve`: cache (N 25), rotary embedding (N 26) and decode attention (N 27)."""
import numpy as np

from .arithmetic import D, F, bits32, f32, fma, rc, rn16
from .compare import Near
from .elementary import exp2
from .qserve_linear import LOG2E, add, add_half, block_sum, butterfly, lane_sums, rcp
from .rope import rotate

ROOT = bits32(0x3DB504F3)


def fma16(a, b, c):
    return rn16(a.astype(D) * b.astype(D) + c.astype(D))


def quantize_kv(v, bits):
    """N 25.1 on binary16 [t][h][d]."""
    v = f32(v)
    lo, hi = v.min(-1), v.max(-1)
    most, per = (F(15), 0x3D888889) if bits == 4 else (F(255), 0x3B808081)
    r = hi - lo
    scale = rn16(r * bits32(per))
    zero = rn16((-most * lo) * rcp(r))
    u = rc(fma(rcp(f32(scale))[..., None], v, f32(zero)[..., None]), 0, 255)
    return (u & 15 if bits == 4 else u), scale, zero


def values(code, scale, zero, bits):
    """N 25.2."""
    s, z = f32(scale)[..., None], f32(zero)[..., None]
    if bits == 8:
        return rn16(s * (f32(code) - z))
    return fma16(code, s, rn16(-(s * z)))


def rope(c):
    """N 26."""
    x, d = f32(c["x"]), c.n("head_dim")
    power = exp2(-((F(2) * f32(np.arange(d // 2)) / F(d)) * F(np.log2(D(F(c.a("base")))))))
    theta = f32(c.n("first") + np.arange(len(x)))[:, None] * power
    angle = 2 * np.pi * (theta * bits32(0x3E22F983)).astype(D)
    s, co = f32(np.sin(angle)), f32(np.cos(angle))
    y = rotate(x, s, co)
    if not c.n("prefill"):
        y[..., d // 2:] = fma(s[:, None], x[..., :d // 2], co[:, None] * x[..., d // 2:])
    return Near(rn16(y), 1)


# ---- N 27 ----


def attention(c):
    layout, t = c.layout, c.n("context") - 1
    k, v = (values(*layout.sequence(c[pool], c["block_table"][0], t), layout.bits) for pool in ("k_pool", "v_pool"))
    out = []
    for h, q in enumerate(c["query"]):
        kv = h * layout.heads // len(c["query"])
        p = probabilities(np.append(cached_logits(q, k[:, kv], layout.bits), current_logit(q, c["k"][kv])).astype(F))
        out.append(mixed(p, f32(v[:, kv]), f32(c["v"][kv])))
    return np.stack(out)


def current_logit(q, k):
    """N 27.1."""
    x = (f32(q) * f32(k)).reshape(32, 4)
    return butterfly(((x[:, 0] + x[:, 1]) + x[:, 2]) + x[:, 3], 32) * ROOT


def cached_logits(q, k, bits):
    """N 27.2: k [t][128] binary16."""
    chains = ((0, 1, 2, 3), (4, 5, 6, 7)) if bits == 4 else ((0, 2, 4, 6), (1, 3, 5, 7))
    k, q = k.reshape(-1, 16, 8), q.reshape(16, 8)
    part = []
    for first, *rest in chains:
        acc = rn16(f32(q[:, first]) * f32(k[:, :, first]))
        for i in rest:
            acc = fma16(q[:, i], k[:, :, i], acc)
        part.append(acc)
    return butterfly(f32(add_half(*part)), 16) * ROOT


def probabilities(logit):
    """N 27.3."""
    e = exp2((logit - logit.max()) * LOG2E)
    return rn16(e * rcp(block_sum(lane_sums(e, add, 256)) + F(1e-6)))


def mixed(p, v, v_now):
    """N 27.4: v [t][128] of the cache, binary32."""
    t = len(v)
    acc = np.zeros((16, 128), F)
    for i in range(t):
        acc[i % 16] = f32(p[i]) * v[i] + acc[i % 16]
    acc[t % 16] = f32(p[t]) * v_now + acc[t % 16]
    half = 8
    while half:
        acc[:half] = f32(rn16(acc[half:2 * half])) + acc[:half]
        half //= 2
    return rn16(acc[0])
