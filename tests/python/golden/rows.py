# SPDX-License-Identifier: Apache-2.0
"""Operators on rows: activations (N 3), norms and residuals (N 9), SwiGLU (N 10)."""
import numpy as np

from .arithmetic import F, f32, sumprod, symmetric
from .elementary import exp, rsqrt


def quantize(x):
    """N 3.1."""
    q, scale, total = symmetric(x, 127)
    return {"q": q.astype(np.int8), "scale": scale, "sum": total.astype(np.int32)}


def dequantize(c):
    """N 3.3."""
    return {"x": c["scale"][:, None] * f32(c["q"]), "sum": c["q"].astype(np.int64).sum(1).astype(np.int32)}


def normalize(x, gamma, eps):
    """N 9.1 along the last axis."""
    s = rsqrt(sumprod(x, x) / F(x.shape[-1]) + F(eps))
    return (x * s[..., None]) * gamma


def rmsnorm(c):
    return normalize(c["x"], c["gamma"], c.a("eps"))


def residual(c):
    """N 9.3."""
    return c["r"] + f32(c["o"])


def residual_rmsnorm(c):
    return normalize(residual(c)[c["row"]], c["gamma"], c.a("eps"))


def residual_rmsnorm_quantize(c):
    y = residual(c)
    return {"y": y, **quantize(normalize(y, c["gamma"], c.a("eps")))}


def silu(c):
    """N 10.1."""
    gate, up = f32(c["gate"]), f32(c["up"])
    return gate / (F(1) + exp(-gate)) * up
