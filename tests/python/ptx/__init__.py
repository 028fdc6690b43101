# SPDX-License-Identifier: Apache-2.0
"""Runs the PTX of a kernel, one block after another, and counts what its threads execute.

All threads of a block go together, as numpy arrays: of those that can run, the ones furthest behind (at the lowest instruction) make the
next step, so that ways which part meet again. Only what this project's kernels contain is known; anything else is an error that names it.
It exists to count (check_ptx.py), and to see that what is counted computes. It follows the manual of PTX and shares nothing with sim/emu/.

text: what a kernel consists of; memory: addresses and registers; machine: blocks, threads, barriers; move, arithmetic, tensor,
asynchronous: the instructions.
"""
from .asynchronous import TensorMap
from .machine import launch
from .memory import Memory
from .text import Fault, parse

__all__ = ["Fault", "Memory", "TensorMap", "launch", "parse"]
