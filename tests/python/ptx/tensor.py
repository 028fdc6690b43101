# SPDX-License-Identifier: Apache-2.0
"""Matrix instructions: of a warp (mma, ldmatrix) and of a warpgroup (wgmma).

A product of a warpgroup is done when it is waited for, and reads its operands then: what overwrites them before shows in the results.
"""
import re

import numpy as np

from .move import whole_warps
from .text import TYPES, Fault, Unknown, names

LANE = np.arange(32)
# Bytes of a row in the pattern of a descriptor's mode, and how many bits of the line's number change the column of 16 bytes.
PATTERNS = {1: (128, 7), 2: (64, 3), 3: (32, 1)}


def mma(block, op, operands, who):
    if ".m16n8k32." not in op or ".satfinite" in op:
        raise Unknown(op)
    whole_warps(op, who)
    kinds = [TYPES[kind] for kind in op.split(".")[-3:-1]]
    warps = len(who) // 32
    regs = [[value.reshape(warps, 32) for value in block.registers.values(names(text), np.uint32, who)] for text in operands[1:4]]
    a, b, d = np.zeros((warps, 16, 32), np.int32), np.zeros((warps, 32, 8), np.int32), np.zeros((warps, 16, 8), np.int32)
    for i in range(4):
        k = LANE % 4 * 4 + i
        for r, reg in enumerate(regs[0]):
            a[:, LANE // 4 + 8 * (r % 2), k + 16 * (r // 2)] = (reg >> np.uint32(8 * i)).astype(np.uint8).view(kinds[0])
        for r, reg in enumerate(regs[1]):
            b[:, k + 16 * r, LANE // 4] = (reg >> np.uint32(8 * i)).astype(np.uint8).view(kinds[1])
    for r, reg in enumerate(regs[2]):
        d[:, LANE // 4 + 8 * (r // 2), LANE % 4 * 2 + r % 2] = reg.view(np.int32)
    d += np.matmul(a.astype(np.float64), b.astype(np.float64)).astype(np.int32)
    for r, name in enumerate(names(operands[0])):
        block.registers.put(name, d[:, LANE // 4 + 8 * (r // 2), LANE % 4 * 2 + r % 2].reshape(-1), who)


def load_matrix(block, op, operands, who):
    whole_warps(op, who)
    at = block.registers.address(operands[1], who).reshape(-1, 4, 8)
    for r, name in enumerate(names(operands[0])):
        if ".trans" in op:
            # Column lane / 4 of rows 2 (lane % 4) and the next.
            halves = [at[:, r, LANE % 4 * 2 + i][..., None] + 2 * (LANE // 4)[None, :, None] + np.arange(2) for i in range(2)]
            where = np.concatenate(halves, -1)
        else:
            where = (at[:, r, LANE // 4] + 4 * (LANE % 4))[..., None] + np.arange(4)
        block.registers.put(name, np.ascontiguousarray(block.shared[where]).view(np.uint32).reshape(-1), who)


# ---- Warpgroups ----


def matrix(block, descriptor, rows):
    """Rows of 32 signed bytes in shared memory."""
    descriptor = int(descriptor)
    start, stride = (descriptor & 0x3fff) << 4, (descriptor >> 32 & 0x3fff) << 4
    # Bits without meaning, a base offset and no pattern are not expected here.
    if descriptor & 0x3ffec000c000c000 or descriptor >> 62 not in PATTERNS:
        raise Unknown(f"descriptor {descriptor:#x}")
    width, mask = PATTERNS[descriptor >> 62]
    row, k = np.arange(rows)[:, None], np.arange(32)
    at = start + row // 8 * stride + row % 8 * width + k
    return block.shared[at ^ (at >> 7 & mask) << 4].view(np.int8)


class Groups:
    """Products of a warpgroup: those that no group has yet, and groups under way, the oldest first."""

    def __init__(self):
        self.loose, self.closed = [], []


def groups_of(block, op, who):
    """(Groups, threads) of each warpgroup among who; a warpgroup comes as a whole."""
    whole_warps(op, who)
    for first in who[::128]:
        threads = np.arange(first, first + 128)
        if first % 128 or not np.isin(threads, who).all():
            raise Fault(f"{op} by a part of a warpgroup")
        yield block.products.setdefault(int(first), Groups()), threads


def product(block, op, operands, who):
    shape = re.fullmatch(r"wgmma\.mma_async\.sync\.aligned\.m64n(\d+)k32\.s32\.s8\.s8", op)
    if shape is None or operands[3] != "1":
        raise Unknown(op)
    for groups, threads in groups_of(block, op, who):
        sources = []
        for text in operands[1:3]:
            if text.startswith("{"):
                sources.append(names(text))
                continue
            descriptors = block.registers.value(text, np.uint64, threads)
            if (descriptors != descriptors[0]).any():
                raise Fault(f"{op}: descriptors differ")
            sources.append(descriptors[0])
        groups.loose.append((int(shape.group(1)), names(operands[0]), *sources))


def left(block, source, threads):
    """The 64 x 32 matrix of weights: registers or a descriptor."""
    if not isinstance(source, list):
        return matrix(block, source, 64)
    a, row, k = np.zeros((64, 32), np.int8), np.arange(128) // 32 * 16 + np.arange(128) % 32 // 4, np.arange(128) % 4 * 4
    for i, value in enumerate(block.registers.values(source, np.uint32, threads)):
        for byte in range(4):
            a[row + 8 * (i % 2), k + 16 * (i // 2) + byte] = (value >> np.uint32(8 * byte)).astype(np.uint8).view(np.int8)
    return a


def multiply(block, threads, n, to, a, b):
    """The product itself: element j of a thread's part of D is row + 8 (j / 2 % 2), column 8 (j / 4) + 2 (lane % 4) + j % 2."""
    d = left(block, a, threads).astype(np.float64) @ matrix(block, b, n).astype(np.float64).T
    d = d.astype(np.int64).astype(np.int32)
    row, column = threads % 128 // 32 * 16 + threads % 32 // 4, threads % 4 * 2
    for j, name in enumerate(to):
        block.registers[name][threads] += d[row + 8 * (j // 2 % 2), column + 8 * (j // 4) + j % 2].view(np.uint32)


def warpgroup(block, op, operands, who):
    what = op.split(".")[1]
    if what == "mma_async":
        product(block, op, operands, who)
    elif what == "fence":
        list(groups_of(block, op, who))
    else:
        for groups, threads in groups_of(block, op, who):
            if what == "commit_group":
                groups.closed.append(groups.loose)
                groups.loose = []
            elif what == "wait_group":
                while len(groups.closed) > int(operands[0]):
                    for one in groups.closed.pop(0):
                        multiply(block, threads, *one)
            else:
                raise Unknown(op)


OPCODES = {"mma": mma, "ldmatrix": load_matrix, "wgmma": warpgroup}
