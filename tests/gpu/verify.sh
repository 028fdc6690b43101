#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program qoq-gpu, linked with the emulator in place of a GPU: rows, exit statuses, bad usage. And the real one, where it was built.
. "$QOQ_SRCDIR/tests/tap.sh"
gpu=$QOQ_BUILDDIR/tests/gpu/emulated
trouble() {
    "$@" > "$scratch/out" 2> "$scratch/err"
    [ $? -eq 2 ] && head -n 1 "$scratch/err" | grep -q '^qoq: gpu: ' && ! [ -s "$scratch/out" ]
}
without_gpu() {
    "$QOQ_BUILDDIR/qoq-gpu" verify > "$scratch/out" 2> "$scratch/err"
    status=$?
    cat "$scratch/out" "$scratch/err"
    [ $status = 0 ] || { [ $status = 2 ] && [ "$(wc -l < "$scratch/err")" = 1 ] && grep -q 'no such GPU' "$scratch/err"; }
}

if [ "$QOQ_HAVE_EMULATOR" = yes ] && [ -x "$gpu" ]; then
    check "every kernel" sh -c '"$1" verify --random 3 --seed 40 > "$2" && [ "$(grep -c "  OK$" "$2")" = 16 ] && grep -qx "48 passed, 0 failed" "$2"' - "$gpu" "$scratch/rows"
    check "one kernel and shape" sh -c '"$1" verify gemm_w8a8 --shape "--m 3 --n 5 --k 70 --bias 1" | grep -q "gemm_w8a8 .* 1 cases  OK"' - "$gpu"
    check "no such kernel" trouble "$gpu" verify gemm_w3
    check "no command" trouble "$gpu"
    check "no such size" trouble "$gpu" verify --shape "--x 3"
    check "size out of range" trouble "$gpu" verify --shape "--m 0"
    check "help in 80 columns" sh -c '"$1" --help | awk "length > 80 { bad = 1 } END { exit bad }"' - "$gpu"
else
    skip "qoq-gpu on the emulator" "no emulator"
fi
if [ -x "$QOQ_BUILDDIR/qoq-gpu" ]; then
    check "qoq gpu verify, or one line that there is no GPU" without_gpu
else
    skip "qoq gpu verify on a GPU" "built without CUDA"
fi
finish
