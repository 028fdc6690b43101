# SPDX-License-Identifier: Apache-2.0
"""Attention of single rows on tensor cores."""
import numpy as np

from . import reference
from .attention import SEQUENCES, draw, laid_out
from .case import Case, floats, pack, up
from .pages import Cache

F = np.float32
LEAF = 16   # splits


def dealt(s, seed=1):
    """(sequence, context) of each row, as `qoq sim run` deals them."""
    state, rows = seed, []
    for i in range(s["m"]):
        (state, sequence), context = draw(state, 0, SEQUENCES - 1), s["context"]
        if i and not s.get("uniform"):
            state, context = draw(state, 1, s["context"])
        rows.append((sequence, context))
    return rows


def left(parts, run, whole, splits, dim):
    """What runs of splits leave of a row and head: partial results, each in the place of its first split, and the output."""
    partial, out = np.zeros((splits, dim + 2), F), np.zeros(dim, np.float16)
    if whole:
        return partial, reference.in_order(parts)
    each = LEAF if run == LEAF else 1
    for first in range(0, len(parts), each):
        most, total, o = reference.leaf(parts[first:first + each])
        partial[first] = most, total, *o
    return partial, out


def decode(bits, vectors):
    def make(memory, random, s):
        m, dim, q_heads, run, kv_heads = s["m"], s["head_dim"], s["q_heads"], s["splits"], s["kv_heads"]
        group, splits, steps = q_heads // kv_heads, up(s["context"], 128), up(dim, 32)
        heads, out_blocks, runs = min(group, vectors), up(steps, 4), up(splits, run)
        head_blocks, out_steps, whole = up(group, heads), up(steps, out_blocks), run == LEAF and runs == 1
        cache, q, rows = Cache(memory, random, dict(s, bits=bits), s["context"], SEQUENCES), floats(random, m, q_heads, dim), dealt(s)
        want = [[left(cache.splits(q[row, h], sequence, h // group, context), run, whole, splits, dim) for h in range(q_heads)]
                for row, (sequence, context) in enumerate(rows)]
        partial, out = (np.array([[one[i] for one in row] for row in want]) for i in (0, 1))
        at_partial, at_out = memory.add(np.zeros_like(partial)), memory.add(np.zeros_like(out))
        memory.expected += [(at_partial, partial), (at_out, out)]
        sequence, context = np.array(rows, np.int32).T.copy()
        begin, shared = laid_out(cache, steps, out_steps, vectors)
        # What only runs of tokens have is 0.
        parameters = begin + pack("PPPPPPIIIIIIIIIIIIIIIII?PIIII??", memory.add(q), memory.add(sequence), memory.add(context), 0, 0, at_out, q_heads, group,
                                  0, 1, heads, head_blocks, out_blocks, 0, 0, 0, steps, out_steps, *shared, True,
                                  at_partial, splits, runs, run, LEAF if run == LEAF else 1, whole, True)
        return parameters, (m * runs, kv_heads * head_blocks * out_blocks, 1)
    return make


#        rows, query heads of a key/value head, key/value heads, dimensions, context, splits of a run
SHAPES = {8: ((1, 2, 1, 128, 200, 1), (2, 8, 1, 64, 300, 2), (1, 5, 2, 40, 200, 16), (3, 3, 1, 256, 260, 1), (1, 1, 1, 64, 2300, 16)),
          16: ((1, 16, 1, 128, 200, 1), (2, 9, 1, 64, 200, 16), (1, 20, 1, 40, 140, 1), (1, 10, 1, 64, 2100, 16))}


def cases():
    """Runs of one split and of several, whole rows, leaves; rows of codes without copies; an output and heads in two blocks; contexts that differ."""
    for bits in (4, 8):
        for per_lane, vectors in ((1, 8), (2, 16)):
            for m, group, heads, dim, context, run in SHAPES[vectors]:
                yield Case("attention", f"attention_decode_kv{bits}", f"attention_decode_kv{bits}_r{vectors}",
                           f"attention_decodeINS_12decode_shapeILi{bits}ELi{per_lane}E",
                           f"--m {m} --q-heads {group * heads} --kv-heads {heads} --head-dim {dim} --page 64 --context {context} --splits {run}",
                           decode(bits, vectors))


CASES = list(cases())
