# SPDX-License-Identifier: Apache-2.0
"""A plan of fit-forms."""


class Plan:
    """How a kernel is counted and what its counts may be made of."""

    def __init__(self, shapes, where, when, terms, aligned=None, special=None):
        """shapes: options of `qoq sim run`. aligned: conditions for sectors, which also depend on where rows begin. special: conditions for
        some counts alone, by (what, tensor)."""
        self.shapes, self.where, self.when, self.terms = shapes, where, when, terms
        self.aligned, self.special = aligned or when, special or {}

    def conditions(self, what, tensor):
        """From none to strict."""
        return self.special.get((what, tensor), self.aligned if "sectors" in what else self.when)
