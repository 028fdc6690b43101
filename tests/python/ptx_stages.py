#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a thread of a product executes for each stage of K: on the emulator, and in the PTX of nvcc.

ptx_stages.py SIM PTX [TEXT]

PTX: that of gpu/gemm.cu for sm_90a. TEXT: only launches whose names contain it. Each product runs with six and with ten stages; printed is a quarter of the
difference, of the threads that multiply, by class, and the last column is what PTX has besides for a weight and each use of it: addresses and loops.
"""
import csv
import sys

import ptx
from check_ptx import classified, emulated, find, from_ptx
from ptx_cases import products

CLASSES = ("integer_multiply", "integer_add", "logic", "shift")


def run(sim, kernels, tile, scheme, stages):
    """{what: count} on the emulator and from PTX, and how many threads they are of."""
    bm, bn, bk, _ = products.TILES[tile]
    case = products.case(tile, scheme, bm, bn, stages * bk, "--splits 1")
    counts = emulated(sim, case)
    executed, wrong = from_ptx(find(kernels, case), case, counts[""])
    assert not wrong, (case.launch, wrong)
    role, warps = ("consumer", case.roles["consumer"]) if case.hopper else ("", slice(None))
    return case.launch, counts[role], classified(executed, warps), 32 * len(range(counts[""]["threads_per_block"] // 32)[warps])


def main():
    sim, kernels = sys.argv[1], ptx.parse(sys.argv[2])
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["kernel", *(f"{what} {where}" for what in CLASSES for where in ("emulator", "ptx")), "extra"])
    for tile, (bm, bn, bk, _) in enumerate(products.TILES):
        for scheme in range(3):
            if only not in products.case(tile, scheme, bm, bn, bk).launch:
                continue
            (launch, *few, threads), (_, *many, _) = (run(sim, kernels, tile, scheme, stages) for stages in (6, 10))
            emulator, found = ([(b[what] - a[what]) / 4 / threads for what in CLASSES] for a, b in zip(few, many))
            uses = products.TILES[tile][3][0] if tile < products.WIDE else 1
            extra = (sum(found) - sum(emulator)) * threads / (bn * bk * uses)
            out.writerow([launch, *(round(x, 2) for pair in zip(emulator, found) for x in pair), round(extra, 2)])


if __name__ == "__main__":
    main()
