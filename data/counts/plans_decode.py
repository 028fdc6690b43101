# SPDX-License-Identifier: Apache-2.0
"""Decode attention on tensor cores (gpu/attention_decode.cuh): what fit-forms counts it on, and what its counts may be made of. All rows see
the whole context; `splits` is how many splits a block takes."""
from plans_prefill import COPIES, ROWS, of_codes
from plans_shared import Plan

WHERE = [("group", "q_heads / kv_heads"), ("many", "min(group, r)"), ("head_blocks", "cdiv(group, many)"), ("few", "group - many * (head_blocks - 1)"),
         ("steps", "cdiv(head_dim, 32)"), ("out_blocks", "cdiv(steps, 4)"), ("out_steps", "cdiv(steps, out_blocks)"),
         ("units", "m * kv_heads * head_blocks * out_blocks"), ("total", "cdiv(context, 128)"), ("runs", "cdiv(total, splits)"), ("blocks", "units * runs"),
         # Without partial results; how many a vector leaves.
         ("whole", "1 if splits == 16 and runs == 1 else 0"), ("results", "0 if whole else runs if splits == 16 else total"),
         ("eights", "m * kv_heads * ((head_blocks - 1) * cdiv(many, 8) + cdiv(few, 8))"), ("passes", "units * total"), ("parts", "units * cdiv(context, 32)"),
         ("sixteens", "units * cdiv(context, 16)"), ("tokens", "units * context"), ("vectors", "m * q_heads * out_blocks * runs"), ("heads", "m * q_heads"),
         ("records", "heads * total")]
TERMS = ["blocks", "passes", "parts", "parts * steps", "parts * out_steps", "passes * out_steps", "vectors", "vectors * head_dim", "vectors * steps", "blocks * steps",
         "blocks * cdiv(steps, 4)", "vectors * cdiv(steps, 4)", "tokens", "sixteens", "tokens * codes", "tokens * value_sectors / out_blocks", "passes * key_lanes",
         "passes * value_lanes", "passes * clashes", "odd_keys", "odd_values", "steps", "whole * heads * head_dim", "whole * eights * stored", "results * eights",
         "results * eights * stored", "results * heads", "results * heads * head_dim", "head_dim / 16 * (5 * records + (records + 2) // 4 - records // 4)"]
# Queries and values that are finite: others take another way (seed % 4 = 2).
SHAPES = [options + " --uniform 1 --seed 2" for options in (
    "--m 1,3 --kv-heads 1,2 --q-heads 2,6,14,24,38 --head-dim 20,64,160,192 --page 16 --context 70,300 --splits 1,2,16",
    "--m 2 --kv-heads 1 --q-heads 1,11,16 --head-dim 32,128,256 --page 6,32 --context 50,391 --splits 1,3,16",
    "--m 2 --kv-heads 1 --q-heads 3,9 --head-dim 8,16,32,96 --page 32 --context 2050,4200 --splits 5,16")]


def decode(bits):
    """A cache's plan."""
    partial = "head_dim % 8 == 0" if bits == 4 else "head_dim % 32 == 0 and splits < 16"
    special = {("read_sectors", "context"): [""], ("read_sectors", "sequence"): [""], ("read_sectors", "q"): ["head_dim % 8 == 0"],
               ("read_sectors", "table"): ["page % 32 == 0"], ("written_sectors", "partial"): [partial], ("written_sectors", "out"): ["head_dim % 16 == 0"],
               ("shared_bytes_per_block", ""): [""]}
    # The merge is fitted with attention_kv4.
    return {"": Plan(SHAPES, WHERE + of_codes(bits), ["", COPIES], TERMS, ROWS, special), "attention_merge": Plan([], [], [], [])}
