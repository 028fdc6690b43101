# SPDX-License-Identifier: Apache-2.0
"""What fit-forms counts each kernel on, and what its counts may be made of."""
from plans_attention import ATTENTION
from plans_products import PRODUCTS
from plans_shared import Plan

WARPS = "cdiv(k, 128) + cdiv(k - 1, 128) + cdiv(k - 2, 128) + cdiv(k - 3, 128)"  # that hold element 4 i + j of a row, all j
ROW_TERMS = ["m", "m * k", "m * quads", "m * cdiv(k, 128)", "m * elements", "m * cdiv(k, 8)", "m * cdiv(k, 16)", "m * cdiv(k, 32)",
             "cdiv(m, 8)", "cdiv(k, 8)"]
ROW_WHEN = ["", "k % 4 == 0", "k % 4 != 0", "k % 32 == 0"]
ROW_ALIGNED = ["k % 32 == 0"]
ROW_WHERE = [("quads", "cdiv(k, 4)"), ("elements", WARPS)]
# Threads take 1, 2, 4 ... leaves of 16 elements each; rounds: how many leaves the warps have, one after another.
LEAVES_WHERE = [("leaves", "2 ** clog2(cdiv(k, 4096))"), ("rounds", "k // (512 * leaves) * leaves + min(leaves, cdiv(k % (512 * leaves), 16))")]
LEAVES_WHEN = ["", "k % 4 == 0", "k % 16 == 0", "k % 32 == 0", "k % 4 != 0"]
LEAVES_TERMS = ROW_TERMS + ["m * leaves", "m * rounds"] + [f"bias * {term}" for term in ROW_TERMS + ["m * rounds"]]
ROW_SHAPES = "--m 1,2,3,9 --k 1,2,3,4,31,32,64,100,126,128,200,256,500,512,1000,1024,1280,2048"
LONG_ROWS = ROW_SHAPES + ",4096,4100,4608,5120,8192"

ROPE_WHERE = [("both", "q_heads + 2 * kv_heads"), ("rotated", "q_heads + kv_heads"), ("pairs", "head_dim / 2"), ("vectors", "cdiv(pairs, 32)"),
              ("bytes", "head_dim * bits / 8"), ("four", "2 - bits / 4"),
              # Head norms: elements of the longest leaf of a lane.
              ("normed", "bias * m * rotated"), ("leaf", "min(head_dim, 16)")]
ROPE_TERMS = ["m * both", "m * q_heads", "m * kv_heads", "m * both * vectors", "m * rotated * vectors", "m * kv_heads * vectors", "m * both * pairs",
              "m * rotated * pairs", "m * kv_heads * pairs", "m * q_heads * vectors", "m * q_heads * pairs", "m * kv_heads * cdiv(bytes, 32)",
              "m * kv_heads * cdiv(bytes, 32) * four", "m * kv_heads * bytes * four", "m * kv_heads * bytes", "m * cdiv(both, 4)", "m * both * cdiv(pairs, 16)",
              "m * rotated * cdiv(pairs, 8)", "m * q_heads * cdiv(pairs, 8)", "normed", "normed * vectors", "normed * pairs", "normed * leaf",
              "bias * m * q_heads * cdiv(pairs, 8)", "bias * m * kv_heads * cdiv(pairs, 8)"]

ORDERED_WHERE = [("tn", "max(1, tm / 2)"), ("bk", "64 - 32 * min(1, tm // 4)"), ("bn", "128 * tn"), ("tiles", "cdiv(k, bk)"), ("columns", "cdiv(n, bn)"),
                 ("rows", "cdiv(m, tm)"), ("blocks", "rows * columns"), ("stages", "blocks * tiles"), ("eights", "cdiv(k, 8)")]
ORDERED_TERMS = ["blocks", "stages", "blocks * k", "blocks * eights", "m * cdiv(n, 32)", "m * n", "m * columns", "n * rows", "n * rows * k", "m * columns * k",
                 "m * columns * eights", "rows * n * cdiv(k, 16)", "rows * cdiv(n, 32)", "m * cdiv(n, 8)"]

# The kernels by their names in `qoq sim run`; of each, by a word in the names of its launches, "" for all others.
PLAN = {
    "act_quantize": {"": Plan([ROW_SHAPES], ROW_WHERE, ROW_WHEN, ROW_TERMS, ROW_ALIGNED)},
    "silu_mul_quantize": {"": Plan([ROW_SHAPES], ROW_WHERE, ROW_WHEN, ROW_TERMS, ROW_ALIGNED)},
    "residual_add": {"": Plan([ROW_SHAPES], [], ["", "k % 8 == 0"], ["cdiv(m * k, 256)", "m * k", "cdiv(m * k, 32)", "cdiv(m * k, 16)", "cdiv(m * k, 8)"])},
    "rmsnorm_quantize": {"": Plan([LONG_ROWS + ",9216,14336 --bias 0,1"], ROW_WHERE + LEAVES_WHERE, LEAVES_WHEN, LEAVES_TERMS, ROW_ALIGNED)},
    **PRODUCTS,
    "rope_write": {"": Plan(["--m 1,3 --bits 4,8 --kv-heads 1,2 --q-heads 2,4,6 --head-dim 2,12,30,64,72,128,192,256 --page 16 --bias 0,1"], ROPE_WHERE,
                            ["", "head_dim % 64 == 0"], ROPE_TERMS, ["head_dim % 64 == 0 and page % 8 == 0"])},
    "embed": {"": Plan(["--m 1,3,8 --n 1,9 --k 1,5,31,32,64,100,256,300,512,1000"], [], ["", "k % 32 == 0"],
                       ["m", "m * k", "m * cdiv(k, 32)", "m * cdiv(k, 8)", "m * cdiv(k, 16)"])},
    "rmsnorm": {"": Plan([LONG_ROWS + " --bias 0,1"], ROW_WHERE + LEAVES_WHERE, LEAVES_WHEN, LEAVES_TERMS, ROW_ALIGNED)},
    "gemm_f16": {"": Plan(["--m 1,2,3,4,5,8,11 --n 1,7,33,96,128,520 --k 1,3,8,32,72,128,320"], ORDERED_WHERE, ["", "k % 8 == 0", "n % 8 == 0", "k % 16 == 0"],
                          ORDERED_TERMS)},
    "argmax": {"": Plan(["--m 1,3,8 --n 1,5,31,32,64,100,256,300,512,1000,2048"], [], ["", "n % 8 == 0"], ["m", "m * n", "m * cdiv(n, 32)", "m * cdiv(n, 8)"])},
    **ATTENTION,
}
