# SPDX-License-Identifier: Apache-2.0
"""Profile `qserve`: reductions (N 20), rows (N 21 to 23) and matrix products (N 24)."""
import numpy as np

from .arithmetic import F, H, bits32, blocks, f32, fma, rc, rn16
from .elementary import exp2, rsqrt
from .products import product
from .weights import operand

LOG2E = bits32(0x3FB8AA3B)


def rcp(x):
    """N 20.1."""
    return F(1) / x


# ---- N 20.2 ----


def add(a, b):
    return a + b


def add_half(a, b):
    return rn16(f32(a) + f32(b))


def add_square(a, b):
    return fma(b, b, a)


def butterfly(v, n):
    mask = n // 2
    while mask:
        v = v + v[..., np.arange(n) ^ mask]
        mask //= 2
    return v[..., 0]


def lane_sums(x, step, lanes=1024):
    """What each thread accumulates of [..., n]: [..., lanes]."""
    x = blocks(x, lanes)
    acc = np.zeros(x.shape[:-2] + (lanes,), x.dtype)
    for i in range(x.shape[-2]):
        acc = step(acc, x[..., i, :])
    return acc


def block_sum(lanes):
    """From the sums of whole warps, [..., 32 warps]."""
    warps = butterfly(lanes.reshape(lanes.shape[:-1] + (-1, 32)), 32)
    return butterfly(warps, warps.shape[-1])


# ---- N 21 to 23 ----


def codes(x, a):
    """Codes and scales of rows with the largest magnitudes a."""
    return {"q": rc(x * (rcp(a) * F(127))[:, None], -128, 127).astype(np.int8), "scale": rn16(a * bits32(0x3C010204))}


def quantize(c):
    """N 21."""
    x = f32(c["x"])
    return {**codes(x, np.abs(x).max(1)), "sum": rn16(block_sum(lane_sums(x, add)))}


def scaled(x, eps):
    """Rows over the root of their mean square."""
    v = block_sum(lane_sums(x, add_square))
    return x * rsqrt(fma(v, rcp(F(x.shape[1])), F(eps)))[:, None]


def norm_quantize(c):
    """N 22.1, 22.2."""
    x = f32(c["x"])
    mean = block_sum(lane_sums(x, add)) * rcp(F(x.shape[1]))
    y = scaled(x - mean[:, None], c.a("eps")) * f32(c["gamma"])
    h = rn16(y)
    a = f32(np.maximum(np.abs(h).max(1), np.uint16(0x0011).view(H)))
    return {**codes(y, a), "sum": rn16(block_sum(f32(lane_sums(h, add_half))))}


def rmsnorm(c):
    """N 22.3."""
    return rn16(f32(rn16(scaled(f32(c["x"]), c.a("eps")))) * f32(c["gamma"]))


def silu(c):
    """N 23."""
    g, u = f32(c["gate"]), f32(c["up"])
    t = rn16(g * rcp(F(1) + exp2(-g * LOG2E)))
    return rn16(f32(t) * f32(u))


# ---- N 24 ----


def gemm(c):
    acc = f32(product(c["q"], operand(c, False)))
    s, scale = f32(c["s"]), f32(c["scale"])[:, None]
    if "szeros" in c:
        y = rn16(fma(scale, acc * s, -(f32(c["szeros"]) * f32(c["sum"])[:, None])))
    else:
        y = rn16((s * scale) * acc)
    return rn16(f32(y) + f32(c["bias"])) if "bias" in c else y
