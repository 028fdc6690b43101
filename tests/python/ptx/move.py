# SPDX-License-Identifier: Apache-2.0
"""Instructions that bring values from one place to another: loads, stores, moves, conversions, exchange between lanes, atomics.

Each is a function of a block, the opcode, the operands and the threads that execute it.
"""
import numpy as np

from .memory import PARAMETERS
from .text import TYPES, Fault, Unknown, names


def space(block, op, at):
    """The bytes that addresses mean, and where in them."""
    if ".shared" in op:
        return block.shared, at
    if (at >= PARAMETERS).all():
        return block.parameters, at - PARAMETERS
    return block.memory.bytes, at


def load(block, op, operands, who):
    dtype = TYPES[op.split(".")[-1]]
    memory, at = space(block, op, block.registers.address(operands[1], who))
    size = np.dtype(dtype).itemsize
    for i, name in enumerate(names(operands[0])):
        raw = memory[(at + i * size)[:, None] + np.arange(size)]
        loaded = np.ascontiguousarray(raw).view(dtype)[:, 0]
        block.registers.put(name, loaded, who)


def store(block, op, operands, who):
    dtype = TYPES[op.split(".")[-1]]
    memory, at = space(block, op, block.registers.address(operands[0], who))
    size = np.dtype(dtype).itemsize
    for i, name in enumerate(names(operands[1])):
        raw = np.ascontiguousarray(block.registers.value(name, dtype, who)).view(np.uint8).reshape(len(who), size)
        memory[(at + i * size)[:, None] + np.arange(size)] = raw


def move(block, op, operands, who):
    registers, dtype = block.registers, TYPES[op.split(".")[-1]]
    if operands[0].startswith("{"):
        to = names(operands[0])
        parts = registers.value(operands[1], dtype, who).view(f"u{np.dtype(dtype).itemsize // len(to)}").reshape(len(who), len(to))
        for i, name in enumerate(to):
            registers.put(name, np.ascontiguousarray(parts[:, i]), who)
    elif operands[1].startswith("{"):
        of = names(operands[1])
        part = {2: np.uint16, 4: np.uint32}[np.dtype(dtype).itemsize // len(of)]
        registers.put(operands[0], np.ascontiguousarray(np.stack(registers.values(of, part, who), 1)).view(dtype)[:, 0], who)
    else:
        registers.put(operands[0], registers.value(operands[1], dtype, who), who)


def convert(block, op, operands, who):
    registers, parts = block.registers, op.split(".")[1:]
    to, of = parts[-2], parts[-1]
    if of == "f16":
        registers.put(operands[0], registers.value(operands[1], np.uint16, who).view(np.float16).astype(np.float32), who)
    elif to == "f16":
        registers.put(operands[0], registers.value(operands[1], np.float32, who).astype(np.float16).view(np.uint16), who)
    elif parts[0] == "rni":
        x = np.rint(np.nan_to_num(registers.value(operands[1], np.float32, who).astype(np.float64), posinf=1e18, neginf=-1e18))
        registers.put(operands[0], np.clip(x, -2.0**31, 2.0**31 - 1).astype(np.int64).astype(np.int32), who)
    elif parts[0] == "rpi":
        registers.put(operands[0], np.ceil(registers.value(operands[1], np.float32, who)), who)
    elif to == "f32" and parts[0] != "rn":
        raise Unknown(op)
    else:
        registers.put(operands[0], registers.value(operands[1], TYPES[of], who).astype(TYPES[to]), who)


def select(block, op, operands, who):
    one, other = block.registers.values(operands[1:3], TYPES[op.split(".")[-1]], who)
    block.registers.put(operands[0], np.where(block.registers[operands[3]][who], one, other), who)


def whole_warps(op, who):
    """Threads as [warp][lane]."""
    warps = who.reshape(-1, 32) if len(who) % 32 == 0 else who[:0].reshape(0, 32)
    if len(warps) == 0 or not np.array_equal(warps, (warps[:, :1] // 32 * 32) + np.arange(32)):
        raise Fault(f"{op} by a part of a warp")
    return warps


def shuffle(block, op, operands, who):
    value, by = (block.registers.value(text, np.uint32, who) for text in operands[-4:-2])
    lane = np.arange(len(who)) % 32
    whole_warps(op, who)
    # The segment is a warp: the last operand but one has no upper half.
    of = {"bfly": lane ^ by, "idx": by & np.uint32(31)}[op.split(".")[2]]
    block.registers.put(operands[0], value[np.arange(len(who)) - lane + of.astype(np.int64)], who)


def vote(block, op, operands, who):
    whole_warps(op, who)
    votes = block.registers[operands[1]][who].reshape(-1, 32)
    if ".any." not in op:
        raise Unknown(op)
    block.registers.put(operands[0], np.repeat(votes.any(1), 32), who)


def atomic(block, op, operands, who):
    at, bound = block.registers.address(operands[1], who), block.registers.value(operands[2], np.uint32, who)
    if ".inc.u32" not in op:
        raise Unknown(op)
    for i, thread in enumerate(who):
        word = block.memory.bytes[at[i]:at[i] + 4].view(np.uint32)
        block.registers[operands[0]][thread] = word[0]
        word[0] = 0 if word[0] >= bound[i] else word[0] + 1


OPCODES = {"ld": load, "st": store, "mov": move, "cvta": move, "cvt": convert, "selp": select, "shfl": shuffle, "vote": vote, "atom": atomic}
