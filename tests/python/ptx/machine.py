# SPDX-License-Identifier: Apache-2.0
"""Blocks: which threads go on, where they meet, and what they have executed."""
import collections

import numpy as np

from . import arithmetic, asynchronous, move, tensor
from .memory import POISON, WINDOW, Registers
from .text import Fault, Unknown

OPCODES = {**move.OPCODES, **arithmetic.OPCODES, **tensor.OPCODES, **asynchronous.OPCODES}
# What ends a stretch of instructions; and what changes nothing here.
FLOW = ("bra", "ret", "bar.sync", "mbarrier.try_wait")
NOTHING = ("membar", "fence", "bar.warp", "setmaxnreg")


class Block:
    """One block of a launch while it runs."""

    def __init__(self, kernel, memory, parameters, grid, block, threads, shared):
        self.kernel, self.memory, self.threads = kernel, memory, threads
        self.parameters, self.shared = np.frombuffer(parameters, np.uint8), np.full(WINDOW + shared + 16, POISON, np.uint8)
        self.registers = Registers(kernel, threads)
        self.registers["%tid.x"] = np.arange(threads, dtype=np.uint32)
        for axis in range(3):
            self.registers[f"%ctaid.{'xyz'[axis]}"] = np.full(threads, block[axis], np.uint32)
            self.registers[f"%nctaid.{'xyz'[axis]}"] = np.full(threads, grid[axis], np.uint32)
        # A thread waits at (a barrier's number, how many come there or 0 for all) or (an mbarrier's address, a parity, True).
        self.pc, self.blocked, self.waits = np.zeros(threads, np.int64), np.zeros(threads, bool), {}
        self.mbarriers, self.copies, self.products, self.copied = {}, [], {}, 0
        # By instruction and warp: lanes that executed it, and how often the warp did.
        self.lanes, self.times = (np.zeros((len(kernel.code), threads // 32), np.int64) for _ in range(2))

    # ---- Control ----

    def flow(self, at, instruction, who, taken):
        """A branch, a return or a barrier at `at`, for the threads `taken`."""
        op, operands = instruction.op, instruction.operands
        self.pc[who] = at + 1
        self.count(at, self.shares(taken if op.startswith(("bar", "mbarrier")) else who))
        if op.startswith("bra"):
            self.pc[taken] = self.kernel.labels[operands[-1]]
        elif op == "ret":
            self.pc[taken] = len(self.kernel.code)
        elif op.startswith("bar"):
            number = self.registers.value(operands[0], np.uint32, taken)
            count = self.registers.value(operands[1], np.uint32, taken) if len(operands) > 1 else np.zeros(len(taken), np.uint32)
            self.wait(taken, zip(number.tolist(), count.tolist()))
        else:
            self.registers.put(operands[0], np.ones(len(taken), bool), taken)
            parity = self.registers.value(operands[2], np.uint32, taken)
            self.wait(taken, ((where, value, True) for where, value in zip(self.registers.address(operands[1], taken).tolist(), parity.tolist())))

    def wait(self, who, keys):
        for thread, key in zip(who.tolist(), keys):
            self.waits.setdefault(key, []).append(thread)
        self.blocked[who] = True
        self.wake()

    def has_passed(self, key, threads):
        if len(key) == 3:
            return asynchronous.find(self, key[0]).phase & 1 != key[1]
        return len(threads) == (key[1] or np.count_nonzero(self.pc < len(self.kernel.code)))

    def wake(self):
        """Those whose barrier is complete go on."""
        for key in [key for key, threads in self.waits.items() if self.has_passed(key, threads)]:
            self.blocked[self.waits.pop(key)] = False

    def unblock(self):
        """No thread can go on: copies can be no later."""
        while self.copies and self.blocked.sum() == np.count_nonzero(self.pc < len(self.kernel.code)):
            asynchronous.land(self, *self.copies.pop(0))
            self.wake()
        self.wake()
        if (self.blocked == (self.pc < len(self.kernel.code))).all():
            raise Fault(f"deadlock: {list(self.waits)}")

    def finish(self):
        if self.copies or any(b.bytes for b in self.mbarriers.values()) or any(g.loose or g.closed for g in self.products.values()):
            raise Fault("a block leaves while copies or products are under way")

    # ---- Instructions ----

    def shares(self, who):
        """How many of the threads each warp has, and which warps have some."""
        lanes = np.bincount(who >> 5, minlength=self.threads // 32)
        return lanes, lanes > 0

    def count(self, at, shares):
        self.lanes[at] += shares[0]
        self.times[at] += shares[1]

    def step(self, instruction, who):
        if len(who) == 0 or instruction.op.startswith(NOTHING):
            return
        function = OPCODES.get(instruction.op.split(".")[0])
        if function is None:
            raise Unknown(instruction.op)
        function(self, instruction.op, instruction.operands, who)

    def stretch(self, at, who, until):
        """Instructions from `at` on, until threads part, wait, or meet those that stand at `until`."""
        shares = self.shares(who)
        while at < until:
            instruction = self.kernel.code[at]
            guard = instruction.guard
            taken = who if guard is None else who[self.registers[guard][who] != instruction.negated]
            if instruction.op.startswith(FLOW):
                self.flow(at, instruction, who, taken)
                return
            self.count(at, shares if guard is None else self.shares(taken))
            self.step(instruction, taken)
            at += 1
        self.pc[who] = at

    def run(self):
        end = len(self.kernel.code)
        while (self.pc < end).any():
            ready = (self.pc < end) & ~self.blocked
            if not ready.any():
                self.unblock()
                continue
            at = self.pc[ready].min()
            behind = ready & (self.pc == at)
            others = self.pc[ready & ~behind]
            self.stretch(int(at), np.nonzero(behind)[0], int(others.min()) if len(others) else end)
        self.finish()


class Executed:
    """What was executed, by opcode and warp of a block: by how many lanes, and how often by the warp; and the bytes of bulk copies."""

    def __init__(self, warps):
        self.lanes, self.times = (collections.defaultdict(lambda: np.zeros(warps, np.int64)) for _ in range(2))
        self.bytes = 0

    def add(self, block):
        for table, of in ((self.lanes, block.lanes), (self.times, block.times)):
            for instruction, count in zip(block.kernel.code, of):
                table[instruction.op] += count
        self.bytes += block.copied


def launch(kernel, memory, parameters, grid, threads, shared):
    """Runs all blocks; what they executed."""
    executed = Executed(threads // 32)
    with np.errstate(all="ignore"):
        for z in range(grid[2]):
            for y in range(grid[1]):
                for x in range(grid[0]):
                    block = Block(kernel, memory, parameters, grid, (x, y, z), threads, shared)
                    block.run()
                    executed.add(block)
    return executed
