# SPDX-License-Identifier: Apache-2.0
"""What comes before the first layer and after the last: embedding, output head, greedy choice."""
import numpy as np

from . import reference
from .case import Case, floats, halves, pack, up

#        tokens and channels of a thread, K of a stage, stages (gpu/ends.cu)
TILES = ((1, 1, 64, 4), (2, 1, 64, 4), (4, 2, 32, 4), (8, 4, 32, 2))


def embed(memory, random, s):
    table, token = halves(random, s["n"], s["k"]), random.integers(0, s["n"], s["m"]).astype(np.int32)
    r = memory.add(np.zeros((s["m"], s["k"]), np.float32))
    memory.expected.append((r, table[token].astype(np.float32)))
    return pack("PPPII", r, memory.add(table), memory.add(token), s["n"], s["k"]), (s["m"], 1, 1)


def head(tile):
    def make(memory, random, s):
        m, n, k, (tm, tn, bk, _) = s["m"], s["n"], s["k"], TILES[tile]
        x, w, acc = floats(random, m, k), halves(random, n, k), np.zeros((m, n), np.float32)
        y = memory.add(acc)
        for i in range(k):
            acc = reference.fma(x[:, i, None], w[:, i].astype(np.float32), acc)
        memory.expected.append((y, acc))
        parameters = pack("PPPIIII??", memory.add(x), memory.add(w), y, m, n, k, up(k, bk), k % 4 == 0, k % 8 == 0)
        return parameters, (up(n, 128 * tn), up(m, tm), 1)
    return make


def argmax(memory, random, s):
    logits = np.round(floats(random, s["m"], s["n"]), 1)   # some are equal
    token = memory.add(np.zeros(s["m"], np.int32))
    memory.expected.append((token, logits.argmax(1).astype(np.int32)))
    return pack("PPI", memory.add(logits), token, s["n"]), (s["m"], 1, 1)


CASES = [
    Case("ends", "embed", "embed", "embed_rows", "--m 2 --n 50 --k 1280", embed),
    *(Case("ends", "gemm_f16", f"gemm_f16_m{tile[0]}", f"ordered_tileILi{tile[0]}E", f"--m {tile[0]} --n {n} --k {k}", head(i))
      for i, tile in enumerate(TILES) for n, k in ((128 * tile[1], 6 * tile[2]), (128 * tile[1] + 3, 3 * tile[2] + 5))),
    Case("ends", "argmax", "argmax", "argmax_rows", "--m 2 --n 1300", argmax),
]
