#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Weakens the kernels of gpu/ in one place at a time and asks the emulator whether it notices.

mutate_kernels.py SRCDIR BUILDDIR CXX --link COMMAND --libraries TEXT [--random N] [--jobs N] [--only TEXT] [--minutes N] [--optimize LEVEL]
                  [--again] [--list] [--table FILE]

Every barrier, arrival, wait, commit and fence is removed; waits are shortened by a group or look at the other parity; a barrier expects 16
bytes or an arrival more or less; every bound of a condition or of a selection is moved by one; every guard `if (...)` is taken
away (mutations.py). A mutant that passes all shapes has survived; survivors must be those of mutants.txt, which says why each of
them changes nothing.

All mutants are alternatives in one program, BUILDDIR/mutated/program, that takes one of them when QOQ_MUTATION is its number: it is
compiled once. COMMAND links the emulated program without its libraries, TEXT are these (the build knows both).

Verdicts are kept in BUILDDIR/mutants.csv under a digest of the mutated source with all that it includes, so that a run continues where one was
stopped (by itself after --minutes) and what has not changed is not run again; --again forgets them (after a change of the emulator or of
gpu/verify). --table writes the verdicts of today's sources. The last line is a summary; the exit status is 1 if an unexpected mutant
survives, one was not run, or fewer than 95 of 100 of those that change something are caught. --only takes names of files that contain one of
the texts between commas, in this order.

A new kernel file is one line of UNITS.
"""
import argparse
import concurrent.futures
import csv
import hashlib
import os
import re
import shlex
import subprocess
import sys
import threading
import time
import zlib

import mutations

# gpu/UNIT.cu and the kernels, by their names in `qoq sim run`, that it launches.
UNITS = {
    "gemm": ["gemm_w8a8", "gemm_w4a8_channel", "gemm_w4a8_group"],
    "rows": ["act_quantize", "rmsnorm_quantize", "silu_mul_quantize", "residual_add", "rmsnorm"],
    "ends": ["embed", "gemm_f16", "argmax"],
    "attention": ["rope_write", "attention_kv4", "attention_kv8", "attention_decode_kv4", "attention_decode_kv8"],
    "attention_prefill": ["attention_prefill_kv4", "attention_prefill_kv8"],
}
# Shapes that random ones seldom meet: a merge whose last leaf is a single split, beside another head; contexts of whole splits and pages, of
# three leaves; products on wgmma, every stage filled three times, of one and of two warpgroups, joined; two bands of tokens; ties within a thread; a long
# prompt of narrow heads.
WIDE = ["--m 8 --n 128 --k 3000 --tile 4", "--m 20 --n 200 --k 1536 --tile 6 --splits 2 --bias 1", "--m 40 --n 260 --k 1100 --tile 7",
        "--m 130 --n 150 --k 400 --tile 9", "--m 2100 --n 32 --k 40 --tile 3"]
EXTRA = {
    "argmax": ["--m 12 --n 1500"],
    "gemm_w8a8": WIDE,
    "gemm_w4a8_channel": WIDE,
    "gemm_w4a8_group": WIDE + ["--m 8 --n 128 --k 3000 --tile 4 --group 64"],
    "attention_kv4": ["--m 2 --q-heads 3 --kv-heads 1 --head-dim 12 --context 2049 --uniform 1", "--m 3 --context 256 --head-dim 64",
                      "--m 1 --q-heads 1 --kv-heads 1 --head-dim 12 --context 4200 --uniform 1",
                      "--m 5 --q-heads 1 --kv-heads 1 --head-dim 12 --context 192 --uniform 1"],
    # A leaf in a block and a last one of one split; runs that end inside a leaf; rows of one leaf and of two; three vectors to a row of codes.
    "attention_decode_kv4": ["--m 2 --q-heads 3 --kv-heads 1 --head-dim 32 --page 8 --context 2049 --uniform 1 --splits 16",
                             "--m 2 --q-heads 9 --kv-heads 1 --head-dim 64 --page 16 --context 700 --splits 3",
                             "--m 3 --q-heads 2 --kv-heads 1 --head-dim 128 --page 64 --context 256 --uniform 1 --splits 16",
                             "--m 4 --q-heads 3 --kv-heads 1 --head-dim 32 --page 8 --context 2500 --splits 16",
                             "--m 1 --q-heads 2 --kv-heads 1 --head-dim 96 --page 16 --context 300 --splits 2"],
    "attention_decode_kv8": ["--m 1 --q-heads 2 --kv-heads 1 --head-dim 160 --page 16 --context 400 --uniform 1 --splits 2"],
    "attention_prefill_kv4": ["--m 2 --q-heads 1 --kv-heads 1 --head-dim 12 --context 4200 --uniform 1"],
    "attention_prefill_kv8": ["--m 2 --q-heads 1 --kv-heads 1 --head-dim 12 --context 4200 --uniform 1"],
    "rmsnorm_quantize": ["--m 2 --k 4100 --bias 1", "--m 1 --k 8192", "--m 1 --k 12300 --bias 1"],
}
# The least and the most of a cache's sizes: long, and for this file alone.
FOR_FILE = {"cache.cuh": [("rope_write", ("--shape", shape)) for shape in (
    "--m 1 --q-heads 1 --kv-heads 1 --head-dim 2 --page 1048576", "--m 2 --q-heads 1 --kv-heads 1 --head-dim 256 --page 1",
    "--m 1 --q-heads 65535 --kv-heads 65535 --head-dim 2 --page 1")]}
SEED, FIELDS = 11, ["digest", "file", "line", "mutation", "verdict", "by", "source"]


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
    """`chosen` is what QOQ_MUTATION is for it: the same as long as its file is."""

    def __init__(self, name, number, mutation, units, index):
        lines = units[0][1][name]
        self.name, self.line, self.what, self.units = name, number + 1, mutation.what, [unit for unit, _ in units]
        self.mutation, self.source = mutation, " ".join(lines[number].split())
        self.chosen = zlib.crc32(name.encode()) % 2000000 * 1000 + index
        digest = hashlib.sha256(f"{mutation.what}\0{name}\0{number}\0".encode())
        for _, files in units:
            for other in sorted(files):
                digest.update("".join(files[other]).encode())
        self.digest = digest.hexdigest()[:16]

    def key(self):
        return self.name, self.source, self.what

    def row(self, verdict, by):
        return dict(zip(FIELDS, [self.digest, self.name, self.line, self.what, verdict, by, self.source]))


def all_mutants(srcdir):
    """All mutants, and the lines of each file that has some."""
    units = [(unit, closure(srcdir, unit + ".cu", {})) for unit in UNITS]
    mutants, texts = [], {}
    for name in sorted({name for _, files in units for name in files if name.endswith(".cuh")}):
        holding = [unit for unit in units if name in unit[1]]
        texts[name] = holding[0][1][name]
        places = [(number, m) for number in range(len(texts[name])) for m in mutations.mutations(texts[name], number)]
        mutants += [Mutant(name, number, m, holding, index) for index, (number, m) in enumerate(places)]
    return mutants, texts


def explained(srcdir):
    """The survivors that are known: (file, line's text, what): why."""
    known, last = {}, None
    with open(os.path.join(srcdir, "tests", "python", "mutants.txt"), encoding="utf-8") as file:
        for line in file:
            if line.startswith(" ") and last:
                known[last] = line.strip()
            elif line.strip() and not line.startswith("#"):
                name, *source, what = line.strip().split(" | ")
                last = (name, " | ".join(source), what)
                known[last] = ""
    return known


class Bench:
    """The program of all mutants; runs them and keeps verdicts."""

    def __init__(self, arguments, mutants, texts):
        self.srcdir, self.builddir = os.path.abspath(arguments.srcdir), os.path.abspath(arguments.builddir)
        self.arguments, self.lock = arguments, threading.Lock()
        self.path = os.path.join(self.builddir, "mutants.csv")
        self.scratch = os.path.join(self.builddir, "mutated")
        self.program = os.path.join(self.scratch, "program")
        self.verdicts, self.seconds, self.catchers, self.sound = {}, {}, {}, set()
        if os.path.exists(self.path) and not arguments.again:
            with open(self.path, encoding="utf-8", newline="") as file:
                self.verdicts = {row["digest"]: row for row in csv.DictReader(file)}
        else:
            with open(self.path, "w", encoding="utf-8", newline="") as file:
                csv.DictWriter(file, FIELDS).writeheader()
        self.rewrite(mutants, texts)

    def rewrite(self, mutants, texts):
        """The kernels' headers with all mutants."""
        os.makedirs(os.path.join(self.scratch, "gpu"), exist_ok=True)
        self.write("mutation.h", mutations.PRELUDE)
        for name, lines in texts.items():
            by_line = {}
            for mutant in mutants:
                if mutant.name == name:
                    by_line.setdefault(mutant.line - 1, []).append((mutant.chosen, mutant.mutation))
            self.write(os.path.join("gpu", name),
                       "".join(mutations.switched(line, by_line[i]) if i in by_line else line for i, line in enumerate(lines)))

    def compile(self, unit):
        """Its object, made again only where a text of gpu/ or sim/emu/ that it includes has changed."""
        flags = shlex.split(self.arguments.cxx) + ["-std=c++17", "-O" + self.arguments.optimize, "-w", "-ffp-contract=off", "-U_FORTIFY_SOURCE",
                                                   "-I" + self.scratch, "-I" + os.path.join(self.srcdir, "ref"), "-I" + self.srcdir, "-include", "mutation.h"]
        self.write(unit + ".cc", f'#include "gpu/{unit}.cu"\n')
        source, target, mark = (os.path.join(self.scratch, unit + suffix) for suffix in (".cc", ".o", ".sum"))
        text = subprocess.run(flags + ["-E", source], check=True, stdout=subprocess.PIPE).stdout
        digest = hashlib.sha256(" ".join(flags).encode() + text).hexdigest()
        if not os.path.exists(target) or not os.path.exists(mark) or open(mark, encoding="ascii").read() != digest:
            subprocess.run(flags + ["-c", source, "-o", target], check=True)
            self.write(unit + ".sum", digest)
        return target

    def write(self, name, text):
        with open(os.path.join(self.scratch, name), "w", encoding="utf-8") as file:
            file.write(text)

    def link(self, units):
        subprocess.run(shlex.split(self.arguments.link) + ["-o", self.program] + [self.compile(unit) for unit in units] +
                       shlex.split(self.arguments.libraries), check=True, cwd=self.builddir)

    def keep(self, row):
        with self.lock, open(self.path, "a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, FIELDS).writerow(row)
            self.verdicts[row["digest"]] = row

    def run(self, number, kernel, options, seconds):
        """Whether the mutant fails; one that does not end does."""
        try:
            return subprocess.run([self.program, "verify", kernel, "--no-golden", *options], env=dict(os.environ, QOQ_MUTATION=str(number)),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=seconds).returncode != 0
        except subprocess.TimeoutExpired:
            return True

    def shapes(self, mutant):
        """(kernel, options): what caught others of this file, then what is known to take least time."""
        every = [(kernel, tuple(options)) for unit in mutant.units for kernel in UNITS[unit] for options in
                 [["--shape", shape] for shape in EXTRA.get(kernel, [])] +
                 [["--random", "1", "--seed", str(seed)] for seed in range(SEED, SEED + self.arguments.random)]]
        front = self.catchers.setdefault(mutant.name, list(FOR_FILE.get(mutant.name, [])))
        return front + sorted((shape for shape in every if shape not in front), key=lambda shape: self.seconds.get(shape, 1))

    def judge(self, mutant):
        """(verdict, by which case); the kernels as they are must pass that case."""
        for shape in self.shapes(mutant):
            start, spent = time.monotonic(), self.seconds.get(shape, 0)
            if not self.run(mutant.chosen, *shape, 120 + 20 * spent):
                self.seconds[shape] = max(spent, time.monotonic() - start)
                continue
            if shape not in self.sound and self.run(-1, *shape, 600):
                sys.exit(f"{shape[0]} {' '.join(shape[1])} fails as it is")
            self.sound.add(shape)
            front = self.catchers[mutant.name]
            self.catchers[mutant.name] = [shape] + [other for other in front if other != shape]
            return "caught", f"{shape[0]} {' '.join(shape[1])}"
        return "survived", ""

    def verdict(self, mutant, known, until):
        """Kept or new; an unexplained survivor is tried again, perhaps against more shapes."""
        kept = self.verdicts.get(mutant.digest)
        if (kept is None or (kept["verdict"] == "survived" and not known)) and time.monotonic() < until:
            self.keep(mutant.row(*self.judge(mutant)))
        return self.verdicts.get(mutant.digest, mutant.row("not run", ""))


def write_table(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "mutation", "verdict", "by", "source"])
        for row in rows:
            writer.writerow([row[name] for name in ("file", "mutation", "verdict", "by", "source")])


def chosen(mutants, only, known):
    """Of the files that have one of the texts in their names, those of the first text first; then those that are expected to survive."""
    order = []
    for text in only.split(","):
        order += [mutant for mutant in mutants if text in mutant.name and mutant not in order]
    return sorted(order, key=lambda mutant: mutant.key() in known)


def main():
    parser = argparse.ArgumentParser()
    for name in ("srcdir", "builddir", "cxx"):
        parser.add_argument(name)
    for name in ("link", "libraries", "only", "table"):
        parser.add_argument("--" + name, default="")
    parser.add_argument("--optimize", default="1")
    parser.add_argument("--random", type=int, default=24)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    until = time.monotonic() + 60 * arguments.minutes
    everything, texts = all_mutants(arguments.srcdir)
    known = explained(arguments.srcdir)
    mutants = chosen(everything, arguments.only, known)
    if arguments.list:
        for mutant in mutants:
            print(f"{mutant.name}:{mutant.line}: {mutant.what}: {mutant.source}")
        return 0
    count, rows = {"caught": 0, "survived": 0, "explained": 0, "not run": 0}, []
    bench = Bench(arguments, everything, texts)
    bench.link(sorted({unit for mutant in mutants for unit in mutant.units}))
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for mutant, row in zip(mutants, pool.map(lambda m: bench.verdict(m, m.key() in known, until), mutants)):
            row = dict(row, line=mutant.line)
            if row["verdict"] == "survived" and mutant.key() in known:
                row["verdict"], row["by"] = "explained", known[mutant.key()]
            count[row["verdict"]] += 1
            rows.append(row)
            print(f"{row['verdict']:9} {mutant.name}:{mutant.line}: {mutant.what}: {mutant.source}", flush=True)
    if arguments.table:
        write_table(arguments.table, rows)
    changing = count["caught"] + count["survived"]
    print(f"{count['caught']} caught, {count['survived']} survived, {count['explained']} explained (they change nothing), "
          f"{count['not run']} not run")
    return 1 if count["survived"] or count["not run"] or count["caught"] < 0.95 * changing else 0


if __name__ == "__main__":
    sys.exit(main())
