# SPDX-License-Identifier: Apache-2.0
"""Runs the PTX of a kernel, one block after another, and counts what its threads execute.

All threads of a block go together, as numpy arrays: of those that can run, the ones furthest behind (at the lowest instruction) make the
next step, so that ways which part meet again. Only what this project's kernels contain is known; anything else is an error that names it.
Copies land at once; there is no check of races. It exists to count (check_ptx.py), and to see that what is counted computes.
"""
import collections
import re

import numpy as np

TYPES = {"u8": np.uint8, "s8": np.int8, "b8": np.uint8, "u16": np.uint16, "s16": np.int16, "b16": np.uint16, "u32": np.uint32, "s32": np.int32,
         "b32": np.uint32, "u64": np.uint64, "s64": np.int64, "b64": np.uint64, "f32": np.float32, "pred": np.bool_}
REGISTERS = {"%p": np.bool_, "%rs": np.uint16, "%rd": np.uint64, "%r": np.uint32, "%f": np.float32}
PARAMETERS = 1 << 60
COMPARE = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal}
FLOW = ("bra", "ret", "bar.sync")


class Unknown(Exception):
    """An instruction that is not known here."""


class Kernel:
    """Instructions (guard, negated, opcode, operands) and where labels stand."""

    def __init__(self, name):
        self.name, self.code, self.labels = name, [], {}

    def add(self, line):
        line = line.strip()
        if line.startswith("{") and line.endswith("}"):
            line = line[1:-1].strip()
        label = re.fullmatch(r"(\$?\w+):", line)
        if label:
            self.labels[label.group(1)] = len(self.code)
            return
        found = re.fullmatch(r"(?:@(!?)(%p\d+)\s+)?([a-z][\w.:]*)\s*(.*);", line)
        if found and not line.startswith("."):
            operands = re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^,\s|][^,|]*", found.group(4))
            self.code.append((found.group(2), found.group(1) == "!", found.group(3), [text.strip() for text in operands]))


def parse(path):
    """{name: Kernel}"""
    kernels, kernel = {}, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            entry = re.match(r"\s*\.visible \.entry (\w+)", line)
            if entry:
                kernel = kernels[entry.group(1)] = Kernel(entry.group(1))
            elif kernel is not None:
                kernel.add(line.split("//")[0])
    return kernels


class Memory:
    """Global memory: arrays, and where they begin."""

    def __init__(self, size):
        self.bytes, self.used = np.zeros(size, np.uint8), 4096

    def add(self, array):
        """The address of a copy of the array."""
        flat = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
        at = self.used
        self.bytes[at:at + flat.size] = flat
        self.used += (flat.size + 1023) // 512 * 512
        return at

    def get(self, at, dtype, count):
        return self.bytes[at:at + count * np.dtype(dtype).itemsize].view(dtype)


class Block:
    """One block of a launch while it runs."""

    def __init__(self, kernel, memory, parameters, grid, block, threads, shared):
        self.kernel, self.memory, self.threads = kernel, memory, threads
        self.parameters, self.shared = np.frombuffer(parameters, np.uint8), np.zeros(shared + 16, np.uint8)
        self.registers, self.lanes, self.warps = {}, collections.Counter(), collections.Counter()
        self.pc = np.zeros(threads, np.int64)
        self.waits = np.zeros(threads, bool)
        self.special = {"%tid.x": np.arange(threads, dtype=np.uint32)}
        for axis in range(3):
            self.special[f"%ctaid.{'xyz'[axis]}"] = np.full(threads, block[axis], np.uint32)
            self.special[f"%nctaid.{'xyz'[axis]}"] = np.full(threads, grid[axis], np.uint32)

    # ---- Values ----

    def register(self, name):
        if name not in self.registers:
            self.registers[name] = np.zeros(self.threads, REGISTERS[re.match(r"%[a-z]+", name).group(0)])
        return self.registers[name]

    def value(self, text, dtype, who):
        """An operand as an array of dtype, one value for each of who."""
        if text in self.special:
            return self.special[text][who].astype(dtype)
        if text.startswith("%"):
            held = self.register(text)[who]
            size = np.dtype(dtype).itemsize
            if held.dtype == np.bool_ or held.itemsize == size:
                return held if held.dtype == dtype else held.view(dtype)
            return held.view(f"u{held.itemsize}").astype(f"u{size}").view(dtype)
        if text.startswith("0f"):
            number = np.array([int(text[2:], 16)], np.uint32).view(np.float32)[0]
        elif re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)", text):
            number = np.array([int(text, 0) & ((1 << 8 * np.dtype(dtype).itemsize) - 1)], f"u{np.dtype(dtype).itemsize}").view(dtype)[0]
        elif text.endswith("_param_0"):
            number = np.uint64(PARAMETERS)
        elif "qoq_shared" in text:
            number = dtype(0)
        else:
            raise Unknown(text)
        return np.full(len(who), number, dtype)

    def put(self, name, value, who):
        held = self.register(name)
        if held.dtype != value.dtype and held.itemsize == value.itemsize and held.dtype != np.bool_:
            value = value.view(held.dtype)
        held[who] = value.astype(held.dtype)

    def address(self, text, who):
        base, _, offset = text[1:-1].partition("+")
        offset = int(offset or 0)
        return self.value(base.strip(), np.uint64, who).astype(np.int64) + offset

    def space(self, op, at):
        if ".param" in op:
            return self.parameters, at & (PARAMETERS - 1)
        return (self.shared, at) if ".shared" in op else (self.memory.bytes, at)

    # ---- Instructions ----

    def load(self, op, operands, who):
        dtype = TYPES[op.split(".")[-1]]
        names = operands[0].strip("{}").split(",")
        memory, at = self.space(op, self.address(operands[1], who))
        size = np.dtype(dtype).itemsize
        for i, name in enumerate(names):
            raw = memory[(at + i * size)[:, None] + np.arange(size)]
            loaded = np.ascontiguousarray(raw).view(dtype)[:, 0]
            held = self.register(name.strip())
            held[who] = loaded.view(held.dtype) if held.itemsize == size else loaded.astype(held.dtype)

    def store(self, op, operands, who):
        dtype = TYPES[op.split(".")[-1]]
        memory, at = self.space(op, self.address(operands[0], who))
        size = np.dtype(dtype).itemsize
        for i, name in enumerate(operands[1].strip("{}").split(",")):
            raw = np.ascontiguousarray(self.value(name.strip(), dtype, who)).view(np.uint8).reshape(len(who), size)
            memory[(at + i * size)[:, None] + np.arange(size)] = raw

    def compare(self, op, operands, who):
        _, how, kind = op.split(".")
        a, b = (self.value(text, TYPES[kind], who) for text in operands[1:3])
        if how in ("nan", "num"):
            bad = np.isnan(a) | np.isnan(b)
            self.put(operands[0], bad if how == "nan" else ~bad, who)
        else:
            self.put(operands[0], COMPARE[how](a, b), who)

    def convert(self, op, operands, who):
        parts = op.split(".")[1:]
        to, of = parts[-2], parts[-1]
        if of == "f16":
            self.put(operands[0], self.value(operands[1], np.uint16, who).view(np.float16).astype(np.float32), who)
        elif to == "f16":
            self.put(operands[0], self.value(operands[1], np.float32, who).astype(np.float16).view(np.uint16), who)
        elif parts[0] == "rni":
            x = np.rint(np.nan_to_num(self.value(operands[1], np.float32, who).astype(np.float64), posinf=1e18, neginf=-1e18))
            self.put(operands[0], np.clip(x, -2.0**31, 2.0**31 - 1).astype(np.int64).astype(np.int32), who)
        elif parts[0] == "rpi":
            self.put(operands[0], np.ceil(self.value(operands[1], np.float32, who)), who)
        else:
            value = self.value(operands[1], TYPES[of], who)
            self.put(operands[0], value.astype(TYPES[to]), who)

    def arithmetic(self, op, operands, who):
        name, kind = op.split(".")[0], op.split(".")[-1]
        dtype = TYPES[kind]
        if name == "mul" and ".wide" in op:
            wide = {"u16": np.uint32, "u32": np.uint64, "s32": np.int64, "s16": np.int32}[kind]
            a, b = (self.value(text, dtype, who).astype(wide) for text in operands[1:3])
            return a * b
        values = [self.value(text, dtype, who) for text in operands[1:]]
        if dtype == np.float32:
            return self.floating(op, values)
        return self.integer(name, op, values, dtype, operands, who)

    @staticmethod
    def floating(op, v):
        name = op.split(".")[0]
        if name == "fma":
            return (v[0].astype(np.longdouble) * v[1] + v[2]).astype(np.float32)
        if name in ("min", "max"):
            return {"min": (np.fmin, np.minimum), "max": (np.fmax, np.maximum)}[name][".NaN" in op](v[0], v[1])
        return {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "sqrt": np.sqrt, "neg": np.negative, "abs": np.abs}[name](*v)

    def integer(self, name, op, v, dtype, operands, who):
        if name in ("add", "sub", "mul", "and", "or", "xor", "min", "max"):
            return {"add": np.add, "sub": np.subtract, "mul": np.multiply, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
                    "min": np.minimum, "max": np.maximum}[name](v[0], v[1])
        if name == "mad" and ".lo" in op:
            return v[0] * v[1] + v[2]
        if name in ("shl", "shr"):
            bits, by = 8 * np.dtype(dtype).itemsize, self.value(operands[2], np.uint32, who)
            if np.issubdtype(dtype, np.signedinteger):
                return v[0] >> np.minimum(by, bits - 1).astype(dtype)
            moved = (np.left_shift if name == "shl" else np.right_shift)(v[0], np.minimum(by, bits - 1).astype(dtype))
            return np.where(by < bits, moved, dtype(0))
        if name in ("div", "rem"):
            return v[0] // v[1] if name == "div" else v[0] % v[1]
        if name in ("not", "neg"):
            return ~v[0] if name == "not" else -v[0]
        if name == "bfi":
            bit, length = self.value(operands[3], np.uint32, who), self.value(operands[4], np.uint32, who)
            mask = (((np.uint64(1) << length.astype(np.uint64)) - np.uint64(1)) << bit.astype(np.uint64)).astype(np.uint32)
            return (v[1] & ~mask) | ((v[0] << bit) & mask)
        raise Unknown(op)

    def permute(self, operands, who):
        a, b, selector = (self.value(text, np.uint32, who) for text in operands[1:4])
        both = a.astype(np.uint64) | b.astype(np.uint64) << np.uint64(32)
        out = np.zeros(len(who), np.uint32)
        for i in range(4):
            pick = (selector >> np.uint32(4 * i)) & np.uint32(7)
            out |= ((both >> (pick * 8).astype(np.uint64)) & np.uint64(255)).astype(np.uint32) << np.uint32(8 * i)
        return out

    def dot(self, op, operands, who):
        a = self.value(operands[1], np.uint32, who)
        b = self.value(operands[2], np.uint32, who) >> np.uint32(16 if ".hi" in op else 0)
        low, high = (a & np.uint32(0xffff)).astype(np.uint16).view(np.int16), (a >> np.uint32(16)).astype(np.uint16).view(np.int16)
        total = low.astype(np.int64) * (b & 255) + high.astype(np.int64) * (b >> np.uint32(8) & np.uint32(255)) + self.value(operands[3], np.int32, who)
        return total.astype(np.int32)

    def mma(self, op, operands, who):
        if ".m16n8k32." not in op:
            raise Unknown(op)
        kinds = [TYPES[kind] for kind in op.split(".")[-3:-1]]
        warps = len(who) // 32
        lane = np.arange(32)
        regs = [[self.value(name.strip(), np.uint32, who).reshape(warps, 32) for name in text.strip("{}").split(",")] for text in operands[1:4]]
        a, b, d = np.zeros((warps, 16, 32), np.int32), np.zeros((warps, 32, 8), np.int32), np.zeros((warps, 16, 8), np.int32)
        for i in range(4):
            k = lane % 4 * 4 + i
            for r, reg in enumerate(regs[0]):
                a[:, lane // 4 + 8 * (r % 2), k + 16 * (r // 2)] = (reg >> np.uint32(8 * i)).astype(np.uint8).view(kinds[0])
            for r, reg in enumerate(regs[1]):
                b[:, k + 16 * r, lane // 4] = (reg >> np.uint32(8 * i)).astype(np.uint8).view(kinds[1])
        for r, reg in enumerate(regs[2]):
            d[:, lane // 4 + 8 * (r // 2), lane % 4 * 2 + r % 2] = reg.view(np.int32)
        d += np.matmul(a.astype(np.float64), b.astype(np.float64)).astype(np.int32)
        for r, name in enumerate(operands[0].strip("{}").split(",")):
            self.put(name.strip(), d[:, lane // 4 + 8 * (r // 2), lane % 4 * 2 + r % 2].reshape(-1), who)

    def load_matrix(self, op, operands, who):
        at, lane = self.address(operands[1], who).reshape(-1, 4, 8), np.arange(32)
        for r, name in enumerate(operands[0].strip("{}").split(",")):
            if ".trans" in op:
                # Column lane / 4 of rows 2 (lane % 4) and the next.
                halves = [at[:, r, lane % 4 * 2 + i][..., None] + 2 * (lane // 4)[None, :, None] + np.arange(2) for i in range(2)]
                where = np.concatenate(halves, -1)
            else:
                where = (at[:, r, lane // 4] + 4 * (lane % 4))[..., None] + np.arange(4)
            self.put(name.strip(), np.ascontiguousarray(self.shared[where]).view(np.uint32).reshape(-1), who)

    def copy(self, operands, who):
        to, of = self.address(operands[0], who), self.address(operands[1], who)
        valid = self.value(operands[3], np.uint32, who) if len(operands) > 3 else np.full(len(who), 16)
        for i in range(16):
            self.shared[to + i] = np.where(i < valid, self.memory.bytes[np.where(i < valid, of + i, 0)], 0)

    def shuffle(self, operands, who):
        value, mask = self.value(operands[-4], np.uint32, who), self.value(operands[-3], np.uint32, who)
        assert len(who) % 32 == 0, "a shuffle of a part of a warp"
        self.put(operands[0], value[np.arange(len(who)) ^ mask.astype(np.int64)], who)

    def move(self, op, operands, who):
        dtype = TYPES[op.split(".")[-1]]
        if operands[0].startswith("{"):
            names = operands[0].strip("{}").split(",")
            parts = self.value(operands[1], dtype, who).view(f"u{np.dtype(dtype).itemsize // len(names)}").reshape(len(who), len(names))
            for i, name in enumerate(names):
                self.put(name.strip(), np.ascontiguousarray(parts[:, i]), who)
        elif operands[1].startswith("{"):
            names = operands[1].strip("{}").split(",")
            half = {2: np.uint16, 4: np.uint32}[np.dtype(dtype).itemsize // len(names)]
            self.put(operands[0], np.ascontiguousarray(np.stack([self.value(n.strip(), half, who) for n in names], 1)).view(dtype)[:, 0], who)
        else:
            self.put(operands[0], self.value(operands[1], dtype, who), who)

    def atomic(self, op, operands, who):
        at, bound = self.address(operands[1], who), self.value(operands[2], np.uint32, who)
        if ".inc.u32" not in op:
            raise Unknown(op)
        for i, thread in enumerate(who):
            word = self.memory.bytes[at[i]:at[i] + 4].view(np.uint32)
            self.register(operands[0])[thread] = word[0]
            word[0] = 0 if word[0] >= bound[i] else word[0] + 1

    def execute(self, op, operands, who):
        name = op.split(".")[0]
        if name == "ld":
            self.load(op, operands, who)
        elif name == "st":
            self.store(op, operands, who)
        elif name == "setp":
            self.compare(op, operands, who)
        elif name == "cvt":
            self.convert(op, operands, who)
        elif name in ("mov", "cvta"):
            self.move(op, operands, who)
        elif name == "selp":
            dtype = TYPES[op.split(".")[-1]]
            self.put(operands[0], np.where(self.register(operands[3])[who], self.value(operands[1], dtype, who), self.value(operands[2], dtype, who)), who)
        elif name == "prmt":
            self.put(operands[0], self.permute(operands, who), who)
        elif name == "dp2a":
            self.put(operands[0], self.dot(op, operands, who), who)
        elif name == "mma":
            self.mma(op, operands, who)
        elif name == "ldmatrix":
            self.load_matrix(op, operands, who)
        elif op.startswith("cp.async.cg"):
            self.copy(operands, who)
        elif name == "shfl":
            self.shuffle(operands, who)
        elif name == "vote":
            votes = self.register(operands[1])[who].reshape(-1, 32)
            self.put(operands[0], np.repeat(votes.any(1), 32), who)
        elif name == "atom":
            self.atomic(op, operands, who)
        elif op.startswith(("cp.async", "membar", "fence", "bar.warp")):
            pass
        else:
            self.put(operands[0], self.arithmetic(op, operands, who), who)

    # ---- Control ----

    def flow(self, at, who):
        """A branch, a return or a barrier at `at`."""
        guard, negated, op, operands = self.kernel.code[at]
        self.pc[who] = at + 1
        taken = who if guard is None else who[self.register(guard)[who] != negated]
        self.count(op, taken if op.startswith("bar") else who)
        if op.startswith("bra"):
            self.pc[taken] = self.kernel.labels[operands[-1]]
        elif op == "ret":
            self.pc[taken] = len(self.kernel.code)
        else:
            if len(operands) > 1:
                raise Unknown("a barrier of some threads")
            self.waits[taken] = True

    def count(self, op, who):
        self.lanes[op] += len(who)
        self.warps[op] += len(np.unique(who // 32))

    def run(self):
        end, targets = len(self.kernel.code), set(self.kernel.labels.values())
        while True:
            alive = self.pc < end
            ready = alive & ~self.waits
            if not ready.any():
                if not alive.any():
                    return
                self.waits[:] = False
                continue
            at = int(self.pc[ready].min())
            who = np.nonzero(ready & (self.pc == at))[0]
            while True:
                guard, negated, op, operands = self.kernel.code[at]
                if op.startswith(FLOW):
                    self.flow(at, who)
                    break
                some = who if guard is None else who[self.register(guard)[who] != negated]
                if len(some):
                    self.count(op, some)
                    self.execute(op, operands, some)
                at += 1
                if at in targets:
                    self.pc[who] = at
                    break


def launch(kernel, memory, parameters, grid, threads, shared):
    """Runs all blocks; returns what lanes and warps executed, by opcode."""
    lanes, warps = collections.Counter(), collections.Counter()
    with np.errstate(all="ignore"):
        for z in range(grid[2]):
            for y in range(grid[1]):
                for x in range(grid[0]):
                    block = Block(kernel, memory, parameters, grid, (x, y, z), threads, shared)
                    block.run()
                    lanes += block.lanes
                    warps += block.warps
    return lanes, warps
