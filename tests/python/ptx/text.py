# SPDX-License-Identifier: Apache-2.0
"""The text of a PTX file: kernels, their instructions, labels and registers."""
import collections
import re

import numpy as np

TYPES = {"u8": np.uint8, "s8": np.int8, "b8": np.uint8, "u16": np.uint16, "s16": np.int16, "b16": np.uint16, "u32": np.uint32, "s32": np.int32,
         "b32": np.uint32, "u64": np.uint64, "s64": np.int64, "b64": np.uint64, "f32": np.float32, "pred": np.bool_}

# guard: the predicate's register or None; negated: whether it must be false.
Instruction = collections.namedtuple("Instruction", "guard negated op operands")


class Fault(Exception):
    """What a kernel must not do."""


class Unknown(Fault):
    """An instruction, or a form of it, that is not known here."""


class Kernel:
    """Instructions, where labels stand, and the types of registers, of one (`%p`) or of a row of them (`%r<9>`)."""

    def __init__(self, name, target):
        self.name, self.target, self.code, self.labels, self.types = name, target, [], {}, {}
        self.align = 8   # of the parameters
        self.scopes, self.blocks = [], 0

    def is_for(self, target):
        return self.target == target

    def type_of(self, register):
        return self.types.get(register) or self.types[register.rstrip("0123456789")]

    def declare(self, kind, name):
        """Inside braces of its own a name means a register of its own."""
        base, many, _ = name.partition("<")
        if len(self.scopes) > 1 and not many:
            self.scopes[-1][base] = f"{base}.{self.blocks}"
            base = self.scopes[-1][base]
        self.types[base] = TYPES[kind]

    def operand(self, text):
        for scope in reversed(self.scopes):
            text = scope.get(text, text)
        return text.strip()

    def add(self, line):
        line = line.strip()
        if line.startswith("{") and line.endswith("}"):
            line = line[1:-1].strip()
        if line == "{":
            self.scopes.append({})
            self.blocks += 1
        elif line == "}":
            self.scopes.pop()
        label = re.fullmatch(r"(\$?\w+):", line)
        register = re.fullmatch(r"\.reg \.(\w+)\s+(.*);", line)
        found = re.fullmatch(r"(?:@(!?)(%p\d+)\s+)?([a-z][\w.:]*)\s*(.*);", line)
        if label:
            self.labels[label.group(1)] = len(self.code)
        elif register:
            self.declare(*register.groups())
        elif found:
            operands = re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^,\s|][^,|]*", found.group(4))
            self.code.append(Instruction(found.group(2), found.group(1) == "!", found.group(3), [self.operand(text) for text in operands]))


def parse(path):
    """{name: Kernel}"""
    kernels, kernel, target = {}, None, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            entry, align = re.match(r"\s*\.visible \.entry (\w+)", line), re.match(r"\s*\.param \.align (\d+)", line)
            if line.startswith(".target"):
                target = line.split()[1].strip(",")
            elif entry:
                kernel = kernels[entry.group(1)] = Kernel(entry.group(1), target)
            elif align:
                kernel.align = int(align.group(1))
            elif kernel is not None:
                kernel.add(line.split("//")[0])
    return kernels


def names(text):
    """The registers of a list in braces, or of one that stands alone."""
    return [name.strip() for name in text.strip("{}").split(",")]
