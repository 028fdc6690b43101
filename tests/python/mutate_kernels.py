#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Weakens the kernels of gpu/ in one place at a time and asks the emulator whether it notices.

mutate_kernels.py SRCDIR BUILDDIR CXX [--random N] [--jobs N] [--only TEXT] [--again] [--list] [--table FILE]

Every barrier, wait, commit and fence is removed; waits are shortened by a group; every bound of a condition or of a selection is moved
by one; every guard `if (...)` is taken away. A mutant that compiles and passes all shapes has survived; survivors must be those of
mutants.txt, which says why each of them changes nothing.

Verdicts are kept in BUILDDIR/mutants.csv under a digest of the mutated source with all that it includes, so that a run continues where one was
stopped and what has not changed is not run again; --again forgets them (after a change of the emulator or of gpu/verify). --table
writes the verdicts of today's sources. The last line is a summary; the exit status is 1 if an unexpected mutant survives or fewer than
95 of 100 of those that change something are caught.

A new kernel file is one line of UNITS.
"""
import argparse
import concurrent.futures
import csv
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

# gpu/UNIT.cu and the kernels, by their names in `qoq sim run`, that it launches.
UNITS = {
    "gemm": ["gemm_w8a8", "gemm_w4a8_channel", "gemm_w4a8_group"],
    "rows": ["act_quantize", "rmsnorm_quantize", "silu_mul_quantize", "residual_add"],
    "attention": ["rope_write", "attention_kv4", "attention_kv8"],
    "attention_prefill": ["attention_prefill_kv4", "attention_prefill_kv8"],
}
# Shapes that random ones seldom meet: a merge whose last leaf is a single split, beside another head; contexts of whole splits.
EXTRA = {
    "attention_kv4": ["--m 2 --q-heads 3 --kv-heads 1 --head-dim 12 --context 2049 --uniform 1", "--m 3 --context 256 --head-dim 64"],
    "rmsnorm_quantize": ["--m 2 --k 4100 --bias 1", "--m 1 --k 8192", "--m 1 --k 12300 --bias 1"],
}
# What may come out of a kernel: calls that order things, alone on their line or behind others.
ORDERING = re.compile(r"\b(?:sync_\w+|copy_commit|fence_\w+|mbarrier_\w+|wgmma_(?:fence|commit))(?:<[^<>;]*>)?\([^;]*\);")
WAIT = re.compile(r"\b(copy_wait|wgmma_wait)<([^>]*)>\(\);")
BOUND = re.compile(r" (<=?|>=?) (?!<)")
WEAKER = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
SEED, FIELDS = 11, ["digest", "file", "line", "mutation", "verdict", "by", "source"]


def guards(lines, number):
    """`if (...) {` without its condition: always where it guards, never where it leaves."""
    found = re.match(r"(\s*)(?:\} else )?if \((.*)\) \{$", lines[number].rstrip())
    if not found or re.search(r"SCHEME|BITS ==|Tile::|WARPS", found.group(2)):
        return
    leaves = re.match(r"\s*(return|continue|break)\b", lines[number + 1])
    other = "false" if leaves else "true"
    yield "the guard is always " + other, lines[number].replace(f"({found.group(2)}) {{", f"({other}) {{")


def mutants_of_line(lines, number):
    """(what, new line) for each way to weaken a line."""
    line = lines[number]
    code = line.split("//")[0]
    if "QOQ_DEVICE" in code or "QOQ_MEMBER" in code:
        return
    for found in ORDERING.finditer(code):
        yield "without " + found.group(0), line.replace(found.group(0), "")
    wait = WAIT.search(code)
    if wait:
        yield "without the wait", line.replace(wait.group(0), "")
        yield "waits for one group less", line.replace(wait.group(0), f"{wait.group(1)}<{wait.group(2)} + 1>();")
    if any(text in code for text in ("if (", "? ", "= first +", "exists = ", "while (")):
        for found in BOUND.finditer(code):
            other = WEAKER[found.group(1)]
            yield (f"{other} in place of {found.group(1)} at column {found.start(1) + 1}", line[: found.start(1)] + other + line[found.end(1):])
    if number + 1 < len(lines):
        yield from guards(lines, number)


def closure(srcdir, name, seen):
    """gpu/NAME and the headers of gpu/ that it includes."""
    if name in seen:
        return seen
    with open(os.path.join(srcdir, "gpu", name), encoding="utf-8") as file:
        seen[name] = file.readlines()
    for line in seen[name]:
        found = re.match(r'#include "gpu/([a-z0-9_]+\.cuh)"', line)
        if found:
            closure(srcdir, found.group(1), seen)
    return seen


class Mutant:
    def __init__(self, srcdir, name, number, what, new, units):
        lines = units[0][1][name]
        self.name, self.line, self.what, self.units = name, number + 1, what, [unit for unit, _ in units]
        self.source = " ".join(lines[number].split())
        self.text = "".join(lines[:number] + [new] + lines[number + 1:])
        digest = hashlib.sha256(f"{what}\0{name}\0{number}\0".encode())
        for _, files in units:
            for other in sorted(files):
                digest.update("".join(files[other]).encode())
        self.digest = digest.hexdigest()[:16]

    def row(self, verdict, by):
        return dict(zip(FIELDS, [self.digest, self.name, self.line, self.what, verdict, by, self.source]))


def all_mutants(srcdir):
    units = [(unit, closure(srcdir, unit + ".cu", {})) for unit in UNITS]
    for name in sorted({name for _, files in units for name in files if name.endswith(".cuh") and name != "handle.cuh"}):
        holding = [unit for unit in units if name in unit[1]]
        lines = holding[0][1][name]
        for number in range(len(lines)):
            for what, new in mutants_of_line(lines, number):
                yield Mutant(srcdir, name, number, what, new, holding)


def explained(srcdir):
    """The survivors that are known: (file, line's text, what): why."""
    known, last = {}, None
    with open(os.path.join(srcdir, "tests", "python", "mutants.txt"), encoding="utf-8") as file:
        for line in file:
            if line.startswith(" ") and last:
                known[last] = line.strip()
            elif line.strip() and not line.startswith("#"):
                last = tuple(part.strip() for part in line.split("|"))
                known[last] = ""
    return known


class Bench:
    """Compiles and runs mutants; keeps verdicts."""

    def __init__(self, arguments):
        self.srcdir, self.builddir = os.path.abspath(arguments.srcdir), os.path.abspath(arguments.builddir)
        self.compiler, self.random, self.lock = arguments.cxx.split(), arguments.random, threading.Lock()
        self.path = os.path.join(self.builddir, "mutants.csv")
        self.verdicts = {}
        if os.path.exists(self.path) and not arguments.again:
            with open(self.path, encoding="utf-8", newline="") as file:
                self.verdicts = {row["digest"]: row for row in csv.DictReader(file)}
        else:
            with open(self.path, "w", encoding="utf-8", newline="") as file:
                csv.DictWriter(file, FIELDS).writeheader()
        self.order = {}

    def keep(self, row):
        with self.lock, open(self.path, "a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, FIELDS).writerow(row)
            self.verdicts[row["digest"]] = row

    def run(self, program, kernel, options):
        try:
            return subprocess.run([program, "verify", kernel] + options,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120).returncode
        except subprocess.TimeoutExpired:
            return 1

    def shapes(self, unit):
        """Kernels and options of a unit, those that take least time first; the kernels as they are must pass."""
        with self.lock:
            if unit not in self.order:
                times = []
                for kernel in UNITS[unit]:
                    shapes = [["--shape", shape] for shape in EXTRA.get(kernel, [])]
                    for options in shapes + [["--random", "1", "--seed", str(seed)] for seed in range(SEED, SEED + self.random)]:
                        start = time.monotonic()
                        if self.run(os.path.join(self.builddir, "tests/gpu/emulated"), kernel, options):
                            sys.exit(f"{kernel} {' '.join(options)} fails as it is")
                        times.append((time.monotonic() - start, kernel, options))
                self.order[unit] = [(kernel, options) for _, kernel, options in sorted(times)]
        return self.order[unit]

    def compile(self, scratch, unit):
        """The program with one object of its own; None where the mutant does not compile."""
        source, target, program = (os.path.join(scratch, unit + suffix) for suffix in (".cc", ".o", ""))
        with open(source, "w", encoding="utf-8") as file:
            file.write(f'#include "gpu/{unit}.cu"\n')
        # The mutated header comes first; the others are found behind it.
        flags = ["-std=c++17", "-O1", "-w", "-ffp-contract=off", "-U_FORTIFY_SOURCE", "-I" + scratch, "-I" + os.path.join(self.srcdir, "ref"), "-I" + self.srcdir]
        if subprocess.run(self.compiler + flags + ["-c", source, "-o", target], stderr=subprocess.DEVNULL).returncode:
            return None
        objects = [os.path.join(self.builddir, path) for path in ("gpu/cli/tests_gpu_emulated-main.o", "ref/cli/tests_gpu_emulated-cli.o")]
        libraries = [os.path.join(self.builddir, ".libs", f"libqoq-{x}.a") for x in ("verify", "emu", "core")]
        subprocess.run(self.compiler + ["-o", program] + objects + [libraries[0], target] + libraries[1:] + ["-fopenmp", "-lm"], check=True)
        return program

    def judge(self, mutant):
        """(verdict, by which case)"""
        with tempfile.TemporaryDirectory() as scratch:
            os.makedirs(os.path.join(scratch, "gpu"))
            with open(os.path.join(scratch, "gpu", mutant.name), "w", encoding="utf-8") as file:
                file.write(mutant.text)
            for unit in mutant.units:
                program = self.compile(scratch, unit)
                if program is None:
                    return "no code", ""
                for kernel, options in self.shapes(unit):
                    if self.run(program, kernel, options):
                        return "caught", f"{kernel} {' '.join(options)}"
        return "survived", ""

    def verdict(self, mutant, known):
        """Kept or new; an unexplained survivor is tried again, perhaps against more shapes."""
        kept = self.verdicts.get(mutant.digest)
        if kept is None or (kept["verdict"] == "survived" and not known):
            self.keep(mutant.row(*self.judge(mutant)))
        return self.verdicts[mutant.digest]


def write_table(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "mutation", "verdict", "by", "source"])
        for row in rows:
            writer.writerow([row[name] for name in ("file", "mutation", "verdict", "by", "source")])


def main():
    parser = argparse.ArgumentParser()
    for name in ("srcdir", "builddir", "cxx"):
        parser.add_argument(name)
    parser.add_argument("--random", type=int, default=24)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--table", default="")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    mutants = [mutant for mutant in all_mutants(arguments.srcdir) if arguments.only in mutant.name]
    if arguments.list:
        for mutant in mutants:
            print(f"{mutant.name}:{mutant.line}: {mutant.what}: {mutant.source}")
        return 0
    known, count, rows = explained(arguments.srcdir), {"caught": 0, "survived": 0, "no code": 0, "explained": 0}, []
    bench = Bench(arguments)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for mutant, row in zip(mutants, pool.map(lambda m: bench.verdict(m, (m.name, m.source, m.what) in known), mutants)):
            row = dict(row, line=mutant.line)
            if row["verdict"] == "survived" and (mutant.name, mutant.source, mutant.what) in known:
                row["verdict"], row["by"] = "explained", known[mutant.name, mutant.source, mutant.what]
            count[row["verdict"]] += 1
            rows.append(row)
            print(f"{row['verdict']:9} {mutant.name}:{mutant.line}: {mutant.what}: {mutant.source}", flush=True)
    if arguments.table:
        write_table(arguments.table, rows)
    changing = count["caught"] + count["survived"]
    print(f"{count['caught']} caught, {count['survived']} survived, {count['explained']} explained (they change nothing), {count['no code']} do not compile")
    return 1 if count["survived"] or (changing and count["caught"] < 0.95 * changing) else 0


if __name__ == "__main__":
    sys.exit(main())
