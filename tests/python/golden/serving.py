# SPDX-License-Identifier: Apache-2.0
"""Steps of serving: embedding rows, new tokens into the paged cache, the likeliest token."""
import numpy as np

from .arithmetic import f32
from .cache import quantize_kv
from .rope import rotate
from .rows import normalize


def embed(c):
    return f32(c["table"])[c["token"]]


def rope_write(c):
    """N 9.4, 8.3 and 7.2: rotated queries, and the pools with the new tokens."""
    layout, heads, at = c.layout, c.n("q_heads"), c["position"]
    x = f32(c["qkv"])
    q, k, v = x[:, :heads], x[:, heads:-layout.heads], x[:, -layout.heads:]
    if "q_norm" in c:
        q, k = (normalize(y, c[name], c.a("eps")) for y, name in ((q, "q_norm"), (k, "k_norm")))
    q, k = (rotate(y, c["sine"][at], c["cosine"][at]) for y in (q, k))
    page, slot = c["block_table"][c["sequence"], at // layout.p], at % layout.p
    pools = {name: layout.put(c[name], page, slot, quantize_kv(y, layout.bits)) for name, y in (("k_pool", k), ("v_pool", v))}
    return {"query": q, **pools}


def argmax(c):
    """N 12.5: NumPy takes the first of equal maxima, too."""
    x = c["logits"]
    none = np.isnan(x).any(1) | np.isinf(x.max(1))
    return np.where(none, -1, x.argmax(1)).astype(np.int32)
