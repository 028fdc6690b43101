#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Weakens the kernels of gpu/ in one place at a time and asks the emulator whether it notices.

mutate_kernels.py SRCDIR BUILDDIR CXX [--random N] [--limit N] [--only TEXT] [--list]

Every barrier, wait, commit and fence is removed, waits are shortened by a group, every `<` and `<=` of a condition or of a selection is moved
by one. A mutant that compiles and passes all cases has survived; survivors must be those of mutants.txt, which says why each of
them changes nothing. The last line is a summary; the exit status is 1 if an unexpected mutant survives or fewer than 95 of 100 are caught.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

KERNELS = {
    "gemm": ["gemm_w8a8", "gemm_w4a8_channel", "gemm_w4a8_group"],
    "rows": ["act_quantize", "rmsnorm_quantize", "silu_mul_quantize", "residual_add"],
    "attention": ["rope_write", "attention_kv4", "attention_kv8"],
    "attention_prefill": ["attention_prefill_kv4", "attention_prefill_kv8"],
}
FILES = {
    "gemm.cuh": ["gemm"],
    "gemm_load.cuh": ["gemm"],
    "gemm_operand.cuh": ["gemm"],
    "rows.cuh": ["rows"],
    "reduce.cuh": ["rows", "attention"],
    "attention_prefill.cuh": ["attention_prefill"],
    "attention_query.cuh": ["attention"],
    "attention_source.cuh": ["attention", "attention_prefill"],
    "prefill_load.cuh": ["attention_prefill"],
    "prefill_logits.cuh": ["attention_prefill"],
    "prefill_tile.cuh": ["attention_prefill"],
    "prefill_values.cuh": ["attention_prefill"],
    "prefill_weights.cuh": ["attention_prefill"],
    "rope_write.cuh": ["attention"],
    "attention.cuh": ["attention"],
    "attention_merge.cuh": ["attention"],
}
REMOVED = ["sync_block();", "sync_warp();", "copy_commit();", "fence_device();"]


def mutants_of_line(line):
    """(what, new line) for each way to weaken a line."""
    code = line.split("//")[0]
    for call in REMOVED:
        if call in code:
            yield "without " + call, line.replace(call, "")
    wait = re.search(r"copy_wait<([^>]*)>\(\);", code)
    if wait:
        yield "without the wait", line.replace(wait.group(0), "")
        yield "waits for one group less", line.replace(wait.group(0), f"copy_wait<{wait.group(1)} + 1>();")
    if "if (" in code or "? " in code or "= first +" in code or "exists = " in code:
        for found in re.finditer(r" (<=?) (?!<)", code):
            other = "<" if found.group(1) == "<=" else "<="
            yield (
                f"{other} in place of {found.group(1)} at column {found.start(1) + 1}",
                line[: found.start(1)] + other + line[found.end(1):],
            )


def all_mutants(srcdir):
    for name, units in FILES.items():
        with open(os.path.join(srcdir, "gpu", name), encoding="utf-8") as file:
            lines = file.readlines()
        for number, line in enumerate(lines):
            for what, new in mutants_of_line(line):
                text = "".join(lines[:number] + [new] + lines[number + 1:])
                yield name, number + 1, what, " ".join(line.split()), text, units


def explained(srcdir):
    """The survivors that are known, as (file, line's text, what)."""
    known = set()
    with open(os.path.join(srcdir, "tests", "python", "mutants.txt"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith(("#", " ")):
                known.add(tuple(part.strip() for part in line.split("|")))
    return known


def run_mutant(arguments, scratch, name, text, units):
    """'caught', 'survived' or 'no code'."""
    os.makedirs(os.path.join(scratch, "gpu"), exist_ok=True)
    with open(os.path.join(scratch, "gpu", name), "w", encoding="utf-8") as file:
        file.write(text)
    verdict = "survived"
    for unit in units:
        object_file, program = os.path.join(scratch, unit + ".o"), os.path.join(scratch, "mutant")
        compiler = arguments.cxx.split()
        # The mutated header comes first; the others are found behind it.
        flags = ["-std=c++17", "-O1", "-w", "-ffp-contract=off", "-U_FORTIFY_SOURCE", "-I" + scratch,
                 "-I" + os.path.join(arguments.srcdir, "ref"), "-I" + arguments.srcdir]
        unit_source = os.path.join(scratch, unit + ".cc")
        with open(unit_source, "w", encoding="utf-8") as file:
            file.write(f'#include "gpu/{unit}.cu"\n')
        if subprocess.run(compiler + flags + ["-c", unit_source, "-o", object_file], stderr=subprocess.DEVNULL).returncode:
            return "no code"
        build = arguments.builddir
        objects = [os.path.join(build, "gpu/cli/tests_gpu_emulated-main.o"), os.path.join(build, "ref/cli/tests_gpu_emulated-cli.o")]
        libraries = [os.path.join(build, ".libs", f"libqoq-{x}.a") for x in ("verify", "emu", "core")]
        subprocess.run(compiler + ["-o", program] + objects + [libraries[0], object_file] + libraries[1:] + ["-fopenmp", "-lm"], check=True)
        try:
            status = subprocess.run([program, "verify"] + KERNELS[unit] + ["--random", str(arguments.random), "--seed", "11"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300).returncode
        except subprocess.TimeoutExpired:
            status = 1
        if status != 0:
            verdict = "caught"
            break
    os.remove(os.path.join(scratch, "gpu", name))
    return verdict


def main():
    parser = argparse.ArgumentParser()
    for name in ("srcdir", "builddir", "cxx"):
        parser.add_argument(name)
    parser.add_argument("--random", type=int, default=24)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    known, count, unexpected = explained(arguments.srcdir), {"caught": 0, "survived": 0, "no code": 0, "explained": 0}, 0
    with tempfile.TemporaryDirectory() as scratch:
        for number, (name, line, what, source, text, units) in enumerate(all_mutants(arguments.srcdir)):
            if (arguments.limit and number >= arguments.limit) or arguments.only not in name:
                continue
            if arguments.list:
                print(f"{name}:{line}: {what}: {source}")
                continue
            verdict = run_mutant(arguments, scratch, name, text, units)
            if verdict == "survived" and (name, source, what) in known:
                verdict = "explained"
            unexpected += verdict == "survived"
            count[verdict] += 1
            print(f"{verdict:9} {name}:{line}: {what}: {source}", flush=True)
    changing = count["caught"] + count["survived"]
    print(f"{count['caught']} caught, {count['survived']} survived, {count['explained']} explained (they change nothing), {count['no code']} do not compile")
    return 1 if unexpected or (changing and count["caught"] < 0.95 * changing) else 0


if __name__ == "__main__":
    sys.exit(main())
