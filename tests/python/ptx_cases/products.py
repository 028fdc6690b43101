# SPDX-License-Identifier: Apache-2.0
"""Quantized products, by mma.sync and by wgmma."""
import numpy as np

from ptx import TensorMap

from . import reference
from .case import Case, floats, halves, pack, up

NAMES = ("gemm_w8a8", "gemm_w4a8_channel", "gemm_w4a8_group")
#        tokens, channels, K of a stage, template arguments, in the order of gpu/gemm_tiles.cuh
TILES = ((16, 128, 128, (1, 4, 2)), (32, 128, 128, (1, 4, 2)), (64, 128, 128, (1, 3, 2)), (128, 128, 64, (2, 4, 1)),
         (8, 128, 128, (1, 2, 2)), (16, 128, 128, (1, 2, 2)), (32, 128, 128, (1, 2, 2)), (64, 256, 128, (2, 2, 1)), (128, 256, 128, (2, 2, 1)),
         (256, 128, 128, (2, 1, 1)))
WIDE = 4   # the first tile of wgmma
ROLES = {"producer": slice(0, 4), "consumer": slice(4, None)}


class Weight:
    """Random weights of a scheme: arrays in the order of kernels (N 5.2, 5.3) and the integers that they mean."""

    def __init__(self, random, scheme, n, k, steps):
        self.n32, self.k32 = up(n, 32), up(k, 32)
        columns, depth, groups = 32 * self.n32, 32 * self.k32, up(self.k32, steps)
        code = random.integers(0, 16, (columns, depth))
        code[n:], code[:, k:] = 0, 0
        self.zero = random.integers(0, 16, columns)
        # (q - z) s2 and z s2 in a byte of either sign (N 4.4).
        s2, z = random.integers(1, 9, (groups, columns)), random.integers(0, 16, (groups, columns))
        if scheme == 0:
            code = random.integers(-127, 128, (n, k))
            self.code, self.value = code.astype(np.int8), code
        else:
            self.code = self.tile(code)
            group = np.arange(depth) // 32 // steps
            self.value = (code if scheme == 1 else (code - z[group].T) * s2[group].T)[:n, :k]
        channel = np.arange(columns)
        place = channel & ~31 | (channel & 7) << 2 | channel >> 3 & 3
        self.s2, self.zeros = np.zeros((2, groups, columns), np.uint8)
        self.s2[:, place], self.zeros[:, place] = s2, -z * s2 & 255

    def tile(self, code):
        n, k = np.meshgrid(np.arange(len(code)), np.arange(code.shape[1]), indexing="ij")
        at = ((n >> 5) * self.k32 + (k >> 5)) * 512 + ((n & 7) << 2 | k >> 2 & 3) * 16 + ((k >> 4 & 1) << 3) + ((n >> 3 & 1) << 2) + (k & 3)
        tiled = np.zeros(code.size // 2, np.uint8)
        np.bitwise_or.at(tiled, at, (code << 4 * (n >> 4 & 1)).astype(np.uint8))
        return tiled


def group_rows(steps, group_steps):
    """The most groups that `steps` blocks of 32 meet which begin at a multiple of steps."""
    return max((first + steps - 1) // group_steps - first // group_steps + 1 for first in range(0, steps * group_steps, steps))


def maps(scheme, bm, bn, bk, s, pitch, steps, weight, at):
    """The four maps of a product by wgmma and the rows of parameters of a stage; those that a scheme has not are zeros."""
    m, n, k = s["m"], s["n"], s["k"]
    rows = group_rows(bk // 32, steps)
    x = TensorMap(at["x"], k, m, pitch, bk, bm, 128, 1)
    if scheme == 0:
        code = TensorMap(at["code"], k, n, k, bk, bn, 128, 1)
    else:
        code = TensorMap(at["code"], 512 * weight.k32, weight.n32, 512 * weight.k32, 16 * bk, bn // 32, 0, 8)
    parameters = []
    if scheme == 2:
        groups, columns = weight.s2.shape
        parameters = [TensorMap(at[name], columns, groups, columns, bn, rows, 0, 1).encode() for name in ("s2", "zeros")]
    return x.encode() + code.encode() + b"".join(parameters).ljust(256, b"\0") + pack("I", rows if scheme == 2 else 0)


def product(tile, scheme):
    bm, bn, bk, _ = TILES[tile]

    def make(memory, random, s):
        m, n, k = s["m"], s["n"], s["k"]
        tiles = up(k, bk)
        per = up(tiles, s.get("splits", 1))
        splits, outputs = up(tiles, per), (up(m, bm), up(n, bn))
        # A band is 2048 tokens; a product is cut into bands or splits, never both.
        bands = 1 if splits > 1 else up(outputs[0], 2048 // bm)
        grid = up(outputs[0], bands), outputs[1], max(splits, bands)
        pitch = up(k, 16) * 16
        steps = min(s.get("group", 128) // 32, up(k, 32)) if scheme == 2 else 1
        weight = Weight(random, scheme, n, k, steps)
        x = random.integers(-127, 128, (m, pitch))
        scale, s1, bias = np.abs(floats(random, m)), np.abs(halves(random, n) / np.float16(99)), floats(random, n)
        total = x[:, :k].sum(1).astype(np.int32)
        acc = x[:, :k] @ weight.value.T - (np.outer(total, weight.zero[:n]) if scheme == 1 else 0)
        y = reference.fma(s1.astype(np.float32) * scale[:, None], acc.astype(np.float32), bias if s.get("bias") else np.float32(-0.0))
        arrays = {"x": x.astype(np.int8), "x_scale": scale, "x_sum": total, "code": weight.code, "s": s1, "z": weight.zero.astype(np.uint8),
                  "s2": weight.s2, "zeros": weight.zeros, "bias": bias, "y": np.zeros((m, n), np.float16),
                  "partial": np.zeros((outputs[0] * outputs[1], splits, bm * bn), np.int32), "counter": np.zeros(outputs[0] * outputs[1], np.uint32)}
        at = {name: memory.add(array) for name, array in arrays.items()}
        at["bias"] = at["bias"] if s.get("bias") else 0
        memory.expected.append((at["y"], y.astype(np.float16)))
        parameters = pack("PPPPPPPPPPPPQIIIIIIIIII???", *at.values(), pitch, m, n, k, weight.n32, weight.k32, steps, len(weight.s2),
                          tiles, per, splits, True, k % 16 == 0, n % 2 == 0)
        if tile >= WIDE:
            size = up(len(parameters) - 16, s["align"]) * s["align"]
            parameters = parameters.ljust(size, b"\0")[:size] + maps(scheme, bm, bn, bk, s, pitch, steps, weight, at)
        return parameters, grid
    return make


def case(tile, scheme, m, n, k, more="", bias=1):
    bm, bn, bk, rest = TILES[tile]
    kind = "wgmma_" if tile >= WIDE else ""
    shape = "ELi".join(map(str, (bm, *rest) if tile >= WIDE else (bm, bn, bk, *rest)))
    return Case("gemm", NAMES[scheme], f"{NAMES[scheme]}_{kind}m{bm}n{bn}k{bk}", f"gemm_{kind}tileILi{shape}EEELNS_11gemm_schemeE{scheme}E",
                f"--m {m} --n {n} --k {k} --bias {bias} --tile {tile} {more}", product(tile, scheme),
                ROLES if tile >= WIDE else {}, tile >= WIDE)


def cases():
    for tile, (bm, bn, bk, _) in enumerate(TILES):
        splits = 2 if bm <= 16 else 1
        for scheme in range(3):
            # By wgmma each block fills stages again: none has more than 8.
            yield case(tile, scheme, bm, bn, (10 * splits if tile >= WIDE else 6) * bk, f"--splits {splits}")
    # Groups that a stage of 128 does not hold whole numbers of; edges of M, N and K.
    for tile in (0, 5, 9):
        yield case(tile, 2, TILES[tile][0] + 1, 147, 304, "--group 96 --splits 1")
    # Two bands, of which the second has a block without tokens; no bias.
    for tile in (3, 9):
        yield case(tile, 1, 2049, 128, TILES[tile][2], "--splits 1", bias=0)


CASES = list(cases())
