# SPDX-License-Identifier: Apache-2.0
"""Copies that go on beside the threads, and barriers in shared memory that count arrivals and bytes.

Copies of 16 bytes land at once. Bulk copies land when no thread can go on without them: as late as they may.
"""
import collections
import struct

import numpy as np

from .memory import PARAMETERS
from .text import Fault, Unknown, names

TensorMap = collections.namedtuple("TensorMap", "address width rows pitch box_width box_rows swizzle unit")
TensorMap.__doc__ = """A two-dimensional array as a tensor copy sees it. Sizes are bytes, but for rows; x counts units of so many bytes. What an
encoder makes of it is between the driver and the hardware: here it is these numbers."""
LAYOUT = "<QQQQIIII"


def encode(tensor_map):
    return struct.pack(LAYOUT, *tensor_map).ljust(128, b"\0")


TensorMap.encode = encode


def decode(block, at):
    of, where = (block.parameters, at - PARAMETERS) if at >= PARAMETERS else (block.memory.bytes, at)
    if where % 64:
        raise Fault("a tensor map that is not aligned to 64")
    return TensorMap(*struct.unpack(LAYOUT, of[where:where + struct.calcsize(LAYOUT)].tobytes()))


class Mbarrier:
    """Phase, arrivals that it lacks, bytes that it lacks: below 0 where bytes come before they are expected."""

    def __init__(self, arrivals):
        self.phase, self.arrivals, self.pending, self.bytes = 0, arrivals, arrivals, 0

    def check(self):
        if self.pending == 0 and self.bytes == 0:
            self.phase += 1
            self.pending = self.arrivals


def find(block, at):
    if at not in block.mbarriers:
        raise Fault(f"no mbarrier at {at}")
    return block.mbarriers[at]


def mbarrier(block, op, operands, who):
    """init, arrive, arrive.expect_tx; waiting is the machine's."""
    what = op.split(".")[1]
    at = block.registers.address(operands[1 if what == "arrive" else 0], who)
    extra = block.registers.value(operands[-1], np.uint32, who) if operands[-1][0] != "[" else np.zeros(len(who), np.uint32)
    for where, number in zip(at.tolist(), extra.tolist()):
        if what == "init":
            if where % 8 or where in block.mbarriers:
                raise Fault(f"mbarrier.init at {where}")
            block.mbarriers[where] = Mbarrier(number)
            continue
        barrier = find(block, where)
        if what != "arrive" or (operands[-1][0] != "[") != (".expect_tx" in op):
            raise Unknown(op)
        if barrier.pending == 0:
            raise Fault(f"{op} at {where}: more than its arrivals")
        barrier.bytes += number
        barrier.pending -= 1
        barrier.check()
    block.wake()


def bulk(block, op, operands, who):
    """A copy of a box, from a map and coordinates (x, y)."""
    if not op.startswith("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"):
        raise Unknown(op)
    text, _, coordinates = operands[1].strip("[]").partition(",")
    at = block.registers.address(text, who)
    x, y = block.registers.values(names(coordinates.strip()), np.int32, who)
    to, barrier = (block.registers.address(operands[i], who) for i in (0, 2))
    for i in range(len(who)):
        box = decode(block, int(at[i]))
        if to[i] % (8 * box.swizzle if box.swizzle else 128):
            raise Fault(f"a box at {to[i]}")
        find(block, int(barrier[i]))
        block.copies.append((box, int(x[i]) * box.unit, int(y[i]), int(to[i]), int(barrier[i])))
        block.copied += box.box_width * box.box_rows


def land(block, box, x, y, to, barrier):
    """The bytes arrive, zeros for those outside of the array, and their number is taken from what the mbarrier lacks."""
    row, column = np.arange(box.box_rows)[:, None], np.arange(box.box_width)[None]
    inside = (y + row >= 0) & (y + row < box.rows) & (x + column >= 0) & (x + column < box.width)
    source = np.where(inside, box.address + (y + row) * box.pitch + x + column, 0)
    at = to + row * box.box_width + column
    if box.swizzle:
        at ^= (at >> 7 & (box.swizzle // 16 - 1)) << 4
    block.shared[at] = np.where(inside, block.memory.bytes[source], 0)
    found = find(block, barrier)
    found.bytes -= box.box_width * box.box_rows
    found.check()


def copy(block, op, operands, who):
    if not op.startswith("cp.async.cg."):
        if op.startswith("cp.async.bulk"):
            bulk(block, op, operands, who)
        return
    to, of = (block.registers.address(text, who) for text in operands[:2])
    valid = block.registers.value(operands[3], np.uint32, who) if len(operands) > 3 else np.full(len(who), 16)
    for i in range(16):
        block.shared[to + i] = np.where(i < valid, block.memory.bytes[np.where(i < valid, of + i, 0)], 0)


OPCODES = {"cp": copy, "mbarrier": mbarrier}
