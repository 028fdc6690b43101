#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a kernel's loops are made of, from machine code: sass_loops.py FILE TEXT [--limits TABLE]

FILE is what `nvdisasm -c` prints of a cubin; kernels are those with TEXT in their names. A loop is what lies between a backward branch and its target; of each kernel the loops that
hold tensor instructions and no other such loop are printed: kernel, loop (in order), instructions, and of these tensor instructions, those of the
integer pipe (alu: 16 lanes of a quarter of a multiprocessor, so two clocks for a warp), integer multiplications (imad: likewise), loads of
16 bytes from shared memory, and loads and stores of local memory. With --limits, a table of the same columns: exit status 1 and a line
for each loop that is not in it or has more of anything, or other tensor instructions or loads.
"""
import csv
import re
import subprocess
import sys

COLUMNS = ["kernel", "loop", "instructions", "tensor", "alu", "imad", "lds128", "local"]
ALU = re.compile(r"(LOP3|SHF|PRMT|VIADD|IADD3|ISETP|SEL|VIMNMX|LEA|PLOP3|FMNMX|FSETP|FSEL|I2FP|P2R|LOP|IABS)\b")
INSTRUCTION = re.compile(r"\s*/\*[0-9a-f]{4,}\*/\s+(.*?);")
LABEL = re.compile(r"\s*(\.L_\w+):")
BRANCH = re.compile(r"\bBRA\b.*`\((\.L_\w+)\)")
TENSOR = re.compile(r"I(?:G)?MMA\.")


def opcode(text):
    return re.sub(r"^@!?U?P\w+\s+", "", text)


def readable(name):
    """The kernel's name and what tells its instances apart."""
    text = subprocess.run(["c++filt", name], check=True, capture_output=True, text=True).stdout.strip()
    text = re.sub(r"qoq::|\(anonymous namespace\)::|\(gemm_scheme\)|^void ", "", text)
    return re.sub(r"\([a-z_]*params.*\)$", "", text).replace(", ", " ")


def loops(text):
    """(first, last) of the backward branches, and the instructions."""
    labels, code, found = {}, [], []
    for line in text.splitlines():
        label, instruction = LABEL.match(line), INSTRUCTION.match(line)
        if label:
            labels[label.group(1)] = len(code)
        elif instruction:
            branch = BRANCH.search(instruction.group(1))
            if branch and labels.get(branch.group(1), len(code) + 1) <= len(code):
                found.append((labels[branch.group(1)], len(code)))
            code.append(opcode(instruction.group(1)))
    return found, code


def counts(code):
    return [len(code), *(sum(bool(re.match(pattern, line)) for line in code) for pattern in (TENSOR, ALU, r"IMAD", r"LDS\.128", r"(?:LD|ST)L"))]


def rows(path, wanted):
    with open(path, encoding="utf-8") as file:
        functions = re.split(r"\n\.text\.", file.read())[1:]
    for function in functions:
        name, text = function.split(":", 1)
        if wanted not in name:
            continue
        found, code = loops(text)
        tensor = [(first, last) for first, last in found if any(TENSOR.match(line) for line in code[first:last + 1])]
        # None that holds another, and none that begins inside another and ends behind it: where a wait has been given up and goes on.
        inner = sorted({(a, b) for a, b in tensor if not any((c, d) != (a, b) and (a <= c and d <= b or c < a <= d < b) for c, d in tensor)})
        for number, (first, last) in enumerate(inner):
            yield [readable(name), number, *counts(code[first:last + 1])]


def main():
    found = sorted(rows(*sys.argv[1:3]))
    if "--limits" not in sys.argv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([COLUMNS, *found])
        return 0
    with open(sys.argv[sys.argv.index("--limits") + 1], encoding="utf-8", newline="") as file:
        limits = {(row["kernel"], int(row["loop"])): [int(row[name]) for name in COLUMNS[2:]] for row in csv.DictReader(file)}
    bad = 0
    for kernel, loop, *have in found:
        most = limits.get((kernel, loop))
        if most is None or any(a > b for a, b in zip(have, most)) or have[1] != most[1] or have[4] != most[4]:
            bad += 1
            print(f"{kernel}, loop {loop}: {have}, allowed {most}: {', '.join(COLUMNS[2:])}")
    return 1 if bad or not found else 0


if __name__ == "__main__":
    sys.exit(main())
