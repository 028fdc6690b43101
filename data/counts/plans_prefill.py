# SPDX-License-Identifier: Apache-2.0
"""Attention of runs of tokens (gpu/attention_prefill.cuh, prefill_*.cuh): what fit-forms counts it on, and what its counts may be made of.
One run of m rows, the last of which sees the whole context; runs add up."""
from plans_shared import Plan

# A tile has `take` positions, a power of two, times `many` heads, `few` in a group's last tile.
COSTS = [(f"cost{i}", f"(cdiv(run, {2 ** i}) + 3) * cdiv(group, min(group, {64 >> i}))") for i in range(7)]
CUT = [("run", "min(m, context)"), ("group", "q_heads / kv_heads"), *COSTS,
       ("best", "min(" + ", ".join(f"8 * cost{i} + {i}" for i in range(7)) + ") % 8"),
       ("take", "2 ** (best if tile < 0 or tile % 8 == 7 else tile % 8)"), ("many", "min(group, 64 // take)"), ("head_blocks", "cdiv(group, many)"),
       ("few", "group - many * (head_blocks - 1)"), ("steps", "cdiv(head_dim, 32)"), ("out_blocks", "cdiv(steps, 4)"), ("out_steps", "cdiv(steps, out_blocks)"),
       ("columns", "kv_heads * head_blocks * out_blocks"), ("slots", "run // take + 6"),
       ("launched", "slots * columns if context <= 2048 else min(slots * columns, 4 * 108)")]
# Tiles first .. final of positions; what is summed over them has its value up to tile j in closed form.
TILES = [("before", "context - run"), ("first", "before // take"), ("final", "(context - 1) // take"), ("tiles", "final - first + 1"),
         ("more", "min(tiles - 1, 1)"), ("start_rows", "min((first + 1) * take, context) - before"), ("end_rows", "context - max(final * take, before)")]


def upto(unit):
    """Sum over tiles 0 .. j - 1, all whole, of cdiv(end of the tile, unit)."""
    return lambda j: f"max(take // {unit}, 1) * rise({j}, max({unit} // take, 1))"


def of_vectors(rows, unit):
    """Units of so many vectors in the tiles of these rows."""
    return f"kv_heads * out_blocks * ((head_blocks - 1) * cdiv({rows} * many, {unit}) + cdiv({rows} * few, {unit}))"


def over_warps(unit):
    """Sum over tiles of cdiv(end of the tile, unit) times the warps that have vectors."""
    total = upto(unit)
    head = f"max(take // {unit}, 1) * cdiv(first + 1, max({unit} // take, 1))"
    return f"more * (start_warps * {head} + full_warps * ({total('final')} - ({total('(first + 1)')}))) + end_warps * cdiv(context, {unit})"


def over_tiles(unit):
    """Sum over tiles of cdiv(end of the tile, unit)."""
    total = upto(unit)
    return f"columns * ({total('final')} - ({total('first')}) + cdiv(context, {unit}))"


SUMS = [("start_warps", of_vectors("start_rows", 16)), ("full_warps", of_vectors("take", 16)), ("end_warps", of_vectors("end_rows", 16)),
        ("warps", "more * (start_warps + (tiles - 2) * full_warps) + end_warps"),
        ("halves", f"more * ({of_vectors('start_rows', 8)} + (tiles - 2) * {of_vectors('take', 8)}) + {of_vectors('end_rows', 8)}"),
        ("splits", over_tiles(128)), ("parts", over_tiles(32)), ("sixteens", over_tiles(16)), ("warp_splits", over_warps(128)), ("warp_parts", over_warps(32)),
        ("merges", f"{over_warps(2048)} - warps"), ("tokens", "columns * (take * (final * (final + 1) - first * (first + 1)) / 2 + context)"),
        ("vectors", "run * q_heads * out_blocks"), ("outputs", "run * q_heads * head_dim")]


def of_codes(bits):
    """Rows of codes: 16-byte columns of K and of V in a tile, and the powers of two that threads take for them; sectors of V."""
    wide = bits // 4
    rest = "cdiv(rest, 2)" if bits == 4 else "cdiv(min(rest, 4), 2) + cdiv(max(min(rest, 20) - 16, 0), 2)"
    return [("codes", f"head_dim * {bits} / 8"), ("keys", f"steps * {wide}"), ("values", f"out_steps * {wide}"), ("key_lanes", "2 ** clog2(keys)"),
            ("value_lanes", "2 ** clog2(values)"), ("odd_keys", "keys + 1 - keys % 2"), ("odd_values", "values + 1 - values % 2"),
            ("rest", "head_dim - 32 * (steps - 1)"), ("stored", f"4 * (steps - 1) + min({rest}, 4)"),
            ("clashes", "16 * (keys if keys in (2, 4) else 0) + 16 * (values if values in (2, 4) else 0)"),
            ("value_sectors", "cdiv(min(16 * values, codes), 32) + (out_blocks - 1) * (cdiv(codes, 32) - 16 * values // 32)")]


TERMS = ["slots * columns", "columns", "tiles * columns", "splits", "warps", "warp_splits", "warp_parts", "warp_parts * steps", "warp_parts * out_steps",
         "warp_splits * out_steps", "vectors", "vectors * head_dim", "vectors * steps", "tiles * columns * steps", "warps * out_steps", "outputs",
         "merges", "merges * out_steps", "tokens", "parts", "splits * key_lanes", "splits * value_lanes", "sixteens", "tokens * codes",
         "tokens * value_sectors / out_blocks", "halves * stored / out_blocks", "splits * clashes", "odd_keys", "odd_values", "steps",
         "tiles * columns * cdiv(steps, 4)", "vectors * cdiv(steps, 4)", "launched"]
# Queries and values that are finite: others take another way (seed % 4 = 2).
SHAPES = [options + " --uniform 2 --seed 2" for options in (
    "--m 1,37,70 --kv-heads 1,2 --q-heads 6 --head-dim 20,64,160,192 --page 16 --context 70,300 --tile 0,2,4,6",
    "--m 3,40 --kv-heads 1 --q-heads 2,9 --head-dim 32,128,256 --page 6,32 --context 50,391 --tile 1,3,5,7",
    "--m 2,19 --kv-heads 1,3 --q-heads 3 --head-dim 8,16,32,96 --page 32 --context 2050,4200 --tile 0,3,7",
    "--m 72 --kv-heads 6 --q-heads 6 --head-dim 8 --page 32 --context 2050 --tile 0")]
COPIES = "codes % 16 == 0 and page % 4 == 0"
ROWS = ["codes % 32 == 0 and page % 16 == 0"]
SPECIAL = {("read_sectors", "context"): [""], ("read_sectors", "sequence"): [""], ("read_sectors", "start"): [""], ("read_sectors", "q"): ["head_dim % 8 == 0"],
           ("read_sectors", "table"): ["page % 32 == 0"], ("read_sectors", "stack"): [""], ("written_sectors", "stack"): [""],
           ("written_sectors", "out"): ["head_dim % 16 == 0"], ("shared_bytes_per_block", ""): [""]}


def prefill(bits):
    """A cache's plan."""
    return {"": Plan(SHAPES, CUT + TILES + SUMS + of_codes(bits), ["", COPIES], TERMS, ROWS, SPECIAL)}
