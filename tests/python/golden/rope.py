# SPDX-License-Identifier: Apache-2.0
"""Rotary embedding: N 8."""
import numpy as np

from .arithmetic import f32, fma
from .compare import Near


def frequencies(c):
    """N 8.1."""
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
    """N 8.2: the frequencies to a few steps of binary64; sine and cosine of the file's own frequencies."""
    angle = (c.n("first") + np.arange(c.n("positions")))[:, None] * c.outputs["frequency"]
    return {"frequency": Near(frequencies(c), 16), "sine": Near(f32(np.sin(angle)), 1), "cosine": Near(f32(np.cos(angle)), 1)}


def rotate(x, sine, cosine):
    """N 8.3 on [t][h][d] with the angles [t][d / 2] of the tokens."""
    d = x.shape[-1]
    a, b, s, co = x[..., :d // 2], x[..., d // 2:], sine[:, None], cosine[:, None]
    return np.concatenate([fma(co, a, -(s * b)), fma(co, b, s * a)], -1)
