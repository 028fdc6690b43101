# SPDX-License-Identifier: Apache-2.0
"""A case as its file holds it."""
from .pages import Layout


def text(owner, name):
    """A string attribute; fixed-length strings come as bytes."""
    value = owner.attrs[name]
    return value.decode() if isinstance(value, bytes) else str(value)


class Case:
    """Inputs by name, parameters, outputs."""

    def __init__(self, group):
        self.group = group
        self.inputs = {name: set_[()] for name, set_ in group["inputs"].items()}
        self.outputs = {name: set_[()] for name, set_ in group["outputs"].items()}

    def __getitem__(self, name):
        return self.inputs[name]

    def __contains__(self, name):
        return name in self.inputs

    def a(self, name):
        return float(self.group.attrs[name])

    def n(self, name):
        return int(self.group.attrs[name])

    @property
    def layout(self):
        """Of the pages of a case that has some."""
        return Layout(*(self.n(name) for name in ("bits", "page", "heads", "head_dim")))
