# SPDX-License-Identifier: Apache-2.0
"""Quantized keys and values: N 7.2, 7.3."""
import numpy as np

from .arithmetic import F, f32, fma, rc, rn16


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


def values(code, scale, zero, _bits):
    """N 7.3."""
    return fma(f32(scale)[..., None], f32(code), f32(zero)[..., None])


def written(c, quantizer):
    """The pages of one sequence, in order, by this quantizer."""
    return c.layout.join(*quantizer(c["v"], c.layout.bits))


def read(c, dequantizer):
    """The inverse."""
    pages, layout = c["pages"], c.layout
    return dequantizer(*layout.sequence(pages, np.arange(len(pages)), c.n("tokens")), layout.bits)
