#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes the golden files in NumPy, from doc/numerics.md alone: inputs from the generator (N 13), packed layouts (N 5, 7.1),
outputs. The package golden does it and shares no code with ref/. Usage: check_golden.py [FILE.h5|DIRECTORY]...; without arguments
$QOQ_DATADIR/golden. One row a case, totals at the end; exit status 1 if anything fails.
"""
import glob
import os
import sys

import h5py
import numpy as np

from golden.check import check_case


def main(arguments):
    places = arguments or [os.path.join(os.environ.get("QOQ_DATADIR", "data"), "golden")]
    files = [f for p in places for f in (sorted(glob.glob(os.path.join(p, "*.h5"))) if os.path.isdir(p) else [p])]
    if not files:
        print("check_golden.py: no golden files; set QOQ_DATADIR or name them", file=sys.stderr)
        return 2
    counts = {"ok": 0, "FAILED": 0, "skipped": 0}
    print(f"{'case':<44} {'elements':>9} {'differing':>9}  verdict")
    for path in files:
        try:
            file = h5py.File(path, "r")
        except OSError as error:
            print(f"check_golden.py: {path}: {error}", file=sys.stderr)
            return 2
        with file:
            for name in sorted(file):
                elements, bad, verdict = check_case(file[name])
                counts[verdict.split(":")[0].split()[0]] += 1
                print(f"{name:<44} {elements:>9} {bad:>9}  {verdict}")
    print(f"{counts['ok']} passed, {counts['FAILED']} failed, {counts['skipped']} skipped")
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    np.seterr(all="ignore")
    sys.exit(main(sys.argv[1:]))
