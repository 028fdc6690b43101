#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# qoq gpu bench, linked with the emulator in place of a GPU: dry runs, tables, exit statuses. And the real one, where it was built.
. "$QOQ_SRCDIR/tests/tap.sh"
gpu=$QOQ_BUILDDIR/tests/gpu/emulated
sim=$QOQ_BUILDDIR/qoq-sim
trouble() {
    "$@" > "$scratch/out" 2> "$scratch/err"
    [ $? -eq 2 ] && head -n 1 "$scratch/err" | grep -q '^qoq: gpu' && ! [ -s "$scratch/out" ]
}
says() { pattern=$1; shift; "$@" 2>&1 | grep -qE -- "$pattern"; }
# column NAME FILE: its first value.
column() { grep -v '^#' "$2" | awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i } NR == 2 { print $c }'; }

every_kernel_planned() {
    "$gpu" bench --dry-run > "$scratch/out" || return 1
    "$gpu" bench --list | while read -r kernel idea; do
        for model in llama-3-8b llama-2-7b llama-2-70b qwen1_5-72b; do
            grep -q "^$kernel  *$model " "$scratch/out" || { echo "$kernel $model"; exit 1; }
        done
    done
}
# The same sizes through the simulator's own program.
prediction() {
    "$gpu" bench --dry-run --only gemm_w4a8_channel --model llama-3-8b --rows 64 --gpu a100-80g-sxm --csv "$scratch/plan.csv" > "$scratch/out" || return 1
    "$sim" gemm -g a100-80g-sxm -s w4a8-qoq -m 64 -n 6144 -k 4096 --csv > "$scratch/sim.csv" || return 1
    ours=$(column simulated_us "$scratch/plan.csv") theirs=$(column time_us "$scratch/sim.csv")
    echo "$ours $theirs"
    awk -v a="$ours" -v b="$theirs" 'BEGIN { exit !(a > 0 && a / b < 1.001 && b / a < 1.001) }'
}
tiny() {
    printf '{"format": "qoq-model", "version": 1, "title": "t", "source": "s", "values": {"layers": 1, "hidden": 64, "q_heads": 4, "kv_heads": 2, "head_dim": 32, "ffn": 96, "vocab": 9}}\n' > "$scratch/tiny.json"
    "$gpu" bench --model "$scratch/tiny.json" --only gemm_w4a8_group --only attention_kv4 --rows 1,3 --batch 2 --context 70 --csv "$scratch/tiny.csv" > "$scratch/out" || return 1
    cat "$scratch/out"
    [ "$(grep -c '^gemm_w4a8_group,tiny.json,.*,measured,' "$scratch/tiny.csv")" = 8 ] && [ "$(grep -c '^attention_kv4,tiny.json,.*,measured,' "$scratch/tiny.csv")" = 1 ] &&
        grep -qx '9 measured, 0 skipped, 0 failed' "$scratch/out" && [ "$(column bytes "$scratch/tiny.csv")" -gt 0 ] && grep -q '^# cuBLASLt: not compared' "$scratch/tiny.csv"
}
# Each kernel once.
all_kernels() {
    "$gpu" bench --model "$scratch/tiny.json" --rows 2 --batch 2 --context 70 > "$scratch/out" || return 1
    "$gpu" bench --list | while read -r kernel idea; do
        grep -q "^$kernel  *tiny.json " "$scratch/out" || { echo "$kernel"; exit 1; }
    done && grep -qE '^[0-9]+ measured, 0 skipped, 0 failed$' "$scratch/out"
}
# Tiles: a row for each product; enough bytes under way for a memory of 36 KB/us and SM and a latency of 1 us; whole outputs where they fill the GPU.
tiles() {
    "$gpu" bench --tiles --only gemm_w4a8_group --only gemm_w8a8 --rows 1,16,128,2048 > "$scratch/out" || return 1
    [ "$(wc -l < "$scratch/out")" = $((1 + 2 * 4 * 4 * 4)) ] &&
        awk 'NR > 1 && ($10 < 36 || $8 < 1 || $9 <= 0 || $11 <= $12 || ($4 >= 2048 && $8 != 1)) { print; bad = 1 } END { exit bad }' "$scratch/out" &&
        grep -qE '^gemm_w4a8_group_wgmma_m16n128k128 +llama-3-8b +gate\+up +16 +28672 +4096 +224 +1 ' "$scratch/out" &&
        "$gpu" bench --tiles --gpu a100-80g-sxm --only gemm_w4a8_group --model llama-3-8b --rows 16 | grep -q '^gemm_w4a8_group_m16n128k128 .* o ' && trouble "$gpu" bench --tiles --gpu h900
}
# Another library's products: one that does all but groups.
peer() {
    "$gpu" bench --model "$scratch/tiny.json" --only gemm_w8a8 --rows 2 --peer "$QOQ_BUILDDIR/.libs/libqoq-peer.so" > "$scratch/out" || return 1
    cat "$scratch/out"
    grep -q '^peer_w4a8_channel  *tiny.json  *qkv 2 x 256 x 64 ' "$scratch/out" && [ "$(grep -c '^peer_w4a8_group .* skipped: no such product$' "$scratch/out")" = 4 ] &&
        grep -qx '12 measured, 4 skipped, 0 failed' "$scratch/out" && trouble "$gpu" bench --only gemm_w8a8 --peer "$scratch/none.so"
}
too_big() {
    "$gpu" bench --model llama-3-8b --only gemm_w8a8 --rows 1 > "$scratch/out" || return 1
    grep -q ' skipped: needs 0.1 GB, ' "$scratch/out" && grep -qE '^0 measured, 4 skipped, 0 failed$' "$scratch/out"
}
without_gpu() {
    "$QOQ_BUILDDIR/qoq-gpu" bench --quick --only residual_add > "$scratch/out" 2> "$scratch/err"
    status=$?
    cat "$scratch/out" "$scratch/err"
    [ $status = 0 ] || { [ $status = 2 ] && ! [ -s "$scratch/out" ] && [ "$(wc -l < "$scratch/err")" = 1 ] && grep -q 'no such GPU' "$scratch/err"; }
}

if [ "$QOQ_HAVE_EMULATOR" = yes ] && [ -x "$gpu" ]; then
    check "every kernel and model is in the plan" every_kernel_planned
    check "predictions are the simulator's" prediction
    check "what would not fit is listed" says 'batch 256, context 131072 +skipped: needs 70.9 GB' "$gpu" bench --dry-run --gpu rtx4090 --model llama-3-8b --only attention_kv8
    check "a tiny model on the emulator" tiny
    check "every kernel of a tiny model on the emulator" all_kernels
    check "how products are cut" tiles
    check "products of another library" peer
    check "a tile and a division that were asked for" says 'products: tile 2, 2 splits, as asked' "$gpu" bench --model "$scratch/tiny.json" --only gemm_w8a8 --rows 3 --tile 2 --splits 2
    check "no such tile" trouble "$gpu" bench --tile 99
    check "what does not fit is skipped" too_big
    check "no time left" says 'skipped: no time left' sh -c '"$1" bench --model llama-3-8b --only residual_add --rows 1,2,4,8,16,32,64,128,256 --seconds 1' - "$gpu"
    check "no such kernel" trouble "$gpu" bench --only gemm_w3
    check "no such model" trouble "$gpu" bench --dry-run --model gpt-5
    check "a model with experts" trouble "$gpu" bench --dry-run --model mixtral-8x7b
    check "no such GPU of the simulator" trouble "$gpu" bench --dry-run --gpu h900
    check "rows of nothing" trouble "$gpu" bench --rows 0
    check "rows twice" trouble "$gpu" bench --rows 4,4
    check "an unknown option" trouble "$gpu" bench --fast
    check "a word too many" trouble "$gpu" bench gemm
    check "a file that cannot be written" trouble "$gpu" bench --dry-run --csv "$scratch/none/x.csv"
    check "help in 80 columns" sh -c '"$1" bench --help | awk "length > 80 { print; bad = 1 } END { exit bad }"' - "$gpu"
else
    skip "qoq gpu bench on the emulator" "no emulator"
fi
if [ -x "$QOQ_BUILDDIR/qoq-gpu" ]; then
    check "qoq gpu bench, or one line that there is no GPU" without_gpu
else
    skip "qoq gpu bench on a GPU" "built without CUDA"
fi
finish
