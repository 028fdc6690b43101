# SPDX-License-Identifier: Apache-2.0
"""Products (gpu/gemm*.cuh): what fit-forms counts them on, and what their counts may be made of."""
from plans_shared import Plan

CHANNELS = " + ".join(f"cdiv(n - {i}, 32)" for i in (0, 1, 8, 9, 16, 17, 24, 25)).replace("n - 0", "n")
WHERE = [("tiles", "cdiv(k, bk)"), ("splits", "cdiv(tiles, cdiv(tiles, max(1, min(splits, tiles))))"), ("columns", "cdiv(n, bn)"), ("rows", "cdiv(m, bm)"),
         ("blocks", "rows * columns * splits"), ("stages", "rows * columns * tiles"), ("shared", "min(splits - 1, 1)"), ("joined", "blocks - rows * columns"),
         ("channels", CHANNELS),
         # Without a division of K, bands of at most 2048 tokens, of which the last may have too many blocks.
         ("bands", "1 if splits > 1 else cdiv(rows, 2048 // bm)"), ("launched", "bands * cdiv(rows, bands) * columns * splits")]
TERMS = ["joined", "blocks", "stages", "rows * columns", "rows * columns * shared",
         "blocks * shared", "m * n", "rows * channels", "cdiv(m, 8) * columns", "cdiv(m, 8) * cdiv(n, 8)", "cdiv(m, 8)", "cdiv(m, 8) * cdiv(n - 1, 8)",
         "m * columns", "m * cdiv(n, 8)", "rows * n", "rows * cdiv(n, 16)", "rows * cdiv(n, 32)", "rows * cdiv(n, 32) * cdiv(k, 32)",
         "columns * m * cdiv(k, 32)", "bias * rows * channels", "rows * n * cdiv(k, 32)", "rows * cdiv(n, 32) * tiles", "columns * cdiv(m, 8)", "launched"]
WHEN = ["", "k % 16 == 0", "n % 2 == 0", "n % 2 != 0", "n % 32 == 0", "k % 32 == 0", "k % 32 == 0 and n % 32 == 0", "k % 128 == 0 and n % 128 == 0",
        "k % 128 == 0 and n % 128 == 0 and m % 16 == 0"]
BANDS = "--m 2113,4241 --n 3 --k 16"
SHAPES = ["--tile 0,1,2,3 --m 1,40,130 --n 1,35,71,130,256 --k 16,48,96,100,128,384 --splits 1",
          "--tile 0,1,2,3 --m 9,40,130 --n 8,71,265 --k 128,384 --splits 2,3 --bias 0,1", "--tile 0,1,2,3 --splits 1 " + BANDS]
# Partial sums lie behind counters, six for each of the emulated device's multiprocessors; beyond, they may begin within a sector.
SPECIAL = {(what, "partial"): ["rows * columns <= 6 * 108"] for what in ("read_sectors", "written_sectors")}
# How often a warp takes up a group: once a stage, and where one begins inside; how many of those exist and are copied.
GROUP_WHERE = [("steps", "bk / 32"), ("period", "min(group / 32, cdiv(k, 32))"),
               ("takes", "tiles + cdiv(tiles * steps, period) - cdiv(tiles * steps, lcm(period, steps))"),
               ("touches", "tiles + cdiv(k, group) - cdiv(k, 32 * lcm(group / 32, steps))")]
GROUP_TERMS = ["rows * columns * takes", "rows * cdiv(n, 32) * takes", "rows * cdiv(n, 32) * touches"]

WIDE_SHAPES = ["--tile 4,5,6,7,8,9 --m 1,21,300 --n 1,35,70,144,320 --k 16,48,128,144,416 --splits 1",
               "--tile 4,5,6,7,8,9 --m 9,40,300 --n 8,71,265 --k 384,416 --splits 2,3 --bias 1", "--tile 4,5,6,7,8,9 --splits 1 " + BANDS]
WIDE_GROUP_SHAPES = ["--tile 4,5,6,7,8,9 --m 1,300 --n 1,35,70,320 --k 48,144,416 --splits 1 --group 32,96,160",
                     "--tile 4,5,6,7,8,9 --m 9,300 --n 8,71,264 --k 384 --splits 2,3 --group 64,256 --bias 1",
                     "--tile 4,5,6,7,8,9 --splits 1 " + BANDS]
# A stage's copies bring `box` rows of parameters; `touches` of them exist, over all stages. A warp takes a group up at the beginning of a
# stage, and at each of its 4 steps unless the stage has one group only.
WIDE_GROUP_WHERE = [("period", "min(group / 32, cdiv(k, 32))"), ("groups", "cdiv(cdiv(k, 32), period)"),
                    ("box", "1 if period % 4 == 0 else 4 / period if 4 % period == 0 else 2 + 2 // period"),
                    ("takes", "tiles if period % 4 == 0 else 5 * tiles"),
                    ("touches", "max(tiles, groups) if period % 4 == 0 or 4 % period == 0 else tiles + cdiv(period * (groups - 1), 4)")]
WIDE_GROUP_TERMS = ["rows * columns * takes", "stages * box", "rows * cdiv(n, 32) * touches"]


def product(group):
    """A scheme's plans."""
    narrow = [" --group 64,128", " --group 96", ""] if group else ["", "", ""]
    return {"": Plan([shapes + more for shapes, more in zip(SHAPES, narrow)], WHERE + (GROUP_WHERE if group else []), WHEN,
                     TERMS + (GROUP_TERMS if group else []), special=SPECIAL),
            "_wgmma_": Plan(WIDE_GROUP_SHAPES if group else WIDE_SHAPES, WHERE + (WIDE_GROUP_WHERE if group else []), WHEN,
                            TERMS + (WIDE_GROUP_TERMS if group else []), special=SPECIAL)}


PRODUCTS = {"gemm_w8a8": product(False), "gemm_w4a8_channel": product(False), "gemm_w4a8_group": product(True)}
