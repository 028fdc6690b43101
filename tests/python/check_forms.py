#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The closed forms of data/counts/forms.csv against counts of the emulator, exactly, on shapes that they were not fitted on.

check_forms.py SIM COUNTS SEED [KERNEL]...

COUNTS is the directory data/counts. Shapes are those of SHAPES, and random ragged ones from SEED. Every row of the table must have spoken for some shape.
"""
import os
import random
import re
import sys

sys.path.insert(0, sys.argv[2])
from forms import Forms, read_counts  # pylint: disable=wrong-import-position,import-error

PRODUCT = "--tile 0,1,2,3 --m 3,129 --n 7,96,384 --k 33,160,256 --splits 1,3 --bias 1"
WIDE = "--tile 4,5,6,7,8,9 --m 3,140 --n 7,288 --k 64,272 --splits 1,3 --bias 1"
CACHE = "--m 1,3 --uniform 1 --kv-heads 3 --q-heads 3,6,12,24,30 --head-dim 36,64,224 --page 32 --context 5,129,384"
MERGE = "--m 2 --uniform 1 --kv-heads 1 --q-heads 2 --head-dim 34,64 --page 8 --context 64,2047,4097"
# Finite queries and values: seed % 4 = 2.
RUNS = ["--m 1,41 --uniform 2 --seed 2 --kv-heads 3 --q-heads 3,15 --head-dim 44,96,224 --page 48 --context 129,290 --tile 1,5",
        "--m 2,40 --uniform 2 --seed 2 --kv-heads 1 --q-heads 2 --head-dim 16,64 --page 32 --context 2300,4300 --tile 4,7"]
DECODE = ["--m 1,2 --uniform 1 --seed 2 --kv-heads 3 --q-heads 3,33,51 --head-dim 44,96,224 --page 48 --context 129,290 --splits 1,2,16",
          "--m 2 --uniform 1 --seed 2 --kv-heads 1 --q-heads 2,10 --head-dim 16,64 --page 32 --context 2300,4300 --splits 7,16"]
ROWS = "--m 1,5 --k 5,96,130,260,384,1028,3072"
SHAPES = {
    "act_quantize": [ROWS],
    "rmsnorm_quantize": [ROWS + ",2560,4624,10240 --bias 0,1"],
    "silu_mul_quantize": [ROWS],
    "residual_add": [ROWS],
    "gemm_w8a8": [PRODUCT, WIDE],
    "gemm_w4a8_channel": [PRODUCT, WIDE],
    "gemm_w4a8_group": [PRODUCT + " --group 64", WIDE + " --group 64", "--tile 4,7,9 --m 140 --n 70,288 --k 272 --splits 1,3 --group 128,224"],
    "rope_write": ["--m 2 --bits 4,8 --kv-heads 1,3 --q-heads 3,9 --head-dim 4,64,192 --page 5,16 --bias 0,1"],
    "embed": ["--m 2,5 --n 3,40 --k 7,96,130,260,544"],
    "rmsnorm": [ROWS + ",2560,4624,10240 --bias 0,1"],
    "gemm_f16": ["--m 1,2,4,16 --n 7,256 --k 3,16,40,192"],
    "argmax": ["--m 1,5 --n 7,96,264,700,2052"],
    "attention_kv4": [CACHE, MERGE],
    "attention_kv8": [CACHE],
    "attention_decode_kv4": DECODE,
    "attention_decode_kv8": DECODE,
    "attention_prefill_kv4": RUNS,
    "attention_prefill_kv8": RUNS,
}


# What depends on data: tokens that the table does not have, rows that are chosen by number.
NOT_RANDOM = ("embed", "rmsnorm")


def random_attention(seed, single):
    """Finite values. A run of tokens each, with the tile that the launcher takes or another; or single rows, with some splits to a block."""
    draw = random.Random(seed)
    for _ in range(12):
        heads, long = draw.randint(1, 3), draw.random() < 0.15
        sizes = {"m": draw.randint(1, 60), "kv-heads": heads, "q-heads": heads * draw.randint(1, 6), "head-dim": 2 * draw.randint(1, 8 if long else 128),
                 "page": draw.randint(1, 70), "context": draw.randint(2000, 5000) if long else draw.randint(1, 400)}
        if single:
            sizes.update({"m": draw.randint(1, 3), "splits": draw.choice((1, 2, 3, 7, 16))})
        elif draw.random() < 0.5:
            sizes["tile"] = draw.randint(0, 7)
        yield f"--uniform {1 if single else 2} --seed 2 " + " ".join(f"--{name} {value}" for name, value in sizes.items())


def shapes_of(kernel, seed):
    """Options of `qoq sim run`."""
    if "prefill" in kernel or "decode" in kernel:
        return SHAPES[kernel] + list(random_attention(seed, "decode" in kernel))
    return SHAPES[kernel] + ([] if kernel in NOT_RANDOM else [f"--random 20 --seed {seed}"])


def applies(sizes):
    """Forms are about arrays that lie well, rows that all see the whole context, and a division of K that is given."""
    return not sizes.get("misaligned") and sizes.get("splits") != 0 and (sizes.get("uniform", 1) or sizes.get("m") == 1)


def main():
    sim, directory, seed = sys.argv[1:4]
    forms, spoken, launches, bad = Forms(os.path.join(directory, "forms.csv")), set(), set(), 0
    for kernel in sys.argv[4:] or SHAPES:
        for options in shapes_of(kernel, seed):
            for launch, sizes, counts in read_counts(sim, kernel, options.split()):
                if applies(sizes):
                    rows, complaints = forms.check(launch, sizes, counts)
                    spoken |= rows
                    launches.add((launch, *sizes.values()))
                    bad += len(complaints)
                    for text in complaints[:20]:
                        print(text, f"(qoq sim run {kernel} {options})")
        names = {launch[0] for launch in launches} | {key[0] for key in forms.rows if re.fullmatch(kernel + r"(_wgmma)?(_[mr]\d.*)?", key[0])}
        unspoken = [(*key, when) for key, rows in forms.rows.items() for when, _ in rows if key[0] in names and when != "False" and (*key, when) not in spoken]
        for row in unspoken:
            bad += 1
            print(f"no shape for {row}")
    print(f"{len(launches)} launches, {len(spoken)} forms")
    return 1 if bad or not launches else 0


if __name__ == "__main__":
    sys.exit(main())
