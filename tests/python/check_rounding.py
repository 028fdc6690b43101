#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes grids, output errors, clip ratios and error feedback (doc/quantization.md 6) in NumPy from the text that
tests/dump_rounding writes to standard input. Scales, zeros and nearest codes must be equal; the feedback, textbook linear algebra in
binary64 here, may differ in a few codes, since binary32 values near a middle can fall the other way and take the rest of their row along.
One row a case; exit status 1 if anything fails.
"""
import sys

import numpy as np

from golden.arithmetic import F, f32, rc, rn16
from golden.weights import half_scale

W8, CHANNEL, GROUP, HALF, SYMMETRIC, POST = range(6)
NAMES = ["W8", "W4 channel", "W4 group", "W4 half", "W4 symmetric", "W4 post"]
np.seterr(all="ignore")


class Grid:
    """One row's s, one step and zero for each group."""

    def __init__(self, kind, group, w, rho):
        self.kind, self.two = kind, kind == GROUP or (kind == POST and group)
        self.bound = F(np.inf) if not self.two else F(120 if kind == POST else 119)
        self.lo, self.hi = {W8: (-127, 127), SYMMETRIC: (-7, 7)}.get(kind, (0, 15))
        self.s, a = F(1), F(np.abs(w).max() * rho)
        if self.two or kind == W8:
            self.s = F(half_scale(a / (self.bound if self.two else F(127))))
        width = group or len(w)
        self.at = np.arange(len(w)) // width
        parts = [self.level1(w)[i:i + width] for i in range(0, len(w), width)]
        scaled = F(1) if self.two else rho
        lo = np.array([min(F(0), p.min()) for p in parts], F) * scaled
        hi = np.array([max(F(0), p.max()) for p in parts], F) * scaled
        self.fit(lo, hi)

    def fit(self, lo, hi):
        span = (hi - lo) / F(15)
        if self.kind == W8:
            self.step, self.zero = np.ones_like(lo), np.zeros_like(lo)
            return
        if self.kind == SYMMETRIC:
            step, zero = f32(half_scale(np.maximum(-lo, hi) / F(7))), np.zeros_like(lo)
        elif self.two:
            step = f32(rc(span, 1, 16))
            zero = f32(rc(-lo, -128, 127) if self.kind == POST else rc(-lo / step, 0, 15))
        else:
            step = f32(half_scale(span))
            zero = f32(rn16(-lo) if self.kind == POST else rc(-lo / step, 0, 15))
        if self.kind == CHANNEL:
            self.s, step = step[0], np.ones_like(step)
        self.step, self.zero = step, zero

    def level1(self, w):
        return np.clip(w / self.s, -self.bound, self.bound)

    def code(self, v, c):
        """Of values in units of s, in columns c."""
        step, zero = self.step[self.at[c]], self.zero[self.at[c]]
        v = np.clip(v, -self.bound, self.bound)
        return f32(rc((v + zero) / step if self.kind == POST else v / step + zero, self.lo, self.hi))

    def value(self, q, c):
        step, zero = self.step[self.at[c]], self.zero[self.at[c]]
        return q * step - zero if self.kind == POST else (q - zero) * step


def form(d, gram):
    return float(d @ gram @ d)


def feedback(grids, w, gram, damp):
    """Textbook: the upper factor of the inverse, column after column of all rows."""
    n, k = w.shape
    weight = np.where(np.diag(gram) == 0, 1.0, np.diag(gram))
    order = np.argsort(-weight, kind="stable")
    h = gram + np.diag(weight - np.diag(gram))
    h = h[np.ix_(order, order)] + damp * weight.mean() * np.eye(k)
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    v = (w.astype(float) / np.array([[float(g.s)] for g in grids]))[:, order]
    v[:, np.diag(gram)[order] == 0] = 0
    code = np.zeros((n, k), int)
    for c, j in enumerate(order):
        q = np.array([g.code(v[i, c], j) for i, g in enumerate(grids)], float)
        e = (v[:, c] - [float(g.value(q[i], j)) for i, g in enumerate(grids)]) / u[c, c]
        v[:, c + 1:] -= np.outer(e, u[c, c + 1:])
        code[:, j] = q
    return code


def errors(grids, w, code, gram):
    columns = np.arange(w.shape[1])
    return [form(w[i].astype(float) - float(g.s) * g.value(code[i].astype(F), columns).astype(float), gram) for i, g in enumerate(grids)]


def clip_misses(kind, group, w, gram, ratio):
    """Rows whose ratio is beaten by another by more than binary32 can hide."""
    misses = 0
    for i, row in enumerate(w):
        found = {}
        for t in range(81):
            grid = Grid(kind, group, row, F(100 - t) / F(100))
            code = grid.code(grid.level1(row), np.arange(len(row)))
            found[F(100 - t) / F(100)] = errors([grid], row[None], code[None], gram)[0]
        misses += not (ratio[i] in found and found[ratio[i]] <= min(found.values()) * (1 + 1e-5))
    return misses


def check(case, w, gram):
    kind, n, k, group = (int(x) for x in case["case"])
    rho = case["ratio"].astype(F)
    grids = [Grid(kind, group, w[i], rho[i]) for i in range(n)]
    columns = np.arange(k)
    nearest = np.array([g.code(g.level1(w[i]), columns) for i, g in enumerate(grids)])
    same = all(np.array_equal(np.concatenate([np.atleast_1d(getattr(g, x)) for g in grids]), case[x].astype(F)) for x in ("s", "step", "zero"))
    same = same and np.array_equal(nearest.reshape(-1), case["nearest"])
    error = sum(errors(grids, w, nearest, gram))
    close = abs(error - case["error"][0]) <= 1e-5 * error
    misses = clip_misses(kind, group, w, gram, rho)
    want, have = feedback(grids, w, gram, float(F(0.01))), case["fed"].reshape(n, k)
    moved = int((want != have).sum())
    fed, fed_want = sum(errors(grids, w, have, gram)), sum(errors(grids, w, want, gram))
    good = same and close and misses == 0 and moved <= 0.02 * n * k and abs(fed - fed_want) <= 0.01 * fed_want and fed < 0.7 * error
    print(f"{'ok' if good else 'FAILED':6} {NAMES[kind]:12} group {group:3}: grid {'equal' if same else 'DIFFERS'}, error {error:.6g} "
          f"{'close' if close else 'DIFFERS'}, clip misses {misses}, feedback {fed:.6g} (binary64 {fed_want:.6g}), codes moved {moved} of {n * k}")
    return good


def read(lines):
    shared, cases = {}, []
    for line in lines:
        name, count, *numbers = line.split()
        if len(numbers) != int(count):
            sys.exit(f"check_rounding: {name}: {len(numbers)} numbers, expected {count}")
        if name == "case":
            cases.append({})
        (cases[-1] if cases else shared)[name] = np.array(numbers, float)
    return shared, cases


def main():
    shared, cases = read(sys.stdin)
    k = int(round(np.sqrt(len(shared["gram"]))))
    w, gram = shared["w"].astype(F).reshape(-1, k), shared["gram"].reshape(k, k)
    results = [check(case, w, gram) for case in cases]
    print(f"{len(results)} cases, {results.count(False)} failed")
    sys.exit(0 if results and all(results) else 1)


main()
