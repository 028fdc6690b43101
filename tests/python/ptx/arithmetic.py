# SPDX-License-Identifier: Apache-2.0
"""Integer, logical and floating instructions, and comparison."""
import numpy as np

from .text import TYPES, Unknown

COMPARE = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal}
UNORDERED = {how + "u": compare for how, compare in COMPARE.items()}
INTEGER = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
           "min": np.minimum, "max": np.maximum, "not": np.bitwise_not, "neg": np.negative, "div": np.floor_divide, "rem": np.remainder}
FLOATING = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "sqrt": np.sqrt, "neg": np.negative, "abs": np.abs,
            "min": np.fmin, "max": np.fmax}
WIDE = {"u16": np.uint32, "u32": np.uint64, "s32": np.int64, "s16": np.int32}


def compare(block, op, operands, who):
    _, how, kind = op.split(".")
    a, b = block.registers.values(operands[1:3], TYPES[kind], who)
    if how in ("nan", "num") or how in UNORDERED:
        bad = np.isnan(a) | np.isnan(b)
        result = bad if how == "nan" else ~bad if how == "num" else bad | UNORDERED[how](a, b)
    elif how == "ne" and kind == "f32":
        result = (a < b) | (a > b)
    else:
        result = COMPARE[how](a, b)
    block.registers.put(operands[0], result, who)


def fused(a, b, c):
    """a b + c, rounded once: the product has 48 bits; the sum goes to 53 bits by rounding to odd, which a second rounding cannot spoil."""
    product, c = a.astype(np.float64) * b, c.astype(np.float64)
    total = product + c
    part = total - product
    rest = (product - (total - part)) + (c - part)
    bits = total.view(np.int64)
    even = np.isfinite(total) & (rest != 0) & (bits & 1 == 0)
    return np.where(even, bits + np.where((rest > 0) == (total > 0), 1, -1), bits).view(np.float64).astype(np.float32)


def floating(op, v):
    name = op.split(".")[0]
    if name == "fma":
        return fused(*v)
    if name in ("min", "max") and ".NaN" in op:
        return {"min": np.minimum, "max": np.maximum}[name](*v)
    return FLOATING[name](*v)


def shift(name, value, dtype, by):
    """Beyond the width: zeros, or the sign."""
    bits = 8 * np.dtype(dtype).itemsize
    if np.issubdtype(dtype, np.signedinteger):
        return value >> np.minimum(by, bits - 1).astype(dtype)
    moved = (np.left_shift if name == "shl" else np.right_shift)(value, np.minimum(by, bits - 1).astype(dtype))
    return np.where(by < bits, moved, dtype(0))


def insert(field, into, bit, length):
    mask = (((np.uint64(1) << length.astype(np.uint64)) - np.uint64(1)) << bit.astype(np.uint64)).astype(np.uint32)
    return (into & ~mask) | ((field << bit) & mask)


def arithmetic(block, op, operands, who):
    name, kind = op.split(".")[0], op.split(".")[-1]
    dtype, registers = TYPES[kind], block.registers
    if name in ("shl", "shr"):
        result = shift(name, registers.value(operands[1], dtype, who), dtype, registers.value(operands[2], np.uint32, who))
    else:
        v = registers.values(operands[1:], dtype, who)
        if dtype == np.float32:
            result = floating(op, v)
        elif name == "mul" and ".wide" in op:
            result = v[0].astype(WIDE[kind]) * v[1].astype(WIDE[kind])
        elif name == "mad" and ".lo" in op:
            result = v[0] * v[1] + v[2]
        elif name == "bfi":
            result = insert(*v)
        elif name in ("div", "rem") and np.issubdtype(dtype, np.signedinteger) or name == "mul" and ".lo" not in op:
            raise Unknown(op)
        else:
            result = INTEGER[name](*v)
    registers.put(operands[0], result, who)


def permute(block, op, operands, who):
    if op != "prmt.b32":
        raise Unknown(op)
    a, b, selector = block.registers.values(operands[1:4], np.uint32, who)
    both = a.astype(np.uint64) | b.astype(np.uint64) << np.uint64(32)
    out = np.zeros(len(who), np.uint32)
    for i in range(4):
        pick = (selector >> np.uint32(4 * i)) & np.uint32(15)
        byte = ((both >> (pick % 8 * 8).astype(np.uint64)) & np.uint64(255)).astype(np.uint32)
        # The fourth bit of a selector asks for eight times the sign.
        out |= np.where(pick < 8, byte, (byte >> np.uint32(7)) * np.uint32(255)) << np.uint32(8 * i)
    block.registers.put(operands[0], out, who)


def dot(block, op, operands, who):
    if not op.endswith(".s32.u32"):
        raise Unknown(op)
    a, b = block.registers.values(operands[1:3], np.uint32, who)
    b = b >> np.uint32(16 if ".hi" in op else 0)
    low, high = (a & np.uint32(0xffff)).astype(np.uint16).view(np.int16), (a >> np.uint32(16)).astype(np.uint16).view(np.int16)
    total = low.astype(np.int64) * (b & 255) + high.astype(np.int64) * (b >> np.uint32(8) & np.uint32(255))
    block.registers.put(operands[0], (total + block.registers.value(operands[3], np.int32, who)).astype(np.int32), who)


OPCODES = {"setp": compare, "prmt": permute, "dp2a": dot}
OPCODES.update((name, arithmetic) for name in {*INTEGER, *FLOATING, "fma", "mad", "shl", "shr", "bfi"})
