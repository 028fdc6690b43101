# SPDX-License-Identifier: Apache-2.0
"""Closed forms of counts (doc/emulator.md): reading, evaluating, and the counts that they are about. Exact: numbers are fractions."""
import csv
import math
import os
import re
import subprocess
import tempfile
from fractions import Fraction

# How rows of counts and of forms are told apart.
KEY = ("kernel", "role", "what", "tensor")


def cdiv(a, b):
    """a / b, rounded up."""
    return -(-a // b)


def clog2(a):
    """The least n with 2^n >= a."""
    return (int(a) - 1).bit_length()


def lcm(a, b):
    """The least common multiple of integers."""
    return Fraction(math.lcm(int(a), int(b)))


def pick(number, *values):
    """The value of that number, the first being number 0."""
    return values[int(number)]


def rise(n, width):
    """The sum of cdiv(i, width) over i = 1 .. n."""
    full = cdiv(n, width) - 1
    return width * full * (full + 1) / Fraction(2) + (full + 1) * (n - width * full)


FUNCTIONS = {"cdiv": cdiv, "clog2": clog2, "lcm": lcm, "pick": pick, "rise": rise, "min": min, "max": max, "__builtins__": {}}


def evaluate(text, values):
    """An expression of sizes."""
    return eval(text, dict(FUNCTIONS), values)  # pylint: disable=eval-used


def read_counts(sim, kernel, options):
    """[(launch, sizes, {key: count})] for each launch of each shape of `qoq sim run KERNEL OPTIONS`; of a launch's name, tile and
    heads count as sizes: bm, bn, bk (tm where tokens alone are named) and r."""
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "counts.csv")
        subprocess.run([sim, "run", kernel, "-o", path] + options, check=True)
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    names, launches = rows[0][1:-4], {}
    for row in rows[1:]:
        sizes = dict(zip(names, map(Fraction, row[1:-4])))
        tile = re.search(r"_m(\d+)n(\d+)k(\d+)$", row[0])
        sizes.update(zip(("bm", "bn", "bk"), map(Fraction, tile.groups())) if tile else {})
        heads = re.search(r"_r(\d+)$", row[0])
        sizes.update({"r": Fraction(heads.group(1))} if heads else {})
        tokens = re.search(r"^gemm_f16_m(\d+)$", row[0])
        sizes.update({"tm": Fraction(tokens.group(1))} if tokens else {})
        sizes.setdefault("splits", Fraction(1))
        launches.setdefault((row[0], *row[1:-4]), (sizes, {}))[1][row[0], row[-4], row[-3], row[-2]] = int(row[-1])
    return [(launch[0], sizes, counts) for launch, (sizes, counts) in launches.items()]


def add_definitions(sizes, definitions):
    """Sizes that others give: [(name, expression)]."""
    for name, text in definitions:
        sizes[name] = evaluate(text, sizes)
    return sizes


class Forms:
    """The table forms.csv: of a kernel its definitions, and for a key the rows (condition, form)."""

    def __init__(self, path):
        self.definitions, self.rows = {}, {}
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["what"] == "where":
                    self.definitions.setdefault(row["kernel"], []).append((row["tensor"], row["form"]))
                else:
                    self.rows.setdefault(tuple(row[name] for name in KEY), []).append((row["when"], row["form"]))

    def check(self, kernel, sizes, counts):
        """(the rows that speak for a launch of these sizes, complaints). A count without any row is a complaint too."""
        sizes = add_definitions(dict(sizes), self.definitions.get(kernel, []))
        spoken, complaints = set(), []
        for key in sorted(set(counts) | {key for key in self.rows if key[0] == kernel}):
            if key not in self.rows:
                complaints.append(f"{key}: {counts[key]}, and no form, at {show(sizes)}")
            for when, form in self.rows.get(key, []):
                if when and not evaluate(when, sizes):
                    continue
                spoken.add((*key, when))
                if evaluate(form, sizes) != counts.get(key, 0):
                    complaints.append(f"{key}: {counts.get(key, 0)}, but {form} = {evaluate(form, sizes)}, at {show(sizes)}")
        return spoken, complaints


def show(sizes):
    return " ".join(f"{name}={value}" for name, value in sizes.items())
