# SPDX-License-Identifier: Apache-2.0
"""What must hold of the inputs of a case: made by the generator (N 13), packed forms of each other, in range."""
import numpy as np

from . import cache, qserve_attention
from .case import text
from .compare import differing, page_differing
from .generator import fill, gen
from .layouts import tile, tile_groups, unpack
from .weights import operand, szeros


def generated(c):
    """Names of the inputs that are not what their recipe makes."""
    wrong = []
    for name, dataset in c.group["inputs"].items():
        if "stream" in dataset.attrs:
            seed = gen(c.n("seed"), int(dataset.attrs["stream"]))
            made = fill(text(dataset, "generator"), dataset.dtype, dataset.shape, seed)
            if differing(c[name], made) != 0:
                wrong.append(name)
    return wrong


def groups(c):
    """N 5.3 and the limits of N 4.4."""
    wrong = []
    scales, zeros = tile_groups(c["s2"], c["z"])
    if not (np.array_equal(c["s2_scales"], scales) and np.array_equal(c["s2_zeros"], zeros)):
        wrong.append("s2_scales, s2_zeros")
    w8 = operand(c, True)
    if w8.min() < -128 or w8.max() > 127 or c["s2"].max() > 17 or (c["z"] * c["s2"].astype(int)).max() > 128:
        wrong.append("s2")
    return wrong


def slots_shared(c):
    """Whether two new tokens would go to one slot."""
    slots = np.stack([c["block_table"][c["sequence"], c["position"] // c.n("page")], c["position"] % c.n("page")])
    return len(np.unique(slots, axis=1)[0]) != c.n("tokens")


def rows_wrong(c):
    """Whether rows repeat or lie outside."""
    row = c["row"]
    return len(np.unique(row)) != len(row) or row.min() < 0 or row.max() >= c.n("rows")


def pages_wrong(c):
    """Whether pages are not those of the values beside them."""
    profile = cache if text(c.group, "profile") == "qoq" else qserve_attention
    return page_differing(c["pages"], cache.written(c, profile.quantize_kv), c.layout) != 0


def wrong_inputs(c):
    """What is wrong with the inputs; a list of words."""
    wrong = generated(c)
    if "tiled" in c and not np.array_equal(c["tiled"], tile(unpack(c["code"], c.n("k")))):
        wrong.append("tiled")
    if "s2_scales" in c:
        wrong += groups(c)
    if "szeros" in c and differing(c["szeros"], szeros(c)) != 0:
        wrong.append("szeros")
    if "q" in c and "sum" in c and c["sum"].dtype == np.int32 and not np.array_equal(c["q"].astype(int).sum(1), c["sum"]):
        wrong.append("sum")
    if "sequence" in c and "block_table" in c and slots_shared(c):
        wrong.append("two tokens in one slot")
    if "row" in c and rows_wrong(c):
        wrong.append("row")
    if "pages" in c and "v" in c and pages_wrong(c):
        wrong.append("pages")
    return wrong
