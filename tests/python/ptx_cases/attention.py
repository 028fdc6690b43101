# SPDX-License-Identifier: Apache-2.0
"""Rotation and writing of keys, attention of single rows and of runs of tokens, merges."""
import struct

import numpy as np

from . import reference
from .case import Case, floats, halves, pack, up
from .pages import Cache

F = np.float32
SEQUENCES, SMS = 3, 108   # of gpu/verify; of the emulator's GPU


def rope(memory, random, s):
    m, heads, half, q_heads = s["m"], s["q_heads"] + 2 * s["kv_heads"], s["head_dim"] // 2, s["q_heads"]
    cache, eps = Cache(memory, random, s, s["m"]), F(1e-5)
    qkv, angles, gains = halves(random, m, heads, 2 * half), floats(random, m, half), floats(random, 2, 2 * half)
    x, sin, cos = qkv.astype(F), np.sin(angles), np.cos(angles)
    if s.get("bias"):
        for first, count, gain in ((0, q_heads, gains[0]), (q_heads, s["kv_heads"], gains[1])):
            x[:, first:first + count] = reference.rmsnorm(x[:, first:first + count].reshape(-1, 2 * half), gain, eps).reshape(m, count, 2 * half)
    turned, (a, b) = x.copy(), (x[..., :half], x[..., half:])
    turned[..., :half] = reference.fma(cos[:, None], a, -(sin[:, None] * b))
    turned[..., half:] = reference.fma(cos[:, None], b, sin[:, None] * a)
    for token in range(m):
        for head in range(s["kv_heads"]):
            cache.write(0, 0, token, head, turned[token, q_heads + head])
            cache.write(1, 0, token, head, x[token, q_heads + s["kv_heads"] + head])
    q = memory.add(np.zeros((m, q_heads, 2 * half), F))
    memory.expected += [(q, turned[:, :q_heads]), *zip(cache.at, cache.pools)]
    gain = [memory.add(g) if s.get("bias") else 0 for g in gains]
    parameters = cache.parameters() + pack("PPPPPPPPfI", memory.add(qkv), memory.add(sin), memory.add(cos), memory.add(np.zeros(m, np.int32)),
                                           memory.add(np.arange(m, dtype=np.int32)), q, *gain, eps, q_heads)
    return parameters, (m, up(heads, 4), 1)


def rows(bits, heads):
    def make(memory, random, s):
        m, dim, q_heads, context = s["m"], s["head_dim"], s["q_heads"], s["context"]
        cache, q = Cache(memory, random, dict(s, bits=bits), context), floats(random, m, q_heads, dim)
        splits, vectors = up(context, 128), up(cache.vector, 16)
        pitch = 16 * (vectors | 1)
        at = [128 * pitch]
        for size in (128 * pitch, 4 * heads * vectors * 2 * 32 // bits, 8 * heads, 24 * 4 * heads, 4 * heads * 64):
            at.append(at[-1] + size)
        group = q_heads // s["kv_heads"]
        want = [[[np.concatenate([part[:2], part[2]]) for part in cache.splits(q[row, h], 0, h // group, context)] for h in range(q_heads)] for row in range(m)]
        partial = memory.add(np.zeros((m, q_heads, splits, dim + 2), F))
        memory.expected.append((partial, np.array(want, F)))
        parameters = cache.parameters() + pack("??6xPPPPIIIIIIIIIIII", True, True, memory.add(q), memory.add(np.zeros(m, np.int32)),
                                               memory.add(np.full(m, context, np.int32)), partial, q_heads, group, splits, vectors, pitch, up(1 << 16, vectors), *at)
        return parameters, (m * splits, s["kv_heads"], 1)
    return make


def merge(merged):
    def make(memory, random, s):
        m, dim, heads, splits = s["m"], s["head_dim"], s["q_heads"], up(s["context"], 128)
        partial = floats(random, m, heads, splits, dim + 2)
        parts = [[[(part[0], part[1], part[2:]) for part in partial[row, head]] for head in range(heads)] for row in range(m)]
        want = [[reference.in_order(part[::16], 1) if merged else reference.in_order(part) for part in row] for row in parts]
        out = memory.add(np.zeros((m, heads, dim), np.float16))
        memory.expected.append((out, np.array(want)))
        parameters = pack("PPPIII?", memory.add(partial), memory.add(np.full(m, s["context"], np.int32)), out, heads, splits, dim, merged)
        return parameters, (m * heads, 1, 1)
    return make


# ---- Runs of tokens ----


def draw(state, lo, hi):
    """int(U, lo, hi) of N 13.2, and the next state of 13.1."""
    mask = (1 << 64) - 1
    state = u = (state + 0x9E3779B97F4A7C15) & mask
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        u = (u ^ u >> shift) * factor & mask
    return state, lo + ((u >> 32) * (hi - lo + 1) >> 32)


def runs(m, context, seed=1):
    """How `qoq sim run` deals rows out to sequences: their numbers, and where the rows of each begin."""
    state, start = seed, [0]
    for b in range(SEQUENCES):
        most = min(m - start[-1], context)
        count = most
        if b + 1 < SEQUENCES:
            state, count = draw(state, int(b == 0 and most > 0), most)
        start.append(start[-1] + count)
    return [(b + seed) % SEQUENCES for b in range(SEQUENCES)], start


def cut(m, group, asked):
    """How rows and heads are cut: rows and heads of a tile, blocks of heads, slots (gpu/attention_prefill.cu)."""
    def one(rows):
        heads = min(group, 64 // rows)
        return rows, heads, up(group, heads), m // rows + 2 * SEQUENCES

    choice = [one(1 << i) for i in range(7)]
    return one(asked) if asked else min(choice, key=lambda c: (up(m, c[0]) + SEQUENCES) * c[2])


def laid_out(cache, steps, out_steps, vectors):
    """How prefill_params begin, up to the rows of codes in shared memory, and what they say of the rest of it, for so many query vectors."""
    keys, values = ((n, 16 * (n | 1), (n - 1).bit_length()) for n in (steps * cache.bits // 4, out_steps * cache.bits // 4))
    at_values = 128 * keys[1]
    at_q, query_pitch = at_values + 128 * values[1], 32 * steps + 16
    at_place = at_q + 2 * vectors * query_pitch
    # The first row lies where the base class has room left.
    begin = struct.pack("@??2xIIIIIIII4x", cache.vector % 16 == 0, True, 0, keys[1], keys[0], keys[2], at_values, values[1], values[0], values[2])
    return cache.parameters() + begin, (query_pitch, at_q, at_place, at_place + 8 * 128, at_place + 8 * 128 + 2 * 16 * 128)


def prefill(bits):
    def make(memory, random, s):
        dim, q_heads, context = s["head_dim"], s["q_heads"], s["context"]
        sequence, start = runs(s["m"], context)
        m, group = start[-1], q_heads // s["kv_heads"]
        cache, q = Cache(memory, random, dict(s, bits=bits), context, SEQUENCES), floats(random, m, q_heads, dim)
        steps = up(dim, 32)
        out_blocks = up(steps, 4)
        out_steps = up(steps, out_blocks)
        rows, heads, head_blocks, slots = cut(m, group, 1 << s["tile"] % 8 if "tile" in s else 0)
        tiles, levels = slots * head_blocks * s["kv_heads"] * out_blocks, ((context - 1) // 2048).bit_length()
        blocks = tiles if levels == 0 else min(tiles, 4 * SMS)
        out = memory.add(np.zeros((m, q_heads, dim), np.float16))
        want = np.zeros((m, q_heads, dim), np.float16)
        for b in range(SEQUENCES):
            for row in range(start[b], start[b + 1]):
                for h in range(q_heads):
                    want[row, h] = reference.in_order(cache.splits(q[row, h], sequence[b], h // group, context - (start[b + 1] - 1 - row)))
        memory.expected.append((out, want))
        begin, shared = laid_out(cache, steps, out_steps, 64)
        parameters = begin + pack("PPPPPPIIIIIIIIIIIIIIIII?", memory.add(q), memory.add(np.array(sequence, np.int32)), memory.add(np.full(SEQUENCES, context, np.int32)),
                                  memory.add(np.array(start, np.int32)), memory.add(np.zeros((blocks, levels, 4 + 16 * 4, 128), F)) if levels else 0, out, q_heads, group,
                                  SEQUENCES, rows, heads, head_blocks, out_blocks, slots, tiles, levels, steps, out_steps, *shared, True)
        return parameters, (blocks, 1, 1)
    return make


def decode_cases():
    for bits in (4, 8):
        for heads in (1, 2, 4, 8):
            yield Case("attention", f"attention_kv{bits}", f"attention_kv{bits}_r{heads}", f"attention_splitILi{bits}ELi{heads}E",
                       f"--m 1 --q-heads {heads} --kv-heads 1 --head-dim 128 --page 64 --context 200 --uniform 1", rows(bits, heads))


def merge_cases():
    """Of splits, of one leaf and of two; of leaves."""
    for kernel, merged, context, more in (("attention_kv4", False, 2500, ""), ("attention_kv4", False, 300, ""), ("attention_decode_kv4", True, 4200, "--splits 16")):
        yield Case("attention", kernel, "attention_merge", "attention_merge",
                   f"--m 1 --q-heads 2 --kv-heads 1 --head-dim 64 --page 64 --context {context} --uniform 1 {more}", merge(merged))


def prefill_cases():
    """By rows of a tile, heads, dimensions and context: one split and several, an output in two blocks, a tree of leaves."""
    for bits in (4, 8):
        for m, heads, groups, dim, context, more in ((5, 4, 1, 128, 200, ""), (5, 4, 2, 64, 100, "--tile 0"), (40, 1, 1, 128, 300, "--tile 6"), (9, 3, 1, 40, 130, "--tile 2"),
                                                     (3, 2, 1, 256, 40, "--tile 4"), (2, 2, 1, 64, 2100, "--tile 1")):
            yield Case("attention_prefill", f"attention_prefill_kv{bits}", f"attention_prefill_kv{bits}", f"attention_prefillINS_13prefill_shapeILi{bits}E",
                       f"--m {m} --q-heads {heads * groups} --kv-heads {groups} --head-dim {dim} --page 64 --context {context} --uniform 1 {more}", prefill(bits))


CASES = [
    *(Case("attention", "rope_write", "rope_write", "rope_write", f"--m 2 --q-heads 4 --kv-heads 2 --head-dim 128 --page 64 --bits {bits} --bias {norms}", rope)
      for bits in (4, 8) for norms in (0, 1)),
    *decode_cases(),
    *merge_cases(),
    *prefill_cases(),
]
