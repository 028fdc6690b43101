#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The closed forms of data/counts/forms.csv against counts of the emulator, exactly, on shapes that they were not fitted on.

check_forms.py SIM COUNTS SEED [KERNEL]...

COUNTS is the directory data/counts. Shapes are those of SHAPES, and random ragged ones from SEED. Every row of the table must have spoken for some shape.
"""
import os
import re
import sys

sys.path.insert(0, sys.argv[2])
from forms import Forms, read_counts  # pylint: disable=wrong-import-position,import-error

PRODUCT = "--tile 0,1,2,3 --m 3,129 --n 7,96,384 --k 33,160,256 --splits 1,3 --bias 1"
CACHE = "--m 1,3 --uniform 1 --kv-heads 3 --q-heads 3,6,12,24,30 --head-dim 36,64,224 --page 32 --context 5,129,384"
MERGE = "--m 2 --uniform 1 --kv-heads 1 --q-heads 2 --head-dim 34,64 --page 8 --context 64,2047,4097"
ROWS = "--m 1,5 --k 5,96,130,260,384,1028,3072"
SHAPES = {
    "act_quantize": [ROWS],
    "rmsnorm_quantize": [ROWS + ",2560,4624,10240 --bias 0,1"],
    "silu_mul_quantize": [ROWS],
    "residual_add": [ROWS],
    "gemm_w8a8": [PRODUCT],
    "gemm_w4a8_channel": [PRODUCT],
    "gemm_w4a8_group": [PRODUCT + " --group 64"],
    "rope_write": ["--m 2 --bits 4,8 --kv-heads 1,3 --q-heads 3,9 --head-dim 4,64,192 --page 5,16 --bias 0,1"],
    "embed": ["--m 2,5 --n 3,40 --k 7,96,130,260,544"],
    "rmsnorm": [ROWS + ",2560,4624,10240 --bias 0,1"],
    "gemm_f16": ["--m 1,2,4,16 --n 7,256 --k 3,16,40,192"],
    "argmax": ["--m 1,5 --n 7,96,264,700,2052"],
    "attention_kv4": [CACHE, MERGE],
    "attention_kv8": [CACHE],
}


# What depends on data: tokens that the table does not have, rows that are chosen by number.
NOT_RANDOM = ("embed", "rmsnorm")
# Launches that have no forms yet.
WITHOUT = "_wgmma_"


def applies(sizes):
    """Forms are about arrays that lie well, rows that all see the whole context, and a division of K that is given."""
    return not sizes.get("misaligned") and sizes.get("splits") != 0 and (sizes.get("uniform", 1) or sizes.get("m") == 1)


def main():
    sim, directory, seed = sys.argv[1:4]
    forms, spoken, launches, without, bad = Forms(os.path.join(directory, "forms.csv")), set(), 0, set(), 0
    known = {key[0] for key in forms.rows}
    for kernel in sys.argv[4:] or SHAPES:
        for options in SHAPES[kernel] + ([] if kernel in NOT_RANDOM else [f"--random 20 --seed {seed}"]):
            for launch, sizes, counts in read_counts(sim, kernel, options.split()):
                if WITHOUT in launch and launch not in known:
                    without.add(launch)
                elif applies(sizes):
                    rows, complaints = forms.check(launch, sizes, counts)
                    spoken |= rows
                    launches += 1
                    bad += len(complaints)
                    for text in complaints[:20]:
                        print(text, f"(qoq sim run {kernel} {options})")
        unspoken = [(*key, when) for key, rows in forms.rows.items() for when, _ in rows
                    if re.fullmatch(kernel + r"(_[mr]\d.*)?", key[0]) and when != "False" and (*key, when) not in spoken]
        for row in unspoken:
            bad += 1
            print(f"no shape for {row}")
    if not known or not launches:
        bad += 1
    print(f"{launches} launches, {len(spoken)} forms; without: {', '.join(sorted(without)) or 'none'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
