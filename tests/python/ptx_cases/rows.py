# SPDX-License-Identifier: Apache-2.0
"""Rows: quantization, norms, residual."""
import struct

import numpy as np

from . import reference
from .case import Case, floats, halves, pack, up

EPS = 1e-5


def added(memory, random, s):
    """The arrays of row_norm, and the rows with what is added."""
    r, o, gamma = floats(random, s["m"], s["k"]), halves(random, s["m"], s["k"]), floats(random, s["k"])
    at, bias = memory.add(r), s.get("bias")
    source = struct.pack("@PPPf4x", at, memory.add(o) if bias else 0, memory.add(gamma), EPS)
    if bias:
        r = r + o.astype(np.float32)
        memory.expected.append((at, r))
    return source, r, gamma


def rows(kind):
    def make(memory, random, s):
        m, k = s["m"], s["k"]
        if kind == "norm":
            source, r, gamma = added(memory, random, s)
            y = reference.rmsnorm(r, gamma, EPS)
        else:
            x = [halves(random, m, k) for _ in range(2)]
            at = [memory.add(values) for values in x]
            g, u = (values.astype(np.float32) for values in x)
            source, y = (struct.pack("@P", at[0]), g) if kind == "half" else (struct.pack("@PPQ", *at, k), g / (np.float32(1) + reference.exp(-g)) * u)
        want = reference.quantized(y)
        outputs = [memory.add(np.zeros_like(array)) for array in want]
        memory.expected += zip(outputs, want)
        return source + pack("PPPQI?", *outputs, k, k, k % 4 == 0), (m, 1, 1)
    return make


def norm(memory, random, s):
    source, r, gamma = added(memory, random, s)
    y = memory.add(np.zeros_like(r))
    memory.expected.append((y, reference.rmsnorm(r, gamma, EPS)))
    return source + struct.pack("@PPPQI?3x", 0, 0, 0, 0, s["k"], s["k"] % 4 == 0) + pack("PP", 0, y), (s["m"], 1, 1)


def residual(memory, random, s):
    r, o = floats(random, s["m"] * s["k"]), halves(random, s["m"] * s["k"])
    at = memory.add(r)
    memory.expected.append((at, r + o.astype(np.float32)))
    return pack("PPQ", at, memory.add(o), r.size), (up(r.size, 256), 1, 1)


CASES = [
    Case("rows", "act_quantize", "act_quantize", "quantize_rowsINS_8row_half", "--m 2 --k 1280", rows("half")),
    Case("rows", "rmsnorm_quantize", "rmsnorm_quantize", "quantize_rowsINS_8row_norm", "--m 2 --k 1280 --bias 1", rows("norm")),
    Case("rows", "silu_mul_quantize", "silu_mul_quantize", "quantize_rowsINS_8row_silu", "--m 2 --k 1280", rows("silu")),
    Case("rows", "residual_add", "residual_add", "residual_add", "--m 2 --k 1280", residual),
    Case("rows", "rmsnorm", "rmsnorm", "norm_rows", "--m 2 --k 1280 --bias 1", norm),
]
