# SPDX-License-Identifier: Apache-2.0
"""Attention over single rows and its merge (gpu/attention.cuh, attention_merge.cuh): what fit-forms counts them on, and what their counts may
be made of. All rows see the whole context."""
from plans_decode import decode
from plans_prefill import prefill
from plans_shared import Plan

WHERE = [("group", "q_heads / kv_heads"), ("splits", "cdiv(context, 128)"), ("blocks", "m * kv_heads * splits"), ("passes", "cdiv(group, r)"),
         ("tokens", "m * kv_heads * context"), ("pairs", "m * q_heads * splits"), ("logits", "m * q_heads * context"),
         # Of the last split `last` tokens exist. Warps that load tokens; vectors of codes; sectors of scales.
         ("last", "context - 128 * (splits - 1)"), ("existing", "m * kv_heads * (4 * (splits - 1) + cdiv(last, 32))"),
         ("sixteens", "m * kv_heads * (8 * (splits - 1) + cdiv(last, 16))")]
# Wavefronts over the ideal: of the copies of a split, whose rows have an odd pitch, and of a turn's words of codes, by vectors of a row.
CLASHES = "pick(vectors, 0, 8, 0, 25, 32, 53, 0, 48, 0, 42, 42, 32, 32, 32, 0, 32, 0)"
CODES_WHERE = [("vectors", "cdiv(codes, 16)"), ("words", "vectors * 8 * head_dim / codes"),
               ("loaded", "m * kv_heads * (4 * vectors * (splits - 1) + cdiv(last * vectors, 32))"),
               # Threads share columns of codes; a turn takes a pair of tokens each.
               ("dims", "4 * head_dim / codes"), ("groups", "32 // vectors"), ("turns", "cdiv(64, groups)"), ("odd", "vectors + 1 - vectors % 2"),
               ("busy", "(turns - 1) * cdiv(4 * vectors * groups, 32) + cdiv(4 * vectors * (64 - groups * (turns - 1)), 32)"),
               ("copied", "(1 - vectors % 2) * min(16 * vectors, 128 - 128 * vectors / lcm(vectors, 8))"), ("clashes", CLASHES)]
SHAPES = ["--m 2 --uniform 1 --kv-heads 1,2 --q-heads 2,4,6,8,14,18 --head-dim 20,32,36,44,64,72,80,96,100,128,160,192,256 --page 16 --context 1,100,128,256,300",
          "--m 1,3 --uniform 1 --kv-heads 1,3 --q-heads 3,6,12,15 --head-dim 32,64,72,128,224 --page 6,32 --context 5,97,200,391"]
COPIES = "codes % 16 == 0 and page % 4 == 0"
WHEN = ["", COPIES, "head_dim % 64 == 0", "head_dim % 64 == 0 and context % 128 == 0"]
ROWS = ["codes % 32 == 0 and page % 16 == 0"]
SPECIAL = {("read_sectors", "context"): [""], ("read_sectors", "sequence"): [""], ("read_sectors", "q"): ["head_dim % 8 == 0"],
           ("read_sectors", "table"): ["codes % 16 == 0 and 32 % vectors == 0 and page % 32 == 0"], ("written_sectors", "partial"): ["head_dim % 8 == 0"]}
TERMS = ["blocks", "pairs", "blocks * passes", "blocks * passes * r", "tokens", "logits", "existing", "loaded", "blocks * vectors", "pairs * vectors",
         "logits * vectors", "pairs * head_dim", "pairs * cdiv(head_dim, 32)", "pairs * cdiv(words, 32)", "pairs * words", "pairs * head_dim * groups",
         "pairs * cdiv(head_dim, 32) * groups", "blocks * passes * busy", "pairs * busy", "odd", "tokens * codes", "blocks * passes * vectors",
         "pairs * cdiv(head_dim, 8)", "sixteens", "vectors", "words",
         # A sector more where a row of partial results does not begin on one.
         "cdiv(head_dim, 32) * (pairs - pairs // 4)",
         # Shared memory: what a pass over some heads does for all of them and for each, in instructions and in what they take of the banks.
         "blocks * passes * (4 * vectors + 96 * r + 2 * busy)", "pairs * (8 + busy + cdiv(head_dim, 32) * groups)",
         "blocks * passes * (16 * vectors + 124 * r + 2 * busy)",
         "pairs * (10 + busy + cdiv(head_dim, 32) * groups + cdiv(words, 32) + 4 * dims + 8 * dims * vectors)", "blocks * (copied + passes * clashes)"]

# A row of partial results begins on a sector in every fourth record, and after merges in `level` of the heads' first.
# Leaves that the kernel before has merged (`splits` 16, of attention_decode) have no forms.
MERGE_WHERE = [("merged", "1 if splits == 16 else 0"), ("splits", "cdiv(context, 128)"), ("leaves", "cdiv(splits, 16)"), ("heads", "m * q_heads"), ("vectors", "cdiv(head_dim, 32)"),
               ("records", "heads * splits"), ("level", "splits % 2 * ((heads + splits % 4 - 1) // 4)"),
               ("once", "records * (2 + head_dim / 8) + vectors * (records - records // 4)"),
               ("again", "(leaves - 1) * (heads * (2 + head_dim / 8) + vectors * (heads - level))")]
MERGE_TERMS = ["heads", "heads * splits", "heads * leaves", "heads * head_dim", "heads * splits * head_dim", "heads * leaves * head_dim", "heads * vectors",
               "heads * splits * vectors", "heads * leaves * vectors", "heads * clog2(leaves)", "heads * cdiv(head_dim, 16)", "heads * splits * cdiv(head_dim, 8)",
               "heads * leaves * cdiv(head_dim, 8)", "heads * min(leaves - 1, 1)", "heads * vectors * min(leaves - 1, 1)", "heads * head_dim * min(leaves - 1, 1)",
               "once", "again"]
MERGE_SHAPES = ["--m 2 --uniform 1 --kv-heads 1 --q-heads 1,3 --head-dim 2,32,40,64,96,130 --context 1,129,700,2048,2049,6200,8300",
                "--m 1,3 --uniform 1 --kv-heads 1 --q-heads 1,3 --head-dim 8,16,72 --context 130,300,2300,4500"]
MERGE_SPECIAL = {("read_sectors", "context"): [""], ("read_sectors", "partial"): ["merged == 0 and head_dim % 32 == 0"],
                 ("written_sectors", "partial"): ["merged == 0 and head_dim % 8 == 0"], ("written_sectors", "out"): ["head_dim % 16 == 0"]}


def attention(bits):
    """A cache's plans."""
    where = WHERE + [("codes", f"head_dim * {bits} / 8")] + CODES_WHERE
    return {"": Plan(SHAPES, where, WHEN, TERMS, ROWS, SPECIAL),
            "attention_merge": Plan(MERGE_SHAPES, MERGE_WHERE, ["merged == 0", "merged == 0 and head_dim % 32 == 0"], MERGE_TERMS,
                                    special=MERGE_SPECIAL)}


ATTENTION = {"attention_kv4": attention(4), "attention_kv8": attention(8), "attention_decode_kv4": decode(4), "attention_decode_kv8": decode(8),
             "attention_prefill_kv4": prefill(4), "attention_prefill_kv8": prefill(8)}
