# SPDX-License-Identifier: Apache-2.0
"""What a case is, and what the makers of parameters share."""
import struct

import numpy as np


class Case:
    """A launch: its unit, the entry's mangled name as a pattern, the options of `qoq sim run`, and what makes its parameters:
    (memory, random numbers, sizes) to (bytes, grid). roles: which warps have them. hopper: only PTX for sm_90a has it."""

    def __init__(self, unit, kernel, launch, entry, options, make, roles=None, hopper=False):
        self.unit, self.kernel, self.launch, self.entry, self.options, self.make = unit, kernel, launch, entry, options, make
        self.roles, self.hopper = roles or {}, hopper
        words = options.split()
        self.size = {name.lstrip("-").replace("-", "_"): int(value) for name, value in zip(words[::2], words[1::2])}


def pack(layout, *values):
    """A struct as C lays it out; longer than needed does no harm."""
    return struct.pack("@" + layout, *values) + bytes(16)


def halves(generator, *shape):
    return generator.normal(size=shape).astype(np.float16)


def floats(generator, *shape):
    return generator.normal(size=shape).astype(np.float32)


def up(a, b):
    """a / b, rounded up."""
    return -(-a // b)
