# SPDX-License-Identifier: Apache-2.0
"""Matrix products: N 6."""
import numpy as np

from .arithmetic import D, chain, f32, fma, rn16
from .weights import operand


def product(q, b):
    """Exact: every partial sum is an integer below 2^53."""
    return (q.astype(D) @ b.astype(D).T).astype(np.int64)


def gemm(c):
    """N 6.1 to 6.3."""
    acc = product(c["q"], operand(c, False))
    end = acc
    if "tiled" in c and "s2" not in c:
        end = acc - c["z"].astype(np.int64) * c["sum"].astype(np.int64)[:, None]
    scale = f32(c["s"]) * c["scale"][:, None]
    y = fma(scale, f32(end), c["bias"]) if "bias" in c else scale * f32(end)
    return {"acc": acc.astype(np.int32), "y": rn16(y)}


def ordered(c):
    """N 6.4."""
    y = chain(c["x"][:, None], f32(c["w"]))
    return {"y": y + c["bias"] if "bias" in c else y}
