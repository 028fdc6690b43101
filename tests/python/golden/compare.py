# SPDX-License-Identifier: Apache-2.0
"""Elements that differ: rule `exact` of N 14.1, and the outputs that NumPy's own functions make."""
import numpy as np

from .arithmetic import D


class Near:
    """An expected output of which the last steps may differ: those that NumPy's own functions round differently."""

    def __init__(self, value, steps):
        self.value, self.steps = value, steps


def differing(have, want):
    """Elements that differ in a bit; two NaNs are equal. A text where types or shapes differ."""
    steps = 0
    if isinstance(want, Near):
        want, steps = want.value, want.steps
    want = np.asarray(want)
    if have.dtype != want.dtype or have.shape != want.shape:
        return f"is {have.dtype}{list(have.shape)}, not {want.dtype}{list(want.shape)}"
    if have.dtype.kind != "f":
        return int((have != want).sum())
    integer = {2: np.int16, 4: np.int32, 8: np.int64}[have.dtype.itemsize]
    a, b = (np.ascontiguousarray(y).view(integer).astype(D) for y in (have, want))
    return int(((np.abs(a - b) > steps) & ~(np.isnan(have) & np.isnan(want))).sum())


def page_differing(have, want, layout):
    """The same for pages, whose scales and zeros may be NaN."""
    return sum(differing(a, b) for a, b in zip(layout.split(have), layout.split(want)))
