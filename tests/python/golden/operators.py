# SPDX-License-Identifier: Apache-2.0
"""All operators: name to a function from a Case to its outputs by name."""
import numpy as np

from . import arithmetic, attention, cache, elementary, layouts, products, qserve_attention, qserve_linear, rope, rows, serving, weights
from .arithmetic import f32, rn16, sumprod
from .compare import Near


def one(name, function):
    """An operator with one output."""
    return lambda c: {name: function(c)}


def sincos(c):
    return {"sine": Near(f32(np.sin(c["x"])), 1), "cosine": Near(f32(np.cos(c["x"])), 1)}


def sums(c):
    return {"sum": arithmetic.total(c["x"]), "sumsq": sumprod(c["x"], c["x"]), "sumprod": sumprod(c["x"], c["y"])}


OPERATORS = {
    # Numbers
    "half_from_float": one("y", lambda c: rn16(c["x"])),
    "half_to_float": one("y", lambda c: f32(c["x"])),
    "exp": one("y", lambda c: elementary.exp(c["x"])),
    "exp2": one("y", lambda c: elementary.exp2(c["x"])),
    "rsqrt": one("y", lambda c: elementary.rsqrt(c["x"])),
    "sincos": sincos,
    "sums": sums,
    # Rows
    "act_quantize": lambda c: rows.quantize(f32(c["x"])),
    "act_dequantize": rows.dequantize,
    "rmsnorm": one("y", rows.rmsnorm),
    "rmsnorm_quantize": lambda c: rows.quantize(rows.rmsnorm(c)),
    "residual_add": one("y", rows.residual),
    "residual_rmsnorm": one("y", rows.residual_rmsnorm),
    "residual_rmsnorm_quantize": rows.residual_rmsnorm_quantize,
    "silu_mul": one("y", rows.silu),
    "silu_mul_quantize": lambda c: rows.quantize(rows.silu(c)),
    # Weights and products
    "weight_quantize_w8": lambda c: weights.quantize_w8(c["w"]),
    "weight_quantize_w4_channel": lambda c: weights.quantize_channel(c["w"]),
    "weight_quantize_w4_group": lambda c: weights.quantize_group(c["w"], c.n("group")),
    "weight_dequantize_w8": weights.dequantize,
    "weight_dequantize_w4_channel": weights.dequantize,
    "weight_dequantize_w4_group": weights.dequantize,
    "tile_codes": one("tiled", lambda c: layouts.tile(layouts.unpack(c["code"], c.n("k")))),
    "tile_groups": lambda c: dict(zip(("s2_scales", "s2_zeros"), layouts.tile_groups(c["s2"], c["z"]))),
    "channel_szeros": one("szeros", weights.szeros),
    "gemm_w8a8": products.gemm,
    "gemm_w4a8_channel": products.gemm,
    "gemm_w4a8_group": products.gemm,
    "gemm_f32": products.ordered,
    "gemm_f16": products.ordered,
    # Cache and attention
    "rope_table": rope.rope_table,
    "rope_apply": one("y", lambda c: rope.rotate(c["x"], c["sine"], c["cosine"])),
    "kv_write": one("pages", lambda c: cache.written(c, cache.quantize_kv)),
    "kv_read": one("x", lambda c: cache.read(c, cache.values)),
    "query_quantize": attention.query,
    "attention_decode": one("out", attention.attention_decode),
    "attention_prefill": one("out", attention.attention_prefill),
    "attention_split": attention.attention_split,
    "attention_f32": one("out", attention.attention_f32),
    # Serving
    "embed": one("r", serving.embed),
    "rope_write": serving.rope_write,
    "argmax": one("token", serving.argmax),
    # Part B
    "qserve_act_quantize": qserve_linear.quantize,
    "qserve_norm_quantize": qserve_linear.norm_quantize,
    "qserve_rmsnorm": one("y", qserve_linear.rmsnorm),
    "qserve_silu_mul": one("y", qserve_linear.silu),
    "qserve_gemm_w8a8": one("y", qserve_linear.gemm),
    "qserve_gemm_w4a8_channel": one("y", qserve_linear.gemm),
    "qserve_gemm_w4a8_group": one("y", qserve_linear.gemm),
    "qserve_kv_write": one("pages", lambda c: cache.written(c, qserve_attention.quantize_kv)),
    "qserve_kv_read": one("x", lambda c: cache.read(c, qserve_attention.values)),
    "qserve_rope": one("y", qserve_attention.rope),
    "qserve_attention": one("out", qserve_attention.attention),
}
