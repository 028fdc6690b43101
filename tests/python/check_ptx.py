#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The counts of the emulator against the PTX that nvcc makes of the same kernels, run by the package ptx.

check_ptx.py SIM DIRECTORY MARGINS [--table] [--only TEXT]
check_ptx.py --units

DIRECTORY holds UNIT.ptx of each unit of gpu/. Each launch of ptx_cases is run twice on the same shape: by `SIM run` and from its PTX; what the PTX
executes over what the emulator counts must lie within MARGINS (data/counts/ptx-margins.csv). Results are compared with NumPy's, bit by bit, as a
sign that what is counted is what the kernel does. --table prints the counts.
"""
import collections
import csv
import os
import re
import subprocess
import sys

import numpy as np

import ptx
import ptx_cases

# Classes of the emulator, with the opcodes that they are; the first count warps, the others lanes.
WARPS = {"mma_s8": r"mma\.", "load_matrix": r"ldmatrix", "shuffle": r"shfl", "vote": r"vote", "barrier": r"bar\.sync", "sync_warp": r"bar\.warp",
         "copy_async": r"cp\.async\.c[ag]\.", "shared_load": r"ld\.shared", "shared_store": r"st\.shared",
         "global_load": r"ld\.(?!shared|param)", "global_store": r"st\.(?!shared)", "mbarrier_wait": r"mbarrier\.try_wait",
         **{f"wgmma_n{n}": rf"wgmma\.mma_async\..*\.m64n{n}k32\." for n in (8, 16, 32, 64, 128, 256)}}
LANES = {"fp32": r"(add|sub|mul|fma)\.rn\.f32", "special": r"(div|sqrt)\.rn\.f32", "fence": r"membar|fence\.proxy\.async", "atomic": r"atom",
         "mbarrier_arrive": r"mbarrier\.arrive", "bulk_copy": r"cp\.async\.bulk\.tensor",
         "conversion": r"cvt\.(rn\.f32\.s32|rni|rpi|f32\.f16|rn\.f16)", "integer_multiply": r"(mad|mul)\.lo\.[su]32|dp2a",
         "integer_add": r"(add|sub|min|max)\.[su]32", "logic": r"(and|or|xor|not)\.b32|bfi", "shift": r"(shl|shr)\.[bsu]32|prmt"}
CLASSES = [*WARPS, *LANES, "bulk_bytes"]
# What warps do before they take their roles.
COMMON = ("barrier", "fence", "bulk_bytes")


def emulated(sim, case):
    """{what: count} of the launch under "", and of each role."""
    text = subprocess.run([sim, "run", case.kernel, "--csv"] + case.options.split(), check=True, capture_output=True, text=True).stdout
    counts = collections.defaultdict(collections.Counter)
    for row in csv.DictReader(text.splitlines()):
        if row["kernel"] == case.launch:
            for role in ("", row["role"]):
                counts[role][row["what"]] += int(row["count"])
    return counts


def differences(memory):
    """What is not as expected: NaNs are all one value."""
    for at, array in memory.expected:
        found, bits = memory.get(at, array.dtype, array.size).reshape(array.shape), f"u{array.itemsize}"
        different = (found.view(bits) != array.view(bits)) & ~((found != found) & (array != array))
        if different.any():
            yield f"{np.count_nonzero(different)} of {array.size} results differ, the first at {tuple(np.argwhere(different)[0].tolist())}"


def from_ptx(kernel, case, counts):
    """What the PTX executes, or None, and where it computes something else."""
    memory = ptx.Memory(1 << 25)
    parameters, grid = case.make(memory, np.random.default_rng(1), dict(case.size, align=kernel.align))
    if grid[0] * grid[1] * grid[2] != counts["blocks"]:
        return None, [f"{grid} are not {counts['blocks']} blocks"]
    try:
        executed = ptx.launch(kernel, memory, parameters, grid, counts["threads_per_block"], counts["shared_bytes_per_block"])
    except ptx.Fault as reason:
        return None, [str(reason)]
    return executed, list(differences(memory))


def classified(executed, warps=slice(None)):
    """{what: count} of some warps."""
    found = collections.Counter(bulk_bytes=executed.bytes)
    for table, of in ((WARPS, executed.times), (LANES, executed.lanes)):
        for what, pattern in table.items():
            found[what] = int(sum(count[warps].sum() for op, count in of.items() if re.match(pattern, op)))
    return found


def find(kernels, case):
    entries = [kernel for name, kernel in kernels.items() if re.search(case.entry, name)]
    assert len(entries) == 1, f"{case.launch}: {len(entries)} entries match"
    return entries[0]


def read_margins(path):
    """[(kernel, what, least, most)], those of named kernels first."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        margins = [(row["kernel"], row["what"], float(row["least"]), float(row["most"] or "inf")) for row in rows]
    return sorted(margins, key=lambda margin: margin[0] == "")


def outside(margins, launch, counts, found, classes):
    """What lies outside of its margin."""
    for what in classes:
        least, most = next(margin[2:] for margin in margins if what == margin[1] and launch.startswith(margin[0]))
        if found[what] < least * counts[what] or most < float("inf") and found[what] > most * counts[what]:
            yield f"{what}: {counts[what]} on the emulator, {found[what]} in PTX"


def check(margins, case, counts, executed):
    """The launch as a whole, then the warps of each role."""
    yield from outside(margins, case.launch, counts[""], classified(executed), CLASSES)
    for role, warps in case.roles.items():
        for reason in outside(margins, case.launch, counts[role], classified(executed, warps), [what for what in CLASSES if what not in COMMON]):
            yield f"{role}: {reason}"


def main():
    if sys.argv[1:] == ["--units"]:
        print(*ptx_cases.UNITS)
        return 0
    sim, directory = sys.argv[1:3]
    margins = read_margins(sys.argv[3])
    only = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else ""
    kernels = {unit: ptx.parse(os.path.join(directory, f"{unit}.ptx")) for unit in ptx_cases.UNITS}
    out, bad = csv.writer(sys.stdout, lineterminator="\n"), 0
    if "--table" in sys.argv:
        out.writerow(["kernel", "what", "emulator", "ptx", "options"])
    for case in ptx_cases.CASES:
        kernel = find(kernels[case.unit], case)
        if only not in case.launch or case.hopper and not kernel.is_for("sm_90a"):
            continue
        counts = emulated(sim, case)
        executed, wrong = from_ptx(kernel, case, counts[""])
        if executed is not None:
            wrong += check(margins, case, counts, executed)
        for reason in wrong:
            print(f"{case.launch}: {reason} ({case.options})", file=sys.stderr)
        bad += len(wrong)
        if "--table" in sys.argv and executed is not None:
            found = classified(executed)
            out.writerows([case.launch, what, counts[""][what], found[what], case.options] for what in CLASSES if counts[""][what] or found[what])
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
