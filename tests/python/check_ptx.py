#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The counts of the emulator against the PTX that nvcc makes of the same kernels, run by ptx.py.

check_ptx.py SIM DIRECTORY MARGINS [--table] [--only TEXT]

DIRECTORY holds UNIT.ptx of each unit of gpu/. Each launch of CASES is run twice on the same shape: by `SIM run` and from its PTX; what the PTX
executes over what the emulator counts must lie within MARGINS (data/counts/ptx-margins.csv). Results that are easily told are compared with
NumPy's, as a sign that what is counted is what the kernel does. --table prints the counts.
"""
import collections
import csv
import os
import re
import struct
import subprocess
import sys

import numpy as np

import ptx

# Classes of the emulator, with the opcodes that they are; the first count warps, the others lanes.
WARPS = {"mma_s8": r"mma\.", "load_matrix": r"ldmatrix", "shuffle": r"shfl", "vote": r"vote", "barrier": r"bar\.sync", "sync_warp": r"bar\.warp",
         "copy_async": r"cp\.async\.c[ag]\.", "shared_load": r"ld\.shared", "shared_store": r"st\.shared",
         "global_load": r"ld\.(?!shared|param)", "global_store": r"st\.(?!shared)"}
LANES = {"fp32": r"(add|sub|mul|fma)\.rn\.f32", "special": r"(div|sqrt)\.rn\.f32", "fence": r"membar", "atomic": r"atom",
         "conversion": r"cvt\.(rn\.f32\.s32|rni|rpi|f32\.f16|rn\.f16)", "integer_multiply": r"(mad|mul)\.lo\.[su]32|dp2a",
         "integer_add": r"(add|sub|min|max)\.[su]32", "logic": r"(and|or|xor|not)\.b32|bfi", "shift": r"(shl|shr)\.[bsu]32|prmt"}


class Case:
    """A launch: its unit, the entry's mangled name as a pattern, the options of `qoq sim run` and what makes its parameters."""

    def __init__(self, unit, kernel, launch, entry, options, make):
        self.unit, self.kernel, self.launch, self.entry, self.options, self.make = unit, kernel, launch, entry, options, make
        words = options.split()
        self.size = {name.lstrip("-").replace("-", "_"): int(value) for name, value in zip(words[::2], words[1::2])}


def pack(layout, *values):
    """A struct as C lays it out; longer than needed does no harm."""
    return struct.pack("@" + layout, *values) + bytes(16)


def halves(generator, *shape):
    return generator.normal(size=shape).astype(np.float16)


# ---- Parameters of each kernel: (memory, random numbers, sizes) to bytes and grid ----


def rows(kind):
    def make(memory, random, s):
        m, k = s["m"], s["k"]
        x = [memory.add(halves(random, m, k)) for _ in range(2)]
        outputs = [memory.add(np.zeros((m, k), np.int8)), memory.add(np.zeros(m, np.float32)), memory.add(np.zeros(m, np.int32))]
        if kind == "half":
            source = struct.pack("@P", x[0])
        elif kind == "silu":
            source = struct.pack("@PPQ", *x, k)
        else:
            source = struct.pack("@PPPf4x", memory.add(random.normal(size=(m, k)).astype(np.float32)), x[0] if s.get("bias") else 0,
                                 memory.add(np.ones(k, np.float32)), 1e-5)
        return source + pack("PPPQI?", *outputs, k, k, k % 4 == 0), (m, 1, 1)
    return make


def residual(memory, random, s):
    r, o = random.normal(size=s["m"] * s["k"]).astype(np.float32), halves(random, s["m"] * s["k"])
    at = memory.add(r)
    memory.expected = [(at, r + o.astype(np.float32))]
    return pack("PPQ", at, memory.add(o), r.size), (-(-r.size // 256), 1, 1)


def untile(code, n32, k32):
    """Codes 0 to 15 of the tiled layout (N 5.2), [32 n32][32 k32]."""
    half, odd, r, c, byte = np.meshgrid(range(2), range(2), range(8), range(4), range(4), indexing="ij")
    at = (4 * r + c) * 16 + (2 * half + odd) * 4 + byte
    tiles, out = code.reshape(n32, k32, 512) & 255, np.zeros((n32, 32, k32, 32), np.int64)
    for high in range(2):
        values = tiles[:, :, at.reshape(-1)] >> 4 * high & 15
        out[:, (r + 8 * odd + 16 * high).reshape(-1), :, (16 * half + 4 * c + byte).reshape(-1)] = np.moveaxis(values, 2, 0)
    return out.reshape(32 * n32, 32 * k32)


def product(bm, bk, scheme):
    def make(memory, random, s):
        m, n, k, group = s["m"], s["n"], s["k"], s.get("group", 128)
        n32, k32, tiles = -(-n // 32), -(-k // 32), -(-k // bk)
        per = -(-tiles // s["splits"])
        splits, grid = -(-tiles // per), (-(-n // 128), -(-m // bm))
        pitch = -(-k // 16) * 16
        steps = min(group // 32, k32) if scheme == 2 else 1
        groups = -(-k32 // steps)
        code = random.integers(-128, 128, (n, k) if scheme == 0 else n32 * k32 * 512)
        x, scale = random.integers(-127, 128, (m, pitch)), np.abs(halves(random, n) / np.float16(99))
        y = memory.add(np.zeros((m, n), np.float16))
        weight = (code if scheme == 0 else untile(code, n32, k32) if scheme == 1 else 8 * (untile(code, n32, k32) - 8))[:n, :k]
        memory.expected = [(y, (scale.astype(np.float32) * (x[:, :k] @ weight.T).astype(np.float32)).astype(np.float16))]
        parameters = pack("PPPPPPPPPPPPQIIIIIIIIII???",
                          memory.add(x.astype(np.int8)), memory.add(np.ones(m, np.float32)), memory.add(np.zeros(m, np.int32)),
                          memory.add(code.astype(np.int8)), memory.add(scale), memory.add(np.zeros(n, np.uint8)),
                          memory.add(np.full(groups * 32 * n32, 8, np.uint8)), memory.add(np.full(groups * 32 * n32, 192, np.uint8)),
                          memory.add(np.zeros(n, np.float32)) if s.get("bias") else 0, y,
                          memory.add(np.zeros((grid[0] * grid[1], splits, bm * 128), np.int32)), memory.add(np.zeros(grid[0] * grid[1], np.uint32)),
                          pitch, m, n, k, n32, k32, steps, groups, tiles, per, splits, True, k % 16 == 0, n % 2 == 0)
        return parameters, (grid[1], grid[0], splits)
    return make


def cache(memory, random, s, bits):
    """kv_cache of one sequence whose pages lie in order, and the bytes of a vector."""
    vector = s["head_dim"] * bits // 8
    pages = -(-s["context"] // s["page"])
    slots = s["page"] * s["kv_heads"]
    pools = []
    for _ in range(2):
        codes = random.integers(0, 256, (pages, slots * vector)).astype(np.uint8)
        factors = np.abs(halves(random, pages, 2 * slots)).view(np.uint8)
        pools.append(memory.add(np.concatenate([codes, factors], 1)))
    table = memory.add(np.arange(pages, dtype=np.int32))
    log2 = (s["page"] - 1).bit_length()
    inverse = -(-(1 << 31 + log2) // s["page"])
    return struct.pack("@PPPQQIIIIII", *pools, table, pages, slots * (vector + 4), bits, s["page"], s["kv_heads"], s["head_dim"], inverse, log2), vector


def attention(bits, heads):
    def make(memory, random, s):
        pool, vector = cache(memory, random, s, bits)
        m, dim, q_heads = s["m"], s["head_dim"], s["q_heads"]
        splits, vectors, dims = -(-s["context"] // 128), -(-vector // 16), 32 // bits
        pitch = 16 * (vectors | 1)
        at = [128 * pitch]
        for size in (128 * pitch, 4 * heads * vectors * 2 * dims, 8 * heads, 24 * 4 * heads, 4 * heads * 64):
            at.append(at[-1] + size)
        parameters = pool + pack("??6xPPPPIIIIIIIIIIII", True, True, memory.add(random.normal(size=(m, q_heads, dim)).astype(np.float32)), memory.add(np.zeros(m, np.int32)),
                                 memory.add(np.full(m, s["context"], np.int32)), memory.add(np.zeros((m, q_heads, splits, dim + 2), np.float32)), q_heads,
                                 q_heads // s["kv_heads"], splits, vectors, pitch, -(-65536 // vectors), *at)
        return parameters, (m * splits, s["kv_heads"], 1)
    return make


def merge(memory, random, s):
    m, dim, heads, splits = s["m"], s["head_dim"], s["q_heads"], -(-s["context"] // 128)
    parameters = pack("PPPIII?", memory.add(random.normal(size=(m, heads, splits, dim + 2)).astype(np.float32)), memory.add(np.full(m, s["context"], np.int32)),
                      memory.add(np.zeros((m, heads, dim), np.float16)), heads, splits, dim, False)
    return parameters, (m * heads, 1, 1)


def rope(memory, random, s):
    pool, _ = cache(memory, random, dict(s, context=s["m"]), s["bits"])
    m, heads, dim = s["m"], s["q_heads"] + 2 * s["kv_heads"], s["head_dim"]
    angles = random.normal(size=(m, dim // 2)).astype(np.float32)
    parameters = pool + pack("PPPPPPPPfI", memory.add(halves(random, m, heads, dim)), memory.add(np.sin(angles)), memory.add(np.cos(angles)), memory.add(np.zeros(m, np.int32)),
                             memory.add(np.arange(m, dtype=np.int32)), memory.add(np.zeros((m, s["q_heads"], dim), np.float32)), 0, 0, 0.0, s["q_heads"])
    return parameters, (m, -(-heads // 4), 1)


def products():
    for scheme, name in enumerate(("gemm_w8a8", "gemm_w4a8_channel", "gemm_w4a8_group")):
        for bm, bk, warps, stages, blocks in ((16, 128, 1, 4, 2), (32, 128, 1, 4, 2), (64, 128, 1, 3, 2), (128, 64, 2, 4, 1)):
            yield Case("gemm", name, f"{name}_m{bm}n128k{bk}", f"gemm_tileILi{bm}ELi128ELi{bk}ELi{warps}ELi{stages}ELi{blocks}EEELNS_11gemm_schemeE{scheme}E",
                       f"--m {bm} --n 128 --k {6 * bk} --splits {2 if bm == 16 else 1} --bias 1 --tile {(16, 32, 64, 128).index(bm)}", product(bm, bk, scheme))


def attentions():
    for bits in (4, 8):
        for heads in (1, 2, 4, 8):
            yield Case("attention", f"attention_kv{bits}", f"attention_kv{bits}_r{heads}", f"attention_splitILi{bits}ELi{heads}E",
                       f"--m 1 --q-heads {heads} --kv-heads 1 --head-dim 128 --page 64 --context 200 --uniform 1", attention(bits, heads))


CASES = [
    Case("rows", "act_quantize", "act_quantize", "quantize_rowsINS_8row_half", "--m 2 --k 1280", rows("half")),
    Case("rows", "rmsnorm_quantize", "rmsnorm_quantize", "quantize_rowsINS_8row_norm", "--m 2 --k 1280 --bias 1", rows("norm")),
    Case("rows", "silu_mul_quantize", "silu_mul_quantize", "quantize_rowsINS_8row_silu", "--m 2 --k 1280", rows("silu")),
    Case("rows", "residual_add", "residual_add", "residual_add", "--m 2 --k 1280", residual),
    *products(),
    Case("attention", "rope_write", "rope_write", "rope_write", "--m 2 --q-heads 4 --kv-heads 2 --head-dim 128 --page 64 --bits 4", rope),
    *attentions(),
    Case("attention", "attention_kv4", "attention_merge", "attention_merge", "--m 1 --q-heads 2 --kv-heads 1 --head-dim 64 --page 64 --context 2500 --uniform 1", merge),
]


# ---- Comparison ----


def emulated(sim, case):
    """{what: count} of the launch."""
    text = subprocess.run([sim, "run", case.kernel, "--csv"] + case.options.split(), check=True, capture_output=True, text=True).stdout
    counts = collections.Counter()
    for row in csv.DictReader(text.splitlines()):
        if row["kernel"] == case.launch:
            counts[row["what"]] += int(row["count"])
    return counts


def from_ptx(kernels, case, counts):
    """The same from the PTX; {what: count}."""
    entries = [kernel for name, kernel in kernels[case.unit].items() if re.search(case.entry, name)]
    assert len(entries) == 1, f"{case.launch}: {len(entries)} entries match"
    memory = ptx.Memory(1 << 24)
    parameters, grid = case.make(memory, np.random.default_rng(1), case.size)
    assert grid[0] * grid[1] * grid[2] == counts["blocks"], f"{case.launch}: {grid} are not {counts['blocks']} blocks"
    lanes, warps = ptx.launch(entries[0], memory, parameters, grid, counts["threads_per_block"], counts["shared_bytes_per_block"])
    for at, array in getattr(memory, "expected", []):
        assert np.array_equal(memory.get(at, array.dtype, array.size).reshape(array.shape), array), f"{case.launch}: the PTX computes something else"
    found = collections.Counter()
    for table, of in ((WARPS, warps), (LANES, lanes)):
        for what, pattern in table.items():
            found[what] = sum(count for op, count in of.items() if re.match(pattern, op))
    return found


def main():
    sim, directory = sys.argv[1:3]
    with open(sys.argv[3], encoding="utf-8", newline="") as file:
        margins = {row["what"]: row for row in csv.DictReader(line for line in file if not line.startswith("#"))}
    only = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
    kernels = {name[:-4]: ptx.parse(os.path.join(directory, name)) for name in sorted(os.listdir(directory)) if name.endswith(".ptx")}
    out, bad = csv.writer(sys.stdout, lineterminator="\n"), 0
    if "--table" in sys.argv:
        out.writerow(["kernel", "what", "emulator", "ptx"])
    for case in CASES:
        if only not in case.launch or case.unit not in kernels:
            continue
        counts = emulated(sim, case)
        found = from_ptx(kernels, case, counts)
        for what in [*WARPS, *LANES]:
            least, most = (float(margins[what][name] or "inf") for name in ("least", "most"))
            if not least * counts[what] <= found[what] <= (most * counts[what] if most < float("inf") else most):
                bad += 1
                print(f"{case.launch}: {what}: {counts[what]} on the emulator, {found[what]} in PTX ({case.options})", file=sys.stderr)
            if "--table" in sys.argv and (counts[what] or found[what]):
                out.writerow([case.launch, what, counts[what], found[what]])
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
